//! Rows by offset, one or all that follow, and the hashes of their leaves.

use std::borrow::Cow;
use std::ops::Range;

use crate::blocks::Bad;
use crate::side::{SPARSE_ROWS, Sparse};
use crate::window::{WINDOW_ROWS, Window};
use crate::{Segment, SegmentError, SegmentRow};

impl Segment {
    /// First row whose number is not below `wanted`, in a column that never decreases.
    pub(crate) fn search(
        &self,
        wanted: u64,
        sparse: impl Fn(&Sparse) -> u64,
        number: impl Fn(usize) -> Result<u64, Bad>,
    ) -> Result<usize, SegmentError> {
        let rows = self.meta().rows as usize;
        let (mut low, mut high) = (0, self.side().groups());
        let narrow = |low: &mut usize, high: &mut usize| {
            while low < high {
                let middle = usize::midpoint(*low, *high);
                if sparse(&self.side().sparse(middle)?) < wanted {
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
        if row < meta.rows as usize && self.read(self.data().offset(row))? == offset {
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
        self.search(offset, |entry| entry.offset, |row| self.data().offset(row))
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
        self.read(self.data().row(row))
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
                window = self.data().window(row);
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
        row.map(|row| self.read(self.data().leaf_hash(row)))
            .transpose()
    }

    /// Hashes of all rows' leaves, in order. A hot segment lends them, a cold one decodes them every time.
    ///
    /// # Errors
    /// As [`Segment::row`].
    pub fn leaf_hashes(&self) -> Result<Cow<'_, [[u8; 32]]>, SegmentError> {
        self.read(self.data().leaf_hashes(0..self.meta().rows as usize))
    }

    /// Leaf hashes of those of these offsets that have a row, in order; all of them where nothing was compacted away.
    /// Costs what is asked for in a hot segment, up to a row group's column of hashes in a cold one.
    ///
    /// # Errors
    /// As [`Segment::row`].
    pub fn leaf_hashes_of(&self, offsets: Range<u64>) -> Result<Cow<'_, [[u8; 32]]>, SegmentError> {
        let start = self.first_row_from(offsets.start)?;
        let end = self.first_row_from(offsets.end)?.max(start);
        self.read(self.data().leaf_hashes(start..end))
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
        if !self.read(self.data().is_empty(row))? {
            return Ok(false);
        }
        let row = self.checked_row(row)?;
        let headers = row.headers.as_deref().unwrap_or_default();
        Ok(row.key.is_some() && pyralog_types::is_tombstone(headers, &row.value))
    }
}
