//! Files on their way in: they grow where they end, survive breaks and restarts, and are checked whole (RF15).

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use pyralog_log::{File, FileLayer, OpenMode};

use super::files::{ListedFile, prefix};
use crate::error::HostError;
use crate::segments::Segments;

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

/// A file that grows.
pub(super) struct Incoming<'a> {
    segments: &'a Segments,
    file: Arc<dyn File>,
    pub listed: &'a ListedFile,
    /// Bytes it has.
    pub have: u64,
}

impl<'a> Incoming<'a> {
    /// Goes on where it ends.
    pub fn open(segments: &'a Segments, listed: &'a ListedFile) -> Result<Self, HostError> {
        let path = listed.path(segments);
        let opened = segments.files.open(&path, OpenMode::OpenOrCreate);
        let opened = opened.and_then(|file| Ok((file.len()?, file)));
        let (have, file) = opened.map_err(|error| failed(segments, &path, &error))?;
        let mut incoming = Self {
            segments,
            file,
            listed,
            have,
        };
        if have > listed.length {
            incoming.begin_again()?;
        }
        Ok(incoming)
    }

    pub fn is_whole(&self) -> bool {
        self.have == self.listed.length
    }

    /// The next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        let fits = self.have + bytes.len() as u64 <= self.listed.length;
        let bytes = if fits { bytes } else { &[] };
        let written = self.file.write_all_at(bytes, self.have);
        written.map_err(|error| self.failed(&error))?;
        self.have += bytes.len() as u64;
        Ok(())
    }

    /// Lets go of what it has.
    pub fn begin_again(&mut self) -> Result<(), HostError> {
        let cut = self.file.set_len(0);
        cut.map_err(|error| self.failed(&error))?;
        self.have = 0;
        Ok(())
    }

    /// Makes a whole file durable; false when it is not the one that was listed.
    pub fn check(&self) -> Result<bool, HostError> {
        let synced = self.file.sync_data();
        synced.map_err(|error| self.failed(&error))?;
        let hash = hash_of(self.file.as_ref(), self.listed.length);
        let hash = hash.map_err(|error| self.failed(&error))?;
        Ok(hash == self.listed.hash)
    }

    fn failed(&self, error: &io::Error) -> HostError {
        failed(self.segments, &self.listed.path(self.segments), error)
    }
}

fn failed(segments: &Segments, path: &Path, error: &io::Error) -> HostError {
    HostError::of_file(segments.files.as_ref(), path, error)
}

/// BLAKE3 of a file's first bytes.
pub(super) fn hash_of(file: &dyn File, length: u64) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut at = 0;
    while at < length {
        let count = READ_BYTES.min((length - at) as usize);
        file.read_exact_at(&mut buffer[..count], at)?;
        hasher.update(&buffer[..count]);
        at += count as u64;
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Removes what came of a partition's files, but for those with these stems. A failure leaves a file too many.
pub(super) fn forget_but(segments: &Segments, partition: u32, keep: &BTreeSet<String>) {
    let ours = prefix(partition);
    for dir in [segments.manifest.segments_dir(), segments.snapshots_dir()] {
        for name in segments.files.list(dir).unwrap_or_default() {
            let stem = name.split('.').next().unwrap_or_default();
            if name.starts_with(&ours) && !keep.contains(stem) {
                let _ = segments.files.remove(&dir.join(&name));
            }
        }
    }
}

/// Partitions of which something came and was not taken over, as far as there are so many.
pub(super) fn left_over(segments: &Segments, partitions: u32) -> BTreeSet<u32> {
    let list = |dir: &Path| segments.files.list(dir).unwrap_or_default();
    let mut names = list(segments.manifest.segments_dir());
    names.extend(list(segments.snapshots_dir()));
    let came = |partition: &u32| {
        names
            .iter()
            .any(|name| name.starts_with(&prefix(*partition)))
    };
    (0..partitions).filter(came).collect()
}

/// Whether a file stands somewhere that is, byte for byte, the listed one.
pub(super) fn is_there(files: &dyn FileLayer, path: &Path, listed: &ListedFile) -> bool {
    let Ok(file) = files.open(path, OpenMode::Read) else {
        return false;
    };
    let same = file.len().is_ok_and(|length| length == listed.length);
    same && hash_of(file.as_ref(), listed.length).is_ok_and(|hash| hash == listed.hash)
}
