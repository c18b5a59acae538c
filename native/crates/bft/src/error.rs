//! What can go wrong that is not a peer's fault.

use thiserror::Error;

/// Bugs of the caller, damage, and halts; what peers send is answered by effects instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BftError {
    /// An input while a signature is awaited. Nothing changed.
    #[error("the core waits for a signature: call resume first")]
    Suspended,
    /// A signature that nobody asked for. Nothing changed.
    #[error("the core asked for no signature")]
    NotSuspended,
    /// A signature that is not ours over the request. The core still waits.
    #[error("the signature does not verify under the own key over the requested bytes")]
    Signature,
    /// Not a validator set (P1).
    #[error("not a validator set: {0}")]
    Validators(&'static str),
    /// A number or length out of its range.
    #[error("{0}")]
    Argument(String),
    /// A log entry that this core never wrote (P12). Nothing changed.
    #[error("entry {index} of the write-ahead log is {problem}")]
    WalCorrupt {
        /// Its place among the entries given.
        index: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Replay derived another message than the log holds (P12). The core halted.
    #[error("replay diverges from the log: {0}; do not sign at this height again")]
    ReplayDivergence(String),
    /// An invariant of the engine broke. The core halted; make a new one and replay the log.
    #[error("the BFT core has halted: {0}")]
    Halted(String),
}

impl BftError {
    /// The `BftErrorCode` of native/bft-types.ts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Suspended => "bft/suspended",
            Self::NotSuspended => "bft/not-suspended",
            Self::Signature => "bft/signature",
            Self::Validators(_) => "bft/validators",
            Self::Argument(_) => "bft/argument",
            Self::WalCorrupt { .. } => "bft/wal-corrupt",
            Self::ReplayDivergence(_) => "bft/replay-divergence",
            Self::Halted(_) => "bft/halted",
        }
    }
}
