//! Options and figures across the boundary; their meaning is documented in native/types.ts.
#![allow(missing_docs)]

use std::path::PathBuf;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use pyralog_host::{
    Cosigner, DedupWindow, HostOptions, PartitionOptions, Recovery, SealLimits, Stats,
};

use crate::error::{Result, bad_argument};

#[napi(object)]
pub struct NativePartition {
    pub origin: String,
    pub sha256: bool,
    pub dedup_window_ms: f64,
    pub dedup_records: f64,
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
    pub conflicts: f64,
    pub checkpoints: f64,
    pub wal_bytes: f64,
    pub queue_bytes: f64,
    pub sync_seconds_sum: f64,
    pub disk_full: bool,
    pub read_only: bool,
    pub poisoned: bool,
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

fn seed(bytes: &[u8], what: &str) -> Result<[u8; 32]> {
    bytes
        .try_into()
        .map_err(|_| bad_argument(format!("{what} has {} bytes; give 32", bytes.len())))
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
            conflicts: stats.conflicts as f64,
            checkpoints: stats.checkpoints as f64,
            wal_bytes: stats.wal_bytes as f64,
            queue_bytes: stats.queue_bytes as f64,
            sync_seconds_sum: stats.sync_seconds_sum,
            disk_full: stats.disk_full,
            read_only: stats.read_only,
            poisoned: stats.poisoned,
        }
    }
}
