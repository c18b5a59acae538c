//! What state trees refuse.

use thiserror::Error;

/// Mistakes of the caller, except [`StateError::Full`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StateError {
    /// Packed changes end in the middle of an entry.
    #[error("packed changes break off at byte {at} of {size}: pack them with packStateChanges")]
    Malformed {
        /// Where the entry that is not whole begins.
        at: usize,
        /// Bytes there are.
        size: usize,
    },
    /// The version was released, or never was.
    #[error("version {0} of the state tree is not alive: it was released or never made")]
    NoSuchVersion(u64),
    /// The tree was closed.
    #[error("the state tree is closed: open one and build it again")]
    Closed,
    /// Node numbers could run out.
    #[error(
        "the state tree holds {leaves} leaves and {inner} inner nodes: release versions, or apply fewer changes at once"
    )]
    Full {
        /// Leaves alive.
        leaves: usize,
        /// Inner nodes alive.
        inner: usize,
    },
}

impl StateError {
    /// The code that native/state.ts documents.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "state/malformed",
            Self::NoSuchVersion(_) => "state/no-such-version",
            Self::Closed => "state/closed",
            Self::Full { .. } => "state/full",
        }
    }
}
