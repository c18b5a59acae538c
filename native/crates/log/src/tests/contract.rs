//! What every store promises, run against each of them.

use std::path::Path;
use std::sync::Arc;

use super::model::{Model, Random};
use super::{DIR, options};
use crate::{
    FaultFiles, HardState, LogError, LoseUnsynced, MemoryLogStore, NewEntry, OpenLog, RealFiles,
    TreeState, WalLogStore,
};

fn commit(log: &mut OpenLog) {
    let frame = log.store.seal().unwrap();
    log.committer.commit(frame).unwrap();
}

fn entry<'a>(parts: &'a [&'a [u8]]) -> NewEntry<'a> {
    NewEntry { term: 3, parts }
}

fn gives_indexes_from_one_and_shows_what_is_durable(log: &mut OpenLog) {
    assert_eq!(log.store.staged_index(9), 0);
    assert_eq!(log.store.append(9, &[]).unwrap(), 0);
    assert!(log.store.seal().is_none());
    let two = [entry(&[b"one"]), entry(&[b"t", b"", b"wo"])];
    assert_eq!(log.store.append(9, &two).unwrap(), 2);
    assert_eq!(log.store.append(10, &[entry(&[])]).unwrap(), 1);
    assert!(log.store.staged_bytes() > 0);
    assert_eq!(log.store.staged_index(9), 2);
    assert!(log.reader.entry(9, 1).unwrap().is_none());
    assert!(log.reader.state(9).is_none());
    commit(log);
    assert_eq!(log.store.staged_bytes(), 0);
    let stored = log.reader.entry(9, 2).unwrap().unwrap();
    assert_eq!(
        (stored.index, stored.term, stored.bytes),
        (2, 3, b"two".to_vec())
    );
    assert_eq!(log.reader.entry(10, 1).unwrap().unwrap().bytes, b"");
    assert!(log.reader.entry(9, 0).unwrap().is_none());
    assert!(log.reader.entry(9, 3).unwrap().is_none());
    assert_eq!(log.reader.term(9, 1), Some(3));
    assert_eq!(log.reader.term(9, 3), None);
    assert_eq!(log.reader.groups(), [9, 10]);
}

fn reads_slices(log: &mut OpenLog) {
    log.store.append(11, &[entry(&[b"0123456789"])]).unwrap();
    commit(log);
    assert_eq!(log.reader.entry_slice(11, 1, 3..6).unwrap(), b"345");
    assert_eq!(log.reader.entry_slice(11, 1, 10..10).unwrap(), b"");
    for (index, range) in [(1, 3..11), (2, 0..1), (0, 0..1)] {
        let error = log.reader.entry_slice(11, index, range).unwrap_err();
        assert_eq!(error.code(), "log/out-of-range");
    }
}

fn cuts_entries_that_a_new_leader_overwrites(log: &mut OpenLog) {
    let five: Vec<NewEntry<'_>> = (0..5).map(|_| entry(&[b"old"])).collect();
    log.store.append(12, &five).unwrap();
    commit(log);
    for index in [0, 6] {
        assert!(matches!(
            log.store.truncate_from(12, index),
            Err(LogError::OutOfRange {
                first: 1,
                last: 5,
                ..
            })
        ));
    }
    log.store.truncate_from(12, 3).unwrap();
    let new = NewEntry {
        term: 4,
        parts: &[b"new"],
    };
    assert_eq!(log.store.append(12, &[new]).unwrap(), 3);
    assert_eq!(log.reader.state(12).unwrap().last_index, 5);
    commit(log);
    assert_eq!(log.reader.state(12).unwrap().last_index, 3);
    assert_eq!(log.reader.entry(12, 3).unwrap().unwrap().bytes, b"new");
    assert_eq!(
        (log.reader.term(12, 2), log.reader.term(12, 3)),
        (Some(3), Some(4))
    );
    log.store.truncate_from(12, 1).unwrap();
    commit(log);
    let state = log.reader.state(12).unwrap();
    assert_eq!((state.first_index, state.last_index), (1, 0));
}

fn keeps_the_newest_states(log: &mut OpenLog) {
    let hard = HardState {
        term: 5,
        vote: 2,
        commit: 40,
    };
    let tree = TreeState {
        size: 7,
        root: [1; 32],
        sha256_root: Some([2; 32]),
    };
    let newer = TreeState {
        size: 8,
        root: [3; 32],
        sha256_root: None,
    };
    log.store.hard_state(13, HardState::default()).unwrap();
    log.store.hard_state(13, hard).unwrap();
    log.store.sign_state(13, &tree).unwrap();
    log.store.sidecar_state(13, &tree).unwrap();
    commit(log);
    log.store.sign_state(13, &newer).unwrap();
    commit(log);
    let state = log.reader.state(13).unwrap();
    assert_eq!(state.hard_state, hard);
    assert_eq!((state.signed, state.sidecar), (Some(newer), Some(tree)));
}

fn refuses_frames_out_of_order(log: &mut OpenLog) {
    log.store.append(15, &[entry(&[b"a"])]).unwrap();
    let first = log.store.seal().unwrap();
    log.store.append(15, &[entry(&[b"b"])]).unwrap();
    let second = log.store.seal().unwrap();
    log.committer.commit(first).unwrap();
    log.store.append(15, &[entry(&[b"c"])]).unwrap();
    let third = log.store.seal().unwrap();
    assert_eq!(
        log.committer.commit(third).unwrap_err().code(),
        "storage/poisoned"
    );
    drop(second);
    assert_eq!(log.reader.state(15).unwrap().last_index, 1);
}

fn holds_whatever_is_staged(log: &mut OpenLog) {
    let mut random = Random(4711);
    let mut model = Model::read(log.reader.as_ref()).unwrap();
    for _ in 0..60 {
        model.stage(log.store.as_mut(), &mut random).unwrap();
        commit(log);
        log.committer.mark_idle().unwrap();
    }
    assert_eq!(Model::read(log.reader.as_ref()).unwrap(), model);
    // Number 7 may have released all it has by chance: give it some to replay.
    let first = log
        .store
        .append(7, &[entry(&[b"a"]), entry(&[b"b"])])
        .unwrap();
    let last = log.store.append(7, &[entry(&[b"c"])]).unwrap();
    commit(log);
    let mut seen = 0;
    let replayed = log.reader.replay(7, first, &mut |index, _, _| {
        seen += 1;
        if index == last {
            return Err(LogError::Poisoned("stop".into()));
        }
        Ok(())
    });
    assert!(replayed.is_err());
    assert_eq!(seen, last - first + 1);
}

fn replays_what_is_appended_meanwhile(log: &mut OpenLog) {
    let OpenLog {
        store,
        committer,
        reader,
        ..
    } = log;
    let mut append = |number: u64| {
        let bytes = number.to_le_bytes();
        store.append(16, &[entry(&[&bytes])]).unwrap();
        let frame = store.seal().unwrap();
        committer.commit(frame).unwrap();
    };
    append(1);
    let mut seen = Vec::new();
    let replayed = reader.replay(16, 1, &mut |index, _, bytes| {
        assert_eq!(bytes, index.to_le_bytes());
        seen.push(index);
        if index < 8 {
            append(index + 1);
        }
        Ok(())
    });
    replayed.unwrap();
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8]);
}

/// The whole contract; the last part leaves the store poisoned.
fn contract(log: &mut OpenLog) {
    assert!(log.recovery.clean());
    gives_indexes_from_one_and_shows_what_is_durable(log);
    reads_slices(log);
    cuts_entries_that_a_new_leader_overwrites(log);
    keeps_the_newest_states(log);
    holds_whatever_is_staged(log);
    replays_what_is_appended_meanwhile(log);
    log.committer.mark_stop().unwrap();
    refuses_frames_out_of_order(log);
}

#[test]
fn memory_store() {
    contract(&mut MemoryLogStore::create());
}

#[test]
fn wal_store_on_a_simulated_disk() {
    let disk = FaultFiles::new(1);
    disk.allow_short_writes();
    let layer = Arc::new(disk);
    contract(&mut WalLogStore::open(layer, Path::new(DIR), &options()).unwrap());
}

#[test]
fn wal_store_on_real_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/store");
    let open = || WalLogStore::open(Arc::new(RealFiles), &path, &options());
    let mut log = open().unwrap();
    assert_eq!(open().err().unwrap().code(), "storage/locked");
    contract(&mut log);
    let held = Model::read(log.reader.as_ref()).unwrap();
    drop(log);
    let log = open().unwrap();
    assert!(log.recovery.clean(), "{:?}", log.recovery);
    assert_eq!(Model::read(log.reader.as_ref()).unwrap(), held);
}

#[test]
fn wal_store_on_files_that_lose_unsynced_data() {
    let dir = tempfile::tempdir().unwrap();
    let layer = Arc::new(LoseUnsynced::new());
    let mut log = WalLogStore::open(layer, dir.path(), &options()).unwrap();
    contract(&mut log);
    let held = Model::read(log.reader.as_ref()).unwrap();
    drop(log);
    // Another layer knows only what reached the disk.
    let layer = Arc::new(LoseUnsynced::new());
    let log = WalLogStore::open(layer, dir.path(), &options()).unwrap();
    assert!(log.recovery.damage.is_none());
    assert_eq!(Model::read(log.reader.as_ref()).unwrap(), held);
}

#[test]
fn every_error_has_a_code_that_typescript_knows() {
    let path = || std::path::PathBuf::from("f");
    let damage = || crate::Damage {
        file: path(),
        position: 1,
        detail: "d".into(),
    };
    let range = LogError::OutOfRange {
        group: 0,
        index: 1,
        first: 1,
        last: 0,
    };
    let full = LogError::FrameFull { bytes: 1, max: 1 };
    let codes = [
        LogError::DiskFull { needed: 1, free: 0 }.code(),
        LogError::ReadOnly(damage()).code(),
        LogError::Poisoned(String::new()).code(),
        LogError::Corrupt(damage()).code(),
        LogError::Locked(path()).code(),
        LogError::Format {
            file: path(),
            detail: String::new(),
        }
        .code(),
        LogError::io("read", Path::new("f"), std::io::Error::other("x")).code(),
        full.code(),
        LogError::TooLarge { bytes: 1, max: 1 }.code(),
        range.code(),
    ];
    let types = include_str!("../../../../types.ts");
    for code in codes {
        assert!(types.contains(&format!("'{code}'")), "{code}");
    }
    assert!(full.retryable() && !range.retryable());
}
