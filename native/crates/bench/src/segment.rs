//! Sealed segments, on one core: sealing, lookups, scanning, and what a record takes on the disk.
//!
//! Records are lines of text of about a hundred bytes with a key each, as logs of applications have them.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use pyralog_log::RealFiles;
use pyralog_merkle::{Blake3Tree, TreeHash};
use pyralog_segment::{Row, Segment, SegmentBuilder, SegmentMeta};
use pyralog_types::{LeafRecord, ZERO_HASH, part_hash};

use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::sample::Samples;

const TIME_MS: u64 = 1_790_000_000_000;
/// Keys asked for that are not there.
const MISSES: u32 = 1_000_000;

/// All figures of a segment of `plan.leaves` records.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let dir = plan.dir.join("segments");
    std::fs::create_dir(&dir)?;
    let rows = plan.leaves as u32;
    let meta = seal(plan, &dir, rows)?;
    let segment = open(&dir, &meta)?;
    scan(plan, &dir, &meta)?;
    lookups(plan, &segment, rows)?;
    sizes(&segment, &dir)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// Spreads numbers out, so that neighbours have nothing in common.
fn scatter(number: u32) -> u32 {
    number.wrapping_mul(2_654_435_761) ^ 0x5bd1_e995
}

fn key(number: u32) -> [u8; 16] {
    let mut key = *b"user-0000000000-";
    let digits = format!("{number:010}");
    key[5..15].copy_from_slice(digits.as_bytes());
    key
}

fn value(number: u32) -> String {
    const PATHS: [&str; 5] = ["orders", "items", "carts", "sessions", "invoices"];
    let noise = scatter(number);
    let path = PATHS[noise as usize % PATHS.len()];
    let status = if noise.is_multiple_of(17) { 404 } else { 200 };
    format!(
        "{{\"level\":\"info\",\"method\":\"GET\",\"path\":\"/api/v1/{path}/{}\",\"status\":{status},\"ms\":{}.{:02},\"region\":\"eu-{}\"}}",
        noise % 50_000,
        noise % 90,
        noise % 97,
        noise % 4
    )
}

/// Rows are made before the clock runs: a partition has them, hashed, in its memtable.
struct Prepared {
    leaves: Vec<([u8; 128], [u8; 32])>,
    keys: Vec<[u8; 16]>,
    values: Vec<String>,
}

impl Prepared {
    fn make(rows: u32) -> Self {
        let values: Vec<String> = (0..rows).map(value).collect();
        let keys: Vec<[u8; 16]> = (0..rows).map(|number| key(scatter(number))).collect();
        let leaves = keys.iter().zip(&values).zip(0..);
        let leaves = leaves.map(|((key, value), number)| {
            let leaf = LeafRecord {
                timestamp: TIME_MS + number / 100,
                scarab_id: (number + 1) << 12,
                offset: number,
                epoch: 1,
                schema_id: 0,
                key_hash: part_hash(Some(key)),
                value_hash: part_hash(Some(value.as_bytes())),
                headers_hash: ZERO_HASH,
            };
            let bytes = leaf.to_bytes();
            (bytes, Blake3Tree::leaf(&bytes))
        });
        Self {
            leaves: leaves.collect(),
            keys,
            values,
        }
    }

    fn seal(&self, dir: &Path, name: &str) -> Result<SegmentMeta, BenchError> {
        let mut builder = SegmentBuilder::new(0);
        for (place, (leaf, leaf_hash)) in self.leaves.iter().enumerate() {
            builder.push(&Row {
                leaf,
                leaf_hash: *leaf_hash,
                key: Some(&self.keys[place]),
                headers: None,
                value: self.values[place].as_bytes(),
            })?;
        }
        Ok(builder.finish(&RealFiles, dir, name)?)
    }
}

/// From rows in memory to two synced files.
fn seal(plan: &Plan, dir: &Path, rows: u32) -> Result<SegmentMeta, BenchError> {
    let prepared = Prepared::make(rows);
    let mut rates = Samples::default();
    let mut micros = Samples::default();
    let mut meta = prepared.seal(dir, "s")?;
    for _ in 0..plan.rounds.min(3) {
        let (cpu, start) = (cpu::process(), Instant::now());
        meta = prepared.seal(dir, "s")?;
        rates.push(f64::from(rows) / start.elapsed().as_secs_f64());
        micros.push(cpu::process().saturating_sub(cpu).as_secs_f64() * 1e6 / f64::from(rows));
    }
    Figure::new("segment sealed", rates.median(), "records/s")
        .cpu(micros.median())
        .print()?;
    Ok(meta)
}

fn open(dir: &Path, meta: &SegmentMeta) -> Result<Segment, BenchError> {
    let mut micros = Samples::default();
    for _ in 0..20 {
        let start = Instant::now();
        black_box(Segment::open(&RealFiles, dir, "s", meta)?);
        micros.push_micros(start.elapsed());
    }
    Figure::new("segment opened", micros.median(), "us").print()?;
    Ok(Segment::open(&RealFiles, dir, "s", meta)?)
}

/// Every row with all its parts, from the first to the last; once with and once without checking blocks.
fn scan(plan: &Plan, dir: &Path, meta: &SegmentMeta) -> Result<(), BenchError> {
    let mut first = Samples::default();
    let mut again = Samples::default();
    for _ in 0..plan.rounds.min(5) {
        let segment = Segment::open(&RealFiles, dir, "s", meta)?;
        for samples in [&mut first, &mut again] {
            let start = Instant::now();
            let mut bytes = 0;
            for row in segment.rows_from(0)? {
                let row = black_box(row?);
                bytes += row.raw_bytes();
            }
            if bytes as u64 != meta.raw_bytes {
                return Err(BenchError::WrongAnswer("a scan missed bytes".to_owned()));
            }
            samples.push(bytes as f64 / start.elapsed().as_secs_f64() / 1e9);
        }
    }
    Figure::new("segment scanned, blocks checked", first.median(), "GB/s").print()?;
    Figure::new("segment scanned", again.median(), "GB/s").print()?;
    Ok(())
}

fn lookups(plan: &Plan, segment: &Segment, rows: u32) -> Result<(), BenchError> {
    let asked: Vec<[u8; 16]> = (0..plan.operations)
        .map(|number| key(scatter(scatter(number) % rows)))
        .collect();
    let mut nanos = Samples::default();
    for _ in 0..=plan.rounds.min(5) {
        let start = Instant::now();
        for key in &asked {
            if segment.by_key(key)?.is_none() {
                return Err(BenchError::WrongAnswer("a key was not found".to_owned()));
            }
        }
        nanos.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(plan.operations));
    }
    Figure::new("segment lookup by key", nanos.median(), "ns").print()?;
    // Keys that no record can have: `scatter` reaches all numbers, but another prefix none.
    let missing: Vec<[u8; 16]> = (0..MISSES)
        .map(|number| {
            let mut key = key(number);
            key[0] = b'U';
            key
        })
        .collect();
    let start = Instant::now();
    for key in &missing {
        if black_box(segment.by_key(key)?).is_some() {
            return Err(BenchError::WrongAnswer("a key was made up".to_owned()));
        }
    }
    let nanos = start.elapsed().as_secs_f64() * 1e9 / f64::from(MISSES);
    Figure::new("segment lookup, no such key", nanos, "ns").print()?;
    let wrong = missing
        .iter()
        .filter(|key| segment.may_hold_key(*key))
        .count();
    let share = wrong as f64 * 100.0 / f64::from(MISSES);
    Figure::new("segment filter, wrong answers", share, "%").print()?;
    let ids = (0..plan.operations).map(|number| u64::from(scatter(number) % rows) + 1);
    let start = Instant::now();
    for id in ids {
        black_box(segment.by_id(id << 12)?);
    }
    let nanos = start.elapsed().as_secs_f64() * 1e9 / f64::from(plan.operations);
    Figure::new("segment lookup by id", nanos, "ns").print()?;
    Ok(())
}

fn sizes(segment: &Segment, dir: &Path) -> Result<(), BenchError> {
    let meta = segment.meta();
    if let Some(bits) = segment.index_bits() {
        Figure::new("segment filter, a key", bits.filter, "bits").print()?;
        Figure::new("segment perfect hash, a key", bits.perfect_hash, "bits").print()?;
    }
    let rows = f64::from(meta.rows);
    let hot = (meta.arrow_bytes + meta.side_bytes) as f64;
    let payload = meta.raw_bytes as f64;
    Figure::new("segment payload, a record", payload / rows, "bytes").print()?;
    Figure::new(
        "segment, a record beyond its payload",
        (hot - payload) / rows,
        "bytes",
    )
    .print()?;
    let start = Instant::now();
    let cold = segment.to_parquet(&RealFiles, dir, "s")?;
    let rate = rows / start.elapsed().as_secs_f64();
    Figure::new("segment aged", rate, "records/s").print()?;
    let parquet = cold.arrow_bytes as f64;
    Figure::new("Parquet to Arrow", parquet / meta.arrow_bytes as f64, "x").print()?;
    Figure::new("Parquet to payload", parquet / payload, "x").print()?;
    cold_leaves(&Segment::open(&RealFiles, dir, "s", &cold)?)
}

/// The leaf hashes that a proof wants (M5), of groups far apart: each has a row group decoded, and its leaves made.
fn cold_leaves(cold: &Segment) -> Result<(), BenchError> {
    let meta = cold.meta();
    let mut micros = Samples::default();
    for first in (meta.base_offset..meta.end_offset - 16).step_by(20_011) {
        let before = cpu::thread();
        black_box(cold.leaf_hashes_of(first..first + 16)?);
        micros.push(cpu::thread().saturating_sub(before).as_secs_f64() * 1e6);
    }
    Figure::new("leaf hashes for a proof, cold", micros.median(), "us")
        .cpu(micros.median())
        .print()?;
    Ok(())
}
