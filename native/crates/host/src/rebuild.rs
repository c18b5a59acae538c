//! Rebuilding a damaged node file from segments and the log while the store is open (M7).

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use pyralog_merkle::{FileNodes, Tree, TreeHash};
use pyralog_partition::{Nodes, Partition, RowBudget, Sources, Trees, rows_of};
use pyralog_types::LeafRecord;

use crate::error::HostError;
use crate::files::{self, SIDECARS_DIR, node_file_name, open_durably};
use crate::read::{Algorithm, gone};
use crate::shared::{Shard, Shared};

impl Shared {
    /// Does what `read` does; when it says that a sidecar is damaged, rebuilds that from the log and tries once more.
    pub(crate) fn healing<T>(
        &self,
        shard: &Shard,
        read: impl Fn() -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        match read() {
            Err(HostError::Sidecar(_)) => {
                self.rebuild(shard)?;
                read()
            }
            Err(error) => {
                self.quarantine_of(shard, &error);
                Err(error)
            }
            other => other,
        }
    }

    /// Whoever reads again where a segment is damaged is told without the disk being asked (Y8).
    pub(crate) fn quarantine_of(&self, shard: &Shard, error: &HostError) {
        if let HostError::Segment(damage) = error
            && let Err(error) = self.segments.quarantine(shard.number, damage)
        {
            self.maintaining.note(&error);
        }
    }

    /// Hashes all durable records again into new files beside the damaged ones, which they then replace. Readers wait.
    /// Leaves that are applied and not yet durable were never on disk, so they are taken over.
    fn rebuild(&self, shard: &Shard) -> Result<(), HostError> {
        let reader = self.reader()?;
        let group = shard.number;
        let mut partition = shard.state.write();
        let mut trees = Trees::new(
            self.fresh(group, Algorithm::Blake3)?,
            match partition.trees().sha256 {
                Some(_) => Some(self.fresh(group, Algorithm::Sha256)?),
                None => None,
            },
        );
        let durable = shard.durable.load(Ordering::Acquire);
        let mut from = self.segments.push_leaves(group, &mut trees)?;
        while from < durable {
            let place = partition.place_of_offset(from);
            let place = place.ok_or_else(|| gone(from))?;
            let entry = reader.entry(group, place.log_index)?;
            let entry = entry.ok_or_else(|| gone(from))?;
            let mut leaves = Vec::with_capacity(place.count as usize);
            let budget = RowBudget {
                from,
                to: durable,
                bytes: usize::MAX,
            };
            let mut keep = |leaf: &LeafRecord| {
                leaves.push(leaf.to_bytes());
                Ok::<(), HostError>(())
            };
            let (next, _) = rows_of((&entry.bytes, &place), budget, &mut Vec::new(), &mut keep)?;
            trees.push(from, &leaves)?;
            if next == from {
                return Err(gone(from));
            }
            from = next;
        }
        self.replace(shard, (&mut partition, trees), durable)
    }

    fn replace(
        &self,
        shard: &Shard,
        (partition, mut trees): (&mut Partition, Trees),
        durable: u64,
    ) -> Result<(), HostError> {
        let state = shard.signing.lock().durable;
        let group = shard.number;
        let (blake3, sha256) = (
            self.sealed_leaves(shard, Algorithm::Blake3),
            self.sealed_leaves(shard, Algorithm::Sha256),
        );
        let sources = Sources {
            blake3: &blake3,
            sha256: &sha256,
        };
        let roots = trees.roots_from(state.size, sources)?;
        if (roots.blake3, roots.sha256) != (state.root, state.sha256_root) {
            return Err(self.wrong_leaves(group, state.size));
        }
        trees.adopt(partition.trees(), durable)?;
        trees.sync()?;
        for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
            let path = self.sidecar_path(group, algorithm);
            if algorithm == Algorithm::Blake3 || trees.sha256.is_some() {
                let renamed = self.world.files.rename(&fresh_path(&path), &path);
                renamed.map_err(|error| io(&path, &error))?;
            }
        }
        *partition.trees_mut() = trees;
        let dir = self.dir.join(SIDECARS_DIR);
        let synced = self.world.files.sync_dir(&dir);
        synced.map_err(|error| io(&dir, &error))
    }

    /// Why sealed leaves do not lead to the root that was recorded for them: says which are wrong, where that can be told.
    fn wrong_leaves(&self, group: u32, size: u64) -> HostError {
        for entry in self.segments.listed(group).entries() {
            let segment = match self.segments.segment(entry) {
                Ok(segment) => segment,
                Err(error) => return error,
            };
            let damages = segment.verify();
            if let Some(damage) = damages.iter().find(|damage| !damage.offsets.is_empty()) {
                return HostError::Corrupt(format!(
                    "{}: offsets {} to {} are damaged: {}; fetch them again from a replica or a backup",
                    segment.path().display(),
                    damage.offsets.start,
                    damage.offsets.end,
                    damage.what
                ));
            }
        }
        HostError::Corrupt(format!(
            "the log's first {size} records do not lead to the root recorded for them; restore the store from a replica"
        ))
    }

    fn fresh<H: TreeHash>(
        &self,
        group: u32,
        algorithm: Algorithm,
    ) -> Result<Tree<H, Nodes>, HostError> {
        let path = fresh_path(&self.sidecar_path(group, algorithm));
        let file = open_durably(self.world.files.as_ref(), &path);
        let file = file.map_err(|error| io(&path, &error))?;
        let nodes = FileNodes::open(Box::new(files::Nodes(file)), 0)?;
        let floor = algorithm.floor();
        Ok(Tree::open_above(floor, Nodes::new(nodes), 0, None)?)
    }

    fn sidecar_path(&self, group: u32, algorithm: Algorithm) -> PathBuf {
        self.dir
            .join(SIDECARS_DIR)
            .join(node_file_name(group, algorithm))
    }
}

/// Where a node file is made that will replace one.
fn fresh_path(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    path.as_mut_os_string().push(".new");
    path
}

fn io(path: &Path, error: &std::io::Error) -> HostError {
    HostError::Io(format!("{}: {error}", path.display()))
}
