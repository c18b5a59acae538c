//! What a floor costs and saves: bytes a record, processor time of appends and of proofs, for the tree that keeps all nodes and for
//! those that keep them from a height on. `cargo run --release -p pyralog-merkle --example floors`
#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use pyralog_merkle::{
    Blake3Tree, LeafSource, MemoryNodes, MerkleError, NodeStore, RecordBytes, Tree, TreeHash,
    verify_inclusion,
};
use pyralog_types::Hash;

/// Leaves of the tree: four segments (Z2), the last of which is not sealed.
const LEAVES: u32 = 1 << 20;
const SEALED: u32 = 3 << 18;
/// Records appended a call.
const BATCH: usize = 1_024;
const PROOFS: u32 = 20_000;

/// Stands for the column of leaf hashes in mapped segments.
struct Column(Vec<Hash>);

impl LeafSource for Column {
    fn read(&self, first: u64, out: &mut [Hash]) -> Result<(), MerkleError> {
        let start = usize::try_from(first).unwrap_or(usize::MAX);
        let leaves = self.0.get(start..start + out.len());
        out.copy_from_slice(leaves.ok_or(MerkleError::NotAtHand { offset: first })?);
        Ok(())
    }
}

fn nanos(total: Duration, count: u32) -> u128 {
    total.as_nanos() / u128::from(count)
}

/// Processor time of this thread so far.
fn cpu() -> Duration {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = spent.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

/// The best of five: what else runs on the machine only adds.
fn best(mut run: impl FnMut() -> Result<Duration, MerkleError>) -> Result<Duration, MerkleError> {
    let mut least = run()?;
    for _ in 0..4 {
        least = least.min(run()?);
    }
    Ok(least)
}

fn grown(floor: u32, leaves: &[Hash]) -> Result<Tree<Blake3Tree, MemoryNodes>, MerkleError> {
    let mut tree = Tree::open_above(floor, MemoryNodes::default(), 0, None)?;
    for (part, batch) in (1_u64..).zip(leaves.chunks(BATCH)) {
        tree.append(batch)?;
        if part % 256 == 0 {
            tree.forget_before(tree.size().min(u64::from(SEALED)));
        }
    }
    Ok(tree)
}

fn main() -> Result<(), MerkleError> {
    let mut leaves = Vec::new();
    for number in 0..LEAVES {
        let mut record: RecordBytes = [0; 128];
        record[..4].copy_from_slice(&number.to_le_bytes());
        Blake3Tree::leaves(&[record], &mut leaves);
    }
    let column = Column(leaves.clone());
    let size = u64::from(LEAVES) - 1;
    for floor in [0, 1, 2, 3, 4, 5, 6] {
        let append = best(|| {
            let start = cpu();
            black_box(grown(floor, &leaves)?);
            Ok(cpu().saturating_sub(start))
        })?;
        let tree = grown(floor, &leaves)?;
        let scattered = |i: u32| u64::from(i.wrapping_mul(0x9e37_79b9)) % u64::from(SEALED);
        let timed = |index: &dyn Fn(u32) -> u64, together: bool| {
            best(|| {
                let shared = tree.proofs(&column);
                let start = cpu();
                for i in 0..PROOFS {
                    if together {
                        black_box(shared.inclusion(index(i), size)?);
                    } else {
                        black_box(tree.proofs(&column).inclusion(index(i), size)?);
                    }
                }
                Ok(cpu().saturating_sub(start))
            })
        };
        let alone = timed(&scattered, false)?;
        let batch = timed(&|i| u64::from(SEALED + i), true)?;
        let root = tree.proofs(&column).root_at(size)?;
        let path = tree.proofs(&column).inclusion(7, size)?;
        let leaf = tree.proofs(&column).leaf(7)?;
        let verify = best(|| {
            let start = cpu();
            for _ in 0..PROOFS {
                black_box(verify_inclusion::<Blake3Tree>(
                    (&leaf, 7),
                    (&root, size),
                    black_box(&path),
                ));
            }
            Ok(cpu().saturating_sub(start))
        })?;
        println!(
            "floor {floor}: {} node bytes per 1,000 records, append {} ns, proof {} ns alone, {} ns among neighbours, checking one {} ns",
            tree.store().len() * 32 * 1_000 / u64::from(LEAVES),
            nanos(append, LEAVES),
            nanos(alone, PROOFS),
            nanos(batch, PROOFS),
            nanos(verify, PROOFS),
        );
    }
    Ok(())
}
