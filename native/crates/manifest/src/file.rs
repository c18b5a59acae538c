//! The manifest's file: appending to it, extending it ahead of need, replacing it (Y2, Y3).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_log::{File, FileLayer, OpenMode};

use crate::error::ManifestError;
use crate::frame::{FIRST_FRAME, FileHeader, FrameKind, HEADER_BYTES};
use crate::mutant::{Mutant, on};
use crate::names::{MANIFEST_FILE, MANIFEST_TEMPORARY};
use crate::recover::Recovered;

/// The file grows by so many zeros at a time: a commit then changes no length, and has room when the disk is full.
const EXTENT_BYTES: usize = 64 << 10;

/// Where and for whom.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) files: Arc<dyn FileLayer>,
    pub(crate) dir: PathBuf,
    pub(crate) store_id: [u8; 16],
}

/// The open file. One commit at a time.
pub(crate) struct LogFile {
    place: Place,
    file: Arc<dyn File>,
    pub(crate) header: FileHeader,
    /// Where the next frame goes, and how long the file is.
    tail: usize,
    length: usize,
    /// Bytes before the first edit.
    snapshot_end: usize,
    poison: Option<String>,
}

/// How a replacement went wrong.
pub(crate) enum ReplaceFault {
    /// The file is as it was.
    Untouched(ManifestError),
    /// Nobody knows which of the two has the name.
    Unknown(ManifestError),
}

impl Place {
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join(MANIFEST_FILE)
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        self.dir.join(MANIFEST_TEMPORARY)
    }

    fn salt(&self) -> Result<u32, ManifestError> {
        let mut salt = [0; 4];
        self.files
            .random(&mut salt)
            .map_err(|error| ManifestError::io("find a salt for", &self.path(), error))?;
        Ok(u32::from_le_bytes(salt))
    }
}

fn explain(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> ManifestError {
    move |error| {
        if error.kind() == io::ErrorKind::StorageFull {
            ManifestError::DiskFull(path.to_path_buf())
        } else {
            ManifestError::io(operation, path, error)
        }
    }
}

impl LogFile {
    /// Writes a file that begins with a snapshot and puts it in the place of the one before: write, sync, rename, sync
    /// the directory (Y2).
    pub(crate) fn replace(
        place: &Place,
        incarnation: u64,
        version: u64,
        snapshot: &[u8],
    ) -> Result<Self, ReplaceFault> {
        let (file, header, length) = write_temporary(place, incarnation, (version, snapshot))
            .map_err(ReplaceFault::Untouched)?;
        let path = place.path();
        let named = place
            .files
            .rename(&place.temporary(), &path)
            .map_err(explain("rename to", &path))
            .and_then(|()| {
                if on(Mutant::SkipDirSync) {
                    return Ok(());
                }
                let synced = place.files.sync_dir(&place.dir);
                synced.map_err(explain("sync the directory of", &path))
            });
        named.map_err(ReplaceFault::Unknown)?;
        let tail = FIRST_FRAME + crate::frame::frame_bytes(snapshot.len());
        let mut log = Self {
            place: place.clone(),
            file,
            header,
            tail,
            length,
            snapshot_end: tail,
            poison: None,
        };
        // Whether this fails is found out by the next commit.
        drop(log.mark(version + 1));
        Ok(log)
    }

    /// Opens what was read: a torn tail is cut, and the last frame, unless a marker says that it was synced, is written
    /// again and synced before anything is shown of it, for it may stand in a cache only (Y4).
    pub(crate) fn resume(
        place: &Place,
        recovered: &Recovered,
        bytes: &[u8],
    ) -> Result<Self, ManifestError> {
        let path = place.path();
        let file = place
            .files
            .open(&path, OpenMode::ReadWrite)
            .map_err(explain("open", &path))?;
        let mut log = Self {
            place: place.clone(),
            file,
            header: recovered.header,
            tail: recovered.tail,
            length: bytes.len(),
            snapshot_end: recovered.snapshot_end,
            poison: None,
        };
        if recovered.torn > 0 && !on(Mutant::KeepTail) {
            let zeros = vec![0; bytes.len() - recovered.tail];
            log.write(&zeros, recovered.tail)?;
        }
        if (!recovered.marked || recovered.torn > 0) && !on(Mutant::TrustCache) {
            log.write(&bytes[recovered.last..recovered.tail], recovered.last)?;
            log.sync()?;
            let synced = place.files.sync_dir(&place.dir);
            synced.map_err(explain("sync the directory of", &path))?;
            log.mark(recovered.version.number + 1)?;
        }
        Ok(log)
    }

    /// Bytes of all edits, and of the snapshot before them.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (
            self.tail - self.snapshot_end,
            self.snapshot_end - FIRST_FRAME,
        )
    }

    /// Makes one commit durable. After any error but a full disk nothing more is taken until the file is opened again.
    pub(crate) fn append(&mut self, number: u64, payload: &[u8]) -> Result<(), ManifestError> {
        self.healthy()?;
        let frame = self.header.frame(FrameKind::Edits, number, payload);
        self.reserve(self.tail + frame.len() + HEADER_BYTES)?;
        let outcome = self.write(&frame, self.tail).and_then(|()| self.sync());
        self.poisoning(outcome)?;
        self.tail += frame.len();
        let marked = self.mark(number + 1);
        // The commit is durable; only what follows is in doubt.
        drop(self.poisoning(marked));
        Ok(())
    }

    /// Says, behind the last frame, that everything before was synced (Y3). Not synced itself.
    fn mark(&mut self, number: u64) -> Result<(), ManifestError> {
        let marker = self.header.frame(FrameKind::Marker, number, &[]);
        if self.tail + marker.len() > self.length || on(Mutant::NoMarker) {
            return Ok(());
        }
        self.write(&marker, self.tail)
    }

    /// Makes the marker durable: the clean end.
    pub(crate) fn close(&mut self) -> Result<(), ManifestError> {
        self.healthy()?;
        let outcome = self.sync();
        self.poisoning(outcome)
    }

    pub(crate) fn poison(&mut self, why: &ManifestError) {
        self.poison = Some(why.to_string());
    }

    fn poisoning<T>(&mut self, outcome: Result<T, ManifestError>) -> Result<T, ManifestError> {
        if let Err(error) = &outcome {
            self.poison = Some(error.to_string());
        }
        outcome
    }

    pub(crate) fn healthy(&self) -> Result<(), ManifestError> {
        match &self.poison {
            Some(why) => Err(ManifestError::Poisoned(why.clone())),
            None => Ok(()),
        }
    }

    /// Zeros up to `end` and some more, synced, before anything is written into them.
    fn reserve(&mut self, end: usize) -> Result<(), ManifestError> {
        if end <= self.length {
            return Ok(());
        }
        let length = end.next_multiple_of(EXTENT_BYTES) + EXTENT_BYTES;
        let zeros = vec![0; length - self.length];
        match self.write(&zeros, self.length) {
            Err(full @ ManifestError::DiskFull(_)) => return Err(full),
            other => self.poisoning(other)?,
        }
        let synced = self.sync();
        self.poisoning(synced)?;
        self.length = length;
        Ok(())
    }

    fn write(&self, bytes: &[u8], position: usize) -> Result<(), ManifestError> {
        self.file
            .write_all_at(bytes, position as u64)
            .map_err(explain("write", &self.place.path()))
    }

    fn sync(&self) -> Result<(), ManifestError> {
        if on(Mutant::SkipSync) {
            return Ok(());
        }
        let synced = self
            .file
            .sync_data()
            .map_err(explain("sync", &self.place.path()));
        if on(Mutant::IgnoreSyncError) {
            return Ok(());
        }
        synced
    }
}

type Written = (Arc<dyn File>, FileHeader, usize);

fn write_temporary(
    place: &Place,
    incarnation: u64,
    (version, snapshot): (u64, &[u8]),
) -> Result<Written, ManifestError> {
    let path = place.temporary();
    let header = FileHeader {
        incarnation,
        store_id: place.store_id,
        salt: place.salt()?,
    };
    let mut bytes = vec![0; FIRST_FRAME];
    bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
    bytes.extend(header.frame(FrameKind::Snapshot, version, snapshot));
    let length = bytes.len().next_multiple_of(EXTENT_BYTES) + EXTENT_BYTES;
    bytes.resize(length, 0);
    let file = place
        .files
        .open(&path, OpenMode::OpenOrCreate)
        .map_err(explain("create", &path))?;
    file.set_len(0).map_err(explain("empty", &path))?;
    file.write_all_at(&bytes, 0)
        .map_err(explain("write", &path))?;
    if !on(Mutant::RenameUnsynced) {
        file.sync_data().map_err(explain("sync", &path))?;
    }
    Ok((file, header, length))
}
