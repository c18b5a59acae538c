//! The store: its directory, opened and let go.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use pyralog_log::{FileLayer, FileLock};

use crate::figures::Counters;
use crate::index::{Index, PackInfo};
use crate::{Name, ObjectError, pack};

/// What only one caller at a time may do: put and sweep.
pub(crate) struct Writing {
    pub(crate) next_pack: u64,
    pub(crate) closed: bool,
}

pub(crate) struct Inner {
    pub(crate) files: Arc<dyn FileLayer>,
    pub(crate) dir: PathBuf,
    pub(crate) writing: Mutex<Writing>,
    pub(crate) index: RwLock<Index>,
    pub(crate) pins: Mutex<HashMap<Name, usize>>,
    pub(crate) counters: Counters,
    lock: Mutex<Option<Box<dyn FileLock>>>,
}

/// An open object store. Clones are the same store; calls may come from any thread, and block.
#[derive(Clone)]
pub struct ObjectStore(pub(crate) Arc<Inner>);

impl ObjectStore {
    /// Opens or creates the store in a directory of its own, and removes what a crash left unfinished (O5).
    ///
    /// # Errors
    /// [`ObjectError::Locked`], [`ObjectError::Io`].
    pub fn open(files: Arc<dyn FileLayer>, dir: &Path) -> Result<Self, ObjectError> {
        files.create_dir(dir)?;
        let lock = files
            .lock(&dir.join("lock"))?
            .ok_or_else(|| ObjectError::Locked(dir.display().to_string()))?;
        let mut index = Index {
            epoch: 1,
            ..Index::default()
        };
        let mut names = files.list(dir)?;
        names.sort_unstable();
        let mut numbers = Vec::new();
        for name in names {
            if pack::is_temporary(&name) {
                files.remove(&dir.join(&name))?;
            } else if let Some(number) = pack::number_of(&name) {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        for number in &numbers {
            let listing = pack::list(&*files, &pack::path_of(dir, *number))?;
            let info = PackInfo {
                entries: listing.entries,
                bytes: listing.bytes,
                damaged: listing.damaged,
            };
            index.add(*number, info);
        }
        let next_pack = numbers.last().map_or(1, |last| last + 1);
        Ok(Self(Arc::new(Inner {
            files,
            dir: dir.to_path_buf(),
            writing: Mutex::new(Writing {
                next_pack,
                closed: false,
            }),
            index: RwLock::new(index),
            pins: Mutex::default(),
            counters: Counters::default(),
            lock: Mutex::new(Some(lock)),
        })))
    }

    /// Lets go of the directory, when puts and sweeps that run have ended. May be called again.
    pub fn close(&self) {
        self.0.writing.lock().closed = true;
        let mut index = self.0.index.write();
        *index = Index::default();
        self.0.lock.lock().take();
    }
}
