//! Where a tree keeps its hashes: in memory, or in the node file with full windows mapped.

use std::io;
use std::ops::Deref;

use pyralog_types::Hash;

use crate::MerkleError;

/// An append-only list of hashes.
pub trait NodeStore: Send + Sync {
    /// Hashes there are.
    fn len(&self) -> u64;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The hash at a position.
    ///
    /// # Errors
    /// `OutOfRange`, or `Io` where it must be read.
    fn get(&self, position: u64) -> Result<Hash, MerkleError>;
    /// Appends hashes; they need not be on disk before [`NodeStore::sync`].
    ///
    /// # Errors
    /// `Io`.
    fn append(&mut self, hashes: &[Hash]) -> Result<(), MerkleError>;
    /// Forgets everything from `len` on.
    ///
    /// # Errors
    /// `Short` when there is less, `Io`.
    fn truncate(&mut self, len: u64) -> Result<(), MerkleError>;
    /// Makes it a list of `len` hashes of which only `nodes` (positions and hashes) are known; the others are anything.
    ///
    /// # Errors
    /// `Io`.
    fn restart(&mut self, len: u64, nodes: &[(u64, Hash)]) -> Result<(), MerkleError>;
    /// Returns once everything appended is durable.
    ///
    /// # Errors
    /// `Io`.
    fn sync(&mut self) -> Result<(), MerkleError>;
}

/// Hashes in memory.
#[derive(Debug, Default)]
pub struct MemoryNodes(Vec<Hash>);

impl NodeStore for MemoryNodes {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn get(&self, position: u64) -> Result<Hash, MerkleError> {
        self.0
            .get(position as usize)
            .copied()
            .ok_or_else(|| out_of_range(self.len(), position))
    }

    fn append(&mut self, hashes: &[Hash]) -> Result<(), MerkleError> {
        self.0.extend_from_slice(hashes);
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> Result<(), MerkleError> {
        check_truncate(self.len(), len)?;
        self.0.truncate(len as usize);
        Ok(())
    }

    fn restart(&mut self, len: u64, nodes: &[(u64, Hash)]) -> Result<(), MerkleError> {
        self.0 = vec![[0; 32]; len as usize];
        for (at, hash) in nodes {
            self.0[*at as usize] = *hash;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), MerkleError> {
        Ok(())
    }
}

/// Bytes of a file that stay readable as memory as long as this lives.
pub type Mapped = Box<dyn Deref<Target = [u8]> + Send + Sync>;

/// The file operations a node file needs; whoever opens the tree adapts its own files to it.
pub trait NodeFile: Send + Sync {
    /// Fills `out` from `at`.
    ///
    /// # Errors
    /// Of the operating system; `UnexpectedEof` when the file is shorter.
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()>;
    /// Writes all of `bytes` at `at`.
    ///
    /// # Errors
    /// Of the operating system.
    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Length in bytes.
    ///
    /// # Errors
    /// Of the operating system.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file is empty.
    ///
    /// # Errors
    /// Of the operating system.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Cuts or extends the file.
    ///
    /// # Errors
    /// Of the operating system.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes what was written durable.
    ///
    /// # Errors
    /// Of the operating system.
    fn sync(&self) -> io::Result<()>;
    /// Maps bytes that will not change any more, where the file can do that.
    fn map(&self, at: u64, len: usize) -> Option<Mapped>;
}

/// Hashes of a window: 512 KiB. A tail in memory stays below that, and an opening reads no more than it.
const WINDOW_HASHES: u64 = 16_384;
const HASH_BYTES: u64 = 32;

/// A full window of hashes.
enum Window {
    /// In the file and mapped.
    Mapped(Mapped),
    /// In the file, read hash by hash.
    Written,
    /// Not in the file yet, because writing it failed; tried again at every sync.
    Waiting(Vec<Hash>),
}

/// Hashes in a file: full windows are written once and mapped (or read where maps are not to be had), the rest is in
/// memory until it is synced. A full disk costs memory, not the tree: what cannot be written waits.
pub struct FileNodes {
    file: Box<dyn NodeFile>,
    windows: Vec<Window>,
    tail: Vec<Hash>,
    /// Hashes of the tail that are in the file already.
    tail_written: usize,
}

impl FileNodes {
    /// Opens a file and takes its first `len` hashes as they are; what stands behind them is cut.
    ///
    /// # Errors
    /// `Short` when the file holds fewer, `Io`.
    pub fn open(file: Box<dyn NodeFile>, len: u64) -> Result<Self, MerkleError> {
        let have = file.len()? / HASH_BYTES;
        if have < len {
            return Err(MerkleError::Short { have, want: len });
        }
        file.set_len(len * HASH_BYTES)?;
        let mut nodes = Self {
            file,
            windows: Vec::new(),
            tail: Vec::new(),
            tail_written: 0,
        };
        nodes.take(len)?;
        Ok(nodes)
    }

    /// Takes the first `len` hashes of the file as they are.
    fn take(&mut self, len: u64) -> Result<(), MerkleError> {
        let full = len / WINDOW_HASHES;
        self.windows = (0..full).map(|window| self.written(window)).collect();
        let start = full * WINDOW_HASHES;
        self.tail = vec![[0; 32]; (len - start) as usize];
        self.file
            .read_at(start * HASH_BYTES, self.tail.as_flattened_mut())?;
        self.tail_written = self.tail.len();
        Ok(())
    }

    fn written(&self, window: u64) -> Window {
        let bytes = WINDOW_HASHES * HASH_BYTES;
        self.file
            .map(window * bytes, bytes as usize)
            .map_or(Window::Written, Window::Mapped)
    }

    fn tail_start(&self) -> u64 {
        self.windows.len() as u64 * WINDOW_HASHES
    }

    /// Writes what waits, in order: the file never has a hole before something it holds.
    fn write_windows(&mut self) -> Result<(), MerkleError> {
        for at in 0..self.windows.len() {
            if let Window::Waiting(hashes) = &self.windows[at] {
                let start = at as u64 * WINDOW_HASHES * HASH_BYTES;
                self.file.write_at(start, hashes.as_flattened())?;
                self.windows[at] = self.written(at as u64);
            }
        }
        Ok(())
    }

    fn write_tail(&mut self) -> Result<(), MerkleError> {
        let at = (self.tail_start() + self.tail_written as u64) * HASH_BYTES;
        self.file
            .write_at(at, self.tail[self.tail_written..].as_flattened())?;
        self.tail_written = self.tail.len();
        Ok(())
    }
}

impl NodeStore for FileNodes {
    fn len(&self) -> u64 {
        self.tail_start() + self.tail.len() as u64
    }

    fn get(&self, position: u64) -> Result<Hash, MerkleError> {
        let mut hash = [0; 32];
        let in_window = (position % WINDOW_HASHES) as usize;
        match self.windows.get((position / WINDOW_HASHES) as usize) {
            Some(Window::Mapped(window)) => {
                let at = in_window * HASH_BYTES as usize;
                hash.copy_from_slice(&window[at..at + 32]);
            }
            Some(Window::Written) => self.file.read_at(position * HASH_BYTES, &mut hash)?,
            Some(Window::Waiting(hashes)) => hash = hashes[in_window],
            None => {
                hash = *self
                    .tail
                    .get(in_window)
                    .filter(|_| position < self.len())
                    .ok_or_else(|| out_of_range(self.len(), position))?;
            }
        }
        Ok(hash)
    }

    fn append(&mut self, mut hashes: &[Hash]) -> Result<(), MerkleError> {
        while !hashes.is_empty() {
            let room = WINDOW_HASHES as usize - self.tail.len();
            let (now, later) = hashes.split_at(room.min(hashes.len()));
            self.tail.extend_from_slice(now);
            hashes = later;
            if self.tail.len() as u64 == WINDOW_HASHES {
                let full = std::mem::replace(&mut self.tail, Vec::with_capacity(room));
                self.windows.push(Window::Waiting(full));
                self.tail_written = 0;
                // A failure shows at the next sync, which is where somebody can act on it.
                let _written_or_waiting = self.write_windows();
            }
        }
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> Result<(), MerkleError> {
        check_truncate(self.len(), len)?;
        let start = self.tail_start();
        if len >= start {
            self.tail.truncate((len - start) as usize);
        } else {
            self.write_windows()?;
            let window = len / WINDOW_HASHES;
            let mut tail = vec![[0; 32]; (len % WINDOW_HASHES) as usize];
            self.file
                .read_at(window * WINDOW_HASHES * HASH_BYTES, tail.as_flattened_mut())?;
            // Unmapped before the file shrinks: touching a map behind the end of its file kills the process.
            self.windows.truncate(window as usize);
            self.tail_written = tail.len();
            self.tail = tail;
        }
        self.tail_written = self.tail_written.min(self.tail.len());
        let written = self.tail_start() + self.tail_written as u64;
        if self.file.len()? > written * HASH_BYTES {
            self.file.set_len(written * HASH_BYTES)?;
        }
        Ok(())
    }

    fn restart(&mut self, len: u64, nodes: &[(u64, Hash)]) -> Result<(), MerkleError> {
        self.truncate(0)?;
        // What is not known stays a hole, which takes no place on a disk.
        self.file.set_len(len * HASH_BYTES)?;
        for (at, hash) in nodes {
            self.file.write_at(at * HASH_BYTES, hash)?;
        }
        self.take(len)
    }

    fn sync(&mut self) -> Result<(), MerkleError> {
        self.write_windows()?;
        self.write_tail()?;
        self.file.sync()?;
        Ok(())
    }
}

fn out_of_range(size: u64, asked: u64) -> MerkleError {
    MerkleError::OutOfRange { size, asked }
}

fn check_truncate(have: u64, want: u64) -> Result<(), MerkleError> {
    if want > have {
        return Err(MerkleError::Short { have, want });
    }
    Ok(())
}
