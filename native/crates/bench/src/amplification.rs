//! What a record costs the disk in a store whose log files are used again: bytes written, counted as they pass through the
//! file layer, and bytes that stay.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use pyralog_host::SealLimits;

use crate::batches::{KEY_BYTES, Proposals, VALUE_BYTES};
use crate::counting::CountingFiles;
use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::subject::{Setup, Subject};

const BATCH: u32 = 1_024;
const IN_FLIGHT: usize = 4;
/// What the system counts in, whatever the file system's own blocks are.
const BLOCK_BYTES: u64 = 512;
const PAYLOAD_BYTES: f64 = (KEY_BYTES + VALUE_BYTES) as f64;

/// All figures. The records counted are whole segments, so that each has paid for its seal.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let dir = plan.dir.join("amplification");
    let files = CountingFiles::default();
    let setup = Setup {
        files: Arc::new(files.clone()),
        ..Setup::default()
    };
    let (subject, _) = Subject::open_as(&dir, setup)?;
    let mut proposals = Proposals::default();
    let segments = plan.counted_records / SealLimits::default().rows;
    let mut fill = |until: u64| -> Result<(), BenchError> {
        for _ in 0..plan.counted_records / u64::from(BATCH * 64) {
            let batches = (0..64).map(|_| proposals.make_keyed(BATCH)).collect();
            subject.propose_all(batches, IN_FLIGHT)?;
        }
        subject.await_segments(until)?;
        cpu::quiesce();
        Ok(())
    };
    fill(segments)?;
    let before = (files.written(), files.written_to_log());
    fill(2 * segments)?;
    let written = (files.written() - before.0) as f64;
    let to_log = (files.written_to_log() - before.1) as f64;
    let payload = plan.counted_records as f64 * PAYLOAD_BYTES;
    for (metric, bytes) in [
        ("store, bytes written to payload", written),
        ("store, bytes written to the log to payload", to_log),
    ] {
        Figure::new(metric, bytes / payload, "x").print()?;
    }
    let records = subject.size()?;
    subject.close()?;
    let log = bytes_under(&dir.join("wal"))? as f64;
    Figure::new("store, log files whatever its size", log / 1e6, "MB").print()?;
    for (metric, part) in [
        ("store, segments, of a record", "segments"),
        ("store, nodes of trees, of a record", "sidecars"),
        ("store, submissions remembered, of a record", "snapshots"),
    ] {
        let bytes = bytes_under(&dir.join(part))? as f64;
        Figure::new(metric, bytes / records as f64, "B").print()?;
    }
    // All of these records are within the window of submissions: the most that one ever takes.
    Figure::new(
        "store, a remembered record beyond its payload",
        beyond_payload(&dir, records)?,
        "B",
    )
    .print()?;
    fs::remove_dir_all(dir)?;
    Ok(())
}

/// Bytes on disk of all a store of closely sealed records holds, a record, without its payload and without log files: these
/// are a few of one size, used again and again.
pub fn beyond_payload(store: &Path, records: u64) -> io::Result<f64> {
    let bytes = bytes_under(store)? - bytes_under(&store.join("wal"))?;
    Ok(bytes as f64 / records as f64 - PAYLOAD_BYTES)
}

/// Bytes that all files in a directory and in those in it take: the sequencer's, say, is long and takes none (S2).
fn bytes_under(dir: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() {
            bytes_under(&entry.path())?
        } else {
            entry.metadata()?.blocks() * BLOCK_BYTES
        };
    }
    Ok(sum)
}
