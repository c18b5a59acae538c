//! Writing a file that must be whole under its name (H5), with its hash and the checksums of its blocks (H6).

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_log::{File, FileLayer, OpenMode};

use crate::SegmentError;
use crate::blocks::BLOCK_BYTES;

/// So much is gathered before it is written; longer pieces are written as they are.
const BUFFER_BYTES: usize = 1 << 20;

/// A file under its temporary name.
pub struct Sink {
    file: Arc<dyn File>,
    path: PathBuf,
    buffer: Vec<u8>,
    /// Bytes written, the buffer not among them.
    written: u64,
    hasher: blake3::Hasher,
    /// Checksum of the block that is being filled, and how much of it there is.
    block: (u32, usize),
    crcs: Vec<u32>,
}

/// What a finished file is.
pub struct Sealed {
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of it.
    pub hash: [u8; 32],
    /// CRC32C of each block, the last one may be short.
    pub crcs: Vec<u32>,
}

impl Sink {
    /// Begins `path`'s temporary file, and drops what an earlier attempt left of it.
    pub fn create(files: &dyn FileLayer, path: &Path) -> Result<Self, SegmentError> {
        let path = temporary(path);
        let open = || {
            let file = files.open(&path, OpenMode::OpenOrCreate)?;
            file.set_len(0)?;
            Ok(file)
        };
        let file = open().map_err(SegmentError::io("create", &path))?;
        Ok(Self {
            file,
            path,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            written: 0,
            hasher: blake3::Hasher::new(),
            block: (0, 0),
            crcs: Vec::new(),
        })
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.written)?;
        self.written += bytes.len() as u64;
        self.hasher.update(bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            let (crc, filled) = self.block;
            let (now, later) = rest.split_at(rest.len().min(BLOCK_BYTES - filled));
            self.block = (crc32c::crc32c_append(crc, now), filled + now.len());
            if self.block.1 == BLOCK_BYTES {
                self.crcs.push(self.block.0);
                self.block = (0, 0);
            }
            rest = later;
        }
        Ok(())
    }

    /// Writes what is left and makes the contents durable. The file still has its temporary name.
    pub fn seal(mut self) -> Result<Sealed, SegmentError> {
        let finish = |sink: &mut Self| {
            sink.flush()?;
            sink.file.sync_data()
        };
        finish(&mut self).map_err(SegmentError::io("write", &self.path))?;
        if self.block.1 > 0 {
            self.crcs.push(self.block.0);
        }
        Ok(Sealed {
            bytes: self.written,
            hash: *self.hasher.finalize().as_bytes(),
            crcs: self.crcs,
        })
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            self.put(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        self.put(&buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }
}

/// The name a file has until it is whole.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

/// Gives finished files their names, in this order, and makes them durable together.
pub fn publish(files: &dyn FileLayer, dir: &Path, paths: &[&Path]) -> Result<(), SegmentError> {
    for path in paths {
        let renamed = files.rename(&temporary(path), path);
        renamed.map_err(SegmentError::io("rename", path))?;
    }
    files.sync_dir(dir).map_err(SegmentError::io("sync", dir))
}
