//! Outcomes: what applying each record of a proposal came to (B4).

use crate::TypeError;
use crate::cursor::Cursor;

/// Bytes of a packed outcome.
pub const OUTCOME_BYTES: usize = 40;

/// Whether a record is new to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeStatus {
    /// It got its own offset.
    New,
    /// The same submission stands in the log already.
    Duplicate,
    /// Its idempotency key stands for other content.
    Conflict,
}

/// Where a record stands; for a duplicate or a conflict, where the earlier one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it is new.
    pub status: OutcomeStatus,
    /// Raft term that activated it.
    pub epoch: u32,
    /// Its index in the partition.
    pub offset: u64,
    /// Its id.
    pub scarab_id: u64,
    /// Its log time, Unix milliseconds.
    pub timestamp: u64,
}

impl Outcome {
    /// The packed form.
    #[inline]
    #[must_use]
    pub fn to_bytes(&self) -> [u8; OUTCOME_BYTES] {
        let mut out = [0; OUTCOME_BYTES];
        out[0] = self.status as u8;
        out[4..8].copy_from_slice(&self.epoch.to_le_bytes());
        out[8..16].copy_from_slice(&self.offset.to_le_bytes());
        out[16..24].copy_from_slice(&self.scarab_id.to_le_bytes());
        out[24..32].copy_from_slice(&self.timestamp.to_le_bytes());
        out
    }

    /// Reads the packed form.
    ///
    /// # Errors
    /// [`TypeError::Batch`] on another length, an unknown status, or bytes that must be zero and are not.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TypeError> {
        let mut cursor = Cursor::new(bytes);
        let status = match cursor.u8()? {
            0 => OutcomeStatus::New,
            1 => OutcomeStatus::Duplicate,
            2 => OutcomeStatus::Conflict,
            _ => return Err(cursor.fail("unknown status of an outcome")),
        };
        let zero = cursor.take(3)?;
        let outcome = Self {
            status,
            epoch: cursor.u32()?,
            offset: cursor.u64()?,
            scarab_id: cursor.u64()?,
            timestamp: cursor.u64()?,
        };
        if zero != [0; 3] || cursor.u64()? != 0 || !cursor.rest().is_empty() {
            return Err(cursor.fail("bytes that must be zero are not, or are too many"));
        }
        Ok(outcome)
    }
}
