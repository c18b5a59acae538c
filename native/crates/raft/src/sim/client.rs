//! Clients: each has a session and one operation at a time, which it repeats until somebody answers.

use super::linear::Kind;

/// What a client asks of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub client: u16,
    /// Number of the operation, its idempotency key.
    pub number: u64,
    pub group: u32,
    pub key: u8,
    /// What the key is set to; `None` to read it.
    pub to: Option<u32>,
}

/// What a node answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// The value before, or the one read; the offset of a record.
    Done { value: u32, offset: u64 },
    /// Ask another.
    Elsewhere(Option<u16>),
    /// What came of it is not known.
    Unknown,
}

pub(super) struct Client {
    pub number: u16,
    pub operation: Option<Call>,
    pub start: u64,
    pub operations: u64,
    /// Operations left once all is healed.
    pub left: u64,
    /// Whom it believes to lead each group.
    pub leader: Vec<u16>,
    /// Counts wakings: only the newest counts.
    pub alarm: u64,
}

impl Client {
    pub fn new(number: u16, groups: u32) -> Self {
        Self {
            number,
            operation: None,
            start: 0,
            operations: 0,
            left: 3,
            leader: vec![1; groups as usize],
            alarm: 0,
        }
    }
}

impl Call {
    /// What the history says of it when it was answered.
    pub fn kind(&self, value: Option<u32>) -> Option<Kind> {
        match (self.to, value) {
            (Some(to), before) => Some(Kind::Swap { to, before }),
            (None, Some(value)) => Some(Kind::Get(value)),
            (None, None) => None,
        }
    }
}
