//! The platter and the cache of the simulated disk, and what a crash makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::FaultCounts;
use crate::files::directory_of;

/// What a disk writes whole or not at all.
pub(super) const SECTOR: usize = 512;

/// Faults that the next call of their kind meets, then they are over.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Armed {
    pub(super) write_error: bool,
    pub(super) sync_error: bool,
    pub(super) misdirect: Option<u64>,
}

pub(super) struct Disk {
    pub(super) random: u64,
    pub(super) inodes: Vec<Inode>,
    /// Names as the running system sees them, and as they are on the platter.
    pub(super) names: BTreeMap<PathBuf, usize>,
    pub(super) durable_names: BTreeMap<PathBuf, usize>,
    /// Unsynced changes of names, each atomic.
    pub(super) pending: Vec<Vec<Naming>>,
    pub(super) locks: BTreeSet<PathBuf>,
    pub(super) capacity: u64,
    pub(super) short_writes: bool,
    /// Calls that change something until the power fails.
    pub(super) fuse: Option<u64>,
    /// Raised by a crash: handles of an earlier life are dead.
    pub(super) life: u64,
    pub(super) down: bool,
    pub(super) armed: Armed,
    pub(super) counts: FaultCounts,
}

/// What a name stands for from now on.
pub(super) type Naming = (PathBuf, Option<usize>);

#[derive(Default)]
pub(super) struct Inode {
    pub(super) view: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// Versions of each sector written since the last sync, oldest first.
    pub(super) unsynced: BTreeMap<usize, Vec<[u8; SECTOR]>>,
}

impl Inode {
    pub(super) fn sector(bytes: &[u8], number: usize) -> [u8; SECTOR] {
        let mut sector = [0; SECTOR];
        let start = (number * SECTOR).min(bytes.len());
        let end = (start + SECTOR).min(bytes.len());
        sector[..end - start].copy_from_slice(&bytes[start..end]);
        sector
    }

    pub(super) fn put_durable(&mut self, number: usize, sector: &[u8; SECTOR]) {
        let start = number * SECTOR;
        if start >= self.durable.len() {
            return;
        }
        let end = (start + SECTOR).min(self.durable.len());
        self.durable[start..end].copy_from_slice(&sector[..end - start]);
    }

    pub(super) fn write(&mut self, bytes: &[u8], position: usize) {
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

    pub(super) fn sync(&mut self) {
        self.durable.resize(self.view.len(), 0);
        for number in std::mem::take(&mut self.unsynced).into_keys() {
            let sector = Self::sector(&self.view, number);
            self.put_durable(number, &sector);
        }
    }
}

impl Disk {
    pub(super) fn new(seed: u64) -> Self {
        Self {
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
        }
    }

    pub(super) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.random;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(super) fn alive(&self, life: u64) -> io::Result<()> {
        if self.down || life != self.life {
            return Err(io::Error::other("the power is off"));
        }
        Ok(())
    }

    /// Counts a call that changes something; the power may fail on it.
    pub(super) fn change(&mut self, life: u64) -> io::Result<()> {
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

    pub(super) fn used(&self) -> u64 {
        let inodes: BTreeSet<usize> = self.names.values().copied().collect();
        inodes
            .iter()
            .map(|inode| self.inodes[*inode].view.len() as u64)
            .sum()
    }

    pub(super) fn set_names(&mut self, change: Vec<Naming>) {
        set(&mut self.names, &change);
        self.pending.push(change);
    }

    pub(super) fn sync_names(&mut self, dir: &Path) {
        let pending = std::mem::take(&mut self.pending);
        for change in pending {
            if change.iter().all(|(path, _)| directory_of(path) == dir) {
                set(&mut self.durable_names, &change);
            } else {
                self.pending.push(change);
            }
        }
    }

    pub(super) fn crash(&mut self) {
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
