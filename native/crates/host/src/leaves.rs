//! Leaf hashes of sealed records for the trees, which have none of their own (M5), and rows held against them (Z4).

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::Ordering;

use pyralog_merkle::{CheckedLeaves, LeafSource, MerkleError, NodeStore, Tree, TreeHash};
use pyralog_partition::Trees;
use pyralog_types::Hash;

use crate::error::HostError;
use crate::read::Algorithm;
use crate::segments::Segments;
use crate::shared::{Shard, Shared};

/// Leaves handed to a tree at once.
const LEAVES: u64 = 4_096;

impl Segments {
    /// Gives the trees the leaves of sealed records that they lack, or, where those are gone, the roots that are kept of them
    /// (Y7). Returns where the sealed records end: from there on the trees want leaves that are to be kept in memory.
    pub fn push_leaves(&self, partition: u32, trees: &mut Trees) -> Result<u64, HostError> {
        let end = self.end(partition);
        if let Some((from, blake3, sha256)) = self.kept_roots(partition)
            && trees.wanted_from() < from
        {
            trees.restart(from, (&blake3, &sha256))?;
        }
        let blake3 = (partition, Algorithm::Blake3, end);
        self.push_to(&mut trees.blake3, blake3)?;
        if let Some(tree) = &mut trees.sha256 {
            self.push_to(tree, (partition, Algorithm::Sha256, end))?;
        }
        trees.hold_from(end);
        Ok(end)
    }

    fn push_to<H: TreeHash, S: NodeStore>(
        &self,
        tree: &mut Tree<H, S>,
        (partition, algorithm, end): (u32, Algorithm, u64),
    ) -> Result<(), HostError> {
        while tree.wanted_from() < end {
            let from = tree.wanted_from();
            let to = end.min(from + LEAVES);
            tree.append(&self.leaf_hashes(partition, algorithm, from..to)?)?;
            tree.forget_before(to);
        }
        Ok(())
    }
}

/// One tree's leaves of one partition's sealed records. What is known to be wanted is read before the partition is locked.
pub(crate) struct SealedLeaves<'a> {
    segments: &'a Segments,
    partition: u32,
    algorithm: Algorithm,
    /// By the offset of the first.
    ahead: RefCell<HashMap<u64, Vec<Hash>>>,
}

impl<'a> SealedLeaves<'a> {
    pub fn new(segments: &'a Segments, partition: u32, algorithm: Algorithm) -> Self {
        Self {
            segments,
            partition,
            algorithm,
            ahead: RefCell::default(),
        }
    }

    /// Reads the group of an offset, if all of it is sealed.
    pub fn read_ahead(&self, offset: u64, sealed: u64) {
        let floor = self.algorithm.floor();
        let first = offset >> floor << floor;
        let group = first..first + (1 << floor);
        if group.end > sealed || self.ahead.borrow().contains_key(&first) {
            return;
        }
        // An error comes again when the group is really wanted.
        if let Ok(leaves) = self.leaves(group) {
            self.ahead.borrow_mut().insert(first, leaves);
        }
    }

    fn leaves(&self, range: Range<u64>) -> Result<Vec<Hash>, HostError> {
        self.segments
            .leaf_hashes(self.partition, self.algorithm, range)
    }
}

impl LeafSource for SealedLeaves<'_> {
    fn read(&self, first: u64, out: &mut [Hash]) -> Result<(), MerkleError> {
        if let Some(leaves) = self.ahead.borrow().get(&first)
            && let Some(leaves) = leaves.get(..out.len())
        {
            out.copy_from_slice(leaves);
            return Ok(());
        }
        let leaves = self.leaves(first..first + out.len() as u64);
        let leaves = leaves.map_err(|error| MerkleError::Leaves {
            offset: first,
            source: Box::new(error),
        })?;
        if leaves.len() != out.len() {
            return Err(MerkleError::NotAtHand { offset: first });
        }
        out.copy_from_slice(&leaves);
        Ok(())
    }

    fn gone(&self) -> Option<(u64, Vec<Hash>)> {
        let (from, blake3, sha256) = self.segments.kept_roots(self.partition)?;
        Some(match self.algorithm {
            Algorithm::Blake3 => (from, blake3),
            Algorithm::Sha256 => (from, sha256),
        })
    }
}

/// Holds rows that are given out against the tree. Neighbours are checked together: their leaves must lead to what the
/// tree holds above them.
pub(crate) struct LeafCheck<'a> {
    shard: &'a Shard,
    sealed: SealedLeaves<'a>,
    checked: CheckedLeaves,
    /// A group that the tree cannot be asked about, because leaves of neighbours are damaged.
    unknown: Option<u64>,
}

impl<'a> LeafCheck<'a> {
    pub fn new(host: &'a Shared, shard: &'a Shard) -> Self {
        Self {
            shard,
            sealed: host.sealed_leaves(shard, Algorithm::Blake3),
            checked: CheckedLeaves::default(),
            unknown: None,
        }
    }

    /// A record must hash to the leaf that the tree was made with (Z4). One whose neighbours' leaves cannot be read was
    /// checked against its own, and damage costs its own records only (Z7).
    pub fn check(&mut self, offset: u64, hash: &Hash) -> Result<(), HostError> {
        let damaged = || {
            HostError::Sidecar(format!(
                "record {offset} does not lead to the node file, and rebuilding that did not help"
            ))
        };
        let group = offset >> Algorithm::Blake3.floor();
        if self.unknown == Some(group) {
            return Ok(());
        }
        if self.checked.leaf(offset).is_none() {
            let sealed = self.shard.sealed.load(Ordering::Acquire);
            self.sealed.read_ahead(offset, sealed);
            let partition = self.shard.state.read();
            let proofs = partition.trees().blake3.proofs(&self.sealed);
            self.checked = match proofs.checked_leaves(offset) {
                Err(MerkleError::Leaves { .. }) => {
                    self.unknown = Some(group);
                    return Ok(());
                }
                checked => checked?.ok_or_else(damaged)?,
            };
        }
        if self.checked.leaf(offset) == Some(hash) {
            return Ok(());
        }
        Err(damaged())
    }
}
