//! Merkle trees over leaf records (docs/spec/merkle.md).
