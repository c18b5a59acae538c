//! Trees of a partition that is replayed: trusted up to what the log says of their node files (M6), and held against what
//! was signed (C6).

use std::sync::Arc;

use pyralog_log::{GroupState, TreeState};
use pyralog_merkle::{FileNodes, MerkleError, Tree, TreeHash, nodes_of};
use pyralog_partition::{Nodes, Partition, Roots, Sources, Trees};
use pyralog_types::Hash;

use crate::behind::BehindNodes;
use crate::error::HostError;
use crate::files::{SIDECARS_DIR, node_file_name, open_durably};
use crate::leaves::SealedLeaves;
use crate::read::Algorithm;
use crate::replay::Replay;

impl Replay<'_> {
    /// Trees up to a synced state, or empty.
    pub fn trees(&self, sidecar: Option<&TreeState>) -> Result<Trees, HostError> {
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

    /// Size and roots of what was replayed. Where a damaged segment does not give the leaves of the last group, which no
    /// node stands for yet, those up to that group, and the damage (Z7).
    pub fn state_at(
        &self,
        partition: &Partition,
        size: u64,
    ) -> Result<(TreeState, Option<HostError>), HostError> {
        let (roots, lost) = match self.roots_at(partition, size) {
            Err(error @ HostError::Segment(_)) => {
                let floor = Algorithm::Blake3.floor().max(Algorithm::Sha256.floor());
                (
                    self.roots_at(partition, size >> floor << floor)?,
                    Some(error),
                )
            }
            roots => (roots?, None),
        };
        let state = TreeState {
            size: roots.size,
            root: roots.blake3,
            sha256_root: roots.sha256,
        };
        Ok((state, lost))
    }

    pub fn roots_at(&self, partition: &Partition, size: u64) -> Result<Roots, HostError> {
        let leaves = |algorithm| SealedLeaves::new(self.segments, self.number, algorithm);
        let (blake3, sha256) = (leaves(Algorithm::Blake3), leaves(Algorithm::Sha256));
        let sources = Sources {
            blake3: &blake3,
            sha256: &sha256,
        };
        Ok(partition.trees().roots_from(size, sources)?)
    }

    /// What was signed last must be what was replayed: equal roots mean equal records (C6).
    pub fn check_signed(
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
