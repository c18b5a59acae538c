//! Recognises duplicates in state that follows from the log alone (N1–N3).
//!
//! Each record of the window is kept by offset in a queue, and found by fingerprint through tables that each cover as many
//! records as a window: the youngest takes new ones in, and a table whose records are all outside the window is dropped
//! whole. What a table still holds of records outside counts as absent, so answers follow N3 exactly. Two tables cover
//! a window: at most 40 + 16 bytes a record of it, 118 MB for 2,097,152 records; a partition with fewer needs less.
//! After an opening the records before it stand in [files](Seen) with tables of their own, until the window is past them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::PartitionError;
use crate::fingerprint::Fingerprint;
use crate::generation::{Generation, Line, Tag, lines_for};
use crate::ring::{Remembered, Ring, Rows};
use crate::seen::Seen;

/// How long records are remembered (N3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DedupWindow {
    /// Milliseconds of log time.
    pub millis: u64,
    /// Records; at most 2^31, so that references fit in 32 bits.
    pub records: u64,
}

/// Most records a window can hold: references into it are 32 bits wide.
pub const WINDOW_RECORDS_MAX: u64 = 1 << 31;
/// Most records of one table: so many leave it bits enough of a fingerprint to tell others.
const GENERATION_RECORDS_MAX: u64 = 1 << 26;

/// What the window knows of a record that is not new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// The record at this offset is the same submission.
    Duplicate { offset: u64, id: u64 },
    /// The record at this offset holds the key with other content.
    Conflict { offset: u64, id: u64 },
}

/// The window and its tables.
#[derive(Debug)]
pub(crate) struct Dedup {
    ring: Ring,
    /// Oldest first; the last takes new records in.
    generations: VecDeque<Generation>,
    /// Records of a generation that begins now.
    generation_records: u64,
    /// Lines of a generation that was dropped.
    spare: Option<Vec<Line>>,
    /// Records before the ring's, oldest first.
    seen: VecDeque<Arc<Seen>>,
    /// Where the oldest of these ends.
    seen_end: u64,
}

impl Dedup {
    pub fn new() -> Self {
        Self {
            ring: Ring::default(),
            generations: VecDeque::from([Generation::new(0, Vec::new())]),
            generation_records: 1,
            spare: None,
            seen: VecDeque::new(),
            seen_end: u64::MAX,
        }
    }

    /// Forgets records that don't count for the next one: more than `records` behind it, or older than `oldest_offset`,
    /// the first offset whose timestamp is inside the window.
    #[inline]
    pub fn expire(&mut self, records: u64, oldest_offset: u64) {
        let bound = self.ring.next().saturating_sub(records);
        self.forget(bound.max(oldest_offset), records);
    }

    /// Forgets the records before an offset, of a window of so many.
    #[inline]
    pub fn forget(&mut self, offset: u64, records: u64) {
        self.ring.forget(offset);
        self.generation_records = records.clamp(1, GENERATION_RECORDS_MAX);
        if self.ring.first() >= self.seen_end {
            self.drop_seen();
        }
    }

    #[cold]
    fn drop_seen(&mut self) {
        let first = self.ring.first();
        while self.seen.front().is_some_and(|oldest| oldest.size <= first) {
            self.seen.pop_front();
        }
        self.seen_end = self.seen.front().map_or(u64::MAX, |oldest| oldest.size);
    }

    /// The files that hold records of the window.
    pub fn seen(&self) -> impl Iterator<Item = &Arc<Seen>> {
        self.seen.iter()
    }

    /// Checks what finding these will look at in files; free once all of them are checked.
    ///
    /// # Errors
    /// `Snapshot` when it is not what was written.
    pub fn check(&self, records: &[Fingerprint]) -> Result<(), PartitionError> {
        for seen in self.seen.iter().filter(|seen| !seen.is_verified()) {
            for record in records {
                seen.check(&record.lookup)?;
            }
        }
        Ok(())
    }

    /// Brings what finding these will look at into the cache, all at once.
    pub fn touch(&self, records: &[Fingerprint]) {
        let mut read = 0;
        for generation in &self.generations {
            for record in records {
                read ^= u64::from(generation.touch(Tag::of(&record.lookup)));
            }
        }
        for seen in &self.seen {
            for record in records {
                read ^= seen.touch(&record.lookup);
            }
        }
        std::hint::black_box(read);
    }

    /// Looks a record up; `None` when it is new.
    #[inline]
    pub fn find(&self, record: &Fingerprint) -> Option<Match> {
        let ring = &self.ring;
        let first = ring.first();
        let tag = Tag::of(&record.lookup);
        let is = |offset| offset >= first && ring.get(offset).fingerprint == record.lookup;
        let mut generations = self.generations.iter().rev();
        let held = generations
            .find_map(|generation| generation.find(tag, is))
            .map(|offset| (offset, *ring.get(offset)))
            .or_else(|| self.find_seen(record));
        let (offset, held) = held?;
        let id = held.id;
        Some(if held.content == record.content {
            Match::Duplicate { offset, id }
        } else {
            Match::Conflict { offset, id }
        })
    }

    fn find_seen(&self, record: &Fingerprint) -> Option<(u64, Remembered)> {
        let first = self.ring.first();
        let mut seen = self.seen.iter().rev();
        seen.find_map(|seen| seen.find(&record.lookup, first))
    }

    /// Remembers a new record, which gets the next offset.
    #[inline]
    pub fn insert(&mut self, record: &Fingerprint, id: u64) {
        let records = self.generation_records;
        let young = match self.generations.back_mut() {
            Some(young) if young.len() < records => young,
            _ => begin(
                &mut self.generations,
                &self.ring,
                (records, &mut self.spare),
            ),
        };
        if young.is_full() {
            // What is outside the window counts as absent, so it may as well be.
            let from = young.first().max(self.ring.first());
            young.grow(records, self.ring.iter_from(from));
        }
        young.push(Tag::of(&record.lookup));
        self.ring.push(Remembered {
            fingerprint: record.lookup,
            content: record.content,
            id,
        });
    }

    /// Nothing remembered, at an offset where a partition goes on.
    pub fn beginning_at(offset: u64) -> Self {
        Self {
            ring: Ring::beginning_at(offset, offset),
            generations: VecDeque::from([Generation::new(offset, Vec::new())]),
            ..Self::new()
        }
    }

    /// A window whose records are all in files: those from `first` up to `next`.
    pub fn seen_in(seen: Vec<Arc<Seen>>, first: u64, next: u64) -> Self {
        let mut dedup = Self {
            ring: Ring::beginning_at(next, first),
            seen: seen.into(),
            ..Self::beginning_at(next)
        };
        dedup.drop_seen();
        dedup
    }

    /// Offset that the next record gets.
    pub fn next(&self) -> u64 {
        self.ring.next()
    }

    /// Oldest offset remembered.
    pub fn first(&self) -> u64 {
        self.ring.first()
    }

    /// What is remembered from an offset on, or from the first remembered; of what is in memory.
    pub fn rows_from(&self, offset: u64) -> Rows {
        self.ring
            .from(offset.max(self.ring.first()).max(self.ring.start()))
    }

    /// Number of records remembered.
    pub fn len(&self) -> u64 {
        self.ring.next() - self.ring.first()
    }
}

/// Begins a generation, and drops those that nothing inside the window is found by.
#[cold]
fn begin<'a>(
    generations: &'a mut VecDeque<Generation>,
    ring: &Ring,
    (records, spare): (u64, &mut Option<Vec<Line>>),
) -> &'a mut Generation {
    while let Some(oldest) = generations.front()
        && oldest.end() <= ring.first()
    {
        *spare = generations.pop_front().map(Generation::into_lines);
    }
    // As large as the one before has become, so that a partition in the middle of its life never copies a table.
    let before = generations.back().map_or(0, Generation::lines);
    let wanted = before.min(lines_for(records));
    let mut spare = spare.take();
    let lines = match spare.take_if(|lines| lines.len() == wanted) {
        Some(mut lines) => {
            lines.fill(Line::default());
            lines
        }
        None => vec![Line::default(); wanted],
    };
    generations.push_back(Generation::new(ring.next(), lines));
    let young = generations.len() - 1;
    &mut generations[young]
}
