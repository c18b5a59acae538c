//! Scarab ids and the Obelisk sequencer (docs/spec/scarab.md).
