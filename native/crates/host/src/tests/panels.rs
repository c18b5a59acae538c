//! Filters side by side (Z13): made by lookups, right whatever becomes of the segments, and bounded.

use pyralog_log::FaultFiles;

use super::{Clock, numbered, sealing, start_in};
use crate::panels::{BYTES_MAX, WORTH};
use crate::{Host, HostOptions, Wait};

/// Rows of a segment.
const ROWS: u64 = 40;

/// Seals segments in which every record has a key of its own: its offset.
fn seal(host: &Host, partition: usize, segments: u64) {
    let first = host.durable_size(partition).unwrap();
    for from in (first..first + segments * ROWS).step_by(ROWS as usize) {
        let proposal = numbered(from..from + ROWS);
        let answer = start_in(host, partition, proposal, Wait::Durable);
        answer.recv().unwrap().unwrap();
    }
    let sealed = || host.shared.segments.end(partition as u32);
    while sealed() < first + segments * ROWS {
        std::thread::yield_now();
    }
}

/// Every key of a partition is found where it is, and one that it has not nowhere.
fn check(host: &Host, partition: usize) {
    for offset in 0..host.durable_size(partition).unwrap() {
        let key = offset.to_be_bytes();
        let found = host.offset_of_key(partition, &key, None).unwrap();
        assert_eq!(found, Some(offset));
        let absent = (offset | 1 << 40).to_be_bytes();
        assert_eq!(host.offset_of_key(partition, &absent, None).unwrap(), None);
        assert!(host.panel_bytes() <= BYTES_MAX, "{}", host.panel_bytes());
    }
}

/// Segments that a panel answers for, and all.
fn covered(host: &Host, partition: u32) -> (usize, usize) {
    let listed = host.shared.segments.listed(partition);
    let count = listed.entries().len();
    let covered = (0..count).filter(|at| listed.is_covered(*at));
    (covered.count(), count)
}

fn partitions(count: usize) -> HostOptions {
    let options = sealing();
    let named = |number: usize| {
        let mut partition = options.partitions[0].clone();
        partition.origin = format!("pyralog/test-00/local/notary/{number}");
        partition
    };
    HostOptions {
        partitions: (0..count).map(named).collect(),
        ..options
    }
}

#[test]
fn lookups_that_ask_many_filters_have_them_copied_side_by_side() {
    let disk = FaultFiles::new(21);
    let host = Host::open(Clock::new().world(&disk), &sealing()).unwrap();
    seal(&host, 0, WORTH as u64 - 1);
    check(&host, 0);
    assert_eq!(host.panel_bytes(), 0, "so few are asked one by one");
    for segments in [1, 2, 13] {
        seal(&host, 0, segments);
        check(&host, 0);
    }
    // Now and then the filter of one has another seed.
    let (covered, all) = covered(&host, 0);
    assert!(all == 19 && covered + 2 * WORTH > all, "{covered} of {all}");
    assert!(host.panel_bytes() > 0);
    host.close().unwrap();
    let host = Host::open(Clock::new().world(&disk), &sealing()).unwrap();
    assert_eq!(host.panel_bytes(), 0, "they are no part of what is on disk");
    check(&host, 0);
    host.close().unwrap();
}

#[test]
fn their_memory_is_bounded_and_goes_to_partitions_that_are_asked() {
    let disk = FaultFiles::new(22);
    let host = Host::open(Clock::new().world(&disk), &partitions(3)).unwrap();
    for partition in 0..3 {
        seal(&host, partition, 60);
        check(&host, partition);
    }
    assert!(host.panel_bytes() > BYTES_MAX / 2, "{}", host.panel_bytes());
    // The first one's are gone when nobody asks it while the others run short.
    for _ in 0..3 {
        seal(&host, 2, 4);
        check(&host, 2);
    }
    let ((first, _), (last, all)) = (covered(&host, 0), covered(&host, 2));
    assert!(first < last && last < all, "{first} and {last} of {all}");
    check(&host, 0);
    host.close().unwrap();
}
