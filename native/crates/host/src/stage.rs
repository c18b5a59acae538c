//! The first half of a group commit: stamp, append, apply (propose → entry → commit → apply of a lone node).
//!
//! A lone node's entry is committed by being first in its own log, so it is applied as soon as it is staged and nothing
//! of it is shown before the frame is synced. A Raft group takes this file's place: it proposes, and applies what its
//! majority committed; everything behind [`Group`] stays as it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::Sender;
use pyralog_log::{Durability, LogError, LogStore, NewEntry};
use pyralog_partition::{Applied, Prepared, Snapshot, Stamper};
use pyralog_types::batch::{Entry, IdRun};

use crate::answer::{Answer, Call};
use crate::commit::{Committing, Group, Staged};
use crate::error::HostError;
use crate::late::Lateness;
use crate::options::HostOptions;
use crate::shared::{Counters, EPOCH, Shared};
use crate::sidecars::Sidecar;

/// Proposals of one group commit, bytes: large enough for the disk, small enough that nobody waits long.
pub(crate) const GROUP_BYTES: usize = 4 << 20;

/// Room in a frame for headers, alignment and one state record a partition.
fn frame_bytes(file_bytes: u64, partitions: usize) -> usize {
    (file_bytes as usize).saturating_sub(8_192 + 256 * partitions)
}

/// The thread that applies.
pub(crate) struct Staging {
    pub shared: Arc<Shared>,
    pub store: Box<dyn LogStore>,
    pub stampers: Vec<Stamper>,
    pub committing: Arc<Committing>,
    pub groups: Sender<Group>,
    /// Calls staged in the open frame.
    pub calls: Vec<Staged>,
    /// Bytes to stage in one frame at most, so that the states to sign fit in behind the entries.
    pub frame_bytes: usize,
    /// How far each partition's node files are synced.
    pub sidecars: Vec<Sidecar>,
    /// How late syncs may be.
    pub lateness: Lateness,
    /// Partitions of the entries in the open frame.
    pub touched: Vec<usize>,
    /// How long the sync of the open frame may wait, as far as calls in it say.
    pub late: Option<Duration>,
    /// Partitions whose node files are being synced.
    pub syncing: BTreeSet<usize>,
    /// Seal points passed in the open frame.
    pub seal_points: Vec<(usize, Snapshot)>,
    /// The open frame tells the log of entries that may go.
    pub releases: bool,
}

impl Staging {
    pub fn new(
        shared: Arc<Shared>,
        (store, stampers, sidecars): (Box<dyn LogStore>, Vec<Stamper>, Vec<Sidecar>),
        (committing, groups): (Arc<Committing>, Sender<Group>),
        options: &HostOptions,
    ) -> Self {
        Self {
            shared,
            store,
            stampers,
            committing,
            groups,
            calls: Vec::new(),
            frame_bytes: frame_bytes(options.wal_file_bytes, options.partitions.len()),
            sidecars,
            lateness: Lateness::of(options),
            touched: Vec::new(),
            late: None,
            syncing: BTreeSet::new(),
            seal_points: Vec::new(),
            releases: false,
        }
    }

    /// A partition came.
    pub(crate) fn grew(&mut self) {
        self.stampers.push(Stamper::behind(0));
        self.sidecars.push(Sidecar::synced(0));
    }

    /// Until the queue is closed and empty; then syncs the node files and ends the log cleanly.
    pub fn run(mut self) -> Result<(), HostError> {
        while let Some(calls) = self.shared.queue.take(GROUP_BYTES) {
            let mut touched = BTreeSet::new();
            for call in calls {
                touched.insert(call.partition);
                self.stage(call);
            }
            self.seal();
            for (partition, snapshot) in std::mem::take(&mut self.seal_points) {
                self.shared.sealing.push(partition, snapshot);
            }
            self.look_after_sidecars(touched);
        }
        self.finish()
    }

    fn stage(&mut self, call: Call) {
        let refused = self.shared.failure();
        let staged = refused.map_or_else(|| self.append(&call), Err);
        match staged {
            Ok(outcomes) => self.staged(call, outcomes),
            Err(error) => {
                let full = error.code() == "storage/disk-full";
                self.shared
                    .counters
                    .disk_full
                    .store(full, Ordering::Relaxed);
                call.reply.send(Err(error));
            }
        }
    }

    /// A call whose entry is in the open frame. That of a `memory` log is answered now (W16).
    fn staged(&mut self, call: Call, outcomes: Vec<u8>) {
        let Call {
            partition,
            wait,
            reply,
            proposal,
            ..
        } = call;
        if let Some(proposal) = Arc::into_inner(proposal) {
            self.shared.spent.put_proposal(proposal);
        }
        let policy = self.shared.shards[partition].durability;
        let late = self.lateness.of_call(policy, wait);
        self.touched.push(partition);
        if let Some(late) = late {
            self.late = Some(self.late.map_or(late, |before| before.min(late)));
            if policy == Durability::Memory {
                return reply.send(Ok(Answer {
                    epoch: EPOCH,
                    outcomes,
                    durable: false,
                    checkpoint: None,
                    paths: None,
                }));
            }
        }
        self.calls.push(Staged {
            partition,
            outcomes,
            wait,
            late,
            reply,
        });
    }

    /// Stamps, appends and applies; on an error nothing was staged.
    fn append(&mut self, call: &Call) -> Result<Vec<u8>, HostError> {
        let proposal = call.proposal.proposal();
        let host = Arc::clone(&self.shared);
        let shard = host.shard(call.partition)?;
        let wall_ms = (host.world.clock)();
        let issued = host.ids.issue(proposal.len() as u32, wall_ms);
        let issued = issued.map_err(|error| host.refused_ids(error))?;
        let runs: Vec<IdRun> = issued
            .iter()
            .map(|run| IdRun {
                first: run.first,
                count: run.count,
            })
            .collect();
        let mut head = Vec::with_capacity(16 + 16 * runs.len());
        let timestamp = self.stampers[call.partition].stamp(wall_ms, &runs, &mut head);
        let index = self.append_entry(call.partition, &[&head, proposal.bytes()])?;
        host.counters.disk_full.store(false, Ordering::Relaxed);
        let entry = Entry {
            timestamp,
            runs,
            proposal,
        };
        let mut prepared = self.prepared(call);
        shard.log_time.store(timestamp, Ordering::Release);
        let mut state = shard.state.write();
        let applied = state.apply((&entry, &mut prepared), index, EPOCH);
        shard.applied.store(state.size(), Ordering::Release);
        let sealed = applied.as_ref().ok();
        let sealed = sealed.and_then(|_| state.seal_point(host.limits, index));
        drop(state);
        host.spent.put_prepared(prepared);
        let applied = applied.map_err(|error| {
            // The entry is staged and the state is not what it says: nothing may be built on it.
            let error = HostError::from(error);
            host.fail(&error);
            HostError::OutcomeUnknown(error.to_string())
        })?;
        if let Some(snapshot) = sealed {
            // Its entries must get to the disk while this thread waits for the one that seals.
            self.seal_points.push((call.partition, snapshot));
        }
        count(&host.counters, &applied);
        Ok(applied.outcomes)
    }

    /// The hashes of a call's records, made ahead or here.
    fn prepared(&self, call: &Call) -> Prepared {
        // Nothing comes when that thread is gone.
        let ahead = call.ahead.as_ref().and_then(|hashes| hashes.recv().ok());
        ahead.unwrap_or_else(|| {
            let mut prepared = self.shared.spent.prepared();
            prepared.refill(&call.proposal.proposal());
            prepared
        })
    }

    fn append_entry(&mut self, partition: usize, parts: &[&[u8]]) -> Result<u64, HostError> {
        let entry = NewEntry {
            term: u64::from(EPOCH),
            parts,
        };
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if self.store.staged_bytes() + bytes > self.frame_bytes {
            self.seal();
        }
        match self.store.append(partition as u32, &[entry]) {
            Err(LogError::FrameFull { .. }) => {
                self.seal();
                Ok(self.store.append(partition as u32, &[entry])?)
            }
            other => Ok(other?),
        }
    }

    /// Waits until everything submitted is durable.
    fn settle(&self) {
        let busy = || self.shared.in_flight.load(Ordering::Acquire) > 0;
        while busy() && self.shared.failure().is_none() {
            std::thread::yield_now();
        }
        self.committing.sync_if(|_| true);
    }

    pub(crate) fn finish(mut self) -> Result<(), HostError> {
        if self.shared.failure().is_none() {
            // Sealing waits for records to be durable.
            self.settle();
            self.shared.sealing.drain();
            if self.shared.inbox.is_none() {
                // Of a group's entries some stay for replicas that are behind.
                self.stage_releases();
            }
            self.sync_sidecars();
            self.submit(Vec::new(), Vec::new());
        }
        let Self {
            groups,
            committing,
            shared,
            ..
        } = self;
        drop(groups);
        while shared.in_flight.load(Ordering::Acquire) > 0 {
            std::thread::yield_now();
        }
        committing.sync_if(|_| true);
        match shared.failure() {
            None => committing.stop(&shared.open_parts()),
            Some(_) => Ok(()),
        }
    }
}

pub(crate) fn count(counters: &Counters, applied: &Applied) {
    Counters::add(&counters.entries, 1);
    Counters::add(&counters.records, u64::from(applied.count));
    Counters::add(&counters.duplicates, u64::from(applied.duplicates));
    let by_key = applied.duplicates_by_key;
    Counters::add(&counters.duplicates_by_key, u64::from(by_key));
    Counters::add(&counters.conflicts, u64::from(applied.conflicts));
}
