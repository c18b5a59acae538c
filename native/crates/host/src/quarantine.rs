//! Damaged ranges of segments, remembered in the manifest, so that a reader who meets one again is told at once and nothing
//! but it is out of reach (Y8).

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyralog_manifest::{Edit, SegmentEntry};
use pyralog_segment::SegmentError;

use crate::error::HostError;
use crate::segments::Segments;

impl Segments {
    /// Quarantines what a read found damaged. Says whether that is news; other errors are none.
    ///
    /// # Errors
    /// The manifest's: whoever reads the range next finds the damage again.
    pub fn quarantine(&self, partition: u32, error: &SegmentError) -> Result<bool, HostError> {
        let SegmentError::Damaged { file, offsets, .. } = error else {
            return Ok(false);
        };
        let Some(entry) = self.holding(partition, offsets.start) else {
            return Ok(false);
        };
        // Another one may stand in its place by now.
        let own = file.file_stem().is_some_and(|stem| *stem == *entry.name());
        if !own {
            return Ok(false);
        }
        self.add_quarantine(&entry, std::slice::from_ref(offsets))
    }

    /// The same of one row that is not what was sealed, though its block is.
    ///
    /// # Errors
    /// As [`Segments::quarantine`].
    pub fn quarantine_row(&self, partition: u32, offset: u64) -> Result<bool, HostError> {
        let Some(entry) = self.holding(partition, offset) else {
            return Ok(false);
        };
        self.add_quarantine(&entry, std::slice::from_ref(&(offset..offset + 1)))
    }

    /// Reads quarantined segments again: what was mended under its own name is lifted, else the quarantine is made to be
    /// all that is damaged.
    ///
    /// # Errors
    /// The manifest's.
    pub fn review_quarantines(&self, cancel: &AtomicBool) -> Result<(), HostError> {
        let version = self.manifest.current();
        for (partition, state) in version.partitions() {
            for entry in state.segments() {
                if entry.quarantined.is_empty() || cancel.load(Ordering::Relaxed) {
                    continue;
                }
                let Ok(segment) = self.segment(entry) else {
                    continue; // not mended
                };
                let damages = segment.verify().into_iter();
                let found: Vec<Range<u64>> = damages.map(|damage| damage.offsets).collect();
                if found.iter().all(Range::is_empty) {
                    let number = entry.number;
                    self.manifest.commit(&[Edit::Lift { partition, number }])?;
                } else {
                    self.add_quarantine(entry, &found)?;
                }
            }
        }
        Ok(())
    }

    /// Segments with a quarantined range.
    pub fn quarantined(&self) -> usize {
        let version = self.manifest.current();
        let segments = version.partitions().flat_map(|(_, state)| state.segments());
        segments
            .filter(|entry| !entry.quarantined.is_empty())
            .count()
    }

    fn holding(&self, partition: u32, offset: u64) -> Option<Arc<SegmentEntry>> {
        let version = self.manifest.current();
        version.segment_at(partition, offset).cloned()
    }

    fn add_quarantine(
        &self,
        entry: &SegmentEntry,
        found: &[Range<u64>],
    ) -> Result<bool, HostError> {
        let own = entry.range();
        let found = found.iter().map(|range| {
            let start = range.start.max(own.start);
            start..range.end.min(own.end)
        });
        let all = entry.quarantined.iter().cloned().chain(found);
        let ranges = joined(all.filter(|range| !range.is_empty()).collect());
        if ranges == entry.quarantined || ranges.is_empty() {
            return Ok(false);
        }
        self.manifest.commit(&[Edit::Quarantine {
            partition: entry.partition(),
            number: entry.number,
            ranges,
        }])?;
        Ok(true)
    }
}

/// The same offsets in order and apart.
fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut out: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(
            joined(vec![5..7, 0..2, 2..3, 6..9, 20..21]),
            [0..3, 5..9, 20..21]
        );
    }
}
