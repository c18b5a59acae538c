//! Plans: what is due, by policy, version and time.

use proptest::prelude::*;
use pyralog_manifest::{Edit, Policy};

use super::{PARTITION, Store, at, latest};
use crate::{Facts, Work};

/// Segments of two rows each; the n-th has raw bytes as said and its last row at 1,010 + 20n.
fn store(sizes: &[usize]) -> (Store, Vec<u64>) {
    let mut store = Store::new();
    let mut numbers = Vec::new();
    for size in sizes {
        let value = "v".repeat(size / 2);
        let rows = [(None, Some(value.as_str())), (None, Some(value.as_str()))];
        numbers.push(store.seal(&rows));
    }
    (store, numbers)
}

fn planned(store: &Store, policy: Policy, facts: Facts) -> Vec<Work> {
    store.set_policy(policy);
    let works = store.compactor.plan(PARTITION, &facts);
    assert_eq!(
        works,
        store.compactor.plan(PARTITION, &facts),
        "a plan is a function"
    );
    works
}

fn merge(inputs: &[u64]) -> Work {
    Work::Merge {
        inputs: inputs.to_vec(),
        latest: false,
    }
}

fn retain(first_offset: u64, hashes_from: u64) -> Vec<Work> {
    vec![Work::Retain {
        first_offset,
        hashes_from,
    }]
}

#[test]
fn nothing_is_due_without_a_policy() {
    let (store, _) = store(&[100; 10]);
    assert_eq!(planned(&store, Policy::default(), at(u64::MAX)), []);
    assert_eq!(store.compactor.plan(77, &at(0)), []);
}

#[test]
fn retention_by_bytes_age_and_offset() {
    let (store, _) = store(&[100; 5]);
    let bytes = |most| Policy {
        retain_bytes: Some(most),
        ..Policy::default()
    };
    assert_eq!(planned(&store, bytes(500), at(0)), []);
    assert_eq!(planned(&store, bytes(499), at(0)), retain(2, 0));
    assert_eq!(planned(&store, bytes(200), at(0)), retain(6, 0));
    assert_eq!(
        planned(&store, bytes(0), at(0)),
        retain(8, 0),
        "the newest stays"
    );
    let age = |most| Policy {
        retain_ms: Some(most),
        ..Policy::default()
    };
    assert_eq!(
        planned(&store, age(100), at(1_110)),
        [],
        "the first one ends at 1,010"
    );
    assert_eq!(planned(&store, age(100), at(1_111)), retain(2, 0));
    assert_eq!(planned(&store, age(u64::MAX), at(u64::MAX)), []);
    let offset = |from| Policy {
        retain_from: Some(from),
        ..Policy::default()
    };
    assert_eq!(planned(&store, offset(1), at(0)), []);
    assert_eq!(
        planned(&store, offset(5), at(0)),
        retain(4, 0),
        "whole segments"
    );
}

#[test]
pub(super) fn hashes_go_when_receipts_are_final_a_file_at_a_time() {
    let (store, _) = store(&[100; 5]);
    let policy = Policy {
        retain_from: Some(6),
        ..Policy::default()
    };
    let facts = |final_offset| Facts {
        final_offset,
        ..at(0)
    };
    assert_eq!(planned(&store, policy.clone(), facts(5)), retain(6, 4));
    assert_eq!(
        planned(&store, policy.clone(), facts(100)),
        retain(6, 6),
        "never before the rows"
    );
    store.maintain(&facts(1)).unwrap();
    assert_eq!(planned(&store, policy.clone(), facts(1)), []);
    assert_eq!(planned(&store, policy.clone(), facts(3)), retain(6, 2));
    store.maintain(&facts(4)).unwrap();
    assert_eq!(planned(&store, policy, facts(5)), []);
}

#[test]
fn small_neighbours_are_merged_when_they_fill_half_or_are_many() {
    let policy = |merge_bytes| Policy {
        merge_bytes,
        ..Policy::default()
    };
    let (store, n) = store(&[100, 100, 100, 600, 100, 100]);
    assert_eq!(
        planned(&store, policy(400), at(0)),
        [merge(&n[..3]), merge(&n[4..])]
    );
    assert_eq!(planned(&store, policy(1_000), at(0)), [merge(&n[..5])]);
    assert_eq!(
        planned(&store, policy(10_000), at(0)),
        [],
        "not half of it yet"
    );
    assert_eq!(planned(&store, policy(150), at(0)), []);
    let (store, n) = self::store(&[2; 9]);
    assert_eq!(planned(&store, policy(10_000), at(0)), [merge(&n)]);
    let (store, _) = self::store(&[2; 7]);
    assert_eq!(planned(&store, policy(10_000), at(0)), []);
}

#[test]
fn damaged_segments_are_left_alone() {
    let (store, n) = store(&[100; 5]);
    let damaged = Edit::Quarantine {
        partition: PARTITION,
        number: n[2],
        ranges: std::iter::once(4..5).collect(),
    };
    store.manifest.commit(&[damaged]).unwrap();
    let policy = Policy {
        merge_bytes: 400,
        cold_after_ms: Some(0),
        ..Policy::default()
    };
    let works = planned(&store, policy, at(1_200));
    assert_eq!(works, [merge(&n[..2]), merge(&n[3..])]);
    let works = planned(&store, latest(), at(0));
    assert_eq!(works.len(), 2);
    let by_age = Policy {
        cold_after_ms: Some(0),
        ..Policy::default()
    };
    let aged = planned(&store, by_age, at(u64::MAX));
    assert_eq!(aged.len(), 4);
    assert!(!aged.contains(&Work::Age { input: n[2] }));
}

#[test]
fn compaction_waits_until_half_is_new() {
    let (mut store, n) = store(&[100; 4]);
    let all = Work::Merge {
        inputs: n,
        latest: true,
    };
    assert_eq!(planned(&store, latest(), at(0)), [all]);
    store.maintain(&at(0)).unwrap();
    assert_eq!(planned(&store, latest(), at(0)), []);
    store.seal(&[(None, Some(&"v".repeat(100)))]);
    assert_eq!(planned(&store, latest(), at(0)), []);
    store.seal(&[(None, Some(&"v".repeat(100)))]);
    assert_eq!(planned(&store, latest(), at(0)).len(), 1);
}

#[test]
fn ageing_takes_what_is_old_hot_and_not_about_to_be_merged() {
    let (store, n) = store(&[100, 100, 600]);
    let policy = Policy {
        cold_after_ms: Some(100),
        merge_bytes: 300,
        ..Policy::default()
    };
    assert_eq!(planned(&store, policy.clone(), at(1_150)), [merge(&n[..2])]);
    assert_eq!(
        planned(&store, policy.clone(), at(1_151)),
        [merge(&n[..2]), Work::Age { input: n[2] }]
    );
    store.maintain(&at(1_151)).unwrap();
    assert_eq!(planned(&store, policy.clone(), at(1_151)).len(), 1);
    store.maintain(&at(1_151)).unwrap();
    assert_eq!(planned(&store, policy, at(1_151)), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever the policy: inputs are there, neighbours, used once; doing what is due leads to an end.
    #[test]
    fn plans_are_sound_and_come_to_an_end(
        sizes in prop::collection::vec(2_usize..120, 1..14),
        merge_bytes in 0_u64..400, compact in any::<bool>(),
        keep in prop::option::of(0_u64..800), cold in prop::option::of(0_u64..200),
        final_offset in 0_u64..30,
    ) {
        let (store, _) = store(&sizes);
        store.set_policy(Policy {
            merge_bytes, latest_by_key: compact, retain_bytes: keep, cold_after_ms: cold, ..latest()
        });
        let facts = Facts { now_ms: 1_150, final_offset, sha256: false };
        let policy = store.manifest.current().partition(PARTITION).unwrap().policy().clone();
        store.set_policy(Policy { latest_by_key: compact, ..policy });
        for round in 0.. {
            prop_assert!(round < 12, "it never ends: {:?}", store.compactor.plan(PARTITION, &facts));
            let version = store.manifest.current();
            let state = version.partition(PARTITION).unwrap();
            let mut used = std::collections::BTreeSet::new();
            for work in store.compactor.plan(PARTITION, &facts) {
                match work {
                    Work::Merge { inputs, .. } => {
                        let places: Vec<usize> = inputs.iter().map(|input| state.segments().iter().position(|entry| entry.number == *input).unwrap()).collect();
                        prop_assert!(places.windows(2).all(|pair| pair[0] + 1 == pair[1]));
                        prop_assert!(inputs.iter().all(|input| used.insert(*input)));
                    }
                    Work::Age { input } => prop_assert!(used.insert(input)),
                    Work::Retain { first_offset, hashes_from } => {
                        prop_assert!(hashes_from <= first_offset.min(final_offset.max(state.hashes_from())));
                        prop_assert!(first_offset < state.end_offset());
                    }
                }
            }
            if store.maintain(&facts).unwrap() == 0 {
                break;
            }
        }
    }
}
