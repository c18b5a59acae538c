//! Segments against a plain list of rows, damaged in every way, and on disks that fail.

mod again;
mod cold;
mod crash;
mod damage;
mod kinds;
mod model;
mod pinned;

use std::path::Path;

use pyralog_log::FileLayer;
use pyralog_merkle::{Blake3Tree, TreeHash};
use pyralog_types::{LeafRecord, encode_headers, part_hash};

use crate::{Row, Segment, SegmentBuilder, SegmentError, SegmentMeta, SegmentRow};

/// A row that owns its bytes: what the model is a list of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    pub offset: u64,
    pub epoch: u32,
    pub timestamp: u64,
    pub id: u64,
    pub schema: u32,
    pub key: Option<Vec<u8>>,
    pub headers: Option<Vec<u8>>,
    pub value: Vec<u8>,
}

impl Owned {
    pub fn leaf(&self) -> LeafRecord {
        LeafRecord {
            timestamp: self.timestamp,
            scarab_id: self.id,
            offset: self.offset,
            epoch: self.epoch,
            schema_id: self.schema,
            key_hash: part_hash(self.key.as_deref()),
            value_hash: part_hash(Some(&self.value)),
            headers_hash: part_hash(self.headers.as_deref()),
        }
    }

    pub fn leaf_hash(&self) -> [u8; 32] {
        Blake3Tree::leaf(&self.leaf().to_bytes())
    }

    pub fn push(&self, builder: &mut SegmentBuilder) -> Result<(), SegmentError> {
        builder.push(&Row {
            leaf: &self.leaf().to_bytes(),
            leaf_hash: self.leaf_hash(),
            key: self.key.as_deref(),
            headers: self.headers.as_deref(),
            value: &self.value,
        })
    }

    pub fn is(&self, row: &SegmentRow<'_>) -> bool {
        row.offset == self.offset
            && row.epoch == self.epoch
            && row.timestamp == self.timestamp
            && row.scarab_id == self.id
            && row.schema_id == self.schema
            && row.key.as_deref() == self.key.as_deref()
            && row.headers.as_deref() == self.headers.as_deref()
            && row.value[..] == self.value[..]
            && row.leaf_hash == self.leaf_hash()
            && row.leaf() == self.leaf()
    }
}

/// Rows of every sort: with and without keys and headers, keys and values that repeat, empty values, notary values.
pub fn assorted(count: u64, base: u64, value_bytes: usize) -> Vec<Owned> {
    let row = |n: u64| {
        let notary = n % 5 == 3;
        let digest = *blake3::hash(&(n % 40).to_le_bytes()).as_bytes();
        Owned {
            offset: base + n,
            epoch: 1 + (n / 100) as u32,
            timestamp: 1_700_000_000_000 + n / 3,
            id: 1_000 + 7 * n,
            schema: notary.into(),
            key: (n % 4 != 1).then(|| format!("key {}", n % 3000).into_bytes()),
            headers: (n % 6 == 2)
                .then(|| encode_headers(&[("content-type", b"text/plain"), ("", &[])]).unwrap()),
            value: match n % 7 {
                _ if notary => [&[0x1e, 32], &digest[..]].concat(),
                0 => Vec::new(),
                _ => {
                    let text = format!("a line of text, number {n}, level=info ");
                    text.bytes().cycle().take(value_bytes).collect()
                }
            },
        }
    };
    (0..count).map(row).collect()
}

/// Seals rows without gaps.
pub fn seal(files: &dyn FileLayer, dir: &Path, rows: &[Owned]) -> SegmentMeta {
    let mut builder = SegmentBuilder::new(rows[0].offset);
    for row in rows {
        row.push(&mut builder).unwrap();
    }
    builder.finish(files, dir, "s").unwrap()
}

/// Holds a segment against the rows it was made of.
pub fn same(segment: &Segment, rows: &[Owned]) {
    let meta = segment.meta();
    assert_eq!(meta.rows as usize, rows.len());
    let read: Vec<_> = segment
        .rows_from(0)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(read.len(), rows.len());
    for (row, read) in rows.iter().zip(&read) {
        assert!(row.is(read), "offset {}", row.offset);
    }
    let hashes: Vec<_> = rows.iter().map(Owned::leaf_hash).collect();
    assert_eq!(segment.leaf_hashes().unwrap()[..], hashes);
    for offset in meta.base_offset.saturating_sub(1)..=meta.end_offset {
        let expected = rows.iter().find(|row| row.offset == offset);
        let found = segment.row(offset).unwrap();
        assert_eq!(found.is_some(), expected.is_some(), "offset {offset}");
        assert!(expected.is_none_or(|row| row.is(&found.unwrap())));
        let hash = segment.leaf_hash(offset).unwrap();
        assert_eq!(hash, expected.map(Owned::leaf_hash));
    }
    lookups(segment, rows);
}

fn lookups(segment: &Segment, rows: &[Owned]) {
    let (first, last) = (&rows[0], &rows[rows.len() - 1]);
    for row in rows {
        for id in [row.id - 1, row.id, row.id + 1] {
            let expected = rows.iter().find(|row| row.id == id).map(|row| row.offset);
            assert_eq!(segment.by_id(id).unwrap(), expected);
        }
        for ms in [row.timestamp - 1, row.timestamp, row.timestamp + 1] {
            let expected = rows.iter().find(|row| row.timestamp >= ms);
            assert_eq!(segment.by_time(ms).unwrap(), expected.map(|row| row.offset));
        }
        if let Some(key) = &row.key {
            assert!(segment.may_hold_key(key));
            for ms in [first.timestamp - 1, row.timestamp, last.timestamp, u64::MAX] {
                let mut held = rows
                    .iter()
                    .rev()
                    .filter(|row| row.key.as_ref() == Some(key));
                let expected = held.find(|row| row.timestamp <= ms).map(|row| row.offset);
                assert_eq!(segment.by_key_at(key, ms).unwrap(), expected);
            }
            let found: Result<Vec<_>, _> = segment.all_by_key(key).unwrap().collect();
            let holds = |other: &&Owned| other.key.as_ref() == Some(key);
            let expected = rows.iter().filter(holds).map(|row| row.offset);
            assert_eq!(found.unwrap(), expected.collect::<Vec<_>>());
        }
        let found: Result<Vec<_>, _> = segment.by_value(&row.value).unwrap().collect();
        let holds = |other: &&Owned| other.schema == 1 && other.value == row.value;
        let expected = rows.iter().filter(holds).map(|row| row.offset);
        assert_eq!(found.unwrap(), expected.collect::<Vec<_>>());
    }
    for n in 0..200 {
        let missing = format!("no such key {n}");
        assert_eq!(segment.by_key(missing.as_bytes()).unwrap(), None);
        assert_eq!(segment.by_value(missing.as_bytes()).unwrap().count(), 0);
    }
}
