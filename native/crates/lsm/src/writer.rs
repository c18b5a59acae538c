//! The one thread that writes: what waits is committed as one group.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};
use fjall::PersistMode;

use crate::LsmError;
use crate::open::Open;
use crate::pack::{Op, OpsIter};
use crate::seal::seal;
use crate::store::Shared;

/// A group takes no further batch once it has this many packed bytes: latency, and memory for the copy.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// With less than a quarter of this free, a failure that says nothing is put down to the full disk.
const FULL_BYTES: u64 = 4 << 20;

/// Called once, whatever happens: a batch that is dropped unanswered was not written.
pub(crate) struct Reply(Option<Tell>);

type Tell = Box<dyn FnOnce(Result<(), LsmError>) + Send>;

impl Reply {
    pub(crate) fn new(tell: impl FnOnce(Result<(), LsmError>) + Send + 'static) -> Self {
        Self(Some(Box::new(tell)))
    }

    fn tell(mut self, result: Result<(), LsmError>) {
        if let Some(tell) = self.0.take() {
            tell(result);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell(Err(LsmError::Closed));
        }
    }
}

struct Batch {
    packed: Vec<u8>,
    reply: Reply,
}

/// The queue's end that callers hold, and the thread.
pub(crate) struct Writer {
    queue: Sender<Batch>,
    thread: JoinHandle<()>,
}

impl Writer {
    pub(crate) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (queue, waiting) = unbounded();
        let thread = std::thread::Builder::new()
            .name("pyralog-lsm".to_owned())
            .spawn(move || run(&shared, &waiting))?;
        Ok(Self { queue, thread })
    }

    pub(crate) fn queue(&self, packed: Vec<u8>, reply: Reply) {
        // A writer that is gone drops the batch, and its reply says so.
        drop(self.queue.send(Batch { packed, reply }));
    }

    /// Lets the thread write what waits, and waits for it.
    pub(crate) fn finish(self) {
        drop(self.queue);
        // It catches what the tree throws; there is nobody to tell of anything else.
        drop(self.thread.join());
    }
}

fn run(shared: &Shared, waiting: &Receiver<Batch>) {
    let mut failed = None;
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        let mut bytes = group[0].packed.len();
        while bytes < GROUP_BYTES_MAX {
            let Ok(next) = waiting.try_recv() else { break };
            bytes += next.packed.len();
            group.push(next);
        }
        let result = match &failed {
            Some(error) => Err(LsmError::clone(error)),
            None => write(shared, &group, bytes).map_err(|refusal| refusal.remember(&mut failed)),
        };
        for batch in group {
            batch.reply.tell(result.clone());
        }
    }
}

enum Refusal {
    /// Nothing was written; the next group may fare better.
    Early(LsmError),
    /// What reached the disk is known at the next opening only: the store takes nothing more.
    Broken(LsmError),
}

impl Refusal {
    fn remember(self, failed: &mut Option<LsmError>) -> LsmError {
        match self {
            Self::Early(error) => error,
            Self::Broken(error) => failed.insert(error).clone(),
        }
    }
}

fn write(shared: &Shared, group: &[Batch], bytes: usize) -> Result<(), Refusal> {
    refuse_when_full(shared, bytes).map_err(Refusal::Early)?;
    let ops = merged(group).map_err(Refusal::Early)?;
    let count = group.len() as u64;
    shared
        .with(|open| commit(open, ops))
        .map_err(|error| broken(shared, error))?;
    let counters = &shared.counters;
    counters.batches.fetch_add(count, Ordering::Relaxed);
    counters.group_commits.fetch_add(1, Ordering::Relaxed);
    counters.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    Ok(())
}

fn refuse_when_full(shared: &Shared, bytes: usize) -> Result<(), LsmError> {
    if shared.reserve_bytes == 0 {
        return Ok(());
    }
    // Once in the journal, once in a table.
    let needed = shared.reserve_bytes.saturating_add(2 * bytes as u64);
    let free = shared.free_bytes()?;
    if free >= needed {
        return Ok(());
    }
    Err(LsmError::DiskFull(format!(
        "{free} bytes are free and {needed} must be; nothing was written, make room and try again"
    )))
}

/// The last operation on each key. The tree gives a group one sequence number, so two on one key would have no order.
fn merged(group: &[Batch]) -> Result<BTreeMap<&[u8], Option<&[u8]>>, LsmError> {
    let ops = group.iter().flat_map(|batch| OpsIter(&batch.packed));
    ops.collect::<Result<BTreeMap<_, _>, _>>()
}

fn commit<'a>(open: &Open, ops: impl IntoIterator<Item = Op<'a>>) -> Result<(), LsmError> {
    let mut batch = open.tree.batch().durability(Some(PersistMode::SyncData));
    for (key, value) in ops {
        match value {
            Some(value) => batch.insert(&open.entries, key, seal(key, value)),
            None => batch.remove(&open.entries, key),
        }
    }
    Ok(batch.commit()?)
}

/// The tree does not say why it takes no more; a full disk shows.
fn broken(shared: &Shared, error: LsmError) -> Refusal {
    let full = shared
        .free_bytes()
        .is_ok_and(|free| free < shared.reserve_bytes.max(FULL_BYTES) / 4);
    Refusal::Broken(match error {
        LsmError::Io(what) if full => {
            LsmError::DiskFull(format!("{what}; make room, then open it again"))
        }
        other => other,
    })
}
