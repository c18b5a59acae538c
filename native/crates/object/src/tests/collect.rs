//! Collections beside puts and readers.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pyralog_log::FaultFiles;

use super::{ids, noise, open, packs, put};
use crate::{ObjectError, ObjectStore, Swept};

fn sweep(store: &ObjectStore, live: &[&crate::ObjectReference]) -> Swept {
    let epoch = store.begin_collection();
    store.sweep(epoch, &ids(live), &|| true).unwrap()
}

#[test]
fn removes_what_is_dead_and_keeps_what_is_shared() {
    let files = FaultFiles::new(1);
    let store = open(&files);
    let shared = noise(1, 1_500_000);
    let dead = put(&store, &[&noise(2, 3_000_000)[..], &shared].concat());
    let live = put(&store, &[&noise(3, 500_000)[..], &shared].concat());
    let small = put(&store, b"small");
    let before = store.stats();
    let swept = sweep(&store, &[&live, &small]);
    assert_eq!(swept.objects, 1);
    assert!(swept.chunks > 5 && swept.bytes > 2_000_000, "{swept:?}");
    assert_eq!(store.get(&dead).unwrap_err().code(), "object/missing");
    assert_eq!(store.get(&live).unwrap()[500_000..], shared);
    assert_eq!(store.stats().bytes, before.bytes - swept.bytes);
    assert_eq!(sweep(&store, &[&live, &small]), Swept::default());
    store.close();
    // A later opening finds the same.
    let store = open(&files);
    assert_eq!(store.get(&live).unwrap()[500_000..], shared);
    assert_eq!(store.get(&small).unwrap(), b"small");
    assert!(store.verify(&ids(&[&live, &small])).unwrap().is_empty());
    assert_eq!(sweep(&store, &[]).objects, 2);
    assert_eq!(packs(&files), [""; 0]);
}

#[test]
fn keeps_what_was_put_since_the_collection_began_and_what_is_pinned() {
    let store = open(&FaultFiles::new(1));
    let old = put(&store, &noise(1, 200_000));
    let again = put(&store, &noise(2, 200_000));
    let (pinned, pin) = store.put(&noise(3, 200_000)[..]).unwrap();
    let epoch = store.begin_collection();
    let new = put(&store, &noise(4, 200_000));
    assert_eq!(put(&store, &noise(2, 200_000)), again);
    let swept = store.sweep(epoch, &HashSet::new(), &|| true).unwrap();
    assert_eq!(swept.objects, 1);
    assert!(store.get(&old).is_err());
    for kept in [&again, &pinned, &new] {
        assert_eq!(store.get(kept).unwrap().len(), 200_000);
    }
    let unknown = store.sweep(epoch + 1, &HashSet::new(), &|| true);
    assert_eq!(unknown.unwrap_err().code(), "object/malformed");
    drop(pin);
    assert_eq!(sweep(&store, &[&again, &new]).objects, 1);
    assert!(store.get(&pinned).is_err());
}

/// What records refer to is gathered while they come: a record may show, and its pin go, behind the gathering.
#[test]
fn keeps_what_was_let_go_of_since_the_collection_began() {
    let store = open(&FaultFiles::new(1));
    let (late, pin) = store.put(&noise(1, 100_000)[..]).unwrap();
    let (dead, dead_pin) = store.put(&noise(2, 100_000)[..]).unwrap();
    drop(dead_pin);
    let epoch = store.begin_collection();
    // Here the records are read; that of `late` is not durable yet. Then it is.
    drop(pin);
    let swept = store.sweep(epoch, &HashSet::new(), &|| true).unwrap();
    assert_eq!(swept.objects, 1);
    assert_eq!(store.get(&late).unwrap(), noise(1, 100_000));
    assert_eq!(store.get(&dead).unwrap_err().code(), "object/missing");
    // The next one gathers its record; readers keep nothing beyond their reading.
    drop(store.pin(late.id));
    assert_eq!(sweep(&store, &[]).objects, 1);
}

#[test]
fn is_safe_against_readers_and_writers() {
    let store = open(&FaultFiles::new(1));
    let kept: Vec<_> = (0..4)
        .map(|seed| put(&store, &noise(seed, 300_000)))
        .collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for (seed, reference) in kept.iter().enumerate() {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                let payload = noise(seed as u64, 300_000);
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(store.get(reference).unwrap(), payload);
                }
            });
        }
        for round in 0..30_u64 {
            // Shares a pack's worth of chunks with what is kept, so that packs are rewritten under the readers.
            let mixed = [&noise(round % 4, 300_000)[..], &noise(100 + round, 400_000)].concat();
            let (passing, pin) = store.put(&mixed[..]).unwrap();
            sweep(&store, &kept.iter().collect::<Vec<_>>());
            assert_eq!(store.get(&passing).unwrap(), mixed);
            drop(pin);
        }
        done.store(true, Ordering::Relaxed);
    });
    let live: Vec<_> = kept.iter().collect();
    sweep(&store, &live);
    assert_eq!(store.stats().objects, 4);
}

#[test]
fn stops_when_asked_and_leaves_a_whole_store() {
    let files = FaultFiles::new(1);
    let store = open(&files);
    let live = put(&store, &noise(0, 100_000));
    for seed in 1..6 {
        put(&store, &noise(seed, 100_000));
    }
    let epoch = store.begin_collection();
    let asked = std::cell::Cell::new(0);
    let twice = || {
        asked.set(asked.get() + 1);
        asked.get() <= 2
    };
    assert_eq!(
        store.sweep(epoch, &ids(&[&live]), &twice),
        Err(ObjectError::Aborted)
    );
    assert_eq!(packs(&files).len(), 4);
    assert_eq!(store.get(&live).unwrap(), noise(0, 100_000));
    assert_eq!(sweep(&store, &[&live]).packs, 3);
}

#[test]
fn ends_when_it_is_closed() {
    let files = FaultFiles::new(1);
    let store = open(&files);
    let reference = put(&store, b"payload");
    store.close();
    store.close();
    assert_eq!(store.get(&reference), Err(ObjectError::Closed));
    assert_eq!(store.put(&b"x"[..]).err(), Some(ObjectError::Closed));
    let epoch = store.begin_collection();
    assert_eq!(
        store.sweep(epoch, &HashSet::new(), &|| true),
        Err(ObjectError::Closed)
    );
    assert_eq!(open(&files).get(&reference).unwrap(), b"payload");
}
