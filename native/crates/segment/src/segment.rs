//! An open segment: its two files, mapped, and what is wrong with them.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_log::{FileLayer, Mapped};

use crate::blocks::{Bad, Blocks};
use crate::data::Data;
use crate::side::{SPARSE_ROWS, Side, Which};
use crate::{SegmentError, SegmentMeta};

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
        let map = match files.map(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(damaged("the file is missing".to_owned()));
            }
            map => map.map_err(SegmentError::io("map", &path))?,
        };
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

    pub(crate) fn read<T>(&self, result: Result<T, Bad>) -> Result<T, SegmentError> {
        result.map_err(|bad| self.damaged(&bad))
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
