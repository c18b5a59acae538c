//! Which rows are the latest of their keys (Y13).

use std::collections::HashMap;
use std::sync::Arc;

use pyralog_manifest::SegmentEntry;
use pyralog_segment::{Segment, SegmentError, SegmentRow};
use pyralog_types::Hash;

use crate::error::CompactError;
use crate::mutant::{Mutant, on};
use crate::outputs::Job;

/// Whether a row says that its key is gone (Y13).
#[must_use]
pub fn is_tombstone(row: &SegmentRow<'_>) -> bool {
    let headers = row.headers.as_deref().unwrap_or_default();
    row.key.is_some() && pyralog_types::is_tombstone(headers, &row.value)
}

/// What decides about the rows of a run of segments.
pub(crate) struct Latest {
    /// Offset of the latest row of each key within the run, by the key's hash.
    within: HashMap<Hash, u64>,
    before: Vec<Segment>,
    /// A segment before is damaged: it may hold any key.
    blind: bool,
    behind: Vec<Segment>,
    /// Tombstones before this time can go.
    tombstones_ms: u64,
}

impl Latest {
    /// Opens the segments around a run. Quarantined ones drop no row, and for all one knows they hold what a tombstone
    /// is kept for.
    pub(crate) fn new(
        job: &Job<'_>,
        (first, last): (u64, u64),
        (rows, tombstones_ms): (u64, u64),
    ) -> Result<Self, CompactError> {
        let segments = job.version.partition(job.partition);
        let segments = segments.map_or(&[][..], |state| state.segments());
        let open = |entry: &Arc<SegmentEntry>| {
            Segment::open(job.files, job.dir(), &entry.name(), &entry.meta)
        };
        let (whole, damaged): (Vec<_>, Vec<_>) = segments
            .iter()
            .partition(|entry| entry.quarantined.is_empty());
        let before = |entry: &&&Arc<SegmentEntry>| entry.meta.end_offset <= first;
        let behind = |entry: &&&Arc<SegmentEntry>| entry.meta.base_offset >= last;
        Ok(Self {
            within: HashMap::with_capacity(rows as usize),
            blind: damaged.iter().any(|entry| before(&entry)),
            before: whole
                .iter()
                .filter(before)
                .map(|entry| open(entry))
                .collect::<Result<_, _>>()?,
            behind: whole
                .iter()
                .filter(behind)
                .map(|entry| open(entry))
                .collect::<Result<_, _>>()?,
            tombstones_ms,
        })
    }

    /// Takes note of a row, in order of offset.
    pub(crate) fn note(&mut self, row: &SegmentRow<'_>) {
        if let Some(key) = &row.key {
            let hash = *blake3::hash(key).as_bytes();
            if on(Mutant::KeepOldest) && self.within.contains_key(&hash) {
                return;
            }
            self.within.insert(hash, row.offset);
        }
    }

    /// Whether a row stays, given the hash of its key. All rows of the run were noted before.
    pub(crate) fn keeps(
        &self,
        row: &SegmentRow<'_>,
        key_hash: &Hash,
    ) -> Result<bool, CompactError> {
        let Some(key) = row.key.as_deref() else {
            return Ok(true);
        };
        if self
            .within
            .get(key_hash)
            .is_some_and(|kept| *kept != row.offset)
        {
            return Ok(false);
        }
        if !on(Mutant::IgnoreBehind) && holds(&self.behind, (key_hash, key), false)? {
            return Ok(false);
        }
        if is_tombstone(row) && row.timestamp < self.tombstones_ms {
            // An older row of the key would come back to life without it.
            if on(Mutant::DropTombstones) {
                return Ok(false);
            }
            return Ok(self.blind || holds(&self.before, (key_hash, key), true)?);
        }
        Ok(true)
    }
}

/// Whether one of the segments has a row with the key; `damaged` is the answer of one that cannot tell.
fn holds(
    segments: &[Segment],
    (hash, key): (&Hash, &[u8]),
    damaged: bool,
) -> Result<bool, CompactError> {
    for segment in segments {
        if !segment.may_hold_key_hash(hash) {
            continue;
        }
        let found = match segment.by_key_hash_at(hash, key, u64::MAX) {
            Err(SegmentError::Damaged { .. }) => damaged,
            other => other?.is_some(),
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
