//! Finds rows by the hash of a key or of a notary value (H8): a filter that mostly says no at once, a perfect hash, and
//! the rows.

use std::ops::Range;

use crate::SegmentError;
use crate::filter::Shape;
use crate::fuse::{Cut, FilterMaker, fingerprint};
use crate::mixed::{Pair, Sorter, mix};
use crate::perfect::{self, Perfect};
use crate::pilots::Search;

/// Marks an entry of the rows section that is the place of a list.
const LIST: u32 = 1 << 31;
/// A slot without a row.
const NONE: u32 = u32::MAX;
/// Most rows of a segment, so that entries can be marked.
pub const ROWS_MAX: u32 = LIST - 1;

/// The part of an index that is read when the sidecar is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    filter_seed: u64,
    segment_length: u32,
    segment_count_length: u32,
    perfect: Perfect,
    /// Distinct hashes; none means there is nothing to find.
    pub hashes: u32,
    /// Rows that can be found.
    pub rows: u32,
}

/// Lengths in bytes of an index's sections.
pub struct Lengths {
    /// Fingerprints of the filter.
    pub fingerprints: u64,
    /// Pilots of the perfect hash.
    pub pilots: u64,
    /// Rows by slot.
    pub rows: u64,
}

/// An index that was just made.
#[derive(Debug)]
pub struct Made {
    pub head: [u8; Head::BYTES],
    pub fingerprints: Vec<u8>,
    pub pilots: Vec<u8>,
    pub rows: Vec<u8>,
    pub lists: Vec<u8>,
}

impl Made {
    /// An index of nothing.
    fn empty() -> Self {
        Self {
            head: [0; Head::BYTES],
            fingerprints: Vec::new(),
            pilots: Vec::new(),
            rows: Vec::new(),
            lists: Vec::new(),
        }
    }
}

/// The hash that an index knows a key or value by: the start of its BLAKE3.
#[must_use]
pub fn short(hash: &[u8; 32]) -> u64 {
    let mut start = [0; 8];
    start.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(start)
}

impl Head {
    /// Length of the encoded head.
    pub const BYTES: usize = 48;

    /// The encoded head.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[0..8].copy_from_slice(&self.filter_seed.to_le_bytes());
        out[8..12].copy_from_slice(&self.segment_length.to_le_bytes());
        out[12..16].copy_from_slice(&self.segment_count_length.to_le_bytes());
        out[16..24].copy_from_slice(&self.perfect.seed.to_le_bytes());
        out[24..28].copy_from_slice(&self.hashes.to_le_bytes());
        out[28..32].copy_from_slice(&self.perfect.slots.to_le_bytes());
        out[32..36].copy_from_slice(&self.perfect.pilots.to_le_bytes());
        out[36..40].copy_from_slice(&self.rows.to_le_bytes());
        out
    }

    /// Reads a head; `None` unless every lookup with it stays within sections of [`Head::lengths`].
    pub fn decode(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let word = |at: usize| {
            let mut field = [0; 4];
            field.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(field)
        };
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let head = Self {
            filter_seed: long(0),
            segment_length: word(8),
            segment_count_length: word(12),
            perfect: Perfect {
                seed: long(16),
                slots: word(28),
                pilots: word(32),
            },
            hashes: word(24),
            rows: word(36),
        };
        (head.encode() == *bytes && head.sound()).then_some(head)
    }

    fn sound(&self) -> bool {
        if self.hashes == 0 {
            return self.encode() == [0; Self::BYTES];
        }
        self.segment_length.is_power_of_two()
            && self.segment_length <= 1 << 18
            && self.segment_count_length > 0
            && self
                .segment_count_length
                .is_multiple_of(self.segment_length)
            && self.segment_count_length <= u32::MAX - 3 * self.segment_length
            && self.perfect.slots >= self.hashes
            && self.perfect.slots < LIST
            && self.perfect.pilots > 0
            && (self.hashes..=ROWS_MAX).contains(&self.rows)
    }

    /// What its sections must measure.
    pub fn lengths(&self) -> Lengths {
        let array = u64::from(self.segment_count_length) + 2 * u64::from(self.segment_length);
        Lengths {
            fingerprints: if self.hashes == 0 { 0 } else { array },
            pilots: self.perfect.pilots.into(),
            rows: u64::from(self.perfect.slots) * 4,
        }
    }

    /// Whether the hash may be there. `fingerprints` has the length that the head demands.
    #[inline]
    pub fn may_hold(&self, hash: u64, fingerprints: &[u8]) -> bool {
        let hash = mix(hash.wrapping_add(self.filter_seed));
        let cut = Cut {
            segment_length: self.segment_length,
            count_length: self.segment_count_length,
        };
        let places = cut.places(hash);
        let found = places.into_iter().map(|place| fingerprints[place]);
        found.fold(fingerprint(hash), |sum, at| sum ^ at) == 0
    }

    /// The filter without its fingerprints.
    pub fn shape(&self) -> Shape {
        Shape {
            seed: self.filter_seed,
            segment_length: self.segment_length,
            count_length: self.segment_count_length,
        }
    }

    /// Place of the pilot of a hash in the pilots section.
    pub fn bucket(&self, hash: u64) -> usize {
        self.perfect.bucket(hash)
    }

    /// Place of a hash's entry in the rows section, in bytes.
    pub fn entry(&self, hash: u64, pilot: u8) -> Range<usize> {
        let at = self.perfect.slot(hash, pilot) * 4;
        at..at + 4
    }
}

/// What an entry of the rows section says.
pub enum Entry {
    /// No hash has this slot.
    None,
    /// The only row.
    Row(u32),
    /// Place of the list of rows, in bytes of the lists section.
    List(usize),
}

impl Entry {
    /// Reads four bytes.
    pub fn read(word: u32) -> Self {
        match word {
            NONE => Self::None,
            word if word >= LIST => Self::List((word - LIST) as usize * 4),
            row => Self::Row(row),
        }
    }
}

/// Makes indexes. Keeps its memory.
#[derive(Default)]
pub struct IndexMaker {
    sorter: Sorter,
    distinct: Vec<u64>,
    filter: FilterMaker,
    search: Search,
}

impl IndexMaker {
    /// Makes the index of mixed hashes and their rows: hashes may repeat, rows ascend. Leaves the pairs sorted.
    pub fn make(&mut self, pairs: &mut [Pair]) -> Result<Made, SegmentError> {
        if pairs.is_empty() {
            return Ok(Made::empty());
        }
        self.sorter.sort(pairs);
        self.distinct.clear();
        self.distinct.extend(pairs.iter().map(|pair| pair.0));
        self.distinct.dedup();
        let failed = SegmentError::library("make the index of a segment");
        let filter = self.filter.make(&self.distinct);
        let (shape, fingerprints) = filter.ok_or_else(|| failed(&"no filter was found"))?;
        let perfect = perfect::make(&self.distinct, &mut self.search);
        let (perfect, pilots) = perfect.ok_or_else(|| failed(&"no perfect hash was found"))?;
        let (rows, lists) = place_rows(pairs, &perfect, &pilots)
            .ok_or_else(|| failed(&"two hashes have one slot"))?;
        let head = Head {
            filter_seed: shape.seed,
            segment_length: shape.segment_length,
            segment_count_length: shape.count_length,
            perfect,
            hashes: self.distinct.len() as u32,
            rows: pairs.len() as u32,
        };
        if !head.sound() || head.lengths().fingerprints != fingerprints.len() as u64 {
            return Err(failed(&"the filter has another shape than expected"));
        }
        Ok(Made {
            head: head.encode(),
            fingerprints,
            pilots,
            rows,
            lists,
        })
    }
}

/// The sections of rows and of lists; `None` when the perfect hash is none.
fn place_rows(pairs: &[Pair], perfect: &Perfect, pilots: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut rows = vec![u8::MAX; perfect.slots as usize * 4];
    let (entries, _) = rows.as_chunks_mut::<4>();
    let mut lists: Vec<u8> = Vec::new();
    let turns = perfect.turns();
    let mut hashes = 0;
    for group in pairs.chunk_by(|left, right| left.0 == right.0) {
        let word = match group {
            [(_, row)] => *row,
            several => {
                let at = LIST | (lists.len() / 4) as u32;
                let rows = several.iter().map(|&(_, row)| row);
                let words = std::iter::once(several.len() as u32).chain(rows);
                lists.extend(words.flat_map(u32::to_le_bytes));
                at
            }
        };
        entries[perfect.slot_of(group[0].0, pilots, &turns)] = word.to_le_bytes();
        hashes += 1;
    }
    // Two hashes with one slot would leave one slot too few.
    let none = NONE.to_le_bytes();
    let used = entries.iter().filter(|entry| **entry != none).count();
    (used == hashes).then_some((rows, lists))
}

/// The index of hashes as they are, in any order.
#[cfg(test)]
pub fn build(pairs: Vec<(u64, u32)>) -> Result<Made, SegmentError> {
    let mixed = pairs.into_iter().map(|(hash, row)| (mix(hash), row));
    IndexMaker::default().make(&mut mixed.collect::<Vec<_>>())
}
