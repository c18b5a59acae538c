//! What is refused. A signature that does not verify is an answer, not an error.

use pyralog_types::BrokenPack;
use thiserror::Error;

/// Mistakes of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SigError {
    /// Packed bytes end in the middle of an item.
    #[error(
        "packed items break off at byte {at} of {size}: pack them with the functions of native/sig.ts"
    )]
    Malformed {
        /// Where the item that is not whole begins.
        at: usize,
        /// Bytes there are.
        size: usize,
    },
    /// A key's seed of the wrong length.
    #[error("the seed has {0} bytes; give 32")]
    Seed(usize),
}

impl From<BrokenPack> for SigError {
    fn from(BrokenPack { at, size }: BrokenPack) -> Self {
        Self::Malformed { at, size }
    }
}

impl SigError {
    /// The code that native/sig.ts documents.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "sig/malformed"
    }
}
