//! A store that nobody has open, and trial openings of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_host::{
    DedupWindow, Durability, Host, HostError, HostOptions, PartitionOptions, World,
};
use pyralog_log::{FileLayer, FileLock, GroupState, LogError, Recovery, WalLogStore, WalOptions};

use pyralog_manifest::Policy;

use crate::error::RepairError;
use crate::overlay::{Locked, Overlay};

/// Directory of node files, in the store's directory (M5).
pub(crate) const NODES_DIR: &str = "sidecars";
/// Directory of snapshots (Z5).
pub(crate) const SNAPSHOTS_DIR: &str = "snapshots";
/// What a clean stop leaves beside the log, so that the next opening need not read it.
const STOP: &str = "STOP";
/// The sequencer's file (S2).
pub(crate) const SEQUENCER: &str = "sequencer";
/// Stores of a cluster's members (RF14).
pub(crate) const MEMBERS: &str = "members";
const CLUSTER_GROUP: u32 = 0x8000_0000;

/// A store, locked against nodes while this lives (Z40).
pub(crate) struct Store {
    pub(crate) files: Arc<dyn FileLayer>,
    pub(crate) dir: PathBuf,
    _lock: Box<dyn FileLock>,
}

/// What the log says.
pub(crate) struct Logs {
    pub(crate) store_id: [u8; 16],
    pub(crate) recovery: Recovery,
    /// By partition.
    pub(crate) groups: Vec<GroupState>,
}

impl Store {
    pub(crate) fn open(files: &Arc<dyn FileLayer>, dir: &Path) -> Result<Self, RepairError> {
        let wal = dir.join("wal");
        let names = match files.list(&wal) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            other => other.map_err(RepairError::io("list", &wal))?,
        };
        if names.is_empty() {
            return Err(RepairError::NotAStore(dir.to_path_buf()));
        }
        let path = dir.join("LOCK");
        let lock = files.lock(&path).map_err(RepairError::io("lock", &path))?;
        Ok(Self {
            files: Arc::clone(files),
            dir: dir.to_path_buf(),
            _lock: lock.ok_or(RepairError::Locked(path))?,
        })
    }

    /// The files, for parts that would take the lock themselves.
    pub(crate) fn locked(&self) -> Arc<dyn FileLayer> {
        Arc::new(Locked(Arc::clone(&self.files)))
    }

    /// The store as it is. Whatever a clean stop says of the log, the log itself is read.
    pub(crate) fn overlay(&self) -> Overlay {
        let overlay = Overlay::new(Arc::clone(&self.files));
        overlay.hide(&self.dir.join("wal").join(STOP));
        overlay
    }

    /// A path as reports name it.
    pub(crate) fn name(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.dir).unwrap_or(path);
        inside.display().to_string().replace('\\', "/")
    }

    /// Names in a directory of the store; none when it is not there.
    pub(crate) fn list(&self, dir: &str) -> Result<Vec<String>, RepairError> {
        let path = self.dir.join(dir);
        let mut names = match self.files.list(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            other => other.map_err(RepairError::io("list", &path))?,
        };
        names.sort_unstable();
        Ok(names)
    }

    /// Bytes of a file; 0 when it is not there or is no file.
    pub(crate) fn bytes_of(&self, path: &Path) -> u64 {
        let file = self.files.open(path, pyralog_log::OpenMode::Read);
        file.and_then(|file| file.len()).unwrap_or(0)
    }

    /// Whether something has this name, whatever it is.
    pub(crate) fn stands_there(&self, path: &Path) -> bool {
        let opened = self.files.open(path, pyralog_log::OpenMode::Read);
        !opened.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    /// Reads the whole log, as an opening would; changes nothing.
    pub(crate) fn read_log(&self) -> Result<Logs, LogError> {
        open_log(Arc::new(self.overlay()), &self.dir)
    }
}

/// Opens the log on a layer that takes its changes, and closes it again.
pub(crate) fn open_log(files: Arc<dyn FileLayer>, dir: &Path) -> Result<Logs, LogError> {
    WalLogStore::forget_stop(files.as_ref(), dir)?; // or the log would not be read
    let log = WalLogStore::open(files, dir, &WalOptions::default())?;
    let all = log.reader.groups().into_iter();
    // Partitions are numbered from 0 on; the cluster's own group stands far above them (RF1).
    let last = all.filter(|group| *group < CLUSTER_GROUP).max();
    let last = last.map_or(0, |last| last + 1);
    let groups = (0..last).map(|group| log.reader.state(group).unwrap_or_default());
    Ok(Logs {
        store_id: log.store_id,
        recovery: log.recovery.clone(),
        groups: groups.collect(),
    })
}

/// Opens the store on an overlay as a node would, so that nothing of it is changed (Z41).
pub(crate) fn open_host(overlay: &Overlay, dir: &Path, logs: &Logs) -> Result<Host, HostError> {
    let partitions = logs.groups.iter().map(|state| {
        let config = state.config.as_ref();
        PartitionOptions {
            origin: config.map_or_else(String::new, |config| config.origin.clone()),
            sha256: config.is_some_and(|config| config.sha256),
            window: DedupWindow {
                millis: config.map_or(0, |config| config.dedup_window_ms),
                records: config.map_or(0, |config| config.dedup_records),
            },
            policy: Policy::default(),
            durability: config.map_or(Durability::Sync, |config| config.durability),
        }
    });
    let options = HostOptions::offline(dir, partitions.collect());
    Host::open(World::real(Arc::new(overlay.clone())), &options)
}
