//! Latest by key, against a plain map; tombstones (Y13).

use std::collections::BTreeMap;

use proptest::prelude::*;
use pyralog_manifest::{Edit, Policy};

use super::{Owned, PARTITION, Store, at, latest, tombstone_headers};
use crate::{Work, is_tombstone};

fn offsets(rows: &[Owned]) -> Vec<u64> {
    rows.iter().map(|row| row.offset).collect()
}

#[test]
pub(super) fn only_the_latest_row_of_a_key_stays() {
    let mut store = Store::new();
    store.seal(&[
        (Some("a"), Some("1")),
        (Some("b"), Some("1")),
        (None, Some("x")),
        (Some("a"), Some("2")),
    ]);
    store.seal(&[
        (Some("b"), Some("2")),
        (None, Some("x")),
        (Some("c"), Some("1")),
    ]);
    store.set_policy(latest());
    store.maintain(&at(0)).unwrap();
    let rows = store.readable();
    assert_eq!(offsets(&rows), [2, 3, 4, 5, 6]);
    assert!(rows.iter().all(|row| store.rows.contains(row)));
}

#[test]
pub(super) fn a_segment_without_survivors_goes_as_a_whole() {
    let mut store = Store::new();
    let old = store.seal(&[(Some("a"), Some("1"))]);
    store.seal(&[(Some("a"), Some("2"))]);
    let work = Work::Merge {
        inputs: vec![old],
        latest: true,
    };
    store.set_policy(latest());
    run(&store, &work);
    let version = store.manifest.current();
    let state = version.partition(PARTITION).unwrap();
    assert_eq!((state.segments().len(), state.leaves().len()), (1, 1));
    assert!(state.segment_at(0).is_none());
    assert_eq!(store.hashes(crate::WhichTree::Blake3).len(), 2);
}

fn run(store: &Store, work: &Work) {
    store.run(work, &at(1 << 40)).unwrap();
}

#[test]
pub(super) fn a_tombstone_goes_when_it_is_old_and_nothing_is_left_to_hide() {
    let mut store = Store::new();
    let first = store.seal(&[(Some("a"), Some("1")), (Some("b"), Some("1"))]);
    let second = store.seal(&[(Some("a"), None), (Some("c"), None)]);
    store.set_policy(latest());
    // The value that it hides is in a segment that this work does not see: it stays. The other one hides nothing.
    run(
        &store,
        &Work::Merge {
            inputs: vec![second],
            latest: true,
        },
    );
    assert_eq!(offsets(&store.readable()), [0, 1, 2]);
    run(
        &store,
        &Work::Merge {
            inputs: vec![first],
            latest: true,
        },
    );
    assert_eq!(offsets(&store.readable()), [1, 2]);
    let now = store.manifest.current();
    let inputs = now
        .partition(PARTITION)
        .unwrap()
        .segments()
        .iter()
        .map(|entry| entry.number)
        .collect();
    run(
        &store,
        &Work::Merge {
            inputs,
            latest: true,
        },
    );
    assert_eq!(offsets(&store.readable()), [1]);
}

#[test]
fn a_young_tombstone_stays() {
    let mut store = Store::new();
    store.seal(&[(Some("a"), Some("1")), (Some("a"), None)]);
    store.set_policy(Policy {
        tombstone_ms: 1_000,
        ..latest()
    });
    store.maintain(&at(2_000)).unwrap();
    assert_eq!(offsets(&store.readable()), [1]);
    store.seal(&[(Some("b"), Some("as long as the tombstone beside it"))]);
    store.maintain(&at(2_011)).unwrap();
    assert_eq!(offsets(&store.readable()), [2]);
}

#[test]
fn a_damaged_neighbour_keeps_tombstones_and_drops_nothing() {
    let mut store = Store::new();
    let first = store.seal(&[(Some("a"), Some("1"))]);
    let second = store.seal(&[(Some("z"), None), (Some("y"), Some("1"))]);
    let third = store.seal(&[(Some("y"), Some("2"))]);
    for number in [first, third] {
        let at = if number == first { 0..1 } else { 3..4 };
        let edit = Edit::Quarantine {
            partition: PARTITION,
            number,
            ranges: std::iter::once(at).collect(),
        };
        store.manifest.commit(&[edit]).unwrap();
    }
    store.set_policy(latest());
    run(
        &store,
        &Work::Merge {
            inputs: vec![second],
            latest: true,
        },
    );
    assert_eq!(offsets(&store.readable()), [0, 1, 2, 3]);
}

#[test]
fn an_empty_value_alone_is_no_tombstone() {
    let mut store = Store::new();
    store.seal(&[(Some("a"), Some(""))]);
    let mut keyless = store.rows[0].clone();
    keyless.offset = 1;
    keyless.key = None;
    keyless.headers = Some(tombstone_headers());
    let mut full = keyless.clone();
    full.offset = 2;
    full.key = Some(b"b".to_vec());
    full.value = b"x".to_vec();
    store.seal_owned(vec![keyless, full]);
    store.set_policy(latest());
    store.maintain(&at(1 << 40)).unwrap();
    assert_eq!(offsets(&store.readable()), [0, 1, 2]);
    let row = pyralog_segment::SegmentRow {
        offset: 0,
        epoch: 1,
        timestamp: 0,
        scarab_id: 0,
        schema_id: 0,
        key: Some(b"k".into()),
        headers: Some(tombstone_headers().into()),
        value: b"".into(),
        leaf_hash: [0; 32],
    };
    assert!(is_tombstone(&row));
}

/// What may be read for each key: its latest row, or nothing when that is a tombstone.
fn answers(rows: &[Owned]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut answers = BTreeMap::new();
    for row in rows {
        let Some(key) = &row.key else { continue };
        if row.is_tombstone() {
            answers.remove(key);
        } else {
            answers.insert(key.clone(), row.value.clone());
        }
    }
    answers
}

type Sealed = Vec<(Option<u8>, Option<u8>)>;

fn sealed() -> impl Strategy<Value = Vec<Sealed>> {
    let row = (
        prop::option::weighted(0.9, 0_u8..6),
        prop::option::weighted(0.7, 0_u8..3),
    );
    prop::collection::vec(prop::collection::vec(row, 1..12), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Compaction, in any pieces and any order, changes no answer; done as a whole it leaves one row a key.
    #[test]
    fn answers_stay_what_they_were(segments in sealed(), pieces in prop::collection::vec((0_usize..6, 1_usize..4), 0..5), now in 0_u64..2_000) {
        let mut store = Store::new();
        store.set_policy(latest());
        for segment in &segments {
            let rows: Vec<_> = segment.iter().map(|(key, value)| (key.map(|key| format!("k{key}")), value.map(|value| format!("v{value}")))).collect();
            let rows: Vec<_> = rows.iter().map(|(key, value)| (key.as_deref(), value.as_deref())).collect();
            store.seal(&rows);
        }
        let expected = answers(&store.rows);
        let hashes: Vec<_> = store.rows.iter().map(Owned::hash).collect();
        for (first, count) in pieces {
            let version = store.manifest.current();
            let entries = version.partition(PARTITION).unwrap().segments();
            let inputs: Vec<u64> = entries.iter().skip(first).take(count).map(|entry| entry.number).collect();
            if inputs.is_empty() {
                continue;
            }
            drop(version.clone());
            store.run(&Work::Merge { inputs, latest: true }, &at(now)).unwrap();
            prop_assert_eq!(&answers(&store.readable()), &expected);
            prop_assert_eq!(&store.hashes(crate::WhichTree::Blake3), &hashes);
        }
        store.seal(&[(Some("k0"), Some("last"))]);
        let expected = answers(&store.rows);
        let version = store.manifest.current();
        let inputs = version.partition(PARTITION).unwrap().segments().iter().map(|entry| entry.number).collect();
        drop(version);
        run(&store, &Work::Merge { inputs, latest: true });
        let rows = store.readable();
        prop_assert_eq!(&answers(&rows), &expected);
        // Every tombstone was old, and all of the partition was seen.
        let keyed = rows.iter().filter(|row| row.key.is_some()).count();
        prop_assert_eq!(keyed, expected.len());
        let keyless = |rows: &[Owned]| rows.iter().filter(|row| row.key.is_none()).count();
        prop_assert_eq!(keyless(&rows), keyless(&store.rows));
    }
}
