//! Partitions as they come: out of a replay at an opening, or new while a replicated store runs.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crossbeam_channel::Sender;
use parking_lot::{Mutex, RwLock};
use pyralog_log::{GroupState, LogReader, LogStore, PartitionConfig};
use pyralog_partition::DedupWindow;

use crate::behind::NodeJob;
use crate::error::HostError;
use crate::note::NamedKey;
use crate::options::PartitionOptions;
use crate::replay::{Replay, Replayed};
use crate::seal::Sealing;
use crate::segments::Segments;
use crate::shared::{Shard, Shared, Signing};
use crate::stop::Stopped;

/// What it takes to make a partition, beside its own options.
pub(crate) struct Maker {
    pub jobs: Sender<NodeJob>,
    /// Seed of the key that signs SHA-256 trees.
    pub log_seed: Option<[u8; 32]>,
    /// The store's partitions are Raft groups.
    pub replicated: bool,
}

impl Maker {
    /// A partition as it was replayed; what has to be sealed is handed over.
    fn shard(
        &self,
        (number, mut replayed): (usize, Replayed),
        options: &PartitionOptions,
        (segments, sealing): (&Segments, &Sealing),
    ) -> Shard {
        Shard {
            sealed: AtomicU64::new({
                sealing.push_replayed(number, std::mem::take(&mut replayed.seal_points));
                segments.end(number as u32)
            }),
            number: number as u32,
            origin: options.origin.clone(),
            durability: options.durability,
            log_key: self
                .log_seed
                .filter(|_| options.sha256)
                .map(|seed| NamedKey::log(&options.origin, &seed)),
            policy: options.policy.clone(),
            replicated: replayed.replicated || self.replicated,
            applied_index: AtomicU64::new(replayed.applied_index),
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
        }
    }

    /// Adds a partition to a replicated store that runs: empty, its configuration staged.
    ///
    /// # Errors
    /// What its files or the log refuse; nothing was added then.
    pub fn add(
        &self,
        shared: &Shared,
        store: &mut dyn LogStore,
        options: &PartitionOptions,
    ) -> Result<u32, HostError> {
        let number = shared.shards.len();
        let reader = shared.reader()?;
        let replay = Replay {
            world: &shared.world,
            dir: &shared.dir,
            reader: reader.as_ref(),
            number: number as u32,
            options,
            limits: shared.limits,
            segments: &shared.segments,
            stopped: &Stopped::new(None, shared.limits),
            committed: Some(0),
            jobs: &self.jobs,
            late: Arc::default(),
        };
        let (replayed, wrong) = replay.run(&GroupState::default(), &mut false)?;
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        store.configure(number as u32, &config_of(options))?;
        let parts = (shared.segments.as_ref(), &shared.sealing);
        shared
            .shards
            .push(self.shard((number, replayed), options, parts))?;
        Ok(number as u32)
    }
}

/// The partitions of a store that opens.
pub(crate) fn shards_of(
    replayed: Vec<Replayed>,
    (maker, partitions): (&Maker, &[PartitionOptions]),
    parts: (&Segments, &Sealing),
) -> Vec<Shard> {
    let numbered = replayed.into_iter().enumerate();
    numbered
        .zip(partitions)
        .map(|(replayed, options)| maker.shard(replayed, options, parts))
        .collect()
}

/// What the log records of a new partition.
pub(crate) fn config_of(options: &PartitionOptions) -> PartitionConfig {
    PartitionConfig {
        dedup_window_ms: options.window.millis,
        dedup_records: options.window.records,
        sha256: options.sha256,
        durability: options.durability,
        origin: options.origin.clone(),
    }
}

/// The partitions that were configured, and behind them those that came while the store ran: the log knows them. Sealed
/// records age as those of the last configured one do.
pub(crate) fn with_those_that_came(
    configured: &[PartitionOptions],
    reader: &dyn LogReader,
) -> Vec<PartitionOptions> {
    let mut all = configured.to_vec();
    let policy = configured.last().map(|last| last.policy.clone());
    while let Some(state) = reader.state(all.len() as u32)
        && let Some(config) = state.config
    {
        all.push(PartitionOptions {
            origin: config.origin,
            sha256: config.sha256,
            window: DedupWindow {
                millis: config.dedup_window_ms,
                records: config.dedup_records,
            },
            policy: policy.clone().unwrap_or_default(),
            durability: config.durability,
        });
    }
    all
}
