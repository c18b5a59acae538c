//! Replay: a partition is brought from its newest seal point to where the log ends, and held against what was signed.

use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::Sender;
use pyralog_log::{GroupState, LogReader, TreeState};
use pyralog_partition::{DedupWindow, Partition, SealLimits, Snapshot, Trees};

use crate::behind::{LateSync, NodeJob};
use crate::error::HostError;
use crate::files::{SIDECARS_DIR, old_node_file_names};
use crate::hashed::replay_hashed;
use crate::options::{PartitionOptions, World};
use crate::segments::Segments;
use crate::stop::Stopped;

/// A partition as it was replayed.
pub(crate) struct Replayed {
    pub partition: Partition,
    /// Syncs of its node files that nobody waits for.
    pub late: Arc<LateSync>,
    /// State recorded in the log, equal to what was replayed.
    pub state: TreeState,
    /// Size up to which its node files are synced.
    pub sidecar: u64,
    /// Entries replayed.
    pub entries: u64,
    /// Index of the newest entry applied.
    pub applied_index: u64,
    /// Its entries count from when they are committed.
    pub replicated: bool,
    /// Seal points among them, to be sealed now.
    pub seal_points: Vec<Snapshot>,
    /// What is wrong may be the fault of its node files.
    pub doubted: bool,
}

/// One partition to be replayed, and what it takes.
pub(crate) struct Replay<'a> {
    pub world: &'a World,
    pub dir: &'a Path,
    pub reader: &'a dyn LogReader,
    pub number: u32,
    pub options: &'a PartitionOptions,
    pub limits: SealLimits,
    pub segments: &'a Segments,
    pub stopped: &'a Stopped,
    /// Index up to which entries are committed, of a replicated partition (RF6); a lone node's all are.
    pub committed: Option<u64>,
    /// For the thread that writes node files.
    pub jobs: &'a Sender<NodeJob>,
    pub late: Arc<LateSync>,
}

impl Replay<'_> {
    /// A directory holds the partitions it was made with (I4, I6).
    pub fn check_config(&self, state: &GroupState, change: bool) -> Result<(), HostError> {
        let Some(config) = &state.config else {
            return Ok(());
        };
        if config.origin != self.options.origin {
            return Err(HostError::Format(format!(
                "partition {} is {} on disk and {} in the configuration: this directory belongs to another log",
                self.number, config.origin, self.options.origin
            )));
        }
        if config.sha256 != self.options.sha256 {
            return Err(HostError::Format(format!(
                "{} was made {} a SHA-256 tree; that cannot be changed later",
                config.origin,
                if config.sha256 { "with" } else { "without" }
            )));
        }
        if config.durability != self.options.durability && !change {
            return Err(HostError::Format(format!(
                "{} promises durability `{}` on disk and `{}` in the configuration; to change what its answers stand for, start once with changeDurability set",
                config.origin,
                config.durability.name(),
                self.options.durability.name()
            )));
        }
        Ok(())
    }

    /// Replays with the node files trusted; when those turn out damaged, once more without.
    pub fn run(
        &self,
        state: &GroupState,
        rebuilt: &mut bool,
    ) -> Result<(Replayed, Option<HostError>), HostError> {
        let trusted = state
            .sidecar
            .and_then(|sidecar| self.trees(Some(&sidecar)).ok());
        if let Some(trees) = trusted {
            let (result, wrong) = self.replay(trees, state)?;
            if !result.doubted {
                return Ok((result, wrong));
            }
        }
        *rebuilt = *rebuilt || state.sidecar.is_some();
        for name in old_node_file_names(self.number) {
            // Mostly there is none; one that stays costs its place on the disk.
            let _ = self
                .world
                .files
                .remove(&self.dir.join(SIDECARS_DIR).join(name));
        }
        self.replay(self.trees(None)?, state)
    }

    fn replay(
        &self,
        mut trees: Trees,
        state: &GroupState,
    ) -> Result<(Replayed, Option<HostError>), HostError> {
        let sidecar = trees.wanted_from();
        // Where a damaged segment cannot give leaves that a tree lacks, what is before them can be read.
        let lacking = self.segments.push_leaves(self.number, &mut trees).err();
        let sealed = match lacking {
            None => self.segments.end(self.number),
            Some(_) => trees.wanted_from(),
        };
        let window = state
            .config
            .as_ref()
            .map_or(self.options.window, |config| DedupWindow {
                millis: config.dedup_window_ms,
                records: config.dedup_records,
            });
        let (mut partition, mut applied, mut wrong) = if lacking.is_some() {
            (Partition::for_reading(trees, window, sealed), 0, lacking)
        } else {
            self.begin(trees, window, sealed)?
        };
        if wrong.is_none() && (applied > state.last_index || applied + 1 < state.first_index) {
            wrong = Some(HostError::Corrupt(format!(
                "segments hold the entries up to {applied}, and the log those from {} to {}",
                state.first_index, state.last_index
            )));
        }
        // What is sealed was committed, whatever the log knows of it.
        let end = self.committed.map_or(state.last_index, |committed| {
            committed.max(applied).min(state.last_index)
        });
        if wrong.is_none()
            && let Some(part) = self.stopped.part(self.number, sealed, end)
        {
            applied = part.log_index;
            partition.resume(part)?;
        }
        if applied < end {
            // Each submission of these entries is looked for in all of these files: going through them once costs less than
            // checking at each look. What is damaged says so to the entry that needs it.
            for seen in partition.seen() {
                drop(seen.verify(&mut || true));
            }
        }
        let mut seal_points = Vec::new();
        let mut entries = 0;
        if wrong.is_none() && applied < end {
            let mut refused = None;
            let range = applied + 1..=end;
            let visited = replay_hashed(self.reader, self.number, range, |entry| {
                if refused.is_none() {
                    let index = entry.index;
                    entries += 1;
                    applied = index;
                    refused = partition
                        .apply_hashed((&entry.bytes, entry.prepared), index, entry.epoch)
                        .err();
                    seal_points.extend(partition.seal_point(self.limits, index));
                }
            });
            wrong = refused.map(HostError::from);
            if let Err(error) = visited {
                wrong = wrong.or(Some(error.into()));
            }
        }
        let size = partition.size().min(partition.trees().wanted_from());
        let (state_now, lost) = self.state_at(&partition, size)?;
        wrong = wrong.or(lost);
        let mut doubted = false;
        if wrong.is_none() {
            wrong = self.check_signed(&partition, state)?;
            doubted = wrong.is_some();
        }
        let result = Replayed {
            partition,
            late: Arc::clone(&self.late),
            state: state_now,
            sidecar: sidecar.min(state_now.size),
            entries,
            applied_index: applied,
            replicated: self.committed.is_some(),
            seal_points,
            doubted,
        };
        Ok((result, wrong))
    }

    /// The partition at its newest seal point, and the index of the newest entry applied to it (Z6).
    fn begin(
        &self,
        trees: Trees,
        window: DedupWindow,
        sealed: u64,
    ) -> Result<(Partition, u64, Option<HostError>), HostError> {
        if sealed == 0 {
            return Ok((Partition::create(trees, window), 0, None));
        }
        let snapshots = match self.segments.snapshots(self.number) {
            Ok(snapshots) => snapshots,
            Err(error) => {
                let partition = Partition::for_reading(trees, window, sealed);
                return Ok((partition, 0, Some(error)));
            }
        };
        let applied = snapshots.last().map_or(0, |newest| newest.log_index);
        Ok((Partition::restore(trees, snapshots)?, applied, None))
    }
}
