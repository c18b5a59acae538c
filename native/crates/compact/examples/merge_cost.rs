//! What merging and compaction cost: `cargo run --release -p pyralog-compact --example merge_cost -- DIR`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use pyralog_compact::{Compactor, Control, Facts, Pace, Work};
use pyralog_log::{FileLayer, RealFiles};
use pyralog_manifest::{Edit, Manifest, ManifestOptions, NewSegment, Policy, file_name};
use pyralog_merkle::{Blake3Tree, TreeHash};
use pyralog_segment::{Row, SegmentBuilder};
use pyralog_types::{LeafRecord, part_hash};

const SEGMENTS: u64 = 8;
const ROWS: u64 = 65_536;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).map(PathBuf::from);
    let dir = dir.ok_or("name an empty directory")?;
    let files: Arc<dyn FileLayer> = Arc::new(RealFiles);
    let manifest = Manifest::open(&files, &dir, &ManifestOptions::new([1; 16]))?.manifest;
    for (partition, keys) in [(0, u64::MAX), (1, ROWS)] {
        fill(files.as_ref(), &manifest, (partition, keys))?;
    }
    let compactor = Compactor::new(Arc::clone(&files), Arc::clone(&manifest));
    let (pace, cancel) = (Pace::unlimited(), AtomicBool::new(false));
    let control = Control {
        cancel: &cancel,
        pace: &pace,
        progress: &|_| {},
    };
    for (partition, latest, name) in [
        (0, false, "merge"),
        (0, true, "compact, all keys new"),
        (1, true, "compact, 1 of 8 stays"),
    ] {
        let version = manifest.current();
        let state = version.partition(partition).ok_or("no partition")?;
        let inputs = state.segments().iter().map(|entry| entry.number).collect();
        let (rows, raw) = (SEGMENTS * ROWS, state.raw_bytes());
        drop(version);
        let (start, cpu) = (Instant::now(), cpu_seconds()?);
        let work = Work::Merge { inputs, latest };
        compactor.run(partition, &work, (&Facts::default(), &control))?;
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let (rows, megabytes) = (rows as f64, raw as f64 / 1e6);
        println!(
            "{name}: {:.0} ns of CPU a row, {:.0} ns in all, {:.0} MB/s of raw bytes",
            cpu * 1e9 / rows,
            seconds * 1e9 / rows,
            megabytes / seconds
        );
    }
    Ok(())
}

/// CPU time of this process; the kernel counts it in hundredths of a second.
fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').ok_or("no name")?.1;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next().ok_or("too few fields");
    let ticks: (u32, u32) = (next()?.parse()?, next()?.parse()?);
    Ok(f64::from(ticks.0 + ticks.1) / 100.0)
}

fn fill(
    files: &dyn FileLayer,
    manifest: &Manifest,
    (partition, keys): (u32, u64),
) -> Result<(), Box<dyn std::error::Error>> {
    manifest.commit(&[Edit::SetPolicy {
        partition,
        policy: Policy::default(),
    }])?;
    for segment in 0..SEGMENTS {
        let base = segment * ROWS;
        let mut builder = SegmentBuilder::new(base);
        for offset in base..base + ROWS {
            let key = (offset % keys).to_le_bytes();
            let mut value = [0; 92];
            value[..8].copy_from_slice(&offset.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
            let leaf = LeafRecord {
                timestamp: 1_700_000_000_000 + offset,
                scarab_id: offset + 1,
                offset,
                epoch: 1,
                schema_id: 0,
                key_hash: part_hash(Some(&key)),
                value_hash: part_hash(Some(&value)),
                headers_hash: part_hash(None),
            };
            let leaf = leaf.to_bytes();
            builder.push(&Row {
                leaf: &leaf,
                leaf_hash: Blake3Tree::leaf(&leaf),
                key: Some(&key),
                headers: None,
                value: &value,
            })?;
        }
        let number = manifest.reserve();
        let dir: &Path = manifest.segments_dir();
        let meta = builder.finish(files, dir, &file_name(partition, number))?;
        let segment = NewSegment { number, meta };
        manifest.commit(&[Edit::Add { partition, segment }])?;
    }
    Ok(())
}
