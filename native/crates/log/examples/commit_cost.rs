//! What a commit costs beside the raw calls: `cargo run --release -p pyralog-log --example commit_cost [DIR]`.
//!
//! Prints the CPU of staging and sealing frames of 1,024 × 100 bytes, and the latency of single appends beside a raw
//! pwrite + fdatasync of the same bytes into an equally prepared file, interleaved.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyralog_log::{LogError, NewEntry, OpenLog, RealFiles, WalLogStore, WalOptions};

const FRAMES: usize = 2000;

fn commit(log: &mut OpenLog, bytes: &[u8]) -> Result<(Duration, Duration), LogError> {
    let start = Instant::now();
    let parts = [bytes];
    let entry = NewEntry {
        term: 1,
        parts: &parts,
    };
    log.store.append(0, &[entry])?;
    let frame = log.store.seal();
    let staged = start.elapsed();
    if let Some(frame) = frame {
        log.committer.commit(frame)?;
    }
    Ok((staged, start.elapsed()))
}

fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6
}

fn compare(log: &mut OpenLog, raw: &std::fs::File, length: usize) -> Result<(), LogError> {
    let bytes: Vec<u8> = (0..length).map(|at| (at * 31) as u8).collect();
    let (mut staged, mut total, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    let mut position = 0;
    for _ in 0..FRAMES {
        if let Some(preparer) = &log.preparer {
            preparer.prepare_next()?;
        }
        let (one, both) = commit(log, &bytes)?;
        staged.push(one);
        total.push(both);
        let start = Instant::now();
        let written = raw.write_all_at(&bytes, position);
        let synced = written.and_then(|()| raw.sync_data());
        floor.push(start.elapsed());
        if let Err(error) = synced {
            eprintln!("the raw file failed: {error}");
        }
        position = ((position + length as u64 + 127) % (48 << 20)) & !63;
        log.committer.mark_idle()?;
    }
    println!(
        "{length} bytes: staging p50 {:.1} us; commit p50 {:.0} p99 {:.0} us; raw p50 {:.0} p99 {:.0} us",
        percentile(&mut staged, 50),
        percentile(&mut total, 50),
        percentile(&mut total, 99),
        percentile(&mut floor, 50),
        percentile(&mut floor, 99),
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = base.join(format!("commit-cost-{}", std::process::id()));
    let mut log = WalLogStore::open(Arc::new(RealFiles), &dir, &WalOptions::default())?;
    let raw = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(dir.join("raw"))?;
    raw.write_all_at(&vec![0; 64 << 20], 0)?;
    raw.sync_all()?;
    compare(&mut log, &raw, 100)?;
    compare(&mut log, &raw, 1024 * 100)?;
    drop(log);
    let start = Instant::now();
    let log = WalLogStore::open(Arc::new(RealFiles), &dir, &WalOptions::default())?;
    println!(
        "opening {} records in {} files: {:.0} ms",
        log.recovery.records,
        log.recovery.files,
        start.elapsed().as_secs_f64() * 1e3
    );
    drop(log);
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
