//! What a partition must remember when the entries that made it so are gone: its state at a seal point (Z5).
//!
//! A snapshot holds the submissions logged since the seal point before, and the figures of the whole partition. So the
//! state at a seal point is the newest snapshot and as many before it as the duplicate window reaches back. Its file is
//! read by [`crate::Seen`].

use crate::dedup::DedupWindow;
use crate::fingerprint::Fingerprint;
use crate::ring::{Remembered, Rows};
use crate::runs::Run;
use crate::seen::{BODY_ALIGN, PAGE, SLOT_BYTES, SUM_BYTES, sum_of, table_of};

/// The last byte goes with the version.
pub(crate) const MAGIC: [u8; 8] = *b"PYRLSEN\x02";
pub(crate) const VERSION: u64 = 2;
pub(crate) const WORDS: usize = 12;
pub(crate) const HEADER_BYTES: usize = 8 + WORDS * 8;
pub(crate) const RUN_BYTES: usize = 24;
pub(crate) const ROW_BYTES: usize = 40;
pub(crate) const HASH_BYTES: usize = 32;

/// The state of a partition at a seal point, with the submissions since the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Index of the newest entry applied.
    pub log_index: u64,
    /// Size at the seal point before.
    pub sealed_from: u64,
    /// Size at this one.
    pub size: u64,
    /// Oldest offset whose submission is remembered.
    pub first_remembered: u64,
    /// Log time of the newest entry.
    pub last_timestamp: u64,
    /// Largest id given.
    pub last_id: u64,
    /// Window in force.
    pub window: DedupWindow,
    /// Times of the records from `rows_from` on.
    pub(crate) runs: Vec<Run>,
    /// Submissions of the records from `rows_from` up to `size`.
    pub(crate) rows: Rows,
}

impl Snapshot {
    /// First offset whose submission is in here.
    #[must_use]
    pub fn rows_from(&self) -> u64 {
        self.size - self.rows.len() as u64
    }

    /// Bytes (Z5): words, runs, sums of the pages behind, BLAKE3 of all of it; then rows and their table.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let table = table_of(self.rows.iter(), self.rows.len());
        let body = self.rows.len() * ROW_BYTES + table.len() * SLOT_BYTES;
        let hashed = HEADER_BYTES + self.runs.len() * RUN_BYTES + body.div_ceil(PAGE) * SUM_BYTES;
        let head = (hashed + HASH_BYTES).next_multiple_of(BODY_ALIGN);
        // Megabytes: the body is made where it will stand, and the head in front of it afterwards.
        let mut file = vec![0; head + body];
        let (rows, slots) = file[head..].split_at_mut(self.rows.len() * ROW_BYTES);
        for (bytes, row) in rows.as_chunks_mut().0.iter_mut().zip(self.rows.iter()) {
            *bytes = row.to_bytes();
        }
        for (bytes, slot) in slots.as_chunks_mut().0.iter_mut().zip(&table) {
            *bytes = slot.to_le_bytes();
        }
        let mut out = Vec::with_capacity(hashed + HASH_BYTES);
        out.extend_from_slice(&MAGIC);
        let words: [u64; WORDS] = [
            VERSION,
            self.log_index,
            self.sealed_from,
            self.size,
            self.first_remembered,
            self.last_timestamp,
            self.last_id,
            self.window.millis,
            self.window.records,
            self.runs.len() as u64,
            self.rows.len() as u64,
            table.len() as u64,
        ];
        for word in words {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for run in &self.runs {
            out.extend_from_slice(&run.to_bytes());
        }
        for page in file[head..].chunks(PAGE) {
            out.extend_from_slice(&sum_of(page));
        }
        let hash = blake3::hash(&out);
        out.extend_from_slice(hash.as_bytes());
        file[..out.len()].copy_from_slice(&out);
        file
    }
}

impl From<&Remembered> for Fingerprint {
    fn from(row: &Remembered) -> Self {
        Self {
            lookup: row.fingerprint,
            content: row.content,
        }
    }
}
