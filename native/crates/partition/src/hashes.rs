//! Finds records of the open part by the hash of their key or value, in memory, 10 bytes a record.
//!
//! Records are indexed in blocks of 32,768 offsets, each a small open-addressing table that never grows: no pause, no
//! copy, and what a block holds is fixed once the log has moved on. Asking a block for a hash that it does not have touches
//! one line of memory, mostly. Records whose hashes agree in what a table holds of them hang on one chain, newest first, so
//! that a key with ever new records costs no more than others. An answer is a candidate: the caller reads the record to be sure.
//!
//! The newest thousand records stand in a list, which is searched from end to end, and enter their tables together: one by
//! one, each would wait for memory that the records between have driven out of the cache.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use pyralog_types::Hash;

const BLOCK: u64 = 1 << 15;
const SLOTS: usize = 2 << 15;
const EMPTY: u32 = u32::MAX;
/// Records that enter their tables together.
const TAIL: usize = 1 << 10;
/// No place of a block: the end of a chain, and what an empty slot holds.
const NONE: u16 = u16::MAX;

/// What a table holds of a hash: where to begin to look, and 16 other bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mixed {
    first: u16,
    tag: u16,
}

/// The newest records, in the order of their offsets.
#[derive(Debug, Default)]
struct Tail {
    offsets: Vec<u64>,
    hashes: Vec<Mixed>,
}

impl Tail {
    /// Offsets with a hash, newest first.
    fn newest_first(&self, hash: Mixed) -> impl DoubleEndedIterator<Item = u64> + '_ {
        let pairs = self.offsets.iter().zip(&self.hashes).rev();
        pairs
            .filter(move |(_, held)| **held == hash)
            .map(|(offset, _)| *offset)
    }
}

#[derive(Debug)]
struct Block {
    base: u64,
    /// Tag, and place in the block of the newest record of a chain; linear probing, half full at most.
    slots: Box<[u32]>,
    /// The next older record of the chain, by place.
    older: Box<[u16]>,
}

impl Block {
    fn new(base: u64) -> Self {
        Self {
            base,
            slots: vec![EMPTY; SLOTS].into_boxed_slice(),
            older: vec![NONE; BLOCK as usize].into_boxed_slice(),
        }
    }

    /// The slot that holds the chain of a hash, or the empty one where it would begin. Slots never become empty again, so
    /// all searches for one hash end at the same slot.
    fn slot(&self, hash: Mixed) -> usize {
        let mut slot = usize::from(hash.first);
        while self.slots[slot] != EMPTY && self.slots[slot] >> 16 != u32::from(hash.tag) {
            slot = (slot + 1) % SLOTS;
        }
        slot
    }

    /// Reads where searches for these begin. Worth nothing but that the memory is in the cache afterwards: the misses
    /// overlap, which those of searches do not.
    fn touch(&self, hashes: &[Mixed]) {
        let slots = hashes
            .iter()
            .map(|hash| self.slots[usize::from(hash.first)]);
        std::hint::black_box(slots.fold(0, |read, slot| read ^ slot));
    }

    fn insert(&mut self, place: u16, hash: Mixed) {
        let slot = self.slot(hash);
        let entry = u32::from(hash.tag) << 16 | u32::from(place);
        let before = std::mem::replace(&mut self.slots[slot], entry);
        self.older[usize::from(place)] = before as u16;
    }

    /// Offsets of a chain, newest first.
    fn chain(&self, hash: Mixed) -> impl Iterator<Item = u64> + '_ {
        let present = |place: u16| (place != NONE).then_some(place);
        let newest = present(self.slots[self.slot(hash)] as u16);
        let older = move |place: &u16| present(self.older[usize::from(*place)]);
        let places = std::iter::successors(newest, older);
        places.map(|place| self.base + u64::from(place))
    }
}

/// Hash → offsets, for records that are in no segment yet.
#[derive(Debug)]
pub struct HashIndex {
    blocks: VecDeque<Block>,
    /// Records that are in no table yet.
    tail: Tail,
    /// Nobody outside knows it, so nobody can choose records that crowd a table.
    seed: u64,
}

impl Default for HashIndex {
    fn default() -> Self {
        Self {
            blocks: VecDeque::new(),
            tail: Tail::default(),
            seed: RandomState::new().hash_one(BLOCK),
        }
    }
}

impl HashIndex {
    fn mixed(&self, hash: &Hash) -> Mixed {
        const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15;
        let mut start = [0; 8];
        start.copy_from_slice(&hash[..8]);
        let wide = u128::from(u64::from_le_bytes(start) ^ self.seed) * FACTOR;
        let mixed = (wide >> 64) as u64 ^ wide as u64;
        Mixed {
            first: mixed as u16,
            tag: (mixed >> 48) as u16,
        }
    }

    /// Indexes a record, which stands behind all that were before.
    #[inline]
    pub fn insert(&mut self, offset: u64, hash: &Hash) {
        self.tail.offsets.push(offset);
        self.tail.hashes.push(self.mixed(hash));
        if self.tail.offsets.len() == TAIL {
            self.enter();
        }
    }

    /// Brings the records of the tail into their tables.
    #[cold]
    fn enter(&mut self) {
        let Tail { offsets, hashes } = &mut self.tail;
        if let Some(block) = self.blocks.back() {
            block.touch(hashes);
        }
        for (offset, hash) in offsets.drain(..).zip(hashes.drain(..)) {
            let base = offset - offset % BLOCK;
            if self.blocks.back().is_none_or(|block| block.base < base) {
                self.blocks.push_back(Block::new(base));
            }
            if let Some(block) = self.blocks.back_mut() {
                block.insert((offset % BLOCK) as u16, hash);
            }
        }
    }

    /// Forgets the blocks whose offsets all stand before one.
    pub fn forget_before(&mut self, offset: u64) {
        // The blocks' rule: all of it stands before.
        if self.tail.offsets.last().is_some_and(|last| *last < offset) {
            self.tail = Tail::default();
        }
        while let Some(block) = self.blocks.front()
            && block.base + BLOCK <= offset
        {
            self.blocks.pop_front();
        }
    }

    /// Offsets that may have this hash, ascending.
    pub fn candidates(&self, hash: &Hash) -> impl Iterator<Item = u64> + '_ {
        let mixed = self.mixed(hash);
        let blocks = self.blocks.iter().flat_map(move |block| {
            let mut chain: Vec<u64> = block.chain(mixed).collect();
            chain.reverse();
            chain
        });
        blocks.chain(self.tail.newest_first(mixed).rev())
    }

    /// The newest offset before `end` that may have this hash.
    #[must_use]
    pub fn newest_before(&self, hash: &Hash, end: u64) -> Option<u64> {
        let mixed = self.mixed(hash);
        let mut tail = self.tail.newest_first(mixed);
        tail.find(|offset| *offset < end).or_else(|| {
            let blocks = self.blocks.iter().rev();
            let mut blocks = blocks.filter(|block| block.base < end);
            blocks.find_map(|block| block.chain(mixed).find(|offset| *offset < end))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> Hash {
        *blake3::hash(&n.to_le_bytes()).as_bytes()
    }

    #[test]
    fn finds_every_offset_in_order_across_blocks() {
        let mut index = HashIndex::default();
        for offset in 0..100_000 {
            index.insert(offset, &hash(offset % 50_000));
        }
        for n in (0..50_000).step_by(997) {
            let found: Vec<u64> = index.candidates(&hash(n)).collect();
            assert_eq!(found, vec![n, n + 50_000]);
            for (end, newest) in [
                (u64::MAX, Some(n + 50_000)),
                (n + 50_001, Some(n + 50_000)),
                (n + 50_000, Some(n)),
                (n + 1, Some(n)),
                (n, None),
            ] {
                assert_eq!(index.newest_before(&hash(n), end), newest);
            }
        }
        let absent = hash(3).map(|byte| !byte);
        assert_eq!(index.candidates(&absent).count(), 0);
        assert_eq!(index.newest_before(&absent, u64::MAX), None);
        index.forget_before(40_000);
        let left: Vec<u64> = index.candidates(&hash(1)).collect();
        assert_eq!(left, [50_001]);
        index.forget_before(200_000);
        assert_eq!(index.candidates(&hash(1)).count(), 0);
    }

    #[test]
    fn a_key_that_is_written_again_and_again_costs_as_others() {
        let mut index = HashIndex::default();
        let one = hash(1);
        // Without chains each of these would walk past all before it: 10^12 steps.
        for offset in 0..1_000_000 {
            index.insert(offset, &one);
        }
        assert_eq!(index.newest_before(&one, u64::MAX), Some(999_999));
        assert_eq!(index.newest_before(&one, 500_000), Some(499_999));
        assert!(index.candidates(&one).eq(0..1_000_000));
    }

    #[test]
    fn hashes_that_share_a_tag_or_a_slot_are_found_beside_each_other() {
        let mut block = Block::new(0);
        let mixed = |tag, first| Mixed { first, tag };
        let (a, b, c) = (mixed(1, 7), mixed(2, 7), mixed(1, 8));
        let last = mixed(NONE, u16::MAX);
        for (place, hash) in [a, b, c, a, last, b, last].into_iter().enumerate() {
            block.insert(place as u16, hash);
        }
        let of = |hash| block.chain(hash).collect::<Vec<_>>();
        assert_eq!(of(a), [3, 0]);
        assert_eq!(of(b), [5, 1]);
        assert_eq!(of(c), [2]);
        assert_eq!(of(last), [6, 4]);
        assert_eq!(of(mixed(3, 7)), [0; 0]);
        assert_eq!(of(mixed(NONE, 7)), [0; 0]);
    }
}
