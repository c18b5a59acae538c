//! Tests that need to see inside: the crash simulation, its mutants, damage, the contract of the stores.

mod contract;
mod damage;
mod files;
mod lose_unsynced;
mod model;
mod mutants;
mod never_panics;
mod recycle;
mod simulation;
mod stop;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{FaultFiles, LogError, OpenLog, WalLogStore, WalOptions};

/// The smallest file there is: many roll-overs in a short run.
pub(crate) const FILE_BYTES: u64 = 64 << 10;
pub(crate) const DIR: &str = "/store";

pub(crate) fn options() -> WalOptions {
    WalOptions {
        file_bytes: FILE_BYTES,
    }
}

pub(crate) fn open(disk: &FaultFiles) -> Result<OpenLog, LogError> {
    WalLogStore::open(Arc::new(disk.clone()), Path::new(DIR), &options())
}

pub(crate) fn wal_file(incarnation: u64) -> PathBuf {
    Path::new(DIR).join(format!("wal/{incarnation:016x}.wal"))
}

/// `RUNS` or `SEED` from the environment.
pub(crate) fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
