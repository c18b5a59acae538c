//! A partition that goes on from snapshots decides as the one that never stopped (Z5).

use proptest::prelude::*;
use pyralog_types::batch::{IdRun, RecordRef, ValueRef, encode_proposal};

use crate::{DedupWindow, Partition, SealLimits, Snapshot, Stamper, Trees};

/// Log entries of few different values, so that many are duplicates; time goes on by up to 40 ms.
fn entries(steps: &[(u8, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut stamper = Stamper::behind(0);
    let (mut now, mut next_id) = (1_000_000, 1);
    let mut entries = Vec::new();
    for (pause, values) in steps {
        now += u64::from(*pause);
        let keys: Vec<[u8; 1]> = values.iter().map(|value| [value % 5]).collect();
        let records: Vec<RecordRef<'_>> = values
            .iter()
            .zip(&keys)
            .map(|(value, key)| RecordRef {
                schema_id: 0,
                submitter: b"me",
                idempotency_key: (value % 3 == 0).then_some(&key[..]),
                key: (value % 2 == 0).then_some(&key[..]),
                headers: None,
                value: ValueRef::Bytes(std::slice::from_ref(value)),
            })
            .collect();
        let ids = [IdRun {
            first: next_id,
            count: records.len() as u32,
        }];
        next_id += u64::from(ids[0].count);
        let mut entry = Vec::new();
        stamper.stamp(now, &ids, &mut entry);
        entry.extend_from_slice(&encode_proposal(&records));
        entries.push(entry);
    }
    entries
}

fn new(window: DedupWindow) -> Partition {
    Partition::create(Trees::in_memory(false).unwrap(), window)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn goes_on_as_if_it_had_not_stopped(
        steps in prop::collection::vec((0..40_u8, prop::collection::vec(0..30_u8, 1..9)), 1..60),
        millis in 1..600_u64,
        records in 1..60_u64,
        rows in 1..12_u64,
    ) {
        let window = DedupWindow { millis, records };
        let limits = SealLimits { rows, bytes: 60 };
        let entries = entries(&steps);
        let mut whole = new(window);
        let mut snapshots: Vec<Snapshot> = Vec::new();
        let mut outcomes = Vec::new();
        for (index, entry) in (1..).zip(&entries) {
            let applied = whole.apply_entry(entry, index, 1).unwrap();
            outcomes.push(applied.outcomes);
            if let Some(snapshot) = whole.seal_point(limits, index) {
                prop_assert_eq!(&Snapshot::decode(&snapshot.encode()).unwrap(), &snapshot);
                whole.forget_before(snapshot.size);
                snapshots.push(snapshot);
            }
        }
        for newest in 0..snapshots.len() {
            let last = &snapshots[newest];
            let reaches = |s: &Snapshot| s.size > last.first_remembered || s == last;
            let first = snapshots.iter().position(reaches).unwrap();
            let mut trees = Trees::in_memory(false).unwrap();
            trees.adopt(whole.trees(), 0).unwrap();
            let mut again = Partition::restore(trees, &snapshots[first..=newest]).unwrap();
            let mut sealed = newest + 1;
            for index in last.log_index + 1..=entries.len() as u64 {
                let at = index as usize - 1;
                let applied = again.apply_entry(&entries[at], index, 1).unwrap();
                prop_assert_eq!(&applied.outcomes, &outcomes[at]);
                if let Some(snapshot) = again.seal_point(limits, index) {
                    prop_assert_eq!(&snapshot, &snapshots[sealed]);
                    sealed += 1;
                }
            }
            prop_assert_eq!(again.size(), whole.size());
            if first < newest {
                let late = &snapshots[first + 1..=newest];
                let trees = Trees::in_memory(false).unwrap();
                prop_assert!(Partition::restore(trees, late).is_err());
            }
        }
    }

    #[test]
    fn damaged_snapshots_are_refused(at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut partition = new(DedupWindow { millis: 1_000, records: 100 });
        let entry = &entries(&[(1, vec![1, 2, 3, 4])])[0];
        partition.apply_entry(entry, 1, 1).unwrap();
        let limits = SealLimits { rows: 1, bytes: 1 };
        let mut bytes = partition.seal_point(limits, 1).unwrap().encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(Snapshot::decode(&bytes).is_err());
        prop_assert!(Snapshot::decode(&bytes[..at]).is_err());
    }
}
