//! Leaf hashes of cold segments: left out only where the rows lead to them, and made again from nothing else (H4).

use std::path::Path;

use pyralog_log::FaultFiles;

use super::{Owned, assorted, seal};
use crate::cold::GROUP_ROWS;
use crate::mutant::{Mutant, with};
use crate::{Kind, Row, Segment, SegmentBuilder, SegmentError, SegmentMeta};

/// Offset of the first row.
const FIRST: u64 = 100;

fn dir() -> &'static Path {
    Path::new("/d")
}

fn open(files: &FaultFiles, meta: &SegmentMeta) -> Segment {
    Segment::open(files, dir(), "s", meta).unwrap()
}

/// All leaf hashes, asked for in every way there is.
fn check_leaves(segment: &Segment, rows: &[Owned]) {
    let hashes: Vec<[u8; 32]> = rows.iter().map(Owned::leaf_hash).collect();
    assert_eq!(segment.leaf_hashes().unwrap(), &hashes[..]);
    for start in (0..rows.len()).step_by(1_777) {
        let end = rows.len().min(start + 16);
        let offsets = FIRST + start as u64..FIRST + end as u64;
        let some = segment.leaf_hashes_of(offsets.clone()).unwrap();
        assert_eq!(some, &hashes[start..end]);
        let one = segment.leaf_hash(offsets.start).unwrap();
        assert_eq!(one, Some(hashes[start]));
        assert!(rows[start].is(&segment.row(offsets.start).unwrap().unwrap()));
    }
}

#[test]
fn leaf_hashes_follow_from_the_rows() {
    let files = FaultFiles::new(1);
    let rows = assorted(20_000, FIRST, 30);
    let hot = open(&files, &seal(&files, dir(), &rows));
    let meta = hot.to_parquet(&files, dir(), "s").unwrap();
    let cold = open(&files, &meta);
    check_leaves(&cold, &rows);
    assert_eq!(cold.verify(), []);
    let with_leaves = hot.to_parquet_with_leaves(&files, dir(), "o").unwrap();
    let saved = with_leaves.arrow_bytes - meta.arrow_bytes;
    assert!(saved > 31 * rows.len() as u64, "{saved}");
}

#[test]
fn a_file_of_an_earlier_version_is_read_and_its_sidecar_made_again() {
    let files = FaultFiles::new(1);
    let rows = assorted(20_000, FIRST, 30);
    let hot = open(&files, &seal(&files, dir(), &rows));
    let meta = hot.to_parquet_with_leaves(&files, dir(), "s").unwrap();
    let cold = open(&files, &meta);
    check_leaves(&cold, &rows);
    assert_eq!(cold.verify(), []);
    let rebuilt = Segment::rebuild_side(&files, dir(), "s", Kind::Cold).unwrap();
    assert_eq!(rebuilt, meta);
}

/// A hot segment one of whose rows, of the second row group, does not lead to its leaf hash.
fn one_wrong(files: &FaultFiles, rows: &[Owned], wrong: u64) -> SegmentMeta {
    let mut builder = SegmentBuilder::new(FIRST);
    for row in rows {
        let right = row.offset != wrong;
        let leaf_hash = if right { row.leaf_hash() } else { [7; 32] };
        let pushed = builder.push(&Row {
            leaf: &row.leaf().to_bytes(),
            leaf_hash,
            key: row.key.as_deref(),
            headers: row.headers.as_deref(),
            value: &row.value,
        });
        pushed.unwrap();
    }
    builder.finish(files, dir(), "s").unwrap()
}

#[test]
fn nothing_is_left_out_that_the_rows_do_not_lead_to() {
    let files = FaultFiles::new(1);
    let rows = assorted(20_000, FIRST, 30);
    let border = FIRST + GROUP_ROWS as u64;
    let wrong = border + 500;
    let hot = open(&files, &one_wrong(&files, &rows, wrong));
    let refused = hot.to_parquet(&files, dir(), "s");
    assert!(
        matches!(&refused, Err(SegmentError::Damaged { offsets, .. }) if *offsets == (wrong..wrong + 1)),
        "{refused:?}"
    );
    assert!(files.content(&dir().join("s.parquet")).is_none());

    // Without the check the hash that proves the record would be gone, and with it all that its row group says.
    let meta = with(Mutant::AgeUnchecked, || hot.to_parquet(&files, dir(), "s")).unwrap();
    let cold = open(&files, &meta);
    for row in rows.iter().step_by(501) {
        let read = cold.row(row.offset);
        if row.offset < border {
            assert!(row.is(&read.unwrap().unwrap()));
            continue;
        }
        let hash = cold.leaf_hash(row.offset);
        for error in [read.unwrap_err(), hash.unwrap_err()] {
            let SegmentError::Damaged { offsets, what, .. } = error else {
                panic!("{error}");
            };
            assert_eq!(offsets, border..FIRST + 20_000, "{what}");
            assert!(what.contains("leaf hashes"), "{what}");
        }
    }
    let damages = cold.verify();
    assert_eq!(damages.len(), 1, "{damages:?}");
    assert_eq!(damages[0].offsets, border..FIRST + 20_000);
    assert!(Segment::rebuild_side(&files, dir(), "s", Kind::Cold).is_err());
}
