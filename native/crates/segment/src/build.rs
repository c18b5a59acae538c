//! Makes a segment: rows become columns as they are pushed, columns become the two files when it is sealed.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::MetadataVersion;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use pyralog_log::FileLayer;
use pyralog_merkle::{Blake3Tree, TreeHash};
use pyralog_types::{Hash, LeafRecord, SealedRow, ZERO_HASH, batch};

use crate::columns::Columns;
use crate::index::{self, ROWS_MAX};
use crate::layout::{COVERS_KEY, covers_text};
use crate::schema::SCHEMA;
use crate::side::{SPARSE_ROWS, Sparse};
use crate::side_contents::Contents;
use crate::sink::{Sink, publish};
use crate::{Kind, Row, SegmentError, SegmentMeta};

/// Arrow's recommendation; also what keeps 64-bit columns aligned in a mapping.
const ALIGNMENT: usize = 64;
/// Schema id of notary values (L4).
const NOTARY_SCHEMA: u32 = 1;

/// Gathers rows. Columnar from the first one on: a push copies the row's bytes to the ends of the columns.
pub struct SegmentBuilder {
    covered: Range<u64>,
    compacted: bool,
    columns: Columns,
    sparse: Vec<Sparse>,
    /// Hashes of keys and of notary values, with their rows.
    keys: Vec<(u64, u32)>,
    values: Vec<(u64, u32)>,
}

impl SegmentBuilder {
    /// A segment without gaps that begins at this offset.
    #[must_use]
    pub fn new(base_offset: u64) -> Self {
        Self {
            covered: base_offset..base_offset,
            compacted: false,
            columns: Columns::default(),
            sparse: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Forgets all rows; the next segment begins at this offset and has no gaps. Memory is kept for it.
    pub fn restart(&mut self, base_offset: u64) {
        self.covered = base_offset..base_offset;
        self.compacted = false;
        self.columns.clear();
        self.sparse.clear();
        self.keys.clear();
        self.values.clear();
    }

    /// A segment that covers these offsets, whatever rows of them are pushed.
    #[must_use]
    pub fn compacted(covered: Range<u64>) -> Self {
        Self {
            covered,
            compacted: true,
            ..Self::new(0)
        }
    }

    /// Rows pushed.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.columns.rows() as u32
    }

    /// Bytes of all keys, values and headers pushed: what seal points count.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.columns.bytes()
    }

    /// Appends a row.
    ///
    /// # Errors
    /// [`SegmentError::Row`] when it cannot follow those before it (H2) or its leaf record says otherwise about key and
    /// headers; [`SegmentError::Full`]. Nothing is appended then.
    pub fn push(&mut self, row: &Row<'_>) -> Result<(), SegmentError> {
        let leaf = LeafRecord::from_bytes(row.leaf);
        let leaf = leaf.map_err(|_| SegmentError::Row {
            offset: self
                .columns
                .offset
                .last()
                .map_or(self.covered.start, |last| last + 1),
            what: "its leaf record is none",
        })?;
        let contradiction = if row.key.is_some() != (leaf.key_hash != ZERO_HASH) {
            Some("key and key hash do not match")
        } else if row.headers.is_some() != (leaf.headers_hash != ZERO_HASH) {
            Some("headers and their hash do not match")
        } else {
            None
        };
        if let Some(what) = contradiction {
            let offset = leaf.offset;
            return Err(SegmentError::Row { offset, what });
        }
        self.push_hashed(&SealedRow {
            offset: leaf.offset,
            epoch: leaf.epoch,
            timestamp: leaf.timestamp,
            scarab_id: leaf.scarab_id,
            schema_id: leaf.schema_id,
            leaf_hash: row.leaf_hash,
            key_hash: row.key.map(|_| index::short(&leaf.key_hash)),
            value_hash: (leaf.schema_id == NOTARY_SCHEMA).then(|| index::short(&leaf.value_hash)),
            key: row.key,
            headers: row.headers,
            value: row.value,
        })
    }

    /// Appends a row whose hashes the caller vouches for.
    ///
    /// # Errors
    /// [`SegmentError::Row`] when it cannot follow those before it (H2); [`SegmentError::Full`]. Nothing is appended then.
    pub fn push_hashed(&mut self, row: &SealedRow<'_>) -> Result<(), SegmentError> {
        if let Some(what) = self.refusal(row) {
            let offset = row.offset;
            return Err(SegmentError::Row { offset, what });
        }
        self.columns.room_for(row)?;
        let number = self.rows();
        if number.is_multiple_of(SPARSE_ROWS) {
            self.sparse.push(Sparse {
                offset: row.offset,
                timestamp: row.timestamp,
                id: row.scarab_id,
            });
        }
        if let Some(hash) = row.key_hash {
            self.keys.push((hash, number));
        }
        if let Some(hash) = row.value_hash {
            self.values.push((hash, number));
        }
        self.columns.push(row);
        if !self.compacted {
            self.covered.end = row.offset + 1;
        }
        Ok(())
    }

    /// Appends rows as they are read from a partition (batch.md B5), hashing their leaves.
    ///
    /// # Errors
    /// As [`SegmentBuilder::push`], [`SegmentError::Format`] for bytes that are no rows. Rows before the refused one stay.
    pub fn push_packed(&mut self, rows: &[u8]) -> Result<(), SegmentError> {
        let rows = batch::Row::parse_all(rows).map_err(|error| SegmentError::Format {
            what: format!("rows to be sealed: {error}"),
        })?;
        rows.iter().try_for_each(|row| {
            let leaf = row.leaf.to_bytes();
            let part = |hash: &Hash, bytes| (*hash != ZERO_HASH).then_some(bytes);
            self.push(&Row {
                leaf: &leaf,
                leaf_hash: Blake3Tree::leaf(&leaf),
                key: part(&row.leaf.key_hash, row.key),
                headers: part(&row.leaf.headers_hash, row.headers),
                value: row.value,
            })
        })
    }

    fn refusal(&self, row: &SealedRow<'_>) -> Option<&'static str> {
        let last = self.columns.offset.last();
        if !self.compacted && row.offset != self.covered.end {
            return Some("it is not the next one");
        }
        if self.compacted && !self.covered.contains(&row.offset) {
            return Some("it is outside what the segment covers");
        }
        if last.is_some_and(|&last| last >= row.offset) {
            return Some("it stands before the last one");
        }
        if self
            .columns
            .timestamp
            .last()
            .is_some_and(|last| last.cast_unsigned() > row.timestamp)
        {
            return Some("its timestamp goes back");
        }
        if self
            .columns
            .scarab_id
            .last()
            .is_some_and(|&last| last >= row.scarab_id)
        {
            return Some("its Scarab id does not increase");
        }
        (self.rows() == ROWS_MAX).then_some("there are too many rows")
    }

    /// Writes `<name>.arrow` and `<name>.side` (H3 to H8). The same rows give the same bytes.
    ///
    /// # Errors
    /// [`SegmentError::Empty`] without rows; [`SegmentError::Io`] when the disk refuses: then no file of the segment has
    /// its final name unless it is whole, and the same rows may be sealed again.
    pub fn finish(
        mut self,
        files: &dyn FileLayer,
        dir: &Path,
        name: &str,
    ) -> Result<SegmentMeta, SegmentError> {
        self.seal(files, dir, name)
    }

    /// [`SegmentBuilder::finish`] for who makes one segment after the other: whatever comes of it, the builder has no rows
    /// afterwards and keeps its memory. [`SegmentBuilder::restart`] says where the next segment begins.
    ///
    /// # Errors
    /// As [`SegmentBuilder::finish`].
    pub fn seal(
        &mut self,
        files: &dyn FileLayer,
        dir: &Path,
        name: &str,
    ) -> Result<SegmentMeta, SegmentError> {
        let sealed = self.write(files, dir, name);
        self.restart(self.covered.end);
        sealed
    }

    fn write(
        &mut self,
        files: &dyn FileLayer,
        dir: &Path,
        name: &str,
    ) -> Result<SegmentMeta, SegmentError> {
        let mut meta = self.figures(Kind::Hot)?;
        let (batch, mut contents) = self.contents()?;
        let covers = self.covers();
        let [data, side] = Kind::Hot.paths(dir, name);
        let mut write = || {
            let mut sink = Sink::create(files, &data)?;
            write_arrow(&mut sink, &batch, covers.as_ref())?;
            let sealed = sink.seal()?;
            meta.arrow_bytes = sealed.bytes;
            meta.hash = sealed.hash;
            contents.crcs = sealed.crcs;
            contents.write(files, &side, &mut meta)?;
            publish(files, dir, &[&side, &data])
        };
        let written = write();
        self.columns = Columns::of(batch);
        written.map(|()| meta)
    }

    /// What a compacted segment covers, which its rows alone do not say.
    pub(crate) fn covers(&self) -> Option<Range<u64>> {
        self.compacted.then(|| self.covered.clone())
    }

    /// Everything that is known before a file is written.
    pub(crate) fn figures(&self, kind: Kind) -> Result<SegmentMeta, SegmentError> {
        let ends = |column: &[u64]| Some((*column.first()?, *column.last()?));
        let (Some(ids), Some(first), Some(last)) = (
            ends(&self.columns.scarab_id),
            self.columns.timestamp.first(),
            self.columns.timestamp.last(),
        ) else {
            return Err(SegmentError::Empty);
        };
        Ok(SegmentMeta {
            base_offset: self.covered.start,
            end_offset: self.covered.end,
            rows: self.rows(),
            first_timestamp: first.cast_unsigned(),
            last_timestamp: last.cast_unsigned(),
            first_id: ids.0,
            last_id: ids.1,
            arrow_bytes: 0,
            side_bytes: 0,
            raw_bytes: self.bytes() as u64,
            hash: [0; 32],
            kind,
            compacted: self.compacted,
        })
    }

    /// The columns, which are the builder's no more, and the sidecar without checksums of blocks.
    pub(crate) fn contents(&mut self) -> Result<(RecordBatch, Contents), SegmentError> {
        let contents = Contents {
            crcs: Vec::new(),
            sparse: std::mem::take(&mut self.sparse),
            keys: index::build(std::mem::take(&mut self.keys))?,
            values: index::build(std::mem::take(&mut self.values))?,
        };
        Ok((std::mem::take(&mut self.columns).batch()?, contents))
    }
}

/// Writes the Arrow file (H3).
pub(crate) fn write_arrow(
    out: &mut impl Write,
    batch: &RecordBatch,
    covers: Option<&Range<u64>>,
) -> Result<(), SegmentError> {
    let write = || {
        let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)?;
        let mut writer = FileWriter::try_new_with_options(out, &SCHEMA, options)?;
        if let Some(range) = covers {
            writer.write_metadata(COVERS_KEY, covers_text(range));
        }
        writer.write(batch)?;
        writer.finish()
    };
    write().map_err(|error: arrow_schema::ArrowError| match error {
        arrow_schema::ArrowError::IoError(_, source) => {
            SegmentError::io("write", Path::new("an Arrow file"))(source)
        }
        other => SegmentError::library("write an Arrow file")(&other),
    })
}
