//! The log's file layer, as the trees' node files and the sequencer's window file need it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use pyralog_log::{File, FileLayer, OpenMode};
use pyralog_merkle::{NodeFile, nodes_of, position};
use pyralog_obelisk::WindowFile;
use pyralog_types::Hash;

use crate::read::Algorithm;

/// Opens a file, creating it and its directory entry durably when missing.
pub(crate) fn open_durably(layer: &dyn FileLayer, path: &Path) -> io::Result<Arc<dyn File>> {
    let file = layer.open(path, OpenMode::OpenOrCreate)?;
    file.sync_data()?;
    if let Some(folder) = path.parent() {
        layer.sync_dir(folder)?;
    }
    Ok(file)
}

/// Directory of node files, in the store's directory.
pub(crate) const SIDECARS_DIR: &str = "sidecars";

/// Name of a partition's node file: what it is of, and the height of the lowest nodes in it (M5).
pub(crate) fn node_file_name(partition: u32, algorithm: Algorithm) -> String {
    let floor = algorithm.floor();
    match algorithm {
        Algorithm::Blake3 => format!("{partition}.blake3.k{floor}"),
        Algorithm::Sha256 => format!("{partition}.sha256.k{floor}"),
    }
}

/// Names of node files of earlier versions, which held all nodes. Nobody reads them any more.
pub(crate) fn old_node_file_names(partition: u32) -> [String; 2] {
    ["blake3", "sha256"].map(|algorithm| format!("{partition}.{algorithm}"))
}

/// Where a node file stands, for whoever looks through a store that is closed.
#[derive(Debug, Clone)]
pub struct NodeFilePlace {
    /// The file.
    pub path: PathBuf,
    floor: u32,
}

impl NodeFilePlace {
    /// Bytes that an opening trusts when the log says that the file is synced up to `size` records (M6).
    #[must_use]
    pub fn trusted_bytes(&self, size: u64) -> u64 {
        nodes_of(size >> self.floor) * size_of::<Hash>() as u64
    }

    /// First byte that follows from leaf hashes that are kept from this offset on; before it a file that is made again has a
    /// hole (M5).
    #[must_use]
    pub fn first_byte(&self, hashes_from: u64) -> u64 {
        let group = hashes_from.div_ceil(1 << self.floor);
        position(0, group) * size_of::<Hash>() as u64
    }
}

/// The node files of a partition.
#[must_use]
pub fn node_files(store: &Path, partition: u32, sha256: bool) -> Vec<NodeFilePlace> {
    let all = [Some(Algorithm::Blake3), sha256.then_some(Algorithm::Sha256)];
    let each = all.into_iter().flatten().map(|algorithm| NodeFilePlace {
        path: store
            .join(SIDECARS_DIR)
            .join(node_file_name(partition, algorithm)),
        floor: algorithm.floor(),
    });
    each.collect()
}

/// A node file (M5).
pub(crate) struct Nodes(pub Arc<dyn File>);

impl NodeFile for Nodes {
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, at)
    }
    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, at)
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn map(&self, _at: u64, _len: usize) -> Option<pyralog_merkle::Mapped> {
        None // Reads go through the page cache; a proof takes at most 64 of them.
    }
}

/// Reserved windows (S2), shared by those who issue ids and the thread that reserves ahead of need (S6).
pub(crate) struct Windows {
    file: Arc<dyn File>,
    reserved: AtomicU64,
    growing: Mutex<Growing>,
    /// Wrong on purpose: durable before it is.
    #[cfg(test)]
    forgetting: bool,
}

/// Whether the file can grow; locked while it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Growing {
    Can,
    /// A change may be durable or not, and a retried sync proves nothing.
    Failed,
    /// Somebody else may have the file.
    Closed,
}

impl Windows {
    pub fn open(layer: &dyn FileLayer, path: &Path) -> io::Result<Self> {
        Self::of(open_durably(layer, path)?)
    }

    /// Those that an open file tells of, which is durable.
    pub fn of(file: Arc<dyn File>) -> io::Result<Self> {
        let reserved = AtomicU64::new(file.len()?);
        Ok(Self {
            file,
            reserved,
            growing: Mutex::new(Growing::Can),
            #[cfg(test)]
            forgetting: false,
        })
    }

    #[cfg(test)]
    pub fn forgetting(self, forgetting: bool) -> Self {
        Self { forgetting, ..self }
    }

    /// Returns once `windows` are durably reserved; at once when they are. `StorageFull` has changed nothing and can be
    /// tried again; after any other failure all further reservations fail.
    pub fn reserve(&self, windows: u64) -> io::Result<()> {
        if self.reserved.load(Ordering::Acquire) >= windows {
            return Ok(());
        }
        let mut growing = self.growing.lock();
        match *growing {
            Growing::Can => {}
            Growing::Failed => {
                return Err(io::Error::other(
                    "an earlier reservation failed; open the store again",
                ));
            }
            Growing::Closed => return Err(io::Error::other("the store is closed")),
        }
        if self.reserved.load(Ordering::Acquire) < windows {
            if let Err(error) = self.grow(windows) {
                let unchanged = error.kind() == io::ErrorKind::StorageFull
                    && self.file.len().ok() == Some(self.reserved.load(Ordering::Acquire));
                if !unchanged {
                    *growing = Growing::Failed;
                }
                return Err(error);
            }
            self.reserved.store(windows, Ordering::Release);
        }
        Ok(())
    }

    fn grow(&self, windows: u64) -> io::Result<()> {
        self.file.set_len(windows)?;
        #[cfg(test)]
        if self.forgetting {
            return Ok(());
        }
        self.file.sync_data()
    }

    /// Nothing is reserved any more.
    pub fn close(&self) {
        *self.growing.lock() = Growing::Closed;
    }
}

/// The sequencer's side of [`Windows`].
pub(crate) struct SharedWindows(pub Arc<Windows>);

impl WindowFile for SharedWindows {
    fn windows(&self) -> io::Result<u64> {
        Ok(self.0.reserved.load(Ordering::Acquire))
    }
    fn reserve(&mut self, windows: u64) -> io::Result<()> {
        self.0.reserve(windows)
    }
}
