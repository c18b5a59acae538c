//! What a store is made of, in bytes and records (Z47).

use std::path::Path;
use std::sync::Arc;

use pyralog_log::FileLayer;
use pyralog_manifest::{ManifestOptions, PartitionVersion, Version, inspect};
use pyralog_segment::Kind;
use serde_json::{Value, json};

use crate::check::bytes_in;
use crate::error::RepairError;
use crate::report::{Control, ranges_json};
use crate::store::{Logs, NODES_DIR, SNAPSHOTS_DIR, Store, open_host};

/// One partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionStats {
    /// Its number.
    pub partition: u32,
    /// Origin of its checkpoints.
    pub origin: String,
    /// Records it ever had.
    pub records: u64,
    /// Records below this are in segments.
    pub sealed: u64,
    /// First offset whose record is kept.
    pub first_offset: u64,
    /// Ends of its segments.
    pub seal_points: Vec<u64>,
    /// Rows, bytes of keys, values and headers, and bytes on disk of hot and of cold segments.
    pub hot: Held,
    /// The same of cold ones.
    pub cold: Held,
    /// Bytes of sidecars.
    pub side_bytes: u64,
    /// Bytes of files of leaf hashes.
    pub leaves_bytes: u64,
    /// Bytes of node files.
    pub node_bytes: u64,
    /// Bytes of snapshots.
    pub snapshot_bytes: u64,
    /// Offsets that are refused.
    pub quarantined: Vec<std::ops::Range<u64>>,
    /// How long submissions are remembered, milliseconds of log time (N3).
    pub dedup_window_ms: u64,
    /// How many are remembered at most.
    pub dedup_records: u64,
}

/// Rows of one kind of segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Segments.
    pub segments: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of keys, values and headers.
    pub payload_bytes: u64,
    /// Bytes of the data files.
    pub bytes: u64,
}

impl Held {
    fn to_json(self) -> Value {
        json!({
            "segments": self.segments,
            "rows": self.rows,
            "payloadBytes": self.payload_bytes,
            "bytes": self.bytes,
        })
    }
}

impl PartitionStats {
    /// Bytes on disk beside the payload, for each sealed row; `None` when nothing is sealed.
    #[must_use]
    pub fn overhead(&self) -> Option<f64> {
        let rows = self.hot.rows + self.cold.rows;
        let bytes = self.hot.bytes + self.cold.bytes + self.side_bytes + self.leaves_bytes;
        let nodes = self.node_bytes * self.sealed / self.records.max(1);
        let payload = self.hot.payload_bytes + self.cold.payload_bytes;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let each = |bytes: u64| bytes as f64 / rows as f64;
        (rows > 0).then(|| each(bytes + nodes) - each(payload))
    }

    fn to_json(&self) -> Value {
        json!({
            "partition": self.partition,
            "origin": self.origin,
            "records": self.records,
            "sealed": self.sealed,
            "firstOffset": self.first_offset,
            "sealPoints": self.seal_points,
            "hot": self.hot.to_json(),
            "cold": self.cold.to_json(),
            "sideBytes": self.side_bytes,
            "leavesBytes": self.leaves_bytes,
            "nodeBytes": self.node_bytes,
            "snapshotBytes": self.snapshot_bytes,
            "quarantined": ranges_json(&self.quarantined),
            "dedupWindowMs": self.dedup_window_ms,
            "dedupRecords": self.dedup_records,
            "overheadBytesPerRecord": self.overhead(),
        })
    }
}

/// A whole store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Its partitions.
    pub partitions: Vec<PartitionStats>,
    /// Log files, and bytes of them.
    pub wal_files: u64,
    /// Bytes of log files, those prepared or waiting to be used again among them.
    pub wal_bytes: u64,
    /// Number of the newest version of the manifest, and bytes of its file.
    pub version: u64,
    /// Bytes of the manifest.
    pub manifest_bytes: u64,
    /// Why a node would not append to it.
    pub refused: Option<String>,
}

impl StoreStats {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "partitions": self.partitions.iter().map(PartitionStats::to_json).collect::<Value>(),
            "walFiles": self.wal_files,
            "walBytes": self.wal_bytes,
            "version": self.version,
            "manifestBytes": self.manifest_bytes,
            "refused": self.refused,
        })
    }
}

/// What a store is made of.
///
/// # Errors
/// As [`crate::check`]; those of the log, the manifest and the host when the store cannot be opened.
pub fn stats(
    files: &Arc<dyn FileLayer>,
    dir: &Path,
    control: &Control,
) -> Result<StoreStats, RepairError> {
    let store = Store::open(files, dir)?;
    control.stage("opening the store")?;
    let logs = store.read_log()?;
    let options = ManifestOptions::new(logs.store_id);
    let version = inspect(&store.files, dir, &options).map(|(version, _)| version);
    let version = version.unwrap_or_default();
    let host = open_host(&store.overlay(), dir, &logs)?;
    let mut stats = StoreStats {
        wal_files: logs.recovery.files,
        wal_bytes: bytes_in(&store, "wal")?,
        version: version.number(),
        manifest_bytes: bytes_in(&store, "manifest")?,
        refused: host.recovery().damage.clone(),
        ..StoreStats::default()
    };
    for number in 0..logs.groups.len() {
        let records = host.durable_size(number)?;
        let partition = of(&store, &version, (number as u32, &logs))?;
        stats.partitions.push(PartitionStats {
            records,
            ..partition
        });
    }
    Ok(stats)
}

fn of(
    store: &Store,
    version: &Version,
    (number, logs): (u32, &Logs),
) -> Result<PartitionStats, RepairError> {
    let none = Arc::default();
    let state: &PartitionVersion = version.partition(number).unwrap_or(&none);
    let config = logs.groups.get(number as usize);
    let config = config.and_then(|group| group.config.as_ref());
    let mut figures = PartitionStats {
        partition: number,
        origin: config.map_or_else(String::new, |config| config.origin.clone()),
        sealed: state.end_offset(),
        first_offset: state.first_offset(),
        dedup_window_ms: config.map_or(0, |config| config.dedup_window_ms),
        dedup_records: config.map_or(0, |config| config.dedup_records),
        ..PartitionStats::default()
    };
    for entry in state.segments() {
        let held = match entry.meta.kind {
            Kind::Hot => &mut figures.hot,
            Kind::Cold => &mut figures.cold,
        };
        held.segments += 1;
        held.rows += u64::from(entry.meta.rows);
        held.payload_bytes += entry.meta.raw_bytes;
        held.bytes += entry.meta.arrow_bytes;
        figures.side_bytes += entry.meta.side_bytes;
        figures.seal_points.push(entry.meta.end_offset);
        figures
            .quarantined
            .extend(entry.quarantined.iter().cloned());
    }
    let named = |dir: &str, belongs: &dyn Fn(&str) -> bool| {
        let names = store.list(dir)?;
        let names = names.iter().filter(|name| belongs(name.as_str()));
        let paths = names.map(|name| store.dir.join(dir).join(name));
        Ok::<u64, RepairError>(paths.map(|path| store.bytes_of(&path)).sum())
    };
    let (hex, decimal) = (format!("{number:08x}-"), format!("{number}."));
    figures.leaves_bytes = named("segments", &|name| {
        name.starts_with(&hex) && name.ends_with(".leaves")
    })?;
    figures.node_bytes = named(NODES_DIR, &|name| name.starts_with(&decimal))?;
    figures.snapshot_bytes = named(SNAPSHOTS_DIR, &|name| name.starts_with(&hex))?;
    Ok(figures)
}
