//! What a leader adds to a proposal before it enters the log: time and ids (L5, S4).

use pyralog_types::batch::{IdRun, encode_entry_head};

use crate::dedup::DedupWindow;

/// The leader's memory of what it stamped last, ahead of what is applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamper {
    last_timestamp: u64,
}

impl Stamper {
    /// Goes on behind a timestamp, that of the newest entry in the log.
    #[must_use]
    pub fn behind(last_timestamp: u64) -> Self {
        Self { last_timestamp }
    }

    /// Appends the head of an entry (B3) to `out`; the proposal's bytes follow it. `ids` come from the sequencer, as many
    /// as there are records. Returns the timestamp: the wall clock, or the last one where the clock went back.
    pub fn stamp(&mut self, wall_ms: u64, ids: &[IdRun], out: &mut Vec<u8>) -> u64 {
        self.last_timestamp = self.last_timestamp.max(wall_ms);
        encode_entry_head(out, self.last_timestamp, ids);
        self.last_timestamp
    }

    /// A configuration entry (B7): the window that holds from here on.
    pub fn stamp_window(&mut self, wall_ms: u64, window: DedupWindow) -> [u8; CONFIGURATION_BYTES] {
        self.last_timestamp = self.last_timestamp.max(wall_ms);
        let mut out = [0; CONFIGURATION_BYTES];
        out[..8].copy_from_slice(&self.last_timestamp.to_le_bytes());
        out[12] = KIND_CONFIGURATION as u8;
        out[16..24].copy_from_slice(&window.millis.to_le_bytes());
        out[24..32].copy_from_slice(&window.records.to_le_bytes());
        out
    }
}

/// Bytes of a configuration entry.
pub const CONFIGURATION_BYTES: usize = 32;
const KIND_CONFIGURATION: u32 = 1;
const KIND_MEMBERSHIP: u32 = 2;

/// Whether an entry is none of the partition's: the one a leader begins its term with, or a change of a group's members (RF2).
pub(crate) fn is_of_the_group(bytes: &[u8]) -> bool {
    let kind = bytes.get(8..16).and_then(|word| word.first_chunk());
    bytes.is_empty() || kind.is_some_and(|word| kind_of(*word) == Some(KIND_MEMBERSHIP))
}

/// Kind of an entry without records, from the word behind its timestamp (B7).
fn kind_of(word: [u8; 8]) -> Option<u32> {
    let word = u64::from_le_bytes(word);
    (word as u32 == 0).then_some((word >> 32) as u32)
}

/// Timestamp and window of a configuration entry (B7); `None` for entries with records.
pub(crate) fn parse_window(bytes: &[u8]) -> Option<(u64, DedupWindow)> {
    let bytes: &[u8; CONFIGURATION_BYTES] = bytes.try_into().ok()?;
    let word = |at: usize| {
        let mut field = [0; 8];
        field.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(field)
    };
    let window = DedupWindow {
        millis: word(16),
        records: word(24),
    };
    (kind_of(word(8).to_le_bytes()) == Some(KIND_CONFIGURATION)).then_some((word(0), window))
}
