//! Wrappers of a layer and of its files: what they do not change goes to what is below.
//!
//! The traits have a method for each call that some wrapper changes; every other call is forwarded. What [`File`] and
//! [`FileLayer`] build of other calls (`write_all_at`, `replace_file` …) is built of the wrapper's own.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{File, FileLayer, FileLock, Mapped, OpenMode};

/// A file layer over another one.
pub trait FilesOver: Send + Sync {
    /// The layer that is wrapped.
    fn below(&self) -> &dyn FileLayer;

    /// In place of [`FileLayer::open`].
    ///
    /// # Errors
    /// Those of the layer below.
    fn open_over(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        self.below().open(path, mode)
    }

    /// In place of [`FileLayer::lock`].
    ///
    /// # Errors
    /// Those of the layer below.
    fn lock_over(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        self.below().lock(path)
    }
}

impl<T: FilesOver> FileLayer for T {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        self.open_over(path, mode)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.below().rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.below().remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.below().list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.below().create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.below().sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        self.lock_over(path)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.below().free_bytes(dir)
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.below().random(bytes)
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        self.below().map(path)
    }
}

/// An open file over another one.
pub trait FileOver: Send + Sync {
    /// The file that is wrapped.
    fn below(&self) -> &dyn File;

    /// In place of [`File::read_at`].
    ///
    /// # Errors
    /// Those of the file below.
    fn read_over(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.below().read_at(buffer, position)
    }

    /// In place of [`File::write_at`].
    ///
    /// # Errors
    /// Those of the file below.
    fn write_over(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        self.below().write_at(bytes, position)
    }

    /// In place of [`File::sync_data`].
    ///
    /// # Errors
    /// Those of the file below.
    fn sync_over(&self) -> io::Result<()> {
        self.below().sync_data()
    }

    /// In place of [`File::len`].
    ///
    /// # Errors
    /// Those of the file below.
    fn len_over(&self) -> io::Result<u64> {
        self.below().len()
    }
}

impl<T: FileOver> File for T {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.read_over(buffer, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        self.write_over(bytes, position)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync_over()
    }

    fn len(&self) -> io::Result<u64> {
        self.len_over()
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.below().set_len(length)
    }

    fn write_directly(&self, directly: bool) -> bool {
        self.below().write_directly(directly)
    }
}
