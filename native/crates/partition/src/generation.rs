//! A hash table of consecutive offsets that only grows and is forgotten as a whole.
//!
//! Taking records out one by one costs two dependent cache misses each; a table that is dropped once all of it is outside
//! the window costs none. A line of a processor's cache is one bucket of sixteen slots, filled in order and half full on
//! average, so that one line tells nearly every absent record, and takes it in. The slots hold a few bits of the
//! fingerprint and which record it is; the record itself is elsewhere, and only looked at when those bits agree.

use crate::ring::Remembered;

/// Records that go into a new table together.
const GROUP: usize = 256;
/// Slots of a line: 64 bytes.
const SLOTS: usize = 16;

/// What a table knows of a fingerprint, which is uniform already: where to look, and what to look for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag {
    home: u32,
    bits: u32,
}

impl Tag {
    #[inline]
    pub fn of(fingerprint: &[u8; 16]) -> Self {
        let (words, _) = fingerprint.as_chunks::<4>();
        let [home, bits] = [words[0], words[1]].map(u32::from_le_bytes);
        Self { home, bits }
    }
}

/// Slots that are looked at together. Free ones are 0 and stand behind the others.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
pub(crate) struct Line([u32; SLOTS]);

impl Line {
    /// Whether a slot may be of these bits, and how many are taken. Nothing branches: the compiler makes vectors of it.
    #[inline]
    fn look(&self, bits: u32, mask: u32) -> (bool, usize) {
        let (mut alike, mut taken) = (0, 0);
        for slot in self.0 {
            alike |= u32::from((slot ^ bits) & !mask == 0);
            taken += u32::from(slot != 0);
        }
        (alike != 0, taken as usize)
    }
}

/// Offsets `first` to `end`, found by their fingerprints.
#[derive(Debug)]
pub(crate) struct Generation {
    first: u64,
    len: u32,
    lines: Vec<Line>,
    /// Bits of a slot that say how far from `first` the record is, counted from one; the others are the fingerprint's.
    mask: u32,
}

impl Generation {
    /// Begins at `first`; `lines` are free ones.
    pub fn new(first: u64, lines: Vec<Line>) -> Self {
        let mask = mask_of(&lines);
        Self {
            first,
            len: 0,
            lines,
            mask,
        }
    }

    /// First offset.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Offset behind the last.
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.len)
    }

    pub fn len(&self) -> u64 {
        u64::from(self.len)
    }

    /// Number of lines.
    pub fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Gives the memory back, to be used again.
    pub fn into_lines(self) -> Vec<Line> {
        self.lines
    }

    /// Reads where the search for a tag begins. Worth nothing but that the memory is in the cache afterwards: nothing
    /// depends on what is read, so the misses of many such calls overlap, which those of searches do not.
    #[inline]
    pub fn touch(&self, tag: Tag) -> u32 {
        let line = self.lines.get(self.home(tag));
        line.map_or(0, |line| line.0[0])
    }

    /// The first offset with this tag that `is` the one.
    #[inline]
    pub fn find(&self, tag: Tag, is: impl Fn(u64) -> bool) -> Option<u64> {
        let mut at = self.home(tag);
        loop {
            let line = self.lines.get(at)?;
            let (alike, taken) = line.look(tag.bits, self.mask);
            if alike && let Some(found) = self.among(line, tag, &is) {
                return Some(found);
            }
            if taken < SLOTS {
                return None;
            }
            at = self.behind(at);
        }
    }

    #[cold]
    fn among(&self, line: &Line, tag: Tag, is: &impl Fn(u64) -> bool) -> Option<u64> {
        let slots = line.0.into_iter().filter(|slot| *slot != 0);
        let mut alike = slots
            .filter(|slot| (slot ^ tag.bits) & !self.mask == 0)
            .map(|slot| self.first + u64::from(slot & self.mask) - 1);
        alike.find(|offset| is(*offset))
    }

    /// Whether it must [grow](Generation::grow) before another is pushed.
    #[inline]
    pub fn is_full(&self) -> bool {
        (self.len as usize + 1) * 2 > self.lines.len() * SLOTS
    }

    /// Adds the offset [`Generation::end`]; it must not be full.
    #[inline]
    pub fn push(&mut self, tag: Tag) {
        self.len += 1;
        self.put(tag, self.len);
    }

    #[inline]
    fn put(&mut self, tag: Tag, place: u32) {
        let slot = tag.bits & !self.mask | place;
        let mut at = self.home(tag);
        loop {
            let (_, taken) = self.lines[at].look(0, 0);
            if let Some(free) = self.lines[at].0.get_mut(taken) {
                *free = slot;
                return;
            }
            at = self.behind(at);
        }
    }

    /// Makes room; `records` is how many there will be at most. `held` are the records to be found afterwards, by offset.
    #[cold]
    pub fn grow<'a>(&mut self, records: u64, held: impl Iterator<Item = (u64, &'a Remembered)>) {
        let wanted = (self.lines.len() * 2).min(lines_for(records));
        let least = lines_for(u64::from(self.len) + 1);
        self.lines = vec![Line::default(); wanted.max(least)];
        self.mask = mask_of(&self.lines);
        let mut group = Vec::with_capacity(GROUP);
        let mut held = held.peekable();
        while held.peek().is_some() {
            group.extend(held.by_ref().take(GROUP).map(|(offset, record)| {
                let place = (offset - self.first) as u32 + 1;
                (Tag::of(&record.fingerprint), place)
            }));
            let touched = group.iter().map(|(tag, _)| self.touch(*tag));
            std::hint::black_box(touched.fold(0, |read, slot| read ^ slot));
            for (tag, place) in group.drain(..) {
                self.put(tag, place);
            }
        }
    }

    fn home(&self, tag: Tag) -> usize {
        ((u64::from(tag.home) * self.lines.len() as u64) >> 32) as usize
    }

    fn behind(&self, at: usize) -> usize {
        if at + 1 == self.lines.len() {
            0
        } else {
            at + 1
        }
    }
}

/// Bits that the places of so many lines take.
fn mask_of(lines: &[Line]) -> u32 {
    let places = (lines.len() * SLOTS / 2) as u32;
    u32::MAX.checked_shr(places.leading_zeros()).unwrap_or(0)
}

/// Lines of a generation that holds so many records: twice as many slots.
pub(crate) fn lines_for(records: u64) -> usize {
    (records as usize * 2).div_ceil(SLOTS).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the record at an offset; those a thousand apart have the same.
    fn record(offset: u64) -> Remembered {
        let number = (offset % 1_000).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut fingerprint = [0; 16];
        fingerprint[..8].copy_from_slice(&number.to_le_bytes());
        Remembered {
            fingerprint,
            content: fingerprint,
            id: offset,
        }
    }

    #[test]
    fn finds_what_was_pushed_while_it_grows_and_when_tags_are_equal() {
        for records in [1, 5, 100, 3_000_u64] {
            let all: Vec<Remembered> = (0..70 + records).map(record).collect();
            let mut generation = Generation::new(70, Vec::new());
            let tag = |offset: u64| Tag::of(&record(offset).fingerprint);
            for offset in 70..70 + records {
                assert_eq!(generation.find(tag(offset), |found| found == offset), None);
                if generation.is_full() {
                    let held = (70..offset).map(|held| (held, &all[held as usize]));
                    generation.grow(records, held);
                }
                generation.push(tag(offset));
                assert!(generation.lines() <= lines_for(records));
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
    fn a_full_line_goes_on_in_the_next_and_the_last_in_the_first() {
        let mut generation = Generation::new(0, vec![Line::default(); 3]);
        let last = Tag {
            home: u32::MAX,
            bits: 5 << 20,
        };
        for _ in 0..SLOTS + 4 {
            generation.push(last);
        }
        for offset in 0..SLOTS as u64 + 4 {
            assert_eq!(generation.find(last, |found| found == offset), Some(offset));
        }
        assert_eq!(generation.lines[0].look(0, 0).1, 4);
        let other = Tag { home: 0, ..last };
        assert_eq!(generation.find(other, |_| true), Some(SLOTS as u64));
        let other = Tag {
            bits: 6 << 20,
            ..last
        };
        assert_eq!(generation.find(other, |_| true), None);
    }
}
