//! Node files (M5) written and synced by a thread of their own, so that the thread that applies never waits for them.
//!
//! What was handed over and not yet written is read from memory. Nothing depends on when it reaches the disk: the log says
//! how far a node file may be trusted only after the sync that covers it (M6).

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;
use pyralog_log::File;
use pyralog_merkle::{Mapped, NodeFile};

/// Bytes that may wait for a slow disk; whoever hands over more writes them himself.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// Work for the thread that writes node files.
pub(crate) enum NodeJob {
    /// Write what waits for this file.
    Write(Arc<Behind>),
    /// Write it and sync the file.
    Sync(Arc<Behind>, Arc<LateSync>),
    /// The host closes.
    Stop,
}

/// Body of the thread.
pub(crate) fn write_nodes(jobs: &Receiver<NodeJob>) {
    while let Ok(job) = jobs.recv() {
        match job {
            // Waits on in memory when it fails, and is tried again with the next job; a sync that fails is not recorded.
            NodeJob::Write(file) => drop(file.flush()),
            NodeJob::Sync(file, sync) => sync.end(file.sync_now().is_ok()),
            NodeJob::Stop => return,
        }
    }
}

/// Syncs of one partition's node files that nobody waits for.
#[derive(Debug, Default)]
pub(crate) struct LateSync {
    /// Whether syncs are handed over now. Changes under the write lock of the partition only.
    late: AtomicBool,
    /// Handed over and not ended.
    outstanding: AtomicUsize,
    failed: AtomicBool,
}

impl LateSync {
    /// Runs `sync`, whose file syncs go to the thread that writes node files.
    pub fn begin<T>(&self, sync: impl FnOnce() -> T) -> T {
        self.failed.store(false, Ordering::Release);
        self.late.store(true, Ordering::Release);
        let result = sync();
        self.late.store(false, Ordering::Release);
        result
    }

    /// Whether all that was handed over is durable; `None` while some of it is on the way.
    pub fn ended(&self) -> Option<bool> {
        let on_the_way = self.outstanding.load(Ordering::Acquire) > 0;
        (!on_the_way).then(|| !self.failed.load(Ordering::Acquire))
    }

    fn end(&self, durable: bool) {
        if !durable {
            self.failed.store(true, Ordering::Release);
        }
        self.outstanding.fetch_sub(1, Ordering::AcqRel);
    }
}

#[derive(Default)]
struct Waiting {
    /// Positions and bytes, in the order they were handed over.
    writes: VecDeque<(u64, Arc<Vec<u8>>)>,
    bytes: usize,
}

/// A file with the writes that wait for it.
pub(crate) struct Behind {
    file: Arc<dyn File>,
    waiting: Mutex<Waiting>,
    /// Held while waiting writes go to the file, so that they keep their order.
    writing: Mutex<()>,
    sync_failed: AtomicBool,
}

impl Behind {
    fn flush(&self) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock();
        loop {
            let first = self.waiting.lock().writes.front().cloned();
            let Some((at, bytes)) = first else {
                return Ok(());
            };
            self.file.write_all_at(&bytes, at)?;
            // Gone from here only now: a reader finds it in memory or in the file.
            let mut waiting = self.waiting.lock();
            waiting.writes.pop_front();
            waiting.bytes -= bytes.len();
        }
    }

    /// After a failed sync all later ones fail too: a retried one proves nothing (W9).
    pub fn sync_now(&self) -> io::Result<()> {
        self.flush()?;
        if self.sync_failed.load(Ordering::Acquire) {
            return Err(io::Error::other("an earlier sync of this file failed"));
        }
        let synced = self.file.sync_data();
        if synced.is_err() {
            self.sync_failed.store(true, Ordering::Release);
        }
        synced
    }

    /// Reads from the newest waiting write that holds all of `out`; false when none does.
    fn read_waiting(&self, at: u64, out: &mut [u8]) -> bool {
        let waiting = self.waiting.lock();
        for (start, bytes) in waiting.writes.iter().rev() {
            let held = at.checked_sub(*start).map(|from| from as usize);
            let found = held.and_then(|from| bytes.get(from..from + out.len()));
            if let Some(found) = found {
                out.copy_from_slice(found);
                return true;
            }
        }
        false
    }
}

/// A tree's node file, as the tree sees it.
pub(crate) struct BehindNodes {
    behind: Arc<Behind>,
    jobs: Sender<NodeJob>,
    late: Arc<LateSync>,
}

impl BehindNodes {
    pub fn new(file: Arc<dyn File>, jobs: Sender<NodeJob>, late: Arc<LateSync>) -> Self {
        let behind = Arc::new(Behind {
            file,
            waiting: Mutex::default(),
            writing: Mutex::new(()),
            sync_failed: AtomicBool::new(false),
        });
        Self { behind, jobs, late }
    }

    /// The file, for whoever wants it durable now.
    pub fn behind(&self) -> Arc<Behind> {
        Arc::clone(&self.behind)
    }
}

impl NodeFile for BehindNodes {
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        if out.len() > size_of::<pyralog_types::Hash>() {
            // A tail at opening or truncation; single hashes never lie across two writes.
            self.behind.flush()?;
        }
        if self.behind.read_waiting(at, out) {
            return Ok(());
        }
        self.behind.file.read_exact_at(out, at)
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let waiting_bytes = {
            let mut waiting = self.behind.waiting.lock();
            waiting.bytes += bytes.len();
            waiting.writes.push_back((at, Arc::new(bytes.to_vec())));
            waiting.bytes
        };
        if waiting_bytes > WAITING_BYTES_MAX || self.write_later().is_err() {
            // What cannot be written stays here and is readable; the next sync says that it failed.
            drop(self.behind.flush());
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.behind.flush()?;
        self.behind.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.behind.flush()?;
        self.behind.file.set_len(len)
    }

    /// While [`LateSync::begin`] runs, hands the sync over; else durable on return.
    fn sync(&self) -> io::Result<()> {
        if !self.late.late.load(Ordering::Acquire) {
            return self.behind.sync_now();
        }
        self.late.outstanding.fetch_add(1, Ordering::AcqRel);
        let job = NodeJob::Sync(Arc::clone(&self.behind), Arc::clone(&self.late));
        if self.jobs.send(job).is_err() {
            self.late.end(self.behind.sync_now().is_ok());
        }
        Ok(())
    }

    fn map(&self, _at: u64, _len: usize) -> Option<Mapped> {
        None // Reads go through the page cache; a proof takes at most 64 of them.
    }
}

impl BehindNodes {
    fn write_later(&self) -> Result<(), ()> {
        let job = NodeJob::Write(Arc::clone(&self.behind));
        self.jobs.send(job).map_err(drop)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use std::path::Path;

    use crossbeam_channel::unbounded;
    use pyralog_log::{FileLayer, OpenMode, RealFiles};

    use super::*;

    fn nodes(dir: &Path) -> (BehindNodes, Receiver<NodeJob>, Arc<LateSync>) {
        let file = RealFiles.open(&dir.join("nodes"), OpenMode::OpenOrCreate);
        let (jobs, received) = unbounded();
        let late = Arc::new(LateSync::default());
        let nodes = BehindNodes::new(file.unwrap(), jobs, Arc::clone(&late));
        (nodes, received, late)
    }

    fn read(nodes: &BehindNodes, at: u64) -> [u8; 32] {
        let mut hash = [0; 32];
        nodes.read_at(at, &mut hash).unwrap();
        hash
    }

    #[test]
    fn reads_what_waits_and_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let (nodes, jobs, _) = nodes(dir.path());
        nodes.write_at(0, &[1; 96]).unwrap();
        nodes.write_at(64, &[2; 64]).unwrap();
        let wanted = [[1; 32], [1; 32], [2; 32], [2; 32]];
        let all = |nodes: &BehindNodes| [0, 32, 64, 96].map(|at| read(nodes, at));
        assert_eq!(all(&nodes), wanted);
        assert_eq!(nodes.behind.file.len().unwrap(), 0);

        nodes.jobs.send(NodeJob::Stop).unwrap();
        write_nodes(&jobs);
        assert_eq!(nodes.behind.file.len().unwrap(), 128);
        assert_eq!(nodes.behind.waiting.lock().bytes, 0);
        assert_eq!(all(&nodes), wanted);
    }

    #[test]
    fn a_late_sync_has_ended_once_the_thread_did_it() {
        let dir = tempfile::tempdir().unwrap();
        let (nodes, jobs, late) = nodes(dir.path());
        nodes.write_at(0, &[1; 32]).unwrap();
        late.begin(|| nodes.sync()).unwrap();
        assert_eq!(late.ended(), None);
        nodes.jobs.send(NodeJob::Stop).unwrap();
        write_nodes(&jobs);
        assert_eq!(late.ended(), Some(true));

        nodes.write_at(32, &[2; 32]).unwrap();
        nodes.sync().unwrap(); // at once
        assert_eq!(nodes.len().unwrap(), 64);
    }

    #[test]
    fn too_much_for_memory_and_a_missing_thread_write_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let (nodes, jobs, late) = nodes(dir.path());
        let large = vec![3; WAITING_BYTES_MAX + 32];
        nodes.write_at(0, &large).unwrap();
        assert_eq!(nodes.behind.file.len().unwrap(), large.len() as u64);
        drop(jobs);
        nodes.write_at(0, &[4; 32]).unwrap();
        assert!(nodes.behind.waiting.lock().writes.is_empty());
        late.begin(|| nodes.sync()).unwrap();
        assert_eq!((late.ended(), read(&nodes, 0)), (Some(true), [4; 32]));
    }
}
