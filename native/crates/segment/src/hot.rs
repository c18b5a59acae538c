//! Rows of a mapped Arrow file, read in place (H3). Numbers are read byte by byte, which compiles to plain loads, so
//! nothing here depends on alignment or trusts what the file says.

use std::borrow::Cow;
use std::ops::Range;

use crate::SegmentRow;
use crate::blocks::{Bad, Blocks};
use crate::layout::{Binary, Layout};
use crate::schema::column;

/// The file and where its columns are.
#[derive(Debug)]
pub struct Hot {
    pub blocks: Blocks,
    pub layout: Layout,
}

impl Hot {
    /// Reads Arrow's metadata, checking the blocks it stands in.
    pub fn open(blocks: Blocks) -> Result<Self, Bad> {
        let layout = Layout::find(blocks.unchecked().len(), |range| blocks.bytes(range))?;
        Ok(Self { blocks, layout })
    }

    #[inline]
    fn array<const N: usize>(&self, column: &Range<usize>, row: usize) -> Result<[u8; N], Bad> {
        let start = column.start + row * N;
        if start + N > column.end {
            return Err(Bad {
                range: column.clone(),
                what: format!("there is no row {row}"),
            });
        }
        let mut value = [0; N];
        value.copy_from_slice(self.blocks.bytes(start..start + N)?);
        Ok(value)
    }

    /// A number of one of the 64-bit columns.
    #[inline]
    pub fn long(&self, column: usize, row: usize) -> Result<u64, Bad> {
        self.array(&self.layout.fixed[column], row)
            .map(u64::from_le_bytes)
    }

    #[inline]
    fn word(&self, column: usize, row: usize) -> Result<u32, Bad> {
        self.array(&self.layout.fixed[column], row)
            .map(u32::from_le_bytes)
    }

    /// Hash of a leaf.
    pub fn leaf_hash(&self, row: usize) -> Result<[u8; 32], Bad> {
        self.array(&self.layout.fixed[column::LEAF_HASH], row)
    }

    /// Leaf hashes of some rows, in place.
    pub fn leaf_hashes(&self, rows: Range<usize>) -> Result<&[[u8; 32]], Bad> {
        let start = self.layout.fixed[column::LEAF_HASH].start;
        let range = start + 32 * rows.start..start + 32 * rows.end;
        Ok(self.blocks.bytes(range)?.as_chunks().0)
    }

    #[inline]
    fn bytes(&self, column: &Binary, row: usize) -> Result<&[u8], Bad> {
        let start = u32::from_le_bytes(self.array(&column.offsets, row)?) as usize;
        let end = u32::from_le_bytes(self.array(&column.offsets, row + 1)?) as usize;
        if start > end || end > column.bytes.len() {
            return Err(Bad {
                range: column.offsets.clone(),
                what: format!("the bytes of row {row} lie outside of their column"),
            });
        }
        self.blocks
            .bytes(column.bytes.start + start..column.bytes.start + end)
    }

    #[inline]
    fn part(&self, column: &Binary, row: usize) -> Result<Option<&[u8]>, Bad> {
        if let Some(bitmap) = &column.present {
            let [byte] = self.array(bitmap, row / 8)?;
            if byte >> (row % 8) & 1 == 0 {
                return Ok(None);
            }
        }
        self.bytes(column, row).map(Some)
    }

    /// Key of a row.
    pub fn key(&self, row: usize) -> Result<Option<&[u8]>, Bad> {
        self.part(&self.layout.key, row)
    }

    /// Value of a row.
    pub fn value(&self, row: usize) -> Result<&[u8], Bad> {
        self.bytes(&self.layout.value, row)
    }

    /// Schema of a row.
    pub fn schema_id(&self, row: usize) -> Result<u32, Bad> {
        self.word(column::SCHEMA_ID, row)
    }

    /// A whole row.
    pub fn row(&self, row: usize) -> Result<SegmentRow<'_>, Bad> {
        Ok(SegmentRow {
            offset: self.long(column::OFFSET, row)?,
            epoch: self.word(column::EPOCH, row)?,
            timestamp: self.long(column::TIMESTAMP, row)?,
            scarab_id: self.long(column::SCARAB_ID, row)?,
            schema_id: self.schema_id(row)?,
            key: self.key(row)?.map(Cow::Borrowed),
            headers: self.part(&self.layout.headers, row)?.map(Cow::Borrowed),
            value: Cow::Borrowed(self.value(row)?),
            leaf_hash: self.leaf_hash(row)?,
        })
    }

    /// Rows that bytes of the file belong to: all of them for bytes outside of the columns.
    pub fn rows_of(&self, bytes: &Range<usize>) -> Range<usize> {
        let Layout { rows, ref body, .. } = self.layout;
        if bytes.start < body.start || bytes.end > body.end {
            return 0..rows;
        }
        let mut touched = rows..0;
        let mut touch = |from: usize, to: usize| {
            touched = touched.start.min(from)..touched.end.max(to.min(rows));
        };
        let within = |piece: &Range<usize>| {
            let (start, end) = (bytes.start.max(piece.start), bytes.end.min(piece.end));
            (start < end).then(|| start - piece.start..end - piece.start)
        };
        for (piece, width) in self.layout.fixed.iter().zip([8, 4, 8, 8, 1, 1, 1, 4, 32]) {
            if let Some(hit) = within(piece) {
                touch(hit.start / width, hit.end.div_ceil(width));
            }
        }
        for column in [&self.layout.key, &self.layout.value, &self.layout.headers] {
            if let Some(hit) = column.present.as_ref().and_then(within) {
                touch(hit.start * 8, hit.end * 8);
            }
            if let Some(hit) = within(&column.offsets) {
                touch((hit.start / 4).saturating_sub(1), hit.end.div_ceil(4));
            }
            if let Some(hit) = within(&column.bytes) {
                let start = self.first_offset_above(column, hit.start);
                touch(
                    start.saturating_sub(1),
                    self.first_offset_above(column, hit.end - 1),
                );
            }
        }
        touched.start.min(touched.end)..touched.end
    }

    /// First row whose bytes begin behind this place. Where the offsets themselves are damaged, so is every answer.
    fn first_offset_above(&self, column: &Binary, place: usize) -> usize {
        let map = self.blocks.unchecked();
        let (mut low, mut high) = (0, self.layout.rows);
        while low < high {
            let middle = usize::midpoint(low, high);
            let at = column.offsets.start + middle * 4;
            let offset = u32::from_le_bytes([map[at], map[at + 1], map[at + 2], map[at + 3]]);
            if offset as usize > place {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}
