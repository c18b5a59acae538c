//! Figures, indexes made again, records taken out.

use std::path::Path;

use super::{ORIGIN, STORE, everything, exported, filled, layer, one, value};
use crate::{Control, Form, Wanted, export, rebuild_index, stats};

#[test]
fn stats_add_up() {
    let (disk, _) = filled(20, 250);
    let figures = stats(&layer(&disk), Path::new(STORE), &Control::default()).unwrap();
    let one = &figures.partitions[0];
    assert_eq!(
        (one.records, one.sealed, &one.origin[..]),
        (250, 240, ORIGIN)
    );
    assert_eq!(one.seal_points, [40, 80, 120, 160, 200, 240]);
    assert_eq!((one.hot.rows, one.hot.payload_bytes), (240, 240 * 34));
    assert_eq!(figures.version, 7);
    assert!(one.node_bytes > 0 && one.side_bytes > 0 && one.snapshot_bytes > 0);
    assert!(figures.wal_bytes > 0 && figures.refused.is_none());
    assert!(one.overhead().unwrap() > 0.0);
    assert_eq!(figures.to_json()["partitions"][0]["hot"]["segments"], 6);
}

#[test]
fn indexes_are_the_same_when_they_are_made_again() {
    let (disk, _) = filled(21, 250);
    let paths = [
        one(&disk, "segments", ".side"),
        one(&disk, "sidecars", ".blake3.k4"),
    ];
    let before = paths.each_ref().map(|path| disk.content(path).unwrap());
    for path in &paths {
        disk.vanish(path);
    }
    let made = rebuild_index(&layer(&disk), Path::new(STORE), &Control::default()).unwrap();
    assert!(made.after.clean(), "{:#?}", made.after.findings);
    assert_eq!(made.acts.len(), 6 + 2);
    assert_eq!(disk.content(&paths[0]).unwrap(), before[0]);
    let nodes = disk.content(&paths[1]).unwrap();
    let same = nodes.len().min(before[1].len());
    assert_eq!(nodes[..same], before[1][..same]);
}

#[test]
fn records_are_taken_out_in_every_form() {
    let (disk, _) = filled(22, 250);
    let dir = tempfile::tempdir().unwrap();
    for (form, ending) in [
        (Form::Arrow, "arrow"),
        (Form::Parquet, "parquet"),
        (Form::Ndjson, "ndjson"),
    ] {
        let wanted = Wanted {
            partition: 0,
            from: 30,
            to: Some(245),
            form,
            out: dir.path().join(ending),
        };
        let done = exported(&disk, &wanted).unwrap();
        assert_eq!((done.records, done.offsets.clone()), (215, 30..245));
        assert_eq!(done.files, [format!("000-0000000000000030.{ending}")]);
        assert!(done.unreadable.is_empty());
        let mut names: Vec<String> = std::fs::read_dir(&wanted.out)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, [done.files[0].clone(), "export.json".to_owned()]);
        let again = exported(&disk, &wanted);
        assert_eq!(again.unwrap_err().code(), "storage/exists");
    }
    let text =
        std::fs::read_to_string(dir.path().join("ndjson/000-0000000000000030.ndjson")).unwrap();
    let hex = super::hex_of(&value(31));
    assert!(
        text.lines()
            .nth(1)
            .unwrap()
            .contains(&format!("\"value\":\"{hex}\""))
    );
    assert_eq!(text.lines().count(), 215);
}

#[test]
fn what_cannot_be_read_is_left_out_and_listed() {
    let (disk, _) = filled(23, 250);
    disk.vanish(&one(&disk, "segments", ".arrow"));
    let dir = tempfile::tempdir().unwrap();
    let wanted = everything(Form::Ndjson, dir.path());
    let done = exported(&disk, &wanted).unwrap();
    assert_eq!((done.records, done.unreadable), (210, vec![0..40]));
    assert!(done.reason.is_some());
    let nowhere = Wanted {
        partition: 4,
        ..wanted
    };
    let refused = exported(&disk, &nowhere);
    assert_eq!(refused.unwrap_err().code(), "storage/exists");
}

#[test]
fn records_out_of_view_behind_damage_are_spoken_of() {
    let (disk, _) = filled(25, 30);
    let wal = one(&disk, "wal", ".wal");
    let content = disk.content(&wal).unwrap();
    let digest = &value(17)[2..];
    let at = content.windows(32).position(|bytes| bytes == digest);
    disk.flip_bit(&wal, at.unwrap(), 1);
    let dir = tempfile::tempdir().unwrap();
    for (to, out) in [(None, "all"), (Some(10), "some")] {
        let wanted = Wanted {
            partition: 0,
            from: 0,
            to,
            form: Form::Ndjson,
            out: dir.path().join(out),
        };
        let done = export(
            &layer(&disk),
            Path::new(STORE),
            &wanted,
            &Control::default(),
        )
        .unwrap();
        assert_eq!((done.records, done.unreadable), (10, Vec::new()));
        assert_eq!(done.damage.is_some(), to.is_none());
    }
}

#[test]
fn work_that_is_cancelled_leaves_nothing() {
    let (disk, _) = filled(24, 250);
    let control = Control::default();
    control.cancel();
    let dir = tempfile::tempdir().unwrap();
    let wanted = everything(Form::Arrow, dir.path());
    let stopped = export(&layer(&disk), Path::new(STORE), &wanted, &control);
    assert_eq!(stopped.unwrap_err().code(), "storage/cancelled");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
