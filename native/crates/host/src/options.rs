//! What a host is made of: settings from the operator, and the outside world as it is handed in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pyralog_log::{Durability, FileLayer};

use crate::cluster::ClusterOptions;
use pyralog_manifest::Policy;
use pyralog_partition::{DedupWindow, SealLimits};

/// A partition's settings. Its number is its position in [`HostOptions::partitions`].
#[derive(Debug, Clone)]
pub struct PartitionOptions {
    /// Origin of its checkpoints (I4).
    pub origin: String,
    /// Whether it keeps a SHA-256 tree (M3).
    pub sha256: bool,
    /// How long submissions are remembered (N3).
    pub window: DedupWindow,
    /// What happens to its sealed records as they age (Y10); by default they stay as they are for ever.
    pub policy: Policy,
    /// What its answers stand for (W16).
    pub durability: Durability,
}

/// How maintenance goes about its work (Y16).
#[derive(Debug, Clone, Copy)]
pub struct MaintenanceOptions {
    /// Whether there is any; else nothing that is sealed changes, the policies of the manifest neither.
    pub on: bool,
    /// How often to look for work, besides after each seal.
    pub tick: Duration,
    /// Bytes a second that it may read and write, 0 for no limit.
    pub bytes_per_second: u64,
}

impl Default for MaintenanceOptions {
    fn default() -> Self {
        Self {
            on: true,
            tick: Duration::from_secs(10),
            // A tenth of what a plain disk does, so that commits keep theirs.
            bytes_per_second: 32 << 20,
        }
    }
}

/// Name and seed of this replica's cosigning key (C3).
#[derive(Clone)]
pub struct Cosigner {
    /// Key name (I4).
    pub name: String,
    /// Ed25519 seed.
    pub seed: [u8; 32],
}

/// Settings of a host.
#[derive(Clone)]
pub struct HostOptions {
    /// Directory of the store; created when missing.
    pub dir: PathBuf,
    /// Size of a log file (W1).
    pub wal_file_bytes: u64,
    /// The partitions, by number.
    pub partitions: Vec<PartitionOptions>,
    /// Coordinator number of the sequencer (S7).
    pub coordinator: u16,
    /// Who signs checkpoints.
    pub cosigner: Cosigner,
    /// Seed of the log key, needed when a partition keeps a SHA-256 tree (C8).
    pub log_seed: Option<[u8; 32]>,
    /// Least distance between checkpoints nobody waits for, milliseconds (N5).
    pub checkpoint_ms_min: u64,
    /// Largest lead of logical time over the wall clock, milliseconds (S4).
    pub lead_ms_max: u64,
    /// Bound of proposals waiting, bytes.
    pub queue_bytes_max: usize,
    /// When segments close (Z2).
    pub seal: SealLimits,
    /// Compaction, retention and ageing.
    pub maintenance: MaintenanceOptions,
    /// Longest time until records of an `interval` log are synced, milliseconds (W16).
    pub sync_interval_ms: u64,
    /// Take a durability that is not the one in the log: from then on it is.
    pub change_durability: bool,
    /// Its partitions are replicated, with these others.
    pub cluster: Option<ClusterOptions>,
    /// Only looked at: nothing is proposed or signed, and a member of a cluster may be opened without its cluster.
    pub offline: bool,
}

impl HostOptions {
    /// Options to look at a store that no node runs: nothing it signs leaves, and nobody proposes.
    #[must_use]
    pub fn offline(dir: &Path, partitions: Vec<PartitionOptions>) -> Self {
        Self {
            dir: dir.to_path_buf(),
            wal_file_bytes: 64 << 20,
            partitions,
            coordinator: 0,
            cosigner: Cosigner {
                name: "offline".to_owned(),
                seed: [0; 32],
            },
            log_seed: Some([0; 32]),
            checkpoint_ms_min: 3_600_000,
            lead_ms_max: 7_200_000,
            queue_bytes_max: 0,
            seal: SealLimits::default(),
            maintenance: MaintenanceOptions {
                on: false,
                ..MaintenanceOptions::default()
            },
            sync_interval_ms: 100,
            change_durability: false,
            cluster: None,
            offline: true,
        }
    }
}

/// A wrong turn that a test switches on, to prove that the crash tests notice it.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Calls are answered before their group is synced.
    ReplyBeforeSync,
    /// What was written and not synced yet is said to be durable (W16).
    DurableBeforeSync,
    /// Checkpoints are signed before their state is synced (C6).
    SignBeforeSync,
    /// The log lets entries go whose segment no manifest names (Z3).
    ReleaseBeforeManifest,
    /// A window of ids is used before it is durable (S2).
    WindowsBeforeSync,
    /// Ids that a caller reserved stay in the sequence (S8).
    ReserveWithoutTaking,
    /// The leaf hash of record 50 is sealed with a bit turned over, and good checksums around it (M7).
    SealWrongLeaf,
    /// A leader tells another root of its snapshot than its files have (RF15).
    TellWrongRoots,
    /// An opening does not look where a snapshot ends that was taken over (RF15).
    ForgetPoint,
    /// The store fails when the manifest names the files of a snapshot and the log does not know of it (RF15).
    DieBehindEdit,
}

/// The outside world.
#[derive(Clone)]
pub struct World {
    /// Files.
    pub files: Arc<dyn FileLayer>,
    /// Wall clock, Unix milliseconds.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    #[cfg(test)]
    pub(crate) mutant: Option<Mutant>,
}

impl World {
    /// A world of these files and this clock.
    pub fn new(files: Arc<dyn FileLayer>, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            files,
            clock: Arc::new(clock),
            #[cfg(test)]
            mutant: None,
        }
    }

    /// The operating system's clock with these files.
    #[must_use]
    pub fn real(files: Arc<dyn FileLayer>) -> Self {
        Self::new(files, || {
            std::time::UNIX_EPOCH
                .elapsed()
                .map_or(0, |since| since.as_millis() as u64)
        })
    }
}

/// How the last opening went.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// No torn tail, no damage, and sidecars were trusted.
    pub clean: bool,
    /// Appends are refused because the log is damaged (W8).
    pub read_only: bool,
    /// Bytes of a torn tail that were cut (W7).
    pub cut_bytes: u64,
    /// Entries replayed.
    pub entries: u64,
    /// Records of all partitions.
    pub records: u64,
    /// Merkle hashes computed (M6).
    pub hashes: u64,
    /// What is damaged and where.
    pub damage: Option<String>,
    /// How long it took, milliseconds.
    pub millis: f64,
}
