//! Lookups by key, time, id and digest against a plain list, through seals, openings and power cuts (Z10, Z11).

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::prelude::*;
use pyralog_log::FaultFiles;
use pyralog_types::batch::{RecordRef, Row, ValueRef, encode_proposal};
use pyralog_types::{TOMBSTONE, encode_headers};

use super::{Clock, digests, numbered, propose, sealing, start, value};
use crate::{Host, HostError, HostOptions, MaintenanceOptions, Policy, SealLimits, Wait};

/// A record as the test knows it.
#[derive(Debug, Clone)]
struct Known {
    key: Option<Vec<u8>>,
    tombstone: bool,
    timestamp: u64,
    id: u64,
    value: Vec<u8>,
}

/// What a store must answer.
#[derive(Debug, Clone, Default)]
struct Model(Vec<Known>);

impl Model {
    /// All that a store holds.
    fn of(host: &Host) -> Self {
        let bytes = host.read(0, 0, usize::MAX).unwrap();
        let rows = Row::parse_all(&bytes).unwrap();
        Self(rows.iter().map(known).collect())
    }

    /// A model, and what the host has behind it.
    fn of_all(host: &Host, before: &Self) -> Self {
        let bytes = host.read(0, before.0.len() as u64, usize::MAX).unwrap();
        let rows = Row::parse_all(&bytes).unwrap();
        let mut all = before.clone();
        all.0.extend(rows.iter().map(known));
        all
    }

    fn by_key(&self, key: &[u8], as_of: Option<u64>) -> Option<u64> {
        let rows = self.0.iter().enumerate();
        let mut rows = rows.filter(|(_, row)| {
            row.key.as_deref() == Some(key) && as_of.is_none_or(|ms| row.timestamp <= ms)
        });
        let (offset, row) = rows.next_back()?;
        (!row.tombstone).then_some(offset as u64)
    }

    fn by_time(&self, ms: u64) -> Option<u64> {
        let found = self.0.iter().position(|row| row.timestamp >= ms);
        found.map(|offset| offset as u64)
    }

    fn check(&self, host: &Host, keys: u8) {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else {
            return;
        };
        let some = self.0.iter().step_by(1 + self.0.len() / 40);
        let times: Vec<u64> = some
            .flat_map(|row| [row.timestamp - 1, row.timestamp, row.timestamp + 1])
            .chain([0, first.timestamp, last.timestamp, u64::MAX])
            .collect();
        for ms in &times {
            let found = host.offset_of_time(0, *ms).unwrap();
            assert_eq!(found, self.by_time(*ms), "at {ms}");
        }
        for key in (0..=keys).map(key_of) {
            let found = host.offset_of_key(0, &key, None).unwrap();
            assert_eq!(found, self.by_key(&key, None), "latest of {key:?}");
            for ms in &times {
                let found = host.offset_of_key(0, &key, Some(*ms)).unwrap();
                let expected = self.by_key(&key, Some(*ms));
                assert_eq!(found, expected, "{key:?} as of {ms}");
            }
        }
        assert_eq!(host.offset_of_key(0, b"absent", None).unwrap(), None);
        for (offset, row) in (0..).zip(&self.0).step_by(1 + self.0.len() / 20) {
            assert_eq!(host.offset_of_id(0, row.id).unwrap(), Some(offset));
            if row.key.is_none() {
                let found = host.offsets_of_digest(0, &row.value, 9).unwrap();
                assert_eq!(found, [offset]);
            }
        }
    }
}

fn known(row: &Row<'_>) -> Known {
    Known {
        key: (row.leaf.key_hash != [0; 32]).then(|| row.key.to_vec()),
        tombstone: pyralog_types::is_tombstone(row.headers, row.value),
        timestamp: row.leaf.timestamp,
        id: row.leaf.scarab_id,
        value: row.value.to_vec(),
    }
}

/// Keys of different lengths; number 0 is the empty one.
fn key_of(number: u8) -> Vec<u8> {
    vec![number; usize::from(number)]
}

/// Records with these keys and ever new values; every fifth is a tombstone.
fn keyed(keys: &[u8], serial: &mut u64) -> Vec<u8> {
    let gone = encode_headers(&[("a", b"b"), (TOMBSTONE, b"")]).unwrap();
    let alive = encode_headers(&[("a", b"tombstone")]).unwrap();
    let parts: Vec<_> = keys
        .iter()
        .map(|key| {
            *serial += 1;
            let serial = *serial;
            let tombstone = serial.is_multiple_of(5);
            let value = match serial % 5 {
                // An empty value alone is no tombstone.
                0 | 1 => Vec::new(),
                _ => serial.to_le_bytes().to_vec(),
            };
            (
                key_of(*key),
                value,
                tombstone,
                serial.to_le_bytes().to_vec(),
            )
        })
        .collect();
    let records: Vec<RecordRef<'_>> = parts
        .iter()
        .map(|(key, value, tombstone, name)| RecordRef {
            schema_id: 0,
            submitter: b"me",
            // Repeats would be duplicates.
            idempotency_key: Some(name),
            key: Some(key),
            headers: Some(if *tombstone { &gone } else { &alive }),
            value: ValueRef::Bytes(value),
        })
        .collect();
    encode_proposal(&records)
}

fn small(rows: u64) -> HostOptions {
    HostOptions {
        seal: SealLimits {
            rows,
            bytes: 1 << 20,
        },
        ..sealing()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Keys(Vec<u8>),
    Digests(u64),
    Wait(u64),
    Reopen,
    Crash(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(0..9_u8, 1..12).prop_map(Step::Keys),
        3 => (1..6_u64).prop_map(Step::Digests),
        3 => (1..5_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Reopen),
        1 => (1..60_u64).prop_map(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn lookups_are_those_of_a_plain_list(
        steps in prop::collection::vec(step(), 1..40),
        rows in 3..50_u64,
        seed in any::<u64>(),
    ) {
        let (disk, clock, options) = (FaultFiles::new(seed), Clock::new(), small(rows));
        let mut host = Host::open(clock.world(&disk), &options).unwrap();
        let (mut serial, mut next) = (0, 0);
        for step in steps {
            match step {
                Step::Keys(keys) => {
                    propose(&host, keyed(&keys, &mut serial), Wait::Durable).unwrap();
                }
                Step::Digests(count) => {
                    propose(&host, digests(next, count), Wait::Durable).unwrap();
                    next += count;
                }
                Step::Wait(ms) => {
                    clock.0.fetch_add(ms, Ordering::Relaxed);
                }
                Step::Reopen => {
                    host.close().unwrap();
                    host = Host::open(clock.world(&disk), &options).unwrap();
                    Model::of(&host).check(&host, 9);
                }
                Step::Crash(operations) => {
                    disk.power_off_after(operations);
                    while !disk.is_off() {
                        let _ = propose(&host, keyed(&[1, 2, 3], &mut serial), Wait::Durable);
                    }
                    let _ = host.close(); // without power it cannot end well
                    drop(host);
                    disk.crash();
                    host = Host::open(clock.world(&disk), &options).unwrap();
                    Model::of(&host).check(&host, 9);
                }
            }
        }
        Model::of(&host).check(&host, 9);
    }
}

#[test]
fn an_answer_names_durable_records_only_and_never_falls_behind() {
    let disk = FaultFiles::new(11);
    let host = Host::open(Clock::new().world(&disk), &small(16)).unwrap();
    let key = key_of(7);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..600_u64 {
                let proposal = keyed(&[7], &mut (number * 5 + 1));
                propose(&host, proposal, Wait::Durable).unwrap();
            }
        });
        let mut newest = None;
        while !writer.is_finished() {
            let least = host.durable_size(0).unwrap().checked_sub(1);
            let found = host.offset_of_key(0, &key, None).unwrap();
            let most = host.durable_size(0).unwrap().checked_sub(1);
            assert!(
                least <= found && found <= most,
                "{least:?} {found:?} {most:?}"
            );
            assert!(newest <= found);
            newest = found;
        }
    });
    assert_eq!(host.offset_of_key(0, &key, None).unwrap(), Some(599));
    host.close().unwrap();
    assert!(host.shared.segments.of(0).len() >= 30);
}

#[test]
fn an_index_that_takes_other_keys_for_those_asked_for_misleads_nobody() {
    // The index of the open part holds 31 bits of a hash: of a million keys that are not there it names a few.
    let disk = FaultFiles::new(12);
    let options = HostOptions {
        wal_file_bytes: 16 << 20,
        queue_bytes_max: 16 << 20,
        seal: SealLimits::default(),
        ..sealing()
    };
    let host = Host::open(Clock::new().world(&disk), &options).unwrap();
    propose(&host, numbered(0..30_000), Wait::Durable).unwrap();
    for offset in (0..30_000_u64).step_by(1_000) {
        let found = host.offset_of_key(0, &offset.to_be_bytes(), None);
        assert_eq!(found.unwrap(), Some(offset));
    }
    let partition = host.shared.shards[0].state.read();
    let named = (30_000..1_030_000_u64).filter(|n| {
        let hash = *blake3::hash(&n.to_be_bytes()).as_bytes();
        partition.keys().newest_before(&hash, u64::MAX).is_some()
    });
    let named: Vec<u64> = named.collect();
    drop(partition);
    assert!(!named.is_empty() && named.len() < 200, "{}", named.len());
    for n in named {
        assert_eq!(host.offset_of_key(0, &n.to_be_bytes(), None).unwrap(), None);
    }
}

#[test]
fn damage_is_told_with_its_offsets_and_a_damaged_sidecar_is_made_again() {
    let disk = FaultFiles::new(13);
    let clock = Clock::new();
    let options = small(40);
    let host = Host::open(clock.world(&disk), &options).unwrap();
    let mut serial = 0;
    for _ in 0..4 {
        // 40 records with a key each of their own, in each segment the same.
        clock.0.fetch_add(1_000, Ordering::Relaxed);
        propose(
            &host,
            keyed(&(10..50).collect::<Vec<u8>>(), &mut serial),
            Wait::Durable,
        )
        .unwrap();
    }
    host.close().unwrap();
    let segments = host.shared.segments.of(0);
    assert_eq!(segments.len(), 4);
    let name = |end: &str| {
        let name = segments[3].name();
        Path::new("/store/segments").join(format!("{name}.{end}"))
    };
    let (data, side) = (name("arrow"), name("side"));
    let model = Model::of(&Host::open(clock.world(&disk), &options).unwrap());

    // Any section of the sidecar: it is made again, and the answer is the right one.
    let whole = disk.content(&side).unwrap();
    let mut mended = 0;
    for at in (0..whole.len()).step_by(97) {
        disk.flip_bit(&side, at, 3);
        let host = Host::open(clock.world(&disk), &options).unwrap();
        model.check(&host, 50);
        host.close().unwrap();
        mended += u32::from(disk.content(&side).unwrap() == whole);
        disk.plant(&side, whole.clone());
    }
    assert!(mended > 5, "{mended} of them were");

    // The key of a record in the data: an error for that block's records, and nothing else is lost.
    let content = disk.content(&data).unwrap();
    let key = key_of(49);
    let at = content.windows(key.len()).position(|bytes| bytes == key);
    disk.flip_bit(&data, at.unwrap(), 3);
    let host = Host::open(clock.world(&disk), &options).unwrap();
    let error = host.offset_of_key(0, &key, None).unwrap_err();
    assert!(matches!(error, HostError::Segment(_)), "{error}");
    assert_eq!(error.code(), "storage/corrupt");
    assert!(error.to_string().contains("offsets"), "{error}");
    let before = model.0[119].timestamp;
    let found = host.offset_of_key(0, &key, Some(before)).unwrap();
    assert_eq!(found, model.by_key(&key, Some(before)));
}

/// Keeps only the latest record of each key, as soon as it is sealed.
fn compacting(rows: u64) -> HostOptions {
    let mut options = small(rows);
    options.partitions[0].policy = Policy {
        latest_by_key: true,
        tombstone_ms: 0,
        ..Policy::default()
    };
    options.maintenance = MaintenanceOptions {
        on: true,
        tick: Duration::from_millis(1),
        bytes_per_second: 0,
    };
    options
}

/// Everything that the host answers as of a time is right, or is not told because it is not known any more.
fn check_compacted(host: &Host, model: &Model) -> (usize, usize) {
    let (mut told, mut untold) = (0, 0);
    for key in (0..9).map(key_of) {
        let found = host.offset_of_key(0, &key, None).unwrap();
        assert_eq!(found, model.by_key(&key, None), "latest of {key:?}");
        for ms in model.0.iter().map(|row| row.timestamp) {
            match host.offset_of_key(0, &key, Some(ms)) {
                Ok(found) => {
                    assert_eq!(found, model.by_key(&key, Some(ms)), "{key:?} as of {ms}");
                    told += 1;
                }
                Err(HostError::Superseded { .. }) => untold += 1,
                Err(other) => panic!("{other}"),
            }
        }
    }
    (told, untold)
}

#[test]
fn what_compaction_took_is_never_answered_with_an_older_record() {
    for seed in 0..6 {
        let (disk, clock) = (FaultFiles::new(seed), Clock::new());
        let options = compacting(8);
        let host = Host::open(clock.world(&disk), &small(8)).unwrap();
        let mut serial = seed;
        for round in 0..30 {
            clock.0.fetch_add(10, Ordering::Relaxed);
            // The first keys change all the time, the others now and then, and some rounds leave nothing behind.
            let keys = [round % 2, round % 3, round % 9, 0, 1];
            propose(&host, keyed(&keys, &mut serial), Wait::Durable).unwrap();
        }
        let model = Model::of(&host);
        assert_eq!(check_compacted(&host, &model).1, 0);
        host.close().unwrap();
        let host = Host::open(clock.world(&disk), &options).unwrap();
        while host.maintenance().merges == 0 {
            assert_eq!(host.maintenance().last_error, None);
            std::thread::yield_now();
        }
        let (told, untold) = check_compacted(&host, &model);
        assert!(told > 20 && untold > 20, "{told} told, {untold} not");
        // Newer records change none of it.
        propose(&host, keyed(&[0, 5], &mut serial), Wait::Durable).unwrap();
        check_compacted(&host, &Model::of_all(&host, &model));
        for ms in model.0.iter().map(|row| row.timestamp) {
            let found = host.offset_of_time(0, ms).unwrap();
            assert!(found >= model.by_time(ms));
        }
        host.close().unwrap();
    }
}

#[test]
fn nothing_is_found_in_an_empty_log_or_by_what_no_record_has() {
    let disk = FaultFiles::new(14);
    let host = Host::open(Clock::new().world(&disk), &small(40)).unwrap();
    assert_eq!(host.offset_of_key(0, b"", None).unwrap(), None);
    assert_eq!(host.offset_of_time(0, 0).unwrap(), None);
    // Notary records have no key, not an empty one.
    let answer = start(&host, digests(0, 100), Wait::Durable);
    answer.recv().unwrap().unwrap();
    assert_eq!(host.offset_of_key(0, b"", None).unwrap(), None);
    assert_eq!(host.offset_of_key(0, &value(1), None).unwrap(), None);
    assert_eq!(host.offset_of_time(0, 0).unwrap(), Some(0));
    assert!(host.offset_of_key(1, b"", None).is_err());
    assert!(host.offset_of_time(1, 0).is_err());
}
