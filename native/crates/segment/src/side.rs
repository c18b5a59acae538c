//! The sidecar (H6, H7): written at once, read from its mapping, each section checked when it is first touched.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use pyralog_log::{FileLayer, Mapped};
use pyralog_types::{u32_at, u64_at};

use crate::filter::Shape;
use crate::index::{Entry, Head, Made};
use crate::meta::SegmentMeta;
use crate::sink::Sink;
use crate::{Kind, SegmentError};

const MAGIC: [u8; 8] = *b"PYRLSID\x01";
const VERSION: u32 = 1;
/// Rows that share an entry of the sparse index.
pub const SPARSE_ROWS: u32 = 1024;
const SPARSE_BYTES: usize = 24;

const CRCS: usize = 0;
const SPARSE: usize = 1;
/// Sections of one index, from [`Which`]'s first.
const FINGERPRINTS: usize = 0;
const PILOTS: usize = 1;
const ROWS: usize = 2;
const LISTS: usize = 3;
const SECTIONS: usize = 10;

const HEADS_AT: usize = 16 + SegmentMeta::BYTES;
const TABLE_AT: usize = HEADS_AT + 2 * Head::BYTES;
const CRC_AT: usize = TABLE_AT + SECTIONS * 16;
const HEAD_BYTES: usize = CRC_AT + 8;

/// Which of a sidecar's indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Keys of all rows that have one.
    Keys = 0,
    /// Values of rows with schema 1.
    Values = 1,
}

impl Which {
    fn section(self, part: usize) -> usize {
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

/// A sidecar's mapping, where in it fingerprints begin, and the rest of their filter.
pub type Fingerprints = (Mapped, usize, Shape);

/// What a sidecar is made of.
pub struct Contents {
    pub crcs: Vec<u32>,
    pub sparse: Vec<Sparse>,
    pub keys: Made,
    pub values: Made,
}

impl Contents {
    fn sections(&self) -> [Vec<u8>; 2] {
        let crcs = self.crcs.iter().flat_map(|crc| crc.to_le_bytes()).collect();
        let words = |entry: &Sparse| [entry.offset, entry.timestamp, entry.id];
        let sparse = self.sparse.iter().flat_map(words);
        [crcs, sparse.flat_map(u64::to_le_bytes).collect()]
    }

    /// Writes the sidecar under its temporary name. Sets `meta.side_bytes`.
    pub fn write(
        &self,
        files: &dyn FileLayer,
        path: &Path,
        meta: &mut SegmentMeta,
    ) -> Result<(), SegmentError> {
        let [crcs, sparse] = self.sections();
        let (keys, values) = (&self.keys, &self.values);
        let sections: [&[u8]; SECTIONS] = [
            &crcs,
            &sparse,
            &keys.fingerprints,
            &keys.pilots,
            &keys.rows,
            &keys.lists,
            &values.fingerprints,
            &values.pilots,
            &values.rows,
            &values.lists,
        ];
        let padded = |section: &&[u8]| section.len().next_multiple_of(8);
        meta.side_bytes = (HEAD_BYTES + sections.iter().map(padded).sum::<usize>()) as u64;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend(MAGIC);
        head.extend(VERSION.to_le_bytes());
        head.extend([0; 4]);
        head.extend(meta.encode());
        head.extend(keys.head);
        head.extend(values.head);
        for section in sections {
            head.extend((section.len() as u64).to_le_bytes());
            head.extend(crc32c::crc32c(section).to_le_bytes());
            head.extend([0; 4]);
        }
        head.extend(crc32c::crc32c(&head).to_le_bytes());
        head.extend([0; 4]);
        let mut sink = Sink::create(files, path)?;
        let mut write = || {
            sink.write_all(&head)?;
            sections.iter().try_for_each(|section| {
                sink.write_all(section)?;
                sink.write_all(&[0; 8][..padded(section) - section.len()])
            })
        };
        write().map_err(SegmentError::io("write", path))?;
        sink.seal()?;
        Ok(())
    }
}

#[derive(Debug)]
struct Section {
    start: usize,
    end: usize,
    crc: u32,
    checked: AtomicU8,
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
            Err(error) => return Err(SegmentError::io("map", &path)(error)),
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
    fn section(&self, number: usize) -> Result<&[u8], SegmentError> {
        let section = &self.sections[number];
        let bytes = &self.map[section.start..section.end];
        if section.checked.load(Ordering::Acquire) == 0 {
            self.check(number)?;
            section.checked.store(1, Ordering::Release);
        }
        Ok(bytes)
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

    fn damaged(&self, what: &str) -> SegmentError {
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

    /// Whether an index may hold a hash. Wrong now and then, but only by saying yes.
    #[inline]
    pub fn may_hold(&self, which: Which, hash: u64) -> Result<bool, SegmentError> {
        let head = &self.heads[which as usize];
        if head.hashes == 0 {
            return Ok(false);
        }
        Ok(head.may_hold(hash, self.section(which.section(FINGERPRINTS))?))
    }

    /// Where the fingerprints of an index stand, checked, and the filter that reads them; `None` when the index is empty.
    pub fn fingerprints(&self, which: Which) -> Result<Option<Fingerprints>, SegmentError> {
        let head = &self.heads[which as usize];
        if head.hashes == 0 {
            return Ok(None);
        }
        let number = which.section(FINGERPRINTS);
        self.section(number)?;
        Ok(Some((
            self.map.clone(),
            self.sections[number].start,
            head.shape(),
        )))
    }

    /// Rows that may have this hash, ascending: those of another hash, too, if the filter was wrong.
    pub fn candidates(&self, which: Which, hash: u64) -> Result<Candidates<'_>, SegmentError> {
        if !self.may_hold(which, hash)? {
            return Ok(Candidates::One(None));
        }
        self.expected(which, hash)
    }

    /// The same without the filter's opinion: any row at all for a hash that is not there.
    pub fn expected(&self, which: Which, hash: u64) -> Result<Candidates<'_>, SegmentError> {
        if self.heads[which as usize].hashes == 0 {
            return Ok(Candidates::One(None));
        }
        let broken = || self.damaged("an index points behind its end");
        let head = &self.heads[which as usize];
        let pilots = self.section(which.section(PILOTS))?;
        let pilot = *pilots.get(head.bucket(hash)).ok_or_else(broken)?;
        let rows = self.section(which.section(ROWS))?;
        let entry = rows.get(head.entry(hash, pilot)).ok_or_else(broken)?;
        match Entry::read(u32_at(entry, 0)) {
            Entry::None => Ok(Candidates::One(None)),
            Entry::Row(row) if row < self.meta.rows => Ok(Candidates::One(Some(row))),
            Entry::Row(_) => Err(broken()),
            Entry::List(at) => {
                let (words, _) = self.section(which.section(LISTS))?.as_chunks::<4>();
                let list = words.get(at / 4..).and_then(|list| {
                    let (count, rows) = list.split_first()?;
                    rows.get(..u32::from_le_bytes(*count) as usize)
                });
                list.map(Candidates::List).ok_or_else(broken)
            }
        }
    }

    /// Bits a key of the filter and of the perfect hash.
    #[expect(
        clippy::cast_precision_loss,
        reason = "sections are shorter than 2^52 bytes"
    )]
    pub fn bits_per_key(&self, which: Which) -> Option<(f64, f64)> {
        let head = &self.heads[which as usize];
        let lengths = head.lengths();
        let bits = |bytes: u64| bytes as f64 * 8.0 / f64::from(head.hashes);
        (head.hashes > 0).then(|| (bits(lengths.fingerprints), bits(lengths.pilots)))
    }
}

/// Rows an index names for a hash.
#[derive(Debug, Clone, Copy)]
pub enum Candidates<'a> {
    /// At most one.
    One(Option<u32>),
    /// Several, ascending.
    List(&'a [[u8; 4]]),
}

impl Candidates<'_> {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::One(row) => row.iter().len(),
            Self::List(list) => list.len(),
        }
    }

    /// One of them, by its place.
    pub fn get(&self, place: usize) -> Option<u32> {
        match self {
            Self::One(row) => row.filter(|_| place == 0),
            Self::List(list) => list.get(place).map(|row| u32::from_le_bytes(*row)),
        }
    }
}
