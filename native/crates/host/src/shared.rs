//! What the host's threads and its readers share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::Sender;
use parking_lot::{Mutex, RwLock};
use pyralog_log::{Durability, LogReader, TreeState};
use pyralog_manifest::Policy;
use pyralog_partition::{Partition, SealLimits};

use crate::ahead::Ahead;
use crate::answer::{Reply, SignedCheckpoint};
use crate::behind::LateSync;
use crate::cluster::Inbox;
use crate::error::HostError;
use crate::ids::Ids;
use crate::maintain::Maintaining;
use crate::note::NamedKey;
use crate::options::{HostOptions, World};
use crate::queue::Queue;
use crate::seal::Sealing;
use crate::segments::Segments;
use crate::shards::Shards;
use crate::sign::least_distance;
use crate::spent::Spent;

/// Term of an unreplicated log.
pub(crate) const EPOCH: u32 = 1;

/// Signing: newest durable state, newest signature, and who waits for one.
pub(crate) struct Signing {
    /// Newest (size, roots) that is durable in the log; only this may be signed (C6).
    pub durable: TreeState,
    pub newest: Option<Arc<SignedCheckpoint>>,
    pub signed_at: Option<Instant>,
    pub waiters: Vec<(u64, Reply<Arc<SignedCheckpoint>>)>,
}

/// One partition.
pub(crate) struct Shard {
    /// Its place among the partitions.
    pub number: u32,
    pub origin: String,
    /// What its answers stand for (W16).
    pub durability: Durability,
    /// There when it keeps a SHA-256 tree.
    pub log_key: Option<NamedKey>,
    /// What the operator wants to happen to its sealed records.
    pub policy: Policy,
    pub state: RwLock<Partition>,
    /// Syncs of its node files that are on the way.
    pub late: Arc<LateSync>,
    /// Time of the newest record staged, Unix milliseconds: no checkpoint claims an earlier one (C1).
    pub log_time: AtomicU64,
    /// Its entries are a Raft group's.
    pub replicated: bool,
    /// Index of the newest entry applied, of a replicated partition.
    pub applied_index: AtomicU64,
    /// Records applied, durable or not.
    pub applied: AtomicU64,
    /// Records that may be shown.
    pub durable: AtomicU64,
    /// Records that stand in segments (Z4).
    pub sealed: AtomicU64,
    pub signing: Mutex<Signing>,
    /// The entry read last, because neighbours are often read next.
    pub hot: Mutex<Option<(u64, Arc<Vec<u8>>)>>,
}

/// Figures since opening.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub fdatasyncs: AtomicU64,
    pub entries: AtomicU64,
    pub records: AtomicU64,
    pub duplicates: AtomicU64,
    /// Those of them that had an idempotency key.
    pub duplicates_by_key: AtomicU64,
    pub conflicts: AtomicU64,
    pub checkpoints: AtomicU64,
    /// Changes of roles, terms and leaders that this node heard of.
    pub role_changes: AtomicU64,
    /// Checkpoints with good signatures that this replica's log contradicts.
    pub contradictions: AtomicU64,
    /// Messages of other hosts that could not be read.
    pub bad_messages: AtomicU64,
    /// Checkpoints of other replicas that this one did not sign.
    pub cosignatures_declined: AtomicU64,
    /// Snapshots of other replicas that were taken over (RF15).
    pub snapshots_taken: AtomicU64,
    /// Bytes of their files that came.
    pub snapshot_bytes: AtomicU64,
    /// Files that were not what their list said, and were fetched again.
    pub snapshot_files_refused: AtomicU64,
    pub wal_bytes: AtomicU64,
    pub sync_nanos: AtomicU64,
    pub disk_full: AtomicBool,
}

impl Counters {
    pub fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

/// Wakes the background thread early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nudge {
    /// Something changed that it looks after.
    Look,
    /// The host closes.
    Stop,
}

/// Everything that more than one thread touches.
pub(crate) struct Shared {
    pub world: World,
    /// Directory of the store.
    pub dir: PathBuf,
    pub cosigner: NamedKey,
    pub checkpoint_ms_min: u64,
    pub shards: Shards,
    pub queue: Queue,
    /// What a replicated store waits for, in place of the queue.
    pub inbox: Option<Arc<Inbox>>,
    /// Largest lead of logical time over the wall clock, milliseconds (S4).
    pub lead_ms_max: u64,
    /// Of records and of callers.
    pub ids: Ids,
    /// Hashes what waits.
    pub ahead: Ahead,
    /// Memory of calls that were answered.
    pub spent: Spent,
    pub counters: Counters,
    /// Groups sealed and not yet synced.
    pub in_flight: AtomicUsize,
    /// Why nothing can be appended any more: poisoned or read-only.
    pub failure: Mutex<Option<HostError>>,
    /// Taken away at closing, so that the lock is given back.
    pub reader: RwLock<Option<Arc<dyn LogReader>>>,
    pub nudge: Sender<Nudge>,
    /// The background thread knows of states that nobody signed yet, and will look at them.
    pub unsigned: AtomicBool,
    /// Sealed records.
    pub segments: Arc<Segments>,
    pub sealing: Sealing,
    pub maintaining: Maintaining,
    /// Bytes on disk that maintenance leaves to the log.
    pub wal_room: u64,
    /// When segments close.
    pub limits: SealLimits,
    /// The log was told of releases since files were let go last.
    pub released: AtomicBool,
    /// Entries that hold the oldest log file, to be written again (W15).
    pub holding: Mutex<Vec<(u32, u64)>>,
}

/// What opening found, for the threads to share.
pub(crate) struct Found {
    pub shards: Vec<Shard>,
    pub segments: Segments,
    pub sealing: Sealing,
    pub reader: Arc<dyn LogReader>,
    /// Why nothing can be appended.
    pub damage: Option<HostError>,
    /// There when the store is replicated.
    pub inbox: Option<Arc<Inbox>>,
}

impl Shared {
    pub fn new(
        (world, options): (World, &HostOptions),
        found: Found,
        (ids, ahead, nudge): (Ids, Ahead, Sender<Nudge>),
    ) -> Self {
        Self {
            world,
            dir: options.dir.clone(),
            cosigner: NamedKey::cosigner(&options.cosigner.name, &options.cosigner.seed),
            checkpoint_ms_min: least_distance(options),
            shards: Shards::new(found.shards),
            queue: Queue::new(options.queue_bytes_max),
            inbox: found.inbox,
            lead_ms_max: options.lead_ms_max,
            ids,
            ahead,
            spent: Spent::default(),
            counters: Counters::default(),
            in_flight: AtomicUsize::new(0),
            failure: Mutex::new(found.damage),
            reader: RwLock::new(Some(found.reader)),
            nudge,
            unsigned: AtomicBool::new(false),
            segments: Arc::new(found.segments),
            sealing: found.sealing,
            maintaining: Maintaining::new(options.maintenance),
            wal_room: options.wal_file_bytes.saturating_mul(2),
            limits: options.seal,
            released: AtomicBool::new(true),
            holding: Mutex::default(),
        }
    }

    pub fn shard(&self, partition: usize) -> Result<&Shard, HostError> {
        self.shards.get(partition).ok_or(HostError::OutOfRange {
            what: "partition",
            asked: partition as u64,
            have: self.shards.len() as u64,
        })
    }

    pub fn reader(&self) -> Result<Arc<dyn LogReader>, HostError> {
        self.reader.read().clone().ok_or(HostError::Closed)
    }

    /// Remembers the first failure; nothing is appended afterwards (W9).
    pub fn fail(&self, error: &HostError) {
        self.failure.lock().get_or_insert_with(|| error.clone());
    }

    /// Error for appends, if they are refused for good.
    /// Lets no call in any more; those that wait are still answered.
    pub fn close_queue(&self) {
        self.queue.close();
        if let Some(inbox) = &self.inbox {
            inbox.close();
        }
    }

    /// Bytes of proposals that wait for the thread that applies.
    pub fn waiting_bytes(&self) -> usize {
        match &self.inbox {
            Some(inbox) => inbox.call_bytes(),
            None => self.queue.bytes(),
        }
    }

    /// Whether nobody waits for the thread that applies.
    pub fn nothing_waits(&self) -> bool {
        match &self.inbox {
            Some(inbox) => inbox.is_empty(),
            None => self.queue.is_empty(),
        }
    }

    pub fn failure(&self) -> Option<HostError> {
        self.failure.lock().clone()
    }
}
