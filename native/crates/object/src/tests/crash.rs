//! The power fails at every call in turn: what was answered is there, and what is there is right.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use pyralog_log::{FaultFiles, FileLayer};

use super::{DIR, ids, noise, open};
use crate::{ObjectError, ObjectReference, ObjectStore};

/// Puts, sweeps and puts again until the power fails; returns what was answered and is live.
fn work(store: &ObjectStore, seed: u64) -> HashMap<ObjectReference, Vec<u8>> {
    let mut live = HashMap::new();
    for round in 0..6 {
        let base = noise(seed, 9_000);
        let payload = [
            &base[..],
            &noise(seed + round, 40_000 * (round as usize % 3)),
        ]
        .concat();
        let Ok((reference, _pin)) = store.put(&payload[..]) else {
            return live;
        };
        live.insert(reference, payload);
        if round % 2 == 1 {
            // The collector forgets an object first; then it may be swept.
            let dead = live.keys().min_by_key(|reference| reference.id).copied();
            live.remove(&dead.unwrap());
            let epoch = store.begin_collection();
            let ids = ids(&live.keys().chain([&reference]).collect::<Vec<_>>());
            if store.sweep(epoch, &ids, &|| true).is_err() {
                return live;
            }
        }
    }
    live
}

#[test]
fn keeps_what_was_answered_whenever_the_power_fails() {
    let mut runs = 0;
    let mut torn = 0;
    for seed in 0..2_u64 {
        for fuse in 0.. {
            let files = FaultFiles::new(seed * 1_000 + fuse);
            files.allow_short_writes();
            files.power_off_after(fuse);
            let opened = ObjectStore::open(Arc::new(files.clone()), Path::new(DIR));
            let live = opened.map_or_else(|_| HashMap::new(), |store| work(&store, seed));
            let finished = !files.is_off();
            files.crash();
            torn += files.counts().torn;
            let store = open(&files);
            for (reference, payload) in &live {
                assert_eq!(
                    &store.get(reference).unwrap(),
                    payload,
                    "seed {seed} fuse {fuse}"
                );
            }
            let list: Vec<_> = live.keys().collect();
            let epoch = store.begin_collection();
            store.sweep(epoch, &ids(&list), &|| true).unwrap();
            assert!(store.verify(&ids(&list)).unwrap().is_empty());
            assert!(
                super::packs(&files)
                    .iter()
                    .all(|name| name.strip_suffix(".pack").is_some())
            );
            let (again, _pin) = store.put(&noise(seed, 9_000)[..]).unwrap();
            assert_eq!(store.get(&again).unwrap(), noise(seed, 9_000));
            runs += 1;
            if finished {
                break;
            }
        }
    }
    assert!(runs > 60, "{runs} runs");
    assert!(torn > 10, "{torn} torn files");
}

#[test]
fn counts_nothing_of_a_put_that_failed_and_goes_on() {
    for seed in 0..20 {
        let files = FaultFiles::new(seed);
        let store = open(&files);
        let (good, _pin) = store.put(&noise(1, 100_000)[..]).unwrap();
        files.fail_next_sync();
        assert!(matches!(
            store.put(&noise(2, 100_000)[..]),
            Err(ObjectError::Io(_))
        ));
        files.fail_next_write();
        assert!(matches!(
            store.put(&noise(3, 100_000)[..]),
            Err(ObjectError::Io(_))
        ));
        let (later, _pin) = store.put(&noise(2, 100_000)[..]).unwrap();
        files.crash();
        let store = open(&files);
        assert_eq!(store.get(&good).unwrap(), noise(1, 100_000));
        assert_eq!(store.get(&later).unwrap(), noise(2, 100_000));
        assert_eq!(files.counts().sync_errors, 1);
        assert_eq!(files.counts().write_errors, 1);
    }
}

#[test]
fn says_that_the_disk_is_full_and_recovers() {
    let files = FaultFiles::new(1);
    let store = open(&files);
    files.set_capacity(500_000);
    let (small, _pin) = store.put(&noise(1, 100_000)[..]).unwrap();
    let full = store.put(&noise(2, 2_000_000)[..]).err().unwrap();
    assert_eq!(full.code(), "storage/disk-full");
    assert_eq!(store.get(&small).unwrap(), noise(1, 100_000));
    files.set_capacity(u64::MAX);
    let (large, _pin) = store.put(&noise(2, 2_000_000)[..]).unwrap();
    assert_eq!(store.get(&large).unwrap(), noise(2, 2_000_000));
}

#[test]
fn a_put_that_fails_leaves_nothing_on_a_full_disk() {
    for bytes in [60_000, 1_500_000, 3_000_000] {
        let files = FaultFiles::new(2);
        let store = open(&files);
        drop(store.put(&noise(1, 1_000)[..]).unwrap());
        let before = files.list(Path::new(DIR)).unwrap();
        files.set_capacity(bytes as u64);
        for seed in 0..5 {
            let full = store.put(&noise(seed, bytes)[..]).err().unwrap();
            assert_eq!(full.code(), "storage/disk-full");
            assert_eq!(files.list(Path::new(DIR)).unwrap(), before, "{bytes}");
        }
    }
}
