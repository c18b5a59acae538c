//! Maintenance beside readers and appends: what it may take goes, all else stays, and everything can be proved for ever
//! (Y13 to Y16).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pyralog_compact::{Compactor, Facts, TOMBSTONE};
use pyralog_log::FaultFiles;
use pyralog_merkle::{Blake3Tree, TreeHash, verify_inclusion};
use pyralog_types::Hash;
use pyralog_types::batch::{OutcomeStatus, RecordRef, Row, ValueRef, encode_proposal};
use pyralog_types::encode_headers;

use super::{Clock, outcomes, propose, sealing, until};
use crate::{Algorithm, Host, HostError, HostOptions, MaintenanceOptions, Policy, Wait, World};

/// Keys that records have in turn; every tenth has none, every eleventh is a tombstone.
const KEYS: u64 = 13;

/// Record `n` of a test: key, headers, value.
pub(super) struct Made {
    pub key: Option<Vec<u8>>,
    pub headers: Option<Vec<u8>>,
    pub value: Vec<u8>,
}

pub(super) fn made(n: u64) -> Made {
    let tombstone = n % 11 == 5;
    let key = n % 10 != 3 || tombstone;
    let number = n.to_le_bytes();
    Made {
        key: key.then(|| format!("key-{}", n % KEYS).into_bytes()),
        headers: tombstone.then(|| encode_headers(&[(TOMBSTONE, &number)]).unwrap()),
        value: if tombstone {
            Vec::new()
        } else {
            [&number[..], &[7; 30]].concat()
        },
    }
}

/// A proposal of records `first` to `first + count`.
pub(super) fn records(first: u64, count: u64) -> Vec<u8> {
    let made: Vec<Made> = (first..first + count).map(made).collect();
    let refs: Vec<RecordRef<'_>> = made
        .iter()
        .map(|record| RecordRef {
            schema_id: 0,
            submitter: b"me",
            idempotency_key: None,
            key: record.key.as_deref(),
            headers: record.headers.as_deref(),
            value: ValueRef::Bytes(&record.value),
        })
        .collect();
    encode_proposal(&refs)
}

/// Options with small segments and maintenance at every moment.
pub(super) fn maintained(policy: Policy) -> HostOptions {
    let mut options = HostOptions {
        maintenance: MaintenanceOptions {
            on: true,
            tick: Duration::from_millis(1),
            bytes_per_second: 0,
        },
        ..sealing()
    };
    options.partitions[0].policy = policy;
    options
}

/// Waits until the policy leaves nothing to do.
pub(super) fn until_idle(host: &Host) {
    let manifest = &host.shared.segments.manifest;
    let compactor = Compactor::new(host.shared.segments.files.clone(), manifest.clone());
    until(|| {
        let facts = Facts {
            now_ms: (host.shared.world.clock)(),
            final_offset: 0,
            sha256: true,
        };
        let wanted = host.shared.shards[0].policy == policy_of(host);
        let sealed =
            host.shared.segments.end(0) == host.shared.shards[0].state.read().sealed_from();
        wanted && sealed && compactor.plan(0, &facts).is_empty()
    });
}

fn policy_of(host: &Host) -> Policy {
    let version = host.shared.segments.manifest.current();
    let policy = version.partition(0).map(|state| state.policy().clone());
    policy.unwrap_or_default()
}

fn open(disk: &FaultFiles, options: &HostOptions) -> Host {
    Host::open(Clock::new().world(disk), options).unwrap()
}

fn fill(host: &Host, from: u64, to: u64) {
    for first in (from..to).step_by(7) {
        propose(host, records(first, 7.min(to - first)), Wait::Durable).unwrap();
    }
}

/// What a client keeps of a record for ever.
pub(super) struct Receipt {
    pub leaf: Hash,
    pub offset: u64,
    path: Vec<Hash>,
    size: u64,
    root: Hash,
}

impl Receipt {
    pub fn verify(&self) {
        let tree = (&self.root, self.size);
        assert!(
            verify_inclusion::<Blake3Tree>((&self.leaf, self.offset), tree, &self.path),
            "the receipt of {} does not verify",
            self.offset
        );
    }
}

/// All rows that are left, from the first on.
pub(super) fn read_all(host: &Host) -> Result<Vec<u8>, HostError> {
    loop {
        let first = host.first_offset(0).unwrap();
        match host.read(0, first, usize::MAX) {
            Err(HostError::Removed { .. }) => {} // it moved meanwhile
            other => return other,
        }
    }
}

/// Takes receipts of all durable records that can be read.
pub(super) fn receipts(host: &Host) -> Vec<Receipt> {
    let size = host.durable_size(0).unwrap();
    let root = host.root(0, size, Algorithm::Blake3).unwrap();
    let rows = read_all(host).unwrap();
    let rows = Row::parse_all(&rows).unwrap();
    let taken = rows.iter().map(|row| Receipt {
        leaf: Blake3Tree::leaf(&row.leaf.to_bytes()),
        offset: row.leaf.offset,
        path: host
            .inclusion(0, (row.leaf.offset, size), Algorithm::Blake3)
            .unwrap(),
        size,
        root,
    });
    taken.collect()
}

/// Receipts of old verify, the node proves their records in the tree of today, and that it extends the one of then.
pub(super) fn check_receipts(host: &Host, receipts: &[Receipt]) {
    let size = host.durable_size(0).unwrap();
    let root = host.root(0, size, Algorithm::Blake3).unwrap();
    for receipt in receipts {
        receipt.verify();
        let path = host.inclusion(0, (receipt.offset, size), Algorithm::Blake3);
        let leaf = (&receipt.leaf, receipt.offset);
        assert!(
            verify_inclusion::<Blake3Tree>(leaf, (&root, size), &path.unwrap()),
            "record {} cannot be proved any more",
            receipt.offset
        );
        host.inclusion(0, (receipt.offset, size), Algorithm::Sha256)
            .unwrap();
        assert_eq!(
            host.root(0, receipt.size, Algorithm::Blake3).unwrap(),
            receipt.root
        );
        host.consistency(0, (receipt.size, size), Algorithm::Blake3)
            .unwrap();
    }
}

/// Numbers of the records that can be read, each checked byte by byte. Records were appended in order, so that offsets are
/// numbers.
fn left(host: &Host) -> Vec<u64> {
    let first = host.first_offset(0).unwrap();
    let rows = host.read(0, first, usize::MAX).unwrap();
    let rows = Row::parse_all(&rows).unwrap();
    for row in &rows {
        let made = made(row.leaf.offset);
        assert_eq!(row.value, made.value);
        assert_eq!(row.key, made.key.unwrap_or_default());
    }
    rows.iter().map(|row| row.leaf.offset).collect()
}

fn sealed_end(host: &Host) -> u64 {
    host.shared.segments.end(0)
}

/// What latest-by-key leaves of records `0..sealed`, and all behind.
fn latest(sealed: u64, size: u64) -> Vec<u64> {
    let superseded = |n: u64| {
        let key = made(n).key;
        key.is_some() && (n + 1..sealed).any(|later| made(later).key == key)
    };
    (0..size)
        .filter(|n| *n >= sealed || !superseded(*n))
        .collect()
}

fn compacted() -> Policy {
    Policy {
        latest_by_key: true,
        ..Policy::default()
    }
}

#[test]
fn a_compacted_log_keeps_the_latest_of_each_key_and_every_proof() {
    let disk = FaultFiles::new(1);
    let host = open(&disk, &sealing());
    fill(&host, 0, 400);
    let old = receipts(&host);
    assert_eq!(old.len(), 400);
    let roots: Vec<Hash> = (0..=400)
        .map(|size| host.root(0, size, Algorithm::Sha256).unwrap())
        .collect();
    host.close().unwrap();

    let options = maintained(compacted());
    let host = open(&disk, &options);
    until_idle(&host);
    let sealed = sealed_end(&host);
    assert!(sealed > 300, "{sealed}");
    let kept = latest(sealed, 400);
    assert!(kept.len() < 250);
    until(|| host.maintenance().merges > 0); // counted once the manifest says it
    assert_eq!(left(&host), kept);
    // Reads from a gap go on behind it.
    for gap in (0..sealed).filter(|n| !kept.contains(n)) {
        let rows = host.read(0, gap, 0).unwrap();
        let next = kept.iter().find(|n| **n > gap);
        assert_eq!(
            Row::parse_all(&rows).unwrap()[0].leaf.offset,
            *next.unwrap()
        );
    }
    check_receipts(&host, &old);
    for (size, root) in (0..).zip(&roots) {
        assert_eq!(host.root(0, size, Algorithm::Sha256).unwrap(), *root);
    }
    // A repetition of a removed record is answered with its old offset.
    let gone = (0..sealed).find(|n| !kept.contains(n)).unwrap();
    let answer = propose(&host, records(gone, 1), Wait::Checkpoint { paths: true }).unwrap();
    let outcome = outcomes(&answer)[0];
    assert_eq!(
        (outcome.status, outcome.offset),
        (OutcomeStatus::Duplicate, gone)
    );
    fill(&host, 400, 700);
    until_idle(&host);
    host.close().unwrap();

    // Trees are made again from what is left.
    disk.vanish(Path::new("/store/sidecars/0.blake3"));
    disk.vanish(Path::new("/store/sidecars/0.sha256"));
    let host = open(&disk, &options);
    assert!(!host.recovery().read_only, "{:?}", host.recovery());
    until_idle(&host);
    check_receipts(&host, &old);
    assert!(left(&host).len() < 400);
    host.close().unwrap();
}

#[test]
fn retention_moves_the_beginning_and_says_so() {
    let disk = FaultFiles::new(2);
    let options = maintained(Policy {
        retain_from: Some(130),
        ..Policy::default()
    });
    let host = open(&disk, &sealing());
    fill(&host, 0, 200);
    let old = receipts(&host);
    host.close().unwrap();
    let host = open(&disk, &options);
    until_idle(&host);
    // The border of a segment at or before what is wanted.
    assert_eq!(host.first_offset(0).unwrap(), 126);
    assert_eq!(left(&host), (126..200).collect::<Vec<_>>());
    for offset in [0, 60, 125] {
        let error = host.read(0, offset, 0).unwrap_err();
        assert_eq!(error.code(), "log/out-of-range");
        let text = error.to_string();
        assert!(
            text.contains("records before 126 were removed by retention"),
            "{text}"
        );
        assert!(matches!(error, HostError::Removed { first: 126, .. }));
    }
    check_receipts(&host, &old);
    // Files of what went are gone, the leaf hashes are not.
    until(|| {
        let names = host
            .shared
            .segments
            .files
            .list(Path::new("/store/segments"));
        let arrows = names.unwrap();
        arrows
            .iter()
            .filter(|name| {
                Path::new(name)
                    .extension()
                    .is_some_and(|end| end == "arrow")
            })
            .count()
            == 1
    });
    assert_eq!(
        propose(&host, records(3, 1), Wait::Durable)
            .map(|a| outcomes(&a)[0].offset)
            .unwrap(),
        3
    );
    host.close().unwrap();
    for sidecar in ["blake3", "sha256"] {
        disk.vanish(Path::new(&format!("/store/sidecars/0.{sidecar}")));
    }
    let host = open(&disk, &options);
    check_receipts(&host, &old);
    assert_eq!(left(&host)[0], 126);
    host.close().unwrap();
}

#[test]
fn bytes_and_age_retain_too_and_ageing_keeps_every_byte() {
    for (seed, policy) in [
        (
            3,
            Policy {
                retain_bytes: Some(4_000),
                ..Policy::default()
            },
        ),
        (
            4,
            Policy {
                retain_ms: Some(50),
                ..Policy::default()
            },
        ),
    ] {
        let disk = FaultFiles::new(seed);
        let now = Clock::new();
        let time = now.clone();
        // Stands still while one looks: a clock that goes on makes more due.
        let world = World::new(Arc::new(disk.clone()), move || {
            time.0.load(Ordering::Relaxed)
        });
        let host = Host::open(world, &maintained(policy)).unwrap();
        fill(&host, 0, 150);
        now.0.fetch_add(1_000, Ordering::Relaxed);
        fill(&host, 150, 300);
        let old = receipts(&host);
        until_idle(&host);
        let first = host.first_offset(0).unwrap();
        assert!(first > 0 && first < 300, "{first}");
        assert_eq!(left(&host), (first..300).collect::<Vec<_>>());
        check_receipts(&host, &old);
        host.close().unwrap();
    }
    let disk = FaultFiles::new(5);
    let cold = Policy {
        cold_after_ms: Some(0),
        merge_bytes: 1 << 20,
        ..Policy::default()
    };
    let host = open(&disk, &maintained(cold));
    fill(&host, 0, 300);
    let old = receipts(&host);
    until_idle(&host);
    until(|| host.maintenance().ageings > 0);
    assert_eq!(left(&host), (0..300).collect::<Vec<_>>());
    check_receipts(&host, &old);
    host.close().unwrap();
}

#[test]
fn a_full_disk_postpones_maintenance_and_refuses_nothing() {
    let disk = FaultFiles::new(6);
    let host = open(&disk, &sealing());
    fill(&host, 0, 200);
    host.close().unwrap();
    disk.set_capacity(1);
    let host = open(&disk, &maintained(compacted()));
    // Frames go into the files there are.
    fill(&host, 200, 207);
    assert_eq!(left(&host).len(), 207);
    assert_eq!(host.maintenance().merges, 0);
    disk.set_capacity(u64::MAX);
    until_idle(&host);
    until(|| host.maintenance().merges > 0);
    assert_eq!(host.maintenance().last_error, None);
    assert!(left(&host).len() < 207);
    host.close().unwrap();
}

#[test]
fn damage_keeps_its_segment_out_and_the_rest_goes_on() {
    let disk = FaultFiles::new(7);
    let host = open(&disk, &sealing());
    fill(&host, 0, 300);
    host.close().unwrap();
    let segment = &host.shared.segments.of(0)[2];
    let path = Path::new("/store/segments").join(format!("{}.arrow", segment.name()));
    let content = disk.content(&path).unwrap();
    let value = made(100).value;
    let at = content
        .windows(value.len())
        .position(|bytes| bytes == value);
    disk.flip_bit(&path, at.unwrap(), 0);
    let host = open(&disk, &maintained(compacted()));
    until_idle(&host);
    let figures = host.maintenance();
    assert_eq!(figures.quarantined, 1, "{figures:?}");
    // Each side of it once: what is compacted is not compacted again for the sake of what cannot be read.
    assert!(
        (1..=4).contains(&figures.merges) && figures.failures > 0,
        "{figures:?}"
    );
    let range = segment.range();
    assert!(matches!(
        host.read(0, 100, 0),
        Err(HostError::Quarantined { .. } | HostError::Segment(_))
    ));
    let behind = host.read(0, range.end, usize::MAX).unwrap();
    let behind = Row::parse_all(&behind).unwrap().len();
    assert!(behind > 30, "{behind}");
    host.close().unwrap();
}

#[test]
fn switched_off_it_changes_nothing() {
    let disk = FaultFiles::new(10);
    let host = open(&disk, &sealing());
    fill(&host, 0, 200);
    host.close().unwrap();
    let files = || {
        let names = host
            .shared
            .segments
            .files
            .list(Path::new("/store/segments"));
        let mut names = names.unwrap();
        names.sort();
        names
    };
    let before = files();
    let mut options = maintained(compacted());
    options.maintenance.on = false;
    let host = open(&disk, &options);
    assert_eq!(left(&host).len(), 200);
    host.close().unwrap();
    assert_eq!(policy_of(&host), Policy::default());
    assert_eq!((files(), host.maintenance().merges), (before, 0));
}

#[test]
fn closing_calls_off_what_is_under_way() {
    let disk = FaultFiles::new(8);
    let host = open(&disk, &sealing());
    fill(&host, 0, 400);
    host.close().unwrap();
    let mut options = maintained(compacted());
    options.maintenance.bytes_per_second = 1; // hours
    let host = open(&disk, &options);
    until(|| host.maintenance().under_way.is_some());
    let work = host.maintenance().under_way.unwrap();
    assert_eq!((work.partition, work.kind), (0, "compact"));
    host.close().unwrap();
    assert_eq!(host.maintenance().merges, 0);
    let host = open(&disk, &sealing());
    assert_eq!(left(&host), (0..400).collect::<Vec<_>>());
    host.close().unwrap();
}

#[test]
fn open_files_are_bounded_and_those_of_no_version_are_closed() {
    let disk = FaultFiles::new(9);
    let mut options = maintained(Policy::default());
    options.seal.rows = 7;
    let host = open(&disk, &options);
    fill(&host, 0, 400);
    until_idle(&host);
    for offset in 0..sealed_end(&host) {
        host.read(0, offset, 0).unwrap();
        assert!(
            host.maintenance().open_files <= 8,
            "{:?}",
            host.maintenance()
        );
    }
    assert!(host.maintenance().segments > 40);
    host.close().unwrap();
    options.partitions[0].policy.retain_from = Some(u64::MAX);
    let host = open(&disk, &options);
    until_idle(&host);
    until(|| host.maintenance().files_deleted > 40);
    assert_eq!(host.maintenance().segments, 1);
    assert!(host.maintenance().open_files <= 1);
    host.close().unwrap();
}
