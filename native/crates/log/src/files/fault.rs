//! A simulated disk in memory, with everything that disks do to logs. A function of its seed.
//!
//! Contents are durable per 512-byte sector. A crash keeps, of each unsynced sector, any version written since the
//! last sync or the synced one: so writes are torn, reordered and lost. Unsynced names are kept up to a random one of
//! them, as a journal would.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{File, FileLayer, FileLock, OpenMode, directory_of};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// How often each fault fired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Crashes.
    pub crashes: u64,
    /// Crashes that kept some sectors of an unsynced file and lost others.
    pub torn: u64,
    /// Unsynced sectors a crash lost.
    pub sectors_lost: u64,
    /// Unsynced sectors a crash kept.
    pub sectors_kept: u64,
    /// Unsynced name changes a crash lost.
    pub names_lost: u64,
    /// Writes that wrote less than asked for, without an error.
    pub short_writes: u64,
    /// Failed writes.
    pub write_errors: u64,
    /// Failed syncs.
    pub sync_errors: u64,
    /// Writes refused for want of space.
    pub no_space: u64,
    /// Flipped bits.
    pub bit_flips: u64,
    /// Writes that went somewhere else in the file.
    pub misdirected: u64,
}

/// Faults that the next call of their kind meets, then they are over.
#[derive(Debug, Clone, Copy, Default)]
struct Armed {
    write_error: bool,
    sync_error: bool,
    misdirect: Option<u64>,
}

/// A simulated disk. Clones are the same disk.
#[derive(Clone)]
pub struct FaultFiles(Arc<Mutex<Disk>>);

struct Disk {
    random: u64,
    inodes: Vec<Inode>,
    /// Names as the running system sees them, and as they are on the platter.
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Unsynced changes of names, each atomic.
    pending: Vec<Vec<Naming>>,
    locks: BTreeSet<PathBuf>,
    capacity: u64,
    short_writes: bool,
    /// Calls that change something until the power fails.
    fuse: Option<u64>,
    /// Raised by a crash: handles of an earlier life are dead.
    life: u64,
    down: bool,
    armed: Armed,
    counts: FaultCounts,
}

/// What a name stands for from now on.
type Naming = (PathBuf, Option<usize>);

#[derive(Default)]
struct Inode {
    view: Vec<u8>,
    durable: Vec<u8>,
    /// Versions of each sector written since the last sync, oldest first.
    unsynced: BTreeMap<usize, Vec<[u8; SECTOR]>>,
}

impl Inode {
    fn sector(bytes: &[u8], number: usize) -> [u8; SECTOR] {
        let mut sector = [0; SECTOR];
        let start = (number * SECTOR).min(bytes.len());
        let end = (start + SECTOR).min(bytes.len());
        sector[..end - start].copy_from_slice(&bytes[start..end]);
        sector
    }

    fn put_durable(&mut self, number: usize, sector: &[u8; SECTOR]) {
        let start = number * SECTOR;
        if start >= self.durable.len() {
            return;
        }
        let end = (start + SECTOR).min(self.durable.len());
        self.durable[start..end].copy_from_slice(&sector[..end - start]);
    }

    fn write(&mut self, bytes: &[u8], position: usize) {
        let end = position + bytes.len();
        if end > self.view.len() {
            self.view.resize(end, 0);
        }
        self.view[position..end].copy_from_slice(bytes);
        if bytes.is_empty() {
            return;
        }
        for number in position / SECTOR..=(end - 1) / SECTOR {
            let sector = Self::sector(&self.view, number);
            self.unsynced.entry(number).or_default().push(sector);
        }
    }

    fn sync(&mut self) {
        self.durable.resize(self.view.len(), 0);
        for number in std::mem::take(&mut self.unsynced).into_keys() {
            let sector = Self::sector(&self.view, number);
            self.put_durable(number, &sector);
        }
    }
}

impl Disk {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.random;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn alive(&self, life: u64) -> io::Result<()> {
        if self.down || life != self.life {
            return Err(io::Error::other("the power is off"));
        }
        Ok(())
    }

    /// Counts a call that changes something; the power may fail on it.
    fn change(&mut self, life: u64) -> io::Result<()> {
        self.alive(life)?;
        if let Some(left) = &mut self.fuse {
            if *left == 0 {
                self.down = true;
            } else {
                *left -= 1;
            }
        }
        self.alive(life)
    }

    fn used(&self) -> u64 {
        let inodes: BTreeSet<usize> = self.names.values().copied().collect();
        inodes
            .iter()
            .map(|inode| self.inodes[*inode].view.len() as u64)
            .sum()
    }

    fn set_names(&mut self, change: Vec<Naming>) {
        set(&mut self.names, &change);
        self.pending.push(change);
    }

    fn sync_names(&mut self, dir: &Path) {
        let pending = std::mem::take(&mut self.pending);
        for change in pending {
            if change.iter().all(|(path, _)| directory_of(path) == dir) {
                set(&mut self.durable_names, &change);
            } else {
                self.pending.push(change);
            }
        }
    }

    fn crash(&mut self) {
        self.counts.crashes += 1;
        let kept = self.below(self.pending.len() + 1);
        let pending = std::mem::take(&mut self.pending);
        self.counts.names_lost += (pending.len() - kept) as u64;
        for change in &pending[..kept] {
            set(&mut self.durable_names, change);
        }
        self.names = self.durable_names.clone();
        // Sometimes everything unsynced is lost, sometimes nothing, mostly something in between.
        let chance = [0, 10, 50, 90, 100][self.below(5)];
        for number in 0..self.inodes.len() {
            self.crash_inode(number, chance);
        }
        self.locks.clear();
        self.armed = Armed::default();
        self.fuse = None;
        self.down = false;
        self.life += 1;
    }

    fn crash_inode(&mut self, number: usize, chance: usize) {
        let mut inode = std::mem::take(&mut self.inodes[number]);
        let grown = inode.view.len() != inode.durable.len() && self.below(100) < chance;
        if grown {
            inode.durable.resize(inode.view.len(), 0);
        }
        let (mut kept, mut lost) = (0, 0);
        for (sector, versions) in std::mem::take(&mut inode.unsynced) {
            if self.below(100) < chance {
                let version = self.below(versions.len());
                inode.put_durable(sector, &versions[version]);
                kept += 1;
            } else {
                lost += 1;
            }
        }
        self.counts.sectors_kept += kept;
        self.counts.sectors_lost += lost;
        self.counts.torn += u64::from(kept > 0 && lost > 0);
        inode.view.clone_from(&inode.durable);
        self.inodes[number] = inode;
    }
}

fn set(names: &mut BTreeMap<PathBuf, usize>, change: &[Naming]) {
    for (path, inode) in change {
        match inode {
            Some(inode) => names.insert(path.clone(), *inode),
            None => names.remove(path),
        };
    }
}

impl FaultFiles {
    /// An empty disk without faults. Everything random about it follows from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Disk {
            random: seed,
            inodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending: Vec::new(),
            locks: BTreeSet::new(),
            capacity: u64::MAX,
            short_writes: false,
            fuse: None,
            life: 0,
            down: false,
            armed: Armed::default(),
            counts: FaultCounts::default(),
        })))
    }

    /// What fired so far.
    #[must_use]
    pub fn counts(&self) -> FaultCounts {
        self.0.lock().counts
    }

    /// The power fails now and comes back: unsynced data is lost in part, locks are gone, old handles are dead.
    pub fn crash(&self) {
        self.0.lock().crash();
    }

    /// The power fails on the n-th changing call from now: it and all later ones fail. [`FaultFiles::crash`] then
    /// decides what is left and switches the disk on again.
    pub fn power_off_after(&self, changes: u64) {
        self.0.lock().fuse = Some(changes);
    }

    /// Whether the power is off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.lock().down
    }

    /// Bytes all files may have together.
    pub fn set_capacity(&self, bytes: u64) {
        self.0.lock().capacity = bytes;
    }

    /// From now on a write may write less than asked for.
    pub fn allow_short_writes(&self) {
        self.0.lock().short_writes = true;
    }

    /// The next write fails; a part of it may be written.
    pub fn fail_next_write(&self) {
        self.0.lock().armed.write_error = true;
    }

    /// The next sync fails: unsynced sectors are dropped or kept at random, and the next sync will not write them,
    /// though reads still see them until a crash.
    pub fn fail_next_sync(&self) {
        self.0.lock().armed.sync_error = true;
    }

    /// The next write goes to another position, and says that all went well.
    pub fn misdirect_next_write(&self, position: u64) {
        self.0.lock().armed.misdirect = Some(position);
    }

    /// Flips one bit of a file, synced or not.
    ///
    /// # Panics
    /// When there is no such file or byte: the test is wrong.
    pub fn flip_bit(&self, path: &Path, position: usize, bit: u32) {
        let mut disk = self.0.lock();
        disk.counts.bit_flips += 1;
        let inode = disk.names[path];
        let inode = &mut disk.inodes[inode];
        inode.view[position] ^= 1 << (bit % 8);
        if let Some(byte) = inode.durable.get_mut(position) {
            *byte ^= 1 << (bit % 8);
        }
    }

    /// A file's content as readers see it.
    #[must_use]
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let disk = self.0.lock();
        let inode = disk.names.get(path)?;
        Some(disk.inodes[*inode].view.clone())
    }

    /// Puts a file there as if it had always been, durable.
    pub fn plant(&self, path: &Path, content: Vec<u8>) {
        let mut disk = self.0.lock();
        disk.inodes.push(Inode {
            durable: content.clone(),
            view: content,
            unsynced: BTreeMap::new(),
        });
        let inode = disk.inodes.len() - 1;
        disk.names.insert(path.to_path_buf(), inode);
        disk.durable_names.insert(path.to_path_buf(), inode);
    }

    /// Takes a file away as if it had never been.
    pub fn vanish(&self, path: &Path) {
        let mut disk = self.0.lock();
        disk.names.remove(path);
        disk.durable_names.remove(path);
    }
}

struct Handle {
    disk: FaultFiles,
    inode: usize,
    life: u64,
    writable: bool,
}

impl File for Handle {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let disk = self.disk.0.lock();
        disk.alive(self.life)?;
        let view = &disk.inodes[self.inode].view;
        let start = (position as usize).min(view.len());
        let length = buffer.len().min(view.len() - start);
        buffer[..length].copy_from_slice(&view[start..start + length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut disk = self.disk.0.lock();
        let was_down = disk.down;
        let outcome = disk.change(self.life);
        // The write during which the power fails may still reach the cache in part.
        let dying = outcome.is_err() && !was_down && self.life == disk.life;
        if !dying {
            outcome?;
        }
        let mut bytes = bytes;
        let mut position = position as usize;
        let fails = std::mem::take(&mut disk.armed.write_error);
        if fails || dying {
            let part = disk.below(bytes.len() + 1);
            bytes = &bytes[..part];
        } else if let Some(other) = disk.armed.misdirect.take() {
            disk.counts.misdirected += 1;
            position = other as usize;
        } else if disk.short_writes && bytes.len() > 1 && disk.below(4) == 0 {
            let part = 1 + disk.below(bytes.len() - 1);
            bytes = &bytes[..part];
            disk.counts.short_writes += 1;
        }
        let length = disk.inodes[self.inode].view.len();
        let growth = (position + bytes.len()).saturating_sub(length) as u64;
        if growth > 0 && disk.used() + growth > disk.capacity {
            disk.counts.no_space += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.inodes[self.inode].write(bytes, position);
        if fails {
            disk.counts.write_errors += 1;
            return Err(io::Error::other("input/output error on write"));
        }
        if dying {
            return Err(io::Error::other("the power is off"));
        }
        Ok(bytes.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        disk.change(self.life)?;
        if std::mem::take(&mut disk.armed.sync_error) {
            disk.counts.sync_errors += 1;
            let mut inode = std::mem::take(&mut disk.inodes[self.inode]);
            for (number, versions) in std::mem::take(&mut inode.unsynced) {
                if disk.below(2) == 0 {
                    inode.put_durable(number, &versions[versions.len() - 1]);
                }
            }
            disk.inodes[self.inode] = inode;
            return Err(io::Error::other("input/output error on fdatasync"));
        }
        disk.inodes[self.inode].sync();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let disk = self.disk.0.lock();
        disk.alive(self.life)?;
        Ok(disk.inodes[self.inode].view.len() as u64)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        disk.change(self.life)?;
        let inode = &mut disk.inodes[self.inode];
        if length as usize == inode.view.len() {
            return Ok(());
        }
        // The sectors that change hands are unsynced writes of zeros.
        let old = inode.view.len();
        inode.view.resize(length as usize, 0);
        for number in old.min(length as usize) / SECTOR..old.max(length as usize).div_ceil(SECTOR) {
            let sector = Inode::sector(&inode.view, number);
            inode.unsynced.entry(number).or_default().push(sector);
        }
        Ok(())
    }
}

struct Lock {
    disk: FaultFiles,
    path: PathBuf,
    life: u64,
}

impl FileLock for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut disk = self.disk.0.lock();
        if disk.life == self.life {
            disk.locks.remove(&self.path);
        }
    }
}

impl FileLayer for FaultFiles {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut disk = self.0.lock();
        let life = disk.life;
        disk.alive(life)?;
        let inode = match (disk.names.get(path).copied(), mode) {
            (Some(_), OpenMode::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(inode), _) => inode,
            (None, OpenMode::CreateNew | OpenMode::OpenOrCreate) => {
                disk.change(life)?;
                disk.inodes.push(Inode::default());
                let inode = disk.inodes.len() - 1;
                disk.set_names(vec![(path.to_path_buf(), Some(inode))]);
                inode
            }
            (None, _) => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Arc::new(Handle {
            disk: self.clone(),
            inode,
            life,
            writable: mode != OpenMode::Read,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if directory_of(from) != directory_of(to) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let mut disk = self.0.lock();
        let life = disk.life;
        disk.change(life)?;
        let inode = *disk.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        disk.set_names(vec![
            (from.to_path_buf(), None),
            (to.to_path_buf(), Some(inode)),
        ]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        let life = disk.life;
        disk.change(life)?;
        if !disk.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.set_names(vec![(path.to_path_buf(), None)]);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let disk = self.0.lock();
        disk.alive(disk.life)?;
        let in_dir = disk.names.keys().filter(|path| directory_of(path) == dir);
        Ok(in_dir
            .filter_map(|path| path.file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect())
    }

    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        let life = disk.life;
        disk.change(life)?;
        disk.sync_names(dir);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        let mut disk = self.0.lock();
        let life = disk.life;
        disk.alive(life)?;
        if !disk.locks.insert(path.to_path_buf()) {
            return Ok(None);
        }
        Ok(Some(Box::new(Lock {
            disk: self.clone(),
            path: path.to_path_buf(),
            life,
        })))
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        let disk = self.0.lock();
        Ok(disk.capacity.saturating_sub(disk.used()))
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut disk = self.0.lock();
        for byte in bytes {
            *byte = disk.next() as u8;
        }
        Ok(())
    }
}
