//! Reads, from any thread, never beyond what is durable.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pyralog_manifest::SegmentEntry;
use pyralog_merkle::{
    Blake3Tree, NodeStore, Proofs, TreeHash, verify_consistency, verify_inclusion,
};
use pyralog_partition::{BLAKE3_FLOOR, EntryPlace, RowBudget, SHA256_FLOOR, rows_of};
use pyralog_types::batch::{Row, encode_row};
use pyralog_types::{Hash, LeafRecord};

use crate::error::HostError;
use crate::leaves::{LeafCheck, SealedLeaves};
use crate::shared::{Shard, Shared};

/// Which tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Keyed BLAKE3 (M2).
    Blake3,
    /// RFC 6962 (M3).
    Sha256,
}

impl Algorithm {
    /// Height of the lowest nodes in its node file (M5).
    pub(crate) fn floor(self) -> u32 {
        match self {
            Self::Blake3 => BLAKE3_FLOOR,
            Self::Sha256 => SHA256_FLOOR,
        }
    }
}

/// An inclusion path, checked before it leaves (M7).
pub(crate) fn checked_path<H: TreeHash, S: NodeStore>(
    proofs: &Proofs<'_, H, S>,
    index: u64,
    (size, root): (u64, &Hash),
) -> Result<Vec<Hash>, HostError> {
    let path = proofs.inclusion(index, size)?;
    let leaf = proofs.leaf(index)?;
    if verify_inclusion::<H>((&leaf, index), (root, size), &path) {
        return Ok(path);
    }
    Err(HostError::Sidecar(format!(
        "leaves and node file do not prove record {index} in {size}, and rebuilding the node file did not help"
    )))
}

fn checked_consistency<H: TreeHash, S: NodeStore>(
    proofs: &Proofs<'_, H, S>,
    from: u64,
    to: u64,
) -> Result<Vec<Hash>, HostError> {
    let path = proofs.consistency(from, to)?;
    let (old, new) = (proofs.root_at(from)?, proofs.root_at(to)?);
    if verify_consistency::<H>((&old, from), (&new, to), &path) {
        return Ok(path);
    }
    Err(HostError::Sidecar(format!(
        "leaves and node file do not prove that {to} records extend {from}, and rebuilding the node file did not help"
    )))
}

impl Shared {
    /// Rows (B5) from `offset` on: at least one if it is durable, then up to `bytes` in all.
    pub(crate) fn read(
        &self,
        shard: &Shard,
        offset: u64,
        bytes: usize,
    ) -> Result<Vec<u8>, HostError> {
        let to = shard.durable.load(Ordering::Acquire);
        if offset > to {
            return Err(HostError::OutOfRange {
                what: "record",
                asked: offset,
                have: to,
            });
        }
        let mut out = Vec::new();
        let mut from = offset;
        while from < to {
            let budget = RowBudget { from, to, bytes };
            let (next, full) = if from < shard.sealed.load(Ordering::Acquire) {
                match self.read_sealed(shard, budget, &mut out) {
                    // What stands before the damage is given; whoever goes on from there is told (Z7).
                    Err(
                        HostError::Segment(_)
                        | HostError::Quarantined { .. }
                        | HostError::Removed { .. },
                    ) if !out.is_empty() => {
                        break;
                    }
                    other => other?,
                }
            } else {
                match self.read_open(shard, budget, &mut out) {
                    // Sealed meanwhile, and let go by the log.
                    Err(_) if from < shard.sealed.load(Ordering::Acquire) => continue,
                    other => other?,
                }
            };
            if full || next == from {
                break;
            }
            from = next;
        }
        Ok(out)
    }

    /// Rows of one log entry.
    fn read_open(
        &self,
        shard: &Shard,
        budget: RowBudget,
        out: &mut Vec<u8>,
    ) -> Result<(u64, bool), HostError> {
        let place = shard.state.read().place_of_offset(budget.from);
        let place = place.ok_or_else(|| gone(budget.from))?;
        let entry = self.entry(shard, &place)?;
        let mut tree = LeafCheck::new(self, shard);
        let mut check =
            |leaf: &LeafRecord| tree.check(leaf.offset, &Blake3Tree::leaf(&leaf.to_bytes()));
        rows_of((&entry, &place), budget, out, &mut check)
    }

    /// Rows of one segment (Z4), that of the first row at or behind the offset: rows that compaction took leave gaps (Z12). A damaged
    /// one is an error that names the offsets it is about; those around it are read as before (Z7, Y8).
    fn read_sealed(
        &self,
        shard: &Shard,
        budget: RowBudget,
        out: &mut Vec<u8>,
    ) -> Result<(u64, bool), HostError> {
        let group = shard.number;
        let Some(entry) = self.segments.next(group, budget.from)? else {
            // The last rows were compacted away.
            return Ok((self.segments.end(group), false));
        };
        let to = budget.to.min(readable(&entry, budget.from)?);
        let segment = self.segments.segment(&entry)?;
        let mut tree = LeafCheck::new(self, shard);
        for row in segment.rows_from(budget.from)? {
            let row = row?;
            if row.offset >= to {
                return Ok((row.offset, to == budget.to));
            }
            let leaf = row.leaf();
            if Blake3Tree::leaf(&leaf.to_bytes()) != row.leaf_hash {
                if let Err(error) = self.segments.quarantine_row(group, row.offset) {
                    self.maintaining.note(&error);
                }
                return Err(HostError::Corrupt(format!(
                    "record {} in {} is not what was sealed; restore it from a replica or a backup",
                    row.offset,
                    segment.path().display()
                )));
            }
            tree.check(leaf.offset, &row.leaf_hash)?;
            let row = Row {
                leaf,
                key: row.key.as_deref().unwrap_or_default(),
                headers: row.headers.as_deref().unwrap_or_default(),
                value: &row.value,
            };
            encode_row(out, &row);
            if out.len() >= budget.bytes {
                return Ok((row.leaf.offset + 1, true));
            }
        }
        Ok((to.min(segment.meta().end_offset), false))
    }

    pub(crate) fn entry(
        &self,
        shard: &Shard,
        place: &EntryPlace,
    ) -> Result<Arc<Vec<u8>>, HostError> {
        let mut hot = shard.hot.lock();
        if let Some((index, bytes)) = &*hot
            && *index == place.log_index
        {
            return Ok(Arc::clone(bytes));
        }
        let group = shard.number;
        let entry = self.reader()?.entry(group, place.log_index)?;
        let entry = entry.ok_or_else(|| {
            HostError::Corrupt(format!("entry {} of the log is gone", place.log_index))
        })?;
        let bytes = Arc::new(entry.bytes);
        *hot = Some((place.log_index, Arc::clone(&bytes)));
        Ok(bytes)
    }
}

/// Where reading from an offset on has to stop for the sake of a quarantined range (Y8).
fn readable(entry: &SegmentEntry, from: u64) -> Result<u64, HostError> {
    let next = entry.quarantined.iter().find(|range| range.end > from);
    match next {
        Some(range) if range.start <= from => Err(HostError::Quarantined {
            partition: entry.partition(),
            offsets: range.clone(),
            file: entry.name(),
        }),
        Some(range) => Ok(range.start),
        None => Ok(u64::MAX),
    }
}

pub(crate) fn gone(offset: u64) -> HostError {
    HostError::Corrupt(format!(
        "record {offset} is in no segment and not in the log any more; restore the store from a replica or a backup"
    ))
}

impl Shared {
    /// Where a tree of a partition finds leaves of sealed records.
    pub(crate) fn sealed_leaves(&self, shard: &Shard, algorithm: Algorithm) -> SealedLeaves<'_> {
        SealedLeaves::new(&self.segments, shard.number, algorithm)
    }

    /// The same, with the groups that questions about these offsets and sizes need.
    fn leaves_of(&self, shard: &Shard, algorithm: Algorithm, around: [u64; 2]) -> SealedLeaves<'_> {
        let leaves = self.sealed_leaves(shard, algorithm);
        for offset in around {
            leaves.read_ahead(offset, shard.sealed.load(Ordering::Acquire));
        }
        leaves
    }

    pub(crate) fn root(
        &self,
        shard: &Shard,
        size: u64,
        algorithm: Algorithm,
    ) -> Result<Hash, HostError> {
        shard.check(size)?;
        let leaves = self.leaves_of(shard, algorithm, [size, size]);
        let partition = shard.state.read();
        let trees = partition.trees();
        Ok(match algorithm {
            Algorithm::Blake3 => trees.blake3.proofs(&leaves).root_at(size)?,
            Algorithm::Sha256 => {
                let tree = sha256(trees.sha256.as_ref())?;
                tree.proofs(&leaves).root_at(size)?
            }
        })
    }

    pub(crate) fn inclusion(
        &self,
        shard: &Shard,
        (index, size): (u64, u64),
        algorithm: Algorithm,
    ) -> Result<Vec<Hash>, HostError> {
        fn prove<H: TreeHash, S: NodeStore>(
            proofs: &Proofs<'_, H, S>,
            (index, size): (u64, u64),
        ) -> Result<Vec<Hash>, HostError> {
            let root = proofs.root_at(size)?;
            checked_path(proofs, index, (size, &root))
        }
        shard.check(size)?;
        if let Some((first, ..)) = self.segments.kept_roots(shard.number)
            && index < first
        {
            let asked = index;
            return Err(HostError::Removed { asked, first });
        }
        let leaves = self.leaves_of(shard, algorithm, [index, size]);
        let partition = shard.state.read();
        let trees = partition.trees();
        match algorithm {
            Algorithm::Blake3 => prove(&trees.blake3.proofs(&leaves), (index, size)),
            Algorithm::Sha256 => {
                let tree = sha256(trees.sha256.as_ref())?;
                prove(&tree.proofs(&leaves), (index, size))
            }
        }
    }

    pub(crate) fn consistency(
        &self,
        shard: &Shard,
        (from, to): (u64, u64),
        algorithm: Algorithm,
    ) -> Result<Vec<Hash>, HostError> {
        shard.check(to)?;
        let leaves = self.leaves_of(shard, algorithm, [from, to]);
        let partition = shard.state.read();
        let trees = partition.trees();
        match algorithm {
            Algorithm::Blake3 => checked_consistency(&trees.blake3.proofs(&leaves), from, to),
            Algorithm::Sha256 => {
                let tree = sha256(trees.sha256.as_ref())?;
                checked_consistency(&tree.proofs(&leaves), from, to)
            }
        }
    }
}

impl Shard {
    fn check(&self, size: u64) -> Result<(), HostError> {
        let have = self.durable.load(Ordering::Acquire);
        if size > have {
            return Err(HostError::OutOfRange {
                what: "size",
                asked: size,
                have,
            });
        }
        Ok(())
    }
}

fn sha256<T>(tree: Option<&T>) -> Result<&T, HostError> {
    tree.ok_or(HostError::OutOfRange {
        what: "SHA-256 tree",
        asked: 0,
        have: 0,
    })
}
