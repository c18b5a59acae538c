//! The sidecar (H6, H7): how it is laid out, and its mapping, each section of which is checked when it is first touched.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use pyralog_log::{FileLayer, Mapped};
use pyralog_types::{u32_at, u64_at};

use crate::index::{Head, Made};
use crate::meta::SegmentMeta;
use crate::{Kind, SegmentError};

pub(crate) const MAGIC: [u8; 8] = *b"PYRLSID\x01";
pub(crate) const VERSION: u32 = 1;
/// Rows that share an entry of the sparse index.
pub const SPARSE_ROWS: u32 = 1024;
const SPARSE_BYTES: usize = 24;

const CRCS: usize = 0;
const SPARSE: usize = 1;
/// Sections of one index, from [`Which`]'s first.
pub(crate) const FINGERPRINTS: usize = 0;
pub(crate) const PILOTS: usize = 1;
pub(crate) const ROWS: usize = 2;
pub(crate) const LISTS: usize = 3;
pub(crate) const SECTIONS: usize = 10;

const HEADS_AT: usize = 16 + SegmentMeta::BYTES;
const TABLE_AT: usize = HEADS_AT + 2 * Head::BYTES;
const CRC_AT: usize = TABLE_AT + SECTIONS * 16;
pub(crate) const HEAD_BYTES: usize = CRC_AT + 8;

/// Which of a sidecar's indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Keys of all rows that have one.
    Keys = 0,
    /// Values of rows with schema 1.
    Values = 1,
}

impl Which {
    pub(crate) fn section(self, part: usize) -> usize {
        2 + 4 * self as usize + part
    }
}

/// An entry of the sparse index: the first of 1,024 rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sparse {
    pub offset: u64,
    pub timestamp: u64,
    pub id: u64,
}

#[derive(Debug)]
struct Section {
    start: usize,
    end: usize,
    crc: u32,
    checked: AtomicU8,
}

/// Whether the system was short of something when it refused to map a file: `ENOMEM`, `ENFILE`, `EMFILE`.
fn is_passing(error: &std::io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    error.kind() == std::io::ErrorKind::OutOfMemory
        || matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

/// An open sidecar.
#[derive(Debug)]
pub struct Side {
    path: PathBuf,
    map: Mapped,
    meta: SegmentMeta,
    heads: [Head; 2],
    sections: Vec<Section>,
}

impl Side {
    /// Maps a sidecar and checks its head.
    pub fn open(
        files: &dyn FileLayer,
        dir: &Path,
        name: &str,
        kind: Kind,
    ) -> Result<Self, SegmentError> {
        let [_, path] = kind.paths(dir, name);
        let map = match files.map(&path) {
            Ok(map) => map,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(SegmentError::side(&path, "it is missing"));
            }
            // Short of memory or handles, and nothing is wrong with the file.
            Err(error) if is_passing(&error) => {
                return Err(SegmentError::io("map", &path)(error));
            }
            // A bad sector, a directory: the rows are not touched by that.
            Err(error) => {
                return Err(SegmentError::side(
                    &path,
                    format!("it cannot be read: {error}"),
                ));
            }
        };
        Self::parse(&path, &map)
    }

    fn parse(path: &Path, map: &Mapped) -> Result<Self, SegmentError> {
        let refused = |what: &str| SegmentError::side(path, what);
        let head = map
            .first_chunk::<HEAD_BYTES>()
            .ok_or_else(|| refused("it ends before its head does"))?;
        if head[..8] != MAGIC {
            return Err(refused("it does not begin like a sidecar"));
        }
        if u32_at(head, 8) != VERSION {
            return Err(refused("it has another format version"));
        }
        if crc32c::crc32c(&head[..CRC_AT]) != u32_at(head, CRC_AT)
            || u32_at(head, CRC_AT + 4) != 0
            || u32_at(head, 12) != 0
        {
            return Err(refused("its head fails its checksum"));
        }
        let meta = SegmentMeta::decode(&head[16..HEADS_AT])
            .map_err(|error| refused(&error.to_string()))?;
        if meta.side_bytes != map.len() as u64 {
            return Err(refused("it has another length than its head says"));
        }
        let heads = [HEADS_AT, HEADS_AT + Head::BYTES].map(|at| {
            let bytes = head[at..].first_chunk();
            bytes.and_then(Head::decode)
        });
        let [Some(keys), Some(values)] = heads else {
            return Err(refused("the head of an index contradicts itself"));
        };
        let mut side = Self {
            path: path.to_path_buf(),
            meta,
            heads: [keys, values],
            sections: Vec::with_capacity(SECTIONS),
            map: map.clone(),
        };
        let mut start = HEAD_BYTES;
        for at in (TABLE_AT..CRC_AT).step_by(16) {
            let length = usize::try_from(u64_at(head, at)).ok();
            let end = length.and_then(|length| start.checked_add(length));
            let end = end
                .filter(|&end| end <= map.len())
                .ok_or_else(|| refused("a section is longer than the file"))?;
            side.sections.push(Section {
                start,
                end,
                crc: u32_at(head, at + 8),
                checked: AtomicU8::new(0),
            });
            start = end.next_multiple_of(8);
        }
        if start != map.len() || !side.lengths_match() {
            return Err(refused("its sections have other lengths than they must"));
        }
        Ok(side)
    }

    fn lengths_match(&self) -> bool {
        let length = |section: usize| {
            let Section { start, end, .. } = self.sections[section];
            (end - start) as u64
        };
        let blocks = self
            .meta
            .arrow_bytes
            .div_ceil(crate::blocks::BLOCK_BYTES as u64);
        let sparse = u64::from(self.meta.rows.div_ceil(SPARSE_ROWS)) * SPARSE_BYTES as u64;
        length(CRCS) == blocks * 4
            && length(SPARSE) == sparse
            && [Which::Keys, Which::Values].into_iter().all(|which| {
                let head = &self.heads[which as usize];
                let expected = head.lengths();
                head.rows <= self.meta.rows
                    && length(which.section(FINGERPRINTS)) == expected.fingerprints
                    && length(which.section(PILOTS)) == expected.pilots
                    && length(which.section(ROWS)) == expected.rows
                    && length(which.section(LISTS)).is_multiple_of(4)
            })
    }

    /// The figures it was made for.
    pub fn meta(&self) -> &SegmentMeta {
        &self.meta
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A section's bytes, checked.
    #[inline]
    pub(crate) fn section(&self, number: usize) -> Result<&[u8], SegmentError> {
        let section = &self.sections[number];
        let bytes = &self.map[section.start..section.end];
        if section.checked.load(Ordering::Acquire) == 0 {
            self.check(number)?;
            section.checked.store(1, Ordering::Release);
        }
        Ok(bytes)
    }

    /// A checked section, as the mapping it stands in and where it begins there.
    pub(crate) fn mapped_section(&self, number: usize) -> Result<(&Mapped, usize), SegmentError> {
        self.section(number)?;
        Ok((&self.map, self.sections[number].start))
    }

    /// The head of an index.
    pub(crate) fn head(&self, which: Which) -> &Head {
        &self.heads[which as usize]
    }

    #[cold]
    fn check(&self, number: usize) -> Result<(), SegmentError> {
        let Section {
            start, end, crc, ..
        } = self.sections[number];
        // Padding is covered too: its bytes have one value.
        let padding = &self.map[end..end.next_multiple_of(8)];
        if crc32c::crc32c(&self.map[start..end]) == crc && padding.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        Err(self.damaged(&format!("bytes {start} to {end} fail their checksum")))
    }

    pub(crate) fn damaged(&self, what: &str) -> SegmentError {
        SegmentError::side(&self.path, what)
    }

    /// Everything that is wrong with it.
    pub fn damages(&self) -> Vec<String> {
        let errors = (0..SECTIONS).filter_map(|number| self.check(number).err());
        errors.map(|error| error.to_string()).collect()
    }

    /// Checksums of the data file's blocks.
    pub fn crcs(&self) -> Result<Vec<u32>, SegmentError> {
        let bytes = self.section(CRCS)?;
        Ok(bytes
            .as_chunks()
            .0
            .iter()
            .copied()
            .map(u32::from_le_bytes)
            .collect())
    }

    /// Groups of 1,024 rows.
    pub fn groups(&self) -> usize {
        self.meta.rows.div_ceil(SPARSE_ROWS) as usize
    }

    /// First row of a group of 1,024.
    pub fn sparse(&self, group: usize) -> Result<Sparse, SegmentError> {
        let bytes = self.section(SPARSE)?;
        let at = group * SPARSE_BYTES;
        let entry = bytes
            .get(at..at + SPARSE_BYTES)
            .ok_or_else(|| self.damaged("its sparse index ends too early"))?;
        Ok(Sparse {
            offset: u64_at(entry, 0),
            timestamp: u64_at(entry, 8),
            id: u64_at(entry, 16),
        })
    }

    /// The whole sparse index.
    pub fn all_sparse(&self) -> Result<Vec<Sparse>, SegmentError> {
        (0..self.groups()).map(|group| self.sparse(group)).collect()
    }

    /// An index as it was made.
    pub fn made(&self, which: Which) -> Result<Made, SegmentError> {
        let part = |part: usize| self.section(which.section(part)).map(<[u8]>::to_vec);
        Ok(Made {
            head: self.heads[which as usize].encode(),
            fingerprints: part(FINGERPRINTS)?,
            pilots: part(PILOTS)?,
            rows: part(ROWS)?,
            lists: part(LISTS)?,
        })
    }
}
