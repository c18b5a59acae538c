//! Finds notary records by the hash of their value, in memory, 8 bytes a record.
//!
//! Records are indexed in segments of 32,768 offsets, each a small open-addressing table that never grows: no pause, no
//! copy, and what a segment holds is fixed once the log has moved on. An answer is a candidate: 32 bits of the hash
//! agree, and the caller reads the record to be sure.

const SEGMENT: usize = 1 << 15;
const SLOTS: usize = SEGMENT * 2;
const EMPTY: u16 = u16::MAX;

#[derive(Debug)]
struct Segment {
    /// Local offsets by hash, linear probing; half full at most.
    slots: Box<[u16]>,
    /// First four bytes of the value hash, by local offset.
    tags: Box<[u32]>,
}

impl Segment {
    fn new() -> Self {
        Self {
            slots: vec![EMPTY; SLOTS].into_boxed_slice(),
            tags: vec![0; SEGMENT].into_boxed_slice(),
        }
    }

    fn insert(&mut self, local: usize, value_hash: &[u8; 32]) {
        let (tag, mut slot) = split(value_hash);
        while self.slots[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = local as u16;
        self.tags[local] = tag;
    }

    fn find(&self, value_hash: &[u8; 32], found: &mut Vec<usize>) {
        let (tag, mut slot) = split(value_hash);
        while self.slots[slot] != EMPTY {
            let local = usize::from(self.slots[slot]);
            if self.tags[local] == tag {
                found.push(local);
            }
            slot = (slot + 1) % SLOTS;
        }
        found.sort_unstable();
    }
}

fn split(value_hash: &[u8; 32]) -> (u32, usize) {
    let word = |at: usize| {
        u32::from_le_bytes([
            value_hash[at],
            value_hash[at + 1],
            value_hash[at + 2],
            value_hash[at + 3],
        ])
    };
    (word(0), word(4) as usize % SLOTS)
}

/// Value hash → offsets of notary records.
#[derive(Debug, Default)]
pub struct DigestIndex {
    segments: Vec<Option<Segment>>,
}

impl DigestIndex {
    /// Indexes a record.
    pub fn insert(&mut self, offset: u64, value_hash: &[u8; 32]) {
        let segment = offset as usize / SEGMENT;
        if self.segments.len() <= segment {
            self.segments.resize_with(segment + 1, || None);
        }
        self.segments[segment]
            .get_or_insert_with(Segment::new)
            .insert(offset as usize % SEGMENT, value_hash);
    }

    /// Forgets the segments whose offsets all stand before one.
    pub fn forget_before(&mut self, offset: u64) {
        let whole = (offset as usize / SEGMENT).min(self.segments.len());
        for segment in self.segments[..whole].iter_mut().rev() {
            if segment.take().is_none() {
                return; // and all before it
            }
        }
    }

    /// Offsets that may hold a value with this hash, ascending.
    pub fn candidates(&self, value_hash: &[u8; 32]) -> impl Iterator<Item = u64> + '_ {
        let value_hash = *value_hash;
        let segments = self.segments.iter().enumerate();
        segments.flat_map(move |(number, segment)| {
            let mut found = Vec::new();
            if let Some(segment) = segment {
                segment.find(&value_hash, &mut found);
            }
            let base = (number * SEGMENT) as u64;
            found.into_iter().map(move |local| base + local as u64)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_offset_in_order_across_segments() {
        let hash = |n: u64| *blake3::hash(&(n % 50_000).to_le_bytes()).as_bytes();
        let mut index = DigestIndex::default();
        for offset in 0..100_000 {
            index.insert(offset, &hash(offset));
        }
        for n in (0..50_000).step_by(997) {
            let found: Vec<u64> = index.candidates(&hash(n)).collect();
            assert_eq!(found, vec![n, n + 50_000]);
        }
        assert_eq!(index.candidates(&hash(3).map(|b| !b)).count(), 0);
    }
}
