//! Power cuts and failing disks while a segment is written: what has a final name is whole (H5).

use std::path::Path;

use pyralog_log::{FaultFiles, FileLayer};

use super::{assorted, same, seal};
use crate::{Kind, Segment, SegmentBuilder, SegmentError, SegmentMeta};

const NAMES: [&str; 4] = ["s.arrow", "s.side", "s.parquet", "s.pside"];

fn dir() -> &'static Path {
    Path::new("/d")
}

/// Cuts the power after every change that `act` makes, with several outcomes each; the files of `whole` are what a final
/// name may show. Returns how many cuts hit.
fn cuts(
    prepare: impl Fn(&FaultFiles),
    act: impl Fn(&FaultFiles) -> Result<SegmentMeta, SegmentError>,
) -> u32 {
    let whole = FaultFiles::new(0);
    prepare(&whole);
    let meta = act(&whole).unwrap();
    let mut hits = 0;
    for seed in 0..8 {
        for changes in 0.. {
            let files = FaultFiles::new(seed);
            prepare(&files);
            files.power_off_after(changes);
            let done = act(&files).is_ok();
            files.crash();
            for name in NAMES {
                let path = dir().join(name);
                if let Some(content) = files.content(&path) {
                    assert_eq!(
                        Some(content),
                        whole.content(&path),
                        "{name} after {changes}"
                    );
                }
            }
            let [data, side] = meta.kind.paths(dir(), "s");
            if done {
                // What was acknowledged is there.
                assert!(files.content(&data).is_some() && files.content(&side).is_some());
            }
            // The next attempt succeeds over whatever is left.
            assert_eq!(act(&files).unwrap(), meta);
            same(
                &Segment::open(&files, dir(), "s", &meta).unwrap(),
                &assorted(20, 0, 9),
            );
            hits += u32::from(!done);
            if done {
                break;
            }
        }
    }
    hits
}

fn build(files: &FaultFiles) -> Result<SegmentMeta, SegmentError> {
    let mut builder = SegmentBuilder::new(0);
    for row in assorted(20, 0, 9) {
        row.push(&mut builder).unwrap();
    }
    builder.finish(files, dir(), "s")
}

#[test]
fn sealing() {
    // Two files, each opened, emptied, written, synced, renamed; one directory synced.
    assert!(cuts(|files| files.create_dir(dir()).unwrap(), build) >= 8 * 8);
}

#[test]
fn ageing() {
    let prepare = |files: &FaultFiles| {
        build(files).unwrap();
    };
    let age = |files: &FaultFiles| {
        let meta = Segment::rebuild_side(files, dir(), "s", Kind::Hot)?;
        Segment::open(files, dir(), "s", &meta)?.to_parquet(files, dir(), "s")
    };
    assert!(cuts(prepare, age) >= 8 * 8);
}

#[test]
fn rebuilding() {
    let prepare = |files: &FaultFiles| {
        build(files).unwrap();
        files.vanish(&dir().join("s.side"));
    };
    let rebuild = |files: &FaultFiles| Segment::rebuild_side(files, dir(), "s", Kind::Hot);
    assert!(cuts(prepare, rebuild) >= 8 * 4);
}

#[test]
fn a_disk_that_refuses_leaves_nothing_under_a_final_name() {
    type Arm = fn(&FaultFiles);
    let arms: [(&str, Arm); 3] = [
        ("storage/io", FaultFiles::fail_next_write),
        ("storage/io", FaultFiles::fail_next_sync),
        ("storage/disk-full", |files| files.set_capacity(500)),
    ];
    for (code, arm) in arms {
        let files = FaultFiles::new(3);
        files.create_dir(dir()).unwrap();
        arm(&files);
        assert_eq!(build(&files).unwrap_err().code(), code);
        assert!(
            NAMES
                .iter()
                .all(|name| files.content(&dir().join(name)).is_none())
        );
        files.set_capacity(u64::MAX);
        let meta = build(&files).unwrap();
        same(
            &Segment::open(&files, dir(), "s", &meta).unwrap(),
            &assorted(20, 0, 9),
        );
    }
}

#[test]
fn short_writes_change_nothing() {
    let files = FaultFiles::new(9);
    files.allow_short_writes();
    let rows = assorted(3000, 0, 40);
    let meta = seal(&files, dir(), &rows);
    let segment = Segment::open(&files, dir(), "s", &meta).unwrap();
    assert_eq!(segment.verify(), vec![]);
    assert!(files.counts().short_writes > 0);
}

#[test]
fn a_misdirected_write_is_found() {
    let files = FaultFiles::new(9);
    files.create_dir(dir()).unwrap();
    files.misdirect_next_write(64);
    if let Ok(meta) = build(&files) {
        assert!(Segment::open(&files, dir(), "s", &meta).is_err());
    }
    assert_eq!(files.counts().misdirected, 1);
}
