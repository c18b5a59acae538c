//! The file operations a log needs, as a seam where faults can be injected.
//!
//! Contents become durable by [`File::sync_data`], names (created, renamed, removed files) by [`FileLayer::sync_dir`];
//! nothing else makes anything durable. Paths are used as given; renames stay within one directory.

mod fault;
mod lose_unsynced;
mod mapped;
mod over;
mod real;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use fault::{FaultCounts, FaultFiles};
pub use lose_unsynced::LoseUnsynced;
pub use mapped::Mapped;
pub use over::{FileOver, FilesOver};
pub use real::RealFiles;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading only.
    Read,
    /// An existing file, for reading and writing.
    ReadWrite,
    /// A file that must not exist yet.
    CreateNew,
    /// An existing file, or a new empty one.
    OpenOrCreate,
}

/// What direct writes are aligned to: a page, which is enough for every disk there is.
pub const DIRECT_ALIGN: usize = 4_096;

/// An open file. All calls take positions, so that threads can share one handle.
pub trait File: Send + Sync {
    /// Reads at `position`; fewer bytes than asked for are no error, 0 means end of file.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;

    /// Writes at `position`; may write fewer bytes than given. Growing a file fills the gap with zeros.
    ///
    /// # Errors
    /// What the operating system says, `StorageFull` when there is no room.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize>;

    /// Makes contents and length durable (fdatasync). After an error nothing is known about unsynced bytes (W9).
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_data(&self) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// What the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// What the operating system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file or lengthens it with a hole of zeros.
    ///
    /// # Errors
    /// What the operating system says.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Has what is written from now on go past the page cache, or through it again. While it goes past it, positions,
    /// lengths and addresses of writes must be multiples of [`DIRECT_ALIGN`]. Answers whether it does; false where the
    /// system cannot. What is durable, and when, is the same either way.
    fn write_directly(&self, _directly: bool) -> bool {
        false
    }

    /// Fills the whole buffer from `position` on.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before, else what the operating system says.
    fn read_exact_at(&self, mut buffer: &mut [u8], mut position: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(buffer, position) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    buffer = &mut buffer[read..];
                    position += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes all bytes at `position`, going on after short writes.
    ///
    /// # Errors
    /// What the operating system says; how much was written by then is unknown.
    fn write_all_at(&self, mut bytes: &[u8], mut position: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(bytes, position) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    position += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Holds an exclusive lock until it is dropped.
pub trait FileLock: Send + Sync {}

/// The file system as a log sees it.
pub trait FileLayer: Send + Sync {
    /// Opens a file. A new name is durable after [`FileLayer::sync_dir`] of its directory.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists`, or what the operating system says.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>>;

    /// Renames a file within its directory, replacing what has that name.
    ///
    /// # Errors
    /// What the operating system says; `Unsupported` for another directory.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name. Open handles go on working.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Names of the files in a directory, in no order.
    ///
    /// # Errors
    /// What the operating system says.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Creates a directory and its parents, durably.
    ///
    /// # Errors
    /// What the operating system says.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the exclusive lock of a file, creating the file when missing; `None` when somebody else has it.
    ///
    /// # Errors
    /// What the operating system says.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>>;

    /// Bytes that can still be written to the file system of a directory.
    ///
    /// # Errors
    /// What the operating system says.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;

    /// Fills `bytes` with randomness: salts and store ids. A simulated disk makes it a function of its seed.
    ///
    /// # Errors
    /// What the operating system says.
    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
    }

    /// A whole file as memory, for reading. The file must not change any more: only files that are written once and then
    /// never again (sealed segments and their sidecars) are mapped. Without an override it is a copy of the bytes.
    ///
    /// # Errors
    /// `NotFound`, or what the operating system says.
    fn map(&self, path: &Path) -> io::Result<Mapped> {
        let bytes = self.read_file(path)?.ok_or(io::ErrorKind::NotFound)?;
        Ok(Mapped::copy_of(bytes))
    }

    /// The whole content of a small file, `None` when there is none.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_file(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let file = match self.open(path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Some(bytes))
    }

    /// Replaces a small file as a whole, durably: write `<name>.tmp`, sync, rename, sync the directory.
    ///
    /// # Errors
    /// What the operating system says; the old content is then still there, or the new one, and nothing unfinished beside it
    /// unless it could not be removed either.
    fn replace_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = temporary_of(path);
        let file = self.open(&temporary, OpenMode::OpenOrCreate)?;
        let named = file
            .set_len(0)
            .and_then(|()| file.write_all_at(bytes, 0))
            .and_then(|()| file.sync_data())
            .and_then(|()| self.rename(&temporary, path));
        if named.is_err() {
            let _ = self.remove(&temporary); // the first error is the one to tell of
        }
        named?;
        self.sync_dir(directory_of(path))
    }
}

/// The directory a file stands in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn temporary_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}
