//! Lookups: offsets by id, time, key and value.

use crate::data::Wanted;
use crate::index::short;
use crate::side::Which;
use crate::side_index::Candidates;
use crate::{Segment, SegmentError};

impl Segment {
    /// Offset of the record with a Scarab id.
    ///
    /// # Errors
    /// As [`Segment::row`].
    pub fn by_id(&self, id: u64) -> Result<Option<u64>, SegmentError> {
        let meta = self.meta();
        if !(meta.first_id..=meta.last_id).contains(&id) {
            return Ok(None);
        }
        let row = self.search(id, |entry| entry.id, |row| self.data().id(row))?;
        if self.read(self.data().id(row))? != id {
            return Ok(None);
        }
        self.read(self.data().offset(row)).map(Some)
    }

    /// First offset whose timestamp is not before `ms`.
    ///
    /// # Errors
    /// As [`Segment::row`].
    pub fn by_time(&self, ms: u64) -> Result<Option<u64>, SegmentError> {
        if ms > self.meta().last_timestamp {
            return Ok(None);
        }
        let row = self.search(
            ms,
            |entry| entry.timestamp,
            |row| self.data().timestamp(row),
        )?;
        self.read(self.data().offset(row)).map(Some)
    }

    /// Whether a record with this key may be here: no lies about keys that are, and yes for 0.4 % of others. A sidecar that
    /// cannot tell says yes.
    #[must_use]
    pub fn may_hold_key(&self, key: &[u8]) -> bool {
        self.may_hold_key_hash(blake3::hash(key).as_bytes())
    }

    /// [`Segment::may_hold_key`] for callers that ask many segments: takes the BLAKE3 of the key.
    #[must_use]
    pub fn may_hold_key_hash(&self, key_hash: &[u8; 32]) -> bool {
        let answer = self.side().may_hold(Which::Keys, short(key_hash));
        answer.unwrap_or(true)
    }

    /// Offset of the latest record with a key.
    ///
    /// # Errors
    /// [`SegmentError::Side`] when the index is damaged (its answer would be a guess), [`SegmentError::Damaged`].
    pub fn by_key(&self, key: &[u8]) -> Result<Option<u64>, SegmentError> {
        self.by_key_at(key, u64::MAX)
    }

    /// Offset of the latest record with a key whose timestamp is not behind `ms`.
    ///
    /// # Errors
    /// As [`Segment::by_key`].
    pub fn by_key_at(&self, key: &[u8], ms: u64) -> Result<Option<u64>, SegmentError> {
        self.by_key_hash_at(blake3::hash(key).as_bytes(), key, ms)
    }

    /// [`Segment::by_key_at`] for callers that ask many segments: takes the BLAKE3 of the key, too.
    ///
    /// # Errors
    /// As [`Segment::by_key`].
    pub fn by_key_hash_at(
        &self,
        key_hash: &[u8; 32],
        key: &[u8],
        ms: u64,
    ) -> Result<Option<u64>, SegmentError> {
        let found = self.side().candidates(Which::Keys, short(key_hash))?;
        self.latest_of(&found, key, ms)
    }

    /// [`Segment::by_key_hash_at`] for callers that know what the filter says, from a [`crate::KeyPanel`]: it is not asked
    /// again.
    ///
    /// # Errors
    /// As [`Segment::by_key`].
    pub fn by_expected_key_hash_at(
        &self,
        key_hash: &[u8; 32],
        key: &[u8],
        ms: u64,
    ) -> Result<Option<u64>, SegmentError> {
        let found = self.side().expected(Which::Keys, short(key_hash))?;
        self.latest_of(&found, key, ms)
    }

    /// The latest of some rows that has a key and is not behind `ms`.
    fn latest_of(
        &self,
        found: &Candidates<'_>,
        key: &[u8],
        ms: u64,
    ) -> Result<Option<u64>, SegmentError> {
        let mut left = found.len();
        if ms < self.meta().last_timestamp {
            let (mut low, mut high) = (0, left);
            while low < high {
                let middle = usize::midpoint(low, high);
                let row = self.candidate(found, middle)?;
                if self.read(self.data().timestamp(row))? > ms {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            left = low;
        }
        for place in (0..left).rev() {
            let row = self.candidate(found, place)?;
            if self.read(self.data().matches(row, Wanted::Key(key)))? {
                return self.offset_of(row).map(Some);
            }
        }
        Ok(None)
    }

    /// Offset of a row: only where rows are missing it has to be read.
    fn offset_of(&self, row: usize) -> Result<u64, SegmentError> {
        if self.meta().compacted {
            return self.read(self.data().offset(row));
        }
        Ok(self.meta().base_offset + row as u64)
    }

    fn candidate(&self, found: &Candidates<'_>, place: usize) -> Result<usize, SegmentError> {
        let row = found.get(place).filter(|&row| row < self.meta().rows);
        row.map(|row| row as usize).ok_or_else(|| {
            SegmentError::side(self.side().path(), "an index names rows that there are not")
        })
    }

    fn all<'a>(
        &'a self,
        which: Which,
        bytes: &[u8],
        wanted: Wanted<'a>,
    ) -> Result<impl Iterator<Item = Result<u64, SegmentError>>, SegmentError> {
        let hash = short(blake3::hash(bytes).as_bytes());
        let found = self.side().candidates(which, hash)?;
        let read = move |place| {
            let row = self.candidate(&found, place)?;
            if self.read(self.data().matches(row, wanted))? {
                self.read(self.data().offset(row)).map(Some)
            } else {
                Ok(None)
            }
        };
        Ok((0..found.len()).filter_map(move |place| read(place).transpose()))
    }

    /// Offsets of all records with a key, ascending.
    ///
    /// # Errors
    /// As [`Segment::by_key`], at once or from the iterator.
    pub fn all_by_key<'a>(
        &'a self,
        key: &'a [u8],
    ) -> Result<impl Iterator<Item = Result<u64, SegmentError>>, SegmentError> {
        self.all(Which::Keys, key, Wanted::Key(key))
    }

    /// Offsets of all notary records (schema 1) with a value, ascending. Each was compared with its row.
    ///
    /// # Errors
    /// As [`Segment::by_key`], at once or from the iterator.
    pub fn by_value<'a>(
        &'a self,
        value: &'a [u8],
    ) -> Result<impl Iterator<Item = Result<u64, SegmentError>>, SegmentError> {
        self.all(Which::Values, value, Wanted::NotaryValue(value))
    }
}
