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
use pyralog_log::{Durability, LogError, LogStore, NewEntry, TreeState};
use pyralog_partition::{Prepared, Roots, Snapshot, Stamper, trusted_size};
use pyralog_types::batch::{Entry, IdRun, Proposal};

use crate::answer::{Answer, Call};
use crate::commit::{Committing, Group, Staged};
use crate::error::HostError;
use crate::late::Lateness;
use crate::shared::{Counters, EPOCH, Shard, Shared};

/// Proposals of one group commit, bytes: large enough for the disk, small enough that nobody waits long.
const GROUP_BYTES: usize = 4 << 20;
/// A group below this is synced by the thread that staged it, when nothing else is on the way.
const INLINE_BYTES: usize = 256 << 10;
/// Records between syncs of the node files; after a crash so many leaves are hashed again, a tenth of a second.
/// Tests cut the power in the midst of it.
const SIDECAR_RECORDS: u64 = if cfg!(test) { 100 } else { 262_144 };

/// Room in a frame for headers, alignment and one state record a partition.
pub(crate) fn frame_bytes(file_bytes: u64, partitions: usize) -> usize {
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

/// Progress of one partition's node files.
pub(crate) struct Sidecar {
    /// Size up to which they are synced, and the log says so.
    synced: u64,
    /// State that a sync on its way will make durable.
    begun: Option<TreeState>,
}

impl Sidecar {
    pub fn synced(size: u64) -> Self {
        Self {
            synced: size,
            begun: None,
        }
    }
}

impl Staging {
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
            ..
        } = call;
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
        let proposal = Proposal::parse(&call.bytes)?;
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
        let index = self.append_entry(call.partition, &[&head, &call.bytes])?;
        host.counters.disk_full.store(false, Ordering::Relaxed);
        let entry = Entry {
            timestamp,
            runs,
            proposal,
        };
        // Nothing comes when that thread is gone.
        let ahead = call.ahead.as_ref().and_then(|hashes| hashes.recv().ok());
        let prepared = ahead.unwrap_or_else(|| Prepared::of(&entry));
        shard.log_time.store(timestamp, Ordering::Release);
        let mut state = shard.state.write();
        let applied = state.apply((&entry, prepared), index, EPOCH);
        shard.applied.store(state.size(), Ordering::Release);
        let sealed = applied.as_ref().ok();
        let sealed = sealed.and_then(|_| state.seal_point(host.limits, index));
        drop(state);
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
        let counters = &host.counters;
        Counters::add(&counters.entries, 1);
        Counters::add(&counters.records, u64::from(applied.count));
        Counters::add(&counters.duplicates, u64::from(applied.duplicates));
        let by_key = applied.duplicates_by_key;
        Counters::add(&counters.duplicates_by_key, u64::from(by_key));
        Counters::add(&counters.conflicts, u64::from(applied.conflicts));
        Ok(applied.outcomes)
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

    /// Closes the open frame with the states to sign (C6) and sends it to the disk.
    fn seal(&mut self) {
        if self.store.staged_bytes() == 0 {
            return;
        }
        self.stage_releases();
        let calls = std::mem::take(&mut self.calls);
        match self.stage_states() {
            Ok(states) => self.submit(calls, states),
            Err(error) => {
                self.shared.fail(&error);
                for call in calls {
                    call.reply
                        .send(Err(HostError::OutcomeUnknown(error.to_string())));
                }
            }
        }
    }

    /// Tells the log what segments hold now (W12), and writes again what alone keeps its oldest file (W15). What does not
    /// fit waits for the next frame.
    fn stage_releases(&mut self) {
        for (partition, first_kept) in self.shared.sealing.take_releases() {
            if self.store.release(partition as u32, first_kept).is_err() {
                self.shared.sealing.put_release(partition, first_kept);
            } else {
                self.releases = true;
            }
        }
        let holding = std::mem::take(&mut *self.shared.holding.lock());
        for (group, index) in holding {
            let entry = self
                .shared
                .reader()
                .map(|reader| reader.entry(group, index));
            let Ok(Ok(Some(entry))) = entry else {
                continue;
            };
            if self.store.staged_bytes() + entry.bytes.len() > self.frame_bytes {
                return;
            }
            self.releases |= self.store.again(group, &entry).unwrap_or(false);
        }
    }

    fn stage_states(&mut self) -> Result<Vec<(usize, TreeState)>, HostError> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        let mut states = Vec::with_capacity(touched.len());
        for partition in touched {
            let state = state_of(self.shared.shard(partition)?)?;
            if let Err(error) = self.store.sign_state(partition as u32, &state) {
                let LogError::FrameFull { .. } = error else {
                    return Err(error.into());
                };
                // The entries go ahead; their calls wait for the frame with the state.
                self.submit(Vec::new(), Vec::new());
                self.store.sign_state(partition as u32, &state)?;
            }
            states.push((partition, state));
        }
        Ok(states)
    }

    fn submit(&mut self, calls: Vec<Staged>, states: Vec<(usize, TreeState)>) {
        let bytes = self.store.staged_bytes();
        let Some(frame) = self.store.seal() else {
            return;
        };
        let waits = calls.iter().any(|call| call.late.is_none());
        let late = self.late.take().filter(|_| !waits);
        let group = Group {
            frame,
            calls,
            states,
            releases: std::mem::take(&mut self.releases),
            late,
        };
        let alone = self.shared.in_flight.fetch_add(1, Ordering::AcqRel) == 0;
        if alone && bytes <= INLINE_BYTES && self.shared.queue.is_empty() {
            self.committing.commit(group);
        } else if let Err(lost) = self.groups.send(group) {
            // The thread that syncs is gone, which only a panic explains.
            let error = HostError::Closed;
            self.shared.fail(&error);
            for call in lost.0.calls {
                call.reply
                    .send(Err(HostError::OutcomeUnknown(error.to_string())));
            }
        }
    }

    /// Has the node files of partitions that grew synced by their own thread, and says so in the log once they are (M6).
    fn look_after_sidecars(&mut self, mut touched: BTreeSet<usize>) {
        let host = Arc::clone(&self.shared);
        if host.failure().is_some() {
            return;
        }
        touched.append(&mut self.syncing);
        for partition in touched {
            let Some(shard) = host.shards.get(partition) else {
                continue;
            };
            let Some(durable) = shard.late.ended() else {
                self.syncing.insert(partition);
                continue;
            };
            if let Some(state) = self.sidecars[partition].begun.take()
                && durable
            {
                self.record_sidecar(partition, &state);
            }
            let size = shard.applied.load(Ordering::Acquire);
            if size < self.sidecars[partition].synced + SIDECAR_RECORDS {
                continue;
            }
            self.syncing.insert(partition);
            let mut state = shard.state.write();
            let begun = shard.late.begin(|| state.trees_mut().sync());
            drop(state);
            let begun = begun.map_err(HostError::from);
            self.sidecars[partition].begun = begun.and_then(|()| trusted_state_of(shard)).ok();
        }
    }

    /// A node file is rebuildable: a failure here costs hashing at the next opening, nothing else.
    fn record_sidecar(&mut self, partition: usize, state: &TreeState) {
        if self.store.sidecar_state(partition as u32, state).is_ok() {
            self.sidecars[partition].synced = state.size;
        }
    }

    /// Syncs all node files that grew and says so in the log (M6).
    fn sync_sidecars(&mut self) {
        for partition in 0..self.sidecars.len() {
            let host = Arc::clone(&self.shared);
            let shard = &host.shards[partition];
            let size = trusted_size(shard.state.read().size());
            if size == self.sidecars[partition].synced || host.failure().is_some() {
                continue;
            }
            let synced = shard.state.write().trees_mut().sync();
            if let Ok(state) = synced
                .map_err(HostError::from)
                .and_then(|()| trusted_state_of(shard))
            {
                self.record_sidecar(partition, &state);
            }
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

    fn finish(mut self) -> Result<(), HostError> {
        if self.shared.failure().is_none() {
            // Sealing waits for records to be durable.
            self.settle();
            self.shared.sealing.drain();
            self.stage_releases();
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

/// The state to sign: everything applied.
pub(crate) fn state_of(shard: &Shard) -> Result<TreeState, HostError> {
    let partition = shard.state.read();
    let roots = partition.trees().roots_at(partition.size())?;
    Ok(state_with(&roots))
}

/// The state up to which synced node files can be trusted (M6).
fn trusted_state_of(shard: &Shard) -> Result<TreeState, HostError> {
    let partition = shard.state.read();
    let roots = partition.trees().roots_at(trusted_size(partition.size()))?;
    Ok(state_with(&roots))
}

fn state_with(roots: &Roots) -> TreeState {
    TreeState {
        size: roots.size,
        root: roots.blake3,
        sha256_root: roots.sha256,
    }
}
