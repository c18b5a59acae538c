//! After a clean stop nothing is replayed, and the store is the one that stopped (Z9).

use std::path::Path;

use pyralog_log::FaultFiles;
use pyralog_types::batch::Row;

use super::seal::{all_duplicates, check, fill, open_sealing};
use super::{digests, propose, until, value};
use crate::{Algorithm, HostError, Wait};

const STOP: &str = "/store/wal/STOP";

#[test]
fn a_stopped_store_goes_on_where_it_was() {
    let disk = FaultFiles::new(1);
    let mut size = 0;
    // Within a segment, at its end, behind it, and far behind.
    for more in [49, 35, 7, 90, 0, 37, 300] {
        let host = open_sealing(&disk);
        assert!(host.recovery().clean && disk.content(Path::new(STOP)).is_none());
        assert_eq!(host.recovery().entries, 0, "{:?}", host.recovery());
        fill(&host, size, size + more);
        size += more;
        check(&host, size);
        let root = host.root(0, size, Algorithm::Sha256).unwrap();
        host.close().unwrap();
        assert!(disk.content(Path::new(STOP)).is_some());

        let host = open_sealing(&disk);
        assert!(host.recovery().clean, "{:?}", host.recovery());
        assert_eq!(
            (host.recovery().entries, host.recovery().records),
            (0, size)
        );
        assert_eq!(host.root(0, size, Algorithm::Sha256).unwrap(), root);
        check(&host, size);
        all_duplicates(&host, size);
        host.close().unwrap();
    }
    // The same log, read as after a crash.
    disk.vanish(Path::new(STOP));
    let host = open_sealing(&disk);
    assert!(host.recovery().entries > 0);
    check(&host, size);
    all_duplicates(&host, size);
}

#[test]
fn what_was_taken_on_trust_is_checked_behind_the_opening() {
    let disk = FaultFiles::new(2);
    let host = open_sealing(&disk);
    fill(&host, 0, 60);
    host.close().unwrap();
    let wal = Path::new("/store/wal/0000000000000001.wal");
    let content = disk.content(wal).unwrap();
    let digest = &value(50)[2..];
    let at = content.windows(32).position(|w| w == digest).unwrap();
    disk.flip_bit(wal, at, 1);

    let host = open_sealing(&disk);
    assert!(!host.recovery().read_only);
    until(|| host.stats().failure.is_some());
    let stats = host.stats();
    assert!(stats.read_only && !stats.poisoned, "{stats:?}");
    let said = stats.failure.unwrap();
    assert!(said.contains("0000000000000001.wal"), "{said}");
    let refused = propose(&host, digests(99, 1), Wait::Durable).unwrap_err();
    assert_eq!(refused.code(), "storage/read-only");
    assert_eq!(host.read(0, 50, 0).unwrap_err().code(), "storage/corrupt");
    for offset in [0, 41, 42, 59] {
        let row = host.read(0, offset, 0).unwrap();
        assert_eq!(Row::parse_all(&row).unwrap()[0].value, value(offset));
    }
    host.close().unwrap();
    // A store that failed leaves nothing to go by.
    assert!(disk.content(Path::new(STOP)).is_none());
}

#[test]
fn frames_without_records_of_a_partition_are_checked_too() {
    let disk = FaultFiles::new(4);
    let host = open_sealing(&disk);
    fill(&host, 0, 60);
    host.close().unwrap();
    // The configuration is all that the first frame holds.
    let wal = Path::new("/store/wal/0000000000000001.wal");
    disk.flip_bit(wal, 4_096 + 64 + 40, 1);
    let host = open_sealing(&disk);
    assert!(!host.recovery().read_only);
    until(|| host.stats().read_only);
    check(&host, 60);
    host.close().unwrap();
}

#[test]
fn a_damaged_snapshot_ends_appending_and_leaves_a_store_that_can_be_read() {
    let disk = FaultFiles::new(3);
    let host = open_sealing(&disk);
    fill(&host, 0, 60);
    host.close().unwrap();
    let path = Path::new("/store/snapshots/00000000-000000000000002a.seen");
    let bytes = disk.content(path).unwrap().len();
    disk.flip_bit(path, bytes - 9, 1);
    let host = open_sealing(&disk);
    until(|| host.stats().read_only);
    let refused = propose(&host, digests(0, 1), Wait::Durable).unwrap_err();
    assert!(matches!(refused, HostError::ReadOnly(_)), "{refused}");
    check(&host, 60);
    host.close().unwrap();

    // Its figures are checked by the opening itself.
    disk.flip_bit(path, 20, 1);
    let host = open_sealing(&disk);
    assert!(host.recovery().read_only);
    let rows = host.read(0, 0, usize::MAX).unwrap();
    assert_eq!(Row::parse_all(&rows).unwrap().len(), 42);
}
