//! A hash table of consecutive offsets that only grows and is forgotten as a whole.
//!
//! Taking records out one by one costs two dependent cache misses each; a table that is dropped once all of it is outside
//! the window costs none. Half of the slots are full at most. A byte of each stands in a table of its own, which is small
//! enough for a processor's cache: nearly every absent record is told from that byte alone, and the slots, which mostly
//! are not in a cache, are only looked at when it agrees.

/// Slots of a table's first allocation.
const SLOTS_MIN: usize = 16;

/// Offsets `first` to `end`, found by the upper bits of their fingerprints.
#[derive(Debug)]
pub(crate) struct Generation {
    first: u64,
    len: u32,
    /// A byte of each slot's tag, 0 for a free one.
    marks: Vec<u8>,
    /// Tag in the upper half, distance from `first` plus one in the lower; 0 is free. Linear probing from a slot that is
    /// in proportion to the tag, so that growing keeps the order and runs through memory once.
    slots: Vec<u64>,
}

impl Generation {
    /// Begins at `first`; `slots` are free ones.
    pub fn new(first: u64, slots: Vec<u64>) -> Self {
        Self {
            first,
            len: 0,
            marks: vec![0; slots.len()],
            slots,
        }
    }

    /// Offset behind the last.
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.len)
    }

    pub fn len(&self) -> u64 {
        u64::from(self.len)
    }

    /// Number of slots, free or not.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Gives the memory back, to be used again.
    pub fn into_slots(self) -> Vec<u64> {
        self.slots
    }

    /// Reads where the search for a tag begins. Worth nothing but that the memory is in the cache afterwards: nothing
    /// depends on what is read, so the misses of many such calls overlap, which those of searches do not.
    #[inline]
    pub fn touch(&self, tag: u32) -> u8 {
        self.marks.get(self.home(tag)).copied().unwrap_or_default()
    }

    /// As [`Generation::touch`], for a tag that will be pushed.
    #[inline]
    pub fn touch_to_push(&self, tag: u32) -> u64 {
        self.slots.get(self.home(tag)).copied().unwrap_or_default()
    }

    /// The first offset with this tag that `is` the one.
    #[inline]
    pub fn find(&self, tag: u32, is: impl Fn(u64) -> bool) -> Option<u64> {
        if self.slots.is_empty() {
            return None;
        }
        let mark = mark_of(tag);
        let mut at = self.home(tag);
        loop {
            let found = self.marks[at];
            if found == 0 {
                return None;
            }
            if found == mark && (self.slots[at] >> 32) as u32 == tag {
                let slot = self.slots[at];
                let offset = self.first + (slot & u64::from(u32::MAX)) - 1;
                if is(offset) {
                    return Some(offset);
                }
            }
            at = self.behind(at);
        }
    }

    /// Adds the offset [`Generation::end`]; `records` is how many there will be at most.
    #[inline]
    pub fn push(&mut self, tag: u32, records: u64) {
        if (self.len as usize + 1) * 2 > self.slots.len() {
            self.grow(records);
        }
        self.len += 1;
        self.put(u64::from(tag) << 32 | u64::from(self.len));
    }

    fn put(&mut self, slot: u64) {
        let tag = (slot >> 32) as u32;
        let mut at = self.home(tag);
        while self.marks[at] != 0 {
            at = self.behind(at);
        }
        self.marks[at] = mark_of(tag);
        self.slots[at] = slot;
    }

    #[cold]
    fn grow(&mut self, records: u64) {
        let wanted = (self.slots.len() * 2).min(slots_for(records));
        let least = (self.len as usize + 1) * 2;
        let slots = vec![0; wanted.max(least).max(SLOTS_MIN)];
        self.marks = vec![0; slots.len()];
        for slot in std::mem::replace(&mut self.slots, slots) {
            if slot != 0 {
                self.put(slot);
            }
        }
    }

    fn home(&self, tag: u32) -> usize {
        ((u64::from(tag) * self.slots.len() as u64) >> 32) as usize
    }

    fn behind(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() {
            0
        } else {
            at + 1
        }
    }
}

/// The lower bits of a tag; the upper ones say where it stands.
fn mark_of(tag: u32) -> u8 {
    (tag as u8).max(1)
}

/// Slots of a generation that holds so many records.
pub(crate) fn slots_for(records: u64) -> usize {
    (records as usize * 2).max(SLOTS_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_pushed_while_it_grows_and_when_tags_are_equal() {
        for records in [1, 5, 100, 3_000_u64] {
            let mut generation = Generation::new(70, Vec::new());
            let tag = |offset: u64| ((offset % 1_000) as u32).wrapping_mul(0x9e37_79b9);
            for offset in 70..70 + records {
                assert_eq!(generation.find(tag(offset), |found| found == offset), None);
                generation.push(tag(offset), records);
                assert!(generation.slots() <= slots_for(records));
            }
            assert_eq!(
                (generation.end(), generation.len()),
                (70 + records, records)
            );
            for offset in 70..70 + records {
                let found = generation.find(tag(offset), |found| found == offset);
                assert_eq!(found, Some(offset));
            }
        }
    }

    #[test]
    fn the_last_tag_goes_round_to_the_first_slot() {
        let mut generation = Generation::new(0, Vec::new());
        for _ in 0..8 {
            generation.push(u32::MAX, 8);
        }
        assert_eq!(generation.find(u32::MAX, |offset| offset == 7), Some(7));
        assert_eq!(generation.find(0, |_| true), None);
    }
}
