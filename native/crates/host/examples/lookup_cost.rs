//! What lookups cost in a large partition: `cargo run --release -p pyralog-host --example lookup_cost [RECORDS] [DIR]`.
//!
//! Fills a partition (10,000,000 records with a key each, unless told otherwise; what stands in DIR already is kept), and
//! prints the processor time of lookups through [`Host`] by key, also for keys that are not there and as of a time, by time and by
//! id. Threads of the host are idle meanwhile.

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use pyralog_host::{
    Cosigner, DedupWindow, Durability, Host, HostOptions, MaintenanceOptions, PartitionOptions,
    Policy, Reply, SealLimits, Wait, World,
};
use pyralog_log::RealFiles;
use pyralog_types::batch::{RecordRef, ValueRef, encode_proposal};

const BATCH: u64 = 4_096;
const IN_FLIGHT: usize = 4;
const LOOKUPS: u32 = 200_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn open(dir: &Path) -> Outcome<Host> {
    let options = HostOptions {
        dir: dir.to_path_buf(),
        wal_file_bytes: 64 << 20,
        partitions: vec![PartitionOptions {
            origin: "pyralog/bench-00/local/bench/0".to_owned(),
            sha256: false,
            window: DedupWindow {
                millis: 60_000,
                records: 1 << 16,
            },
            policy: Policy::default(),
            durability: Durability::Sync,
        }],
        coordinator: 0,
        cosigner: Cosigner {
            name: "pyralog/bench-00/local/node-0".to_owned(),
            seed: [1; 32],
        },
        log_seed: None,
        checkpoint_ms_min: 1_000,
        lead_ms_max: 7_200_000,
        queue_bytes_max: 64 << 20,
        seal: SealLimits::default(),
        maintenance: MaintenanceOptions::default(),
        sync_interval_ms: 1_000,
        change_durability: false,
    };
    Ok(Host::open(World::real(Arc::new(RealFiles)), &options)?)
}

fn fill(host: &Host, records: u64) -> Outcome<()> {
    let (done, answers) = channel();
    let mut out = 0;
    for first in (host.durable_size(0)?..records).step_by(BATCH as usize) {
        let keys: Vec<[u8; 8]> = (first..records.min(first + BATCH))
            .map(u64::to_be_bytes)
            .collect();
        let records: Vec<RecordRef<'_>> = keys
            .iter()
            .map(|key| RecordRef {
                schema_id: 0,
                submitter: b"",
                idempotency_key: None,
                key: Some(key),
                headers: None,
                value: ValueRef::Bytes(key),
            })
            .collect();
        let done = done.clone();
        let reply = Reply::new(move |answer: Result<_, _>| {
            let _ = done.send(answer.map(drop)); // nobody listens only when this program ends
        });
        host.propose(0, encode_proposal(&records), Wait::Durable, reply);
        out += 1;
        if out >= IN_FLIGHT {
            answers.recv()??;
            out -= 1;
        }
    }
    for _ in 0..out {
        answers.recv()??;
    }
    Ok(())
}

/// Processor time of this thread: on a shared machine it says more than wall time does.
fn used() -> Outcome<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split(' ').next().unwrap_or_default();
    Ok(Duration::from_nanos(nanos.parse()?))
}

/// Runs a lookup for pseudo-random numbers below `bound` and prints what one takes; a first round warms up.
fn measure(name: &str, bound: u64, mut lookup: impl FnMut(u64) -> Outcome<()>) -> Outcome<()> {
    let mut figures = Vec::new();
    for _ in 0..6 {
        let mut state = 1_u64;
        let start = used()?;
        for _ in 0..LOOKUPS {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            lookup((state >> 20) % bound)?;
        }
        figures.push(used()?.saturating_sub(start).as_secs_f64() * 1e6 / f64::from(LOOKUPS));
    }
    let best = figures[1..].iter().copied().fold(f64::MAX, f64::min);
    let mut later = figures[1..].to_vec();
    later.sort_by(f64::total_cmp);
    println!(
        "{name}: {:.2} us cold, {best:.2} us best, {:.2} us median",
        figures[0],
        later[later.len() / 2]
    );
    Ok(())
}

fn expect(found: Option<u64>, wanted: Option<u64>) -> Outcome<()> {
    if black_box(found) == wanted {
        return Ok(());
    }
    Err(format!("found {found:?} instead of {wanted:?}").into())
}

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let records: u64 = arguments
        .next()
        .map_or(Ok(10_000_000), |text| text.parse())?;
    let dir = arguments.next().map_or_else(
        || std::env::temp_dir().join("pyralog-lookup-cost"),
        PathBuf::from,
    );
    let host = open(&dir)?;
    let start = Instant::now();
    fill(&host, records)?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{records} records are there after {seconds:.1} s, in {} segments",
        host.maintenance().segments
    );
    let by_key = |number: u64, as_of| host.offset_of_key(0, &number.to_be_bytes(), as_of);
    measure("by key", records, |n| expect(by_key(n, None)?, Some(n)))?;
    measure("by key, a tenth of the newest", records / 10, |n| {
        let number = records - 1 - n;
        expect(by_key(number, None)?, Some(number))
    })?;
    measure("by key, a tenth of the oldest", records / 10, |n| {
        expect(by_key(n, None)?, Some(n))
    })?;
    measure("by key that is not there", records, |n| {
        expect(by_key(n + records, None)?, None)
    })?;
    measure("by key as of now", records, |n| {
        expect(by_key(n, Some(u64::MAX))?, Some(n))
    })?;
    let middle = {
        let row = host.read(0, records / 2, 0)?;
        pyralog_types::batch::Row::parse_all(&row)?[0]
            .leaf
            .timestamp
    };
    measure("by key as of the middle", records / 2 - BATCH, |n| {
        expect(by_key(n, Some(middle))?, Some(n))
    })?;
    let from = {
        let row = host.read(0, 0, 0)?;
        pyralog_types::batch::Row::parse_all(&row)?[0]
            .leaf
            .timestamp
    };
    measure("by time", middle - from, |n| {
        host.offset_of_time(0, from + n)?.ok_or("no record")?;
        Ok(())
    })?;
    host.close()?;
    Ok(())
}
