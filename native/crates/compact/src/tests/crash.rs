//! The power fails on any call of a whole round of maintenance: afterwards every piece of work was done or was not.

use std::path::Path;

use pyralog_log::FaultFiles;
use pyralog_manifest::{Manifest, ManifestOptions, Policy};

use super::{Owned, PARTITION, STORE, Store, latest, layer, reopen};
use crate::{Facts, WhichTree};

fn filled(seed: u64) -> Store {
    let disk = FaultFiles::new(seed);
    let mut store = reopen(disk, Vec::new());
    for round in 0..6 {
        let value = format!("value of round {round}");
        let keys = [Some("a"), None, Some("b"), Some(["c", "d"][round % 2])];
        let rows: Vec<_> = keys
            .iter()
            .map(|key| (*key, Some(value.as_str())))
            .collect();
        store.seal(&rows);
    }
    store
}

fn facts() -> Facts {
    Facts {
        now_ms: 1_200,
        final_offset: 4,
        sha256: true,
    }
}

fn policies() -> [Policy; 3] {
    let retain = Policy {
        retain_from: Some(9),
        merge_bytes: 1_000,
        ..Policy::default()
    };
    [
        retain.clone(),
        Policy {
            retain_from: Some(5),
            ..latest()
        },
        Policy {
            cold_after_ms: Some(0),
            ..retain
        },
    ]
}

/// What holds at all times: rows are the ones that were written, every key answers as ever, no hash is lost.
fn check(store: &Store) {
    let rows = store.readable();
    for row in &rows {
        assert_eq!(*row, store.rows[row.offset as usize]);
    }
    let last = |rows: &[Owned], key: &[u8]| {
        rows.iter()
            .rfind(|row| row.key.as_deref() == Some(key))
            .cloned()
    };
    let first = store
        .manifest
        .current()
        .partition(PARTITION)
        .unwrap()
        .first_offset();
    for key in [b"a", b"b", b"c", b"d"] {
        let expected = last(&store.rows, key).filter(|row| row.offset >= first);
        assert_eq!(last(&rows, key), expected);
    }
    let version = store.manifest.current();
    let from = version.partition(PARTITION).unwrap().hashes_from() as usize;
    let hashes: Vec<_> = store.rows[from..].iter().map(Owned::hash).collect();
    assert_eq!(store.hashes(WhichTree::Blake3), hashes);
    let hashes: Vec<_> = store.rows[from..].iter().map(Owned::sha256).collect();
    assert_eq!(store.hashes(WhichTree::Sha256), hashes);
}

#[test]
fn a_crash_at_any_call_of_maintenance_loses_nothing() {
    let mut crashes = 0;
    for (seed, policy) in (1..).zip(policies()) {
        for fuse in 0.. {
            let store = filled(seed * 1_000 + fuse);
            store.set_policy(policy.clone());
            store.disk.power_off_after(fuse);
            let outcome = store.maintain(&facts());
            drop(store.manifest.sweep(99));
            let off = store.disk.is_off();
            assert!(off || outcome.is_ok(), "{outcome:?}");
            let Store {
                disk,
                rows,
                manifest,
                compactor,
            } = store;
            drop((manifest, compactor));
            disk.crash();
            let options = ManifestOptions::new([7; 16]);
            let open = Manifest::open(&layer(&disk), Path::new(STORE), &options).unwrap();
            assert_eq!(open.recovery.files.missing, [], "call {fuse}");
            drop(open);
            let store = reopen(disk, rows);
            check(&store);
            // And it goes on from there.
            while store.maintain(&facts()).unwrap() > 0 {}
            check(&store);
            crashes += u64::from(off);
            if !off {
                break;
            }
        }
    }
    assert!(crashes > 100, "only {crashes} crashes");
}
