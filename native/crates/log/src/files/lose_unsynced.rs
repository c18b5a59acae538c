//! Real files that lose what was not synced, so that `kill -9` costs what a power cut would.
//!
//! Written bytes stay in this process's memory until the file is synced; new, renamed and removed names stay there
//! until the directory is synced (a new file lives under a shadow name till then). Reads see everything. Directories
//! themselves are created at once. The lock file is real: a lock that a second process cannot see is none.
//!
//! While a file `.stop-syncs` stands in a directory, syncs of files there wait: a disk that takes long and fails nothing.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{File, FileLayer, FileLock, OpenMode, RealFiles, directory_of};

const PAGE: u64 = 4096;
/// Names under which unsynced new files live; left over after a kill, never listed.
const SHADOW: &str = ".unsynced-";
/// Put into a directory by a test to stop its disk, and removed to let it go on; never listed.
const STOP: &str = ".stop-syncs";
const STOPPED_LOOK: Duration = Duration::from_millis(2);

/// Wraps [`RealFiles`]. Clones share the same unsynced state.
#[derive(Clone, Default)]
pub struct LoseUnsynced(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Names that are open or differ from the disk's: the file, or `None` where one was removed.
    names: HashMap<PathBuf, Option<Arc<Node>>>,
    /// Name changes that the directory's sync makes real, in order.
    pending: Vec<Change>,
    shadows: u64,
}

enum Change {
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Change {
    fn path(&self) -> &Path {
        match self {
            Self::Rename(path, _) | Self::Remove(path) => path,
        }
    }
}

/// A file's contents: the real file, and what is not in it yet.
struct Node {
    real: Arc<dyn File>,
    dirty: Mutex<Dirty>,
    /// Where [`STOP`] would stand.
    stop: PathBuf,
}

struct Dirty {
    length: u64,
    pages: BTreeMap<u64, Box<[u8; PAGE as usize]>>,
    /// Shortest length since the last sync: real bytes behind it are not to be seen any more.
    cut: u64,
}

impl Node {
    fn new(real: Arc<dyn File>, path: &Path) -> io::Result<Arc<Self>> {
        let length = real.len()?;
        let dirty = Mutex::new(Dirty {
            length,
            pages: BTreeMap::new(),
            cut: length,
        });
        let stop = directory_of(path).join(STOP);
        Ok(Arc::new(Self { real, dirty, stop }))
    }

    /// A page as a reader sees it.
    fn page(&self, dirty: &Dirty, number: u64) -> io::Result<Box<[u8; PAGE as usize]>> {
        if let Some(page) = dirty.pages.get(&number) {
            return Ok(page.clone());
        }
        let mut page = Box::new([0; PAGE as usize]);
        let start = number * PAGE;
        let real = dirty.cut.saturating_sub(start).min(PAGE) as usize;
        self.real.read_exact_at(&mut page[..real], start)?;
        Ok(page)
    }
}

/// Calls `each` with (page number, range within the page, range within the buffer).
fn by_page(
    position: u64,
    length: usize,
    mut each: impl FnMut(u64, std::ops::Range<usize>, std::ops::Range<usize>) -> io::Result<()>,
) -> io::Result<()> {
    let mut done = 0;
    while done < length {
        let at = position + done as u64;
        let within = (at % PAGE) as usize;
        let step = (PAGE as usize - within).min(length - done);
        each(at / PAGE, within..within + step, done..done + step)?;
        done += step;
    }
    Ok(())
}

struct Handle {
    node: Arc<Node>,
    writable: bool,
}

impl Handle {
    fn refuse_read_only(&self) -> io::Result<()> {
        if self.writable {
            Ok(())
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
}

impl File for Handle {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let dirty = self.node.dirty.lock();
        let length = dirty
            .length
            .saturating_sub(position)
            .min(buffer.len() as u64) as usize;
        if dirty.pages.is_empty() && dirty.cut == dirty.length {
            return self.node.real.read_at(&mut buffer[..length], position);
        }
        by_page(position, length, |number, within, range| {
            let page = self.node.page(&dirty, number)?;
            buffer[range].copy_from_slice(&page[within]);
            Ok(())
        })?;
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        self.refuse_read_only()?;
        let mut dirty = self.node.dirty.lock();
        by_page(position, bytes.len(), |number, within, range| {
            let mut page = self.node.page(&dirty, number)?;
            page[within].copy_from_slice(&bytes[range]);
            dirty.pages.insert(number, page);
            Ok(())
        })?;
        dirty.length = dirty.length.max(position + bytes.len() as u64);
        Ok(bytes.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        while self.node.stop.exists() {
            std::thread::sleep(STOPPED_LOOK);
        }
        let mut dirty = self.node.dirty.lock();
        if self.writable {
            if self.node.real.len()? != dirty.cut {
                self.node.real.set_len(dirty.cut)?;
            }
            if dirty.cut != dirty.length {
                self.node.real.set_len(dirty.length)?;
            }
            let length = dirty.length;
            for (number, page) in &dirty.pages {
                let start = number * PAGE;
                let used = length.saturating_sub(start).min(PAGE) as usize;
                self.node.real.write_all_at(&page[..used], start)?;
            }
            dirty.pages.clear();
            dirty.cut = length;
        }
        self.node.real.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.node.dirty.lock().length)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.refuse_read_only()?;
        let mut dirty = self.node.dirty.lock();
        if length < dirty.length {
            let kept = length.div_ceil(PAGE);
            dirty.pages.retain(|number, _| *number < kept);
            if !length.is_multiple_of(PAGE)
                && let Some(page) = dirty.pages.get_mut(&(length / PAGE))
            {
                page[(length % PAGE) as usize..].fill(0);
            }
            dirty.cut = dirty.cut.min(length);
        }
        dirty.length = length;
        Ok(())
    }
}

impl LoseUnsynced {
    /// A layer with nothing unsynced.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl State {
    /// The file of a name, opened on the real disk the first time.
    fn find(&mut self, path: &Path) -> io::Result<Option<Arc<Node>>> {
        if let Some(known) = self.names.get(path) {
            return Ok(known.clone());
        }
        let real = match RealFiles.open(path, OpenMode::ReadWrite) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(_) => RealFiles.open(path, OpenMode::Read)?,
        };
        let node = Node::new(real, path)?;
        self.names
            .insert(path.to_path_buf(), Some(Arc::clone(&node)));
        Ok(Some(node))
    }

    /// A new file under a shadow name that no other process uses. What a killed process left of such files is garbage
    /// that only [`FileLayer::list`] has to hide.
    fn create(&mut self, path: &Path) -> io::Result<Arc<Node>> {
        self.shadows += 1;
        let name = format!("{SHADOW}{}-{}", std::process::id(), self.shadows);
        let shadow = directory_of(path).join(name);
        let real = RealFiles.open(&shadow, OpenMode::OpenOrCreate)?;
        real.set_len(0)?;
        let node = Node::new(real, path)?;
        self.names
            .insert(path.to_path_buf(), Some(Arc::clone(&node)));
        self.pending
            .push(Change::Rename(shadow, path.to_path_buf()));
        Ok(node)
    }
}

impl FileLayer for LoseUnsynced {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut state = self.0.lock();
        let node = match (state.find(path)?, mode) {
            (Some(_), OpenMode::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(node), _) => node,
            (None, OpenMode::CreateNew | OpenMode::OpenOrCreate) => state.create(path)?,
            (None, _) => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Arc::new(Handle {
            node,
            writable: mode != OpenMode::Read,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if directory_of(from) != directory_of(to) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let mut state = self.0.lock();
        let node = state.find(from)?.ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(from.to_path_buf(), None);
        state.names.insert(to.to_path_buf(), Some(node));
        state
            .pending
            .push(Change::Rename(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        if state.find(path)?.is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.names.insert(path.to_path_buf(), None);
        state.pending.push(Change::Remove(path.to_path_buf()));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        let mut names = RealFiles.list(dir)?;
        names.retain(|name| {
            !name.starts_with(SHADOW)
                && name != STOP
                && !matches!(state.names.get(&dir.join(name)), Some(None))
        });
        for (path, node) in &state.names {
            if let (Some(_), Some(name)) = (node, path.file_name())
                && directory_of(path) == dir
            {
                let name = name.to_string_lossy().into_owned();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Ok(names)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealFiles.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        let (now, later) = std::mem::take(&mut state.pending)
            .into_iter()
            .partition(|change: &Change| directory_of(change.path()) == dir);
        state.pending = later;
        let now: Vec<Change> = now;
        for change in now {
            match change {
                Change::Rename(from, to) => RealFiles.rename(&from, &to)?,
                Change::Remove(path) => RealFiles.remove(&path)?,
            }
        }
        RealFiles.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        RealFiles.lock(path)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        RealFiles.free_bytes(dir)
    }
}
