//! Finds rows by the hash of a key or of a notary value (H8): a filter that mostly says no at once, a perfect hash, and
//! the rows.

use std::ops::Range;

use xorf::{BinaryFuse8, BinaryFuse8Ref, DmaSerializable, Filter, FilterRef};

use crate::SegmentError;
use crate::filter::Shape;
use crate::perfect::{self, Perfect};

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
        let mut descriptor = [0; BinaryFuse8::DESCRIPTOR_LEN];
        descriptor[0..8].copy_from_slice(&self.filter_seed.to_le_bytes());
        descriptor[8..12].copy_from_slice(&self.segment_length.to_le_bytes());
        descriptor[12..16].copy_from_slice(&(self.segment_length - 1).to_le_bytes());
        descriptor[16..20].copy_from_slice(&self.segment_count_length.to_le_bytes());
        BinaryFuse8Ref::from_dma(&descriptor, fingerprints).contains(&hash)
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

/// Makes the index of pairs (hash, row), which may come in any order and with repeated hashes.
pub fn build(mut pairs: Vec<(u64, u32)>) -> Result<Made, SegmentError> {
    if pairs.is_empty() {
        return Ok(Made::empty());
    }
    pairs.sort_unstable();
    let hashes: Vec<u64> = pairs
        .chunk_by(|left, right| left.0 == right.0)
        .map(|group| group[0].0)
        .collect();
    let failed = SegmentError::library("make the index of a segment");
    let filter = BinaryFuse8::try_from(&hashes).map_err(|error| failed(&error))?;
    let (perfect, pilots) =
        perfect::build(&hashes).ok_or_else(|| failed(&"no perfect hash was found"))?;
    let mut rows = vec![NONE; perfect.slots as usize];
    let mut lists: Vec<u32> = Vec::new();
    for group in pairs.chunk_by(|left, right| left.0 == right.0) {
        let hash = group[0].0;
        let slot = &mut rows[perfect.slot(hash, pilots[perfect.bucket(hash)])];
        if *slot != NONE {
            return Err(failed(&"two hashes have one slot"));
        }
        *slot = group[0].1;
        if group.len() > 1 {
            *slot = LIST | lists.len() as u32;
            lists.push(group.len() as u32);
            lists.extend(group.iter().map(|&(_, row)| row));
        }
    }
    let head = Head {
        filter_seed: filter.descriptor.seed,
        segment_length: filter.descriptor.segment_length,
        segment_count_length: filter.descriptor.segment_count_length,
        perfect,
        hashes: hashes.len() as u32,
        rows: pairs.len() as u32,
    };
    if !head.sound() || head.lengths().fingerprints != filter.fingerprints.len() as u64 {
        return Err(failed(&"the filter has another shape than expected"));
    }
    let bytes = |words: Vec<u32>| words.iter().flat_map(|word| word.to_le_bytes()).collect();
    Ok(Made {
        head: head.encode(),
        fingerprints: filter.fingerprints.into_vec(),
        pilots,
        rows: bytes(rows),
        lists: bytes(lists),
    })
}
