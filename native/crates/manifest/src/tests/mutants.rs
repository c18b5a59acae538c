//! Each checker notices the wrong turn it is there for.

use pyralog_log::FaultFiles;

use super::crash::first_failure;
use super::damage::{flip_every_byte, misdirect, recycle};
use super::{new_segment, open, path_of, plant, seal};
use crate::mutant::{Mutant, with};
use crate::{Edit, ManifestError, Replacement};

fn simulation_kills(mutant: Mutant) {
    let failure = with(mutant, || first_failure(1..3_000));
    assert!(failure.is_some(), "{mutant:?} survived 3000 runs");
}

#[test]
fn acknowledging_unsynced_commits_is_noticed() {
    simulation_kills(Mutant::SkipSync);
}

#[test]
fn ignoring_a_failed_sync_is_noticed() {
    simulation_kills(Mutant::IgnoreSyncError);
}

#[test]
fn not_syncing_the_directory_is_noticed() {
    simulation_kills(Mutant::SkipDirSync);
}

#[test]
fn renaming_an_unsynced_file_is_noticed() {
    simulation_kills(Mutant::RenameUnsynced);
}

#[test]
fn leaving_a_torn_tail_is_noticed() {
    simulation_kills(Mutant::KeepTail);
}

#[test]
fn trusting_the_cache_about_the_last_commit_is_noticed() {
    simulation_kills(Mutant::TrustCache);
}

#[test]
fn deleting_under_pins_is_noticed() {
    simulation_kills(Mutant::DeleteUnderPins);
}

#[test]
fn deleting_before_the_commit_is_noticed() {
    simulation_kills(Mutant::DeleteBeforeCommit);
}

#[test]
fn deleting_files_of_a_commit_in_doubt_is_noticed() {
    assert!(
        with(Mutant::DeleteDoubtful, || super::pins::missing_after_doubt(
            1
        )) > 0
    );
}

#[test]
fn not_looking_behind_the_end_is_noticed() {
    assert!(with(Mutant::NoSearch, flip_every_byte).is_err());
    assert!(with(Mutant::NoSearch, misdirect).is_err());
}

#[test]
fn a_missing_marker_is_noticed() {
    // Without one, damage to the last commit passes for a torn one.
    let disk = FaultFiles::new(1);
    let cut = with(Mutant::NoMarker, || {
        let manifest = open(&disk).unwrap().manifest;
        seal(&disk, &manifest, 1, 5);
        manifest.close().unwrap();
        drop(manifest);
        disk.flip_bit(&super::manifest_file(), 4096 + 128 + 70, 1);
        open(&disk)
    });
    assert_eq!(cut.unwrap().manifest.current().number(), 1);
}

#[test]
fn checksums_without_the_file_are_noticed() {
    assert!(with(Mutant::CrcIgnoresFile, recycle).is_err());
}

#[test]
fn deleting_orphans_blindly_is_noticed() {
    let disk = FaultFiles::new(1);
    let manifest = open(&disk).unwrap().manifest;
    let number = seal(&disk, &manifest, 1, 5);
    disk.vanish(&path_of(1, number, "arrow"));
    plant(&disk, 1, number + 1);
    let found = open(&disk).unwrap();
    let refused = found.manifest.remove_orphans();
    assert!(matches!(refused, Err(ManifestError::FilesMissing { .. })));
    assert!(
        with(Mutant::DeleteOrphansBlindly, || found
            .manifest
            .remove_orphans())
        .is_ok()
    );
}

#[test]
fn losing_hashes_is_noticed() {
    let disk = FaultFiles::new(1);
    let manifest = open(&disk).unwrap().manifest;
    let number = seal(&disk, &manifest, 1, 5);
    let mut segment = new_segment(&manifest, 0, 5);
    segment.meta.compacted = true;
    let by = Replacement {
        removed: vec![number],
        segments: vec![segment],
        leaves: vec![],
    };
    let edit = [Edit::Replace { partition: 1, by }];
    assert!(manifest.commit(&edit).is_err());
    assert!(with(Mutant::LoseHashes, || manifest.commit(&edit)).is_ok());
}
