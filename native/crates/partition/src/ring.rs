//! What is remembered of the records inside the window, by offset: a queue in fixed pieces, so that growing copies
//! nothing and memory that is given up at one end is used again at the other.

use std::collections::VecDeque;
use std::sync::Arc;

const CHUNK: usize = 4_096;

/// What is remembered of one record, 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// What a duplicate is found by: scope and key, or scope and content.
    pub fingerprint: [u8; 16],
    /// Fingerprint of scope and content; tells a duplicate from a conflict under one key.
    pub content: [u8; 16],
    /// The record's id.
    pub id: u64,
}

impl Remembered {
    /// Lookup and content fingerprint, id (Z5).
    pub fn to_bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..16].copy_from_slice(&self.fingerprint);
        bytes[16..32].copy_from_slice(&self.content);
        bytes[32..].copy_from_slice(&self.id.to_le_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8; 40]) -> Self {
        let (halves, id) = bytes.as_chunks::<16>();
        let mut word = [0; 8];
        word.copy_from_slice(id);
        Self {
            fingerprint: halves[0],
            content: halves[1],
            id: u64::from_le_bytes(word),
        }
    }
}

/// Remembered records of consecutive offsets.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    /// Full pieces, which snapshots may share.
    chunks: VecDeque<Arc<Vec<Remembered>>>,
    /// The piece behind them, which grows.
    young: Vec<Remembered>,
    /// Offset of the first record of the first piece.
    chunk_start: u64,
    /// Oldest offset remembered.
    first: u64,
    /// Offset that the next record gets.
    next: u64,
}

impl Ring {
    pub fn first(&self) -> u64 {
        self.first
    }

    pub fn next(&self) -> u64 {
        self.next
    }

    #[inline]
    pub fn push(&mut self, record: Remembered) {
        if self.young.len() == self.young.capacity().min(CHUNK) {
            self.make_room();
        }
        self.young.push(record);
        self.next += 1;
    }

    /// A piece grows until it is full, so that a partition with few records needs little; those after the first begin
    /// with all their memory.
    #[cold]
    fn make_room(&mut self) {
        if self.young.len() < CHUNK {
            let wanted = (self.young.len() * 2).clamp(16, CHUNK);
            self.young.reserve_exact(wanted - self.young.len());
            return;
        }
        let mut spare = None;
        while self.first >= self.chunk_start + CHUNK as u64 {
            let Some(chunk) = self.chunks.pop_front() else {
                break;
            };
            self.chunk_start += CHUNK as u64;
            spare = Arc::into_inner(chunk).or(spare);
        }
        let mut young = spare.unwrap_or_else(|| Vec::with_capacity(CHUNK));
        young.clear();
        let full = std::mem::replace(&mut self.young, young);
        self.chunks.push_back(Arc::new(full));
    }

    /// The record at an offset that is in here.
    pub fn get(&self, offset: u64) -> &Remembered {
        let at = (offset - self.chunk_start) as usize;
        let chunk = self.chunks.get(at / CHUNK);
        &chunk.map_or(&self.young, |chunk| &**chunk)[at % CHUNK]
    }

    /// A ring whose records begin at an offset; those from `first` up to it are remembered elsewhere.
    pub fn beginning_at(offset: u64, first: u64) -> Self {
        Self {
            chunk_start: offset,
            first,
            next: offset,
            ..Self::default()
        }
    }

    /// Offset from which on records are in here, forgotten or not.
    pub fn start(&self) -> u64 {
        self.chunk_start
    }

    /// The records in here from an offset on, with their offsets.
    pub fn iter_from(&self, offset: u64) -> impl Iterator<Item = (u64, &Remembered)> {
        let offset = offset.max(self.chunk_start);
        let at = (offset - self.chunk_start) as usize;
        let full = self.chunks.iter().skip(at / CHUNK);
        let chunks = full.map(|chunk| chunk.as_slice());
        let records = chunks.chain([self.young.as_slice()]).flatten();
        // Where the offset is in the young piece, full ones were all skipped and its rest is left to skip.
        (offset..).zip(records.skip(at - (at / CHUNK).min(self.chunks.len()) * CHUNK))
    }

    /// The records inside the window from an offset on.
    pub fn from(&self, offset: u64) -> Rows {
        let at = (offset - self.chunk_start) as usize;
        let mut chunks: Vec<_> = self
            .chunks
            .iter()
            .skip(at / CHUNK)
            .map(Arc::clone)
            .collect();
        chunks.push(Arc::new(self.young.clone()));
        Rows {
            skipped: at - (at / CHUNK).min(self.chunks.len()) * CHUNK,
            chunks,
            len: (self.next - offset) as usize,
        }
    }

    /// Forgets the records before `offset`; never brings one back.
    pub fn forget(&mut self, offset: u64) {
        self.first = self.first.max(offset.min(self.next));
    }
}

/// Remembered records of consecutive offsets that stay as they are, shared with the ring they come from: a seal point has
/// megabytes of them, and whoever applies would wait for the copy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    chunks: Vec<Arc<Vec<Remembered>>>,
    /// Records of the first piece that are none of these.
    skipped: usize,
    len: usize,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn iter(&self) -> impl Iterator<Item = &Remembered> {
        let all = self.chunks.iter().flat_map(|chunk| chunk.iter());
        all.skip(self.skipped)
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Rows {}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: u64) -> Remembered {
        Remembered {
            fingerprint: [0; 16],
            content: [0; 16],
            id: offset,
        }
    }

    #[test]
    fn records_are_found_and_handed_over_wherever_a_piece_ends() {
        let chunk = CHUNK as u64;
        let mut ring = Ring::beginning_at(7, 7);
        let mut shared: Vec<(u64, u64, Rows)> = Vec::new();
        for offset in 7..7 + 5 * chunk {
            ring.push(record(offset));
            let next = offset + 1;
            if next > 7 + 2 * chunk {
                ring.forget(next - 2 * chunk);
            }
            if next % 1_531 == 0 || (next - 7).is_multiple_of(chunk) {
                let from = ring.first().max(next - next % 1_531);
                shared.push((from, next, ring.from(from)));
                assert_eq!(ring.get(ring.first()).id, ring.first());
                assert_eq!(ring.get(offset).id, offset);
                let found: Vec<u64> = ring.iter_from(from).map(|(at, one)| at + one.id).collect();
                assert_eq!(found, (from..next).map(|at| 2 * at).collect::<Vec<_>>());
            }
        }
        // What was handed over stays, though the ring's pieces are used again.
        for (from, next, rows) in shared {
            let ids: Vec<u64> = rows.iter().map(|row| row.id).collect();
            assert_eq!(ids, (from..next).collect::<Vec<_>>());
            assert_eq!(rows.len() as u64, next - from);
        }
    }
}
