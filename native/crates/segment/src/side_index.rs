//! The indexes of a sidecar, asked for a hash: the filter first, then the perfect hash.

use pyralog_log::Mapped;
use pyralog_types::u32_at;

use crate::SegmentError;
use crate::filter::Shape;
use crate::index::Entry;
use crate::side::{FINGERPRINTS, LISTS, PILOTS, ROWS, Side, Which};

/// A sidecar's mapping, where in it fingerprints begin, and the rest of their filter.
pub type Fingerprints = (Mapped, usize, Shape);

impl Side {
    /// Whether an index may hold a hash. Wrong now and then, but only by saying yes.
    #[inline]
    pub fn may_hold(&self, which: Which, hash: u64) -> Result<bool, SegmentError> {
        let head = self.head(which);
        if head.hashes == 0 {
            return Ok(false);
        }
        Ok(head.may_hold(hash, self.section(which.section(FINGERPRINTS))?))
    }

    /// Where the fingerprints of an index stand, checked, and the filter that reads them; `None` when the index is empty.
    pub fn fingerprints(&self, which: Which) -> Result<Option<Fingerprints>, SegmentError> {
        let head = self.head(which);
        if head.hashes == 0 {
            return Ok(None);
        }
        let (map, start) = self.mapped_section(which.section(FINGERPRINTS))?;
        Ok(Some((map.clone(), start, head.shape())))
    }

    /// Rows that may have this hash, ascending: those of another hash, too, if the filter was wrong.
    pub fn candidates(&self, which: Which, hash: u64) -> Result<Candidates<'_>, SegmentError> {
        if !self.may_hold(which, hash)? {
            return Ok(Candidates::One(None));
        }
        self.expected(which, hash)
    }

    /// The same without the filter's opinion: any row at all for a hash that is not there.
    pub fn expected(&self, which: Which, hash: u64) -> Result<Candidates<'_>, SegmentError> {
        if self.head(which).hashes == 0 {
            return Ok(Candidates::One(None));
        }
        let broken = || self.damaged("an index points behind its end");
        let head = self.head(which);
        let pilots = self.section(which.section(PILOTS))?;
        let pilot = *pilots.get(head.bucket(hash)).ok_or_else(broken)?;
        let rows = self.section(which.section(ROWS))?;
        let entry = rows.get(head.entry(hash, pilot)).ok_or_else(broken)?;
        match Entry::read(u32_at(entry, 0)) {
            Entry::None => Ok(Candidates::One(None)),
            Entry::Row(row) if row < self.meta().rows => Ok(Candidates::One(Some(row))),
            Entry::Row(_) => Err(broken()),
            Entry::List(at) => {
                let (words, _) = self.section(which.section(LISTS))?.as_chunks::<4>();
                let list = words.get(at / 4..).and_then(|list| {
                    let (count, rows) = list.split_first()?;
                    rows.get(..u32::from_le_bytes(*count) as usize)
                });
                list.map(Candidates::List).ok_or_else(broken)
            }
        }
    }

    /// Bits a key of the filter and of the perfect hash.
    #[expect(
        clippy::cast_precision_loss,
        reason = "sections are shorter than 2^52 bytes"
    )]
    pub fn bits_per_key(&self, which: Which) -> Option<(f64, f64)> {
        let head = self.head(which);
        let lengths = head.lengths();
        let bits = |bytes: u64| bytes as f64 * 8.0 / f64::from(head.hashes);
        (head.hashes > 0).then(|| (bits(lengths.fingerprints), bits(lengths.pilots)))
    }
}

/// Rows an index names for a hash.
#[derive(Debug, Clone, Copy)]
pub enum Candidates<'a> {
    /// At most one.
    One(Option<u32>),
    /// Several, ascending.
    List(&'a [[u8; 4]]),
}

impl Candidates<'_> {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::One(row) => row.iter().len(),
            Self::List(list) => list.len(),
        }
    }

    /// One of them, by its place.
    pub fn get(&self, place: usize) -> Option<u32> {
        match self {
            Self::One(row) => row.filter(|_| place == 0),
            Self::List(list) => list.get(place).map(|row| u32::from_le_bytes(*row)),
        }
    }
}
