//! Records that stand in sealed segments: which there are, and reading them (Z1, Z4, Z7).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use pyralog_log::FileLayer;
use pyralog_manifest::{Edit, Manifest, ManifestOptions, NewSegment, SegmentEntry, file_name};
use pyralog_partition::{Snapshot, Trees};
use pyralog_segment::{Segment, SegmentBuilder, SegmentError};

use crate::error::HostError;

/// Directory of snapshots, in the store's directory (Z5).
const SNAPSHOTS_DIR: &str = "snapshots";
/// Leaves hashed together.
const LEAVES: usize = 4_096;

/// The store's segments.
pub(crate) struct Segments {
    files: Arc<dyn FileLayer>,
    manifest: Arc<Manifest>,
    snapshots: PathBuf,
    /// Opened ones, by number.
    open: Mutex<HashMap<u64, Segment>>,
}

impl Segments {
    /// Opens the manifest of the store in `dir`.
    pub fn open(
        files: &Arc<dyn FileLayer>,
        dir: &Path,
        store_id: [u8; 16],
    ) -> Result<Self, HostError> {
        let snapshots = dir.join(SNAPSHOTS_DIR);
        files
            .create_dir(&snapshots)
            .map_err(|error| HostError::Io(format!("{}: {error}", snapshots.display())))?;
        let opened = Manifest::open(files, dir, &ManifestOptions::new(store_id))?;
        Ok(Self {
            files: Arc::clone(files),
            manifest: opened.manifest,
            snapshots,
            open: Mutex::default(),
        })
    }

    /// First offset of a partition that is in no segment.
    pub fn end(&self, partition: u32) -> u64 {
        let version = self.manifest.current();
        version
            .partition(partition)
            .and_then(|partition| partition.segments().last().map(|last| last.meta.end_offset))
            .unwrap_or(0)
    }

    /// A partition's segments, by offset. Their files stay as long as the list lives.
    pub fn of(&self, partition: u32) -> Vec<Arc<SegmentEntry>> {
        let version = self.manifest.current();
        let partition = version.partition(partition);
        partition.map_or_else(Vec::new, |partition| partition.segments().to_vec())
    }

    /// The segment that answers for an offset.
    pub fn at(&self, partition: u32, offset: u64) -> Result<Option<Segment>, HostError> {
        let version = self.manifest.current();
        let entry = version.segment_at(partition, offset);
        entry.map(|entry| self.segment(entry)).transpose()
    }

    /// Opens a segment, the first time anybody asks for it; a sidecar that cannot be used is made again (H9).
    pub fn segment(&self, entry: &SegmentEntry) -> Result<Segment, HostError> {
        if let Some(segment) = self.open.lock().get(&entry.number) {
            return Ok(segment.clone());
        }
        let (files, dir, name) = (
            self.files.as_ref(),
            self.manifest.segments_dir(),
            entry.name(),
        );
        let segment = match Segment::open(files, dir, &name, &entry.meta) {
            Err(SegmentError::Side { .. }) => {
                Segment::rebuild_side(files, dir, &name, entry.meta.kind)?;
                Segment::open(files, dir, &name, &entry.meta)?
            }
            other => other?,
        };
        let mut open = self.open.lock();
        open.insert(entry.number, segment.clone());
        Ok(segment)
    }

    /// Gives the trees the leaves of sealed records that they lack, and returns where the sealed ones end.
    pub fn push_leaves(&self, partition: u32, trees: &mut Trees) -> Result<u64, HostError> {
        let mut end = 0;
        for entry in self.of(partition) {
            end = entry.meta.end_offset;
            let from = trees.wanted_from().max(entry.meta.base_offset);
            if from >= end {
                continue;
            }
            let segment = self.segment(&entry)?;
            let mut leaves = Vec::with_capacity(LEAVES);
            let mut at = from;
            for row in segment.rows_from(from)? {
                leaves.push(row?.leaf().to_bytes());
                if leaves.len() == LEAVES {
                    trees.push(at, &leaves)?;
                    at += leaves.len() as u64;
                    leaves.clear();
                }
            }
            trees.push(at, &leaves)?;
        }
        Ok(end)
    }

    /// Makes a sealed segment a part of the store: its rows, then what must be remembered of the time, then the edit that
    /// names it, each durable before the next (Z3).
    pub fn add(
        &self,
        partition: u32,
        rows: SegmentBuilder,
        snapshot: &Snapshot,
    ) -> Result<(), HostError> {
        let number = self.manifest.reserve();
        let added = self.write(partition, number, rows, snapshot);
        if added.is_err() {
            self.manifest.abandon(partition, number);
        }
        added
    }

    fn write(
        &self,
        partition: u32,
        number: u64,
        rows: SegmentBuilder,
        snapshot: &Snapshot,
    ) -> Result<(), HostError> {
        let name = file_name(partition, number);
        let meta = rows.finish(self.files.as_ref(), self.manifest.segments_dir(), &name)?;
        let path = self.snapshot_path(partition, snapshot.size);
        self.files
            .replace_file(&path, &snapshot.encode())
            .map_err(|error| self.io(&path, &error))?;
        self.manifest.commit(&[Edit::Add {
            partition,
            segment: NewSegment { number, meta },
        }])?;
        Ok(())
    }

    /// The snapshots that a partition goes on from, newest last (Z5); none when nothing is sealed.
    pub fn snapshots(&self, partition: u32) -> Result<Vec<Snapshot>, HostError> {
        let mut snapshots: Vec<Snapshot> = Vec::new();
        let mut end = self.end(partition);
        let mut first = 0;
        while end > first {
            let path = self.snapshot_path(partition, end);
            let bytes = self.files.read_file(&path);
            let bytes = bytes.map_err(|error| self.io(&path, &error))?;
            let lost = |what: String| {
                HostError::Corrupt(format!(
                    "{}: {what}; without it nobody knows which submissions are repeated",
                    path.display()
                ))
            };
            let bytes = bytes.ok_or_else(|| lost("the file is missing".to_owned()))?;
            let snapshot = Snapshot::decode(&bytes).map_err(|error| lost(error.to_string()))?;
            if snapshot.size != end || snapshot.sealed_from >= end {
                return Err(lost("it is another snapshot than its name says".to_owned()));
            }
            if snapshots.is_empty() {
                first = snapshot.first_remembered;
            }
            end = snapshot.sealed_from;
            snapshots.insert(0, snapshot);
        }
        Ok(snapshots)
    }

    /// Removes the snapshots that the window does not reach any more. A failure leaves a file too many, nothing else.
    pub fn forget_snapshots(&self, partition: u32, newest: &Snapshot) {
        let Ok(names) = self.files.list(&self.snapshots) else {
            return;
        };
        let mut old: Vec<u64> = names.iter().filter_map(|n| end_of(n, partition)).collect();
        old.sort_unstable();
        // One that ends at or before the first remembered has nothing in it that is.
        for end in old
            .into_iter()
            .filter(|end| *end <= newest.first_remembered && *end < newest.size)
        {
            let _ = self.files.remove(&self.snapshot_path(partition, end));
        }
    }

    /// Lets go of what only older versions of the manifest named.
    pub fn sweep(&self) {
        let _ = self.manifest.sweep(16); // what is left waits for the next time
    }

    fn snapshot_path(&self, partition: u32, end: u64) -> PathBuf {
        self.snapshots
            .join(format!("{partition:08x}-{end:016x}.seen"))
    }

    fn io(&self, path: &Path, error: &std::io::Error) -> HostError {
        if error.kind() == std::io::ErrorKind::StorageFull {
            let free = self.files.free_bytes(&self.snapshots).unwrap_or(0);
            return HostError::Log(pyralog_log::LogError::DiskFull { needed: 0, free });
        }
        HostError::Io(format!("{}: {error}", path.display()))
    }

    /// Ends the manifest cleanly.
    pub fn close(&self) -> Result<(), HostError> {
        Ok(self.manifest.close()?)
    }
}

/// The size that a snapshot's name says, when it is of this partition.
fn end_of(name: &str, partition: u32) -> Option<u64> {
    let digits = name
        .strip_prefix(&format!("{partition:08x}-"))?
        .strip_suffix(".seen")?;
    u64::from_str_radix(digits, 16).ok()
}
