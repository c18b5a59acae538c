//! What a command came to.

use std::collections::BTreeSet;

use crate::codec::{Reader, Wire, wire};

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Its bytes are no command.
    Malformed,
    /// It is of a version or kind that this version does not know.
    Newer,
    /// A value that is never right.
    Invalid,
    /// What it is about is not there.
    Unknown,
    /// It contradicts what is there.
    Conflict,
    /// What it is about is still needed.
    InUse,
    /// Somebody newer came since: a fencing number, epoch or generation is behind.
    Stale,
    /// Somebody else holds it.
    Held,
    /// There would be too many.
    Limit,
}
wire!(enum Code {
    1 = Malformed {}, 2 = Newer {}, 3 = Invalid {}, 4 = Unknown {}, 5 = Conflict {}, 6 = InUse {}, 7 = Stale {},
    8 = Held {}, 9 = Limit {}
});

impl Code {
    /// The name it has outside.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Newer => "newer",
            Self::Invalid => "invalid",
            Self::Unknown => "unknown",
            Self::Conflict => "conflict",
            Self::InUse => "in-use",
            Self::Stale => "stale",
            Self::Held => "held",
            Self::Limit => "limit",
        }
    }
}

/// A refusal, with words for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// What was wrong, where, and what to do.
    pub words: String,
}
wire!(struct Refusal { code, words });

impl Refusal {
    pub(crate) fn new(code: Code, words: impl Into<String>) -> Self {
        let words = words.into();
        Self { code, words }
    }
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// What it says, or it was so before.
    Changed,
    /// Partitions that were made, or were made by the first of these commands.
    Partitions {
        /// Their numbers.
        numbers: Vec<u32>,
    },
    /// A coordinator has its number.
    Coordinator {
        /// The number.
        number: u16,
        /// Greater than every fencing number given out before.
        fence: u64,
        /// The holder may use no time before this one for ids: an earlier holder may have.
        from_ms: u64,
        /// Until when it may use it, unless it renews.
        expires_ms: u64,
    },
    /// Somebody has a lock.
    Lock {
        /// Greater than every fencing number given out before.
        fence: u64,
        /// Until when, unless it is renewed.
        expires_ms: u64,
    },
    /// Somebody waits for a lock. Asking again tells whether it came.
    Waiting {
        /// How many are before it.
        before: u32,
    },
    /// Where a consumer stands.
    Consumer {
        /// Generation of its group.
        generation: u64,
        /// Partitions that it reads.
        assigned: BTreeSet<u32>,
        /// Those among them that it is to let go of, after it has committed how far it is.
        revoked: BTreeSet<u32>,
        /// Until when it has to be heard of.
        expires_ms: u64,
    },
}
wire!(enum Done {
    1 = Changed {},
    2 = Partitions { numbers },
    3 = Coordinator { number, fence, from_ms, expires_ms },
    4 = Lock { fence, expires_ms },
    5 = Waiting { before },
    6 = Consumer { generation, assigned, revoked, expires_ms },
});

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done {
        /// What came of it.
        done: Done,
    },
    /// It was not, and nothing changed by it.
    Refused {
        /// Why.
        refusal: Refusal,
    },
}
wire!(enum Outcome { 0 = Done { done }, 1 = Refused { refusal } });

impl Outcome {
    /// Its bytes, to answer a caller on another node.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    /// Reads bytes that [`Outcome::encode`] made; `None` when they are others.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let outcome = Self::get(&mut from).ok()?;
        from.end().ok()?;
        Some(outcome)
    }

    /// As a result.
    ///
    /// # Errors
    /// The refusal.
    pub fn result(self) -> Result<Done, Refusal> {
        match self {
            Self::Done { done } => Ok(done),
            Self::Refused { refusal } => Err(refusal),
        }
    }
}

impl From<Result<Done, Refusal>> for Outcome {
    fn from(result: Result<Done, Refusal>) -> Self {
        match result {
            Ok(done) => Self::Done { done },
            Err(refusal) => Self::Refused { refusal },
        }
    }
}
