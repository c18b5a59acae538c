//! Writing a file that must be whole under its name (H5), with its hash and the checksums of its blocks (H6).

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_log::{DIRECT_ALIGN, File, FileLayer, OpenMode};

use crate::SegmentError;
use crate::blocks::BLOCK_BYTES;

/// So much is gathered before it is written.
const BUFFER_BYTES: usize = 1 << 20;
/// So much is hashed at a time, while it is still in the cache that it was just copied to.
const PIECE_BYTES: usize = 1 << 17;

/// A file under its temporary name.
pub struct Sink {
    file: Arc<dyn File>,
    path: PathBuf,
    /// Room for [`BUFFER_BYTES`] from the first aligned address on, and how much of it is filled.
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    /// How much of it was hashed.
    hashed: usize,
    /// Whole buffers are written past the page cache: nobody reads a segment back at once, and a copy of each would cost
    /// more than all else about it.
    direct: bool,
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
        let buffer = vec![0; BUFFER_BYTES + DIRECT_ALIGN];
        let start = buffer.as_ptr().align_offset(DIRECT_ALIGN);
        Ok(Self {
            direct: start <= DIRECT_ALIGN && file.write_directly(true),
            file,
            path,
            start: start.min(DIRECT_ALIGN),
            buffer,
            filled: 0,
            hashed: 0,
            written: 0,
            hasher: blake3::Hasher::new(),
            block: (0, 0),
            crcs: Vec::new(),
        })
    }

    /// Writes what was gathered. Only the last piece of a file is shorter than the buffer.
    fn put(&mut self) -> io::Result<()> {
        let bytes = &self.buffer[self.start..self.start + self.filled];
        let (whole, rest) = bytes.split_at(bytes.len() / DIRECT_ALIGN * DIRECT_ALIGN);
        if self.direct {
            if let Err(error) = self.file.write_all_at(whole, self.written) {
                if error.kind() != io::ErrorKind::InvalidInput {
                    return Err(error);
                }
                // A file system that takes the flag and then refuses such writes.
                self.direct = self.file.write_directly(false);
                self.file.write_all_at(whole, self.written)?;
            }
            if !rest.is_empty() {
                self.direct = self.file.write_directly(false);
                let at = self.written + whole.len() as u64;
                self.file.write_all_at(rest, at)?;
            }
        } else {
            self.file.write_all_at(bytes, self.written)?;
        }
        self.check_in();
        self.written += self.filled as u64;
        (self.filled, self.hashed) = (0, 0);
        Ok(())
    }

    /// Hashes what was gathered since the last time, and sums up its blocks.
    fn check_in(&mut self) {
        let bytes = &self.buffer[self.start + self.hashed..self.start + self.filled];
        self.hashed = self.filled;
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
    }

    /// Writes what is left and makes the contents durable. The file still has its temporary name.
    pub fn seal(mut self) -> Result<Sealed, SegmentError> {
        let finish = |sink: &mut Self| {
            sink.put()?;
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
        if self.filled == BUFFER_BYTES {
            self.put()?;
        }
        let piece = (self.filled + 1).next_multiple_of(PIECE_BYTES);
        let taken = bytes.len().min(piece - self.filled);
        let at = self.start + self.filled;
        self.buffer[at..at + taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        if self.filled == piece {
            self.check_in();
        }
        Ok(taken)
    }

    /// Does nothing: pieces are written when they are whole, and [`Sink::seal`] writes the rest.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The name a file has until it is whole.
pub fn temporary(path: &Path) -> PathBuf {
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
