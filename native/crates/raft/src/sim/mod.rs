//! The simulated cluster (docs/spec/raft-sim.md).
