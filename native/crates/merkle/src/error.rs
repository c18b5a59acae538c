//! What can go wrong with a tree on disk.

use thiserror::Error;

/// Trouble with the node file, or a question about records that are not there.
#[derive(Debug, Error)]
pub enum MerkleError {
    /// Index or size beyond the tree.
    #[error("the tree has {size} leaves; asked for {asked}")]
    OutOfRange {
        /// Leaves there are.
        size: u64,
        /// What was asked for.
        asked: u64,
    },
    /// The node file is shorter than the size it should hold.
    #[error("the node file holds {have} hashes and should hold {want}: rebuild it from the log")]
    Short {
        /// Hashes there are.
        have: u64,
        /// Hashes there should be.
        want: u64,
    },
    /// Peaks or a path do not lead to the root that the log recorded (M6, M7).
    #[error(
        "the node file does not lead to the recorded root at size {size}: rebuild it from the log"
    )]
    Damaged {
        /// Size whose root differs.
        size: u64,
    },
    /// The operating system refused.
    #[error("node file: {0}")]
    Io(#[from] std::io::Error),
}
