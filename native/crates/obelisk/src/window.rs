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
    /// Of the operating system; whether the reservation is durable is then unknown, and it must not be used.
    fn reserve(&mut self, windows: u64) -> io::Result<()>;
}

/// The counter as the size of a sparse file.
#[derive(Debug)]
pub struct SizeFile(File);

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
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(Self(file))
    }
}

impl WindowFile for SizeFile {
    fn windows(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn reserve(&mut self, windows: u64) -> io::Result<()> {
        if windows > self.windows()? {
            self.0.set_len(windows)?;
            // A changed size is metadata that fdatasync must write, too: the file cannot be read without it.
            self.0.sync_data()?;
        }
        Ok(())
    }
}
