//! Where reservations are durable: the size of a file (S2, S3).

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// A durable counter of reserved windows.
pub trait WindowFile: Send {
    /// Windows reserved.
    ///
    /// # Errors
    /// Of the operating system.
    fn windows(&self) -> io::Result<u64>;

    /// Returns once `windows` are durably reserved. Never shrinks.
    ///
    /// # Errors
    /// Of the operating system; whether the reservation is durable is then unknown, and it must not be used. Asking for
    /// the same number again proves nothing (a failed sync may have forgotten the change): the next call asks for more.
    fn reserve(&mut self, windows: u64) -> io::Result<()>;
}

/// The counter as the size of a sparse file.
#[derive(Debug)]
pub struct SizeFile {
    file: File,
    /// Windows that a sync has confirmed; the size itself may be further after a sync that failed.
    durable: u64,
}

impl SizeFile {
    /// Opens the file, creating it when missing; its directory entry is durable afterwards.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        file.sync_all()?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        File::open(folder)?.sync_all()?;
        let durable = file.metadata()?.len();
        Ok(Self { file, durable })
    }
}

impl WindowFile for SizeFile {
    fn windows(&self) -> io::Result<u64> {
        Ok(self.durable)
    }

    fn reserve(&mut self, windows: u64) -> io::Result<()> {
        if windows > self.durable {
            self.file.set_len(windows)?;
            // A changed size is metadata that fdatasync must write, too: the file cannot be read without it.
            self.file.sync_data()?;
            self.durable = windows;
        }
        Ok(())
    }
}
