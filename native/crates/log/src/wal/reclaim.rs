//! The beginning of the log moves on, and the files before it are used again (W13, W14).

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::format::{
    FIRST_FRAME, FRAME_ALIGN, FileHeader, HEADER_BYTES, STORE_VERSION, StoreHeader,
};
use super::listing::{incarnations, store_path};
use super::prepare::{Preparer, UNFINISHED, sync_names};
use super::shared::{WalFile, path_of};
use crate::error::LogError;
use crate::files::{FileLayer, OpenMode};

/// Files kept for reuse: what a burst frees at once; more are given back to the file system.
const FREE_FILES_MAX: usize = 2;

impl Preparer {
    /// Which store this is (W1).
    pub(crate) fn store_id(&self) -> [u8; 16] {
        self.0.store_id
    }

    /// Whether the log begins before this file.
    pub(crate) fn begins_before(&self, incarnation: u64) -> bool {
        self.0.begin.lock().first_incarnation < incarnation
    }

    /// The file of the newest durable frame, 0 when there is none.
    pub(crate) fn newest(&self) -> u64 {
        let newest = self.0.first_frames.lock().keys().last().copied();
        newest.unwrap_or(0)
    }

    /// Number and bytes of the files that frames stand in.
    pub(crate) fn files_in_use(&self) -> (u64, u64) {
        let files = self.0.files.read();
        let used = files.range(..=self.newest());
        used.fold((0, 0), |(count, bytes), (_, file)| {
            (count + 1, bytes + file.header.file_bytes)
        })
    }

    /// Lets go of the files before incarnation `keep_from`. What they said and is still needed must stand in `records`
    /// (W13). Returns how many files the log lost; none when the log begins there already.
    ///
    /// # Errors
    /// `Io`, `ReadOnly`, `Poisoned`. The log then begins where it did, or where it should.
    pub(crate) fn begin_at(&self, keep_from: u64, records: &[u8]) -> Result<u64, LogError> {
        let shared = &self.0;
        shared.writable()?;
        let _no_other_file_moves = shared.preparing.lock();
        let mut begin = shared.begin.lock();
        // A log begins with a frame whose number is known.
        let first = {
            let frames = shared.first_frames.lock();
            let mut kept = frames.range(keep_from..);
            kept.next().map(|(file, sequence)| (*file, *sequence))
        };
        let Some((first_incarnation, first_sequence)) = first else {
            return Ok(0);
        };
        if first_incarnation <= begin.first_incarnation {
            return Ok(0);
        }
        let store = StoreHeader {
            first_incarnation,
            first_sequence,
            version: STORE_VERSION,
            records_bytes: records.len() as u32,
            ..*begin
        };
        #[cfg(test)]
        let skipped = crate::mutant::on(crate::mutant::Mutant::RecycleBeforeStore);
        #[cfg(not(test))]
        let skipped = false;
        if !skipped {
            write_store(shared.layer.as_ref(), &shared.wal_dir, &store, records)?;
        }
        let lost = {
            let mut files = shared.files.write();
            let kept = files.split_off(&first_incarnation);
            std::mem::replace(&mut *files, kept)
        };
        shared
            .first_frames
            .lock()
            .retain(|file, _| *file >= first_incarnation);
        *begin = store;
        let count = lost.len() as u64;
        for file in lost.into_values() {
            self.set_free(file)?;
        }
        Ok(count)
    }

    /// A file before the beginning: kept for reuse, or removed.
    fn set_free(&self, file: Arc<WalFile>) -> Result<(), LogError> {
        let mut free = self.0.free.lock();
        if free.len() < FREE_FILES_MAX && file.header.file_bytes == self.0.file_bytes {
            free.push(file);
            return Ok(());
        }
        drop(free);
        // Its blocks come back when the last reader has closed it.
        self.0
            .layer
            .remove(&file.path)
            .map_err(|error| LogError::io("remove", &file.path, error))
    }

    /// Makes a file that was let go the one with this incarnation (W14); `None` when there is none to take.
    pub(crate) fn reuse(&self, incarnation: u64) -> Result<Option<Arc<WalFile>>, LogError> {
        let shared = &self.0;
        let Some(old) = shared.free.lock().pop() else {
            return Ok(None);
        };
        let layer = shared.layer.as_ref();
        let unfinished = shared.wal_dir.join(UNFINISHED);
        let path = path_of(&shared.wal_dir, incarnation);
        let header = rewrite(layer, &old, &unfinished, incarnation)
            .map_err(|error| LogError::io("prepare", &unfinished, error))?;
        layer
            .rename(&unfinished, &path)
            .map_err(|error| LogError::io("name", &path, error))?;
        sync_names(layer, &shared.wal_dir)?;
        Ok(Some(Arc::new(WalFile {
            file: Arc::clone(&old.file),
            path,
            header,
        })))
    }
}

/// A new header, and zeros where the first frame will stand: a file without frames is known by them. All of it under
/// another name, synced before it gets its own.
fn rewrite(
    layer: &dyn FileLayer,
    old: &WalFile,
    unfinished: &Path,
    incarnation: u64,
) -> io::Result<FileHeader> {
    let mut salt = [0; 4];
    layer.random(&mut salt)?;
    let header = FileHeader {
        incarnation,
        salt: u32::from_le_bytes(salt),
        recycled: true,
        ..old.header
    };
    layer.rename(&old.path, unfinished)?;
    let mut front = vec![0; (FIRST_FRAME + FRAME_ALIGN) as usize];
    front[..HEADER_BYTES].copy_from_slice(&header.encode());
    old.file.write_all_at(&front, 0)?;
    old.file.sync_data()?;
    Ok(header)
}

/// Replaces the store file: from then on the log begins where it says.
pub(crate) fn write_store(
    layer: &dyn FileLayer,
    wal_dir: &Path,
    store: &StoreHeader,
    records: &[u8],
) -> Result<(), LogError> {
    let path = store_path(wal_dir);
    let bytes = [&store.encode()[..], records].concat();
    layer
        .replace_file(&path, &bytes)
        .map_err(|error| LogError::io("write", &path, error))
}

/// Files before the beginning that an earlier life left: some are used again, the rest removed.
pub(crate) fn leftovers(
    layer: &dyn FileLayer,
    wal_dir: &Path,
    store: &StoreHeader,
    file_bytes: u64,
) -> Result<Vec<Arc<WalFile>>, LogError> {
    let mut free = Vec::new();
    for incarnation in incarnations(layer, wal_dir)? {
        if incarnation >= store.first_incarnation {
            break;
        }
        let path = path_of(wal_dir, incarnation);
        match open_whole(layer, &path, store, file_bytes) {
            Some(file) if free.len() < FREE_FILES_MAX => free.push(Arc::new(file)),
            _ => layer
                .remove(&path)
                .map_err(|error| LogError::io("remove", &path, error))?,
        }
    }
    Ok(free)
}

/// The file, if nothing about it is unusual; one that cannot be read is not worth keeping.
fn open_whole(
    layer: &dyn FileLayer,
    path: &Path,
    store: &StoreHeader,
    file_bytes: u64,
) -> Option<WalFile> {
    let file = layer.open(path, OpenMode::ReadWrite).ok()?;
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let header = FileHeader::decode(&bytes).ok()?;
    let usual = header.store_id == store.store_id
        && header.file_bytes == file_bytes
        && file.len().ok()? == file_bytes;
    usual.then(|| WalFile {
        file,
        path: path.to_path_buf(),
        header,
    })
}
