//! Records in segments are read, proved and recognised as those in the log (Z1–Z7).

use std::path::{Path, PathBuf};

use pyralog_log::FaultFiles;
use pyralog_merkle::{Blake3Tree, Sha256Tree, TreeHash};
use pyralog_types::batch::{OutcomeStatus, Row};

use super::{Clock, digests, open, outcomes, propose, sealing, start_in, until, value};
use crate::options::Mutant;
use crate::{Algorithm, Host, HostError, Wait};

pub(super) fn open_sealing(disk: &FaultFiles) -> Host {
    Host::open(Clock::new().world(disk), &sealing()).unwrap()
}

/// Proposes records `from..to` in entries of seven.
pub(super) fn fill(host: &Host, from: u64, to: u64) {
    for first in (from..to).step_by(7) {
        propose(host, digests(first, 7.min(to - first)), Wait::Durable).unwrap();
    }
}

fn numbers_of(host: &Host, from: u64) -> Vec<u64> {
    let rows = host.read(0, from, usize::MAX).unwrap();
    let rows = Row::parse_all(&rows).unwrap();
    for row in &rows {
        assert_eq!(row.value, value(row.leaf.offset));
    }
    rows.iter().map(|row| row.leaf.offset).collect()
}

pub(super) fn check(host: &Host, size: u64) {
    assert_eq!(host.durable_size(0).unwrap(), size);
    assert_eq!(numbers_of(host, 0), (0..size).collect::<Vec<_>>());
    let mut past = 1;
    for offset in [0, 41, 42, 43, size / 2, size - 1] {
        past = (past * 7 + offset) % (size - offset) + offset + 1;
        assert_eq!(numbers_of(host, offset)[0], offset);
        let row = host.read(0, offset, 0).unwrap();
        let rows = Row::parse_all(&row).unwrap();
        assert_eq!(rows.len(), 1);
        let id = rows[0].leaf.scarab_id;
        assert_eq!(host.offset_of_id(0, id).unwrap(), Some(offset));
        let found = host.offsets_of_digest(0, &value(offset), 9).unwrap();
        assert_eq!(found, [offset]);
        for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
            host.inclusion(0, (offset, size), algorithm).unwrap();
            host.inclusion(0, (offset, past), algorithm).unwrap();
            host.consistency(0, (past, size), algorithm).unwrap();
        }
    }
    assert_eq!(host.offset_of_id(0, 5).unwrap(), None);
    assert!(
        host.offsets_of_digest(0, &value(size), 9)
            .unwrap()
            .is_empty()
    );
}

pub(super) fn all_duplicates(host: &Host, size: u64) {
    let answer = propose(host, digests(0, size), Wait::Durable).unwrap();
    for (number, outcome) in outcomes(&answer).iter().enumerate() {
        assert_eq!(outcome.status, OutcomeStatus::Duplicate);
        assert_eq!(outcome.offset, number as u64);
    }
}

#[test]
fn sealed_records_are_read_from_segments() {
    let disk = FaultFiles::new(1);
    let host = open_sealing(&disk);
    fill(&host, 0, 200);
    host.close().unwrap();
    // 42 rows each: the entry with which 40 are reached ends one.
    let segments = host.shared.segments.of(0);
    let ends: Vec<u64> = segments.iter().map(|s| s.meta.end_offset).collect();
    assert_eq!(ends, [42, 84, 126, 168]);

    let host = open_sealing(&disk);
    assert!(host.recovery().clean, "{:?}", host.recovery());
    assert!(host.recovery().entries <= 5, "{:?}", host.recovery());
    assert!(host.recovery().hashes <= 128, "{:?}", host.recovery());
    check(&host, 200);
    all_duplicates(&host, 200);
    fill(&host, 200, 400);
    check(&host, 400);
    host.close().unwrap();
    let host = open_sealing(&disk);
    check(&host, 400);
    all_duplicates(&host, 400);
}

#[test]
fn leaf_hashes_of_sealed_records_are_those_of_the_trees() {
    let disk = FaultFiles::new(9);
    let host = open_sealing(&disk);
    fill(&host, 0, 200);
    host.close().unwrap();
    let host = open_sealing(&disk);
    let segments = &host.shared.segments;
    let rows = host.read(0, 0, usize::MAX).unwrap();
    let rows = Row::parse_all(&rows).unwrap();
    let records: Vec<_> = rows.iter().map(|row| row.leaf.to_bytes()).collect();
    for (from, to) in [(0, 168), (41, 43), (42, 84), (100, 100), (167, 168)] {
        let found = segments.leaf_hashes(0, Algorithm::Blake3, from..to);
        let wanted = &records[from as usize..to as usize];
        let blake3: Vec<_> = wanted.iter().map(Blake3Tree::leaf).collect();
        assert_eq!(found.unwrap(), blake3);
        let found = segments.leaf_hashes(0, Algorithm::Sha256, from..to);
        let sha256: Vec<_> = wanted.iter().map(Sha256Tree::leaf).collect();
        assert_eq!(found.unwrap(), sha256);
    }
    let beyond = segments.leaf_hashes(0, Algorithm::Blake3, 160..170);
    assert!(beyond.is_err(), "168 is not sealed");
    assert!(segments.leaf_hashes(1, Algorithm::Blake3, 0..1).is_err());
}

#[test]
fn a_log_that_was_never_sealed_is_sealed_when_it_is_opened() {
    let disk = FaultFiles::new(2);
    let host = open(&disk);
    fill(&host, 0, 300);
    let root = host.root(0, 300, Algorithm::Blake3).unwrap();
    host.close().unwrap();
    let host = open_sealing(&disk);
    check(&host, 300);
    host.close().unwrap();
    assert_eq!(host.shared.segments.end(0), 294);
    let host = open_sealing(&disk);
    assert_eq!(host.root(0, 300, Algorithm::Blake3).unwrap(), root);
    check(&host, 300);
    all_duplicates(&host, 300);
}

#[test]
fn the_same_log_is_sealed_into_the_same_bytes() {
    let disk = FaultFiles::new(3);
    let host = open(&disk);
    fill(&host, 0, 120);
    host.close().unwrap();
    let sealed = |seed| {
        let other = FaultFiles::new(seed);
        for file in ["wal/STORE", "wal/0000000000000001.wal", "sequencer"] {
            let path = Path::new("/store").join(file);
            other.plant(&path, disk.content(&path).unwrap());
        }
        let host = open_sealing(&other);
        host.close().unwrap();
        let segments = host.shared.segments.of(0);
        let hashes = segments.iter().map(|s| (s.meta.hash, s.meta.end_offset));
        hashes.collect::<Vec<_>>()
    };
    let first = sealed(4);
    assert_eq!(first.len(), 2);
    assert_eq!(first, sealed(5));
}

#[test]
fn damage_in_a_segment_costs_its_records_only() {
    let disk = FaultFiles::new(5);
    let host = open_sealing(&disk);
    fill(&host, 0, 200);
    host.close().unwrap();
    let names = |end: &str| {
        let segment = &host.shared.segments.of(0)[1];
        Path::new("/store/segments").join(format!("{}.{end}", segment.name()))
    };
    let content = disk.content(&names("arrow")).unwrap();
    let at = content
        .windows(34)
        .position(|bytes| bytes == value(60))
        .unwrap();
    disk.flip_bit(&names("arrow"), at, 3);
    let side = names("side");
    let host = open_sealing(&disk);
    let error = host.read(0, 60, 0).unwrap_err();
    assert_eq!(error.code(), "storage/corrupt");
    assert!(error.to_string().contains("offsets"), "{error}");
    // Remembered: whoever comes next is told without the disk being asked, and so is the next opening.
    disk.flip_bit(&names("arrow"), at, 3);
    let again = host.read(0, 60, 0).unwrap_err();
    assert!(matches!(again, HostError::Quarantined { .. }), "{again}");
    disk.flip_bit(&names("arrow"), at, 3);
    assert_eq!(host.maintenance().quarantined, 1);
    assert_eq!(numbers_of(&host, 84), (84..200).collect::<Vec<_>>());
    assert_eq!(numbers_of(&host, 0), (0..42).collect::<Vec<_>>());
    propose(&host, digests(200, 5), Wait::Durable).unwrap();
    // A proof needs the leaves of its group: where they are damaged it says so, elsewhere it is as before.
    for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
        let error = host.inclusion(0, (60, 205), algorithm).unwrap_err();
        assert_eq!(error.code(), "storage/corrupt");
        assert!(error.to_string().contains("offsets 42 to 84"), "{error}");
        for index in [0, 31, 96, 125, 160, 204] {
            host.inclusion(0, (index, 205), algorithm).unwrap();
        }
    }
    host.close().unwrap();

    // Put right again, and without its sidecar: that one is made anew.
    disk.flip_bit(&names("arrow"), at, 3);
    disk.vanish(&side);
    let host = open_sealing(&disk);
    until(|| host.maintenance().quarantined == 0);
    check(&host, 205);
    assert!(disk.content(&side).is_some());
}

#[test]
fn damage_in_leaves_that_an_opening_needs_leaves_what_is_before_them_readable() {
    let disk = FaultFiles::new(11);
    let host = open_sealing(&disk);
    fill(&host, 0, 168); // all of it sealed, the last eight within a group
    host.close().unwrap();
    let segment = host.shared.segments.of(0)[3].name();
    let path = Path::new("/store/segments").join(format!("{segment}.arrow"));
    disk.flip_bit(&path, 2_000, 3);
    let host = open_sealing(&disk);
    assert!(host.recovery().read_only);
    let damage = host.recovery().damage.clone().unwrap();
    assert!(damage.contains("offsets 126 to 168"), "{damage}");
    assert_eq!(host.durable_size(0).unwrap(), 160);
    assert_eq!(numbers_of(&host, 0), (0..126).collect::<Vec<_>>());
    for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
        host.inclusion(0, (100, 160), algorithm).unwrap();
    }
    host.close().unwrap();

    disk.flip_bit(&path, 2_000, 3);
    let host = open_sealing(&disk);
    assert!(host.recovery().clean, "the node files are as they were");
    check(&host, 168);
}

#[test]
fn a_wrong_leaf_with_good_checksums_is_named_and_proves_nothing() {
    let disk = FaultFiles::new(10);
    let mut world = Clock::new().world(&disk);
    world.mutant = Some(Mutant::SealWrongLeaf);
    let host = Host::open(world, &sealing()).unwrap();
    fill(&host, 0, 200);
    host.close().unwrap();
    let host = open_sealing(&disk);
    for index in [48, 50, 63] {
        let error = host
            .inclusion(0, (index, 200), Algorithm::Blake3)
            .unwrap_err();
        assert_eq!(error.code(), "storage/corrupt");
        assert!(error.to_string().contains("offsets 50 to 51"), "{error}");
    }
    // All that does not need it is as before, also in the files that stand now: a rebuild that failed changed nothing.
    for index in [0, 47, 64, 100, 199] {
        host.inclusion(0, (index, 200), Algorithm::Blake3).unwrap();
    }
    host.inclusion(0, (50, 200), Algorithm::Sha256).unwrap();
    assert!(host.read(0, 50, 0).is_err());
    assert_eq!(numbers_of(&host, 64), (64..200).collect::<Vec<_>>());
    propose(&host, digests(200, 5), Wait::Durable).unwrap();
    host.close().unwrap();
    assert!(open_sealing(&disk).recovery().clean);
}

#[test]
fn a_lost_snapshot_leaves_a_store_that_can_be_read() {
    let disk = FaultFiles::new(6);
    let host = open_sealing(&disk);
    fill(&host, 0, 100);
    host.close().unwrap();
    let path = Path::new("/store/snapshots/00000000-0000000000000054.seen");
    assert!(disk.content(path).is_some());
    disk.vanish(path);
    let host = open_sealing(&disk);
    assert!(host.recovery().read_only);
    assert_eq!(numbers_of(&host, 0), (0..84).collect::<Vec<_>>());
    let refused = propose(&host, digests(500, 1), Wait::Durable);
    assert!(matches!(
        refused,
        Err(HostError::Corrupt(_) | HostError::ReadOnly(_))
    ));
}

#[test]
fn a_snapshot_of_another_partition_is_not_taken_for_its_own() {
    let disk = FaultFiles::new(6);
    let mut two = sealing();
    let mut other = two.partitions[0].clone();
    other.origin = "pyralog/test-00/local/notary/1".to_owned();
    two.partitions.push(other);
    let host = Host::open(Clock::new().world(&disk), &two).unwrap();
    for first in (0..84).step_by(7) {
        for partition in [0, 1] {
            let proposal = digests(first + 1000 * partition as u64, 7);
            let answer = start_in(&host, partition, proposal, Wait::Durable);
            answer.recv().unwrap().unwrap();
        }
    }
    host.close().unwrap();
    let [own, others] = [0, 1].map(|partition: u32| {
        PathBuf::from(format!(
            "/store/snapshots/{partition:08x}-0000000000000054.seen"
        ))
    });
    // Sound by itself, and of the size that it says.
    disk.plant(&own, disk.content(&others).unwrap());
    let host = Host::open(Clock::new().world(&disk), &two).unwrap();
    let damage = host.recovery().damage.clone().unwrap_or_default();
    assert!(damage.contains("another partition"), "{damage}");
    assert!(host.recovery().read_only);
    assert_eq!(numbers_of(&host, 0), (0..84).collect::<Vec<_>>());
    // Else what partition 1 remembers would be answered to those who submit to this one.
    assert!(propose(&host, digests(0, 1), Wait::Durable).is_err());
}

#[test]
fn node_files_are_made_again_from_segments() {
    let disk = FaultFiles::new(7);
    let host = open_sealing(&disk);
    fill(&host, 0, 200);
    let root = host.root(0, 200, Algorithm::Sha256).unwrap();
    host.close().unwrap();
    disk.vanish(Path::new("/store/sidecars/0.sha256.k2"));
    disk.vanish(Path::new("/store/sidecars/0.blake3.k4"));
    let host = open_sealing(&disk);
    assert!(!host.recovery().clean && !host.recovery().read_only);
    assert_eq!(host.root(0, 200, Algorithm::Sha256).unwrap(), root);
    check(&host, 200);
}

#[test]
fn a_full_disk_holds_sealing_up_and_loses_nothing() {
    let disk = FaultFiles::new(8);
    let host = open_sealing(&disk);
    fill(&host, 0, 35);
    // Room for frames in the files there are, none for a segment.
    disk.set_capacity(1);
    fill(&host, 35, 70);
    check(&host, 70);
    disk.set_capacity(u64::MAX);
    host.close().unwrap();
    let host = open_sealing(&disk);
    check(&host, 70);
    host.close().unwrap();
    assert_eq!(host.shared.segments.end(0), 42);
}
