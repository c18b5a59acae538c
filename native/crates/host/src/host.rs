//! The host itself: opens, hands out, closes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::{Mutex, RwLock};
use pyralog_partition::Stamper;
use pyralog_types::Hash;
use pyralog_types::batch::CheckedProposal;

use crate::ahead::{Ahead, hash_ahead};
use crate::answer::{Answer, Call, Reply, SignedCheckpoint, Wait};
use crate::background::Background;
use crate::behind::{NodeJob, write_nodes};
use crate::commit::Committing;
use crate::error::HostError;
use crate::ids::Ids;
use crate::late::Lateness;
use crate::maintain::{Maintaining, Maintenance, maintain};
use crate::note::NamedKey;
use crate::open::{Opened, open};
use crate::options::{HostOptions, Recovery, World};
use crate::queue::Queue;
use crate::read::Algorithm;
use crate::replay::Replayed;
use crate::seal::{Sealing, seal_behind};
use crate::segments::Segments;
use crate::shared::{Counters, Nudge, Shard, Shared, Signing};
use crate::sidecars::Sidecar;
use crate::sign::least_distance;
use crate::spent::Spent;
use crate::stage::{Staging, frame_bytes};

/// Groups hashed ahead of the disk.
const PIPELINE: usize = 2;

/// Figures since opening.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // each is explained in native/types.ts
pub struct Stats {
    pub fdatasyncs: u64,
    pub group_commits: u64,
    pub entries: u64,
    pub records: u64,
    pub duplicates: u64,
    pub duplicates_by_key: u64,
    pub conflicts: u64,
    pub checkpoints: u64,
    pub wal_bytes: u64,
    pub queue_bytes: u64,
    pub sync_seconds_sum: f64,
    pub accepted_records: u64,
    pub disk_full: bool,
    pub read_only: bool,
    pub poisoned: bool,
}

struct Threads {
    apply: JoinHandle<Result<(), HostError>>,
    sync: JoinHandle<Result<(), HostError>>,
    background: JoinHandle<()>,
    hash: JoinHandle<()>,
    nodes: JoinHandle<()>,
    seal: JoinHandle<()>,
    maintain: JoinHandle<()>,
    check: JoinHandle<()>,
    /// Stops the thread that writes node files.
    jobs: Sender<NodeJob>,
}

/// An open store with its threads. Every method can be called from any thread.
pub struct Host {
    pub(crate) shared: Arc<Shared>,
    recovery: Recovery,
    threads: Mutex<Option<Threads>>,
}

impl Host {
    /// Opens the store, replays it and starts the threads. A damaged log opens read-only ([`Recovery::damage`]).
    ///
    /// # Errors
    /// `Format` when options do not fit the directory, and the log's (`Locked`, `DiskFull`, `Io` …).
    pub fn open(world: World, options: &HostOptions) -> Result<Self, HostError> {
        let (jobs, node_jobs) = unbounded();
        let opened = open(&world, options, &jobs)?;
        let last_ids = opened.replayed.iter().map(|r| r.partition.last_id());
        let ids = Ids::open(&world, options, last_ids)?;
        Self::start(opened, (world, options), ids, (jobs, node_jobs))
    }

    fn start(
        opened: Opened,
        (world, options): (World, &HostOptions),
        ids: Ids,
        (jobs, node_jobs): (Sender<NodeJob>, Receiver<NodeJob>),
    ) -> Result<Self, HostError> {
        let Opened {
            log,
            replayed,
            recovery,
            damage,
            segments,
            log_unread,
        } = opened;
        let sealing = Sealing::default();
        let stampers = replayed
            .iter()
            .map(|r| Stamper::behind(r.partition.last_timestamp()))
            .collect();
        let sidecars = replayed
            .iter()
            .map(|r| Sidecar::synced(r.sidecar))
            .collect();
        let shards = shards_of(replayed, options, (&segments, &sealing));
        let (nudge, nudges) = bounded(1);
        let (groups, group_queue) = bounded(PIPELINE);
        let (ahead, unhashed) = Ahead::new();
        let shared = Arc::new(Shared {
            world,
            dir: options.dir.clone(),
            cosigner: NamedKey::cosigner(&options.cosigner.name, &options.cosigner.seed),
            checkpoint_ms_min: least_distance(options),
            shards,
            queue: Queue::new(options.queue_bytes_max),
            ids,
            ahead,
            spent: Spent::default(),
            counters: Counters::default(),
            in_flight: AtomicUsize::new(0),
            failure: Mutex::new(damage),
            reader: RwLock::new(Some(log.reader)),
            nudge,
            unsigned: AtomicBool::new(false),
            segments: Arc::new(segments),
            sealing,
            maintaining: Maintaining::new(options.maintenance),
            wal_room: options.wal_file_bytes.saturating_mul(2),
            limits: options.seal,
            released: AtomicBool::new(true),
            holding: Mutex::default(),
        });
        let committing = Arc::new(Committing::new(
            Arc::clone(&shared),
            log.committer,
            Lateness::of(options),
        ));
        let staging = Staging {
            shared: Arc::clone(&shared),
            store: log.store,
            stampers,
            committing: Arc::clone(&committing),
            groups,
            calls: Vec::new(),
            frame_bytes: frame_bytes(options.wal_file_bytes, options.partitions.len()),
            lateness: Lateness::of(options),
            touched: Vec::new(),
            late: None,
            syncing: BTreeSet::new(),
            sidecars,
            seal_points: Vec::new(),
            releases: false,
        };
        let background = Background {
            shared: Arc::clone(&shared),
            preparer: log.preparer,
            reclaimer: log.reclaimer,
            nudges,
        };
        let (applying, syncing) = (Arc::clone(&shared), Arc::clone(&shared));
        let (sealing, maintaining) = (Arc::clone(&shared), Arc::clone(&shared));
        let (checking, hashing) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = Threads {
            apply: spawn("pyralog-apply", move || guard(&applying, || staging.run()))?,
            sync: spawn("pyralog-sync", move || {
                guard(&syncing, || {
                    committing.run(&group_queue);
                    Ok(())
                })
            })?,
            background: spawn("pyralog-background", move || background.run())?,
            hash: spawn("pyralog-hash", move || {
                hash_ahead(&unhashed, &hashing.spent);
            })?,
            seal: spawn("pyralog-seal", move || seal_behind(&sealing))?,
            maintain: spawn("pyralog-maintain", move || maintain(&maintaining))?,
            check: spawn("pyralog-check", move || checking.check_behind(log_unread))?,
            nodes: spawn("pyralog-nodes", move || write_nodes(&node_jobs))?,
            jobs,
        };
        Ok(Self {
            shared,
            recovery,
            threads: Mutex::new(Some(threads)),
        })
    }

    /// How the opening went.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Puts a packed proposal in the queue (N2, N4). `reply` is called exactly once: at once with a refusal, later from a
    /// thread of the host with the outcome.
    pub fn propose(&self, partition: usize, bytes: Vec<u8>, wait: Wait, reply: Reply<Answer>) {
        let checked = self
            .shared
            .shard(partition)
            .map(|_| ())
            .and_then(|()| self.shared.failure().map_or(Ok(()), Err))
            .and_then(|()| self.shared.sealing.refusal().map_or(Ok(()), Err))
            .and_then(|()| CheckedProposal::parse(bytes).map_err(Into::into));
        let proposal = match checked {
            Ok(proposal) => Arc::new(proposal),
            Err(error) => return reply.send(Err(error)),
        };
        let shared = Arc::clone(&self.shared);
        let call = Call {
            partition,
            ahead: self.shared.ahead.begin(&proposal),
            proposal,
            wait,
            reply: Reply::new(move |answer| {
                shared.ahead.end();
                reply.send(answer);
            }),
        };
        if let Err((call, error)) = self.shared.queue.push(call) {
            call.reply.send(Err(error));
        }
    }

    /// Empty memory for the bytes of a proposal: that of one before, when there is any.
    #[must_use]
    pub fn buffer(&self) -> Vec<u8> {
        self.shared.spent.bytes()
    }

    /// Records that are durable.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown partition.
    pub fn durable_size(&self, partition: usize) -> Result<u64, HostError> {
        Ok(self
            .shared
            .shard(partition)?
            .durable
            .load(Ordering::Acquire))
    }

    /// First offset whose record retention left; rows before it are gone, their receipts and proofs are not.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown partition.
    pub fn first_offset(&self, partition: usize) -> Result<u64, HostError> {
        self.shared.shard(partition)?;
        Ok(self.shared.segments.first(partition as u32))
    }

    /// Rows (B5) from `offset` on: at least one if any durable one is left there, then until the answer has `bytes`. Rows that
    /// compaction took leave gaps.
    ///
    /// # Errors
    /// `OutOfRange`, `Removed`, `Corrupt`, `Quarantined`, `Closed`, and the log's.
    pub fn read(&self, partition: usize, offset: u64, bytes: usize) -> Result<Vec<u8>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared
            .healing(shard, || self.shared.read(shard, offset, bytes))
    }

    /// Offset of the durable record with this id.
    ///
    /// # Errors
    /// See [`Host::read`].
    pub fn offset_of_id(&self, partition: usize, id: u64) -> Result<Option<u64>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared
            .healing(shard, || self.shared.offset_of_id(shard, id))
    }

    /// Offsets of durable notary records with this multihash, ascending.
    ///
    /// # Errors
    /// See [`Host::read`].
    pub fn offsets_of_digest(
        &self,
        partition: usize,
        multihash: &[u8],
        limit: usize,
    ) -> Result<Vec<u64>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared.healing(shard, || {
            self.shared.offsets_of_digest(shard, multihash, limit)
        })
    }

    /// Offset of the latest durable record with this key, or with `as_of` (Unix milliseconds) of the latest one at or
    /// before that time. None when there is no such record, or when it is a tombstone (Z11).
    ///
    /// # Errors
    /// See [`Host::read`]; `Superseded` when compaction may have removed the record that was the latest then.
    pub fn offset_of_key(
        &self,
        partition: usize,
        key: &[u8],
        as_of: Option<u64>,
    ) -> Result<Option<u64>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared
            .healing(shard, || self.shared.offset_of_key(shard, key, as_of))
    }

    /// Offset of the first durable record at or after a time, Unix milliseconds.
    ///
    /// # Errors
    /// See [`Host::read`].
    pub fn offset_of_time(&self, partition: usize, ms: u64) -> Result<Option<u64>, HostError> {
        self.shared
            .offset_of_time(self.shared.shard(partition)?, ms)
    }

    /// Root of the first `size` durable records.
    ///
    /// # Errors
    /// `OutOfRange`, `Io`.
    pub fn root(
        &self,
        partition: usize,
        size: u64,
        algorithm: Algorithm,
    ) -> Result<Hash, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared.root(shard, size, algorithm)
    }

    /// Inclusion path, checked (M7).
    ///
    /// # Errors
    /// `OutOfRange`, `Corrupt`, `Io`.
    pub fn inclusion(
        &self,
        partition: usize,
        (index, size): (u64, u64),
        algorithm: Algorithm,
    ) -> Result<Vec<Hash>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared.healing(shard, || {
            self.shared.inclusion(shard, (index, size), algorithm)
        })
    }

    /// Consistency path, checked (M7).
    ///
    /// # Errors
    /// `OutOfRange`, `Corrupt`, `Io`.
    pub fn consistency(
        &self,
        partition: usize,
        (from, to): (u64, u64),
        algorithm: Algorithm,
    ) -> Result<Vec<Hash>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared.healing(shard, || {
            self.shared.consistency(shard, (from, to), algorithm)
        })
    }

    /// Newest checkpoint signed since opening.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown partition.
    pub fn checkpoint(&self, partition: usize) -> Result<Option<Arc<SignedCheckpoint>>, HostError> {
        Ok(self.shared.shard(partition)?.signing.lock().newest.clone())
    }

    /// Calls back once a checkpoint of at least `size` records is signed, at once if that can be done now.
    pub fn checkpoint_at(&self, partition: usize, size: u64, reply: Reply<Arc<SignedCheckpoint>>) {
        match self.shared.shard(partition) {
            Ok(_) if self.shared.reader.read().is_none() => reply.send(Err(HostError::Closed)),
            Ok(shard) => self.shared.checkpoint_at(shard, size, reply),
            Err(error) => reply.send(Err(error)),
        }
    }

    /// Figures since opening.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = &self.shared.counters;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let failed = self.shared.failure().is_some();
        Stats {
            fdatasyncs: get(&counters.fdatasyncs),
            group_commits: get(&counters.fdatasyncs),
            entries: get(&counters.entries),
            records: get(&counters.records),
            duplicates: get(&counters.duplicates),
            duplicates_by_key: get(&counters.duplicates_by_key),
            conflicts: get(&counters.conflicts),
            checkpoints: get(&counters.checkpoints),
            wal_bytes: get(&counters.wal_bytes),
            queue_bytes: self.shared.queue.bytes() as u64,
            sync_seconds_sum: Duration::from_nanos(get(&counters.sync_nanos)).as_secs_f64(),
            accepted_records: self.shared.shards.iter().map(Shard::accepted).sum(),
            disk_full: counters.disk_full.load(Ordering::Relaxed)
                || self.shared.sealing.disk_full(),
            read_only: self.recovery.read_only,
            poisoned: failed && !self.recovery.read_only,
        }
    }

    /// Memory of filters that stand side by side for lookups by key, bytes (Z13).
    #[must_use]
    pub fn panel_bytes(&self) -> usize {
        self.shared.segments.panel_bytes()
    }

    /// What maintenance came to, and what it does now.
    #[must_use]
    pub fn maintenance(&self) -> Maintenance {
        self.shared.maintaining.figures(&self.shared.segments)
    }

    /// Drains the queue, calls maintenance off, syncs node files and log, stops the threads, gives the lock back. Waits for all of it; calling it
    /// again does nothing.
    ///
    /// # Errors
    /// What the last writes came to; everything is closed all the same.
    pub fn close(&self) -> Result<(), HostError> {
        let mut threads = self.threads.lock();
        let Some(running) = threads.take() else {
            return Ok(());
        };
        self.shared.maintaining.stop();
        self.shared.queue.close();
        let result = running.apply.join().unwrap_or(Err(HostError::Closed));
        let synced = running.sync.join().unwrap_or(Err(HostError::Closed));
        let _ = self.shared.nudge.send(Nudge::Stop); // an error means that it stopped already
        let _ = running.jobs.send(NodeJob::Stop); // as above
        self.shared.ahead.stop();
        self.shared.sealing.stop();
        let stopped = running.background.join().and(running.nodes.join());
        let stopped = stopped.and(running.hash.join()).and(running.seal.join());
        let stopped = stopped
            .and(running.maintain.join())
            .and(running.check.join());
        let listed = self.shared.segments.close();
        self.shared.give_up_waiters(&HostError::Closed);
        let reader = self.shared.reader.write().take();
        self.shared.ids.close();
        drop(reader); // and with it the lock, when nobody reads any more
        if stopped.is_err() {
            return Err(panicked());
        }
        result.and(synced).and(listed)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Whoever wants to know how closing went has called `close`.
        let _ = self.close();
    }
}

fn panicked() -> HostError {
    HostError::Io(
        "a thread of the core panicked; open the core again and report the message above"
            .to_owned(),
    )
}

/// The partitions as they were replayed; what has to be sealed is handed over.
fn shards_of(
    replayed: Vec<Replayed>,
    options: &HostOptions,
    (segments, sealing): (&Segments, &Sealing),
) -> Vec<Shard> {
    replayed
        .into_iter()
        .zip(&options.partitions)
        .enumerate()
        .map(|(number, (mut replayed, partition))| Shard {
            sealed: AtomicU64::new({
                sealing.push_replayed(number, std::mem::take(&mut replayed.seal_points));
                segments.end(number as u32)
            }),
            number: number as u32,
            origin: partition.origin.clone(),
            durability: partition.durability,
            log_key: options
                .log_seed
                .filter(|_| partition.sha256)
                .map(|seed| NamedKey::log(&partition.origin, &seed)),
            policy: partition.policy.clone(),
            log_time: AtomicU64::new(replayed.partition.last_timestamp()),
            applied: AtomicU64::new(replayed.state.size),
            durable: AtomicU64::new(replayed.state.size),
            state: RwLock::new(replayed.partition),
            late: replayed.late,
            signing: Mutex::new(Signing {
                durable: replayed.state,
                newest: None,
                signed_at: None,
                waiters: Vec::new(),
            }),
            hot: Mutex::new(None),
        })
        .collect()
}

/// Runs a thread's body; when it panics, nothing more is let in and everybody who waits is told.
fn guard(shared: &Shared, body: impl FnOnce() -> Result<(), HostError>) -> Result<(), HostError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or_else(|_| {
        let error = panicked();
        shared.fail(&error);
        shared.give_up_waiters(&error);
        shared.queue.close();
        while let Some(calls) = shared.queue.take(usize::MAX) {
            for call in calls {
                call.reply.send(Err(error.clone()));
            }
        }
        Err(error)
    })
}

fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, HostError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| HostError::Io(format!("cannot start a thread: {error}")))
}
