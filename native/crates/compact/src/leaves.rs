//! Files of leaf hashes of rows that are gone (Y9).

use std::ops::Range;
use std::path::{Path, PathBuf};

use crc32c::crc32c;
use pyralog_log::{FileLayer, Mapped};
use pyralog_manifest::{LeavesEntry, NewLeaves};
use pyralog_types::Hash;

use crate::error::CompactError;

const MAGIC: [u8; 8] = *b"PYRLLVS\x01";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 64;
const HASH_BYTES: usize = 32;
/// What one checksum covers.
const BLOCK_BYTES: usize = 64 << 10;

/// What is to be written.
#[derive(Debug, Clone, Copy)]
pub struct LeavesToWrite<'a> {
    /// The partition.
    pub partition: u32,
    /// Offset of the first hash.
    pub base_offset: u64,
    /// Leaf hashes, one for each offset.
    pub hashes: &'a [Hash],
    /// The same of the SHA-256 tree; empty when the partition keeps none.
    pub sha256: &'a [Hash],
}

impl LeavesToWrite<'_> {
    fn end_offset(&self) -> u64 {
        self.base_offset + self.hashes.len() as u64
    }

    fn encode(&self) -> Vec<u8> {
        let hashes = self.hashes.as_flattened();
        let sha256 = self.sha256.as_flattened();
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12] = u8::from(!sha256.is_empty());
        bytes[16..20].copy_from_slice(&self.partition.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.base_offset.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.end_offset().to_le_bytes());
        let crc = crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes.reserve(hashes.len() + sha256.len() + hashes.len() / 1024);
        bytes.extend_from_slice(hashes);
        bytes.extend_from_slice(sha256);
        let crcs: Vec<u8> = bytes[HEADER_BYTES..]
            .chunks(BLOCK_BYTES)
            .flat_map(|block| crc32c(block).to_le_bytes())
            .collect();
        bytes.extend(crcs);
        bytes
    }

    /// Writes `<name>.leaves`, durably.
    ///
    /// # Errors
    /// [`CompactError::Io`].
    pub fn write(
        &self,
        files: &dyn FileLayer,
        dir: &Path,
        (name, number): (&str, u64),
    ) -> Result<NewLeaves, CompactError> {
        let path = path_of(dir, name);
        let bytes = self.encode();
        files
            .replace_file(&path, &bytes)
            .map_err(|error| CompactError::io("write", &path, error))?;
        Ok(NewLeaves {
            number,
            base_offset: self.base_offset,
            end_offset: self.end_offset(),
            sha256: !self.sha256.is_empty(),
            hash: *blake3::hash(&bytes).as_bytes(),
        })
    }
}

fn path_of(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.leaves"))
}

/// An open leaves file.
#[derive(Clone)]
pub struct LeavesFile {
    path: PathBuf,
    meta: NewLeaves,
    map: Mapped,
}

impl LeavesFile {
    /// Maps a leaves file and checks its header and length.
    ///
    /// # Errors
    /// [`CompactError::Leaves`] when it is not the file that the manifest names; [`CompactError::Io`].
    pub fn open(
        files: &dyn FileLayer,
        dir: &Path,
        entry: &LeavesEntry,
    ) -> Result<Self, CompactError> {
        Self::open_as(files, dir, (&entry.name(), entry))
    }

    /// The same of a file that stands under another name yet.
    ///
    /// # Errors
    /// As [`LeavesFile::open`].
    pub fn open_as(
        files: &dyn FileLayer,
        dir: &Path,
        (name, entry): (&str, &LeavesEntry),
    ) -> Result<Self, CompactError> {
        let path = path_of(dir, name);
        let map = files
            .map(&path)
            .map_err(|error| CompactError::io("map", &path, error))?;
        let file = Self {
            path,
            meta: entry.meta.clone(),
            map,
        };
        file.check_header(entry.partition())?;
        Ok(file)
    }

    fn refuse<T>(&self, what: impl Into<String>) -> Result<T, CompactError> {
        Err(CompactError::Leaves {
            file: self.path.clone(),
            what: what.into(),
        })
    }

    fn count(&self) -> usize {
        (self.meta.end_offset - self.meta.base_offset) as usize
    }

    fn hash_bytes(&self) -> usize {
        self.count() * HASH_BYTES * (1 + usize::from(self.meta.sha256))
    }

    fn check_header(&self, partition: u32) -> Result<(), CompactError> {
        let Some(header) = self.map.first_chunk::<HEADER_BYTES>() else {
            return self.refuse("it is cut short");
        };
        if header[..8] != MAGIC || crc32c(&header[..60]).to_le_bytes() != header[60..] {
            return self.refuse("its header is damaged");
        }
        if header[8..12] != VERSION.to_le_bytes() {
            return self.refuse("it was written by a newer version");
        }
        let expected = LeavesToWrite {
            partition,
            base_offset: self.meta.base_offset,
            hashes: &[],
            sha256: &[],
        };
        let mut expected = expected.encode();
        expected[12] = u8::from(self.meta.sha256);
        expected[32..40].copy_from_slice(&self.meta.end_offset.to_le_bytes());
        if header[..60] != expected[..60] {
            return self.refuse("it holds the hashes of other rows");
        }
        let blocks = self.hash_bytes().div_ceil(BLOCK_BYTES);
        if self.map.len() != HEADER_BYTES + self.hash_bytes() + 4 * blocks {
            return self.refuse(format!("{} bytes are not its length", self.map.len()));
        }
        Ok(())
    }

    /// Checked bytes of the hashes area.
    fn bytes(&self, range: Range<usize>) -> Result<&[u8], CompactError> {
        let (area, crcs) = self.map[HEADER_BYTES..].split_at(self.hash_bytes());
        let blocks = range.start / BLOCK_BYTES..range.end.div_ceil(BLOCK_BYTES);
        for number in blocks {
            let block = &area[number * BLOCK_BYTES..area.len().min((number + 1) * BLOCK_BYTES)];
            if crc32c(block).to_le_bytes() != crcs[4 * number..4 * number + 4] {
                return self.refuse(format!("block {number} of its hashes is damaged"));
            }
        }
        Ok(&area[range])
    }

    /// Leaf hashes of a range of offsets within the file.
    ///
    /// # Errors
    /// [`CompactError::Leaves`] for a damaged block, or offsets that it does not hold.
    pub fn hashes(&self, offsets: Range<u64>) -> Result<&[Hash], CompactError> {
        self.slice(offsets, 0)
    }

    /// The same of the SHA-256 tree.
    ///
    /// # Errors
    /// As [`LeavesFile::hashes`]; also when the file holds none.
    pub fn sha256(&self, offsets: Range<u64>) -> Result<&[Hash], CompactError> {
        if !self.meta.sha256 {
            return self.refuse("it holds no hashes of the SHA-256 tree");
        }
        self.slice(offsets, self.count())
    }

    fn slice(&self, offsets: Range<u64>, first: usize) -> Result<&[Hash], CompactError> {
        let own = self.meta.base_offset..self.meta.end_offset;
        if offsets.start < own.start || offsets.end > own.end || offsets.start > offsets.end {
            return self.refuse(format!(
                "it holds offsets {} to {}, not {} to {}",
                own.start, own.end, offsets.start, offsets.end
            ));
        }
        let start = first + (offsets.start - own.start) as usize;
        let end = first + (offsets.end - own.start) as usize;
        let bytes = self.bytes(start * HASH_BYTES..end * HASH_BYTES)?;
        Ok(bytes.as_chunks::<HASH_BYTES>().0)
    }

    /// Reads it all.
    ///
    /// # Errors
    /// [`CompactError::Leaves`] when it is not what was written.
    pub fn verify(&self) -> Result<(), CompactError> {
        self.bytes(0..self.hash_bytes())?;
        if *blake3::hash(&self.map).as_bytes() != self.meta.hash {
            return self
                .refuse("the file has another hash, though its blocks have the right checksums");
        }
        Ok(())
    }
}
