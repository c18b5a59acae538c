//! Opening: the log is recovered, and every partition is brought to where the log ends.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Sender;
use pyralog_log::{
    GroupState, LogError, NewEntry, OpenLog, PartitionConfig, WalLogStore, WalOptions,
};
use pyralog_partition::{Stamper, WINDOW_RECORDS_MAX};

use crate::behind::NodeJob;
use crate::cluster::kept;
use crate::cluster::snapshot::point::begin_behind;
use crate::error::HostError;
use crate::grow::{config_of, with_those_that_came};
use crate::options::{HostOptions, PartitionOptions, Recovery, World};
use crate::replay::{Replay, Replayed};
use crate::segments::Segments;
use crate::shared::EPOCH;
use crate::stop::Stopped;

/// What opening found.
pub(crate) struct Opened {
    pub log: OpenLog,
    pub replayed: Vec<Replayed>,
    pub recovery: Recovery,
    /// Why nothing can be appended.
    pub damage: Option<HostError>,
    pub segments: Segments,
    /// Entries of the log that nobody has checked.
    pub log_unread: bool,
    /// Settings of all partitions: those configured, and those that came while the store ran.
    pub partitions: Vec<PartitionOptions>,
}

/// Opens the store and brings every partition to where its log ends.
pub(crate) fn open(
    world: &World,
    options: &HostOptions,
    jobs: &Sender<NodeJob>,
) -> Result<Opened, HostError> {
    let began = Instant::now();
    check(options)?;
    let wal = WalOptions {
        file_bytes: options.wal_file_bytes,
    };
    let mut log = WalLogStore::open(Arc::clone(&world.files), &options.dir, &wal)?;
    let segments = Segments::open(&world.files, &options.dir, log.store_id)?;
    let mut damage = log
        .recovery
        .damage
        .clone()
        .map(LogError::ReadOnly)
        .map(HostError::from);
    let mut recovery = Recovery {
        cut_bytes: log.recovery.cut_bytes,
        ..Recovery::default()
    };
    let partitions = if options.cluster.is_some() || options.offline {
        with_those_that_came(&options.partitions, log.reader.as_ref())
    } else {
        options.partitions.clone()
    };
    if damage.is_none() {
        let store = (world, options.dir.as_path());
        begin_behind(&mut log, store, &segments, partitions.len() as u32)?;
        if options.cluster.is_some() {
            kept::begin_behind(&mut log, world.files.as_ref(), &options.dir)?;
        }
    }
    let stopped = Stopped::new(log.stopped.take(), options.seal);
    let mut rebuilt = false;
    let mut replayed = Vec::new();
    for (number, partition) in partitions.iter().enumerate() {
        let state = log.reader.state(number as u32).unwrap_or_default();
        let replicated = is_replicated(&state);
        if replicated && options.cluster.is_none() && !options.offline {
            return Err(HostError::Format(format!(
                "{} is replicated: alone, this node would write what its cluster never agreed on; start it with the members file it had (cluster.members)",
                partition.origin
            )));
        }
        let replay = Replay {
            world,
            dir: &options.dir,
            reader: log.reader.as_ref(),
            number: number as u32,
            options: partition,
            limits: options.seal,
            segments: &segments,
            stopped: &stopped,
            committed: replicated.then_some(state.hard_state.commit),
            jobs,
            late: Arc::default(),
        };
        replay.check_config(&state, options.change_durability)?;
        let (result, wrong) = replay.run(&state, &mut rebuilt)?;
        damage = damage.or(wrong.map(|error| HostError::ReadOnly(error.to_string())));
        recovery.entries += result.entries;
        recovery.records += result.partition.size();
        recovery.hashes += result.partition.trees().hashes();
        replayed.push(result);
    }
    if damage.is_none() {
        record(&mut log, (&mut replayed, &partitions), (world, options))?;
    }
    recovery.read_only = damage.is_some();
    recovery.clean = log.recovery.clean() && damage.is_none() && !rebuilt;
    recovery.damage = damage.as_ref().map(ToString::to_string);
    recovery.millis = began.elapsed().as_secs_f64() * 1_000.0;
    Ok(Opened {
        log_unread: log.recovery.stopped,
        log,
        replayed,
        recovery,
        damage,
        segments,
        partitions,
    })
}

fn check(options: &HostOptions) -> Result<(), HostError> {
    for partition in &options.partitions {
        if partition.window.records > WINDOW_RECORDS_MAX {
            return Err(HostError::Format(format!(
                "a window of {} records is too long; at most {WINDOW_RECORDS_MAX} are remembered",
                partition.window.records
            )));
        }
        if partition.sha256 && options.log_seed.is_none() {
            return Err(HostError::Format(format!(
                "{} keeps a SHA-256 tree and there is no log key to sign it; give logSeed",
                partition.origin
            )));
        }
    }
    Ok(())
}

/// Whether a partition's group has members (RF3).
fn is_replicated(state: &GroupState) -> bool {
    state
        .members
        .as_ref()
        .is_some_and(|members| !members.is_empty())
}

/// Writes what the log does not say yet: configurations, a changed window (B7), the state to sign.
fn record(
    log: &mut OpenLog,
    (replayed, partitions): (&mut [Replayed], &[PartitionOptions]),
    (world, options): (&World, &HostOptions),
) -> Result<(), HostError> {
    for (number, (replayed, wanted)) in replayed.iter_mut().zip(partitions).enumerate() {
        let group = number as u32;
        let state = log.reader.state(group).unwrap_or_default();
        let recorded = state.config.as_ref();
        if recorded.is_none_or(|config| config.durability != wanted.durability) {
            // The window that held at the log's beginning stays: changes of it are entries (B7).
            let config = PartitionConfig {
                dedup_window_ms: recorded.map_or(wanted.window.millis, |c| c.dedup_window_ms),
                dedup_records: recorded.map_or(wanted.window.records, |c| c.dedup_records),
                ..config_of(wanted)
            };
            log.store.configure(group, &config)?;
        }
        if options.cluster.is_some() || is_replicated(&state) {
            continue; // its window is changed, and its states are signed, by whoever leads
        }
        let partition = &mut replayed.partition;
        if partition.window() != wanted.window {
            let mut stamper = Stamper::behind(partition.last_timestamp());
            let bytes = stamper.stamp_window((world.clock)(), wanted.window);
            let entry = NewEntry {
                term: u64::from(EPOCH),
                parts: &[&bytes],
            };
            let index = log.store.append(group, &[entry])?;
            partition.apply_entry(&bytes, index, EPOCH)?;
        }
        if state.signed != Some(replayed.state) {
            log.store.sign_state(group, &replayed.state)?;
        }
    }
    if let Some(frame) = log.store.seal() {
        log.committer.commit(frame)?;
        log.committer.mark_idle()?;
    }
    Ok(())
}
