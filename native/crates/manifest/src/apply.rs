//! What each edit makes of a partition (Y5 to Y9). Pure: no file is touched.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::edit::{NewLeaves, NewSegment, Replacement, Retention};
use crate::grave::{Dead, FileToken, Graveyard};
use crate::mutant::{Mutant, on};
use crate::partition::{LeavesEntry, PartitionVersion, SegmentEntry};

/// Where new entries come from while edits are applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) partition: u32,
    pub(crate) graveyard: &'a Arc<Graveyard>,
}

impl Context<'_> {
    fn token(&self, number: u64) -> Arc<FileToken> {
        let file = Dead {
            partition: self.partition,
            number,
        };
        FileToken::new(file, self.graveyard)
    }

    pub(crate) fn segment(&self, new: &NewSegment) -> Arc<SegmentEntry> {
        Arc::new(SegmentEntry {
            number: new.number,
            meta: new.meta,
            quarantined: Vec::new(),
            partition: self.partition,
            token: self.token(new.number),
        })
    }

    fn leaves(&self, new: &NewLeaves) -> Arc<LeavesEntry> {
        Arc::new(LeavesEntry {
            meta: new.clone(),
            partition: self.partition,
            token: self.token(new.number),
        })
    }
}

/// Why an edit does not fit; nothing of it was applied to a version that anybody sees.
pub(crate) type Refusal = String;

impl PartitionVersion {
    pub(crate) fn knows(&self, number: u64) -> bool {
        self.tokens().any(|(known, _)| known == number)
    }

    fn segment_index(&self, number: u64) -> Result<usize, Refusal> {
        self.segments
            .iter()
            .position(|segment| segment.number == number)
            .ok_or_else(|| format!("segment {number} is not there"))
    }

    pub(crate) fn add(&mut self, context: Context<'_>, new: &NewSegment) -> Result<(), Refusal> {
        check_segment(new)?;
        let base = new.meta.base_offset;
        if base != self.end_offset {
            let end = self.end_offset;
            return Err(format!(
                "a segment that begins at {base} cannot follow {end}"
            ));
        }
        if new.meta.compacted {
            return Err("a segment is added before it is compacted".into());
        }
        if self.knows(new.number) {
            return Err(format!("number {} is taken", new.number));
        }
        self.segments.push(context.segment(new));
        self.end_offset = new.meta.end_offset;
        Ok(())
    }

    pub(crate) fn replace(
        &mut self,
        context: Context<'_>,
        by: &Replacement,
    ) -> Result<(), Refusal> {
        for number in &by.removed {
            if let Some(at) = self
                .leaves
                .iter()
                .position(|old| old.meta.number == *number)
            {
                self.leaves.remove(at);
            } else {
                let at = self.segment_index(*number)?;
                self.segments.remove(at);
            }
        }
        for new in &by.segments {
            check_segment(new)?;
            if self.knows(new.number) || by.removed.contains(&new.number) {
                return Err(format!("number {} is taken", new.number));
            }
            let at = self
                .segments
                .partition_point(|old| old.meta.base_offset < new.meta.base_offset);
            self.segments.insert(at, context.segment(new));
        }
        if let Some(number) = by
            .leaves
            .iter()
            .map(|new| new.number)
            .find(|number| by.removed.contains(number))
        {
            return Err(format!("number {number} is taken"));
        }
        self.insert_leaves(context, &by.leaves)?;
        self.check()
    }

    pub(crate) fn retain(&mut self, context: Context<'_>, to: &Retention) -> Result<(), Refusal> {
        let untouched = self.segments.is_empty() && self.leaves.is_empty() && self.end_offset == 0;
        if untouched {
            // A copy of a partition may begin where another's rows do.
            self.end_offset = to.first_offset;
        }
        let (first, hashes) = (to.first_offset, to.hashes_from);
        if first < self.first_offset || hashes < self.hashes_from {
            return Err(format!(
                "what was dropped before {} stays dropped",
                self.first_offset
            ));
        }
        if hashes > first || first > self.end_offset {
            return Err(format!(
                "hashes from {hashes}, rows from {first}, end {}: not in order",
                self.end_offset
            ));
        }
        let roots = hashes.count_ones() as usize;
        let sha256 = to.sha256_roots.len();
        let lost = sha256 == 0 && !self.sha256_roots.is_empty();
        if to.roots.len() != roots || (sha256 != roots && sha256 != 0) || lost {
            return Err(format!("{hashes} leaves have {roots} complete subtrees"));
        }
        self.segments
            .retain(|segment| segment.meta.end_offset > first);
        self.first_offset = first;
        self.insert_leaves(context, &to.leaves)?;
        self.leaves.retain(|leaves| leaves.meta.end_offset > hashes);
        self.hashes_from = hashes;
        self.roots.clone_from(&to.roots);
        self.sha256_roots.clone_from(&to.sha256_roots);
        self.check()
    }

    /// Bounds in order, and roots that fit them (Y7).
    pub(crate) fn check_bounds(&self) -> Result<(), Refusal> {
        let roots = self.hashes_from.count_ones() as usize;
        let sha256 = self.sha256_roots.len();
        if self.roots.len() != roots || (sha256 != 0 && sha256 != roots) {
            return Err("roots that do not fit".into());
        }
        if self.hashes_from > self.first_offset || self.first_offset > self.end_offset {
            return Err("bounds out of order".into());
        }
        Ok(())
    }

    pub(crate) fn insert_leaves(
        &mut self,
        context: Context<'_>,
        new: &[NewLeaves],
    ) -> Result<(), Refusal> {
        for new in new {
            if new.base_offset >= new.end_offset {
                return Err(format!("leaves file {} holds nothing", new.number));
            }
            if self.knows(new.number) {
                return Err(format!("number {} is taken", new.number));
            }
            let at = self
                .leaves
                .partition_point(|old| old.meta.base_offset < new.base_offset);
            self.leaves.insert(at, context.leaves(new));
        }
        Ok(())
    }

    pub(crate) fn quarantine(&mut self, number: u64, ranges: &[Range<u64>]) -> Result<(), Refusal> {
        let at = self.segment_index(number)?;
        let all = self.segments[at].range();
        check_ranges(ranges, &all)?;
        if ranges.is_empty() {
            return Err("an empty quarantine is a lifting".into());
        }
        Arc::make_mut(&mut self.segments[at]).quarantined = ranges.to_vec();
        Ok(())
    }

    pub(crate) fn lift(&mut self, number: u64) -> Result<(), Refusal> {
        let at = self.segment_index(number)?;
        if self.segments[at].quarantined.is_empty() {
            return Err(format!("segment {number} is not quarantined"));
        }
        Arc::make_mut(&mut self.segments[at]).quarantined.clear();
        Ok(())
    }

    /// Segments and leaves files lie within the partition, in order, apart from each other (Y6), and every offset from
    /// `hashes_from` on has its leaf hash somewhere (Y9).
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let segments = self.segments.iter().map(|segment| segment.range());
        in_order(segments, self.first_offset..self.end_offset)?;
        let leaves = self.leaves.iter().map(|leaves| leaves.range());
        in_order(leaves, 0..self.end_offset)?;
        self.check_hashes()
    }

    fn check_hashes(&self) -> Result<(), Refusal> {
        let whole = self
            .segments
            .iter()
            .filter(|segment| !segment.meta.compacted);
        let mut whole = whole.map(|segment| segment.range()).peekable();
        let mut leaves = self.leaves.iter().map(|leaves| leaves.range()).peekable();
        if on(Mutant::LoseHashes) {
            return Ok(());
        }
        let mut at = self.hashes_from;
        while at < self.end_offset {
            while whole.next_if(|range| range.end <= at).is_some() {}
            while leaves.next_if(|range| range.end <= at).is_some() {}
            let holds = |range: Option<&Range<u64>>| {
                range
                    .filter(|range| range.start <= at)
                    .map(|range| range.end)
            };
            let Some(end) = holds(whole.peek()).max(holds(leaves.peek())) else {
                return Err(format!("the leaf hash of offset {at} would be lost"));
            };
            at = end;
        }
        Ok(())
    }
}

pub(crate) fn check_segment(new: &NewSegment) -> Result<(), Refusal> {
    let meta = &new.meta;
    let offsets = meta.end_offset.checked_sub(meta.base_offset);
    let fits = offsets.is_some_and(|offsets| {
        let rows = u64::from(meta.rows);
        rows == offsets || (meta.compacted && rows < offsets)
    });
    if !fits || meta.rows == 0 {
        let (base, end, rows) = (meta.base_offset, meta.end_offset, meta.rows);
        return Err(format!("{rows} rows cannot be the segment {base} to {end}"));
    }
    Ok(())
}

pub(crate) fn check_ranges(ranges: &[Range<u64>], all: &Range<u64>) -> Result<(), Refusal> {
    in_order(ranges.iter().cloned(), all.clone())
}

fn in_order(ranges: impl Iterator<Item = Range<u64>>, all: Range<u64>) -> Result<(), Refusal> {
    let mut at = all.start;
    for Range { start, end } in ranges {
        if start < at || end <= start || end > all.end {
            return Err(format!(
                "{start} to {end} overlaps what is there, or is empty"
            ));
        }
        at = end;
    }
    Ok(())
}

impl PartitionVersion {
    /// Fills a partition from a snapshot, as strictly as edits would.
    pub(crate) fn restore(
        &mut self,
        context: Context<'_>,
        leaves: &[NewLeaves],
        segments: &[(NewSegment, Vec<Range<u64>>)],
    ) -> Result<(), Refusal> {
        let mut numbers = BTreeSet::new();
        for (new, ranges) in segments {
            check_segment(new)?;
            let mut entry = context.segment(new);
            if !numbers.insert(new.number) {
                return Err("a number twice".into());
            }
            if !ranges.is_empty() {
                check_ranges(ranges, &entry.range())?;
                Arc::make_mut(&mut entry).quarantined.clone_from(ranges);
            }
            self.segments.push(entry);
        }
        for new in leaves {
            if !numbers.insert(new.number) {
                return Err("a number twice".into());
            }
            self.leaves.push(context.leaves(new));
        }
        self.check_bounds()?;
        self.check()
    }
}
