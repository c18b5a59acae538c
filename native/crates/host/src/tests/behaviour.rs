//! What a caller sees when nothing breaks, and when the disk is full or fails.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use pyralog_log::{FaultFiles, FileLayer, LogError, OpenMode};
use pyralog_merkle::{Blake3Tree, Sha256Tree, verify_consistency};
use pyralog_types::batch::{OutcomeStatus, Row};

use super::{Clock, digests, open, options, outcomes, propose, start, value};
use crate::{Algorithm, DedupWindow, Host, HostError, Reply, SignedCheckpoint, Wait};

type Signed = Result<Arc<SignedCheckpoint>, HostError>;

const PATHS: Wait = Wait::Checkpoint { paths: true };

#[test]
fn a_clean_close_reopens_hashing_leaves_that_are_not_sealed_and_no_node() {
    let disk = FaultFiles::new(1);
    let host = open(&disk);
    for n in 0..20 {
        propose(&host, digests(n * 100, 100), Wait::Durable).unwrap();
    }
    let root = host.root(0, 2_000, Algorithm::Blake3).unwrap();
    host.close().unwrap();
    host.close().unwrap();

    let again = open(&disk);
    let recovery = again.recovery();
    assert!(recovery.clean && !recovery.read_only, "{recovery:?}");
    assert_eq!((recovery.entries, recovery.records), (0, 2_000));
    // Of each tree: the leaves, at most 64 to trust the file, none of its 2,000 inner nodes.
    let allowed = 2 * (2_000 + 64);
    assert!(
        recovery.hashes <= allowed,
        "{} hashes, {allowed} are allowed",
        recovery.hashes
    );
    assert_eq!(again.root(0, 2_000, Algorithm::Blake3).unwrap(), root);
    let answer = propose(&again, digests(0, 100), PATHS).unwrap();
    assert!(
        outcomes(&answer)
            .iter()
            .all(|o| o.status == OutcomeStatus::Duplicate)
    );
    assert_eq!(answer.checkpoint.unwrap().size, 2_000);
}

#[test]
fn reads_and_proofs_answer_for_what_is_durable_only() {
    let host = open(&FaultFiles::new(1));
    propose(&host, digests(0, 70), Wait::Durable).unwrap();
    propose(&host, digests(70, 30), Wait::Durable).unwrap();
    let rows = host.read(0, 60, usize::MAX).unwrap();
    let rows = Row::parse_all(&rows).unwrap();
    assert_eq!(rows.len(), 40);
    assert_eq!(rows[39].value, value(99));
    assert_eq!(
        Row::parse_all(&host.read(0, 99, 0).unwrap()).unwrap().len(),
        1
    );
    assert!(host.read(0, 100, 1_000).unwrap().is_empty());
    assert!(matches!(
        host.read(0, 101, 1_000),
        Err(HostError::OutOfRange { .. })
    ));
    assert_eq!(host.offsets_of_digest(0, &value(42), 9).unwrap(), [42]);
    assert!(
        host.offsets_of_digest(0, &value(100), 9)
            .unwrap()
            .is_empty()
    );
    let out = host.inclusion(0, (5, 101), Algorithm::Blake3);
    assert!(matches!(
        out,
        Err(HostError::OutOfRange {
            asked: 101,
            have: 100,
            ..
        })
    ));
    assert!(matches!(
        host.root(1, 0, Algorithm::Blake3),
        Err(HostError::OutOfRange { .. })
    ));
    for (from, to) in [(0, 100), (1, 70), (70, 100), (100, 100)] {
        let roots = |a| (host.root(0, from, a).unwrap(), host.root(0, to, a).unwrap());
        let path = host.consistency(0, (from, to), Algorithm::Blake3).unwrap();
        let (old, new) = roots(Algorithm::Blake3);
        assert!(verify_consistency::<Blake3Tree>(
            (&old, from),
            (&new, to),
            &path
        ));
        let path = host.consistency(0, (from, to), Algorithm::Sha256).unwrap();
        let (old, new) = roots(Algorithm::Sha256);
        assert!(verify_consistency::<Sha256Tree>(
            (&old, from),
            (&new, to),
            &path
        ));
    }
}

#[test]
fn checkpoints_come_at_once_to_who_waits_and_by_themselves_to_who_does_not() {
    let host = open(&FaultFiles::new(1));
    let (send, receive) = channel();
    let waiter = send.clone();
    host.checkpoint_at(
        0,
        3,
        Reply::new(move |c: Signed| waiter.send(c.unwrap().size).unwrap()),
    );
    propose(&host, digests(0, 3), Wait::Durable).unwrap();
    assert_eq!(receive.recv().unwrap(), 3);
    host.checkpoint_at(
        0,
        2,
        Reply::new(move |c: Signed| send.send(c.unwrap().size).unwrap()),
    );
    assert_eq!(receive.recv().unwrap(), 3);
    propose(&host, digests(3, 1), Wait::Durable).unwrap();
    while host.checkpoint(0).unwrap().is_none_or(|c| c.size < 4) {
        std::thread::yield_now();
    }
}

#[test]
fn a_changed_window_holds_from_where_it_stands_and_after_replay() {
    let disk = FaultFiles::new(1);
    let host = open(&disk);
    propose(&host, digests(0, 10), Wait::Durable).unwrap();
    host.close().unwrap();
    let mut short = options();
    short.partitions[0].window = DedupWindow {
        millis: 86_400_000,
        records: 2,
    };
    for (expected_size, first) in [(11, 0), (12, 1)] {
        let host = Host::open(Clock::new().world(&disk), &short).unwrap();
        let answer = propose(&host, digests(first, 1), Wait::Durable).unwrap();
        assert_eq!(outcomes(&answer)[0].status, OutcomeStatus::New);
        assert_eq!(host.durable_size(0).unwrap(), expected_size);
        host.close().unwrap();
    }
}

#[test]
fn a_directory_of_another_log_is_refused() {
    let disk = FaultFiles::new(1);
    open(&disk).close().unwrap();
    let mut other = options();
    other.partitions[0].origin = "pyralog/test-01/local/notary/0".to_owned();
    let refused = Host::open(Clock::new().world(&disk), &other).err().unwrap();
    assert_eq!(refused.code(), "storage/format");
    let mut other = options();
    other.partitions[0].sha256 = false;
    let refused = Host::open(Clock::new().world(&disk), &other).err().unwrap();
    assert_eq!(refused.code(), "storage/format");
}

#[test]
fn a_second_host_is_locked_out_and_a_closed_one_lets_the_next_in() {
    let disk = FaultFiles::new(1);
    let host = open(&disk);
    let refused = Host::open(Clock::new().world(&disk), &options())
        .err()
        .unwrap();
    assert_eq!(refused.code(), "storage/locked");
    host.close().unwrap();
    let closed = propose(&host, digests(0, 1), Wait::Durable).unwrap_err();
    assert_eq!(closed.code(), "log/closed");
    open(&disk).close().unwrap();
}

#[test]
fn malformed_and_too_many_proposals_are_refused_before_anything_happens() {
    let host = open(&FaultFiles::new(1));
    let refused = propose(&host, vec![9, 9, 9], Wait::Durable).unwrap_err();
    assert_eq!(refused.code(), "batch/malformed");
    let big = propose(&host, digests(0, 5_000), Wait::Durable).unwrap_err();
    assert_eq!(big.code(), "batch/malformed", "{big}");
    propose(&host, digests(0, 1), Wait::Durable).unwrap();
    assert_eq!(host.durable_size(0).unwrap(), 1);
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let disk = FaultFiles::new(1);
    let host = open(&disk);
    disk.set_capacity(900 << 10);
    let mut next = 0;
    let refused = loop {
        match propose(&host, digests(next, 1_000), Wait::Durable) {
            Ok(_) => next += 1_000,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(refused, HostError::Log(LogError::DiskFull { .. })),
        "{refused}"
    );
    assert!(host.stats().disk_full && !host.stats().poisoned);
    assert_eq!(host.durable_size(0).unwrap(), next);
    disk.set_capacity(u64::MAX);
    let answer = propose(&host, digests(next, 10), PATHS).unwrap();
    assert_eq!(outcomes(&answer)[0].offset, next);
    host.close().unwrap();
    assert_eq!(open(&disk).durable_size(0).unwrap(), next + 10);
}

/// Lets a fault that is still armed hit a file of no importance.
fn disarm(disk: &FaultFiles) {
    let file = disk.open(Path::new("/other"), OpenMode::OpenOrCreate);
    while file.as_ref().is_ok_and(|file| file.sync_data().is_err()) {}
}

#[test]
fn a_failed_sync_poisons_and_the_next_opening_decides() {
    let disk = FaultFiles::new(1);
    let host = open(&disk);
    propose(&host, digests(0, 1), Wait::Durable).unwrap();
    let mut codes = Vec::new();
    while codes.last() != Some(&"storage/poisoned") {
        disk.fail_next_sync(); // the background may have taken the one before
        if let Err(error) = propose(&host, digests(50, 1), PATHS) {
            codes.push(error.code());
        }
    }
    assert!(host.stats().poisoned);
    let (send, receive) = channel();
    host.checkpoint_at(
        0,
        99,
        Reply::new(move |c: Signed| send.send(c.is_err()).unwrap()),
    );
    assert!(receive.recv().unwrap());
    drop(host);
    disarm(&disk);
    let again = open(&disk);
    let answer = propose(&again, digests(0, 1), Wait::Durable).unwrap();
    assert_eq!(outcomes(&answer)[0].status, OutcomeStatus::Duplicate);
}

#[test]
fn many_callers_share_group_commits_and_closing_drains() {
    let disk = FaultFiles::new(1);
    let host = open(&disk);
    let waiting: Vec<_> = (0..500)
        .map(|n| start(&host, digests(n, 1), Wait::Durable))
        .collect();
    host.close().unwrap();
    let mut offsets: Vec<u64> = Vec::new();
    for answer in waiting {
        offsets.push(outcomes(&answer.recv().unwrap().unwrap())[0].offset);
    }
    assert_eq!(offsets, (0..500).collect::<Vec<_>>());
    assert!(host.stats().group_commits < 500, "{:?}", host.stats());
}

/// The time a note claims (C1).
fn claimed(note: &str) -> u64 {
    let line = note.lines().find(|line| line.starts_with("time "));
    line.unwrap()["time ".len()..].parse().unwrap()
}

#[test]
fn a_clock_set_back_never_signs_a_time_before_the_record() {
    let disk = FaultFiles::new(1);
    let clock = Clock::new();
    let host = Host::open(clock.world(&disk), &options()).unwrap();
    let first = propose(&host, digests(0, 1), Wait::Durable).unwrap();
    clock
        .0
        .fetch_sub(3_600_000, std::sync::atomic::Ordering::Relaxed);
    let second = propose(&host, digests(1, 1), PATHS).unwrap();
    let note = &second.checkpoint.as_ref().unwrap().note;
    assert!(claimed(note) >= outcomes(&second)[0].timestamp);
    assert!(outcomes(&second)[0].timestamp >= outcomes(&first)[0].timestamp);
    host.close().unwrap();

    // Nor after a restart on that clock, when nothing new was logged.
    let again = Host::open(clock.world(&disk), &options()).unwrap();
    let (tell, told) = channel();
    let reply = Reply::new(move |answer: Signed| tell.send(answer).unwrap());
    again.checkpoint_at(0, 2, reply);
    let note = told.recv().unwrap().unwrap().note.clone();
    assert!(claimed(&note) >= outcomes(&second)[0].timestamp);
}
