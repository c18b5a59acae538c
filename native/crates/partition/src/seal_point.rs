//! Seal points: where they lie, and what a partition hands over there and forgets once it is sealed (Z2, Z3).

use crate::index::EntryPlace;
use crate::partition::Partition;
use crate::snapshot::Snapshot;

/// When a segment closes: behind the entry with which it reaches one of these (Z2). Constants of a log, so that all its
/// replicas seal alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealLimits {
    /// Records.
    pub rows: u64,
    /// Bytes of proposals.
    pub bytes: u64,
}

impl Default for SealLimits {
    fn default() -> Self {
        Self {
            rows: 4 * 65_536,
            bytes: 64 << 20,
        }
    }
}

impl Partition {
    /// At a seal point, behind the entry just applied: what has to be remembered of it (Z2, Z5). `None` elsewhere.
    pub fn seal_point(&mut self, limits: SealLimits, log_index: u64) -> Option<Snapshot> {
        let rows = self.size - self.sealed_from;
        if rows == 0 || (rows < limits.rows && self.open_bytes < limits.bytes) {
            return None;
        }
        let rows = self.dedup.rows_from(self.sealed_from);
        let rows_from = self.size - rows.len() as u64;
        let snapshot = Snapshot {
            log_index,
            sealed_from: self.sealed_from,
            size: self.size,
            first_remembered: self.dedup.first(),
            last_timestamp: self.last_timestamp,
            last_id: self.last_id,
            window: self.window,
            runs: self.runs.from(rows_from),
            rows,
        };
        self.sealed_from = self.size;
        self.open_bytes = 0;
        Some(snapshot)
    }

    /// Forgets where records before an offset stand in the log, and their leaves: segments have them (Z4, M5).
    pub fn forget_before(&mut self, offset: u64) {
        self.trees.forget_before(offset);
        self.index.forget_before(offset);
        self.digests.forget_before(offset);
        self.keys.forget_before(offset);
    }

    /// The log entries since the newest seal point that brought records, oldest first.
    #[must_use]
    pub fn open_places(&self) -> Vec<EntryPlace> {
        let places = self.index.places();
        places
            .filter(|place| place.base_offset >= self.sealed_from)
            .collect()
    }
}
