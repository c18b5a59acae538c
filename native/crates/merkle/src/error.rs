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
    /// A node file without its lowest levels is complete only where a group of leaves is.
    #[error(
        "a node file of groups of {group} leaves cannot be trusted up to {size}: rebuild it from the log"
    )]
    Uneven {
        /// The size it was to be trusted up to.
        size: u64,
        /// Leaves of a group.
        group: u64,
    },
    /// A leaf hash that is neither in memory nor with a source.
    #[error(
        "the leaf hash of record {offset} is not at hand: retention let it go, or its segment is missing"
    )]
    NotAtHand {
        /// The leaf, or the first one of its group.
        offset: u64,
    },
    /// Whoever has the leaf hashes could not read them.
    #[error("leaf hashes from record {offset} on: {source}")]
    Leaves {
        /// The first one asked for.
        offset: u64,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The operating system refused.
    #[error("node file: {0}")]
    Io(#[from] std::io::Error),
}
