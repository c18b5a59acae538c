//! A simulated disk in memory, with everything that disks do to logs. A function of its seed.
//!
//! Contents are durable per 512-byte sector. A crash keeps, of each unsynced sector, any version written since the
//! last sync or the synced one: so writes are torn, reordered and lost. Unsynced names are kept up to a random one of
//! them, as a journal would.

mod disk;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use self::disk::{Disk, Inode, SECTOR};
use super::{File, FileLayer, FileLock, OpenMode, directory_of};

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

impl FaultCounts {
    /// Every count with its name.
    #[must_use]
    pub fn list(&self) -> [(&'static str, u64); 11] {
        [
            ("crashes", self.crashes),
            ("torn", self.torn),
            ("sectors lost", self.sectors_lost),
            ("sectors kept", self.sectors_kept),
            ("names lost", self.names_lost),
            ("short writes", self.short_writes),
            ("write errors", self.write_errors),
            ("sync errors", self.sync_errors),
            ("no space", self.no_space),
            ("bit flips", self.bit_flips),
            ("misdirected", self.misdirected),
        ]
    }

    /// Names of what never fired, but for `unused`: what the runs never ask the disk for.
    #[must_use]
    pub fn silent(&self, unused: &[&str]) -> Vec<&'static str> {
        let silent = self.list().into_iter().filter(|(_, count)| *count == 0);
        let names = silent.map(|(name, _)| name);
        names.filter(|name| !unused.contains(name)).collect()
    }
}

impl std::ops::AddAssign for FaultCounts {
    fn add_assign(&mut self, other: Self) {
        self.crashes += other.crashes;
        self.torn += other.torn;
        self.sectors_lost += other.sectors_lost;
        self.sectors_kept += other.sectors_kept;
        self.names_lost += other.names_lost;
        self.short_writes += other.short_writes;
        self.write_errors += other.write_errors;
        self.sync_errors += other.sync_errors;
        self.no_space += other.no_space;
        self.bit_flips += other.bit_flips;
        self.misdirected += other.misdirected;
    }
}

/// A simulated disk. Clones are the same disk.
#[derive(Clone)]
pub struct FaultFiles(Arc<Mutex<Disk>>);

impl FaultFiles {
    /// An empty disk without faults. Everything random about it follows from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Disk::new(seed))))
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

    /// Faults that still wait for a call will not fire.
    pub fn disarm(&self) {
        self.0.lock().armed = disk::Armed::default();
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
