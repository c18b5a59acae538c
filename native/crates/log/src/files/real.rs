//! The operating system's files.

use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FlockOperation, OFlags, flock, statvfs};

use super::{File, FileLayer, FileLock, Mapped, OpenMode, directory_of};

const O_NONBLOCK: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// Files of the operating system, nothing in between.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealFiles;

struct RealFile(fs::File);

/// Keeps the locked file open; closing it gives the lock back.
struct RealLock(#[expect(dead_code, reason = "held for its lock")] fs::File);

impl FileLock for RealLock {}

impl File for RealFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.0.read_at(buffer, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        self.0.write_at(bytes, position)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    #[cfg(target_os = "linux")]
    fn write_directly(&self, directly: bool) -> bool {
        use rustix::fs::{fcntl_getfl, fcntl_setfl};
        let Ok(flags) = fcntl_getfl(&self.0) else {
            return false;
        };
        let wanted = if directly {
            flags | OFlags::DIRECT
        } else {
            flags - OFlags::DIRECT
        };
        // A file system that knows no direct writes refuses the flag.
        fcntl_setfl(&self.0, wanted).is_ok() && directly
    }
}

/// Opens what is a file and nothing else: a FIFO would keep its reader waiting for ever, and a device is no store's.
fn open_file(options: &mut fs::OpenOptions, path: &Path) -> io::Result<fs::File> {
    // Without waiting, which makes no difference for a file.
    let file = options.custom_flags(O_NONBLOCK).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        Ok(file)
    } else if kind.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        let what = format!("{} is no regular file", path.display());
        Err(io::Error::new(io::ErrorKind::InvalidInput, what))
    }
}

impl FileLayer for RealFiles {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true);
        match mode {
            OpenMode::Read => &mut options,
            OpenMode::ReadWrite => options.write(true),
            OpenMode::CreateNew => options.write(true).create_new(true),
            OpenMode::OpenOrCreate => options.write(true).create(true).truncate(false),
        };
        Ok(Arc::new(RealFile(open_file(&mut options, path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if directory_of(from) != directory_of(to) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(names)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        let parent = directory_of(dir);
        self.create_dir(parent)?;
        match fs::create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
        self.sync_dir(parent)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Box::new(RealLock(file)))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        Mapped::of(&open_file(fs::OpenOptions::new().read(true), path)?)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let figures = statvfs(dir)?;
        Ok(figures.f_bavail.saturating_mul(figures.f_frsize))
    }
}
