//! A large partition: opened after a clean stop, asked for keys, and opened after its process was killed while it appended.
//!
//! `npm run bench -- store` has 10,000,000 records, then 256 MB of log behind the last segment; with `--quick` a
//! sixteenth of the one and a thirty-second of the other, as the line of its records says.

use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use pyralog_host::{Recovery, SealLimits};

use crate::amplification;
use crate::batches::Proposals;
use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::sample::Samples;
use crate::subject::Subject;

/// Records of a batch.
const BATCH: u32 = 4_096;
const IN_FLIGHT: usize = 4;
/// Openings of which the middle one counts.
const TIMES: usize = 5;
/// Part of `--store` that a process started here does until it is killed.
pub const VICTIM: &str = "append-until-killed";

/// All figures.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let store = plan.dir.join("large");
    fill(plan, &store)?;
    let (open, _) = open_often(|_| Ok(store.clone()), plan.large_records)?;
    open.print("large partition, open after a clean stop")?;
    let (subject, _) = Subject::open(&store)?;
    lookups(plan, &subject)?;
    let records = subject.size()?;
    subject.close()?;
    Figure::new(
        "large partition, a record beyond its payload",
        amplification::beyond_payload(&store, records)?,
        "B",
    )
    .print()?;
    let acknowledged = kill_while_appending(plan, &store)?;
    let (open, recovery) = open_often(
        |round| copy_as(&store, &plan.dir.join(format!("killed-{round}"))),
        acknowledged,
    )?;
    open.print("large partition, open after kill -9")?;
    let replayed = recovery.entries as f64;
    Figure::new("large partition, batches replayed", replayed, "batches").print()?;
    fs::remove_dir_all(store)?;
    Ok(())
}

/// Makes the store once, all of it sealed but for what is less than a segment.
fn fill(plan: &Plan, store: &Path) -> Result<(), BenchError> {
    let mut proposals = Proposals::default();
    let (subject, _) = Subject::open(store)?;
    let start = Instant::now();
    append(&subject, &mut proposals, plan.large_records)?;
    subject.await_segments(sealed_segments(plan))?;
    let seconds = start.elapsed().as_secs_f64();
    Figure::new(
        "large partition, records",
        subject.size()? as f64,
        "records",
    )
    .print()?;
    Figure::new("large partition, filled and sealed", seconds, "s").print()?;
    subject.close()
}

/// Batches follow segments' ends closely: each one has no more records than a batch beyond the limit.
fn sealed_segments(plan: &Plan) -> u64 {
    plan.large_records / (SealLimits::default().rows + u64::from(BATCH))
}

fn append(subject: &Subject, proposals: &mut Proposals, records: u64) -> Result<(), BenchError> {
    let mut left = records.div_ceil(u64::from(BATCH)) as usize;
    while left > 0 {
        let some = left.min(64);
        let batches = (0..some).map(|_| proposals.make_keyed(BATCH)).collect();
        subject.propose_all(batches, IN_FLIGHT)?;
        left -= some;
    }
    Ok(())
}

/// Openings of one kind.
#[derive(Default)]
struct Openings {
    millis: Samples,
    cpu_micros: Samples,
}

impl Openings {
    fn print(&self, metric: &str) -> Result<(), BenchError> {
        Figure::new(metric, self.millis.median(), "ms")
            .cpu(self.cpu_micros.median())
            .print()?;
        Ok(())
    }
}

/// Opens the store that `place` names for each round; what was acknowledged must be there every time.
fn open_often(
    place: impl Fn(usize) -> Result<std::path::PathBuf, BenchError>,
    acknowledged: u64,
) -> Result<(Openings, Recovery), BenchError> {
    let mut openings = Openings::default();
    let mut last = Recovery::default();
    for round in 0..TIMES {
        let store = place(round)?;
        cpu::quiesce();
        let (began, used) = (Instant::now(), cpu::process());
        let (subject, recovery) = Subject::open(&store)?;
        openings.millis.push(began.elapsed().as_secs_f64() * 1e3);
        let used = cpu::process().saturating_sub(used);
        openings.cpu_micros.push(used.as_secs_f64() * 1e6);
        let size = subject.size()?;
        if size < acknowledged {
            let why = format!("{size} of {acknowledged} records were there after opening");
            return Err(BenchError::WrongAnswer(why));
        }
        cpu::quiesce();
        subject.close()?;
        if store.file_name().is_some_and(|name| name != "large") {
            fs::remove_dir_all(store)?;
        }
        last = recovery;
    }
    Ok((openings, last))
}

/// Keys of sealed records, at random, on this thread. The first round warms up.
fn lookups(plan: &Plan, subject: &Subject) -> Result<(), BenchError> {
    subject.await_segments(sealed_segments(plan))?;
    let sealed = sealed_segments(plan) * SealLimits::default().rows;
    let bound = if sealed == 0 {
        plan.large_records
    } else {
        sealed
    };
    for (metric, first, there) in [
        ("large partition, lookup by key", 0, true),
        ("large partition, lookup of no key", 1 << 40, false),
    ] {
        let (mut wall, mut used) = (Samples::default(), Samples::default());
        for round in 0..=plan.rounds.min(5) {
            let mut random = 1_u64;
            let (start, before) = (Instant::now(), cpu::thread());
            for _ in 0..plan.operations {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let number = (random >> 20) % bound;
                let key = (first + number).to_be_bytes();
                let found = black_box(subject.host().offset_of_key(0, &key, None)?);
                if found != there.then_some(number) {
                    let why = format!("key {number} was found at {found:?}");
                    return Err(BenchError::WrongAnswer(why));
                }
            }
            if round > 0 {
                let operations = f64::from(plan.operations);
                wall.push(start.elapsed().as_secs_f64() * 1e6 / operations);
                let spent = cpu::thread().saturating_sub(before);
                used.push(spent.as_secs_f64() * 1e6 / operations);
            }
        }
        Figure::new(metric, wall.median(), "us")
            .cpu(used.median())
            .print()?;
    }
    let panels = subject.host().panel_bytes() as f64 * 8.0 / bound as f64;
    Figure::new(
        "large partition, filters side by side",
        panels,
        "bits a key",
    )
    .print()?;
    Ok(())
}

/// Has another process append to the store until there is enough log behind the last segment, and kills it then; answers
/// how many records it had been told are durable.
fn kill_while_appending(plan: &Plan, store: &Path) -> Result<u64, BenchError> {
    let mut victim = Command::new(std::env::current_exe()?)
        .args(["--store", VICTIM, "--dir"])
        .arg(store)
        .args(if plan.fill_window {
            &[][..]
        } else {
            &["--quick"][..]
        })
        .stdin(Stdio::piped()) // ends with this process, however that ends
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let read = victim
        .stdout
        .take()
        .map(|out| BufReader::new(out).read_line(&mut line));
    let killed = victim.kill();
    victim.wait()?;
    killed?;
    read.transpose()?;
    line.trim().parse().map_err(|_| {
        BenchError::WrongAnswer(format!("the process to be killed said {:?}", line.trim()))
    })
}

/// What the process does that is to be killed: appends without sealing, tells once how many records are durable when the
/// log is long enough, and goes on until it is killed or whoever started it is gone.
pub fn append_until_killed(plan: &Plan) -> Result<(), BenchError> {
    std::thread::spawn(|| {
        // Ends when the other end is closed: a process of a bench outlives none.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
    let never = SealLimits {
        rows: u64::MAX,
        bytes: u64::MAX,
    };
    let (subject, _) = Subject::open_many(&plan.dir, 1, never)?;
    let mut proposals = Proposals::from(subject.size()?);
    let before = subject.host().stats().wal_bytes;
    let mut told = false;
    loop {
        append(&subject, &mut proposals, 16 * u64::from(BATCH))?;
        if !told && subject.host().stats().wal_bytes - before >= plan.killed_log_bytes {
            writeln!(std::io::stdout(), "{}", subject.size()?)?;
            told = true;
        }
    }
}

fn copy_as(from: &Path, to: &Path) -> Result<std::path::PathBuf, BenchError> {
    copy(from, to)?;
    Ok(to.to_owned())
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
