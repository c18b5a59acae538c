//! What is to be done with a partition: a pure function of its policy, its version, and the time (Y14).

use std::sync::Arc;

use pyralog_manifest::{PartitionVersion, SegmentEntry};
use pyralog_segment::Kind;

use crate::mutant::{Mutant, on};

/// What a plan depends on besides the manifest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// Wall clock, Unix milliseconds.
    pub now_ms: u64,
    /// First offset whose receipts may still become final: leaf hashes before it can go (Y15).
    pub final_offset: u64,
    /// Whether the partition keeps the SHA-256 tree (M3).
    pub sha256: bool,
}

/// One piece of work. Segments are named by their numbers, so that a plan for an older version is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Work {
    /// The beginning of the partition moves.
    Retain {
        /// First offset whose row is kept.
        first_offset: u64,
        /// First offset whose leaf hash is kept.
        hashes_from: u64,
    },
    /// Neighbours become one segment.
    Merge {
        /// In order of offset.
        inputs: Vec<u64>,
        /// Only the latest row of each key is kept.
        latest: bool,
    },
    /// A segment becomes Parquet.
    Age {
        /// Which.
        input: u64,
    },
}

/// Raw bytes that a compacted segment may come from: what one sealed by size holds.
const COMPACT_BYTES: u64 = 64 << 20;
/// Rows of a compaction: their key hashes are held in memory at once, 100 bytes each.
const COMPACT_ROWS: u64 = 1 << 20;
/// Offsets of a compaction: their leaf hashes are held in memory at once, 32 or 64 bytes each.
const COMPACT_OFFSETS: u64 = 1 << 21;
/// So many small neighbours are merged though they do not fill half a segment: lookups ask each of them.
const RUN_MAX: usize = 8;

/// All that is due, in the order it is to be done. Empty when nothing is.
#[must_use]
pub fn plan(state: &PartitionVersion, facts: &Facts) -> Vec<Work> {
    let mut works = Vec::new();
    let (retained, dropped) = plan_retention(state, facts);
    works.extend(retained);
    let left = &state.segments()[dropped..];
    let merges = if state.policy().latest_by_key && is_dirty(left) {
        plan_compaction(left)
    } else {
        plan_merges(left, state.policy().merge_bytes)
    };
    works.extend(merges);
    works.extend(plan_ageing(state, left, (facts, &works)));
    works
}

type Entries = [Arc<SegmentEntry>];

/// How many of the oldest segments the policy lets go (Y15). The newest always stays: it says where the log is.
fn droppable(state: &PartitionVersion, facts: &Facts) -> usize {
    let policy = state.policy();
    let mut bytes = state.raw_bytes();
    let mut count = 0;
    for segment in state.segments() {
        let meta = &segment.meta;
        let by_bytes = policy.retain_bytes.is_some_and(|most| bytes > most);
        let by_age = policy
            .retain_ms
            .is_some_and(|most| meta.last_timestamp.saturating_add(most) < facts.now_ms);
        let by_offset = policy
            .retain_from
            .is_some_and(|from| meta.end_offset <= from);
        if !(by_bytes || by_age || by_offset) {
            break;
        }
        bytes = bytes.saturating_sub(meta.raw_bytes);
        count += 1;
    }
    count.min(state.segments().len().saturating_sub(1))
}

fn plan_retention(state: &PartitionVersion, facts: &Facts) -> (Option<Work>, usize) {
    let count = droppable(state, facts);
    let first_offset = state.segments()[..count]
        .last()
        .map_or(state.first_offset(), |last| last.meta.end_offset);
    let mut limit = first_offset.min(facts.final_offset);
    if on(Mutant::DropHashes) {
        limit = first_offset;
    }
    // Hashes go a file at a time: less would free nothing.
    let ends = state.segments()[..count]
        .iter()
        .map(|segment| segment.meta.end_offset);
    let ends = ends.chain(state.leaves().iter().map(|leaves| leaves.meta.end_offset));
    let hashes_from = ends
        .filter(|end| *end <= limit)
        .fold(state.hashes_from(), u64::max);
    let moves = first_offset > state.first_offset() || hashes_from > state.hashes_from();
    let work = moves.then_some(Work::Retain {
        first_offset,
        hashes_from,
    });
    (work, count)
}

fn raw_bytes<'a>(segments: impl Iterator<Item = &'a Arc<SegmentEntry>>) -> u64 {
    segments.fold(0, |sum, segment| sum.saturating_add(segment.meta.raw_bytes))
}

/// Whether compaction is worth it: what was never compacted is at least half of what was. So every row is written
/// again about twice for each time the partition doubles its live rows, whatever their number.
fn is_dirty(segments: &Entries) -> bool {
    let dirty = segments
        .iter()
        .filter(|segment| can_read(segment) && !segment.meta.compacted);
    let clean = segments.iter().filter(|segment| segment.meta.compacted);
    let any = dirty.clone().next().is_some();
    any && raw_bytes(dirty).saturating_mul(2) >= raw_bytes(clean)
}

fn can_read(segment: &SegmentEntry) -> bool {
    segment.quarantined.is_empty()
}

fn numbers(segments: &[&Arc<SegmentEntry>]) -> Vec<u64> {
    segments.iter().map(|segment| segment.number).collect()
}

/// Cuts segments into runs of neighbours that `fits` takes together; damaged ones stand between runs.
fn runs<'a>(
    segments: &'a Entries,
    usable: impl Fn(&SegmentEntry) -> bool,
    fits: impl Fn(&[&'a Arc<SegmentEntry>], &SegmentEntry) -> bool,
) -> Vec<Vec<&'a Arc<SegmentEntry>>> {
    let mut runs: Vec<Vec<&Arc<SegmentEntry>>> = vec![Vec::new()];
    for segment in segments {
        if !usable(segment) {
            runs.push(Vec::new());
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.is_empty() || fits(run, segment) => run.push(segment),
            _ => runs.push(vec![segment]),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

fn plan_compaction(segments: &Entries) -> Vec<Work> {
    let fits = |run: &[&Arc<SegmentEntry>], next: &SegmentEntry| {
        let bytes = raw_bytes(run.iter().copied()).saturating_add(next.meta.raw_bytes);
        let rows: u64 = run.iter().map(|segment| u64::from(segment.meta.rows)).sum();
        let offsets = run
            .first()
            .map_or(0, |first| next.meta.end_offset - first.meta.base_offset);
        bytes <= COMPACT_BYTES
            && rows + u64::from(next.meta.rows) <= COMPACT_ROWS
            && offsets <= COMPACT_OFFSETS
    };
    let merge = |run: Vec<&Arc<SegmentEntry>>| Work::Merge {
        inputs: numbers(&run),
        latest: true,
    };
    runs(segments, can_read, fits)
        .into_iter()
        .map(merge)
        .collect()
}

fn plan_merges(segments: &Entries, merge_bytes: u64) -> Vec<Work> {
    let usable = |segment: &SegmentEntry| can_read(segment) && segment.meta.kind == Kind::Hot;
    let fits = |run: &[&Arc<SegmentEntry>], next: &SegmentEntry| {
        let bytes = raw_bytes(run.iter().copied()).saturating_add(next.meta.raw_bytes);
        let offsets = run
            .first()
            .map_or(0, |first| next.meta.end_offset - first.meta.base_offset);
        bytes <= merge_bytes && offsets <= COMPACT_OFFSETS
    };
    let worth = |run: &Vec<&Arc<SegmentEntry>>| {
        let full = raw_bytes(run.iter().copied()) >= merge_bytes / 2;
        run.len() >= RUN_MAX || (run.len() > 1 && full)
    };
    let merge = |run: Vec<&Arc<SegmentEntry>>| Work::Merge {
        inputs: numbers(&run),
        latest: false,
    };
    let due = runs(segments, usable, fits).into_iter().filter(worth);
    due.map(merge).collect()
}

fn plan_ageing(
    state: &PartitionVersion,
    segments: &Entries,
    (facts, planned): (&Facts, &[Work]),
) -> Vec<Work> {
    let Some(after) = state.policy().cold_after_ms else {
        return Vec::new();
    };
    let taken = |number: u64| {
        let mut works = planned.iter();
        works.any(|work| matches!(work, Work::Merge { inputs, .. } if inputs.contains(&number)))
    };
    let due = segments.iter().filter(|segment| {
        let old = segment.meta.last_timestamp.saturating_add(after) < facts.now_ms;
        old && can_read(segment) && segment.meta.kind == Kind::Hot && !taken(segment.number)
    });
    due.map(|segment| Work::Age {
        input: segment.number,
    })
    .collect()
}
