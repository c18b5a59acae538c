//! Durable batches of 1,024 records of 100 bytes, by turns with both floors on the very same bytes.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::batches::{HEAD, Proposals, RECORD_HEAD};
use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::floor::{self, FloorFile, Hashing};
use crate::plan::{FloorPlan, Plan};
use crate::sample::Samples;
use crate::subject::{Subject, WAL_FILE_BYTES};

const RECORDS: u32 = 1024;
const VALUE_BYTES: u32 = 100;

/// One slice of one contestant.
struct Slice {
    wall: Duration,
    cpu: Duration,
    threads: BTreeMap<String, Duration>,
    syncs: u64,
}

#[derive(Default)]
struct Series {
    records_per_second: Samples,
    micros_per_record: Samples,
    syncs_per_second: Samples,
    /// Processor time of each thread, over all rounds.
    threads: BTreeMap<String, Duration>,
    records: f64,
}

impl Series {
    fn push(&mut self, slice: &Slice, records: f64) {
        let seconds = slice.wall.as_secs_f64();
        self.records_per_second.push(records / seconds);
        self.micros_per_record
            .push(slice.cpu.as_secs_f64() * 1e6 / records);
        self.syncs_per_second.push(slice.syncs as f64 / seconds);
        self.records += records;
        for (name, time) in &slice.threads {
            *self.threads.entry(name.clone()).or_default() += *time;
        }
    }
}

/// One series for each number of proposals in flight.
pub fn measure(
    plan: &Plan,
    subject: &Subject,
    proposals: &mut Proposals,
) -> Result<(), BenchError> {
    let mut file = FloorFile::create(&plan.dir.join("floor"), WAL_FILE_BYTES)?;
    for &in_flight in &plan.in_flight {
        let [stream, records, log] = rounds(plan, in_flight, &mut file, subject, proposals)?;
        print(in_flight, &stream, &records, &log)?;
        if Some(&in_flight) == plan.in_flight.last() {
            print_threads(in_flight, &log)?;
        }
    }
    Ok(())
}

fn rounds(
    plan: &Plan,
    in_flight: usize,
    file: &mut FloorFile,
    subject: &Subject,
    proposals: &mut Proposals,
) -> Result<[Series; 3], BenchError> {
    let mut series = <[Series; 3]>::default();
    let each = Hashing::Records {
        head: HEAD,
        stride: RECORD_HEAD + VALUE_BYTES as usize,
        record: VALUE_BYTES as usize,
    };
    for round in 0..=plan.rounds {
        let batches = proposals.many(plan.slice, RECORDS, VALUE_BYTES);
        let records = (batches.len() * RECORDS as usize) as f64;
        for turn in 0..3 {
            let who = (round + turn) % 3;
            let slice = match who {
                0 => timed(|| Ok(floor::run(file, &batches, in_flight, Hashing::Stream)?))?,
                1 => timed(|| Ok(floor::run(file, &batches, in_flight, each)?))?,
                _ => {
                    let owned = batches.clone();
                    timed(|| subject.propose_all(owned, in_flight))?
                }
            };
            if round > 0 {
                series[who].push(&slice, records);
            }
        }
    }
    Ok(series)
}

/// Runs when nothing else of this process does; `work` returns its number of fdatasyncs.
fn timed(work: impl FnOnce() -> Result<u64, BenchError>) -> Result<Slice, BenchError> {
    cpu::quiesce();
    let mut threads = cpu::by_thread();
    let cpu = cpu::process();
    let start = Instant::now();
    let syncs = work()?;
    let wall = start.elapsed();
    let cpu = cpu::process().saturating_sub(cpu);
    for (name, after) in cpu::by_thread() {
        let before = threads.entry(name).or_default();
        *before = after.saturating_sub(*before);
    }
    Ok(Slice {
        wall,
        cpu,
        threads,
        syncs,
    })
}

fn print(
    in_flight: usize,
    stream: &Series,
    records: &Series,
    log: &Series,
) -> Result<(), BenchError> {
    let rate = log.records_per_second.median();
    let cpu = log.micros_per_record.median();
    let name = format!("durable batch, {in_flight} in flight");
    let line = |metric: String| Figure::new(metric, rate, "records/s").cpu(cpu);
    line(name.clone())
        .floor(stream.records_per_second.median())
        .print()?;
    line(format!("{name}, floor (b)"))
        .floor(records.records_per_second.median())
        .print()?;
    Figure::new(
        format!("{name}, fdatasyncs"),
        log.syncs_per_second.median(),
        "1/s",
    )
    .floor(stream.syncs_per_second.median())
    .print()?;
    Figure::new(format!("{name}, CPU a record"), cpu * 1e3, "ns")
        .floor(stream.micros_per_record.median() * 1e3)
        .print()?;
    Ok(())
}

/// Which thread is the narrow one.
fn print_threads(in_flight: usize, log: &Series) -> Result<(), BenchError> {
    for (name, time) in &log.threads {
        let nanos = time.as_secs_f64() * 1e9 / log.records;
        if nanos >= 1.0 {
            let metric = format!("durable batch, {in_flight} in flight, thread {name}");
            Figure::new(metric, nanos, "ns").print()?;
        }
    }
    Ok(())
}

/// Batches of one slice of [`floor_only`].
const FLOOR_BATCHES: usize = 48;

/// Raw batches a second, for a bench that measures its subject from outside.
pub fn floor_only(dir: &Path, plan: &FloorPlan) -> Result<(), BenchError> {
    let mut file = FloorFile::create(&dir.join("floor"), WAL_FILE_BYTES)?;
    let batches = vec![vec![0x5a; plan.bytes]; FLOOR_BATCHES];
    let mut rates = Samples::default();
    let mut micros = Samples::default();
    for _ in 0..5 {
        let slice = timed(|| {
            Ok(floor::run(
                &mut file,
                &batches,
                plan.in_flight,
                Hashing::Stream,
            )?)
        })?;
        rates.push(FLOOR_BATCHES as f64 / slice.wall.as_secs_f64());
        micros.push(slice.cpu.as_secs_f64() * 1e6 / FLOOR_BATCHES as f64);
    }
    std::fs::remove_file(dir.join("floor"))?;
    Ok(Figure::new("floor", rates.median(), "1/s")
        .cpu(micros.median())
        .print()?)
}
