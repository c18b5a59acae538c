//! Leaf hashes in memory: those that nothing else can tell yet.

use std::collections::VecDeque;

use pyralog_types::Hash;

/// Leaves of a chunk. Chunks end at multiples of it, so that forgetting moves nothing and no subtree below the floor lies
/// across two of them: 64 KiB.
const CHUNK: u64 = 2_048;

/// Leaf hashes of consecutive offsets; taken at the end, forgotten from the beginning.
#[derive(Debug, Default)]
pub(crate) struct Held {
    first: u64,
    end: u64,
    chunks: VecDeque<Vec<Hash>>,
}

impl Held {
    /// None yet, and the next one is that at `first`.
    pub fn beginning_at(first: u64) -> Self {
        Self {
            first,
            end: first,
            chunks: VecDeque::new(),
        }
    }

    /// Offset behind the last.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Offset of the first.
    pub fn first(&self) -> u64 {
        self.first
    }

    pub fn push(&mut self, mut leaves: &[Hash]) {
        while !leaves.is_empty() {
            let room = CHUNK - self.end % CHUNK;
            if room == CHUNK || self.chunks.is_empty() {
                self.chunks.push_back(Vec::new());
            }
            let (now, later) = leaves.split_at(leaves.len().min(room as usize));
            if let Some(last) = self.chunks.back_mut() {
                last.extend_from_slice(now);
            }
            self.end += now.len() as u64;
            leaves = later;
        }
    }

    /// Forgets whole chunks that end at or before `offset`.
    pub fn forget_before(&mut self, offset: u64) {
        while self.first < self.end {
            let chunk_end = (self.first / CHUNK + 1) * CHUNK;
            if chunk_end.min(self.end) > offset {
                return;
            }
            self.chunks.pop_front();
            self.first = chunk_end.min(self.end);
        }
    }

    /// Forgets everything from `end` on.
    pub fn truncate(&mut self, end: u64) {
        if end <= self.first {
            *self = Self::beginning_at(end);
        }
        while self.end > end {
            let last_start = ((self.end - 1) / CHUNK * CHUNK).max(self.first);
            if last_start >= end {
                self.chunks.pop_back();
                self.end = last_start;
            } else {
                if let Some(last) = self.chunks.back_mut() {
                    last.truncate((end - last_start) as usize);
                }
                self.end = end;
            }
        }
    }

    /// Appends the leaves of a range, if all of them are here.
    pub fn copy(&self, range: std::ops::Range<u64>, out: &mut Vec<Hash>) -> bool {
        if range.start < self.first || range.end > self.end {
            return false;
        }
        let mut start = self.first;
        for chunk in &self.chunks {
            let end = start + chunk.len() as u64;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                out.extend_from_slice(&chunk[(from - start) as usize..(to - start) as usize]);
            }
            start = end;
        }
        true
    }

    /// The leaf at an offset, if it is here.
    pub fn get(&self, offset: u64) -> Option<&Hash> {
        if offset < self.first || offset >= self.end {
            return None;
        }
        let chunk = offset / CHUNK - self.first / CHUNK;
        let start = if chunk == 0 {
            self.first
        } else {
            offset / CHUNK * CHUNK
        };
        self.chunks
            .get(chunk as usize)?
            .get((offset - start) as usize)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use super::*;

    fn leaf(offset: u64) -> Hash {
        let mut hash = [7; 32];
        hash[..8].copy_from_slice(&offset.to_le_bytes());
        hash
    }

    fn check(held: &Held, range: std::ops::Range<u64>) {
        assert_eq!((held.first(), held.end()), (range.start, range.end));
        for offset in range.clone() {
            assert_eq!(held.get(offset), Some(&leaf(offset)), "{offset}");
        }
        let mut copied = Vec::new();
        assert!(held.copy(range.clone(), &mut copied));
        assert!(range.clone().map(leaf).eq(copied.iter().copied()));
        let (middle, mut part) = (u64::midpoint(range.start, range.end), Vec::new());
        assert!(held.copy(middle..range.end, &mut part));
        assert_eq!(part[..], copied[(middle - range.start) as usize..]);
        assert!(!held.copy(range.start..range.end + 1, &mut part));
        assert_eq!(held.get(range.end), None);
        assert_eq!(held.get(range.start.wrapping_sub(1)), None);
        let kept: usize = held.chunks.iter().map(Vec::len).sum();
        assert_eq!(kept as u64, range.end - range.start);
    }

    #[test]
    fn holds_what_was_pushed_and_not_forgotten() {
        for first in [0, 1, 2_047, 2_048, 5_000] {
            for step in [1, 700, 2_048, 9_000_usize] {
                let mut held = Held::beginning_at(first);
                let all: Vec<Hash> = (first..first + 9_000).map(leaf).collect();
                for part in all.chunks(step) {
                    held.push(part);
                }
                check(&held, first..first + 9_000);
                held.forget_before(first + 4_500);
                let left = ((first + 4_500) / CHUNK * CHUNK).max(first);
                check(&held, left..first + 9_000);
                held.truncate(first + 7_001);
                check(&held, left..first + 7_001);
                held.push(&all[7_001..7_300]);
                check(&held, left..first + 7_300);
                held.forget_before(first + 7_300);
                check(&held, first + 7_300..first + 7_300);
                held.truncate(first + 3);
                held.push(&all[3..50]);
                check(&held, first + 3..first + 50);
            }
        }
    }
}
