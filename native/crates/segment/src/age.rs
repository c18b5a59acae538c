//! Ageing: a hot segment becomes a Parquet file (H4). Its indexes stay as they are, for rows keep their numbers.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, FixedSizeBinaryArray, RecordBatch, TimestampMillisecondArray,
    UInt32Array, UInt64Array,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use pyralog_log::FileLayer;
use pyralog_types::Hash;

use crate::blocks::Blocks;
use crate::cold::{Cold, GROUP_ROWS};
use crate::data::Data;
use crate::digests::{self, LEAVES_KEY, digest};
use crate::hot::Hot;
use crate::layout::{Binary, COVERS_KEY, covers_text};
use crate::mutant::{Mutant, on};
use crate::schema::{COLD_SCHEMA, METADATA_KEY, METADATA_VALUE, SCHEMA, column};
use crate::side::Which;
use crate::side_contents::Contents;
use crate::sink::{Sealed, Sink, publish, temporary};
use crate::{Kind, Segment, SegmentError, SegmentMeta};

/// Cold data is written once and read rarely; higher levels cost three times the time for 3 % of the size.
const ZSTD_LEVEL: i32 = 3;

impl Segment {
    /// Writes `<name>.parquet` and its sidecar, after the whole segment was verified: damage is never aged. Leaf hashes are
    /// left out: what was written is read again, and has to lead to them. The hot files stay; they can go when the manifest
    /// names the new ones.
    ///
    /// # Errors
    /// [`SegmentError::Damaged`] when verifying finds anything, [`SegmentError::Side`] when that is in the sidecar;
    /// [`SegmentError::Format`] for a segment that is cold already; [`SegmentError::Io`].
    pub fn to_parquet(
        &self,
        files: &dyn FileLayer,
        dir: &Path,
        name: &str,
    ) -> Result<SegmentMeta, SegmentError> {
        let Data::Hot(hot) = self.data() else {
            return Err(SegmentError::Format {
                what: format!("{} is cold already", self.path().display()),
            });
        };
        self.write_cold(files, (dir, name), (hot, &COLD_SCHEMA))
    }

    /// [`Segment::to_parquet`] as earlier versions did it, leaf hashes and all.
    #[cfg(test)]
    pub(crate) fn to_parquet_with_leaves(
        &self,
        files: &dyn FileLayer,
        dir: &Path,
        name: &str,
    ) -> Result<SegmentMeta, SegmentError> {
        let Data::Hot(hot) = self.data() else {
            unreachable!("a test ages hot segments")
        };
        self.write_cold(files, (dir, name), (hot, &SCHEMA))
    }

    /// Damage is not aged.
    fn must_be_whole(&self) -> Result<(), SegmentError> {
        if let Some(damage) = self.verify().into_iter().next() {
            if damage.offsets.is_empty() {
                return Err(SegmentError::side(self.side().path(), damage.what));
            }
            return Err(SegmentError::Damaged {
                file: self.path().to_path_buf(),
                offsets: damage.offsets,
                what: damage.what,
            });
        }
        Ok(())
    }

    fn write_cold(
        &self,
        files: &dyn FileLayer,
        (dir, name): (&Path, &str),
        (hot, schema): (&Hot, &SchemaRef),
    ) -> Result<SegmentMeta, SegmentError> {
        if !on(Mutant::AgeUnchecked) {
            self.must_be_whole()?;
        }
        let failed = SegmentError::library("write a Parquet file");
        let batch = batch(hot).map_err(|error| failed(&error))?;
        let columns: Vec<usize> = (0..schema.fields().len()).collect();
        let batch = batch.project(&columns).map_err(|error| failed(&error))?;
        let leaves = self.leaf_hashes()?;
        let left_out = columns.len() <= column::LEAF_HASH;
        let [data, side] = Kind::Cold.paths(dir, name);
        let mut sink = Sink::create(files, &data)?;
        let properties = properties(self.meta(), left_out.then_some(&leaves[..]))
            .map_err(|error| failed(&error))?;
        let write = || {
            let schema = Arc::clone(schema);
            let mut writer = ArrowWriter::try_new(&mut sink, schema, Some(properties))?;
            for start in (0..batch.num_rows()).step_by(GROUP_ROWS) {
                let rows = GROUP_ROWS.min(batch.num_rows() - start);
                writer.write(&batch.slice(start, rows))?;
                writer.flush()?;
            }
            writer.close()
        };
        write().map_err(|error| writing(&data, error))?;
        let sealed = sink.seal()?;
        if !on(Mutant::AgeUnchecked) {
            self.must_lead_back(files, &data, &sealed)?;
        }
        let mut meta = SegmentMeta {
            arrow_bytes: sealed.bytes,
            hash: sealed.hash,
            kind: Kind::Cold,
            ..*self.meta()
        };
        let contents = Contents {
            crcs: sealed.crcs,
            sparse: self.side().all_sparse()?,
            keys: self.side().made(Which::Keys)?,
            values: self.side().made(Which::Values)?,
        };
        contents.write(files, &side, &mut meta)?;
        publish(files, dir, &[&side, &data])?;
        Ok(meta)
    }
}

impl Segment {
    /// What was written is read again: it must have as many rows, and they must lead to the leaf hashes that were sealed.
    fn must_lead_back(
        &self,
        files: &dyn FileLayer,
        data: &Path,
        sealed: &Sealed,
    ) -> Result<(), SegmentError> {
        let path = temporary(data);
        let map = files.map(&path).map_err(SegmentError::io("map", &path))?;
        let wrong = |what: String| SegmentError::Damaged {
            file: path.clone(),
            offsets: self.meta().base_offset..self.meta().end_offset,
            what: format!("what was written is not what was to be: {what}"),
        };
        let blocks = Blocks::new(map, sealed.crcs.clone())
            .ok_or_else(|| wrong("it has another length".to_owned()))?;
        let cold = Cold::open(blocks).map_err(|bad| wrong(bad.what))?;
        if cold.rows != self.meta().rows as usize {
            return Err(wrong(format!("it has {} rows", cold.rows)));
        }
        cold.check_groups().map_err(|bad| wrong(bad.what))
    }
}

fn writing(path: &Path, error: parquet::errors::ParquetError) -> SegmentError {
    match error {
        parquet::errors::ParquetError::External(source) => match source.downcast() {
            Ok(source) => SegmentError::io("write", path)(*source),
            Err(source) => SegmentError::library("write a Parquet file")(&source),
        },
        other => SegmentError::library("write a Parquet file")(&other),
    }
}

fn properties(
    meta: &SegmentMeta,
    leaves: Option<&[Hash]>,
) -> parquet::errors::Result<WriterProperties> {
    let path = |number: usize| ColumnPath::from(SCHEMA.field(number).name().as_str());
    let mut metadata = vec![KeyValue::new(
        METADATA_KEY.to_owned(),
        METADATA_VALUE.to_owned(),
    )];
    if let Some(leaves) = leaves {
        let digests = digests::text(leaves.chunks(GROUP_ROWS).map(digest));
        metadata.push(KeyValue::new(LEAVES_KEY.to_owned(), digests));
    }
    if meta.compacted {
        let covers = covers_text(&(meta.base_offset..meta.end_offset));
        metadata.push(KeyValue::new(COVERS_KEY.to_owned(), covers));
    }
    let mut builder = WriterProperties::builder()
        .set_created_by("pyralog".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_key_value_metadata(Some(metadata));
    for number in [column::OFFSET, column::TIMESTAMP, column::SCARAB_ID] {
        builder = builder
            .set_column_dictionary_enabled(path(number), false)
            .set_column_encoding(path(number), Encoding::DELTA_BINARY_PACKED);
    }
    for number in [
        column::OFFSET,
        column::EPOCH,
        column::TIMESTAMP,
        column::SCARAB_ID,
        column::SCHEMA_ID,
    ] {
        builder = builder.set_column_statistics_enabled(path(number), EnabledStatistics::Chunk);
    }
    for number in [column::VALUE, column::LEAF_HASH] {
        builder = builder.set_column_dictionary_enabled(path(number), false);
    }
    // Hashes do not shrink.
    let hash = path(column::LEAF_HASH);
    Ok(builder
        .set_column_compression(hash, Compression::UNCOMPRESSED)
        .build())
}

/// The columns as Arrow arrays over the mapping.
fn batch(hot: &Hot) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let map = hot.blocks.unchecked();
    // A mapping is aligned; a copy of the bytes need not be.
    let file = if map.as_ptr().addr().is_multiple_of(8) {
        Buffer::from(Bytes::from_owner(map.clone()))
    } else {
        Buffer::from(&map[..])
    };
    let (rows, fixed) = (hot.layout.rows, &hot.layout.fixed);
    let slice = |range: &std::ops::Range<usize>| file.slice_with_length(range.start, range.len());
    let long = |number: usize| ScalarBuffer::<u64>::new(slice(&fixed[number]), 0, rows);
    let word = |number: usize| ScalarBuffer::<u32>::new(slice(&fixed[number]), 0, rows);
    let binary = |column: &Binary| {
        let offsets = ScalarBuffer::<i32>::new(slice(&column.offsets), 0, rows + 1);
        let present = column.present.as_ref().map(slice);
        let present = present.map(|bits| NullBuffer::new(BooleanBuffer::new(bits, 0, rows)));
        BinaryArray::try_new(OffsetBuffer::new(offsets), slice(&column.bytes), present)
    };
    let timestamp = ScalarBuffer::<i64>::new(slice(&fixed[column::TIMESTAMP]), 0, rows);
    let timestamp = TimestampMillisecondArray::new(timestamp, None).with_timezone("UTC");
    let hashes = FixedSizeBinaryArray::try_new(32, slice(&fixed[column::LEAF_HASH]), None)?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::new(long(column::OFFSET), None)),
        Arc::new(UInt32Array::new(word(column::EPOCH), None)),
        Arc::new(timestamp),
        Arc::new(UInt64Array::new(long(column::SCARAB_ID), None)),
        Arc::new(binary(&hot.layout.key)?),
        Arc::new(binary(&hot.layout.value)?),
        Arc::new(binary(&hot.layout.headers)?),
        Arc::new(UInt32Array::new(word(column::SCHEMA_ID), None)),
        Arc::new(hashes),
    ];
    RecordBatch::try_new(Arc::clone(&SCHEMA), columns)
}
