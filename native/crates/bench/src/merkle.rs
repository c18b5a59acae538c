//! The Merkle tree alone, on one core: appending, roots, proofs, and verifying a proof of 30 hashes.

use std::hint::black_box;
use std::time::Instant;

use pyralog_merkle::{Blake3Tree, MemoryNodes, RecordBytes, Tree, TreeHash, verify_inclusion};
use pyralog_types::Hash;

use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::sample::Samples;

/// Records appended a call: what a group commit brings.
const BATCH: usize = 1024;
/// A path in a log of a thousand million records.
const PATH: u64 = 30;

type Blake3Nodes = Tree<Blake3Tree, MemoryNodes>;

/// All figures of the tree.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let records: Vec<RecordBytes> = (0..BATCH).map(|i| [i as u8; 128]).collect();
    let mut tree: Blake3Nodes = Tree::open(MemoryNodes::default(), 0, None)?;
    append(plan, &records, &mut tree)?;
    prove(plan, &tree)?;
    verify(plan)
}

/// Leaf hashing and nodes together, by turns with the same hashes one by one through the public BLAKE3.
fn append(plan: &Plan, records: &[RecordBytes], tree: &mut Blake3Nodes) -> Result<(), BenchError> {
    let mut rates = Samples::default();
    let mut nodes_only = Samples::default();
    let mut floors = Samples::default();
    let mut micros = Samples::default();
    let mut leaves = Vec::with_capacity(BATCH);
    Blake3Tree::leaves(records, &mut leaves);
    let spare = leaves.clone();
    let batches = plan.leaves.div_ceil(2 * BATCH);
    let count = (batches * BATCH) as f64;
    for round in 0..=plan.rounds {
        let keep = round > 0;
        // Every round starts over: ever larger trees would measure the allocator.
        *tree = Tree::open(MemoryNodes::default(), 0, None)?;
        let cpu = cpu::process();
        let start = Instant::now();
        for _ in 0..batches {
            leaves.clear();
            Blake3Tree::leaves(records, &mut leaves);
            tree.append(&leaves)?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let cpu = cpu::process().saturating_sub(cpu).as_secs_f64() * 1e6 / count;
        let alone = nodes_alone(&spare, batches)?;
        let floor = one_by_one(records, batches);
        if keep {
            rates.push(count / seconds);
            micros.push(cpu);
            nodes_only.push(count / alone);
            floors.push(count / floor);
        }
    }
    let (rate, cpu) = (rates.median(), micros.median());
    Figure::new("Merkle append", rate, "leaves/s")
        .cpu(cpu)
        .floor(floors.median())
        .print()?;
    Figure::new(
        "Merkle append, leaves hashed before",
        nodes_only.median(),
        "leaves/s",
    )
    .print()?;
    Ok(())
}

/// Seconds for the nodes of so many batches whose leaves are hashed already.
fn nodes_alone(leaves: &[Hash], batches: usize) -> Result<f64, BenchError> {
    let mut tree: Blake3Nodes = Tree::open(MemoryNodes::default(), 0, None)?;
    let start = Instant::now();
    for _ in 0..batches {
        tree.append(leaves)?;
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds for one leaf and one node a record without anything around them.
fn one_by_one(records: &[RecordBytes], batches: usize) -> f64 {
    let start = Instant::now();
    for _ in 0..batches {
        for record in records {
            let leaf = Blake3Tree::leaf(black_box(record));
            black_box(Blake3Tree::node(&leaf, &leaf));
        }
    }
    start.elapsed().as_secs_f64()
}

/// Roots and proofs out of the tree.
fn prove(plan: &Plan, tree: &Blake3Nodes) -> Result<(), BenchError> {
    let size = tree.size() - 1; // not a power of two: proofs meet incomplete subtrees
    let operations = plan.operations.min(20_000);
    let root = timed(plan, operations, |_| {
        black_box(tree.root_at(size)?);
        Ok(())
    })?;
    root.print("Merkle root at a size")?;
    timed(plan, operations, |i| {
        black_box(tree.inclusion(spread(i, size), size)?);
        Ok(())
    })?
    .print("inclusion proof")?;
    timed(plan, operations, |i| {
        black_box(tree.consistency(spread(i, size), size)?);
        Ok(())
    })?
    .print("consistency proof")
}

/// Positions all over the tree, the same in every run.
fn spread(i: u32, size: u64) -> u64 {
    u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15) % size
}

fn verify(plan: &Plan) -> Result<(), BenchError> {
    let leaf: Hash = [7; 32];
    let path: Vec<Hash> = (0..PATH as u8).map(|i| [i; 32]).collect();
    let (index, size) = (0x2a5a_5a5a, 1 << PATH);
    let root = path
        .iter()
        .enumerate()
        .fold(leaf, |hash, (level, sibling)| {
            let right = index >> level & 1 == 1;
            if right {
                Blake3Tree::node(sibling, &hash)
            } else {
                Blake3Tree::node(&hash, sibling)
            }
        });
    timed(plan, plan.operations, |_| {
        let proof = black_box(path.as_slice());
        if verify_inclusion::<Blake3Tree>((&leaf, index), (&root, size), proof) {
            return Ok(());
        }
        Err(BenchError::WrongAnswer(
            "a sound proof of 30 hashes was refused".to_owned(),
        ))
    })?
    .print("30-hash proof, native")
}

/// Microseconds an operation, and of processor time.
struct Timed(f64, f64);

impl Timed {
    fn print(&self, metric: &str) -> Result<(), BenchError> {
        Ok(Figure::new(metric, self.0, "us").cpu(self.1).print()?)
    }
}

fn timed(
    plan: &Plan,
    operations: u32,
    mut operation: impl FnMut(u32) -> Result<(), BenchError>,
) -> Result<Timed, BenchError> {
    let mut wall = Samples::default();
    let mut micros = Samples::default();
    let per_round = operations.div_ceil(plan.rounds as u32);
    for round in 0..=plan.rounds {
        let cpu = cpu::process();
        let start = Instant::now();
        for i in 0..per_round {
            operation(i)?;
        }
        if round > 0 {
            wall.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(per_round));
            micros.push(
                cpu::process().saturating_sub(cpu).as_secs_f64() * 1e6 / f64::from(per_round),
            );
        }
    }
    Ok(Timed(wall.median(), micros.median()))
}
