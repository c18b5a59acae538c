//! A partition that goes on from snapshots decides as the one that never stopped (Z5).

use proptest::prelude::*;
use pyralog_types::batch::{IdRun, RecordRef, ValueRef, encode_proposal};

use crate::{
    DedupWindow, OpenPart, Partition, PartitionError, SealLimits, Seen, Snapshot, Stamper, Trees,
    leaf_records,
};

/// Every fourth value is one of the notary's.
fn bytes_of(value: u8) -> Vec<u8> {
    if value.is_multiple_of(4) {
        [&[0x12, 32][..], &[value; 32]].concat()
    } else {
        vec![value]
    }
}

/// Log entries of few different values, so that many are duplicates; time goes on by up to 40 ms.
fn entries(steps: &[(u8, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut stamper = Stamper::behind(0);
    let (mut now, mut next_id) = (1_000_000, 1);
    let mut entries = Vec::new();
    for (pause, values) in steps {
        now += u64::from(*pause);
        let keys: Vec<[u8; 1]> = values.iter().map(|value| [value % 5]).collect();
        let bytes: Vec<Vec<u8>> = values.iter().map(|value| bytes_of(*value)).collect();
        let records: Vec<RecordRef<'_>> = values
            .iter()
            .zip(keys.iter().zip(&bytes))
            .map(|(value, (key, bytes))| RecordRef {
                schema_id: u32::from(value % 4 == 0),
                submitter: b"me",
                idempotency_key: (value % 3 == 0).then_some(&key[..]),
                key: (value % 2 == 0).then_some(&key[..]),
                headers: None,
                value: ValueRef::Bytes(bytes),
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
            let mut again = Partition::restore(trees, seen(&snapshots[first..=newest])).unwrap();
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
                prop_assert!(Partition::restore(trees, seen(late)).is_err());
            }
        }
    }

    #[test]
    fn goes_on_from_an_open_part_as_if_it_had_not_stopped(
        steps in prop::collection::vec((0..40_u8, prop::collection::vec(0..30_u8, 1..9)), 1..40),
        window in (1..600_u64, 1..60_u64),
        rows in 1..40_u64,
        stop in any::<prop::sample::Index>(),
    ) {
        let window = DedupWindow { millis: window.0, records: window.1 };
        let limits = SealLimits { rows, bytes: 160 };
        let entries = entries(&steps);
        let stop = stop.index(entries.len()) + 1;
        let mut whole = new(window);
        let mut snapshots: Vec<Snapshot> = Vec::new();
        let mut again = None;
        for (index, entry) in (1..).zip(&entries) {
            let applied = whole.apply_entry(entry, index, 1).unwrap();
            let sealed = whole.seal_point(limits, index);
            if let Some(again) = &mut again {
                let same: &mut Partition = again;
                prop_assert_eq!(&same.apply_entry(entry, index, 1).unwrap(), &applied);
                prop_assert_eq!(&same.seal_point(limits, index), &sealed);
                prop_assert_eq!(same.remembered(), whole.remembered());
            }
            if let Some(snapshot) = sealed {
                whole.forget_before(snapshot.size);
                if let Some(again) = &mut again {
                    again.forget_before(snapshot.size);
                }
                snapshots.push(snapshot);
            }
            if index == stop as u64 {
                again = Some(stopped((&whole, &entries), &snapshots, index));
            }
        }
        let again = again.unwrap();
        let last = entries.len() as u64;
        let [one, other] = [&whole, &again].map(|p| p.open_part(last, leaves(p, &entries)));
        prop_assert_eq!(one, other);
        let [one, other] = [&whole, &again].map(|p| p.trees().roots_at(p.size()).unwrap());
        prop_assert_eq!(one, other);
        for value in 0..30_u8 {
            let found = |p: &Partition| {
                let digests = p.digests().candidates(blake3::hash(&bytes_of(value)).as_bytes());
                let keys = p.keys().candidates(blake3::hash(&[value % 5]).as_bytes());
                let open = digests.chain(keys).filter(|at| *at >= p.sealed_from());
                open.collect::<Vec<_>>()
            };
            prop_assert_eq!(found(&whole), found(&again));
        }
    }

    #[test]
    fn damaged_snapshots_are_refused(at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut partition = new(DedupWindow { millis: 1_000, records: 100 });
        let values: Vec<u8> = (0..30).collect();
        let entry = &entries(&[(1, values.clone())])[0];
        partition.apply_entry(entry, 1, 1).unwrap();
        let limits = SealLimits { rows: 1, bytes: 1 };
        let snapshot = partition.seal_point(limits, 1).unwrap();
        let rows = snapshot.rows.len();
        let mut bytes = snapshot.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(Seen::open(Box::new(bytes[..at].to_vec())).is_err());
        let body = bytes.len() - rows * (40 + 2 * 4);
        let padding = body - 4096 + 8 + 12 * 8 + 24 + 8 + 32..body;
        let seen = Seen::open(Box::new(bytes));
        if at < padding.start {
            prop_assert!(seen.is_err());
            return Ok(());
        }
        let seen = seen.unwrap();
        if padding.contains(&at) {
            prop_assert!(seen.verify(&mut || true).is_ok() && seen.is_verified());
            return Ok(());
        }
        let mut again = Partition::restore(Trees::in_memory(false).unwrap(), vec![seen]).unwrap();
        let next = &entries(&[(1, values.clone()), (9, values)])[1];
        let refused = again.apply_entry(next, 2, 1).unwrap_err();
        let snapshot = matches!(refused, PartitionError::Snapshot { .. });
        prop_assert!(snapshot);
        prop_assert_eq!(again.size(), partition.size());
        prop_assert_eq!(again.last_timestamp(), partition.last_timestamp());
        prop_assert!(again.seen()[0].verify(&mut || true).is_err());
    }

    #[test]
    fn damaged_open_parts_do_not_panic(at in any::<prop::sample::Index>(), bit in 0..8) {
        let entries = entries(&[(1, vec![1, 2, 2, 3]), (2, vec![1, 9])]);
        let mut partition = new(DedupWindow { millis: 1_000, records: 100 });
        for (index, entry) in (1..).zip(&entries) {
            partition.apply_entry(entry, index, 1).unwrap();
        }
        let part = partition.open_part(2, leaves(&partition, &entries));
        let mut bytes = Vec::new();
        part.encode(&mut bytes);
        prop_assert_eq!(&OpenPart::decode(&bytes).unwrap(), &part);
        let at = at.index(bytes.len());
        prop_assert!(OpenPart::decode(&bytes[..at]).is_err());
        bytes[at] ^= 1_u8 << bit;
        if let Ok(part) = OpenPart::decode(&bytes) {
            // Its bytes are hashed by whoever keeps them; here only the figures can tell.
            drop(new(part.window).resume(part));
        }
    }
}

/// Snapshots as their files say them.
fn seen(snapshots: &[Snapshot]) -> Vec<Seen> {
    let open = |snapshot: &Snapshot| Seen::open(Box::new(snapshot.encode())).unwrap();
    snapshots.iter().map(open).collect()
}

/// Leaf records of the open part.
fn leaves(partition: &Partition, entries: &[Vec<u8>]) -> Vec<[u8; 128]> {
    let mut leaves = Vec::new();
    for place in partition.open_places() {
        let entry = &entries[place.log_index as usize - 1];
        leaves.extend(leaf_records(entry, &place).unwrap());
    }
    leaves
}

/// A partition that goes on where `whole` is, from snapshots and the open part.
fn stopped(
    (whole, entries): (&Partition, &[Vec<u8>]),
    snapshots: &[Snapshot],
    index: u64,
) -> Partition {
    let mut bytes = Vec::new();
    let part = whole.open_part(index, leaves(whole, entries));
    part.encode(&mut bytes);
    let mut trees = Trees::in_memory(false).unwrap();
    let sealed: Vec<_> = (0..part.from)
        .map(|at| whole.trees().blake3.leaf(at).unwrap())
        .collect();
    trees.blake3.append(&sealed).unwrap();
    let mut again = match snapshots.last() {
        None => Partition::create(
            trees,
            DedupWindow {
                millis: 1,
                records: 1,
            },
        ),
        Some(last) => {
            let reaches = |s: &Snapshot| s.size > last.first_remembered || s == last;
            let first = snapshots.iter().position(reaches).unwrap();
            Partition::restore(trees, seen(&snapshots[first..])).unwrap()
        }
    };
    again.resume(OpenPart::decode(&bytes).unwrap()).unwrap();
    again
}
