//! Rows of a Parquet file (H4), decoded a row group at a time. The group that was used last stays decoded.
//!
//! Leaf hashes are no column, but in files of earlier versions: they are made of the rows of a group when it is decoded,
//! and are those that were sealed, or the group is damaged.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use bytes::Bytes;
use parking_lot::Mutex;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use pyralog_types::Hash;

use crate::blocks::{Bad, Blocks};
use crate::digests::{self, LEAVES_KEY, digest};
use crate::group::Group;
use crate::layout::{COVERS_KEY, parse_covers};
use crate::schema::{COLD_SCHEMA, SCHEMA, column};

/// Rows of a row group (H4).
pub const GROUP_ROWS: usize = 16_384;
const MAGIC: &[u8; 4] = b"PAR1";
/// Length of the metadata and the magic behind it.
const TAIL_BYTES: usize = 8;

/// The file, its metadata, and one decoded row group.
#[derive(Debug)]
pub struct Cold {
    pub blocks: Blocks,
    bytes: Bytes,
    metadata: ArrowReaderMetadata,
    pub rows: usize,
    /// Of the leaf hashes of each row group; `None` where they are a column.
    digests: Option<Vec<Hash>>,
    /// The row group that was asked for last, or why it cannot be read.
    decoded: Mutex<Option<(usize, Decoded)>>,
}

/// A row group, or why it cannot be read: it is not tried again for each of its rows.
type Decoded = Result<Arc<Group>, Bad>;

impl Cold {
    /// Reads Parquet's metadata, checking the blocks it stands in.
    pub fn open(blocks: Blocks) -> Result<Self, Bad> {
        let length = blocks.unchecked().len();
        let refused = |what: &str| Bad {
            range: 0..length,
            what: what.to_owned(),
        };
        let tail_start = length
            .checked_sub(TAIL_BYTES)
            .ok_or_else(|| refused("it is too short for a Parquet file"))?;
        let tail = blocks.bytes(tail_start..length)?;
        if tail[4..] != MAGIC[..] {
            return Err(refused("it is no Parquet file"));
        }
        let bytes = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]) as usize;
        let start = tail_start
            .checked_sub(bytes)
            .ok_or_else(|| refused("its metadata is longer than the file"))?;
        blocks.bytes(start..length)?;
        let bytes = Bytes::from_owner(blocks.unchecked().clone());
        let options = ArrowReaderOptions::new();
        let metadata = ArrowReaderMetadata::load(&bytes, options)
            .map_err(|error| refused(&format!("its metadata cannot be read: {error}")))?;
        let groups = metadata.metadata().row_groups();
        let fields = metadata.schema().fields();
        let digests = if fields == COLD_SCHEMA.fields() {
            let text = entry(&metadata, LEAVES_KEY).unwrap_or_default();
            let digests = digests::parse(text, groups.len());
            Some(digests.ok_or_else(|| refused("it does not say what its leaf hashes come to"))?)
        } else if fields == SCHEMA.fields() {
            None
        } else {
            return Err(refused("it has other columns"));
        };
        let mut columns = groups.iter().flat_map(RowGroupMetaData::columns);
        if columns.any(|column| place_of(column).is_none_or(|place| place.end > start)) {
            return Err(refused("a column lies outside of it"));
        }
        let count = |rows: i64| usize::try_from(rows).unwrap_or(0);
        let rows = groups.iter().map(|group| count(group.num_rows())).sum();
        let (last, whole) = groups
            .split_last()
            .ok_or_else(|| refused("it has no rows"))?;
        if whole
            .iter()
            .any(|group| count(group.num_rows()) != GROUP_ROWS)
            || !(1..=GROUP_ROWS).contains(&count(last.num_rows()))
        {
            return Err(refused("its row groups have other lengths"));
        }
        Ok(Self {
            blocks,
            bytes,
            metadata,
            rows,
            digests,
            decoded: Mutex::new(None),
        })
    }

    /// What a compacted segment covers.
    pub fn covers(&self) -> Result<Option<Range<u64>>, &'static str> {
        entry(&self.metadata, COVERS_KEY)
            .map(parse_covers)
            .transpose()
    }

    /// The row group that holds a row, and the row's place in it.
    pub fn group_of(&self, row: usize) -> Result<(Arc<Group>, usize), Bad> {
        let (number, place) = (row / GROUP_ROWS, row % GROUP_ROWS);
        if row >= self.rows {
            return Err(Bad {
                range: 0..0,
                what: format!("there is no row {row}"),
            });
        }
        let mut decoded = self.decoded.lock();
        if let Some((known, group)) = &*decoded
            && *known == number
        {
            return Ok((group.clone()?, place));
        }
        let group = self.checked(number).map(Arc::new);
        *decoded = Some((number, group.clone()));
        Ok((group?, place))
    }

    /// A whole row group, whose rows lead to the leaf hashes that were sealed if they are no column.
    fn checked(&self, number: usize) -> Result<Group, Bad> {
        let mut group = Group::of(self.decode(number, &ProjectionMask::all())?);
        if let Some(digests) = &self.digests
            && digest(group.hash_leaves()) != digests[number]
        {
            return Err(Bad {
                range: self.place_of_group(number),
                what: format!("the rows of row group {number} do not lead to their leaf hashes"),
            });
        }
        Ok(group)
    }

    /// Checks all row groups.
    pub fn check_groups(&self) -> Result<(), Bad> {
        let mut groups = 0..self.rows.div_ceil(GROUP_ROWS);
        groups.try_for_each(|number| self.checked(number).map(drop))
    }

    /// Leaf hashes of some rows: of whole groups that are decoded for them, or of a file of an earlier version the column.
    pub fn leaf_hashes(&self, rows: Range<usize>) -> Result<Vec<[u8; 32]>, Bad> {
        if self.digests.is_some() {
            let read = |row| {
                let (group, place) = self.group_of(row)?;
                Ok(group.leaf_hash(place))
            };
            return rows.map(read).collect();
        }
        let schema = self.metadata.metadata().file_metadata().schema_descr();
        let mask = ProjectionMask::leaves(schema, [column::LEAF_HASH]);
        let mut hashes = Vec::with_capacity(rows.len());
        let mut at = rows.start;
        while at < rows.end {
            let (number, place) = (at / GROUP_ROWS, at % GROUP_ROWS);
            let end = rows.end.min((number + 1) * GROUP_ROWS);
            let known = self.decoded.lock().as_ref().and_then(|(known, group)| {
                let known = *known == number;
                known.then(|| group.clone())
            });
            if let Some(Ok(group)) = known {
                hashes.extend((place..place + end - at).map(|place| group.leaf_hash(place)));
            } else {
                let batch = self.decode(number, &mask)?;
                let values = batch.column(0).as_fixed_size_binary();
                let all = values.value_data().as_chunks().0;
                hashes.extend_from_slice(&all[place..place + end - at]);
            }
            at = end;
        }
        Ok(hashes)
    }

    fn decode(&self, number: usize, mask: &ProjectionMask) -> Result<RecordBatch, Bad> {
        let group = self.metadata.metadata().row_group(number);
        let rows = self.rows_of_group(number).len();
        let mut whole = None;
        for (place, column) in group.columns().iter().enumerate() {
            if !mask.leaf_included(place) {
                continue;
            }
            let range = place_of(column).unwrap_or(0..usize::MAX);
            self.blocks.bytes(range.clone())?;
            whole = Some(join(whole, range));
        }
        let read = || {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
                self.bytes.clone(),
                self.metadata.clone(),
            );
            let mut reader = builder
                .with_row_groups(vec![number])
                .with_batch_size(GROUP_ROWS)
                .with_projection(mask.clone())
                .build()?;
            let batch = reader.next().transpose()?;
            let complete = batch.filter(|batch| batch.num_rows() == rows);
            complete.ok_or_else(|| ParquetError::General("it has too few rows".to_owned()))
        };
        // Its checksums are right, but a rebuild has none to compare with, and decoders have bugs.
        let read = catch_unwind(AssertUnwindSafe(read));
        let read = read.unwrap_or_else(|_| Err(ParquetError::General("a panic".to_owned())));
        read.map_err(|error| Bad {
            range: whole.unwrap_or_default(),
            what: format!("row group {number} cannot be decoded: {error}"),
        })
    }

    fn place_of_group(&self, number: usize) -> Range<usize> {
        let columns = self.metadata.metadata().row_group(number).columns().iter();
        let places = columns.filter_map(place_of);
        let whole = places.fold(None, |all, range| Some(join(all, range)));
        whole.unwrap_or_default()
    }

    fn rows_of_group(&self, number: usize) -> Range<usize> {
        number * GROUP_ROWS..self.rows.min((number + 1) * GROUP_ROWS)
    }

    /// Rows that bytes of the file belong to: all of them for bytes outside of the row groups.
    pub fn rows_of(&self, bytes: &Range<usize>) -> Range<usize> {
        let mut touched = None;
        let mut covered = None;
        for (number, group) in self.metadata.metadata().row_groups().iter().enumerate() {
            let columns = group.columns().iter().filter_map(place_of);
            let Some(whole) = columns.fold(None, |all, range| Some(join(all, range))) else {
                continue;
            };
            if bytes.start < whole.end && whole.start < bytes.end {
                touched = Some(join(touched, self.rows_of_group(number)));
            }
            covered = Some(join(covered, whole));
        }
        let inside = covered.filter(|all| all.start <= bytes.start && bytes.end <= all.end);
        inside.and(touched).unwrap_or(0..self.rows)
    }
}

/// An entry of the footer's metadata.
fn entry<'a>(metadata: &'a ArrowReaderMetadata, key: &str) -> Option<&'a str> {
    let entries = metadata.metadata().file_metadata().key_value_metadata();
    let mut entries = entries.into_iter().flatten();
    let entry = entries.find(|entry| entry.key == key)?;
    Some(entry.value.as_deref().unwrap_or_default())
}

/// The shortest range that has both in it.
fn join(all: Option<Range<usize>>, range: Range<usize>) -> Range<usize> {
    match all {
        None => range,
        Some(all) => all.start.min(range.start)..all.end.max(range.end),
    }
}

/// Bytes of a column of a row group.
fn place_of(column: &ColumnChunkMetaData) -> Option<Range<usize>> {
    let data = usize::try_from(column.data_page_offset()).ok()?;
    let dictionary = column.dictionary_page_offset().map(usize::try_from);
    let start = dictionary.transpose().ok()?.unwrap_or(data);
    let length = usize::try_from(column.compressed_size()).ok()?;
    Some(start..start.checked_add(length)?)
}
