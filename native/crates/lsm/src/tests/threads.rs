//! Several threads at one store, several stores at one directory.

use std::thread;

use super::{open, options, put};
use crate::{Lsm, LsmError, LsmOptions, Ops};

#[test]
fn commits_what_waits_as_one_group_and_keeps_batches_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let (writers, rounds) = (8_u8, 40_u8);
    thread::scope(|scope| {
        for writer in 0..writers {
            let store = store.clone();
            scope.spawn(move || {
                for round in 0..rounds {
                    let pair = Ops::default()
                        .put(&[writer, 0], &[round])
                        .put(&[writer, 1], &[round]);
                    store.commit_and_wait(pair.packed()).unwrap();
                }
            });
        }
        // A reader never sees one half of a pair without the other, nor a step back.
        let mut last = [0; 8];
        while last.iter().any(|round| *round + 1 < rounds) {
            let snapshot = store.snapshot().unwrap();
            for writer in 0..writers {
                let left = snapshot.get(&[writer, 0]).unwrap();
                assert_eq!(left, snapshot.get(&[writer, 1]).unwrap());
                let round = left.map_or(0, |value| value[0]);
                assert!(round >= last[usize::from(writer)]);
                last[usize::from(writer)] = round;
            }
        }
    });
    let stats = store.stats().unwrap();
    assert_eq!(stats.batches, 320);
    assert!(
        stats.group_commits < stats.batches,
        "{} groups",
        stats.group_commits
    );
}

#[test]
fn answers_what_was_queued_when_it_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let (tell, told) = crossbeam_channel::unbounded();
    for number in 0..50_u8 {
        let tell = tell.clone();
        let reply = move |result: Result<(), LsmError>| tell.send((number, result)).unwrap();
        store.commit(put(&[number], b"1"), reply).unwrap();
    }
    store.close();
    let store = open(dir.path()).unwrap();
    let answers: Vec<_> = told.try_iter().collect();
    assert_eq!(answers.len(), 50, "every batch is answered");
    for (number, result) in answers {
        assert_eq!(result, Ok(()));
        assert_eq!(store.get(&[number]).unwrap(), Some(b"1".to_vec()));
    }
}

#[test]
fn lets_one_opening_have_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let second = open(dir.path()).err().unwrap();
    assert_eq!(second.code(), "storage/locked");
    assert!(second.to_string().contains(dir.path().to_str().unwrap()));
    store.close();
    open(dir.path()).unwrap().close();
}

#[test]
fn refuses_early_while_there_is_no_room_and_goes_on_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let full = LsmOptions {
        reserve_bytes: u64::MAX / 2,
        ..options()
    };
    let store = Lsm::open(dir.path(), &full).unwrap();
    for _ in 0..2 {
        let refused = store.commit_and_wait(put(b"a", b"1")).unwrap_err();
        assert_eq!(refused.code(), "storage/disk-full");
    }
    assert_eq!(store.get(b"a").unwrap(), None);
    store.close();
    let store = open(dir.path()).unwrap();
    store.commit_and_wait(put(b"a", b"1")).unwrap();
}
