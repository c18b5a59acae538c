//! Opening: the log is recovered, its entries are replayed, and the trees are trusted up to what the log says of them
//! (M6).

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Sender;
use pyralog_log::{
    GroupState, LogError, LogReader, NewEntry, OpenLog, PartitionConfig, TreeState, WalLogStore,
    WalOptions,
};
use pyralog_merkle::{FileNodes, MerkleError, Tree, TreeHash, nodes_of};
use pyralog_partition::{
    DedupWindow, Nodes, Partition, Roots, SealLimits, Snapshot, Sources, Stamper, Trees,
    WINDOW_RECORDS_MAX,
};
use pyralog_types::Hash;

use crate::behind::{BehindNodes, LateSync, NodeJob};
use crate::error::HostError;
use crate::files::{SIDECARS_DIR, node_file_name, old_node_file_names, open_durably};
use crate::hashed::replay_hashed;
use crate::leaves::SealedLeaves;
use crate::options::{HostOptions, PartitionOptions, Recovery, World};
use crate::read::Algorithm;
use crate::segments::Segments;
use crate::shared::EPOCH;
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
    /// Seal points among them, to be sealed now.
    pub seal_points: Vec<Snapshot>,
    /// What is wrong may be the fault of its node files.
    pub doubted: bool,
}

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
    let stopped = Stopped::new(log.stopped.take(), options.seal);
    let mut rebuilt = false;
    let mut replayed = Vec::new();
    for (number, partition) in options.partitions.iter().enumerate() {
        let replay = Replay {
            world,
            dir: &options.dir,
            reader: log.reader.as_ref(),
            number: number as u32,
            options: partition,
            limits: options.seal,
            segments: &segments,
            stopped: &stopped,
            jobs,
            late: Arc::default(),
        };
        let state = log.reader.state(number as u32).unwrap_or_default();
        replay.check_config(&state, options.change_durability)?;
        let (result, wrong) = replay.run(&state, &mut rebuilt)?;
        damage = damage.or(wrong.map(|error| HostError::ReadOnly(error.to_string())));
        recovery.entries += result.entries;
        recovery.records += result.partition.size();
        recovery.hashes += result.partition.trees().hashes();
        replayed.push(result);
    }
    if damage.is_none() {
        record(&mut log, &mut replayed, (world, options))?;
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

/// Writes what the log does not say yet: configurations, a changed window (B7), the state to sign.
fn record(
    log: &mut OpenLog,
    replayed: &mut [Replayed],
    (world, options): (&World, &HostOptions),
) -> Result<(), HostError> {
    for (number, (replayed, wanted)) in replayed.iter_mut().zip(&options.partitions).enumerate() {
        let group = number as u32;
        let state = log.reader.state(group).unwrap_or_default();
        let recorded = state.config.as_ref();
        if recorded.is_none_or(|config| config.durability != wanted.durability) {
            // The window that held at the log's beginning stays: changes of it are entries (B7).
            let config = PartitionConfig {
                dedup_window_ms: recorded.map_or(wanted.window.millis, |c| c.dedup_window_ms),
                dedup_records: recorded.map_or(wanted.window.records, |c| c.dedup_records),
                sha256: wanted.sha256,
                durability: wanted.durability,
                origin: wanted.origin.clone(),
            };
            log.store.configure(group, &config)?;
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

struct Replay<'a> {
    world: &'a World,
    dir: &'a Path,
    reader: &'a dyn LogReader,
    number: u32,
    options: &'a PartitionOptions,
    limits: SealLimits,
    segments: &'a Segments,
    stopped: &'a Stopped,
    /// For the thread that writes node files.
    jobs: &'a Sender<NodeJob>,
    late: Arc<LateSync>,
}

impl Replay<'_> {
    /// A directory holds the partitions it was made with (I4, I6).
    fn check_config(&self, state: &GroupState, change: bool) -> Result<(), HostError> {
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
    fn run(
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
        if wrong.is_none()
            && let Some(part) = self.stopped.part(self.number, sealed, state.last_index)
        {
            applied = part.log_index;
            partition.resume(part)?;
        }
        if applied < state.last_index {
            // Each submission of these entries is looked for in all of these files: going through them once costs less than
            // checking at each look. What is damaged says so to the entry that needs it.
            for seen in partition.seen() {
                drop(seen.verify(&mut || true));
            }
        }
        let mut seal_points = Vec::new();
        let mut entries = 0;
        if wrong.is_none() && applied < state.last_index {
            let mut refused = None;
            let visited = replay_hashed(self.reader, self.number, applied + 1, |entry| {
                if refused.is_none() {
                    let index = entry.index;
                    entries += 1;
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
        let roots = self.roots_at(&partition, size)?;
        let state_now = TreeState {
            size,
            root: roots.blake3,
            sha256_root: roots.sha256,
        };
        let mut doubted = false;
        if wrong.is_none() {
            wrong = self.check_signed(&partition, state)?;
            doubted = wrong.is_some();
        }
        let result = Replayed {
            partition,
            late: Arc::clone(&self.late),
            state: state_now,
            sidecar: sidecar.min(size),
            entries,
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

    /// Trees up to a synced state, or empty.
    fn trees(&self, sidecar: Option<&TreeState>) -> Result<Trees, HostError> {
        let size = sidecar.map_or(0, |state| state.size);
        let sha256_root = sidecar.and_then(|state| state.sha256_root.as_ref());
        let root = sidecar.map(|state| &state.root);
        let blake3 = self.tree(Algorithm::Blake3, size, root)?;
        let sha256 = if self.options.sha256 {
            Some(self.tree(Algorithm::Sha256, size, sha256_root)?)
        } else {
            None
        };
        Ok(Trees::new(blake3, sha256))
    }

    fn tree<H: TreeHash>(
        &self,
        algorithm: Algorithm,
        size: u64,
        root: Option<&Hash>,
    ) -> Result<Tree<H, Nodes>, HostError> {
        let dir = self.dir.join(SIDECARS_DIR);
        let io = |error: std::io::Error| HostError::Io(format!("{}: {error}", dir.display()));
        let files = self.world.files.as_ref();
        files.create_dir(&dir).map_err(io)?;
        let name = node_file_name(self.number, algorithm);
        let file = open_durably(files, &dir.join(name)).map_err(io)?;
        let file = BehindNodes::new(file, self.jobs.clone(), Arc::clone(&self.late));
        let floor = algorithm.floor();
        let nodes = FileNodes::open(Box::new(file), nodes_of(size >> floor))?;
        Tree::open_above(floor, Nodes::new(nodes), size, root)
            .map_err(|error: MerkleError| error.into())
    }

    fn roots_at(&self, partition: &Partition, size: u64) -> Result<Roots, HostError> {
        let leaves = |algorithm| SealedLeaves::new(self.segments, self.number, algorithm);
        let (blake3, sha256) = (leaves(Algorithm::Blake3), leaves(Algorithm::Sha256));
        let sources = Sources {
            blake3: &blake3,
            sha256: &sha256,
        };
        Ok(partition.trees().roots_from(size, sources)?)
    }

    /// What was signed last must be what was replayed: equal roots mean equal records (C6).
    fn check_signed(
        &self,
        partition: &Partition,
        state: &GroupState,
    ) -> Result<Option<HostError>, HostError> {
        let Some(signed) = &state.signed else {
            return Ok(None);
        };
        if signed.size > partition.size() {
            return Ok(Some(HostError::Corrupt(format!(
                "a checkpoint of {} records was signed and the log holds {}",
                signed.size,
                partition.size()
            ))));
        }
        let roots = self.roots_at(partition, signed.size)?;
        if roots.blake3 == signed.root && roots.sha256 == signed.sha256_root {
            return Ok(None);
        }
        Ok(Some(HostError::Corrupt(format!(
            "the log's first {} records do not lead to the root that was signed for them",
            signed.size
        ))))
    }
}
