//! The columns of a segment while it is built: rows are copied to their ends, and once they are written their memory serves
//! the next segment.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, RecordBatch, TimestampMillisecondArray,
    UInt32Array, UInt64Array,
};
use arrow_buffer::{ArrowNativeType, Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use pyralog_types::SealedRow;

use crate::SegmentError;
use crate::schema::SCHEMA;

/// Most bytes of one column: what the offsets of Arrow's binary columns reach.
const COLUMN_BYTES_MAX: usize = i32::MAX as usize;

/// A binary column that grows.
struct Parts {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    present: NullBufferBuilder,
}

impl Parts {
    /// An empty column in this memory.
    fn new(mut offsets: Vec<i32>, mut bytes: Vec<u8>) -> Self {
        offsets.clear();
        offsets.push(0);
        bytes.clear();
        Self {
            offsets,
            bytes,
            present: NullBufferBuilder::new(0),
        }
    }

    fn clear(&mut self) {
        *self = Self::new(
            std::mem::take(&mut self.offsets),
            std::mem::take(&mut self.bytes),
        );
    }

    fn room_for(&self, part: Option<&[u8]>) -> Result<(), SegmentError> {
        let bytes = self.bytes.len() + part.map_or(0, <[u8]>::len);
        if bytes > COLUMN_BYTES_MAX {
            return Err(SegmentError::Full {
                bytes: bytes as u64,
            });
        }
        Ok(())
    }

    fn push(&mut self, part: Option<&[u8]>) {
        self.bytes.extend_from_slice(part.unwrap_or_default());
        self.present.append(part.is_some());
        // Never longer than `COLUMN_BYTES_MAX`: `room_for` was asked.
        #[expect(clippy::cast_possible_wrap)]
        self.offsets.push(self.bytes.len() as i32);
    }

    fn finish(mut self) -> Result<ArrayRef, SegmentError> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        let bytes = Buffer::from_vec(self.bytes);
        let array = BinaryArray::try_new(offsets, bytes, self.present.finish());
        let array = array.map_err(|error| SegmentError::library("make a column")(&error))?;
        Ok(Arc::new(array))
    }
}

/// All columns of H3.
pub struct Columns {
    pub offset: Vec<u64>,
    epoch: Vec<u32>,
    pub timestamp: Vec<i64>,
    pub scarab_id: Vec<u64>,
    key: Parts,
    value: Parts,
    headers: Parts,
    schema_id: Vec<u32>,
    leaf_hash: Vec<u8>,
}

impl Default for Columns {
    fn default() -> Self {
        let empty = || Parts::new(Vec::new(), Vec::new());
        Self {
            offset: Vec::new(),
            epoch: Vec::new(),
            timestamp: Vec::new(),
            scarab_id: Vec::new(),
            key: empty(),
            value: empty(),
            headers: empty(),
            schema_id: Vec::new(),
            leaf_hash: Vec::new(),
        }
    }
}

impl Columns {
    pub fn clear(&mut self) {
        self.offset.clear();
        self.epoch.clear();
        self.timestamp.clear();
        self.scarab_id.clear();
        self.key.clear();
        self.value.clear();
        self.headers.clear();
        self.schema_id.clear();
        self.leaf_hash.clear();
    }

    pub fn rows(&self) -> usize {
        self.offset.len()
    }

    /// Bytes of keys, values and headers.
    pub fn bytes(&self) -> usize {
        self.key.bytes.len() + self.value.bytes.len() + self.headers.bytes.len()
    }

    /// Whether the parts of a row still find room.
    #[inline]
    pub fn room_for(&self, row: &SealedRow<'_>) -> Result<(), SegmentError> {
        self.key.room_for(row.key)?;
        self.value.room_for(Some(row.value))?;
        self.headers.room_for(row.headers)
    }

    /// Appends a row, for which there is room.
    #[inline]
    pub fn push(&mut self, row: &SealedRow<'_>) {
        self.offset.push(row.offset);
        self.epoch.push(row.epoch);
        // At most 2^53 - 1 (L2).
        self.timestamp.push(row.timestamp.cast_signed());
        self.scarab_id.push(row.scarab_id);
        self.key.push(row.key);
        self.value.push(Some(row.value));
        self.headers.push(row.headers);
        self.schema_id.push(row.schema_id);
        self.leaf_hash.extend_from_slice(&row.leaf_hash);
    }

    /// The same as Arrow has it, without a copy.
    pub fn batch(self) -> Result<RecordBatch, SegmentError> {
        let failed = SegmentError::library("make a column");
        let hashes = FixedSizeBinaryArray::try_new(32, Buffer::from_vec(self.leaf_hash), None);
        let hashes = hashes.map_err(|error| failed(&error))?;
        let timestamp = TimestampMillisecondArray::from(self.timestamp).with_timezone("UTC");
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(self.offset)),
            Arc::new(UInt32Array::from(self.epoch)),
            Arc::new(timestamp),
            Arc::new(UInt64Array::from(self.scarab_id)),
            self.key.finish()?,
            self.value.finish()?,
            self.headers.finish()?,
            Arc::new(UInt32Array::from(self.schema_id)),
            Arc::new(hashes),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&SCHEMA), columns);
        batch.map_err(|error| failed(&error))
    }

    /// Empty columns in the memory of those that were written, as far as nobody else holds it.
    pub fn of(batch: RecordBatch) -> Self {
        let (_, arrays, _) = batch.into_parts();
        let mut buffers = arrays.into_iter().flat_map(|array| {
            let data = array.to_data();
            drop(array);
            data.into_parts().4
        });
        let buffers = &mut buffers;
        Self {
            offset: emptied(buffers),
            epoch: emptied(buffers),
            timestamp: emptied(buffers),
            scarab_id: emptied(buffers),
            key: Parts::new(emptied(buffers), emptied(buffers)),
            value: Parts::new(emptied(buffers), emptied(buffers)),
            headers: Parts::new(emptied(buffers), emptied(buffers)),
            schema_id: emptied(buffers),
            leaf_hash: emptied(buffers),
        }
    }
}

/// The memory of the next buffer.
fn emptied<T: ArrowNativeType>(buffers: &mut impl Iterator<Item = Buffer>) -> Vec<T> {
    let memory = buffers.next().and_then(|buffer| buffer.into_vec().ok());
    let mut memory: Vec<T> = memory.unwrap_or_default();
    memory.clear();
    memory
}
