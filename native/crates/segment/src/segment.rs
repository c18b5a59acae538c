//! An open segment: rows by offset, time, id, key and value.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_log::{FileLayer, Mapped};

use crate::blocks::{Bad, Blocks};
use crate::data::{Data, Wanted};
use crate::index::short;
use crate::side::{Candidates, SPARSE_ROWS, Side, Sparse, Which};
use crate::window::{WINDOW_ROWS, Window};
use crate::{SegmentError, SegmentMeta, SegmentRow};

/// A sealed segment. Clones share the mapping, which outlives the files' names.
#[derive(Debug, Clone)]
pub struct Segment(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    meta: SegmentMeta,
    path: PathBuf,
    data: Data,
    side: Side,
}

/// What the filter and the perfect hash of keys cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndexBits {
    /// Bits a key of the filter.
    pub filter: f64,
    /// Bits a key of the perfect hash, the rows it leads to not among them.
    pub perfect_hash: f64,
}

impl Segment {
    /// Maps the segment's files and checks their lengths, magics, heads and Arrow's own metadata (H6). Takes no longer
    /// for more rows, but for 4 bytes a block of 64 KiB.
    ///
    /// # Errors
    /// [`SegmentError::Side`] when only the sidecar is missing, damaged or another segment's: rebuild it and open again.
    /// [`SegmentError::Damaged`] when the data file is not the one that `meta` is of; [`SegmentError::Io`].
    pub fn open(
        files: &dyn FileLayer,
        dir: &Path,
        name: &str,
        meta: &SegmentMeta,
    ) -> Result<Self, SegmentError> {
        let [path, _] = meta.kind.paths(dir, name);
        let damaged = |what: String| SegmentError::Damaged {
            file: path.clone(),
            offsets: meta.base_offset..meta.end_offset,
            what,
        };
        let map = files.map(&path).map_err(SegmentError::io("map", &path))?;
        if map.len() as u64 != meta.arrow_bytes {
            return Err(damaged(format!(
                "the file has {} bytes instead of {}",
                map.len(),
                meta.arrow_bytes
            )));
        }
        let side = Side::open(files, dir, name, meta.kind)?;
        if side.meta() != meta {
            let what = "it belongs to another segment, or to an older form of this one";
            return Err(SegmentError::side(side.path(), what));
        }
        let blocks = Blocks::new(map, side.crcs()?)
            .ok_or_else(|| SegmentError::side(side.path(), "checksums are missing"))?;
        let data = Data::open(meta.kind, blocks).map_err(|bad| damaged(bad.what))?;
        if data.rows() != meta.rows as usize {
            return Err(damaged(format!(
                "the file has {} rows instead of {}",
                data.rows(),
                meta.rows
            )));
        }
        Ok(Self(Arc::new(Inner {
            meta: *meta,
            path,
            data,
            side,
        })))
    }

    /// Its figures.
    #[must_use]
    pub fn meta(&self) -> &SegmentMeta {
        &self.0.meta
    }

    /// Its data file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The mapped data file as it is on disk, for readers that bring their own checks; [`Segment::check_blocks`] is ours.
    #[must_use]
    pub fn mapped(&self) -> Mapped {
        self.0.data.blocks().unchecked().clone()
    }

    /// Checks every block that was not read yet.
    ///
    /// # Errors
    /// [`SegmentError::Damaged`] for the first block that is not what was written.
    pub fn check_blocks(&self) -> Result<(), SegmentError> {
        let bytes = self
            .0
            .data
            .blocks()
            .bytes(0..self.0.data.blocks().unchecked().len());
        bytes.map(drop).map_err(|bad| self.damaged(&bad))
    }

    pub(crate) fn data(&self) -> &Data {
        &self.0.data
    }

    pub(crate) fn side(&self) -> &Side {
        &self.0.side
    }

    pub(crate) fn damaged(&self, bad: &Bad) -> SegmentError {
        SegmentError::Damaged {
            file: self.0.path.clone(),
            offsets: self.offsets_of(&bad.range),
            what: bad.what.clone(),
        }
    }

    /// Offsets that bytes of the data file belong to; where offsets are missing, up to 1,024 rows more.
    pub(crate) fn offsets_of(&self, bytes: &Range<usize>) -> Range<u64> {
        let meta = self.meta();
        let rows = self.0.data.rows_of(bytes);
        if rows.len() == meta.rows as usize {
            return meta.base_offset..meta.end_offset;
        }
        if !meta.compacted {
            return meta.base_offset + rows.start as u64..meta.base_offset + rows.end as u64;
        }
        let group = |number: usize| {
            let inside = (number < self.0.side.groups()).then(|| self.0.side.sparse(number));
            inside.and_then(Result::ok).map(|entry| entry.offset)
        };
        let start = group(rows.start / SPARSE_ROWS as usize).unwrap_or(meta.base_offset);
        let end = group(rows.end.div_ceil(SPARSE_ROWS as usize)).unwrap_or(meta.end_offset);
        start..end
    }

    fn read<T>(&self, result: Result<T, Bad>) -> Result<T, SegmentError> {
        result.map_err(|bad| self.damaged(&bad))
    }

    /// First row whose number is not below `wanted`, in a column that never decreases.
    fn search(
        &self,
        wanted: u64,
        sparse: impl Fn(&Sparse) -> u64,
        number: impl Fn(usize) -> Result<u64, Bad>,
    ) -> Result<usize, SegmentError> {
        let rows = self.meta().rows as usize;
        let (mut low, mut high) = (0, self.0.side.groups());
        let narrow = |low: &mut usize, high: &mut usize| {
            while low < high {
                let middle = usize::midpoint(*low, *high);
                if sparse(&self.0.side.sparse(middle)?) < wanted {
                    *low = middle + 1;
                } else {
                    *high = middle;
                }
            }
            Ok::<_, SegmentError>(())
        };
        let group = SPARSE_ROWS as usize;
        // A damaged sparse index only costs time.
        let mut range = match narrow(&mut low, &mut high) {
            Ok(()) if low == 0 => return Ok(0),
            Ok(()) => (low - 1) * group + 1..rows.min(low * group),
            Err(_) => 0..rows,
        };
        while range.start < range.end {
            let middle = usize::midpoint(range.start, range.end);
            if self.read(number(middle))? < wanted {
                range.start = middle + 1;
            } else {
                range.end = middle;
            }
        }
        Ok(range.start)
    }

    /// The row with this offset.
    fn find(&self, offset: u64) -> Result<Option<usize>, SegmentError> {
        let meta = self.meta();
        if !(meta.base_offset..meta.end_offset).contains(&offset) {
            return Ok(None);
        }
        if !meta.compacted {
            return Ok(Some((offset - meta.base_offset) as usize));
        }
        let row = self.first_row_from(offset)?;
        if row < meta.rows as usize && self.read(self.0.data.offset(row))? == offset {
            return Ok(Some(row));
        }
        Ok(None)
    }

    /// First row at or behind an offset; the number of rows when there is none.
    fn first_row_from(&self, offset: u64) -> Result<usize, SegmentError> {
        let meta = self.meta();
        if !meta.compacted {
            let ahead = offset.saturating_sub(meta.base_offset);
            return Ok(ahead.min(meta.rows.into()) as usize);
        }
        self.search(offset, |entry| entry.offset, |row| self.0.data.offset(row))
    }

    /// The row at an offset; `None` outside of the segment and in gaps of a compacted one.
    ///
    /// # Errors
    /// [`SegmentError::Damaged`] when a block it stands in is not what was written.
    pub fn row(&self, offset: u64) -> Result<Option<SegmentRow<'_>>, SegmentError> {
        let row = self.find(offset)?;
        row.map(|row| self.checked_row(row)).transpose()
    }

    fn checked_row(&self, row: usize) -> Result<SegmentRow<'_>, SegmentError> {
        self.read(self.0.data.row(row))
    }

    /// Rows at and behind an offset, in order. A damaged one is an error, and the next call goes on behind it.
    ///
    /// # Errors
    /// As [`Segment::row`], when a compacted segment cannot find the first one.
    pub fn rows_from(
        &self,
        offset: u64,
    ) -> Result<impl Iterator<Item = Result<SegmentRow<'_>, SegmentError>>, SegmentError> {
        let first = self.first_row_from(offset)?;
        let mut window: Option<Window<'_>> = None;
        // Rows up to here are read one by one, because something is wrong among them.
        let mut single = first;
        let rows = first..self.meta().rows as usize;
        Ok(rows.map(move |row| {
            let inside = |window: &Window<'_>| window.rows.contains(&row);
            if !window.as_ref().is_some_and(inside) && row >= single {
                window = self.0.data.window(row);
                single = window.as_ref().map_or(row + WINDOW_ROWS, |_| row);
            }
            let read = window.as_ref().and_then(|window| window.row(row));
            read.map_or_else(|| self.checked_row(row), Ok)
        }))
    }

    /// Hash of the leaf at an offset.
    ///
    /// # Errors
    /// As [`Segment::row`].
    pub fn leaf_hash(&self, offset: u64) -> Result<Option<[u8; 32]>, SegmentError> {
        let row = self.find(offset)?;
        row.map(|row| self.read(self.0.data.leaf_hash(row)))
            .transpose()
    }

    /// Hashes of all rows' leaves, in order. A hot segment lends them, a cold one decodes them every time.
    ///
    /// # Errors
    /// As [`Segment::row`].
    pub fn leaf_hashes(&self) -> Result<Cow<'_, [[u8; 32]]>, SegmentError> {
        self.read(self.0.data.leaf_hashes(0..self.meta().rows as usize))
    }

    /// Leaf hashes of those of these offsets that have a row, in order; all of them where nothing was compacted away.
    /// Costs what is asked for in a hot segment, up to a row group's column of hashes in a cold one.
    ///
    /// # Errors
    /// As [`Segment::row`].
    pub fn leaf_hashes_of(&self, offsets: Range<u64>) -> Result<Cow<'_, [[u8; 32]]>, SegmentError> {
        let start = self.first_row_from(offsets.start)?;
        let end = self.first_row_from(offsets.end)?.max(start);
        self.read(self.0.data.leaf_hashes(start..end))
    }

    /// Offset of the record with a Scarab id.
    ///
    /// # Errors
    /// As [`Segment::row`].
    pub fn by_id(&self, id: u64) -> Result<Option<u64>, SegmentError> {
        let meta = self.meta();
        if !(meta.first_id..=meta.last_id).contains(&id) {
            return Ok(None);
        }
        let row = self.search(id, |entry| entry.id, |row| self.0.data.id(row))?;
        if self.read(self.0.data.id(row))? != id {
            return Ok(None);
        }
        self.read(self.0.data.offset(row)).map(Some)
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
            |row| self.0.data.timestamp(row),
        )?;
        self.read(self.0.data.offset(row)).map(Some)
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
        let answer = self.0.side.may_hold(Which::Keys, short(key_hash));
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
        let found = self.0.side.candidates(Which::Keys, short(key_hash))?;
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
        let found = self.0.side.expected(Which::Keys, short(key_hash))?;
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
                if self.read(self.0.data.timestamp(row))? > ms {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            left = low;
        }
        for place in (0..left).rev() {
            let row = self.candidate(found, place)?;
            if self.read(self.0.data.matches(row, Wanted::Key(key)))? {
                return self.offset_of(row).map(Some);
            }
        }
        Ok(None)
    }

    /// Offset of a row: only where rows are missing it has to be read.
    fn offset_of(&self, row: usize) -> Result<u64, SegmentError> {
        if self.meta().compacted {
            return self.read(self.0.data.offset(row));
        }
        Ok(self.meta().base_offset + row as u64)
    }

    /// Whether the row at an offset has a key and says that it is gone (Y13).
    ///
    /// # Errors
    /// As [`Segment::row`].
    pub fn is_tombstone(&self, offset: u64) -> Result<bool, SegmentError> {
        let Some(row) = self.find(offset)? else {
            return Ok(false);
        };
        // Most values have bytes, and then nothing else of the row is read.
        if !self.read(self.0.data.is_empty(row))? {
            return Ok(false);
        }
        let row = self.checked_row(row)?;
        let headers = row.headers.as_deref().unwrap_or_default();
        Ok(row.key.is_some() && pyralog_types::is_tombstone(headers, &row.value))
    }

    fn candidate(&self, found: &Candidates<'_>, place: usize) -> Result<usize, SegmentError> {
        let row = found.get(place).filter(|&row| row < self.meta().rows);
        row.map(|row| row as usize).ok_or_else(|| {
            SegmentError::side(self.0.side.path(), "an index names rows that there are not")
        })
    }

    fn all<'a>(
        &'a self,
        which: Which,
        bytes: &[u8],
        wanted: Wanted<'a>,
    ) -> Result<impl Iterator<Item = Result<u64, SegmentError>>, SegmentError> {
        let hash = short(blake3::hash(bytes).as_bytes());
        let found = self.0.side.candidates(which, hash)?;
        let read = move |place| {
            let row = self.candidate(&found, place)?;
            if self.read(self.0.data.matches(row, wanted))? {
                self.read(self.0.data.offset(row)).map(Some)
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

    /// What the index of keys costs; `None` without keys.
    #[must_use]
    pub fn index_bits(&self) -> Option<IndexBits> {
        let (filter, perfect_hash) = self.0.side.bits_per_key(Which::Keys)?;
        Some(IndexBits {
            filter,
            perfect_hash,
        })
    }
}
