//! Damage in node files is healed from the log (M6, M7); damage in the log leaves a store that can be read.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use pyralog_log::{FaultFiles, FileLayer};
use pyralog_merkle::position;
use pyralog_types::batch::Row;

use super::seal::{fill, open_sealing};
use super::{Clock, digests, open, propose, sealing, value};
use crate::{Algorithm, Host, Wait};

const NODES: &str = "/store/sidecars/0.blake3.k4";

fn filled(records: u64) -> FaultFiles {
    let disk = FaultFiles::new(1);
    let host = open(&disk);
    propose(&host, digests(0, records), Wait::Durable).unwrap();
    host.close().unwrap();
    disk
}

#[test]
fn a_store_without_a_snapshot_and_its_newest_segment_opens_for_reading() {
    for kept in [60, 84] {
        let disk = FaultFiles::new(kept);
        let host = open_sealing(&disk);
        fill(&host, 0, kept);
        host.close().unwrap();
        let segments = host.shared.segments.of(0);
        let newest = segments.last().unwrap();
        assert_eq!(newest.meta.end_offset, kept / 42 * 42);
        let [segment, _] = newest.meta.kind.files(&newest.name());
        let path = Path::new("/store/segments").join(segment);
        disk.plant(&path, vec![0; 100]);
        for snapshot in disk.list("/store/snapshots".as_ref()).unwrap() {
            disk.flip_bit(&Path::new("/store/snapshots").join(snapshot), 20, 1);
        }
        let host = open_sealing(&disk);
        assert!(host.recovery().read_only);
        let size = host.durable_size(0).unwrap();
        assert!(
            kept / 42 * 42 - size < 16,
            "{size} of {kept} records are shown"
        );
        let rows = host.read(0, 0, usize::MAX);
        assert_eq!(rows.is_ok(), kept == 84, "the first segment is whole");
        host.close().unwrap();
    }
}

#[test]
fn a_damaged_inner_node_is_rebuilt_before_a_proof_leaves() {
    let disk = filled(64);
    let host = open(&disk);
    let right = host.inclusion(0, (5, 64), Algorithm::Blake3).unwrap();
    host.close().unwrap();
    let at = position(0, 1) * 32; // sibling of the first sixteen leaves; the only peak is intact
    disk.flip_bit(Path::new(NODES), at as usize, 3);

    let host = open(&disk);
    assert!(
        host.recovery().clean,
        "peaks lead to the root: {:?}",
        host.recovery()
    );
    assert_eq!(
        host.inclusion(0, (5, 64), Algorithm::Blake3).unwrap(),
        right
    );
    propose(&host, digests(64, 1), Wait::Durable).unwrap();
    assert_eq!(
        host.inclusion(0, (5, 64), Algorithm::Blake3).unwrap(),
        right
    );
    host.close().unwrap();
    let host = open(&disk);
    assert!(host.recovery().clean);
    assert_eq!(
        host.inclusion(0, (5, 64), Algorithm::Blake3).unwrap(),
        right
    );
}

#[test]
fn a_damaged_node_above_a_leaf_is_rebuilt_before_its_record_leaves() {
    let disk = filled(64);
    disk.flip_bit(Path::new(NODES), (position(0, 0) * 32) as usize, 0);
    let host = open(&disk);
    let row = host.read(0, 9, 0).unwrap();
    assert_eq!(Row::parse_all(&row).unwrap()[0].value, value(9));
    host.inclusion(0, (9, 64), Algorithm::Blake3).unwrap();
}

#[test]
fn a_damaged_peak_or_a_missing_file_is_rebuilt_at_opening() {
    let disk = filled(64);
    let root = open(&disk).root(0, 64, Algorithm::Sha256).unwrap();
    disk.flip_bit(Path::new(NODES), (position(2, 0) * 32) as usize, 7);
    let host = open(&disk);
    assert!(
        !host.recovery().clean && !host.recovery().read_only,
        "{:?}",
        host.recovery()
    );
    assert_eq!((host.recovery().entries, host.recovery().records), (0, 64));
    host.inclusion(0, (9, 64), Algorithm::Blake3).unwrap();
    host.close().unwrap();
    disk.vanish(Path::new("/store/sidecars/0.sha256.k2"));
    let host = open(&disk);
    assert_eq!(host.root(0, 64, Algorithm::Sha256).unwrap(), root);
    assert!(!host.recovery().clean);
}

#[test]
fn node_files_of_an_earlier_version_are_made_anew_and_go() {
    let disk = filled(64);
    let host = open(&disk);
    let right = host.inclusion(0, (9, 64), Algorithm::Sha256).unwrap();
    host.close().unwrap();
    for (new, old) in [
        (NODES, "/store/sidecars/0.blake3"),
        ("/store/sidecars/0.sha256.k2", "/store/sidecars/0.sha256"),
    ] {
        disk.vanish(Path::new(new));
        disk.plant(Path::new(old), vec![7; 127 * 32]); // every node of 64 records
    }
    let host = open(&disk);
    assert!(!host.recovery().clean && !host.recovery().read_only);
    assert_eq!(
        host.inclusion(0, (9, 64), Algorithm::Sha256).unwrap(),
        right
    );
    host.inclusion(0, (9, 64), Algorithm::Blake3).unwrap();
    host.close().unwrap();
    assert_eq!(disk.content(Path::new("/store/sidecars/0.blake3")), None);
    assert_eq!(disk.content(Path::new("/store/sidecars/0.sha256")), None);
    assert!(open(&disk).recovery().clean);
}

#[test]
fn a_damaged_log_whose_nodes_reach_further_opens_for_reading_only() {
    let disk = FaultFiles::new(1);
    let host = open(&disk);
    for n in 0..60 {
        propose(&host, digests(n, 1), Wait::Durable).unwrap();
    }
    host.close().unwrap();
    let wal = Path::new("/store/wal/0000000000000001.wal");
    let content = disk.content(wal).unwrap();
    let digest = &value(37)[2..];
    let at = content.windows(32).position(|w| w == digest).unwrap();
    disk.flip_bit(wal, at, 1);
    disk.vanish(Path::new("/store/wal/STOP")); // or the log is checked behind the opening only

    let host = open(&disk);
    assert!(host.recovery().read_only);
    let size = host.durable_size(0).unwrap();
    assert_eq!(size, 37, "everything in front of the damage");
    let rows = host.read(0, 0, usize::MAX).unwrap();
    assert_eq!(Row::parse_all(&rows).unwrap().len(), 37);
    for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
        for index in 0..37 {
            host.inclusion(0, (index, 37), algorithm).unwrap();
        }
    }
}

#[test]
fn a_damaged_log_opens_for_reading_only() {
    let disk = FaultFiles::new(1);
    let host = open(&disk);
    for n in 0..10 {
        propose(&host, digests(n, 1), Wait::Durable).unwrap();
    }
    host.close().unwrap();
    let wal = Path::new("/store/wal/0000000000000001.wal");
    let content = disk.content(wal).unwrap();
    let digest = &value(5)[2..];
    let at = content.windows(32).position(|w| w == digest).unwrap();
    disk.flip_bit(wal, at, 1);
    disk.vanish(Path::new("/store/wal/STOP")); // or the log is checked behind the opening only

    let host = open(&disk);
    assert!(host.recovery().read_only && !host.recovery().clean);
    assert!(host.recovery().damage.is_some());
    let size = host.durable_size(0).unwrap();
    assert_eq!(size, 5, "everything in front of the damage");
    assert_eq!(
        Row::parse_all(&host.read(0, 0, usize::MAX).unwrap())
            .unwrap()
            .len(),
        5
    );
    host.inclusion(0, (2, 5), Algorithm::Blake3).unwrap();
    let refused = propose(&host, digests(99, 1), Wait::Durable).unwrap_err();
    assert_eq!(refused.code(), "storage/read-only");
    host.close().unwrap();
}

#[test]
fn a_segment_that_is_gone_hides_no_record_of_another() {
    let disk = FaultFiles::new(4);
    let host = || Host::open(Clock::new().world(&disk), &sealing()).unwrap();
    let first = host();
    for number in (0..200).step_by(10) {
        propose(&first, digests(number, 10), Wait::Durable).unwrap();
    }
    first.close().unwrap();
    let lost = first.shared.segments.of(0)[1].clone();
    let [data, _] = lost.meta.kind.files(&lost.name());
    disk.vanish(&Path::new("/store/segments").join(data));

    let host = host();
    for offset in (0..200).filter(|offset| !lost.range().contains(offset)) {
        let found = host.offsets_of_digest(0, &value(offset), 9).unwrap();
        assert_eq!(found, [offset]);
        host.read(0, offset, 0).unwrap();
    }
    // Whether it was there nobody can say.
    for number in [lost.range().start, 900] {
        host.offsets_of_digest(0, &value(number), 9).unwrap_err();
    }
    propose(&host, digests(900, 1), Wait::Durable).unwrap();
    assert_eq!(host.offsets_of_digest(0, &value(900), 9).unwrap(), [200]);
}

#[test]
fn a_segment_whose_file_is_gone_is_damage_of_its_offsets() {
    let disk = FaultFiles::new(7);
    let host = open_sealing(&disk);
    fill(&host, 0, 100);
    host.close().unwrap();
    let first = Path::new("/store/segments/00000000-0000000000000000.arrow");
    let content = disk.content(first).unwrap();
    disk.vanish(first);
    for _ in 0..2 {
        let host = open_sealing(&disk);
        let refused = host.read(0, 41, 0).unwrap_err();
        assert_eq!(refused.code(), "storage/corrupt", "{refused}");
        assert!(host.read(0, 42, 0).is_ok() && host.read(0, 99, 0).is_ok());
        propose(&host, digests(200, 1), Wait::Durable).unwrap();
        host.close().unwrap();
    }
    disk.plant(first, content);
    let host = open_sealing(&disk);
    host.shared
        .segments
        .review_quarantines(&AtomicBool::new(false))
        .unwrap();
    let row = host.read(0, 41, 0).unwrap();
    assert_eq!(Row::parse_all(&row).unwrap()[0].value, value(41));
}
