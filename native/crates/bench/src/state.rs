//! The state tree alone, on one core: rebuilding it, the changes of a block, proofs and memory.

use std::time::Instant;

use pyralog_state::{Changes, SharedTree, verify};

use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::sample::Samples;

/// Keys that a block changes.
const CHANGED: u32 = 1000;

/// All figures of the state tree, with a key of 33 and a value of 24 bytes, like an account.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let keys = plan.state_keys;
    let packed = pack((0..keys).map(|number| (number, number)));
    let (tree, number) = rebuild(plan, &packed, keys)?;
    drop(packed);
    let number = change(plan, &tree, number, keys)?;
    prove(plan, &tree, number, keys)
}

fn key(number: u32) -> [u8; 33] {
    let mut key = [b'a'; 33];
    key[1..5].copy_from_slice(&number.to_le_bytes());
    key
}

fn value(number: u32) -> [u8; 24] {
    let mut value = [0; 24];
    value[..4].copy_from_slice(&number.to_le_bytes());
    value
}

/// Packed changes of (key, value) numbers (U5).
fn pack(entries: impl Iterator<Item = (u32, u32)>) -> Vec<u8> {
    let mut packed = Vec::new();
    for (k, v) in entries {
        packed.extend(33_u32.to_le_bytes());
        packed.extend(key(k));
        packed.extend(24_u32.to_le_bytes());
        packed.extend(value(v));
    }
    packed
}

/// Everything from packed bytes to the root, hashing included.
fn rebuild(plan: &Plan, packed: &[u8], keys: u32) -> Result<(SharedTree, u64), BenchError> {
    let mut seconds = Samples::default();
    let mut micros = Samples::default();
    let (mut tree, mut number) = (SharedTree::default(), 0);
    for _ in 0..plan.rounds.min(5) {
        tree = SharedTree::default();
        let (cpu, start) = (cpu::process(), Instant::now());
        let pinned = tree.with(|tree| tree.duplicate(0))?;
        number = tree.build(pinned, &Changes::parse(packed)?)?.number;
        seconds.push(start.elapsed().as_secs_f64());
        micros.push(cpu::process().saturating_sub(cpu).as_secs_f64() * 1e6 / f64::from(keys));
    }
    let bytes = tree.with(|tree| Ok(tree.stats().bytes))? as f64 / f64::from(keys);
    Figure::new("state rebuild", seconds.median(), "s")
        .cpu(micros.median())
        .print()?;
    Figure::new("state memory a key", bytes, "bytes").print()?;
    Ok((tree, number))
}

/// Blocks that change a thousand keys each, one upon the other.
fn change(plan: &Plan, tree: &SharedTree, mut number: u64, keys: u32) -> Result<u64, BenchError> {
    let mut millis = Samples::default();
    let mut releases = Samples::default();
    let mut micros = Samples::default();
    let blocks = if plan.fill_window { 200 } else { 20 };
    for block in 0..blocks {
        let spread = |i: u32| (block * CHANGED + i).wrapping_mul(2_654_435_761) % keys;
        let packed = pack((0..CHANGED).map(|i| (spread(i), block)));
        let (cpu, start) = (cpu::process(), Instant::now());
        let changes = Changes::parse(&packed)?;
        let made = tree.with(|tree| tree.apply(number, &changes))?;
        millis.push(start.elapsed().as_secs_f64() * 1e3);
        micros.push(cpu::process().saturating_sub(cpu).as_secs_f64() * 1e6 / f64::from(CHANGED));
        let start = Instant::now();
        tree.with(|tree| tree.release(number))?;
        releases.push(start.elapsed().as_secs_f64() * 1e3);
        number = made.number;
    }
    Figure::new("state, 1,000 keys changed", millis.median(), "ms")
        .cpu(micros.median())
        .print()?;
    Figure::new("state, 1,000 keys changed p99", millis.quantile(0.99), "ms").print()?;
    Figure::new("state, version released", releases.median(), "ms").print()?;
    Ok(number)
}

/// Proofs of keys that are there and of as many that are not: how long and how fast.
fn prove(plan: &Plan, tree: &SharedTree, number: u64, keys: u32) -> Result<(), BenchError> {
    let asked = plan.operations;
    let root = tree.with(|tree| tree.root(number))?;
    let mut bytes = Samples::default();
    let (mut making, mut checking, mut checked) = (0.0, 0.0, 0.0);
    for i in 0..asked {
        let name = key(i.wrapping_mul(2_654_435_761) % (2 * keys));
        let start = Instant::now();
        let proof = tree.with(|tree| tree.prove(number, &name))?;
        making += start.elapsed().as_secs_f64();
        bytes.push(proof.len() as f64);
        // Half of the keys are absent; what the others' values are, this bench forgot.
        if proof[0] != 0 {
            let start = Instant::now();
            if !verify(&root, &name, None, &proof) {
                let message = "a sound proof of absence was refused".to_owned();
                return Err(BenchError::WrongAnswer(message));
            }
            checked += 1.0;
            checking += start.elapsed().as_secs_f64();
        }
    }
    Figure::new("state proof", making * 1e6 / f64::from(asked), "us").print()?;
    Figure::new(
        "state proof checked, native",
        checking * 1e6 / checked,
        "us",
    )
    .print()?;
    Figure::new("state proof size p50", bytes.median(), "bytes").print()?;
    Figure::new("state proof size p99", bytes.quantile(0.99), "bytes").print()?;
    Figure::new("state proof size, longest", bytes.quantile(1.0), "bytes").print()?;
    Ok(())
}
