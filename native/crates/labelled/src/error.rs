//! What is refused. All are mistakes of the caller.

use pyralog_merkle::MerkleError;
use pyralog_types::BrokenPack;
use thiserror::Error;

/// Mistakes of the caller.
#[derive(Debug, Error)]
pub enum LabelledError {
    /// Packed bytes end in the middle of a leaf.
    #[error(
        "packed leaves break off at byte {at} of {size}: pack them with the functions of native/tree.ts"
    )]
    Malformed {
        /// Where the leaf that is not whole begins.
        at: usize,
        /// Bytes there are.
        size: usize,
    },
    /// An index or size beyond the tree.
    #[error("the tree has {size} leaves; asked for {asked}")]
    OutOfRange {
        /// Leaves there are.
        size: u64,
        /// What was asked for.
        asked: u64,
    },
    /// The history was closed.
    #[error("the history is closed")]
    Closed,
}

impl LabelledError {
    /// The code that native/tree.ts documents.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "tree/malformed",
            Self::OutOfRange { .. } => "tree/out-of-range",
            Self::Closed => "tree/closed",
        }
    }
}

impl From<BrokenPack> for LabelledError {
    fn from(BrokenPack { at, size }: BrokenPack) -> Self {
        Self::Malformed { at, size }
    }
}

impl From<MerkleError> for LabelledError {
    /// A tree in memory refuses nothing but what is not there.
    fn from(error: MerkleError) -> Self {
        match error {
            MerkleError::OutOfRange { size, asked } => Self::OutOfRange { size, asked },
            MerkleError::Short { have, want } => Self::OutOfRange {
                size: have,
                asked: want,
            },
            MerkleError::Damaged { size } | MerkleError::Uneven { size, .. } => {
                Self::OutOfRange { size, asked: size }
            }
            MerkleError::NotAtHand { offset } | MerkleError::Leaves { offset, .. } => {
                Self::OutOfRange {
                    size: offset,
                    asked: offset,
                }
            }
            MerkleError::Io(_) => Self::Closed,
        }
    }
}
