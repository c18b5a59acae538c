//! The state machine against a plain model, and replay with trusted trees.

use std::collections::HashMap;

use proptest::prelude::*;
use pyralog_merkle::{Blake3Tree, MemoryNodes, Tree, verify_inclusion};
use pyralog_types::batch::{
    IdRun, OUTCOME_BYTES, Outcome, OutcomeStatus, RecordRef, Row, ValueRef, encode_digests,
    encode_proposal,
};

use crate::{
    Applied, DedupWindow, Partition, PartitionError, RowBudget, Stamper, Trees, id_position,
    rows_of,
};

const DAY: DedupWindow = DedupWindow {
    millis: 86_400_000,
    records: 1 << 21,
};

fn partition(window: DedupWindow) -> Partition {
    Partition::create(Trees::in_memory(true).unwrap(), window)
}

fn record<'a>(submitter: &'a [u8], key: Option<&'a [u8]>, value: &'a [u8]) -> RecordRef<'a> {
    RecordRef {
        schema_id: 0,
        submitter,
        idempotency_key: key,
        key: None,
        headers: None,
        value: ValueRef::Bytes(value),
    }
}

/// Applies records as one entry and returns their outcomes.
struct Log {
    partition: Partition,
    entries: Vec<Vec<u8>>,
    next_id: u64,
}

impl Log {
    fn new(window: DedupWindow) -> Self {
        Self {
            partition: partition(window),
            entries: Vec::new(),
            next_id: 1,
        }
    }

    fn append(&mut self, wall_ms: u64, proposal: &[u8], count: u32) -> Vec<Outcome> {
        let applied = self.apply(wall_ms, proposal, count);
        let outcomes = applied.outcomes.chunks_exact(OUTCOME_BYTES);
        outcomes.map(|o| Outcome::from_bytes(o).unwrap()).collect()
    }

    fn apply(&mut self, wall_ms: u64, proposal: &[u8], count: u32) -> Applied {
        let mut entry = Vec::new();
        let ids = [IdRun {
            first: self.next_id,
            count,
        }];
        self.next_id += u64::from(count);
        Stamper::behind(self.partition.last_timestamp()).stamp(wall_ms, &ids, &mut entry);
        entry.extend_from_slice(proposal);
        let index = self.entries.len() as u64 + 1;
        let applied = self.partition.apply_entry(&entry, index, 1).unwrap();
        self.entries.push(entry);
        applied
    }

    fn records(&mut self, wall_ms: u64, records: &[RecordRef<'_>]) -> Vec<(OutcomeStatus, u64)> {
        let outcomes = self.append(wall_ms, &encode_proposal(records), records.len() as u32);
        outcomes.iter().map(|o| (o.status, o.offset)).collect()
    }

    fn rows(&self, bytes: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut from = 0;
        while let Some(place) = self.partition.place_of_offset(from) {
            let entry = &self.entries[place.log_index as usize - 1];
            let budget = RowBudget {
                from,
                to: u64::MAX,
                bytes,
            };
            let mut ok = |_: &_| Ok::<(), PartitionError>(());
            (from, _) = rows_of((entry, &place), budget, &mut out, &mut ok).unwrap();
        }
        out
    }
}

use OutcomeStatus::{Conflict, Duplicate, New};

#[test]
fn duplicates_and_conflicts_as_n1_says() {
    let mut log = Log::new(DAY);
    let (key, other): (&[u8], &[u8]) = (b"k", b"other");
    let first = log.records(
        1_000,
        &[
            record(b"a", None, b"x"),
            record(b"a", None, b"x"),      // same entry
            record(b"b", None, b"x"),      // other submitter
            record(b"a", Some(key), b"x"), // keyed never matches unkeyed
            record(b"a", Some(key), b"y"),
        ],
    );
    assert_eq!(
        first,
        [(New, 0), (Duplicate, 0), (New, 1), (New, 2), (Conflict, 2)]
    );
    let second = log.records(
        2_000,
        &[
            record(b"a", Some(key), b"x"),
            record(b"a", Some(other), b"x"),
            record(b"", None, b"x"),
        ],
    );
    assert_eq!(second, [(Duplicate, 2), (New, 3), (New, 4)]);
    assert_eq!(log.partition.size(), 5);
}

#[test]
fn counts_apart_what_a_key_and_what_content_gave_away() {
    let mut log = Log::new(DAY);
    let records = [
        record(b"a", Some(b"k"), b"x"),
        record(b"a", Some(b"k"), b"x"),
        record(b"a", Some(b"k"), b"x"),
        record(b"a", Some(b"k"), b"y"),
        record(b"a", None, b"x"),
        record(b"a", None, b"x"),
    ];
    log.records(1_000, &records);
    let again = log.apply(2_000, &encode_proposal(&records), 6);
    assert_eq!(
        (again.duplicates, again.duplicates_by_key, again.conflicts),
        (5, 3, 1)
    );
}

#[test]
fn a_duplicate_answers_with_the_first_record() {
    let mut log = Log::new(DAY);
    let first = log.append(1_000, &encode_digests(0x12, b"", &[7; 32]), 1);
    let again = log.append(9_000, &encode_digests(0x12, b"", &[7; 32]), 1);
    assert_eq!(
        again[0],
        Outcome {
            status: Duplicate,
            ..first[0]
        }
    );
}

#[test]
fn a_uniform_and_a_plain_proposal_of_one_digest_are_duplicates() {
    let mut log = Log::new(DAY);
    log.append(1, &encode_digests(0x12, b"s", &[7; 32]), 1);
    let value = [&[0x12, 32][..], &[7; 32]].concat();
    let plain = RecordRef {
        schema_id: 1,
        ..record(b"s", None, &value)
    };
    assert_eq!(log.records(2, &[plain]), [(Duplicate, 0)]);
}

#[test]
fn the_window_ends_exactly_where_n3_says() {
    let mut by_count = Log::new(DedupWindow {
        millis: u64::MAX,
        records: 3,
    });
    for value in [b"0", b"1", b"2"] {
        by_count.records(1, &[record(b"", None, value)]);
    }
    assert_eq!(
        by_count.records(1, &[record(b"", None, b"0")]),
        [(Duplicate, 0)]
    ); // 3 - 0 <= 3
    assert_eq!(by_count.records(1, &[record(b"", None, b"3")]), [(New, 3)]);
    assert_eq!(by_count.records(1, &[record(b"", None, b"0")]), [(New, 4)]); // 4 - 0 > 3

    let mut by_time = Log::new(DedupWindow {
        millis: 100,
        records: 1 << 20,
    });
    by_time.records(1_000, &[record(b"", None, b"0")]);
    assert_eq!(
        by_time.records(1_100, &[record(b"", None, b"0")]),
        [(Duplicate, 0)]
    );
    assert_eq!(
        by_time.records(1_101, &[record(b"", None, b"0")]),
        [(New, 1)]
    );
}

#[test]
fn a_configuration_entry_changes_the_window_from_where_it_stands() {
    let mut log = Log::new(DAY);
    log.records(1_000, &[record(b"", None, b"0")]);
    let window = DedupWindow {
        millis: 10,
        records: 100,
    };
    let entry = Stamper::behind(1_000).stamp_window(2_000, window);
    let applied = log.partition.apply_entry(&entry, 2, 1).unwrap();
    log.entries.push(entry.to_vec());
    assert_eq!((applied.count, log.partition.window()), (0, window));
    assert_eq!(log.records(2_000, &[record(b"", None, b"0")]), [(New, 1)]);
}

#[test]
fn time_and_ids_that_go_back_are_refused() {
    let mut log = Log::new(DAY);
    log.records(1_000, &[record(b"", None, b"0"), record(b"", None, b"1")]);
    for (timestamp, first) in [(999, 50), (1_000, 2)] {
        let mut entry = Vec::new();
        Stamper::behind(0).stamp(timestamp, &[IdRun { first, count: 1 }], &mut entry);
        entry.extend_from_slice(&encode_digests(0x12, b"", &[1; 32]));
        let refused = log.partition.apply_entry(&entry, 2, 1);
        assert!(matches!(
            refused,
            Err(PartitionError::Order { log_index: 2, .. })
        ));
        assert_eq!(log.partition.size(), 2);
    }
    assert_eq!(Stamper::behind(5).stamp(3, &[], &mut Vec::new()), 5);
}

#[test]
fn replay_over_trusted_trees_hashes_only_what_is_behind_them() {
    let mut log = Log::new(DAY);
    for n in 0..50_u8 {
        let digests: Vec<u8> = (0..20).flat_map(|i| [n.wrapping_mul(17) ^ i; 32]).collect();
        log.append(u64::from(n), &encode_digests(0x12, &[n], &digests), 20);
    }
    let size = log.partition.size();
    let root = log.partition.trees().blake3.root();
    for trusted in [0, 1, size / 2, size] {
        let leaves: Vec<_> = (0..trusted)
            .map(|i| log.partition.trees().blake3.leaf(i).unwrap())
            .collect();
        let mut tree = Tree::open(crate::Nodes::new(MemoryNodes::default()), 0, None).unwrap();
        tree.append(&leaves).unwrap();
        let before = tree.hashes();
        let mut again = Partition::create(Trees::new(tree, None), DAY);
        for (index, entry) in log.entries.iter().enumerate() {
            again.apply_entry(entry, index as u64 + 1, 1).unwrap();
        }
        assert_eq!((again.size(), again.trees().blake3.root()), (size, root));
        let hashed = again.trees().hashes() - before;
        assert!(
            hashed <= 2 * (size - trusted),
            "{hashed} hashes for {} leaves",
            size - trusted
        );
        assert_eq!(hashed == 0, trusted == size);
    }
}

/// Submitter, key, and the value where there is no key.
type Scope = (Vec<u8>, Option<Vec<u8>>, Vec<u8>);

/// What N1–N3 say, written down without any cleverness.
#[derive(Default)]
struct Model {
    held: HashMap<Scope, Vec<(u64, u64, Vec<u8>)>>,
    size: u64,
}

impl Model {
    fn decide(&mut self, window: DedupWindow, now: u64, r: &RecordRef<'_>) -> (OutcomeStatus, u64) {
        let ValueRef::Bytes(value) = r.value else {
            panic!("plain values only")
        };
        let by = r
            .idempotency_key
            .map_or_else(|| value.to_vec(), |_| Vec::new());
        let scope = (
            r.submitter.to_vec(),
            r.idempotency_key.map(<[u8]>::to_vec),
            by,
        );
        let held = self.held.entry(scope).or_default();
        let counts = |(o, t, _): &&(u64, u64, Vec<u8>)| {
            self.size - o <= window.records && now - t <= window.millis
        };
        if let Some((offset, _, content)) = held.iter().rev().find(counts) {
            return (
                if content == value {
                    Duplicate
                } else {
                    Conflict
                },
                *offset,
            );
        }
        held.push((self.size, now, value.to_vec()));
        self.size += 1;
        (New, self.size - 1)
    }
}

type Step = (u64, Vec<(u8, Option<u8>, u8)>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let record = (0..2_u8, proptest::option::of(0..3_u8), 0..4_u8);
    proptest::collection::vec((0..40_u64, proptest::collection::vec(record, 1..8)), 1..40)
}

proptest! {
    #[test]
    fn equals_the_model_and_reads_back((records, steps) in (0..12_u64, steps())) {
        let window = DedupWindow { millis: 60, records };
        let (mut log, mut model) = (Log::new(window), Model::default());
        let mut now = 0;
        let mut written = Vec::new();
        for (wait, batch) in &steps {
            now += wait;
            let bytes: Vec<_> = batch.iter().map(|(s, k, v)| ([*s], k.map(|k| [k]), [*v])).collect();
            let batch: Vec<_> = bytes.iter()
                .map(|(s, k, v)| record(s, k.as_ref().map(|k| &k[..]), v)).collect();
            let wanted: Vec<_> = batch.iter().map(|r| model.decide(window, now, r)).collect();
            let first_id = log.next_id;
            let got = log.records(now, &batch);
            prop_assert_eq!(&got, &wanted);
            for (position, ((status, offset), record)) in got.iter().zip(&bytes).enumerate() {
                let id = first_id + position as u64;
                let place = log.partition.place_of_id(id);
                let found = place.and_then(|p| {
                    id_position(&log.entries[p.log_index as usize - 1], &p, id).unwrap()
                });
                prop_assert_eq!(found, (*status == New).then_some(*offset));
                if *status == New {
                    written.push((id, record.2[0]));
                }
            }
        }
        prop_assert!(log.partition.remembered() <= records + 1);
        for bytes in [0, 100, usize::MAX] {
            let packed = log.rows(bytes);
            let rows = Row::parse_all(&packed).unwrap();
            let read: Vec<_> = rows.iter().map(|r| (r.leaf.scarab_id, r.value[0])).collect();
            prop_assert_eq!(&read, &written);
            let tree = &log.partition.trees().blake3;
            for row in &rows {
                let leaf = <Blake3Tree as pyralog_merkle::TreeHash>::leaf(&row.leaf.to_bytes());
                let path = tree.inclusion(row.leaf.offset, tree.size()).unwrap();
                let proved = verify_inclusion::<Blake3Tree>(
                    (&leaf, row.leaf.offset), (&tree.root(), tree.size()), &path);
                prop_assert!(proved);
            }
        }
    }
}
