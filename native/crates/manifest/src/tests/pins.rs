//! Versions that readers hold, and the files that go with the last of them (Y11, Y12).

use std::sync::Arc;

use super::{
    is_there, new_leaves, new_segment, open, open_with, options, path_of, plant, retention, seal,
};
use crate::{Edit, Manifest, ManifestError, ManifestOptions, Replacement};
use pyralog_log::FaultFiles;

fn merge(disk: &FaultFiles, manifest: &Manifest, removed: Vec<u64>, base: u64, rows: u32) -> u64 {
    let merged = new_segment(manifest, base, rows);
    let number = merged.number;
    plant(disk, 1, number);
    let by = Replacement {
        removed,
        segments: vec![merged],
        leaves: vec![],
    };
    manifest
        .commit(&[Edit::Replace { partition: 1, by }])
        .unwrap();
    number
}

#[test]
fn files_go_after_the_last_pin() {
    let disk = FaultFiles::new(1);
    let manifest = open(&disk).unwrap().manifest;
    let first = seal(&disk, &manifest, 1, 10);
    let second = seal(&disk, &manifest, 1, 10);
    let pin = manifest.current();
    let other = Arc::clone(&pin);
    let merged = merge(&disk, &manifest, vec![first, second], 0, 20);
    assert_eq!(manifest.sweep(10).deleted, 0);
    assert!(is_there(&disk, 1, first) && is_there(&disk, 1, second));
    assert_eq!(manifest.pin(pin.number()).unwrap().number(), pin.number());
    drop(pin);
    assert_eq!(manifest.dead_files(), 0);
    drop(other);
    assert_eq!(manifest.dead_files(), 2);
    // A little at a time.
    assert_eq!(manifest.sweep(1).deleted, 1);
    assert_eq!(manifest.sweep(10).deleted, 1);
    assert!(!is_there(&disk, 1, first) && !is_there(&disk, 1, second));
    assert!(disk.content(&path_of(1, first, "side")).is_none());
    assert!(is_there(&disk, 1, merged));
    drop(manifest);
    assert!(open(&disk).unwrap().recovery.files.orphans.is_empty());
}

#[test]
fn a_segment_handed_on_keeps_no_version() {
    let disk = FaultFiles::new(1);
    let manifest = open(&disk).unwrap().manifest;
    let first = seal(&disk, &manifest, 1, 10);
    let entry = Arc::clone(manifest.current().segment_at(1, 0).unwrap());
    merge(&disk, &manifest, vec![first], 0, 10);
    assert_eq!(manifest.dead_files(), 0, "the entry alone keeps the file");
    drop(entry);
    assert_eq!(manifest.dead_files(), 1);
}

#[test]
fn kept_versions_are_readable_by_number_until_they_expire() {
    let disk = FaultFiles::new(1);
    let keep = ManifestOptions {
        keep_versions: 2,
        ..options()
    };
    let manifest = open_with(&disk, &keep).unwrap().manifest;
    let first = seal(&disk, &manifest, 1, 10);
    let sealed = manifest.current().number();
    merge(&disk, &manifest, vec![first], 0, 10);
    seal(&disk, &manifest, 1, 10);
    let old = manifest.pin(sealed).unwrap();
    assert_eq!(old.segment_at(1, 0).unwrap().number, first);
    drop(old);
    assert_eq!(manifest.sweep(10).deleted, 0);
    seal(&disk, &manifest, 1, 10);
    let gone = manifest.pin(sealed).unwrap_err();
    assert!(
        matches!(gone, ManifestError::Gone { asked, oldest, newest } if asked == sealed && oldest == sealed + 1 && newest == sealed + 3)
    );
    assert!(manifest.pin(sealed + 4).is_err());
    assert_eq!(manifest.sweep(10).deleted, 1);
    manifest.expire(0);
    assert!(manifest.pin(sealed + 1).is_err());
    assert!(manifest.pin(sealed + 3).is_ok());
}

#[test]
fn what_came_and_went_in_one_commit_is_deleted() {
    let disk = FaultFiles::new(1);
    let manifest = open(&disk).unwrap().manifest;
    let segment = new_segment(&manifest, 0, 10);
    let number = segment.number;
    plant(&disk, 1, number);
    let merged = new_segment(&manifest, 0, 10);
    plant(&disk, 1, merged.number);
    let by = Replacement {
        removed: vec![number],
        segments: vec![merged],
        leaves: vec![],
    };
    let edits = [
        Edit::Add {
            partition: 1,
            segment,
        },
        Edit::Replace { partition: 1, by },
    ];
    manifest.commit(&edits).unwrap();
    assert_eq!(manifest.sweep(10).deleted, 1);
    assert!(!is_there(&disk, 1, number));
}

#[test]
fn abandoned_numbers_are_deleted_and_never_used_again() {
    let disk = FaultFiles::new(1);
    let manifest = open(&disk).unwrap().manifest;
    let number = manifest.reserve();
    plant(&disk, 1, number);
    disk.plant(&path_of(1, number, "arrow.tmp"), vec![1]);
    manifest.abandon(1, number);
    manifest.abandon(1, number);
    assert_eq!(manifest.sweep(10).deleted, 1);
    assert!(!is_there(&disk, 1, number));
    assert!(disk.content(&path_of(1, number, "arrow.tmp")).is_none());
    assert!(manifest.reserve() > number);
}

/// The sync of a commit fails, its files are given up and swept, and the process starts again. Returns files that are missed.
pub(crate) fn missing_after_doubt(seed: u64) -> usize {
    let disk = FaultFiles::new(seed);
    let manifest = open(&disk).unwrap().manifest;
    seal(&disk, &manifest, 1, 10);
    let segment = new_segment(&manifest, 10, 10);
    let number = segment.number;
    plant(&disk, 1, number);
    disk.fail_next_sync();
    let edits = [Edit::Add {
        partition: 1,
        segment,
    }];
    let failed = manifest.commit(&edits).unwrap_err();
    assert!(
        matches!(failed, crate::ManifestError::Io { .. }),
        "{failed}"
    );
    manifest.abandon(1, number);
    assert!(manifest.sweep(10).failed.is_none());
    drop(manifest);
    // No power cut: what was written can be read.
    let again = open(&disk).unwrap();
    let version = again.manifest.current();
    assert_eq!(version.partition(1).unwrap().end_offset(), 20);
    again.recovery.files.missing.len()
}

#[test]
fn files_of_a_commit_in_doubt_are_not_deleted() {
    assert_eq!(missing_after_doubt(1), 0);
}

#[test]
fn opening_finds_orphans_and_what_is_missing() {
    let disk = FaultFiles::new(1);
    let manifest = open(&disk).unwrap().manifest;
    let first = seal(&disk, &manifest, 1, 10);
    let orphan = manifest.reserve() + 5;
    plant(&disk, 1, orphan);
    plant(&disk, 2, first);
    disk.plant(&path_of(1, first, "side.tmp"), vec![1]);
    let foreign = std::path::Path::new("/store/segments/notes.txt");
    disk.plant(foreign, vec![1]);
    drop(manifest);
    let again = open(&disk).unwrap();
    let files = &again.recovery.files;
    assert_eq!(files.orphans.len(), 5, "{files:?}");
    assert_eq!(files.foreign, ["notes.txt"]);
    assert!(
        again.manifest.reserve() > orphan,
        "an orphan's number is not used again"
    );
    assert_eq!(again.manifest.remove_orphans().unwrap(), 5);
    assert_eq!(again.manifest.remove_orphans().unwrap(), 0);
    assert!(is_there(&disk, 1, first) && !is_there(&disk, 1, orphan) && !is_there(&disk, 2, first));
    assert!(disk.content(foreign).is_some());

    disk.vanish(&path_of(1, first, "side"));
    plant(&disk, 1, orphan);
    let again = open(&disk).unwrap();
    assert!(again.recovery.files.missing[0].rebuildable);
    assert_eq!(again.manifest.remove_orphans().unwrap(), 2);
    disk.vanish(&path_of(1, first, "arrow"));
    plant(&disk, 1, orphan);
    let again = open(&disk).unwrap();
    assert_eq!(again.recovery.files.missing.len(), 2);
    assert!(matches!(
        again.manifest.remove_orphans(),
        Err(ManifestError::FilesMissing { missing: 1 })
    ));
    assert!(is_there(&disk, 1, orphan));
}

#[test]
fn a_missing_manifest_beside_segments_is_refused() {
    let disk = FaultFiles::new(1);
    let manifest = open(&disk).unwrap().manifest;
    seal(&disk, &manifest, 1, 10);
    disk.vanish(&super::manifest_file());
    assert!(matches!(open(&disk), Err(ManifestError::Missing(_))));
    assert!(disk.content(&super::manifest_file()).is_none());
}

#[test]
fn an_older_copy_is_refused_when_the_caller_knows_better() {
    let disk = FaultFiles::new(1);
    let manifest = open(&disk).unwrap().manifest;
    let to = retention(8, 8, vec![]);
    manifest
        .commit(&[Edit::Retain { partition: 1, to }])
        .unwrap();
    let copy = disk.content(&super::manifest_file()).unwrap();
    seal(&disk, &manifest, 1, 10);
    let newest = manifest.current().number();
    drop(manifest);
    let knows = ManifestOptions {
        at_least: newest,
        ..options()
    };
    assert!(open_with(&disk, &knows).is_ok());
    disk.plant(&super::manifest_file(), copy);
    assert!(matches!(
        open_with(&disk, &knows),
        Err(ManifestError::Format { .. })
    ));
    // Without that number the older file opens, and its ignorance shows in files it does not name.
    assert_eq!(open(&disk).unwrap().recovery.files.orphans.len(), 2);
    let other = ManifestOptions::new([8; 16]);
    assert!(matches!(
        open_with(&disk, &other),
        Err(ManifestError::Format { .. })
    ));
}

#[test]
fn leaves_files_live_and_die_like_segments() {
    let disk = FaultFiles::new(1);
    let manifest = open(&disk).unwrap().manifest;
    let first = seal(&disk, &manifest, 1, 8);
    let leaves = new_leaves(&manifest, 0, 8);
    let path = path_of(1, leaves.number, "leaves");
    disk.plant(&path, vec![1]);
    let to = retention(8, 0, vec![leaves]);
    manifest
        .commit(&[Edit::Retain { partition: 1, to }])
        .unwrap();
    assert_eq!(manifest.sweep(10).deleted, 1);
    assert!(!is_there(&disk, 1, first));
    assert!(open(&disk).unwrap().recovery.files.orphans.is_empty());
    let to = retention(8, 8, vec![]);
    manifest
        .commit(&[Edit::Retain { partition: 1, to }])
        .unwrap();
    assert!(manifest.sweep(10).failed.is_none());
    assert!(disk.content(&path).is_none());
}
