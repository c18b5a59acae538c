//! Work beside readers: pins, cancelling, conflicts, damage, progress, ageing.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyralog_manifest::{ManifestError, Policy};
use pyralog_segment::{Kind, Segment};

use super::pace::Hand;
use super::{PARTITION, Store, at, latest};
use crate::{Clock, CompactError, Control, Facts, Pace, Progress, Work};

fn wide(store: &mut Store, rows: usize) -> u64 {
    let keys: Vec<String> = (0..rows).map(|at| format!("key {at}")).collect();
    let rows: Vec<_> = keys
        .iter()
        .map(|key| (Some(key.as_str()), Some("a value of some length")))
        .collect();
    store.seal(&rows)
}

fn run(store: &Store, work: &Work, control: &Control<'_>) -> Result<u64, CompactError> {
    let version = store.compactor.run(PARTITION, work, (&at(0), control))?;
    Ok(version.number())
}

#[test]
fn a_pinned_reader_reads_what_it_pinned() {
    let mut store = Store::new();
    let inputs: Vec<u64> = (0..3).map(|_| wide(&mut store, 20)).collect();
    let pin = store.manifest.current();
    store.set_policy(latest());
    store.maintain(&at(0)).unwrap();
    assert_eq!(store.readable().len(), 20);
    assert_eq!(store.manifest.sweep(99).deleted, 0);
    let read = |entry: &Arc<pyralog_manifest::SegmentEntry>| {
        let dir = store.manifest.segments_dir();
        let segment = Segment::open(&store.disk, dir, &entry.name(), &entry.meta).unwrap();
        segment.rows_from(0).unwrap().map(Result::unwrap).count()
    };
    let state = pin.partition(PARTITION).unwrap();
    assert_eq!(state.segments().iter().map(read).sum::<usize>(), 60);
    drop(pin);
    assert_eq!(store.manifest.sweep(99).deleted, inputs.len());
    // One segment with its sidecar, one leaves file.
    assert_eq!(store.names().len(), 3, "{:?}", store.names());
}

#[test]
pub(super) fn cancelled_work_leaves_nothing() {
    let mut store = Store::new();
    let inputs: Vec<u64> = (0..2).map(|_| wide(&mut store, 9_000)).collect();
    let before = (store.manifest.current().number(), store.names());
    for (latest, limit) in [(false, 1), (false, 2), (true, 1), (true, 3)] {
        let cancel = AtomicBool::new(false);
        let seen = RefCell::new(0);
        let progress = |_: &Progress| {
            *seen.borrow_mut() += 1;
            cancel.store(*seen.borrow() >= limit, Ordering::Relaxed);
        };
        let pace = Pace::unlimited();
        let control = Control {
            cancel: &cancel,
            pace: &pace,
            progress: &progress,
        };
        let work = Work::Merge {
            inputs: inputs.clone(),
            latest,
        };
        assert!(matches!(
            run(&store, &work, &control),
            Err(CompactError::Cancelled)
        ));
        store.manifest.sweep(99).failed.map_or(Ok(()), Err).unwrap();
        assert_eq!((store.manifest.current().number(), store.names()), before);
    }
    // Nobody is in the way of the next one.
    let work = Work::Merge {
        inputs,
        latest: false,
    };
    store.run(&work, &at(0)).unwrap();
    assert_eq!(store.readable().len(), 18_000);
}

#[test]
fn progress_grows_to_the_whole() {
    let mut store = Store::new();
    let inputs: Vec<u64> = (0..2).map(|_| wide(&mut store, 9_000)).collect();
    let seen = RefCell::new(Vec::new());
    let pace = Pace::unlimited();
    let progress = |progress: &Progress| seen.borrow_mut().push(*progress);
    let control = Control {
        cancel: &AtomicBool::new(false),
        pace: &pace,
        progress: &progress,
    };
    run(
        &store,
        &Work::Merge {
            inputs,
            latest: true,
        },
        &control,
    )
    .unwrap();
    let seen = seen.into_inner();
    assert!(
        seen.len() > 4
            && seen
                .windows(2)
                .all(|pair| pair[0].done_bytes <= pair[1].done_bytes)
    );
    let last = seen.last().unwrap();
    assert_eq!(
        (last.done_bytes, last.rows_in, last.rows_out),
        (last.total_bytes, 18_000, 9_000)
    );
}

#[test]
fn work_takes_what_it_reads_and_writes_from_the_bucket() {
    let mut store = Store::new();
    let inputs: Vec<u64> = (0..2).map(|_| wide(&mut store, 9_000)).collect();
    let version = store.manifest.current();
    let entries = version.partition(PARTITION).unwrap().segments();
    let metas = entries.iter().map(|entry| entry.meta);
    let files: u64 = metas.map(|meta| meta.arrow_bytes + meta.side_bytes).sum();
    let clock = Arc::new(Hand::default());
    let pace = Pace::new(clock.clone(), 100_000, 0);
    let control = Control {
        cancel: &AtomicBool::new(false),
        pace: &pace,
        progress: &|_| {},
    };
    run(
        &store,
        &Work::Merge {
            inputs,
            latest: false,
        },
        &control,
    )
    .unwrap();
    // All was read and written once; the last step is paid for by whoever comes next.
    // 10 µs a byte.
    let paid = clock.now_ns() / 10_000;
    let percent = paid * 100 / (2 * files);
    assert!((70..=130).contains(&percent), "{paid} for files of {files}");
}

#[test]
pub(super) fn a_plan_for_a_version_that_is_past_is_a_conflict() {
    let mut store = Store::new();
    let inputs: Vec<u64> = (0..3).map(|_| wide(&mut store, 5)).collect();
    let works = [
        Work::Merge {
            inputs: inputs[..2].to_vec(),
            latest: false,
        },
        Work::Merge {
            inputs: inputs[1..].to_vec(),
            latest: true,
        },
        Work::Age { input: inputs[0] },
        Work::Retain {
            first_offset: 5,
            hashes_from: 0,
        },
    ];
    store.run(&works[0], &at(0)).unwrap();
    store.manifest.sweep(99).failed.map_or(Ok(()), Err).unwrap();
    let names = store.names();
    for work in &works {
        let error = store.run(work, &at(0)).unwrap_err();
        assert!(
            matches!(
                error,
                CompactError::Manifest(ManifestError::Conflict { .. })
            ),
            "{work:?}: {error}"
        );
        store.manifest.sweep(99).failed.map_or(Ok(()), Err).unwrap();
        assert_eq!(store.names(), names, "{work:?}");
    }
}

/// Puts a copy of a segment in its place, as a repair would.
fn swap(store: &Store, old: u64) {
    let version = store.manifest.current();
    let state = version.partition(PARTITION).unwrap();
    let Some(entry) = state.segments().iter().find(|entry| entry.number == old) else {
        return;
    };
    let number = store.manifest.reserve();
    let name = pyralog_manifest::file_name(PARTITION, number);
    for ending in ["arrow", "side"] {
        let dir = store.manifest.segments_dir();
        let bytes = store
            .disk
            .content(&dir.join(format!("{}.{ending}", entry.name())))
            .unwrap();
        store
            .disk
            .plant(&dir.join(format!("{name}.{ending}")), bytes);
    }
    let meta = entry.meta;
    let by = pyralog_manifest::Replacement {
        removed: vec![old],
        segments: vec![pyralog_manifest::NewSegment { number, meta }],
        leaves: Vec::new(),
    };
    store
        .manifest
        .commit(&[pyralog_manifest::Edit::Replace {
            partition: PARTITION,
            by,
        }])
        .unwrap();
}

#[test]
pub(super) fn a_conflict_at_the_end_leaves_nothing() {
    for latest in [false, true] {
        let mut store = Store::new();
        let inputs: Vec<u64> = (0..2).map(|_| wide(&mut store, 50)).collect();
        let pace = Pace::unlimited();
        // Told when everything is written and nothing committed.
        let progress = |progress: &Progress| {
            if progress.done_bytes == progress.total_bytes {
                swap(&store, inputs[1]);
            }
        };
        let control = Control {
            cancel: &AtomicBool::new(false),
            pace: &pace,
            progress: &progress,
        };
        let work = Work::Merge {
            inputs: inputs.clone(),
            latest,
        };
        let error = run(&store, &work, &control).unwrap_err();
        assert!(
            matches!(
                error,
                CompactError::Manifest(ManifestError::Conflict { .. })
            ),
            "{error}"
        );
        store.manifest.sweep(99).failed.map_or(Ok(()), Err).unwrap();
        assert_eq!(store.names().len(), 4, "two segments with their sidecars");
        assert_eq!(store.readable(), store.rows);
    }
}

#[test]
fn one_piece_of_work_at_a_time_in_a_partition() {
    let mut store = Store::new();
    let inputs: Vec<u64> = (0..2).map(|_| wide(&mut store, 9_000)).collect();
    let pace = Pace::unlimited();
    let never = AtomicBool::new(false);
    let work = Work::Merge {
        inputs: inputs.clone(),
        latest: false,
    };
    let inner = RefCell::new(None);
    let again = |_: &Progress| {
        let refused = store.run(&work, &at(0)).unwrap_err();
        inner.replace(Some(matches!(refused, CompactError::Busy(PARTITION))));
    };
    let control = Control {
        cancel: &never,
        pace: &pace,
        progress: &again,
    };
    run(&store, &work, &control).unwrap();
    assert_eq!(inner.into_inner(), Some(true));
}

#[test]
fn damage_is_never_given_a_good_checksum() {
    let mut store = Store::new();
    let inputs: Vec<u64> = (0..2).map(|_| wide(&mut store, 50)).collect();
    let names = store.names();
    let name = format!(
        "{}.arrow",
        pyralog_manifest::file_name(PARTITION, inputs[0])
    );
    let path = store.manifest.segments_dir().join(name);
    let bytes = store.disk.content(&path).unwrap();
    let value = bytes
        .windows(7)
        .position(|window| window == b"a value")
        .unwrap();
    store.disk.flip_bit(&path, value + 3, 2);
    for latest in [false, true] {
        let work = Work::Merge {
            inputs: inputs.clone(),
            latest,
        };
        let error = store.run(&work, &at(0)).unwrap_err();
        assert_eq!(error.code(), "storage/corrupt", "{error}");
    }
    assert!(store.run(&Work::Age { input: inputs[0] }, &at(0)).is_err());
    store.manifest.sweep(99).failed.map_or(Ok(()), Err).unwrap();
    assert_eq!(store.names(), names);
}

#[test]
pub(super) fn a_row_that_does_not_hash_to_its_leaf_stops_the_work() {
    let mut store = Store::new();
    wide(&mut store, 3);
    let mut row = store.rows[0].clone();
    row.offset = 3;
    row.timestamp = 5_000;
    // Sealed with the hash of another leaf: checksums are right, the row is not.
    let mut builder = pyralog_segment::SegmentBuilder::new(3);
    builder
        .push(&pyralog_segment::Row {
            leaf: &row.leaf().to_bytes(),
            leaf_hash: [1; 32],
            key: row.key.as_deref(),
            headers: None,
            value: &row.value,
        })
        .unwrap();
    let number = store.manifest.reserve();
    let name = pyralog_manifest::file_name(PARTITION, number);
    let meta = builder
        .finish(&store.disk, store.manifest.segments_dir(), &name)
        .unwrap();
    let segment = pyralog_manifest::NewSegment { number, meta };
    store
        .manifest
        .commit(&[pyralog_manifest::Edit::Add {
            partition: PARTITION,
            segment,
        }])
        .unwrap();
    store.set_policy(latest());
    let error = store.maintain(&at(0)).unwrap_err();
    assert!(
        matches!(error, CompactError::Row { offset: 3, .. }),
        "{error}"
    );
}

#[test]
fn old_segments_become_parquet_and_stay_readable() {
    let mut store = Store::new();
    for _ in 0..3 {
        wide(&mut store, 100);
    }
    store.set_policy(Policy {
        cold_after_ms: Some(1_000),
        ..Policy::default()
    });
    let facts = Facts {
        now_ms: 4_500,
        ..Facts::default()
    };
    assert_eq!(store.maintain(&facts).unwrap(), 2);
    let version = store.manifest.current();
    let kinds: Vec<Kind> = version
        .partition(PARTITION)
        .unwrap()
        .segments()
        .iter()
        .map(|entry| entry.meta.kind)
        .collect();
    assert_eq!(kinds, [Kind::Cold, Kind::Cold, Kind::Hot]);
    assert_eq!(store.readable(), store.rows);
    assert_eq!(store.manifest.sweep(99).deleted, 2);
    assert_eq!(store.names().len(), 6);
    // Compaction takes cold segments too, and what comes out is hot.
    store.set_policy(latest());
    store.maintain(&facts).unwrap();
    assert_eq!(store.readable().len(), 100);
}
