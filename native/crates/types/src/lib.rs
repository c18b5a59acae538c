//! Formats shared by every crate: hashes, the leaf record, packed batches (docs/spec/record.md, batch.md).
