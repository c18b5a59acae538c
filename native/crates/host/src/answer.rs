//! Calls and their answers.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use pyralog_partition::Prepared;
use pyralog_types::batch::CheckedProposal;

use crate::error::HostError;

/// When a proposal is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Once it is as durable as its log promises: synced (N4), or accepted (W16).
    Durable,
    /// Once a signed checkpoint covers it.
    Checkpoint {
        /// Also give inclusion paths against it.
        paths: bool,
    },
    /// As `Durable`, and on the disk of every voter (CG10).
    AllDurable,
    /// As `Checkpoint`, and on the disk of every voter.
    AllCheckpoint {
        /// Also give inclusion paths against it.
        paths: bool,
    },
}

impl Wait {
    /// Every voter must have it.
    #[must_use]
    pub fn is_everywhere(self) -> bool {
        matches!(self, Self::AllDurable | Self::AllCheckpoint { .. })
    }

    /// What is waited for beside that.
    #[must_use]
    pub fn beside(self) -> Self {
        match self {
            Self::AllDurable => Self::Durable,
            Self::AllCheckpoint { paths } => Self::Checkpoint { paths },
            other => other,
        }
    }
}

/// A signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// Records covered.
    pub size: u64,
    /// The note (C1–C3).
    pub note: String,
    /// The SHA-256 tree's note (C8).
    pub sha256_note: Option<String>,
}

/// What a proposal came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Term that activated its records.
    pub epoch: u32,
    /// Packed outcomes (B4).
    pub outcomes: Vec<u8>,
    /// Its records are on disk; else they were accepted only (W16).
    pub durable: bool,
    /// The checkpoint waited for.
    pub checkpoint: Option<Arc<SignedCheckpoint>>,
    /// Per record the number of hashes and the inclusion path (M4).
    pub paths: Option<Vec<u8>>,
}

/// Where an answer goes: called exactly once, from a thread of the host. Dropped unanswered (a thread died with it), it
/// says that the outcome is unknown, so that nobody waits for ever.
pub struct Reply<T>(Option<Callback<T>>);

type Callback<T> = Box<dyn FnOnce(Result<T, HostError>) + Send>;

impl<T> Reply<T> {
    /// An answer goes to `callback`.
    pub fn new(callback: impl FnOnce(Result<T, HostError>) + Send + 'static) -> Self {
        Self(Some(Box::new(callback)))
    }

    /// Answers.
    pub fn send(mut self, answer: Result<T, HostError>) {
        if let Some(callback) = self.0.take() {
            callback(answer);
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(callback) = self.0.take() {
            callback(Err(HostError::OutcomeUnknown(
                "the core gave the call up".to_owned(),
            )));
        }
    }
}

/// A proposal on its way in.
pub(crate) struct Call {
    pub partition: usize,
    pub proposal: Arc<CheckedProposal>,
    /// Where its hashes come from, when they are made ahead.
    pub ahead: Option<Receiver<Prepared>>,
    pub wait: Wait,
    pub reply: Reply<Answer>,
}

impl Call {
    /// Bytes of its proposal.
    pub fn bytes(&self) -> usize {
        self.proposal.proposal().bytes().len()
    }
}
