//! Random segments, read back against the list of rows they were made of (H1 to H4, H8).

use std::path::Path;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use pyralog_log::{FaultFiles, FileLayer};

use super::{Owned, assorted, same, seal};
use crate::{Kind, Segment, SegmentBuilder, SegmentError};

/// Steps in offset, timestamp and id; key, headers, value, schema.
type Step = (u64, u64, u64, Option<Vec<u8>>, bool, Vec<u8>, bool);

fn step() -> impl Strategy<Value = Step> {
    let key = option::of(vec(0_u8..3, 0..3));
    (
        1_u64..4,
        0_u64..3,
        1_u64..1000,
        key,
        any::<bool>(),
        vec(0_u8..3, 0..4),
        any::<bool>(),
    )
}

fn rows(steps: Vec<Step>, base: u64, gaps: bool) -> Vec<Owned> {
    let (mut offset, mut timestamp, mut id) = (base, 1000, 5000);
    let row = |(gap, later, ids, key, headers, value, notary): Step| {
        offset += if gaps { gap } else { 1 };
        timestamp += later;
        id += ids;
        let list: &[(&str, &[u8])] = &[("name", &value)];
        let headers = headers.then(|| pyralog_types::encode_headers(list).unwrap());
        Owned {
            offset: offset - 1,
            epoch: 1 + later as u32,
            timestamp,
            id,
            schema: notary.into(),
            key,
            headers,
            value,
        }
    };
    steps.into_iter().map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn reads_back_what_was_sealed(
        steps in vec(step(), 1..60),
        base in prop_oneof![Just(0_u64), Just(1 << 52), 0_u64..1000],
        gaps: bool,
        more in 0_u64..5,
    ) {
        let files = FaultFiles::new(1);
        let dir = Path::new("/d");
        let rows = rows(steps, base, gaps);
        let end = rows.last().unwrap().offset + 1;
        let mut builder = if gaps {
            SegmentBuilder::compacted(base..end + more)
        } else {
            SegmentBuilder::new(base)
        };
        for row in &rows {
            row.push(&mut builder).unwrap();
        }
        prop_assert_eq!(builder.rows() as usize, rows.len());
        let meta = builder.finish(&files, dir, "s").unwrap();
        prop_assert_eq!(meta.end_offset, if gaps { end + more } else { end });
        let segment = Segment::open(&files, dir, "s", &meta).unwrap();
        same(&segment, &rows);
        prop_assert_eq!(segment.verify(), vec![]);
        let side = files.content(&dir.join("s.side")).unwrap();
        files.vanish(&dir.join("s.side"));
        let opened = Segment::open(&files, dir, "s", &meta);
        let missing = matches!(opened, Err(SegmentError::Side { .. }));
        prop_assert!(missing);
        prop_assert_eq!(Segment::rebuild_side(&files, dir, "s", Kind::Hot).unwrap(), meta);
        prop_assert_eq!(files.content(&dir.join("s.side")).unwrap(), side);
        let cold = segment.to_parquet(&files, dir, "s").unwrap();
        let aged = Segment::open(&files, dir, "s", &cold).unwrap();
        same(&aged, &rows);
        prop_assert_eq!(aged.verify(), vec![]);
        files.vanish(&dir.join("s.pside"));
        prop_assert_eq!(Segment::rebuild_side(&files, dir, "s", Kind::Cold).unwrap(), cold);
        same(&Segment::open(&files, dir, "s", &cold).unwrap(), &rows);
    }
}

#[test]
fn several_groups_of_the_sparse_index_and_of_parquet() {
    let files = FaultFiles::new(1);
    let dir = Path::new("/d");
    let mut rows = assorted(40_000, 77, 30);
    let meta = seal(&files, dir, &rows);
    let segment = Segment::open(&files, dir, "s", &meta).unwrap();
    let cold = segment.to_parquet(&files, dir, "s").unwrap();
    let aged = Segment::open(&files, dir, "s", &cold).unwrap();
    for segment in [&segment, &aged] {
        let read: Vec<_> = segment.rows_from(0).unwrap().map(Result::unwrap).collect();
        assert!(rows.iter().zip(&read).all(|(row, read)| row.is(read)));
        assert_eq!(segment.rows_from(77 + 39_990).unwrap().count(), 10);
    }
    for row in rows.iter().step_by(61) {
        let later = rows.iter().find(|other| other.timestamp > row.timestamp);
        assert_eq!(segment.by_id(row.id).unwrap(), Some(row.offset));
        assert_eq!(segment.by_id(row.id + 1).unwrap(), None);
        let found = segment.by_time(row.timestamp + 1).unwrap();
        assert_eq!(found, later.map(|row| row.offset));
    }
    // The same with gaps.
    rows.retain(|row| row.offset % 3 != 0);
    let mut builder = SegmentBuilder::compacted(70..50_000);
    for row in &rows {
        row.push(&mut builder).unwrap();
    }
    let meta = builder.finish(&files, dir, "gaps").unwrap();
    let segment = Segment::open(&files, dir, "gaps", &meta).unwrap();
    for offset in (70..50_000).step_by(7) {
        let place = rows.binary_search_by_key(&offset, |row| row.offset).ok();
        let found = segment.row(offset).unwrap();
        assert_eq!(found.is_some(), place.is_some());
        assert!(place.is_none_or(|place| rows[place].is(&found.unwrap())));
    }
    assert_eq!(segment.verify(), vec![]);
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let files = FaultFiles::new(1);
    let rows = assorted(5000, 3, 50);
    let [first, second] = ["/a", "/b"].map(Path::new);
    assert_eq!(seal(&files, first, &rows), seal(&files, second, &rows));
    for name in ["s.arrow", "s.side"] {
        assert_eq!(
            files.content(&first.join(name)),
            files.content(&second.join(name))
        );
    }
    assert_eq!(files.list(first).unwrap().len(), 2);
}

#[test]
fn rows_that_cannot_follow_are_refused_and_leave_nothing() {
    let rows = assorted(3, 10, 20);
    let refuses = |change: &dyn Fn(&mut Owned)| {
        let mut builder = SegmentBuilder::new(10);
        rows[0].push(&mut builder).unwrap();
        let before = (builder.rows(), builder.bytes());
        let mut row = rows[1].clone();
        change(&mut row);
        assert!(matches!(
            row.push(&mut builder),
            Err(SegmentError::Row { .. })
        ));
        assert_eq!((builder.rows(), builder.bytes()), before);
        rows[1].push(&mut builder).unwrap();
    };
    refuses(&|row| row.offset += 1);
    refuses(&|row| row.offset -= 1);
    refuses(&|row| row.timestamp = rows[0].timestamp - 1);
    refuses(&|row| row.id = rows[0].id);
    refuses(&|row| row.epoch = 0);
    let files = FaultFiles::new(1);
    let empty = SegmentBuilder::new(0).finish(&files, Path::new("/d"), "s");
    assert!(matches!(empty, Err(SegmentError::Empty)));
    let mut builder = SegmentBuilder::compacted(10..12);
    assert!(rows[2].push(&mut builder).is_err());
    rows[1].push(&mut builder).unwrap();
    assert!(rows[0].push(&mut builder).is_err());
}
