//! Rows of a scan: the columns of a thousand rows are checked at once, and then read as slices.

use std::borrow::Cow;
use std::ops::Range;

use crate::SegmentRow;
use crate::blocks::Bad;
use crate::hot::Hot;
use crate::layout::Binary;
use crate::schema::column;

/// Rows that are checked together: few enough to stay in the caches.
pub const WINDOW_ROWS: usize = 1024;

/// Checked columns of some rows.
#[derive(Debug)]
pub struct Window<'a> {
    pub rows: Range<usize>,
    offset: &'a [[u8; 8]],
    epoch: &'a [[u8; 4]],
    timestamp: &'a [[u8; 8]],
    scarab_id: &'a [[u8; 8]],
    schema_id: &'a [[u8; 4]],
    leaf_hash: &'a [[u8; 32]],
    key: Strings<'a>,
    value: Strings<'a>,
    headers: Strings<'a>,
}

#[derive(Debug)]
struct Strings<'a> {
    /// Of the whole column.
    present: Option<&'a [u8]>,
    /// One more than rows.
    offsets: &'a [[u8; 4]],
    /// From the first offset to the last.
    bytes: &'a [u8],
}

impl<'a> Window<'a> {
    /// The rows from `first` on, up to [`WINDOW_ROWS`]. An error says nothing about any one of them.
    pub fn open(hot: &'a Hot, first: usize) -> Result<Self, Bad> {
        let rows = first..hot.layout.rows.min(first + WINDOW_ROWS);
        Ok(Self {
            offset: fixed(hot, column::OFFSET, &rows)?,
            epoch: fixed(hot, column::EPOCH, &rows)?,
            timestamp: fixed(hot, column::TIMESTAMP, &rows)?,
            scarab_id: fixed(hot, column::SCARAB_ID, &rows)?,
            schema_id: fixed(hot, column::SCHEMA_ID, &rows)?,
            leaf_hash: fixed(hot, column::LEAF_HASH, &rows)?,
            key: Strings::open(hot, &hot.layout.key, &rows)?,
            value: Strings::open(hot, &hot.layout.value, &rows)?,
            headers: Strings::open(hot, &hot.layout.headers, &rows)?,
            rows,
        })
    }

    /// One of its rows; `None` when the columns contradict themselves there.
    pub fn row(&self, row: usize) -> Option<SegmentRow<'a>> {
        let at = row.checked_sub(self.rows.start)?;
        Some(SegmentRow {
            offset: u64::from_le_bytes(*self.offset.get(at)?),
            epoch: u32::from_le_bytes(*self.epoch.get(at)?),
            timestamp: u64::from_le_bytes(*self.timestamp.get(at)?),
            scarab_id: u64::from_le_bytes(*self.scarab_id.get(at)?),
            schema_id: u32::from_le_bytes(*self.schema_id.get(at)?),
            key: self.key.part(row, at)?,
            headers: self.headers.part(row, at)?,
            value: self.value.part(row, at)??,
            leaf_hash: *self.leaf_hash.get(at)?,
        })
    }
}

fn fixed<'a, const N: usize>(
    hot: &'a Hot,
    column: usize,
    rows: &Range<usize>,
) -> Result<&'a [[u8; N]], Bad> {
    let start = hot.layout.fixed[column].start;
    let bytes = hot
        .blocks
        .bytes(start + rows.start * N..start + rows.end * N)?;
    Ok(bytes.as_chunks().0)
}

impl<'a> Strings<'a> {
    fn open(hot: &'a Hot, column: &Binary, rows: &Range<usize>) -> Result<Self, Bad> {
        let start = column.offsets.start;
        let offsets = hot
            .blocks
            .bytes(start + rows.start * 4..start + (rows.end + 1) * 4)?
            .as_chunks()
            .0;
        let place = |offset: Option<&[u8; 4]>| {
            offset.map_or(0, |offset| u32::from_le_bytes(*offset)) as usize
        };
        let (first, last) = (place(offsets.first()), place(offsets.last()));
        if first > last || last > column.bytes.len() {
            return Err(Bad {
                range: column.offsets.clone(),
                what: "bytes lie outside of their column".to_owned(),
            });
        }
        let bytes = column.bytes.start;
        let present = column.present.clone();
        Ok(Self {
            present: present.map(|bitmap| hot.blocks.bytes(bitmap)).transpose()?,
            offsets,
            bytes: hot.blocks.bytes(bytes + first..bytes + last)?,
        })
    }

    /// The string of a row, `None` inside when there is none.
    #[expect(
        clippy::option_option,
        reason = "columns that contradict themselves, and rows without a string"
    )]
    fn part(&self, row: usize, at: usize) -> Option<Option<Cow<'a, [u8]>>> {
        if let Some(bitmap) = self.present
            && bitmap.get(row / 8)? >> (row % 8) & 1 == 0
        {
            return Some(None);
        }
        let place = |at: usize| Some(u32::from_le_bytes(*self.offsets.get(at)?) as usize);
        let first = place(0)?;
        let (start, end) = (
            place(at)?.checked_sub(first)?,
            place(at + 1)?.checked_sub(first)?,
        );
        Some(Some(Cow::Borrowed(self.bytes.get(start..end)?)))
    }
}
