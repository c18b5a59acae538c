//! A decoded row group of a Parquet file, and the leaf hashes of its rows (H4).

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMillisecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use pyralog_merkle::{Blake3Tree, TreeHash};
use pyralog_types::{Hash, LeafRecord, part_hash};

use crate::SegmentRow;
use crate::schema::column;

/// A decoded row group.
#[derive(Debug)]
pub struct Group {
    batch: RecordBatch,
    /// Of all rows, where they are no column.
    leaves: Vec<Hash>,
}

impl Group {
    fn binary(&self, column: usize, row: usize) -> Option<Vec<u8>> {
        let values = self.batch.column(column).as_binary::<i32>();
        values.is_valid(row).then(|| values.value(row).to_vec())
    }

    fn word(&self, column: usize, row: usize) -> u32 {
        self.batch
            .column(column)
            .as_primitive::<UInt32Type>()
            .value(row)
    }

    /// A number of one of the 64-bit columns.
    pub fn long(&self, column: usize, row: usize) -> u64 {
        let values = self.batch.column(column);
        if column == column::TIMESTAMP {
            let timestamps = values.as_primitive::<TimestampMillisecondType>();
            return timestamps.value(row).cast_unsigned();
        }
        values.as_primitive::<UInt64Type>().value(row)
    }

    /// Rows whose leaf hashes are a column, or are to be made.
    pub fn of(batch: RecordBatch) -> Self {
        Self {
            batch,
            leaves: Vec::new(),
        }
    }

    /// Makes the leaf hashes of its rows, and keeps them.
    pub fn hash_leaves(&mut self) -> &[Hash] {
        let leaf = |row| self.leaf(row).to_bytes();
        let leaves: Vec<_> = (0..self.batch.num_rows()).map(leaf).collect();
        Blake3Tree::leaves(&leaves, &mut self.leaves);
        &self.leaves
    }

    fn leaf(&self, row: usize) -> LeafRecord {
        let headers = self.batch.column(column::HEADERS).as_binary::<i32>();
        let headers = headers.is_valid(row).then(|| headers.value(row));
        LeafRecord {
            timestamp: self.long(column::TIMESTAMP, row),
            scarab_id: self.long(column::SCARAB_ID, row),
            offset: self.long(column::OFFSET, row),
            epoch: self.word(column::EPOCH, row),
            schema_id: self.schema_id(row),
            key_hash: part_hash(self.key(row)),
            value_hash: part_hash(Some(self.value(row))),
            headers_hash: part_hash(headers),
        }
    }

    /// Hash of a leaf.
    pub fn leaf_hash(&self, row: usize) -> Hash {
        if let Some(hash) = self.leaves.get(row) {
            return *hash;
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(
            self.batch
                .column(column::LEAF_HASH)
                .as_fixed_size_binary()
                .value(row),
        );
        hash
    }

    /// Key of a row.
    pub fn key(&self, row: usize) -> Option<&[u8]> {
        let values = self.batch.column(column::KEY).as_binary::<i32>();
        values.is_valid(row).then(|| values.value(row))
    }

    /// Value of a row.
    pub fn value(&self, row: usize) -> &[u8] {
        self.batch
            .column(column::VALUE)
            .as_binary::<i32>()
            .value(row)
    }

    /// Schema of a row.
    pub fn schema_id(&self, row: usize) -> u32 {
        self.word(column::SCHEMA_ID, row)
    }

    /// A whole row, copied.
    pub fn row(&self, row: usize) -> SegmentRow<'static> {
        SegmentRow {
            offset: self.long(column::OFFSET, row),
            epoch: self.word(column::EPOCH, row),
            timestamp: self.long(column::TIMESTAMP, row),
            scarab_id: self.long(column::SCARAB_ID, row),
            schema_id: self.schema_id(row),
            key: self.binary(column::KEY, row).map(Cow::Owned),
            headers: self.binary(column::HEADERS, row).map(Cow::Owned),
            value: Cow::Owned(self.value(row).to_vec()),
            leaf_hash: self.leaf_hash(row),
        }
    }
}
