//! What the handles of one open log share.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};

use super::format::{FileHeader, StoreHeader};
use crate::error::{Damage, LogError};
use crate::files::{File, FileLayer, FileLock};

/// Frame buffers kept for reuse; beyond that many, and beyond that size, they are given back to the allocator.
const POOL_BUFFERS: usize = 4;
const POOL_BUFFER_BYTES: usize = 4 << 20;

/// An open log file.
pub(crate) struct WalFile {
    pub file: Arc<dyn File>,
    pub path: PathBuf,
    pub header: FileHeader,
}

impl WalFile {
    pub(crate) fn damage(&self, position: u64, detail: impl Into<String>) -> Damage {
        Damage {
            file: self.path.clone(),
            position,
            detail: detail.into(),
        }
    }
}

/// Shared by stager, syncer, readers and preparer.
pub(crate) struct Shared {
    pub layer: Arc<dyn FileLayer>,
    /// The directory with the log files.
    pub wal_dir: PathBuf,
    pub store_id: [u8; 16],
    /// Size of new files.
    pub file_bytes: u64,
    /// Every file of the log, by incarnation, for readers.
    pub files: RwLock<BTreeMap<u64, Arc<WalFile>>>,
    /// Prepared and not yet taken, in order of incarnation (W10).
    pub prepared: Mutex<VecDeque<Arc<WalFile>>>,
    /// The incarnation the next file gets; locked while one is prepared, and while the beginning moves.
    pub preparing: Mutex<u64>,
    /// Where the log begins.
    pub begin: Mutex<StoreHeader>,
    /// Number of the first durable frame of each file that has one.
    pub first_frames: Mutex<BTreeMap<u64, u64>>,
    /// Files before the beginning, to be used again (W14).
    pub free: Mutex<Vec<Arc<WalFile>>>,
    /// Number of the first frame that was not there when the log was opened.
    pub opened_to: u64,
    /// Why nothing may be written (W8).
    pub damage: Option<Damage>,
    poisoned: AtomicBool,
    poison: Mutex<String>,
    pool: Mutex<Vec<Vec<u8>>>,
    _lock: Box<dyn FileLock>,
}

/// The directory, the store and what recovery found, when an opening is complete.
pub(crate) struct Opened {
    pub layer: Arc<dyn FileLayer>,
    pub wal_dir: PathBuf,
    pub store: StoreHeader,
    pub file_bytes: u64,
    pub files: Vec<Arc<WalFile>>,
    pub first_frames: BTreeMap<u64, u64>,
    pub free: Vec<Arc<WalFile>>,
    pub prepared: VecDeque<Arc<WalFile>>,
    pub next_incarnation: u64,
    pub next_frame: u64,
    pub damage: Option<Damage>,
    pub lock: Box<dyn FileLock>,
}

impl Shared {
    pub(crate) fn new(opened: Opened) -> Self {
        let files = opened
            .files
            .into_iter()
            .map(|file| (file.header.incarnation, file))
            .collect();
        Self {
            layer: opened.layer,
            wal_dir: opened.wal_dir,
            store_id: opened.store.store_id,
            file_bytes: opened.file_bytes,
            files: RwLock::new(files),
            prepared: Mutex::new(opened.prepared),
            preparing: Mutex::new(opened.next_incarnation),
            begin: Mutex::new(opened.store),
            first_frames: Mutex::new(opened.first_frames),
            free: Mutex::new(opened.free),
            opened_to: opened.next_frame,
            damage: opened.damage,
            poisoned: AtomicBool::new(false),
            poison: Mutex::new(String::new()),
            pool: Mutex::new(Vec::new()),
            _lock: opened.lock,
        }
    }

    /// Refuses writing to a damaged (W8) or poisoned (W9) log.
    pub(crate) fn writable(&self) -> Result<(), LogError> {
        if let Some(damage) = &self.damage {
            return Err(LogError::ReadOnly(damage.clone()));
        }
        if self.poisoned.load(Ordering::Acquire) {
            return Err(LogError::Poisoned(self.poison.lock().clone()));
        }
        Ok(())
    }

    /// Poisons the log (W9); the first cause is kept.
    pub(crate) fn poison(&self, cause: impl Into<String>) -> LogError {
        let mut poison = self.poison.lock();
        if !self.poisoned.load(Ordering::Acquire) {
            *poison = cause.into();
            self.poisoned.store(true, Ordering::Release);
        }
        LogError::Poisoned(poison.clone())
    }

    pub(crate) fn buffer(&self) -> Vec<u8> {
        self.pool.lock().pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, mut buffer: Vec<u8>) {
        let mut pool = self.pool.lock();
        if pool.len() < POOL_BUFFERS && buffer.capacity() <= POOL_BUFFER_BYTES {
            buffer.clear();
            pool.push(buffer);
        }
    }
}

/// Path of a log file (W1).
pub(crate) fn path_of(wal_dir: &Path, incarnation: u64) -> PathBuf {
    wal_dir.join(format!("{incarnation:016x}.wal"))
}

/// The incarnation a file name stands for (W1).
pub(crate) fn incarnation_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wal")?;
    let incarnation = u64::from_str_radix(digits, 16).ok()?;
    (digits == format!("{incarnation:016x}")).then_some(incarnation)
}
