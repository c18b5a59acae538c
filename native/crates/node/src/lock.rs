//! A lock between processes that ends with the one that holds it.

use std::fs::{File, OpenOptions, TryLockError};

use napi::Result;
use napi_derive::napi;

use crate::handles::Handles;

/// Locks that are held, by number.
static HELD: Handles<File> = Handles::new();

/// Locks a file, made if it is missing and left behind empty: its number. `null` when another holder has it. The system
/// gives the lock back when the process ends, however that ends.
///
/// # Errors
/// When the file cannot be opened or the file system knows no locks.
#[napi]
pub fn lock_process(path: String) -> Result<Option<u32>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(HELD.put(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Gives a lock back. One that is not held is none.
#[napi]
pub fn unlock_process(lock: u32) {
    drop(HELD.take(lock));
}
