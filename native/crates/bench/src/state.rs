//! The state tree alone, on one core: rebuilding it, the changes of a block, proofs and memory.

use std::hint::black_box;
use std::time::Instant;

use pyralog_state::{Changes, StateTree, verify};

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
    let (mut tree, number) = rebuild(plan, &packed, keys)?;
    drop(packed);
    let number = change(plan, &mut tree, number, keys)?;
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
fn rebuild(plan: &Plan, packed: &[u8], keys: u32) -> Result<(StateTree, u64), BenchError> {
    let mut seconds = Samples::default();
    let mut micros = Samples::default();
    let mut built = None;
    for _ in 0..plan.rounds.min(5) {
        built = None; // one tree at a time: two would measure the machine's memory
        black_box(&built);
        let (cpu, start) = (cpu::process(), Instant::now());
        let mut tree = StateTree::default();
        let made = tree.apply(0, &Changes::parse(packed)?)?;
        seconds.push(start.elapsed().as_secs_f64());
        micros.push(cpu::process().saturating_sub(cpu).as_secs_f64() * 1e6 / f64::from(keys));
        built = Some((tree, made.number));
    }
    let (tree, number) =
        built.ok_or_else(|| BenchError::WrongAnswer("no round was measured".to_owned()))?;
    let bytes = tree.stats().bytes as f64 / f64::from(keys);
    Figure::new("state rebuild", seconds.median(), "s")
        .cpu(micros.median())
        .print()?;
    Figure::new("state memory a key", bytes, "bytes").print()?;
    Ok((tree, number))
}

/// Blocks that change a thousand keys each, one upon the other.
fn change(
    plan: &Plan,
    tree: &mut StateTree,
    mut number: u64,
    keys: u32,
) -> Result<u64, BenchError> {
    let mut millis = Samples::default();
    let mut releases = Samples::default();
    let mut micros = Samples::default();
    let blocks = if plan.fill_window { 200 } else { 20 };
    for block in 0..blocks {
        let spread = |i: u32| (block * CHANGED + i).wrapping_mul(2_654_435_761) % keys;
        let packed = pack((0..CHANGED).map(|i| (spread(i), block)));
        let (cpu, start) = (cpu::process(), Instant::now());
        let made = tree.apply(number, &Changes::parse(&packed)?)?;
        millis.push(start.elapsed().as_secs_f64() * 1e3);
        micros.push(cpu::process().saturating_sub(cpu).as_secs_f64() * 1e6 / f64::from(CHANGED));
        let start = Instant::now();
        tree.release(number)?;
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
fn prove(plan: &Plan, tree: &StateTree, number: u64, keys: u32) -> Result<(), BenchError> {
    let asked = plan.operations;
    let root = tree.root(number)?;
    let mut bytes = Samples::default();
    let (mut making, mut checking) = (0.0, 0.0);
    for i in 0..asked {
        let name = key(i.wrapping_mul(2_654_435_761) % (2 * keys));
        let start = Instant::now();
        let proof = tree.prove(number, &name)?;
        making += start.elapsed().as_secs_f64();
        bytes.push(proof.len() as f64);
        // The value is the number of the key or of the block that changed it; absence needs none.
        if tree.count(number)? == u64::from(keys) && proof[0] != 0 {
            let start = Instant::now();
            if !verify(&root, &name, None, &proof) {
                let message = "a sound proof of absence was refused".to_owned();
                return Err(BenchError::WrongAnswer(message));
            }
            checking += start.elapsed().as_secs_f64() * 2.0; // half of the keys
        }
    }
    let each = |seconds: f64| seconds * 1e6 / f64::from(asked);
    Figure::new("state proof", each(making), "us").print()?;
    Figure::new("state proof checked, native", each(checking), "us").print()?;
    Figure::new("state proof size p50", bytes.median(), "bytes").print()?;
    Figure::new("state proof size p99", bytes.quantile(0.99), "bytes").print()?;
    Figure::new("state proof size, longest", bytes.quantile(1.0), "bytes").print()?;
    Ok(())
}
