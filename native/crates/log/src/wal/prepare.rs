//! Preparation of log files ahead of need (W1, W10).

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::format::{FILE_UNIT_BYTES, FileHeader};
use super::shared::{Shared, WalFile, path_of};
use crate::error::LogError;
use crate::files::{File, FileLayer, OpenMode};

/// A file that is not complete yet; recovery removes it.
pub(crate) const UNFINISHED: &str = "next.tmp";
/// Zeros are written and synced in pieces of this size, so that a commit never waits behind a whole file.
const ZERO_STEP: usize = 1 << 20;
/// Kept free beside a new file: the sidecars and the file system itself need room too.
const SPARE_BYTES: u64 = 1 << 20;

/// Prepares log files ahead of need, on a background thread. Clones share one log.
#[derive(Clone)]
pub struct Preparer(pub(crate) Arc<Shared>);

impl Preparer {
    /// Whether the next file is missing; cheap. Call [`Preparer::prepare_next`] when it is.
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.0.prepared.lock().is_empty() && self.0.writable().is_ok()
    }

    /// Makes the next file, unless it is there (false): from one that the log let go (W14), else written anew with zeros,
    /// which takes as long as writing it takes. Never holds up a commit.
    ///
    /// # Errors
    /// `DiskFull` (W10, try again later), `Io`, `ReadOnly`, `Poisoned`.
    pub fn prepare_next(&self) -> Result<bool, LogError> {
        self.0.writable()?;
        let mut next = self.0.preparing.lock();
        if !self.0.prepared.lock().is_empty() {
            return Ok(false);
        }
        let file = match self.reuse(*next)? {
            Some(file) => file,
            None => self.create(*next)?,
        };
        *next += 1;
        self.0
            .files
            .write()
            .insert(file.header.incarnation, Arc::clone(&file));
        self.0.prepared.lock().push_back(file);
        Ok(true)
    }

    /// The next file, prepared now if it is not there yet (then, and only then, this waits for the disk).
    pub(crate) fn take(&self) -> Result<Arc<WalFile>, LogError> {
        loop {
            if let Some(file) = self.0.prepared.lock().pop_front() {
                return Ok(file);
            }
            self.prepare_next()?;
        }
    }

    fn create(&self, incarnation: u64) -> Result<Arc<WalFile>, LogError> {
        let shared = &self.0;
        let layer = shared.layer.as_ref();
        create_file(
            layer,
            &shared.wal_dir,
            shared.store_id,
            (incarnation, shared.file_bytes),
        )
    }
}

/// Creates a log file of (incarnation, size): written whole under another name, synced, renamed, its directory synced.
/// So a file named `.wal` is always complete.
pub(crate) fn create_file(
    layer: &dyn FileLayer,
    wal_dir: &Path,
    store_id: [u8; 16],
    (incarnation, file_bytes): (u64, u64),
) -> Result<Arc<WalFile>, LogError> {
    let unfinished = wal_dir.join(UNFINISHED);
    let free = layer
        .free_bytes(wal_dir)
        .map_err(|error| LogError::io("find the free space of", wal_dir, error))?;
    if free < file_bytes + SPARE_BYTES.min(file_bytes) {
        return Err(LogError::DiskFull {
            needed: file_bytes,
            free,
        });
    }
    let mut salt = [0; 4];
    let filled = layer.random(&mut salt).and_then(|()| {
        let header = FileHeader {
            file_bytes,
            incarnation,
            store_id,
            salt: u32::from_le_bytes(salt),
            recycled: false,
        };
        Ok((header, fill(layer, &unfinished, header)?))
    });
    let (header, file) = match filled {
        Ok(done) => done,
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            // Give the space back. When this fails too, the next attempt starts over with the same file.
            let _ = layer.remove(&unfinished);
            return Err(LogError::DiskFull {
                needed: file_bytes,
                free,
            });
        }
        Err(error) => return Err(LogError::io("prepare", &unfinished, error)),
    };
    let path = path_of(wal_dir, incarnation);
    layer
        .rename(&unfinished, &path)
        .map_err(|error| LogError::io("name", &path, error))?;
    sync_names(layer, wal_dir)?;
    Ok(Arc::new(WalFile { file, path, header }))
}

pub(crate) fn sync_names(layer: &dyn FileLayer, wal_dir: &Path) -> Result<(), LogError> {
    layer
        .sync_dir(wal_dir)
        .map_err(|error| LogError::io("sync the directory", wal_dir, error))
}

/// Zeros first, the header last: each step synced before the next.
fn fill(layer: &dyn FileLayer, path: &Path, header: FileHeader) -> io::Result<Arc<dyn File>> {
    let file = layer.open(path, OpenMode::OpenOrCreate)?;
    file.set_len(0)?;
    let zeros = vec![0; ZERO_STEP.min(header.file_bytes as usize)];
    let mut position = 0;
    while position < header.file_bytes {
        let step = (zeros.len() as u64).min(header.file_bytes - position) as usize;
        file.write_all_at(&zeros[..step], position)?;
        file.sync_data()?;
        position += step as u64;
    }
    file.write_all_at(&header.encode(), 0)?;
    file.sync_data()?;
    Ok(file)
}

/// Whether a file may have this size: whole units (W2), at least one, at most what the header can say.
pub(crate) fn valid_size(file_bytes: u64) -> bool {
    file_bytes > 0
        && file_bytes.is_multiple_of(FILE_UNIT_BYTES)
        && u32::try_from(file_bytes / FILE_UNIT_BYTES).is_ok()
}
