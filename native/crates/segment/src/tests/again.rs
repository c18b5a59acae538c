//! One builder for segment after segment.

use std::path::Path;

use pyralog_log::FaultFiles;

use super::{assorted, same, seal};
use crate::{Segment, SegmentBuilder, SegmentError};

#[test]
fn a_builder_that_was_used_writes_the_same_bytes() {
    let dir = Path::new("/d");
    let mut builder = SegmentBuilder::new(0);
    for (count, base, value_bytes) in [(3_000, 12, 40), (70, 0, 900), (5_000, 5, 3)] {
        let rows = assorted(count, base, value_bytes);
        let (files, used) = (FaultFiles::new(1), FaultFiles::new(1));
        let meta = seal(&files, dir, &rows);
        builder.restart(base);
        for row in &rows {
            row.push(&mut builder).unwrap();
        }
        assert_eq!(builder.seal(&used, dir, "s").unwrap(), meta);
        for file in ["s.arrow", "s.side"] {
            let path = dir.join(file);
            assert!(used.content(&path).unwrap() == files.content(&path).unwrap());
        }
        same(&Segment::open(&used, dir, "s", &meta).unwrap(), &rows);
        assert_eq!((builder.rows(), builder.bytes()), (0, 0));
    }
}

#[test]
fn a_builder_that_was_left_half_full_forgets_it() {
    let dir = Path::new("/d");
    let (files, used) = (FaultFiles::new(1), FaultFiles::new(1));
    let rows = assorted(400, 7, 20);
    let mut builder = SegmentBuilder::compacted(0..90);
    for row in assorted(50, 3, 1_000) {
        row.push(&mut builder).unwrap();
    }
    builder.restart(7);
    let empty = builder.seal(&used, dir, "s");
    assert!(matches!(empty, Err(SegmentError::Empty)));
    builder.restart(7);
    for row in &rows {
        row.push(&mut builder).unwrap();
    }
    let meta = builder.seal(&used, dir, "s").unwrap();
    assert_eq!(meta, seal(&files, dir, &rows));
}
