//! Files that are not what was written: refused or unaffected, never a panic, never another row (H6, H7, H9).

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use pyralog_log::FaultFiles;

use super::{Owned, assorted, seal};
use crate::{Kind, Segment, SegmentBuilder, SegmentError, SegmentMeta};

struct Subject {
    files: FaultFiles,
    rows: Vec<Owned>,
    meta: SegmentMeta,
    contents: [(PathBuf, Vec<u8>); 2],
}

fn dir() -> &'static Path {
    Path::new("/d")
}

fn subject(rows: Vec<Owned>, kind: Kind) -> Subject {
    let files = FaultFiles::new(1);
    let mut meta = seal(&files, dir(), &rows);
    if kind == Kind::Cold {
        let segment = Segment::open(&files, dir(), "s", &meta).unwrap();
        meta = segment.to_parquet(&files, dir(), "s").unwrap();
        files.vanish(&dir().join("s.arrow"));
        files.vanish(&dir().join("s.side"));
    }
    let contents = kind.paths(dir(), "s").map(|path| {
        let bytes = files.content(&path).unwrap();
        (path, bytes)
    });
    Subject {
        files,
        rows,
        meta,
        contents,
    }
}

impl Subject {
    /// Puts other bytes in the place of one of the files.
    fn plant(&self, file: usize, bytes: Vec<u8>) {
        self.files.vanish(&self.contents[file].0);
        self.files.plant(&self.contents[file].0, bytes);
    }

    /// What is served must be right, or refused. Returns whether anything was refused.
    fn right_or_refused(&self, every: usize) -> bool {
        let Ok(segment) = Segment::open(&self.files, dir(), "s", &self.meta) else {
            return true;
        };
        let mut refused = false;
        let mut check = |ok: Result<bool, SegmentError>| match ok {
            Ok(ok) => assert!(ok),
            Err(SegmentError::Damaged { .. } | SegmentError::Side { .. }) => refused = true,
            Err(other) => panic!("{other}"),
        };
        for row in self.rows.iter().step_by(every) {
            let found = segment.row(row.offset);
            if let Err(SegmentError::Damaged { offsets, .. }) = &found {
                assert!(
                    offsets.contains(&row.offset),
                    "{offsets:?} without {}",
                    row.offset
                );
            }
            check(found.map(|found| row.is(&found.unwrap())));
            check(
                segment
                    .leaf_hash(row.offset)
                    .map(|hash| hash == Some(row.leaf_hash())),
            );
            check(segment.by_id(row.id).map(|found| found == Some(row.offset)));
            let at = self
                .rows
                .iter()
                .find(|other| other.timestamp >= row.timestamp);
            check(
                segment
                    .by_time(row.timestamp)
                    .map(|found| found == at.map(|row| row.offset)),
            );
            if let Some(key) = &row.key {
                let mut held = self.rows.iter().rev();
                let latest = held.find(|row| row.key.as_ref() == Some(key)).unwrap();
                check(
                    segment
                        .by_key(key)
                        .map(|found| found == Some(latest.offset)),
                );
                assert!(segment.may_hold_key(key) || segment.by_key(key).is_err());
            }
            let holds = |other: &&Owned| other.schema == 1 && other.value == row.value;
            let found = segment.by_value(&row.value);
            let count = self.rows.iter().filter(holds).count();
            check(found.and_then(|found| {
                let found = found.collect::<Result<Vec<_>, _>>()?;
                Ok(found.len() == count)
            }));
        }
        check(segment.by_key(b"no such key").map(|found| found.is_none()));
        refused
    }
}

fn every_bit(subject: &Subject, file: usize) {
    let bytes = subject.contents[file].1.clone();
    let mut refused = 0;
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            subject.plant(file, flipped);
            let known = subject.right_or_refused(1) || {
                // What only costs time when it is damaged is found by verifying.
                let segment = Segment::open(&subject.files, dir(), "s", &subject.meta);
                !segment.unwrap().verify().is_empty()
            };
            refused += u32::from(known);
        }
    }
    // Every bit counts: there is none that nothing checks.
    assert_eq!(refused as usize, bytes.len() * 8);
    subject.plant(file, bytes);
    assert!(!subject.right_or_refused(1));
}

fn every_length(subject: &Subject, file: usize) {
    let bytes = subject.contents[file].1.clone();
    for length in 0..bytes.len() {
        subject.plant(file, bytes[..length].to_vec());
        assert!(Segment::open(&subject.files, dir(), "s", &subject.meta).is_err());
    }
    subject.plant(file, [&bytes[..], &[0]].concat());
    assert!(Segment::open(&subject.files, dir(), "s", &subject.meta).is_err());
    subject.plant(file, bytes);
}

#[test]
fn every_bit_and_length_of_a_small_segment() {
    for kind in [Kind::Hot, Kind::Cold] {
        let subject = subject(assorted(8, 5, 10), kind);
        for file in [0, 1] {
            every_bit(&subject, file);
            every_length(&subject, file);
        }
    }
}

#[test]
fn a_bad_block_is_named_and_all_others_read_on() {
    for kind in [Kind::Hot, Kind::Cold] {
        let mut rows = assorted(20_000, 100, 60);
        for row in rows.iter_mut().filter(|row| row.schema == 0) {
            // Text alone would be but a block or two of Parquet.
            let hash = blake3::hash(&row.offset.to_le_bytes());
            row.value.extend(hash.as_bytes());
        }
        let subject = subject(rows, kind);
        let bytes = &subject.contents[0].1;
        let blocks = bytes.len() / crate::blocks::BLOCK_BYTES;
        assert!(blocks > 5);
        let mut mostly_readable = 0;
        for block in 0..blocks {
            let mut damaged = bytes.clone();
            damaged[block * crate::blocks::BLOCK_BYTES + 777] ^= 4;
            subject.plant(0, damaged);
            assert!(subject.right_or_refused(97));
            let Ok(segment) = Segment::open(&subject.files, dir(), "s", &subject.meta) else {
                continue;
            };
            let found = segment.verify();
            assert!(!found.is_empty());
            let hurt = |offset: u64| found.iter().any(|damage| damage.offsets.contains(&offset));
            let rows = subject.rows.iter().step_by(31);
            let (good, bad): (Vec<_>, Vec<_>) =
                rows.partition(|row| segment.row(row.offset).is_ok());
            // A scan reads on behind what is damaged.
            let scanned: Vec<_> = segment.rows_from(0).unwrap().collect();
            assert_eq!(scanned.len(), subject.rows.len());
            for row in &good {
                let read = &scanned[(row.offset - 100) as usize];
                assert!(row.is(read.as_ref().unwrap()));
            }
            assert!(!bad.is_empty() && bad.iter().all(|row| hurt(row.offset)));
            mostly_readable += usize::from(good.len() > bad.len());
            // Parquet has bytes that mean nothing; then only the file's hash tells.
            if let Ok(meta) = Segment::rebuild_side(&subject.files, dir(), "s", kind) {
                assert!(kind == Kind::Cold && meta.hash != subject.meta.hash);
                subject.plant(1, subject.contents[1].1.clone());
            }
            assert!(segment.to_parquet(&subject.files, dir(), "other").is_err());
        }
        // But for blocks that are about all rows, or about one of only two row groups.
        assert!(kind == Kind::Cold || mostly_readable > blocks * 3 / 4);
    }
}

#[test]
fn no_sidecar_is_made_of_damage() {
    for kind in [Kind::Hot, Kind::Cold] {
        let subject = subject(assorted(8, 5, 10), kind);
        let (_, bytes) = subject.contents[0].clone();
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << (place % 8);
            subject.plant(0, flipped);
            let rebuilt = Segment::rebuild_side(&subject.files, dir(), "s", kind);
            // Parquet has bytes that mean nothing: then the rows were all right.
            if let Ok(meta) = rebuilt {
                assert_eq!(kind, Kind::Cold, "byte {place}");
                let segment = Segment::open(&subject.files, dir(), "s", &meta).unwrap();
                let read: Vec<_> = segment.rows_from(0).unwrap().map(Result::unwrap).collect();
                assert!(
                    subject
                        .rows
                        .iter()
                        .zip(&read)
                        .all(|(row, read)| row.is(read))
                );
            }
        }
    }
}

#[test]
fn a_sidecar_that_confines_damage_is_not_replaced_by_one_that_belongs_to_nothing() {
    for kind in [Kind::Hot, Kind::Cold] {
        let subject = subject(assorted(8, 5, 10), kind);
        let (_, bytes) = subject.contents[0].clone();
        let meta = &subject.meta;
        let mend = || Segment::mend_side(&subject.files, dir(), "s", meta);
        mend().unwrap();
        let mut harmless = 0;
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << (place % 8);
            subject.plant(0, flipped);
            assert!(matches!(mend(), Err(SegmentError::Damaged { .. })));
            assert_eq!(
                subject.files.content(&subject.contents[1].0).unwrap(),
                subject.contents[1].1
            );
            harmless +=
                usize::from(Segment::rebuild_side(&subject.files, dir(), "s", kind).is_ok());
            subject.plant(1, subject.contents[1].1.clone());
        }
        // Else the hash alone would not be what refuses.
        assert_eq!(harmless > 0, kind == Kind::Cold);
    }
}

#[test]
fn a_row_whose_leaf_hash_is_wrong_is_found() {
    let files = FaultFiles::new(1);
    let mut builder = SegmentBuilder::new(0);
    for row in assorted(2000, 0, 10) {
        let leaf = row.leaf().to_bytes();
        let wrong = (1200..1203).contains(&row.offset);
        let pushed = builder.push(&crate::Row {
            leaf: &leaf,
            leaf_hash: if wrong { [7; 32] } else { row.leaf_hash() },
            key: row.key.as_deref(),
            headers: row.headers.as_deref(),
            value: &row.value,
        });
        pushed.unwrap();
    }
    let meta = builder.finish(&files, dir(), "s").unwrap();
    let segment = Segment::open(&files, dir(), "s", &meta).unwrap();
    let damages = segment.verify();
    assert_eq!(damages.len(), 1);
    assert_eq!(damages[0].offsets, 1200..1203);
    assert!(segment.to_parquet(&files, dir(), "s").is_err());
    assert!(Segment::rebuild_side(&files, dir(), "s", Kind::Hot).is_err());
}

/// Makes the checksums of a sidecar right again, as somebody who means harm would.
fn bless(side: &mut [u8]) {
    const TABLE: usize = 16 + SegmentMeta::BYTES + 96;
    const END: usize = TABLE + 160;
    let mut start = END + 8;
    for at in (TABLE..END).step_by(16) {
        let mut field = [0; 8];
        field.copy_from_slice(&side[at..at + 8]);
        let length = usize::try_from(u64::from_le_bytes(field)).unwrap();
        let Some(end) = start.checked_add(length).filter(|&end| end <= side.len()) else {
            break;
        };
        let crc = crc32c::crc32c(&side[start..end]);
        side[at + 8..at + 12].copy_from_slice(&crc.to_le_bytes());
        start = end.next_multiple_of(8);
    }
    let crc = crc32c::crc32c(&side[..END]);
    side[END..END + 4].copy_from_slice(&crc.to_le_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_hostile_sidecar_shows_no_wrong_row(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        head_only: bool,
    ) {
        let subject = subject(assorted(60, 5, 10), Kind::Hot);
        let mut side = subject.contents[1].1.clone();
        // The heads of the indexes and the table are behind the figures.
        let range = if head_only { 136..392 } else { 136..side.len() };
        for (place, byte) in changes {
            side[range.start + place.index(range.len())] = byte;
        }
        bless(&mut side);
        subject.plant(1, side);
        let Ok(segment) = Segment::open(&subject.files, dir(), "s", &subject.meta) else {
            return Ok(());
        };
        for row in &subject.rows {
            if let Ok(Some(found)) = segment.row(row.offset) {
                prop_assert!(row.is(&found));
            }
            if let Some(key) = &row.key {
                let _ = segment.may_hold_key(key);
                if let Ok(Some(offset)) = segment.by_key(key) {
                    let found = subject.rows.iter().find(|row| row.offset == offset);
                    prop_assert_eq!(found.unwrap().key.as_ref(), Some(key));
                }
                let _ = segment.by_key_at(key, row.timestamp);
            }
            let _ = segment.by_id(row.id);
            let _ = segment.by_time(row.timestamp);
            if let Ok(found) = segment.by_value(&row.value) {
                for offset in found.flatten() {
                    let found = subject.rows.iter().find(|row| row.offset == offset);
                    prop_assert_eq!(&found.unwrap().value, &row.value);
                }
            }
        }
        let _ = segment.verify();
        let _ = segment.to_parquet(&subject.files, dir(), "other");
    }
}
