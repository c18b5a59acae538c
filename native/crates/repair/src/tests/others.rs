//! Objects, schemas, policies, and directories where files should be.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pyralog_host::{Host, MaintenanceOptions, Policy, World};
use pyralog_log::{FaultFiles, FileLayer, RealFiles};
use pyralog_object::ObjectStore;
use pyralog_schema::{Rule, SchemaRegistry};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{
    STORE, about, append, checked, everything, exported, files, filled, layer, one, options,
};
use crate::{Control, Form, RepairOptions, Severity, check, repair, stats};

#[test]
fn objects_and_schemas_are_read_too() {
    let (disk, _) = filled(30, 50);
    let objects = ObjectStore::open(layer(&disk), &Path::new(STORE).join("objects")).unwrap();
    let payload: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    drop(objects.put(&payload[..]).unwrap());
    objects.close();
    let schemas = Path::new(STORE).join("schemas");
    let registry = SchemaRegistry::open(layer(&disk), &schemas).unwrap();
    registry.set_rule("orders", Rule::Full).unwrap();
    assert!(checked(&disk).findings.is_empty(), "{:#?}", checked(&disk));

    disk.flip_bit(&schemas, 17, 1);
    assert_eq!(about(&checked(&disk), &schemas).severity, Severity::Damage);
    disk.flip_bit(&schemas, 17, 1);
    let packs = Path::new(STORE).join("objects");
    let mut names = disk.list(&packs).unwrap();
    names.retain(|name| name.contains(".pack"));
    disk.flip_bit(&packs.join(&names[0]), 100_000, 1);
    assert_eq!(about(&checked(&disk), &packs).severity, Severity::Damage);
}

/// A store whose segments are merged and whose oldest ones are gone.
fn maintained() -> FaultFiles {
    let disk = FaultFiles::new(31);
    let mut options = options();
    options.maintenance = MaintenanceOptions {
        on: true,
        tick: Duration::from_millis(1),
        bytes_per_second: 0,
    };
    options.partitions[0].policy = Policy {
        retain_bytes: Some(150 * 34),
        merge_bytes: 90 * 34,
        ..Policy::default()
    };
    let host = Host::open(World::real(layer(&disk)), &options).unwrap();
    for first in (0..400).step_by(10) {
        append(&host, first, 10);
    }
    while host.first_offset(0).unwrap() == 0 || host.maintenance().merges == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    host.close().unwrap();
    disk
}

#[test]
fn merged_and_retained_segments_are_sound() {
    let disk = maintained();
    let found = checked(&disk);
    assert!(found.clean(), "{:#?}", found.findings);
    let figures = stats(&layer(&disk), Path::new(STORE), &Control::default()).unwrap();
    let one = &figures.partitions[0];
    assert!(one.first_offset > 0 && one.records == 400);
    let dir = tempfile::tempdir().unwrap();
    let wanted = everything(Form::Arrow, dir.path());
    let done = exported(&disk, &wanted).unwrap();
    assert_eq!(done.offsets, one.first_offset..400);
    assert!(done.unreadable.is_empty() && done.records == 400 - one.first_offset);

    let nodes = super::one(&disk, "sidecars", ".blake3.k4");
    let length = disk.content(&nodes).unwrap().len();
    disk.flip_bit(&nodes, length - 70, 1);
    let found = checked(&disk);
    assert_eq!(about(&found, &nodes).severity, Severity::Mendable);
    let mended = repair(
        &layer(&disk),
        Path::new(STORE),
        RepairOptions::default(),
        &Control::default(),
    );
    assert!(mended.unwrap().after.clean());
}

pub(super) fn written(disk: &FaultFiles) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    for path in files(disk) {
        let to = store.join(path.strip_prefix(STORE).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(&to, disk.content(&path).unwrap()).unwrap();
    }
    (dir, store)
}

#[test]
fn a_directory_in_the_place_of_any_file_is_named() {
    let (disk, _) = filled(32, 130);
    let real: Arc<dyn FileLayer> = Arc::new(RealFiles);
    let mut mended = 0;
    for path in files(&disk) {
        let (_dir, store) = written(&disk);
        let path = store.join(path.strip_prefix(STORE).unwrap());
        if path.file_name().is_some_and(|name| name == "LOCK") {
            continue;
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let found = check(&real, &store, &Control::default());
        let found = found.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            !found.clean() || path.ends_with("STOP"),
            "{}",
            path.display()
        );
        let done = repair(&real, &store, RepairOptions::default(), &Control::default());
        let done = done.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        mended += u32::from(done.after.clean());
    }
    // Segments are quarantined, sidecars and node files made again.
    assert!(mended >= 5, "{mended}");
}

fn fifo(path: &Path) {
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, path, FileType::Fifo, mode, 0).unwrap();
}

#[test]
fn a_fifo_keeps_no_check_waiting() {
    let (disk, _) = filled(33, 50);
    let real: Arc<dyn FileLayer> = Arc::new(RealFiles);
    let (_dir, store) = written(&disk);
    for dir in ["", "wal", "manifest", "segments", "snapshots", "sidecars"] {
        fifo(&store.join(dir).join("fifo"));
    }
    let found = check(&real, &store, &Control::default()).unwrap();
    assert!(found.clean(), "{:#?}", found.findings);
    let segment = one(&disk, "segments", ".arrow");
    let segment = store.join(segment.strip_prefix(STORE).unwrap());
    fs::remove_file(&segment).unwrap();
    fifo(&segment);
    let found = check(&real, &store, &Control::default()).unwrap();
    assert!(!found.clean());
}

#[test]
fn a_sequencer_that_links_to_nothing_is_made_again() {
    let (disk, _) = filled(34, 50);
    let real: Arc<dyn FileLayer> = Arc::new(RealFiles);
    for target in ["nowhere/sequencer", "nowhere"] {
        let (_dir, store) = written(&disk);
        let path = store.join("sequencer");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(target, &path).unwrap();
        let found = check(&real, &store, &Control::default()).unwrap();
        assert!(!found.clean());
        let done = repair(&real, &store, RepairOptions::default(), &Control::default());
        assert!(done.unwrap().after.clean());
        assert!(fs::metadata(&path).unwrap().len() > 0);
    }
}

#[test]
fn a_directory_in_the_place_of_the_lock_of_objects_is_named() {
    let (disk, _) = filled(35, 20);
    let real: Arc<dyn FileLayer> = Arc::new(RealFiles);
    let (_dir, store) = written(&disk);
    fs::create_dir_all(store.join("objects/lock")).unwrap();
    let found = check(&real, &store, &Control::default()).unwrap();
    let wrong = found.findings.iter().find(|one| one.file == "objects/lock");
    assert_eq!(wrong.unwrap().severity, Severity::Damage);
}
