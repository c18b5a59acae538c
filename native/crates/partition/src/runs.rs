//! When the records of the duplicate window were logged: one run for all neighbours of one time and term.

use std::collections::VecDeque;

/// Records from an offset on, up to the next run, 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub base_offset: u64,
    pub timestamp: u64,
    pub epoch: u32,
}

impl Run {
    /// Offset, time and term as u64 each (Z5).
    pub fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.base_offset.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.timestamp.to_le_bytes());
        bytes[16..].copy_from_slice(&u64::from(self.epoch).to_le_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8; 24]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        Self {
            base_offset: u64::from_le_bytes(words[0]),
            timestamp: u64::from_le_bytes(words[1]),
            epoch: u64::from_le_bytes(words[2]) as u32,
        }
    }
}

/// Runs by offset. Those that nothing in the window needs any more are dropped.
#[derive(Debug, Default)]
pub(crate) struct Runs(VecDeque<Run>);

impl Runs {
    /// Records from `run.base_offset` on are of this time and term.
    pub fn push(&mut self, run: Run) {
        let same = |last: &Run| last.timestamp == run.timestamp && last.epoch == run.epoch;
        if !self.0.back().is_some_and(same) {
            self.0.push_back(run);
        }
    }

    /// The run that an offset is in.
    pub fn by_offset(&self, offset: u64) -> Option<&Run> {
        let behind = self.0.partition_point(|run| run.base_offset <= offset);
        self.0.get(behind.checked_sub(1)?)
    }

    /// First offset that is not older than `bound`, and `size` when all are; forgets the runs before it, and those that
    /// end before the first remembered offset.
    pub fn oldest(&mut self, bound: u64, first: u64, size: u64) -> u64 {
        while self.0.get(1).is_some_and(|next| next.base_offset <= first) {
            self.0.pop_front();
        }
        while let Some(run) = self.0.front() {
            if run.timestamp >= bound {
                return run.base_offset;
            }
            self.0.pop_front();
        }
        size
    }

    /// The runs from an offset on, the first cut to begin there.
    pub fn from(&self, offset: u64) -> Vec<Run> {
        let behind = self.0.partition_point(|run| run.base_offset <= offset);
        let mut runs: Vec<Run> = self.0.range(behind.saturating_sub(1)..).copied().collect();
        if let Some(first) = runs.first_mut() {
            first.base_offset = first.base_offset.max(offset);
        }
        runs
    }
}
