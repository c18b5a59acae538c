//! Options and figures across the boundary; their meaning is documented in native/types.ts.
#![allow(missing_docs)]

use std::path::PathBuf;
use std::time::Duration;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use pyralog_host::{
    Cosigner, DedupWindow, Durability, HostOptions, Maintenance, MaintenanceOptions,
    PartitionOptions, Policy, Recovery, SealLimits, Stats,
};

use crate::cluster::NativeCluster;
use crate::error::{Result, bad_argument};

#[napi(object)]
pub struct NativePartition {
    pub origin: String,
    pub sha256: bool,
    pub dedup_window_ms: f64,
    pub dedup_records: f64,
    pub policy: Option<NativePolicy>,
    pub durability: String,
}

/// What is left out is off.
#[napi(object)]
pub struct NativePolicy {
    pub merge_bytes: Option<f64>,
    pub latest_by_key: Option<bool>,
    pub tombstone_ms: Option<f64>,
    pub retain_bytes: Option<f64>,
    pub retain_ms: Option<f64>,
    pub retain_from: Option<f64>,
    pub cold_after_ms: Option<f64>,
}

#[napi(object)]
pub struct NativeMaintenanceOptions {
    pub tick_ms: f64,
    pub bytes_per_second: f64,
}

#[napi(object)]
pub struct NativeOptions {
    pub dir: String,
    pub lose_unsynced: bool,
    pub wal_file_bytes: f64,
    pub partitions: Vec<NativePartition>,
    pub coordinator: u32,
    pub cosigner_name: String,
    pub cosigner_seed: Uint8Array,
    pub log_seed: Option<Uint8Array>,
    pub checkpoint_ms_min: f64,
    pub lead_ms_max: f64,
    pub queue_bytes_max: f64,
    pub maintenance: Option<NativeMaintenanceOptions>,
    pub sync_interval_ms: f64,
    pub change_durability: bool,
    pub cluster: Option<NativeCluster>,
}

#[napi(object)]
pub struct NativeRecovery {
    pub clean: bool,
    pub read_only: bool,
    pub cut_bytes: f64,
    pub entries: f64,
    pub records: f64,
    pub hashes: f64,
    pub damage: Option<String>,
    pub millis: f64,
}

#[napi(object)]
pub struct NativeStats {
    pub fdatasyncs: f64,
    pub group_commits: f64,
    pub entries: f64,
    pub records: f64,
    pub duplicates: f64,
    pub duplicates_by_key: f64,
    pub conflicts: f64,
    pub checkpoints: f64,
    pub wal_bytes: f64,
    pub queue_bytes: f64,
    pub sync_seconds_sum: f64,
    pub accepted_records: f64,
    pub disk_full: bool,
    pub clock: Option<String>,
    pub read_only: bool,
    pub poisoned: bool,
    pub failure: Option<String>,
}

#[napi(object)]
pub struct NativeMaintenance {
    pub partition: Option<u32>,
    pub kind: Option<String>,
    pub work_done_bytes: f64,
    pub work_total_bytes: f64,
    pub merges: f64,
    pub retentions: f64,
    pub ageings: f64,
    pub bytes_done: f64,
    pub files_deleted: f64,
    pub failures: f64,
    pub last_error: Option<String>,
    pub segments: f64,
    pub quarantined: f64,
    pub open_files: f64,
}

/// A whole number that JavaScript holds exactly: 0 to 2^53 - 1.
#[allow(clippy::cast_sign_loss)]
pub fn whole(number: f64, what: &str) -> Result<u64> {
    if number.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(&number) {
        return Ok(number as u64);
    }
    Err(bad_argument(format!(
        "{what} is {number}; give a whole number from 0 to 2^53 - 1"
    )))
}

pub fn seed(bytes: &[u8], what: &str) -> Result<[u8; 32]> {
    bytes
        .try_into()
        .map_err(|_| bad_argument(format!("{what} has {} bytes; give 32", bytes.len())))
}

impl NativePolicy {
    fn to_host(&self) -> Result<Policy> {
        let number = |given: Option<f64>, what| given.map(|number| whole(number, what)).transpose();
        let default = Policy::default();
        Ok(Policy {
            merge_bytes: number(self.merge_bytes, "mergeBytes")?.unwrap_or(default.merge_bytes),
            latest_by_key: self.latest_by_key.unwrap_or(default.latest_by_key),
            tombstone_ms: number(self.tombstone_ms, "tombstoneMs")?.unwrap_or(default.tombstone_ms),
            retain_bytes: number(self.retain_bytes, "retainBytes")?,
            retain_ms: number(self.retain_ms, "retainMs")?,
            retain_from: number(self.retain_from, "retainFrom")?,
            cold_after_ms: number(self.cold_after_ms, "coldAfterMs")?,
        })
    }
}

impl NativeOptions {
    pub fn to_host(&self) -> Result<HostOptions> {
        let partitions = self.partitions.iter().map(|partition| {
            Ok(PartitionOptions {
                origin: partition.origin.clone(),
                sha256: partition.sha256,
                window: DedupWindow {
                    millis: whole(partition.dedup_window_ms, "dedupWindowMs")?,
                    records: whole(partition.dedup_records, "dedupRecords")?,
                },
                policy: match &partition.policy {
                    Some(policy) => policy.to_host()?,
                    None => Policy::default(),
                },
                durability: Durability::from_name(&partition.durability).ok_or_else(|| {
                    bad_argument(format!(
                        "durability is {}; give sync, interval or memory",
                        partition.durability
                    ))
                })?,
            })
        });
        let log_seed = self.log_seed.as_ref().map(|bytes| seed(bytes, "logSeed"));
        Ok(HostOptions {
            dir: PathBuf::from(&self.dir),
            wal_file_bytes: whole(self.wal_file_bytes, "walFileBytes")?,
            partitions: partitions.collect::<Result<_>>()?,
            coordinator: u16::try_from(self.coordinator)
                .map_err(|_| bad_argument("coordinator is above 1023"))?,
            cosigner: Cosigner {
                name: self.cosigner_name.clone(),
                seed: seed(&self.cosigner_seed, "cosigner.seed")?,
            },
            log_seed: log_seed.transpose()?,
            checkpoint_ms_min: whole(self.checkpoint_ms_min, "checkpointMsMin")?,
            lead_ms_max: whole(self.lead_ms_max, "leadMsMax")?,
            queue_bytes_max: whole(self.queue_bytes_max, "queueBytesMax")? as usize,
            seal: SealLimits::default(),
            maintenance: match &self.maintenance {
                Some(options) => MaintenanceOptions {
                    on: true,
                    tick: Duration::from_millis(whole(options.tick_ms, "tickMs")?.max(1)),
                    bytes_per_second: whole(options.bytes_per_second, "bytesPerSecond")?,
                },
                None => MaintenanceOptions::default(),
            },
            sync_interval_ms: whole(self.sync_interval_ms, "syncIntervalMs")?,
            change_durability: self.change_durability,
            offline: false,
            cluster: self
                .cluster
                .as_ref()
                .map(NativeCluster::to_host)
                .transpose()?,
        })
    }
}

impl From<&Recovery> for NativeRecovery {
    fn from(recovery: &Recovery) -> Self {
        Self {
            clean: recovery.clean,
            read_only: recovery.read_only,
            cut_bytes: recovery.cut_bytes as f64,
            entries: recovery.entries as f64,
            records: recovery.records as f64,
            hashes: recovery.hashes as f64,
            damage: recovery.damage.clone(),
            millis: recovery.millis,
        }
    }
}

impl From<Stats> for NativeStats {
    fn from(stats: Stats) -> Self {
        Self {
            fdatasyncs: stats.fdatasyncs as f64,
            group_commits: stats.group_commits as f64,
            entries: stats.entries as f64,
            records: stats.records as f64,
            duplicates: stats.duplicates as f64,
            duplicates_by_key: stats.duplicates_by_key as f64,
            conflicts: stats.conflicts as f64,
            checkpoints: stats.checkpoints as f64,
            wal_bytes: stats.wal_bytes as f64,
            queue_bytes: stats.queue_bytes as f64,
            sync_seconds_sum: stats.sync_seconds_sum,
            accepted_records: stats.accepted_records as f64,
            disk_full: stats.disk_full,
            clock: stats.clock,
            read_only: stats.read_only,
            poisoned: stats.poisoned,
            failure: stats.failure,
        }
    }
}

impl From<Maintenance> for NativeMaintenance {
    fn from(figures: Maintenance) -> Self {
        let work = figures.under_way;
        Self {
            partition: work.map(|work| work.partition),
            kind: work.map(|work| work.kind.to_owned()),
            work_done_bytes: work.map_or(0.0, |work| work.done_bytes as f64),
            work_total_bytes: work.map_or(0.0, |work| work.total_bytes as f64),
            merges: figures.merges as f64,
            retentions: figures.retentions as f64,
            ageings: figures.ageings as f64,
            bytes_done: figures.bytes_done as f64,
            files_deleted: figures.files_deleted as f64,
            failures: figures.failures as f64,
            last_error: figures.last_error,
            segments: figures.segments as f64,
            quarantined: figures.quarantined as f64,
            open_files: figures.open_files as f64,
        }
    }
}
