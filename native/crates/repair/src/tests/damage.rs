//! Each kind of damage to each kind of file: it is named, mended where that can be done, and nothing else is lost.

use std::path::Path;

use pyralog_log::FaultFiles;

use super::{STORE, about, checked, files, filled, layer, one, open};
use crate::{Control, Finding, Mended, RepairOptions, Severity, repair};

const RECORDS: u64 = 250;

fn repaired(disk: &FaultFiles, dry_run: bool) -> Mended {
    let options = RepairOptions { dry_run };
    repair(&layer(disk), Path::new(STORE), options, &Control::default()).unwrap()
}

/// Damages one file, and says what check and repair made of it: severity, whether all is well afterwards, records lost.
fn after(
    dir: &str,
    ending: &str,
    damage: impl Fn(&FaultFiles, &Path),
) -> (Severity, bool, Vec<u64>) {
    let (disk, proofs) = filled(7, RECORDS);
    assert!(checked(&disk).clean(), "{:#?}", checked(&disk).findings);
    let path = one(&disk, dir, ending);
    damage(&disk, &path);
    let before = files(&disk).len();
    let found = checked(&disk);
    let severity = about(&found, &path).severity;
    assert!(!about(&found, &path).advice.is_empty());
    assert_eq!(files(&disk).len(), before, "a check changes nothing");

    let would = repaired(&disk, true);
    assert_eq!(files(&disk).len(), before, "neither does a dry run");
    let done = repaired(&disk, false);
    assert_eq!(would.acts.len(), done.acts.len());
    let left = |finding: &Finding| finding.severity != Severity::Note && !finding.mendable();
    let left = would.after.findings.iter().any(left);
    assert_eq!(left, !done.after.clean(), "a dry run knows what is left");
    let host = open(&disk).unwrap();
    let lost = proofs.hold(&host);
    host.close().unwrap();
    (severity, done.after.clean(), lost)
}

fn flip(at: usize) -> impl Fn(&FaultFiles, &Path) {
    move |disk, path| disk.flip_bit(path, at, 3)
}

fn truncate(disk: &FaultFiles, path: &Path) {
    let mut content = disk.content(path).unwrap();
    content.truncate(content.len() / 2);
    disk.plant(path, content);
}

fn garbage(disk: &FaultFiles, path: &Path) {
    let length = disk.content(path).unwrap().len();
    let mut noise = vec![0; length];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    disk.plant(path, noise);
}

fn vanish(disk: &FaultFiles, path: &Path) {
    disk.vanish(path);
}

#[test]
fn a_segment_is_quarantined_and_everything_else_stays_readable() {
    for damage in [
        &truncate as &dyn Fn(&FaultFiles, &Path),
        &garbage,
        &vanish,
        &flip(2_000),
    ] {
        let (severity, clean, lost) = after("segments", ".arrow", damage);
        assert_eq!(severity, Severity::Damage);
        assert!(clean, "what is quarantined is known");
        assert_eq!(lost, (0..40).collect::<Vec<u64>>());
    }
}

#[test]
fn a_sidecar_is_made_again() {
    for damage in [
        &truncate as &dyn Fn(&FaultFiles, &Path),
        &garbage,
        &vanish,
        &flip(20),
        &flip(700),
    ] {
        let (severity, clean, lost) = after("segments", ".side", damage);
        assert_eq!(
            (severity, clean, lost),
            (Severity::Mendable, true, Vec::new())
        );
    }
}

#[test]
fn a_node_file_is_made_again() {
    for ending in [".blake3.k4", ".sha256.k2"] {
        for damage in [
            &truncate as &dyn Fn(&FaultFiles, &Path),
            &garbage,
            &vanish,
            &flip(50),
            &flip(700),
        ] {
            let (severity, clean, lost) = after("sidecars", ending, damage);
            assert_eq!(
                (severity, clean, lost),
                (Severity::Mendable, true, Vec::new()),
                "{ending}"
            );
        }
    }
}

#[test]
fn a_snapshot_that_is_needed_leaves_records_readable() {
    for damage in [
        &truncate as &dyn Fn(&FaultFiles, &Path),
        &garbage,
        &flip(60),
    ] {
        let (severity, clean, lost) = after("snapshots", ".seen", damage);
        assert_eq!((severity, clean), (Severity::Damage, false));
        assert!(lost.iter().all(|lost| *lost >= 240), "{lost:?}");
    }
}

#[test]
fn windows_of_ids_are_reserved_again() {
    for damage in [&truncate as &dyn Fn(&FaultFiles, &Path), &vanish] {
        let (severity, clean, lost) = after("", "sequencer", damage);
        assert_eq!(
            (severity, clean, lost),
            (Severity::Mendable, true, Vec::new())
        );
    }
}

#[test]
fn a_damaged_log_is_never_cut() {
    for at in [5_000, 8_000] {
        let (severity, clean, lost) = after("wal", ".wal", flip(at));
        assert_eq!((severity, clean), (Severity::Damage, false));
        assert!(lost.iter().all(|lost| *lost >= 240), "{lost:?}");
    }
}

#[test]
fn a_torn_tail_is_cut_and_an_unfinished_file_removed() {
    let (disk, proofs) = filled(8, RECORDS);
    let path = one(&disk, "wal", ".wal");
    let mut content = disk.content(&path).unwrap();
    // Behind the marker of a clean stop: a piece of a frame that no one was told of.
    let end = content.iter().rposition(|byte| *byte != 0).unwrap();
    let torn = (end / 64 + 2) * 64;
    content[torn..torn + 100].fill(0x55);
    disk.plant(&path, content);
    disk.plant(Path::new("/store/wal/next.tmp"), vec![0; 100]);
    disk.plant(Path::new("/store/manifest/MANIFEST.tmp"), vec![1; 100]);
    let orphan = Path::new("/store/segments/00000000-00000000000000ff.arrow");
    disk.plant(orphan, vec![1; 100]);

    let found = checked(&disk);
    assert_eq!(
        about(&found, Path::new("/store/wal")).severity,
        Severity::Mendable
    );
    assert_eq!(about(&found, orphan).severity, Severity::Mendable);
    let done = repaired(&disk, false);
    assert!(done.after.clean(), "{:#?}", done.after.findings);
    assert!(disk.content(orphan).is_none());
    let host = open(&disk).unwrap();
    assert!(host.recovery().clean && proofs.hold(&host).is_empty());
}

#[test]
fn a_manifest_or_a_store_file_is_never_guessed() {
    for (dir, name) in [("manifest", "MANIFEST"), ("wal", "STORE")] {
        // Half of the manifest would be all of it: the rest is prepared zeros.
        let cut = |disk: &FaultFiles, path: &Path| {
            let content = disk.content(path).unwrap();
            disk.plant(path, content[..50].to_vec());
        };
        for damage in [&garbage as &dyn Fn(&FaultFiles, &Path), &cut, &vanish] {
            let (disk, _) = filled(9, RECORDS);
            let path = Path::new(STORE).join(dir).join(name);
            damage(&disk, &path);
            let found = checked(&disk);
            assert_eq!(about(&found, &path).severity, Severity::Damage);
            assert!(found.refused.is_some());
            let damage = |finding: &&Finding| finding.severity == Severity::Damage;
            let said = found.findings.iter().filter(damage).count();
            assert_eq!(said, 1, "each is said once: {:#?}", found.findings);
            assert!(!repaired(&disk, false).after.clean());
        }
    }
}

#[test]
fn what_was_put_aside_is_named() {
    let (disk, _) = filled(10, RECORDS);
    let nodes = one(&disk, "sidecars", ".blake3.k4");
    disk.flip_bit(&nodes, 40, 1);
    let damaged = disk.content(&nodes).unwrap();
    let done = repaired(&disk, false);
    let aside = done.acts[0].aside.clone().unwrap();
    assert_eq!(
        disk.content(&Path::new(STORE).join(&aside)).unwrap(),
        damaged
    );
    assert!(done.after.clean());
}

#[test]
fn a_store_in_use_is_refused() {
    let (disk, _) = filled(11, 10);
    let host = open(&disk).unwrap();
    let refused = crate::check(&layer(&disk), Path::new(STORE), &Control::default()).unwrap_err();
    assert_eq!(refused.code(), "storage/locked");
    host.close().unwrap();
    assert!(checked(&disk).clean());
    let nowhere = crate::check(&layer(&disk), Path::new("/nowhere"), &Control::default());
    assert_eq!(nowhere.unwrap_err().code(), "storage/format");
}

#[test]
fn a_quarantine_is_lifted_once_the_segment_is_back() {
    let (disk, proofs) = filled(12, RECORDS);
    let path = one(&disk, "segments", ".arrow");
    disk.flip_bit(&path, 3_000, 2);
    assert!(repaired(&disk, false).after.clean());
    assert_eq!(about(&checked(&disk), &path).severity, Severity::Note);
    disk.flip_bit(&path, 3_000, 2);
    assert_eq!(about(&checked(&disk), &path).severity, Severity::Mendable);
    let done = repaired(&disk, false);
    assert!(done.after.clean() && done.after.findings.is_empty());
    assert!(proofs.hold(&open(&disk).unwrap()).is_empty());
}
