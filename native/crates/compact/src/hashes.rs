//! Leaf hashes of a partition, wherever they are: in segments, or in leaves files (Y9).

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use pyralog_log::FileLayer;
use pyralog_manifest::{LeavesEntry, PartitionVersion, SegmentEntry};
use pyralog_merkle::{Sha256Tree, TreeHash};
use pyralog_segment::Segment;
use pyralog_types::Hash;

use crate::error::CompactError;
use crate::leaves::LeavesFile;

/// Which tree's hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichTree {
    /// Keyed BLAKE3 (M2).
    Blake3,
    /// RFC 6962 (M3).
    Sha256,
}

/// Told some hashes.
type Each<'a> = dyn FnMut(&[Hash]) -> Result<(), CompactError> + 'a;

/// Where hashes of some offsets are.
enum Piece<'a> {
    Segment(&'a Arc<SegmentEntry>),
    Leaves(&'a Arc<LeavesEntry>),
}

/// Where files of a version come from: a cache of open ones, or [`Fresh`].
pub trait OpenFiles {
    /// Opens a segment.
    ///
    /// # Errors
    /// Those of [`Segment::open`].
    fn segment(&self, entry: &SegmentEntry) -> Result<Segment, CompactError>;
    /// Opens a leaves file.
    ///
    /// # Errors
    /// Those of [`LeavesFile::open`].
    fn leaves(&self, entry: &LeavesEntry) -> Result<LeavesFile, CompactError>;
}

/// Opens files anew each time.
#[derive(Clone, Copy)]
pub struct Fresh<'a> {
    /// The files.
    pub files: &'a dyn FileLayer,
    /// Directory of segments.
    pub dir: &'a Path,
}

impl OpenFiles for Fresh<'_> {
    fn segment(&self, entry: &SegmentEntry) -> Result<Segment, CompactError> {
        Ok(Segment::open(
            self.files,
            self.dir,
            &entry.name(),
            &entry.meta,
        )?)
    }

    fn leaves(&self, entry: &LeavesEntry) -> Result<LeavesFile, CompactError> {
        LeavesFile::open(self.files, self.dir, entry)
    }
}

/// Reads the leaf hashes of one partition at one version.
#[derive(Clone, Copy)]
pub struct LeafHashes<'a> {
    files: &'a dyn OpenFiles,
    partition: (u32, &'a PartitionVersion),
}

impl<'a> LeafHashes<'a> {
    /// Of a partition's version.
    #[must_use]
    pub fn new(files: &'a dyn OpenFiles, partition: (u32, &'a PartitionVersion)) -> Self {
        Self { files, partition }
    }

    pub(crate) fn partition(&self) -> u32 {
        self.partition.0
    }

    /// Hands out the leaf hashes of a range of offsets in order, some at a time.
    ///
    /// # Errors
    /// [`CompactError::NoHash`] for offsets before the first kept hash or behind the end; errors of the files.
    pub fn read(
        &self,
        which: WhichTree,
        offsets: Range<u64>,
        mut each: impl FnMut(&[Hash]) -> Result<(), CompactError>,
    ) -> Result<(), CompactError> {
        let mut at = offsets.start;
        while at < offsets.end {
            let end = match self.piece(at, which)? {
                Piece::Segment(entry) => {
                    let end = entry.meta.end_offset.min(offsets.end);
                    self.of_segment(which, entry, (at..end, &mut each))?;
                    end
                }
                Piece::Leaves(entry) => {
                    let end = entry.meta.end_offset.min(offsets.end);
                    let file = self.files.leaves(entry)?;
                    each(match which {
                        WhichTree::Blake3 => file.hashes(at..end)?,
                        WhichTree::Sha256 => file.sha256(at..end)?,
                    })?;
                    end
                }
            };
            at = end;
        }
        Ok(())
    }

    fn piece(&self, offset: u64, which: WhichTree) -> Result<Piece<'a>, CompactError> {
        let (partition, state) = self.partition;
        let segment = state.segment_at(offset);
        if let Some(entry) = segment.filter(|entry| !entry.meta.compacted) {
            return Ok(Piece::Segment(entry));
        }
        let leaves = state.leaves_at(offset).map(Piece::Leaves);
        leaves.ok_or(CompactError::NoHash {
            partition,
            offset,
            of: match which {
                WhichTree::Blake3 => "",
                WhichTree::Sha256 => " of the SHA-256 tree",
            },
        })
    }

    fn of_segment(
        &self,
        which: WhichTree,
        entry: &SegmentEntry,
        (offsets, each): (Range<u64>, &mut Each<'_>),
    ) -> Result<(), CompactError> {
        let segment = self.files.segment(entry)?;
        match which {
            WhichTree::Blake3 => each(&segment.leaf_hashes_of(offsets)?),
            WhichTree::Sha256 => {
                let count = (offsets.end - offsets.start) as usize;
                for row in segment.rows_from(offsets.start)?.take(count) {
                    each(&[Sha256Tree::leaf(&row?.leaf().to_bytes())])?;
                }
                Ok(())
            }
        }
    }
}
