//! What maintenance costs readers and appends: `cargo run --release -p pyralog-host --example read_while_merging -- DIR`.
//!
//! Fills a log with sealed segments, then reads single records at random and appends single ones, first with nothing else
//! going on, then while segments are merged, compacted or aged without a limit, then with the default limit.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use pyralog_host::{
    DedupWindow, Durability, Host, HostOptions, MaintenanceOptions, PartitionOptions, Policy,
    Reply, Wait, World,
};
use pyralog_log::RealFiles;
use pyralog_types::batch::encode_digests;

const RECORDS: u64 = 2_097_152;
const BATCH: u64 = 8_192;
/// How long each figure is measured at most.
const MEASURE: Duration = Duration::from_secs(6);

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let dir = std::env::args().nth(1).map(PathBuf::from);
    let dir = dir.ok_or("name an empty directory")?;
    let host = open(&dir, Policy::default(), 0)?;
    let began = Instant::now();
    for first in (0..RECORDS).step_by(BATCH as usize) {
        append(&host, first, BATCH)?;
    }
    println!("filled {RECORDS} records in {:.1?}", began.elapsed());
    host.close()?;

    let mut next = RECORDS;
    let limited = MaintenanceOptions::default().bytes_per_second;
    let merge = |bytes| Policy {
        merge_bytes: bytes,
        ..Policy::default()
    };
    let cold = Policy {
        cold_after_ms: Some(0),
        ..Policy::default()
    };
    for (name, policy, limit) in [
        ("nothing else", Policy::default(), 0),
        ("merging, no limit", merge(24 << 20), 0),
        ("merging, 32 MiB/s", merge(96 << 20), limited),
        ("ageing, no limit", cold, 0),
    ] {
        let host = open(&dir, policy, limit)?;
        measure(name, &host, &mut next)?;
        host.close()?;
    }
    Ok(())
}

fn open(dir: &Path, policy: Policy, bytes_per_second: u64) -> Result<Host, Failed> {
    let partition = PartitionOptions {
        origin: "pyralog/bench-0000000000000000/local/bench/0".to_owned(),
        sha256: false,
        window: DedupWindow {
            millis: 86_400_000,
            records: 1 << 21,
        },
        policy,
        durability: Durability::Sync,
    };
    let options = HostOptions {
        queue_bytes_max: 64 << 20,
        maintenance: MaintenanceOptions {
            bytes_per_second,
            ..MaintenanceOptions::default()
        },
        ..HostOptions::offline(dir, vec![partition])
    };
    Ok(Host::open(World::real(Arc::new(RealFiles)), &options)?)
}

fn append(host: &Host, first: u64, count: u64) -> Result<(), Failed> {
    let digests: Vec<u8> = (first..first + count)
        .flat_map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes())
        .collect();
    let (send, receive) = channel();
    let reply = Reply::new(move |answer| {
        let _ = send.send(answer); // nobody waits when the example has failed
    });
    host.propose(0, encode_digests(0x12, b"", &digests), Wait::Durable, reply);
    receive.recv()??;
    Ok(())
}

/// Ends early when maintenance that did begin is done.
fn measure(name: &str, host: &Host, next: &mut u64) -> Result<(), Failed> {
    let (mut reads, mut appends) = (Vec::new(), Vec::new());
    let began = Instant::now();
    let mut random = 1_u64;
    let mut worked = Duration::ZERO;
    while began.elapsed() < MEASURE {
        for _ in 0..64 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let at = Instant::now();
            host.read(0, (random >> 33) % RECORDS, 0)?;
            reads.push(at.elapsed());
        }
        let at = Instant::now();
        append(host, *next, 1)?;
        appends.push(at.elapsed());
        *next += 1;
        let figures = host.maintenance();
        if figures.under_way.is_some() {
            worked = began.elapsed();
        } else if figures.merges + figures.ageings > 0 {
            break;
        }
    }
    let figures = host.maintenance();
    let mib = figures.bytes_done >> 20;
    let rate = (u128::from(figures.bytes_done) * 1_000 / worked.as_millis().max(1)) >> 20;
    println!(
        "{name}: read p50 {:.1?} p99 {:.1?} max {:.1?}; append p50 {:.1?} p99 {:.1?} max {:.1?}; {} merges, {} aged, {mib} MiB of rows{}",
        part(&mut reads, 50),
        part(&mut reads, 99),
        part(&mut reads, 100),
        part(&mut appends, 50),
        part(&mut appends, 99),
        part(&mut appends, 100),
        figures.merges,
        figures.ageings,
        if mib > 0 {
            format!(" at {rate} MiB/s")
        } else {
            String::new()
        },
    );
    Ok(())
}

/// The time that so many in a hundred stay below.
fn part(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let at = times.len() * percent / 100;
    times[at.min(times.len() - 1)]
}
