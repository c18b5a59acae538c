//! The host over the simulated disk.

mod behaviour;
mod cluster;
mod cluster_snapshot;
mod cold;
mod crash;
mod damage;
mod full;
mod ids;
mod lookup;
mod maintain;
mod maintain_crash;
mod members;
mod notes;
mod panels;
mod policy;
mod seal;
mod size;
mod stop;
mod unsynced;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};

use pyralog_log::FaultFiles;
use pyralog_types::batch::{
    OUTCOME_BYTES, Outcome, RecordRef, ValueRef, encode_digests, encode_proposal,
};

use crate::{
    Algorithm, Answer, Cosigner, DedupWindow, Durability, Host, HostError, HostOptions,
    MaintenanceOptions, PartitionOptions, Policy, Reply, SealLimits, Wait, World,
};

const START_MS: u64 = 1_790_000_000_000;

fn options() -> HostOptions {
    HostOptions {
        dir: PathBuf::from("/store"),
        wal_file_bytes: 128 << 10,
        partitions: vec![PartitionOptions {
            origin: "pyralog/test-00/local/notary/0".to_owned(),
            sha256: true,
            window: DedupWindow {
                millis: 86_400_000,
                records: 1_000_000,
            },
            policy: Policy::default(),
            durability: Durability::Sync,
        }],
        coordinator: 3,
        cosigner: Cosigner {
            name: "pyralog/test-00/local/node-0".to_owned(),
            seed: [1; 32],
        },
        log_seed: Some([2; 32]),
        checkpoint_ms_min: 1,
        lead_ms_max: 7_200_000,
        queue_bytes_max: 1 << 20,
        seal: SealLimits::default(),
        maintenance: MaintenanceOptions::default(),
        sync_interval_ms: 100,
        change_durability: false,
        cluster: None,
        offline: false,
    }
}

/// Small segments: a seal point every 40 records.
fn sealing() -> HostOptions {
    HostOptions {
        seal: SealLimits {
            rows: 40,
            bytes: 1 << 20,
        },
        ..options()
    }
}

/// A clock that a test sets; it moves by a millisecond at each look.
#[derive(Clone)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(START_MS)))
    }

    fn world(&self, disk: &FaultFiles) -> World {
        let clock = self.clone();
        World::new(Arc::new(disk.clone()), move || {
            clock.0.fetch_add(1, Ordering::Relaxed)
        })
    }
}

fn open(disk: &FaultFiles) -> Host {
    Host::open(Clock::new().world(disk), &options()).unwrap()
}

/// Waits for what another thread does.
fn until(mut done: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !done() {
        assert!(started.elapsed().as_secs() < 120, "it never comes");
        std::thread::yield_now();
    }
}

/// A proposal of `count` digests that follow from `first`.
fn digests(first: u64, count: u64) -> Vec<u8> {
    let digests: Vec<u8> = (first..first + count)
        .flat_map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes())
        .collect();
    encode_digests(0x12, b"me", &digests)
}

/// The notary value of digest `n`.
fn value(n: u64) -> Vec<u8> {
    [&[0x12, 32][..], blake3::hash(&n.to_le_bytes()).as_bytes()].concat()
}

/// A proposal of records whose keys and values are these numbers, big end first.
fn numbered(numbers: Range<u64>) -> Vec<u8> {
    let keys: Vec<[u8; 8]> = numbers.map(u64::to_be_bytes).collect();
    let records = keys.iter().map(|key| RecordRef {
        schema_id: 0,
        submitter: b"",
        idempotency_key: None,
        key: Some(key),
        headers: None,
        value: ValueRef::Bytes(key),
    });
    encode_proposal(&records.collect::<Vec<_>>())
}

fn start(host: &Host, proposal: Vec<u8>, wait: Wait) -> Receiver<Result<Answer, HostError>> {
    start_in(host, 0, proposal, wait)
}

fn start_in(
    host: &Host,
    partition: usize,
    proposal: Vec<u8>,
    wait: Wait,
) -> Receiver<Result<Answer, HostError>> {
    let (send, receive) = channel();
    host.propose(
        partition,
        proposal,
        wait,
        Reply::new(move |answer| {
            let _ = send.send(answer); // a test that is over does not listen
        }),
    );
    receive
}

fn propose(host: &Host, proposal: Vec<u8>, wait: Wait) -> Result<Answer, HostError> {
    start(host, proposal, wait).recv().unwrap()
}

fn outcomes(answer: &Answer) -> Vec<Outcome> {
    let packed = answer.outcomes.chunks_exact(OUTCOME_BYTES);
    packed.map(|o| Outcome::from_bytes(o).unwrap()).collect()
}

/// Whether the tree still has every root that these notes were signed for.
fn check_notes(host: &Host, notes: &[String]) -> Result<(), String> {
    for note in notes {
        let mut lines = note.lines().skip(1);
        let size: u64 = lines.next().unwrap().parse().unwrap();
        let root = host.root(0, size, Algorithm::Blake3);
        let root = root.map_err(|_| format!("signed size {size} is gone"))?;
        if Some(crate::base64::encode(&root).as_str()) != lines.next() {
            return Err(format!("the tree of {size} records is not the one signed"));
        }
    }
    Ok(())
}
