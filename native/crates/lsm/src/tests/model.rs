//! Random operations, compared with a `BTreeMap`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{flush, open, put, take, walk};
use crate::{KEY_BYTES_MAX, LsmError, Ops, Range};

#[derive(Debug, Clone)]
enum Step {
    Batch(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Snapshot,
    Flush,
    Reopen,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0_u8, 1, 0x7f, 0xff]), 1..4)
}

fn step() -> impl Strategy<Value = Step> {
    let value = prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..40));
    prop_oneof![
        6 => prop::collection::vec((key(), value), 0..6).prop_map(Step::Batch),
        2 => Just(Step::Snapshot),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ]
}

fn packed(ops: &[(Vec<u8>, Option<Vec<u8>>)]) -> Vec<u8> {
    let add = |packed: Ops, (key, value): &(Vec<u8>, Option<Vec<u8>>)| match value {
        Some(value) => packed.put(key, value),
        None => packed.delete(key),
    };
    ops.iter().fold(Ops::default(), add).packed()
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn within(model: &Model, range: &Range) -> Vec<(Vec<u8>, Vec<u8>)> {
    let inside = |key: &&Vec<u8>| {
        range.from.as_ref().is_none_or(|from| *key >= from)
            && range.to.as_ref().is_none_or(|to| *key < to)
    };
    let mut entries: Vec<_> = model
        .iter()
        .filter(|(key, _)| inside(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if range.reverse {
        entries.reverse();
    }
    entries.truncate(range.limit.map_or(usize::MAX, |limit| limit as usize));
    entries
}

proptest! {
    #![proptest_config(Config { cases: 24, ..Config::default() })]

    #[test]
    fn does_what_a_map_does(
        steps in prop::collection::vec(step(), 1..25),
        ranges in prop::collection::vec(
            (prop::option::of(key()), prop::option::of(key()), any::<bool>(), prop::option::of(0_u64..5)),
            1..8,
        ),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path()).unwrap();
        let mut model = Model::new();
        let mut snapshots = Vec::new();
        for step in steps {
            match step {
                Step::Batch(ops) => {
                    store.commit_and_wait(packed(&ops)).unwrap();
                    for (key, value) in ops {
                        match value {
                            Some(value) => model.insert(key, value),
                            None => model.remove(&key),
                        };
                    }
                }
                Step::Snapshot => snapshots.push((store.snapshot().unwrap(), model.clone())),
                Step::Flush => flush(&store),
                Step::Reopen => {
                    snapshots.clear();
                    store.close();
                    store = open(dir.path()).unwrap();
                }
            }
        }
        snapshots.push((store.snapshot().unwrap(), model));
        for (snapshot, model) in &snapshots {
            prop_assert_eq!(walk(snapshot, Range::default()).unwrap(), within(model, &Range::default()));
            for (from, to, reverse, limit) in &ranges {
                let range = Range { from: from.clone(), to: to.clone(), reverse: *reverse, limit: *limit };
                prop_assert_eq!(walk(snapshot, range.clone()).unwrap(), within(model, &range));
                if let Some(key) = from {
                    let value = snapshot.get(key).unwrap();
                    prop_assert_eq!(value.as_ref(), model.get(key));
                }
            }
        }
        store.close();
    }
}

#[test]
fn answers_many_keys_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    store
        .commit_and_wait(Ops::default().put(b"a", b"1").put(b"b", b"").packed())
        .unwrap();
    let mut keys = Vec::new();
    for key in [&b"b"[..], b"never", b"a", b"a"] {
        crate::pack::push(&mut keys, key);
    }
    let values = store.snapshot().unwrap().get_many(&keys).unwrap();
    let mut rest = &values[..];
    let found: Vec<_> = (0..4).map(|_| take(&mut rest)).collect();
    assert_eq!(
        found,
        [Some(vec![]), None, Some(b"1".to_vec()), Some(b"1".to_vec())]
    );
    assert!(rest.is_empty());
}

#[test]
fn refuses_bytes_that_are_no_operations() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let good = put(b"key", b"value");
    let long = vec![7; KEY_BYTES_MAX + 1];
    let bad = [
        good[..good.len() - 1].to_vec(),
        good[..9].to_vec(),
        vec![0, 0],
        put(b"", b"value"),
        put(&long, b""),
        [good.clone(), vec![1]].concat(),
    ];
    for packed in bad {
        let refused = store.commit_and_wait(packed).unwrap_err();
        assert_eq!(refused.code(), "batch/malformed", "{refused}");
    }
    assert_eq!(store.get(b"").unwrap_err().code(), "batch/malformed");
    assert_eq!(store.get(b"key").unwrap(), None, "nothing of them counts");
    store.commit_and_wait(put(&long[1..], b"")).unwrap();
    assert_eq!(store.get(&long[1..]).unwrap(), Some(vec![]));
}

#[test]
fn ends_for_everybody_when_it_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    store.commit_and_wait(put(b"a", b"1")).unwrap();
    let snapshot = store.snapshot().unwrap();
    let cursor = snapshot.range(Range::default());
    store.clone().close();
    store.close();
    assert_eq!(store.get(b"a"), Err(LsmError::Closed));
    assert_eq!(snapshot.get(b"a"), Err(LsmError::Closed));
    assert_eq!(cursor.chunk(10), Err(LsmError::Closed));
    assert_eq!(
        store.commit_and_wait(put(b"a", b"2")),
        Err(LsmError::Closed)
    );
    assert_eq!(store.stats().unwrap_err(), LsmError::Closed);
    assert_eq!(
        open(dir.path()).unwrap().get(b"a").unwrap(),
        Some(b"1".to_vec())
    );
}
