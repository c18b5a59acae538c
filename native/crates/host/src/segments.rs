//! Records that stand in sealed segments: which there are, and reading them (Z1, Z4, Z7).

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use pyralog_compact::{CompactError, LeafHashes, LeavesFile, OpenFiles, WhichTree};
use pyralog_log::FileLayer;
use pyralog_manifest::{
    Edit, LeavesEntry, Manifest, ManifestOptions, NewSegment, SegmentEntry, file_name,
};
use pyralog_partition::{Seen, Snapshot};
use pyralog_segment::{Segment, SegmentBuilder, SegmentError};
use pyralog_types::Hash;

use crate::cache::Cache;
use crate::error::HostError;
use crate::listed::{Asking, Listed, Lists};
use crate::read::Algorithm;

/// Directory of snapshots, in the store's directory (Z5).
pub(crate) const SNAPSHOTS_DIR: &str = "snapshots";
/// Segments kept open: two mappings each of the 65,530 that a process may have, and some kilobytes of checksums.
const OPEN_MAX: usize = if cfg!(test) { 8 } else { 4_096 };

/// Files deleted at once behind a seal that failed.
const SWEEP_FAILED: usize = 16;

/// The store's segments.
pub(crate) struct Segments {
    pub(crate) files: Arc<dyn FileLayer>,
    pub(crate) manifest: Arc<Manifest>,
    snapshots: PathBuf,
    /// Opened ones, by number.
    open: Cache<Segment>,
    /// The same of leaves files.
    open_leaves: Cache<LeavesFile>,
    lists: Lists,
    /// Held while a sidecar is made again, so that nobody else begins it too.
    mending: Mutex<()>,
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
            open: Cache::new(OPEN_MAX),
            open_leaves: Cache::new(OPEN_MAX),
            lists: Lists::default(),
            mending: Mutex::default(),
        })
    }

    /// First offset of a partition that was never sealed.
    pub fn end(&self, partition: u32) -> u64 {
        let version = self.manifest.current();
        version.partition(partition).map_or(0, |p| p.end_offset())
    }

    /// First offset of a partition whose row retention left (Y7).
    pub fn first(&self, partition: u32) -> u64 {
        let version = self.manifest.current();
        version.partition(partition).map_or(0, |p| p.first_offset())
    }

    /// A partition's segments, by offset. Their files stay as long as the list lives. Between them are gaps where compaction
    /// left no row, and before them is what retention removed.
    #[cfg(test)]
    pub fn of(&self, partition: u32) -> Vec<Arc<SegmentEntry>> {
        let version = self.manifest.current();
        let partition = version.partition(partition);
        partition.map_or_else(Vec::new, |partition| partition.segments().to_vec())
    }

    /// The segment that answers for a sealed offset, or for the first one behind it that any answers for; `None` when none
    /// does up to where the sealed records end.
    ///
    /// # Errors
    /// `Removed` before what retention left.
    pub fn next(
        &self,
        partition: u32,
        offset: u64,
    ) -> Result<Option<Arc<SegmentEntry>>, HostError> {
        let version = self.manifest.current();
        let Some(state) = version.partition(partition) else {
            return Ok(None);
        };
        if offset < state.first_offset() {
            return Err(HostError::Removed {
                asked: offset,
                first: state.first_offset(),
            });
        }
        let segments = state.segments();
        let at = segments.partition_point(|segment| segment.meta.end_offset <= offset);
        Ok(segments.get(at).cloned())
    }

    /// Opens a segment, the first time anybody asks for it; a sidecar that cannot be used is made again (H9).
    pub fn segment(&self, entry: &SegmentEntry) -> Result<Segment, HostError> {
        Ok(self.opened(entry)?)
    }

    fn opened(&self, entry: &SegmentEntry) -> Result<Segment, SegmentError> {
        if let Some(segment) = self.open.get(entry.number) {
            return Ok(segment);
        }
        let (files, dir, name) = (
            self.files.as_ref(),
            self.manifest.segments_dir(),
            entry.name(),
        );
        match Segment::open(files, dir, &name, &entry.meta) {
            Err(SegmentError::Side { .. }) => self.mend_side(entry),
            other => {
                let segment = other?;
                self.open.insert(entry.number, segment.clone());
                Ok(segment)
            }
        }
    }

    /// A partition's segments, to look something up in.
    pub fn listed(&self, partition: u32) -> Arc<Listed> {
        self.lists.newest(&self.manifest, partition)
    }

    /// Makes later lookups by key in a partition cheaper than this one was.
    pub fn learn(&self, partition: u32, asked: &Asking<'_>) {
        self.lists.learn(partition, asked);
    }

    /// Memory of filters that stand side by side, bytes.
    pub fn panel_bytes(&self) -> usize {
        self.lists.panel_bytes()
    }

    /// Makes the sidecar of a segment again (H9) and opens both.
    pub fn mend_side(&self, entry: &SegmentEntry) -> Result<Segment, SegmentError> {
        let _mending = self.mending.lock();
        let (files, dir, name) = (
            self.files.as_ref(),
            self.manifest.segments_dir(),
            entry.name(),
        );
        Segment::mend_side(files, dir, &name, &entry.meta)?;
        let segment = Segment::open(files, dir, &name, &entry.meta)?;
        self.open.insert(entry.number, segment.clone());
        self.lists.forget();
        Ok(segment)
    }

    /// Leaf hashes of sealed records in the tree of `algorithm`, one for each offset of the range: from their segments, or
    /// from leaves files where rows are gone (Y9). SHA-256 ones of records that are there are computed from them.
    ///
    /// # Errors
    /// `Compact` for offsets that are in no segment and no leaves file; errors of the files, with the offsets.
    pub fn leaf_hashes(
        &self,
        partition: u32,
        algorithm: Algorithm,
        range: Range<u64>,
    ) -> Result<Vec<Hash>, HostError> {
        let version = self.manifest.current();
        let none = Arc::default();
        let state = version.partition(partition).unwrap_or(&none);
        let which = match algorithm {
            Algorithm::Blake3 => WhichTree::Blake3,
            Algorithm::Sha256 => WhichTree::Sha256,
        };
        let mut hashes = Vec::with_capacity((range.end.saturating_sub(range.start)) as usize);
        LeafHashes::new(self, (partition, state)).read(which, range, |some| {
            hashes.extend_from_slice(some);
            Ok(())
        })?;
        Ok(hashes)
    }

    /// First offset whose leaf hash is kept, and the roots of both trees that stand for those before (Y7); `None` when none
    /// are gone.
    pub fn kept_roots(&self, partition: u32) -> Option<(u64, Vec<Hash>, Vec<Hash>)> {
        let version = self.manifest.current();
        let state = version.partition(partition)?;
        let roots = (state.roots().to_vec(), state.sha256_roots().to_vec());
        (state.hashes_from() > 0).then(|| (state.hashes_from(), roots.0, roots.1))
    }

    /// Makes a sealed segment a part of the store: its rows, then what must be remembered of the time, then the edit that
    /// names it, each durable before the next (Z3).
    pub fn add(
        &self,
        partition: u32,
        rows: &mut SegmentBuilder,
        snapshot: &Snapshot,
    ) -> Result<(), HostError> {
        let number = self.manifest.reserve();
        let added = self.write(partition, number, rows, snapshot);
        if added.is_err() {
            // On a full disk it would be in the way of the log, and of the next try.
            self.manifest.abandon(partition, number);
            self.sweep(SWEEP_FAILED);
        }
        added
    }

    fn write(
        &self,
        partition: u32,
        number: u64,
        rows: &mut SegmentBuilder,
        snapshot: &Snapshot,
    ) -> Result<(), HostError> {
        let name = file_name(partition, number);
        let meta = rows.seal(self.files.as_ref(), self.manifest.segments_dir(), &name)?;
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

    /// Id of the record before an offset where a segment ends that knows it. No two records of a node have one id.
    fn last_id(&self, partition: u32, end: u64) -> Option<u64> {
        let version = self.manifest.current();
        let segments = version.partition(partition)?.segments();
        let at = segments.partition_point(|entry| entry.meta.end_offset < end);
        let meta = &segments.get(at)?.meta;
        // Of a compacted one the last row may be gone.
        (meta.end_offset == end && !meta.compacted).then_some(meta.last_id)
    }

    /// The snapshots that a partition goes on from, newest last (Z5); none when nothing is sealed.
    pub fn snapshots(&self, partition: u32) -> Result<Vec<Seen>, HostError> {
        self.snapshots_at(partition, self.end(partition))
    }

    /// Those of the seal point with so many records.
    pub fn snapshots_at(&self, partition: u32, end: u64) -> Result<Vec<Seen>, HostError> {
        let mut snapshots: Vec<Seen> = Vec::new();
        let mut end = end;
        let mut first = 0;
        while end > first {
            let path = self.snapshot_path(partition, end);
            let lost = |what: String| {
                HostError::Corrupt(format!(
                    "{}: {what}; without it nobody knows which submissions are repeated",
                    path.display()
                ))
            };
            let bytes = self.files.map(&path).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => lost("the file is missing".to_owned()),
                _ => self.io(&path, &error),
            })?;
            let snapshot = Seen::open(Box::new(bytes)).map_err(|error| lost(error.to_string()))?;
            if snapshot.size != end || snapshot.sealed_from >= end {
                return Err(lost("it is another snapshot than its name says".to_owned()));
            }
            if self
                .last_id(partition, end)
                .is_some_and(|id| id != snapshot.last_id)
            {
                return Err(lost("it is of another partition".to_owned()));
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

    /// Lets go of what only older versions of the manifest named: first of open files, whose space the disk would not get
    /// back, then of up to `most` on disk. Returns how many of those went.
    pub fn sweep(&self, most: usize) -> usize {
        self.lists.forget();
        if self.manifest.dead_files() == 0 {
            return 0;
        }
        self.close_unnamed();
        self.manifest.sweep(most).deleted // what is left waits for the next time
    }

    /// Closes files that the newest version does not name. Whoever reads from one has it as long as it takes.
    fn close_unnamed(&self) {
        let version = self.manifest.current();
        let mut named = BTreeSet::new();
        for (_, state) in version.partitions() {
            named.extend(state.segments().iter().map(|segment| segment.number));
            named.extend(state.leaves().iter().map(|leaves| leaves.meta.number));
        }
        self.open.keep(&named);
        self.open_leaves.keep(&named);
    }

    /// Sealed segments of all partitions.
    pub fn count(&self) -> usize {
        let version = self.manifest.current();
        let counts = version
            .partitions()
            .map(|(_, state)| state.segments().len());
        counts.sum()
    }

    /// Files of segments and leaves that are open.
    pub fn open_files(&self) -> usize {
        self.open.len() + self.open_leaves.len()
    }

    /// Directory of snapshots.
    pub fn snapshots_dir(&self) -> &Path {
        &self.snapshots
    }

    /// Where the snapshot of a seal point stands.
    pub fn snapshot_path(&self, partition: u32, end: u64) -> PathBuf {
        self.snapshots
            .join(format!("{partition:08x}-{end:016x}.seen"))
    }

    fn io(&self, path: &Path, error: &std::io::Error) -> HostError {
        HostError::of_file(self.files.as_ref(), path, error)
    }

    /// Ends the manifest cleanly.
    pub fn close(&self) -> Result<(), HostError> {
        Ok(self.manifest.close()?)
    }
}

impl OpenFiles for Segments {
    fn segment(&self, entry: &SegmentEntry) -> Result<Segment, CompactError> {
        Ok(self.opened(entry)?)
    }

    fn leaves(&self, entry: &LeavesEntry) -> Result<LeavesFile, CompactError> {
        let number = entry.meta.number;
        if let Some(file) = self.open_leaves.get(number) {
            return Ok(file);
        }
        let file = LeavesFile::open(self.files.as_ref(), self.manifest.segments_dir(), entry)?;
        self.open_leaves.insert(number, file.clone());
        Ok(file)
    }
}

/// The size that a snapshot's name says, when it is of this partition.
fn end_of(name: &str, partition: u32) -> Option<u64> {
    let digits = name
        .strip_prefix(&format!("{partition:08x}-"))?
        .strip_suffix(".seen")?;
    u64::from_str_radix(digits, 16).ok()
}
