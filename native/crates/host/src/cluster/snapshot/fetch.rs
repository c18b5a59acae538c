//! The side of a replica that is behind (RF15): fetches what the leader told of, one partition after another, on a thread
//! of its own, and tries again whatever fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use parking_lot::Mutex;
use pyralog_link::Links;
use pyralog_types::Hash;

use super::bring_up::Ended;
use super::incoming::{forget_but, left_over};
use super::list::Offered;
use crate::behind::NodeJob;
use crate::cluster::Inbox;
use crate::error::HostError;
use crate::shared::Shared;

/// How long to wait before what failed is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// How often that doubles.
const DOUBLED_MAX: u32 = 5;

/// What the thread hears.
pub(crate) enum Arrived {
    /// A message of a peer.
    Message { peer: u16, bytes: Vec<u8> },
    /// There is news of what is wanted, or the store closes.
    Look,
}

#[derive(Default)]
struct State {
    /// What leaders told of, by partition.
    wanted: BTreeMap<u32, Offered>,
    /// How far each is, in words.
    said: BTreeMap<u32, String>,
    closing: bool,
}

/// Between the thread and everybody else.
#[derive(Default)]
pub(crate) struct Fetching {
    state: Mutex<State>,
}

impl Fetching {
    /// How far a partition is that is being brought up.
    pub fn said(&self, partition: u32) -> Option<String> {
        self.state.lock().said.get(&partition).cloned()
    }

    pub fn say(&self, partition: u32, what: String) {
        self.state.lock().said.insert(partition, what);
    }

    pub fn closing(&self) -> bool {
        self.state.lock().closing
    }

    pub fn wanted(&self, partition: u32) -> Option<Offered> {
        self.state.lock().wanted.get(&partition).cloned()
    }

    fn partitions(&self) -> Vec<u32> {
        self.state.lock().wanted.keys().copied().collect()
    }

    /// This one came, or is not needed any more. A newer one stays wanted.
    fn done(&self, partition: u32, offered: &Offered) {
        let mut state = self.state.lock();
        if state.wanted.get(&partition) == Some(offered) {
            state.wanted.remove(&partition);
            state.said.remove(&partition);
        }
    }
}

/// The thread, and the way to it.
pub(crate) struct Fetcher {
    pub fetching: Arc<Fetching>,
    arrived: Sender<Arrived>,
    thread: Option<JoinHandle<()>>,
}

impl Fetcher {
    /// # Errors
    /// `Io` when the system gives no thread.
    pub fn start(
        (arrived, heard): (Sender<Arrived>, Receiver<Arrived>),
        shared: &Arc<Shared>,
        (links, inbox): (&Arc<Links>, &Arc<Inbox>),
        jobs: Sender<NodeJob>,
    ) -> Result<Self, HostError> {
        let fetching = Arc::new(Fetching::default());
        let thread = Thread {
            shared: Arc::clone(shared),
            links: Arc::clone(links),
            inbox: Arc::clone(inbox),
            fetching: Arc::clone(&fetching),
            jobs,
            heard,
            checked: BTreeSet::new(),
        };
        let thread = crate::threads::spawn("pyralog-fetch", move || thread.run())?;
        Ok(Self {
            fetching,
            arrived,
            thread: Some(thread),
        })
    }

    /// A leader told of a snapshot. It takes the place of what was told of before.
    pub fn want(&self, partition: u32, offered: Offered) {
        self.fetching.state.lock().wanted.insert(partition, offered);
        self.look();
    }

    fn look(&self) {
        // With a full queue it looks anyway.
        let _: Result<(), TrySendError<_>> = self.arrived.try_send(Arrived::Look);
    }
}

impl Fetcher {
    /// Ends the thread, and waits for it.
    pub fn stop(&mut self) {
        self.fetching.state.lock().closing = true;
        self.look();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic in it was printed
        }
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Why a partition is not brought up now, in words.
fn why(offered: &Offered, error: &HostError) -> String {
    let from = offered.from;
    if error.code() == "storage/disk-full" {
        return format!(
            "no room for the files that it needs from node {from}: free some space, and it goes on by itself"
        );
    }
    format!("bringing it up from node {from} failed and is tried again: {error}")
}

pub(super) struct Thread {
    pub shared: Arc<Shared>,
    pub links: Arc<Links>,
    pub inbox: Arc<Inbox>,
    pub fetching: Arc<Fetching>,
    pub jobs: Sender<NodeJob>,
    pub heard: Receiver<Arrived>,
    /// Files that were found whole in this life.
    pub checked: BTreeSet<Hash>,
}

impl Thread {
    pub fn run(mut self) {
        let mut left = self.left_over();
        let mut failures = 0;
        while !self.fetching.closing() {
            let came = self.shared.counters.snapshot_bytes.load(Ordering::Relaxed);
            let mut failed = false;
            for partition in self.fetching.partitions() {
                left.remove(&partition);
                failed |= !self.try_one(partition);
            }
            if failed {
                // What makes headway is tried again at once, what does not ever later.
                let further = self.shared.counters.snapshot_bytes.load(Ordering::Relaxed) > came;
                failures = if further { 0 } else { failures + 1 };
                self.rest(AGAIN * 2_u32.pow(failures.min(DOUBLED_MAX)));
            } else if self.fetching.partitions().is_empty() {
                failures = 0;
                let _ = self.heard.recv_timeout(AGAIN * 4); // an order, or time to tidy up
                self.tidy(&mut left);
            } else {
                self.rest(AGAIN / 50);
            }
        }
    }

    /// False when it failed.
    fn try_one(&mut self, partition: u32) -> bool {
        let Some(offered) = self.fetching.wanted(partition) else {
            return true;
        };
        match self.bring_up(partition, &offered) {
            Ok(()) => self.forget(partition, &offered),
            Err(Ended::Over) => {}
            Err(Ended::Failed(error)) => {
                self.fetching.say(partition, why(&offered, &error));
                return false;
            }
        }
        true
    }

    /// Partitions with files of an earlier life, and how far they were at its end.
    fn left_over(&self) -> BTreeMap<u32, u64> {
        let left = left_over(&self.shared.segments, self.shared.shards.len() as u32);
        let at = |partition: u32| Some((partition, self.applied(partition)?));
        left.into_iter().filter_map(at).collect()
    }

    /// What came in an earlier life is of no use once the log brings the partition further.
    fn tidy(&self, left: &mut BTreeMap<u32, u64>) {
        left.retain(|partition, before| {
            let further = self.applied(*partition).is_some_and(|at| at > *before);
            if further {
                forget_but(&self.shared.segments, *partition, &BTreeSet::new());
            }
            !further
        });
    }

    pub fn applied(&self, partition: u32) -> Option<u64> {
        let shard = self.shared.shard(partition as usize).ok()?;
        Some(shard.applied_index.load(Ordering::Acquire))
    }

    /// Waits, but not when something newer is wanted.
    fn rest(&self, time: Duration) {
        let until = std::time::Instant::now() + time;
        while let Ok(Arrived::Message { .. }) = self.heard.recv_deadline(until) {}
    }

    fn forget(&mut self, partition: u32, offered: &Offered) {
        self.fetching.done(partition, offered);
        forget_but(&self.shared.segments, partition, &BTreeSet::new());
        self.checked.clear();
    }
}
