//! What each edit does to a version, and what is refused.

use super::{meta, new_leaves, new_segment, open, retention, seal};
use crate::{Edit, Manifest, ManifestError, NewSegment, Policy, Replacement, TakeOver};
use pyralog_log::FaultFiles;
use pyralog_segment::Kind;

fn conflict(manifest: &Manifest, edit: Edit) -> String {
    let before = manifest.current().number();
    let detail = match manifest.commit(&[edit]) {
        Err(ManifestError::Conflict { detail, .. }) => detail,
        other => panic!("{other:?} is no conflict"),
    };
    assert_eq!(manifest.current().number(), before);
    detail
}

fn three() -> (FaultFiles, std::sync::Arc<Manifest>, [u64; 3]) {
    let disk = FaultFiles::new(1);
    let manifest = open(&disk).unwrap().manifest;
    let numbers = [10, 20, 30].map(|rows| seal(&disk, &manifest, 1, rows));
    (disk, manifest, numbers)
}

fn replace(by: Replacement) -> Edit {
    Edit::Replace { partition: 1, by }
}

#[test]
fn lookups_find_the_segment_of_an_offset() {
    let (_disk, manifest, numbers) = three();
    let version = manifest.current();
    let found = |offset| version.segment_at(1, offset).map(|segment| segment.number);
    assert_eq!(found(0), Some(numbers[0]));
    assert_eq!(found(9), Some(numbers[0]));
    assert_eq!(found(10), Some(numbers[1]));
    assert_eq!(found(59), Some(numbers[2]));
    assert_eq!(found(60), None);
    assert!(version.segment_at(2, 0).is_none());
}

#[test]
fn a_segment_follows_the_one_before() {
    let (_disk, manifest, _) = three();
    for base in [0, 59, 61] {
        let segment = new_segment(&manifest, base, 5);
        let detail = conflict(
            &manifest,
            Edit::Add {
                partition: 1,
                segment,
            },
        );
        assert!(detail.contains("cannot follow 60"), "{detail}");
    }
    let mut segment = new_segment(&manifest, 60, 5);
    segment.meta.compacted = true;
    assert!(
        conflict(
            &manifest,
            Edit::Add {
                partition: 1,
                segment
            }
        )
        .contains("before it is compacted")
    );
    let mut segment = new_segment(&manifest, 60, 5);
    segment.meta.rows = 4;
    assert!(
        conflict(
            &manifest,
            Edit::Add {
                partition: 1,
                segment
            }
        )
        .contains("cannot be the segment")
    );
}

#[test]
fn numbers_are_used_once() {
    let (_disk, manifest, numbers) = three();
    let segment = NewSegment {
        number: numbers[0],
        meta: meta(60, 5),
    };
    assert!(
        conflict(
            &manifest,
            Edit::Add {
                partition: 1,
                segment
            }
        )
        .contains("not reserved")
    );
    let number = manifest.reserve();
    let twice = [60, 65].map(|base| Edit::Add {
        partition: 1,
        segment: NewSegment {
            number,
            meta: meta(base, 5),
        },
    });
    assert!(matches!(
        manifest.commit(&twice),
        Err(ManifestError::Conflict { .. })
    ));
    manifest.abandon(1, number);
    let segment = NewSegment {
        number,
        meta: meta(60, 5),
    };
    conflict(
        &manifest,
        Edit::Add {
            partition: 1,
            segment,
        },
    );
}

#[test]
fn a_commit_applies_all_or_nothing() {
    let (_disk, manifest, _) = three();
    let good = new_segment(&manifest, 60, 5);
    let bad = new_segment(&manifest, 99, 5);
    let edits = [good.clone(), bad].map(|segment| Edit::Add {
        partition: 1,
        segment,
    });
    assert!(manifest.commit(&edits).is_err());
    assert_eq!(manifest.current().partition(1).unwrap().end_offset(), 60);
    // The number is still reserved: nothing of the commit happened.
    manifest
        .commit(&[Edit::Add {
            partition: 1,
            segment: good,
        }])
        .unwrap();
}

#[test]
fn a_merge_takes_the_place_of_its_inputs() {
    let (_disk, manifest, numbers) = three();
    let merged = new_segment(&manifest, 0, 30);
    let number = merged.number;
    let by = Replacement {
        removed: vec![numbers[0], numbers[1]],
        segments: vec![merged],
        leaves: vec![],
    };
    let version = manifest.commit(&[replace(by)]).unwrap();
    let left: Vec<u64> = version
        .partition(1)
        .unwrap()
        .segments()
        .iter()
        .map(|segment| segment.number)
        .collect();
    assert_eq!(left, [number, numbers[2]]);
    // Planned for the version before: the inputs are gone.
    let late = new_segment(&manifest, 10, 50);
    let by = Replacement {
        removed: vec![numbers[1], numbers[2]],
        segments: vec![late],
        leaves: vec![],
    };
    assert!(conflict(&manifest, replace(by)).contains("is not there"));
}

#[test]
fn a_replacement_neither_overlaps_nor_loses_hashes() {
    let (_disk, manifest, numbers) = three();
    let overlapping = new_segment(&manifest, 0, 11);
    let by = Replacement {
        removed: vec![numbers[0]],
        segments: vec![overlapping],
        leaves: vec![],
    };
    assert!(conflict(&manifest, replace(by)).contains("overlaps"));
    let beyond = new_segment(&manifest, 30, 31);
    let by = Replacement {
        removed: vec![numbers[2]],
        segments: vec![beyond],
        leaves: vec![],
    };
    assert!(conflict(&manifest, replace(by)).contains("overlaps"));

    let compacted = |number| {
        let mut meta = meta(0, 30);
        meta.compacted = true;
        meta.rows = 7;
        NewSegment { number, meta }
    };
    let segments = vec![compacted(manifest.reserve())];
    let removed = vec![numbers[0], numbers[1]];
    let by = Replacement {
        removed: removed.clone(),
        segments: segments.clone(),
        leaves: vec![],
    };
    assert!(conflict(&manifest, replace(by)).contains("leaf hash of offset 0 would be lost"));
    let leaves = vec![new_leaves(&manifest, 0, 29)];
    let by = Replacement {
        removed: removed.clone(),
        segments: segments.clone(),
        leaves,
    };
    assert!(conflict(&manifest, replace(by)).contains("leaf hash of offset 29 would be lost"));
    let leaves = vec![new_leaves(&manifest, 0, 30)];
    let by = Replacement {
        removed,
        segments,
        leaves,
    };
    let version = manifest.commit(&[replace(by)]).unwrap();
    assert!(version.partition(1).unwrap().leaves_at(29).is_some());
    assert!(version.partition(1).unwrap().leaves_at(30).is_none());
}

#[test]
fn retention_moves_forward_along_borders() {
    let (_disk, manifest, _) = three();
    let to = |to| Edit::Retain { partition: 1, to };
    assert!(conflict(&manifest, to(retention(5, 0, vec![]))).contains("overlaps"));
    assert!(conflict(&manifest, to(retention(10, 0, vec![]))).contains("leaf hash of offset 0"));
    assert!(conflict(&manifest, to(retention(61, 0, vec![]))).contains("not in order"));
    assert!(conflict(&manifest, to(retention(10, 30, vec![]))).contains("not in order"));
    let mut few = retention(10, 10, vec![]);
    few.roots.pop();
    assert!(conflict(&manifest, to(few)).contains("2 complete subtrees"));

    let leaves = new_leaves(&manifest, 0, 30);
    let version = manifest
        .commit(&[to(retention(30, 0, vec![leaves]))])
        .unwrap();
    let state = version.partition(1).unwrap();
    assert_eq!(
        (
            state.first_offset(),
            state.hashes_from(),
            state.segments().len()
        ),
        (30, 0, 1)
    );
    assert!(version.segment_at(1, 29).is_none());
    assert!(conflict(&manifest, to(retention(10, 0, vec![]))).contains("stays dropped"));

    // Hashes go in the middle of a leaves file: the file stays till all of it is behind.
    let version = manifest.commit(&[to(retention(30, 29, vec![]))]).unwrap();
    let state = version.partition(1).unwrap();
    assert_eq!((state.leaves().len(), state.roots().len()), (1, 4));
    let version = manifest.commit(&[to(retention(30, 30, vec![]))]).unwrap();
    assert!(version.partition(1).unwrap().leaves().is_empty());
}

#[test]
fn a_copy_of_a_partition_begins_where_another_ends() {
    let (_disk, manifest, _) = three();
    let to = retention(1_000, 1_000, vec![]);
    manifest
        .commit(&[Edit::Retain { partition: 2, to }])
        .unwrap();
    let segment = new_segment(&manifest, 1_000, 5);
    manifest
        .commit(&[Edit::Add {
            partition: 2,
            segment,
        }])
        .unwrap();
    assert_eq!(manifest.current().partition(2).unwrap().end_offset(), 1_005);
}

#[test]
fn what_another_replica_sealed_takes_the_place_of_a_partition() {
    let (disk, manifest, numbers) = three();
    let take = |by| Edit::TakeOver { partition: 1, by };
    let whole = |manifest: &Manifest| TakeOver {
        end_offset: 90,
        kept: vec![numbers[0]],
        segments: vec![new_segment(manifest, 10, 50), new_segment(manifest, 60, 30)],
        ..TakeOver::default()
    };
    let mut short = whole(&manifest);
    short.end_offset = 59;
    short.segments.truncate(1);
    assert!(conflict(&manifest, take(short)).contains("which is further"));
    let mut gap = whole(&manifest);
    gap.segments.remove(0);
    assert!(conflict(&manifest, take(gap)).contains("leaf hash of offset 10"));
    let mut unknown = whole(&manifest);
    unknown.kept.push(999);
    assert!(conflict(&manifest, take(unknown)).contains("999 is not there"));
    let mut roots = whole(&manifest);
    roots.roots.push([1; 32]);
    assert!(conflict(&manifest, take(roots)).contains("roots that do not fit"));
    let mut late = whole(&manifest);
    (late.first_offset, late.hashes_from) = (0, 60);
    late.roots = vec![[1; 32]; 4];
    assert!(conflict(&manifest, take(late)).contains("out of order"));

    let before = manifest.current();
    let planned = manifest.plan(&[take(whole(&manifest))]).unwrap();
    assert_eq!(planned.partition(1).unwrap().segments().len(), 3);
    assert_eq!(manifest.current().number(), before.number());
    let version = manifest.commit(&[take(whole(&manifest))]).unwrap();
    let state = version.partition(1).unwrap();
    assert_eq!((state.end_offset(), state.segments().len()), (90, 3));
    assert_eq!(state.segments()[0].number, numbers[0]);
    // What it had is deleted when nobody reads it any more.
    assert_eq!(manifest.dead_files(), 0);
    drop((before, planned));
    assert_eq!(manifest.dead_files(), 2);
    // Another replica may have removed less.
    let all = TakeOver {
        first_offset: 0,
        ..whole(&manifest)
    };
    manifest.commit(&[take(all)]).unwrap();
    drop(manifest);
    let reopened = open(&disk).unwrap().manifest;
    assert_eq!(reopened.current().partition(1).unwrap().end_offset(), 90);
}

#[test]
fn quarantine_names_ranges_and_goes_with_its_segment() {
    let (_disk, manifest, numbers) = three();
    let number = numbers[1];
    let quarantine = |ranges| Edit::Quarantine {
        partition: 1,
        number,
        ranges,
    };
    for bad in [
        vec![],
        vec![9..12],
        vec![12..12],
        vec![12..15, 14..16],
        vec![25..31],
    ] {
        conflict(&manifest, quarantine(bad));
    }
    let version = manifest
        .commit(&[quarantine(vec![12..15, 20..30])])
        .unwrap();
    let segment = version.segment_at(1, 12).unwrap();
    assert_eq!(segment.quarantine_of(14), Some(&(12..15)));
    assert_eq!(segment.quarantine_of(15), None);
    let lift = Edit::Lift {
        partition: 1,
        number,
    };
    let lifted = manifest.commit(std::slice::from_ref(&lift)).unwrap();
    assert!(lifted.segment_at(1, 12).unwrap().quarantined.is_empty());
    // The version before is as it was.
    assert!(!version.segment_at(1, 12).unwrap().quarantined.is_empty());
    conflict(&manifest, lift);

    manifest.commit(&[quarantine(vec![12..15])]).unwrap();
    let fetched = new_segment(&manifest, 10, 20);
    let by = Replacement {
        removed: vec![number],
        segments: vec![fetched],
        leaves: vec![],
    };
    let version = manifest.commit(&[replace(by)]).unwrap();
    assert!(version.segment_at(1, 12).unwrap().quarantined.is_empty());
    conflict(&manifest, quarantine(vec![12..15]));
}

#[test]
fn everything_is_there_after_opening_again_by_edits_and_by_snapshot() {
    let (disk, manifest, numbers) = three();
    let policy = Policy {
        merge_bytes: 7,
        latest_by_key: true,
        retain_ms: Some(0),
        retain_from: Some(3),
        ..Policy::default()
    };
    manifest
        .commit(&[Edit::SetPolicy {
            partition: 4,
            policy: policy.clone(),
        }])
        .unwrap();
    manifest
        .commit(&[Edit::Quarantine {
            partition: 1,
            number: numbers[2],
            ranges: vec![31..33],
        }])
        .unwrap();
    let mut cold = new_segment(&manifest, 10, 20);
    cold.meta.kind = Kind::Cold;
    let leaves = vec![new_leaves(&manifest, 0, 10)];
    let by = Replacement {
        removed: vec![numbers[1]],
        segments: vec![cold],
        leaves: vec![],
    };
    manifest
        .commit(&[
            replace(by),
            Edit::Retain {
                partition: 1,
                to: retention(10, 3, leaves),
            },
        ])
        .unwrap();
    let expected = manifest.current().encode(0);
    let number = manifest.current().number();
    for rewrite in [false, true, true] {
        let again = open(&disk).unwrap();
        assert_eq!(again.manifest.current().encode(0), expected);
        assert_eq!(again.manifest.current().number(), number);
        assert_eq!(
            again.manifest.current().partition(4).unwrap().policy(),
            &policy
        );
        if rewrite {
            again.manifest.compact().unwrap();
        }
    }
}
