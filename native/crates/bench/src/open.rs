//! Opening a log again: how long, and how much of it is hashed again (merkle.md M6).

use std::fs;
use std::path::Path;
use std::time::Instant;

use pyralog_host::SealLimits;

use crate::batches::Proposals;
use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::subject::Subject;

/// Records of a batch, and bytes of each.
const BATCH: (u32, u32) = (1024, 100);
/// Log that is left unsealed by a crash, bytes.
const CRASHED_LOG_BYTES: u64 = 256 << 20;
/// Openings of which the middle one counts.
const TIMES: usize = 5;

/// Opens the log in `dir`, which was closed in order, and closes it.
pub fn measure(dir: &Path) -> Result<(), BenchError> {
    let (subject, recovery) = Subject::open(dir)?;
    let records = subject.size()? as f64;
    Figure::new("records at open", records, "records").print()?;
    Figure::new("open", recovery.millis, "ms").print()?;
    Figure::new("hashes at open", recovery.hashes as f64, "hashes").print()?;
    subject.close()
}

/// Opens a partition of so many records after a clean stop, and after a crash that left 256 MiB of log unsealed.
pub fn large(dir: &Path, records: u64) -> Result<(), BenchError> {
    let store = dir.join("store");
    let mut proposals = Proposals::default();
    let (subject, _) = Subject::open(&store)?;
    fill(
        &subject,
        &mut proposals,
        records.div_ceil(u64::from(BATCH.0)),
    )?;
    let began = Instant::now();
    subject.close()?;
    Figure::new("clean stop", millis(began), "ms").print()?;
    for _ in 0..TIMES {
        time("open after a clean stop", &store)?.close()?;
    }
    // Nothing is sealed of what follows: a copy of the files is what a crash leaves of them.
    let never = SealLimits {
        rows: u64::MAX,
        bytes: u64::MAX,
    };
    let (subject, _) = Subject::open_many(&store, 1, never)?;
    let batch = proposals.make(BATCH.0, BATCH.1).len() as u64;
    fill(&subject, &mut proposals, CRASHED_LOG_BYTES / batch)?;
    let crashed = dir.join("crashed");
    copy(&store, &crashed)?;
    subject.close()?;
    for time_of in 0..TIMES {
        let other = dir.join(format!("crashed-{time_of}"));
        copy(&crashed, &other)?;
        let subject = time("open after a crash", &other)?;
        cpu::quiesce();
        subject.close()?;
        fs::remove_dir_all(other)?;
    }
    Ok(())
}

fn fill(subject: &Subject, proposals: &mut Proposals, batches: u64) -> Result<(), BenchError> {
    let mut left = batches as usize;
    while left > 0 {
        let some = left.min(256);
        subject.propose_all(proposals.many(some, BATCH.0, BATCH.1), 8)?;
        left -= some;
    }
    Ok(())
}

fn time(name: &str, store: &Path) -> Result<Subject, BenchError> {
    cpu::quiesce();
    let (began, used) = (Instant::now(), cpu::process());
    let (subject, recovery) = Subject::open(store)?;
    let (wall, used) = (millis(began), cpu::process().saturating_sub(used));
    let size = subject.size()? as f64;
    Figure::new(format!("{name}, records"), size, "records").print()?;
    Figure::new(
        format!("{name}, entries replayed"),
        recovery.entries as f64,
        "entries",
    )
    .print()?;
    Figure::new(name, wall, "ms")
        .cpu(used.as_secs_f64() * 1e6)
        .print()?;
    Ok(subject)
}

fn millis(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

/// Segments never change, so that their names are enough.
fn copy(from: &Path, to: &Path) -> Result<(), BenchError> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let target = to.join(name);
        if path.is_dir() {
            copy(&path, &target)?;
        } else if from.ends_with("segments") {
            fs::hard_link(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
