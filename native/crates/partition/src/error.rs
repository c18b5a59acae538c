//! What can go wrong when an entry is applied.

use pyralog_merkle::MerkleError;
use pyralog_types::TypeError;
use thiserror::Error;

/// Errors of a partition. All of them mean that the log or a sidecar is not what this node wrote.
#[derive(Debug, Error)]
pub enum PartitionError {
    /// The entry's bytes break batch.md.
    #[error("entry {log_index}: {source}")]
    Entry {
        /// Index in the log.
        log_index: u64,
        /// Why.
        source: TypeError,
    },
    /// Time or ids of an entry go backwards (L5).
    #[error("entry {log_index}: {what}")]
    Order {
        /// Index in the log.
        log_index: u64,
        /// What goes backwards.
        what: &'static str,
    },
    /// A snapshot is not what was written, or not the one that belongs here (Z5).
    #[error("a snapshot of the partition cannot be used: {what}")]
    Snapshot {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The tree refused.
    #[error(transparent)]
    Tree(#[from] MerkleError),
}
