//! The store: reads, snapshots, figures, closing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::Readable;
use parking_lot::{Mutex, RwLock};
use pyralog_log::{FileLayer, RealFiles};

use crate::journal::JournalReport;
use crate::open::{Open, open};
use crate::pack::{Keys, check_key, check_ops, push_value};
use crate::seal::unseal;
use crate::writer::{Reply, Writer};
use crate::{Cursor, LsmError, Range};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct LsmOptions {
    /// Memory for blocks that were read.
    pub cache_bytes: u64,
    /// Threads that write memtables out and compact.
    pub worker_threads: usize,
    /// Free space below which batches are refused. It must hold what the tree has in memory and is about to write out:
    /// two memtables of 16 MiB, and a compaction. With 0 nothing is refused before it fails.
    pub reserve_bytes: u64,
}

impl Default for LsmOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 32 << 20,
            worker_threads: 1,
            reserve_bytes: 64 << 20,
        }
    }
}

/// Figures since opening.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LsmStats {
    /// Batches that were committed.
    pub batches: u64,
    /// Group commits they were committed in: one fdatasync each.
    pub group_commits: u64,
    /// Packed bytes of those batches.
    pub bytes: u64,
    /// Bytes on disk, journal and tables.
    pub disk_bytes: u64,
    /// Memory of what is not in a table yet.
    pub memory_bytes: u64,
    /// Tables.
    pub tables: u64,
    /// Bytes of a torn tail that opening cut.
    pub cut_bytes: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) batches: AtomicU64,
    pub(crate) group_commits: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

/// What readers and the writer share.
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) reserve_bytes: u64,
    /// `None` once closed. Whoever uses the tree holds the read half, so closing waits for them.
    pub(crate) open: RwLock<Option<Open>>,
    pub(crate) counters: Counters,
    journal: JournalReport,
}

impl Shared {
    /// Uses the tree, a panic of which is damage.
    pub(crate) fn with<T>(
        &self,
        body: impl FnOnce(&Open) -> Result<T, LsmError>,
    ) -> Result<T, LsmError> {
        let open = self.open.read();
        let open = open.as_ref().ok_or(LsmError::Closed)?;
        catch_unwind(AssertUnwindSafe(|| body(open)))
            .unwrap_or_else(|_| Err(LsmError::Corrupt("a table is damaged".to_owned())))
    }

    pub(crate) fn free_bytes(&self) -> Result<u64, LsmError> {
        Ok(RealFiles.free_bytes(&self.dir)?)
    }
}

/// An open store. Clones are the same store, which closes with the last of them; all calls may come from any thread, and
/// all of them block.
#[derive(Clone)]
pub struct Lsm(Arc<Core>);

struct Core {
    shared: Arc<Shared>,
    writer: Mutex<Option<Writer>>,
}

impl Core {
    fn close(&self) {
        let writer = self.writer.lock().take();
        if let Some(writer) = writer {
            writer.finish();
        }
        let open = self.shared.open.write().take();
        drop(open);
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.close();
    }
}

impl Lsm {
    /// Opens or creates the store in a directory of its own.
    ///
    /// # Errors
    /// [`LsmError::Locked`], [`LsmError::Corrupt`], [`LsmError::Format`], [`LsmError::DiskFull`], [`LsmError::Io`].
    pub fn open(dir: &Path, options: &LsmOptions) -> Result<Self, LsmError> {
        let (tree, journal) = open(dir, options)?;
        let shared = Arc::new(Shared {
            dir: dir.to_path_buf(),
            reserve_bytes: options.reserve_bytes,
            open: RwLock::new(Some(tree)),
            counters: Counters::default(),
            journal,
        });
        let writer = Writer::start(Arc::clone(&shared))?;
        let writer = Mutex::new(Some(writer));
        Ok(Self(Arc::new(Core { shared, writer })))
    }

    /// Queues packed operations ([`crate::Ops`]); `reply` is called from the writer's thread once they are durable, all of
    /// them, or refused, all of them. Of two operations on one key the later wins.
    ///
    /// # Errors
    /// [`LsmError::Malformed`], [`LsmError::Closed`]: then `reply` is never called.
    pub fn commit(
        &self,
        packed: Vec<u8>,
        reply: impl FnOnce(Result<(), LsmError>) + Send + 'static,
    ) -> Result<(), LsmError> {
        check_ops(&packed)?;
        let writer = self.0.writer.lock();
        let writer = writer.as_ref().ok_or(LsmError::Closed)?;
        writer.queue(packed, Reply::new(reply));
        Ok(())
    }

    /// As [`Lsm::commit`], waiting for the answer.
    ///
    /// # Errors
    /// Those of `commit`, and [`LsmError::DiskFull`], [`LsmError::Io`].
    pub fn commit_and_wait(&self, packed: Vec<u8>) -> Result<(), LsmError> {
        let (tell, told) = crossbeam_channel::bounded(1);
        self.commit(packed, move |result| {
            // The receiver waits below.
            let _ = tell.send(result);
        })?;
        told.recv().unwrap_or(Err(LsmError::Closed))
    }

    /// The newest value of a key.
    ///
    /// # Errors
    /// [`LsmError::Corrupt`], [`LsmError::Malformed`], [`LsmError::Closed`], [`LsmError::Io`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LsmError> {
        self.snapshot()?.get(key)
    }

    /// The store as it is now.
    ///
    /// # Errors
    /// [`LsmError::Closed`].
    pub fn snapshot(&self) -> Result<Snapshot, LsmError> {
        let at = self.0.shared.with(|open| Ok(open.tree.snapshot()))?;
        Ok(Snapshot {
            shared: Arc::clone(&self.0.shared),
            at,
        })
    }

    /// Figures since opening.
    ///
    /// # Errors
    /// [`LsmError::Closed`], [`LsmError::Io`].
    pub fn stats(&self) -> Result<LsmStats, LsmError> {
        let counters = &self.0.shared.counters;
        self.0.shared.with(|open| {
            Ok(LsmStats {
                batches: counters.batches.load(Ordering::Relaxed),
                group_commits: counters.group_commits.load(Ordering::Relaxed),
                bytes: counters.bytes.load(Ordering::Relaxed),
                disk_bytes: open.tree.disk_space()?,
                memory_bytes: open.tree.write_buffer_size(),
                tables: open.entries.table_count() as u64,
                cut_bytes: self.0.shared.journal.cut_bytes,
            })
        })
    }

    /// Writes what is in memory into a table.
    #[cfg(test)]
    pub(crate) fn flush_for_test(&self) -> Result<(), LsmError> {
        self.0
            .shared
            .with(|open| Ok(open.entries.rotate_memtable_and_wait()?))
    }

    /// Writes what waits, then closes for every clone, snapshot and cursor. May be called again.
    pub fn close(&self) {
        self.0.close();
    }
}

/// The store at one moment, whatever is written afterwards. While it lives, what it sees cannot be compacted away.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) shared: Arc<Shared>,
    pub(crate) at: fjall::Snapshot,
}

impl Snapshot {
    /// The value of a key.
    ///
    /// # Errors
    /// As [`Lsm::get`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LsmError> {
        check_key(key)?;
        self.shared.with(|open| self.find(open, key))
    }

    /// Packed values of packed keys, in the order asked.
    ///
    /// # Errors
    /// As [`Lsm::get`].
    pub fn get_many(&self, keys: &[u8]) -> Result<Vec<u8>, LsmError> {
        self.shared.with(|open| {
            let mut values = Vec::new();
            for key in Keys::new(keys) {
                let value = self.find(open, key?)?;
                push_value(&mut values, value.as_deref());
            }
            Ok(values)
        })
    }

    fn find(&self, open: &Open, key: &[u8]) -> Result<Option<Vec<u8>>, LsmError> {
        match self.at.get(&open.entries, key)? {
            None => Ok(None),
            Some(sealed) => Ok(Some(unseal(key, &sealed)?.to_vec())),
        }
    }

    /// A cursor over a range; it sees this snapshot.
    #[must_use]
    pub fn range(&self, range: Range) -> Cursor {
        Cursor::new(self.clone(), range)
    }
}
