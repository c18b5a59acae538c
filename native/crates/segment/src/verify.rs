//! Looks through a whole segment for damage, and makes its sidecar again.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use pyralog_log::{FileLayer, Mapped};
use pyralog_merkle::{Blake3Tree, TreeHash};
use pyralog_types::Hash;

use crate::blocks::{BLOCK_BYTES, Blocks};
use crate::build::{SegmentBuilder, write_arrow};
use crate::data::Data;
use crate::index::short;
use crate::side::Which;
use crate::sink::publish;
use crate::{Damage, Kind, Row, Segment, SegmentError, SegmentMeta, SegmentRow};

/// Rows whose leaves are hashed side by side.
const STEP: usize = 1024;

impl Segment {
    /// Everything that is wrong with the segment: blocks that fail their checksums, rows whose leaf hash is not that of
    /// their bytes or that stand out of order, rows that the indexes do not find, a damaged sidecar. Reads it all.
    #[must_use]
    pub fn verify(&self) -> Vec<Damage> {
        let mut damages: Vec<Damage> = Vec::new();
        for bad in self.data().blocks().bad_blocks() {
            damages.push(Damage {
                offsets: self.offsets_of(&bad.range),
                what: bad.what,
            });
        }
        let meta = self.meta();
        if damages.is_empty() && *blake3::hash(&self.mapped()).as_bytes() != meta.hash {
            damages.push(Damage {
                offsets: meta.base_offset..meta.end_offset,
                what: "the file has another hash, though its blocks have the right checksums"
                    .into(),
            });
        }
        self.verify_rows(&mut damages);
        let base = meta.base_offset..meta.base_offset;
        damages.extend(self.side().damages().into_iter().map(|what| Damage {
            offsets: base.clone(),
            what,
        }));
        damages
    }

    fn verify_rows(&self, damages: &mut Vec<Damage>) {
        let rows = self.meta().rows as usize;
        let known = damages.len();
        let mut checker = Checker::default();
        for start in (0..rows).step_by(STEP) {
            for row in start..rows.min(start + STEP) {
                match self.data().row(row) {
                    Ok(row_bytes) => {
                        self.verify_indexes(row as u32, &row_bytes, damages);
                        checker.add(&row_bytes);
                    }
                    // A block that fails is known already; anything else is news.
                    Err(bad) if known == 0 => {
                        let damage = Damage {
                            offsets: self.offsets_of(&bad.range),
                            what: bad.what,
                        };
                        // All rows of a row group have the same to say.
                        if damages.last() != Some(&damage) {
                            damages.push(damage);
                        }
                    }
                    Err(_) => {}
                }
            }
            checker.finish(damages);
        }
    }

    fn verify_indexes(&self, number: u32, row: &SegmentRow<'_>, damages: &mut Vec<Damage>) {
        let finds = |which: Which, bytes: &[u8]| {
            // An index that cannot be read is reported as a damaged sidecar.
            let found = self
                .side()
                .candidates(which, short(blake3::hash(bytes).as_bytes()));
            found.map_or(true, |found| {
                (0..found.len()).any(|at| found.get(at) == Some(number))
            })
        };
        let key = row.key.as_deref().is_none_or(|key| finds(Which::Keys, key));
        if !key || (row.schema_id == 1 && !finds(Which::Values, &row.value)) {
            damages.push(Damage {
                offsets: row.offset..row.offset,
                what: format!("an index does not find offset {}", row.offset),
            });
        }
    }

    /// Makes the sidecar of a segment again whose figures are known (H9). What stands there stays when this fails.
    ///
    /// # Errors
    /// [`SegmentError::Damaged`] when the data file is not the one that was sealed, byte for byte: checksums over what
    /// means nothing would make the segment another one than the one that is known.
    pub fn mend_side(
        files: &dyn FileLayer,
        dir: &Path,
        name: &str,
        known: &SegmentMeta,
    ) -> Result<(), SegmentError> {
        let [path, _] = known.kind.paths(dir, name);
        let map = files.map(&path).map_err(SegmentError::io("map", &path))?;
        let hash = *blake3::hash(&map).as_bytes();
        if map.len() as u64 != known.arrow_bytes || hash != known.hash {
            return Err(SegmentError::Damaged {
                file: path,
                offsets: known.base_offset..known.end_offset,
                what: "its bytes are not those that were sealed".to_owned(),
            });
        }
        write_side(files, (dir, name, known.kind), (&map, hash)).map(|_| ())
    }

    /// Makes the sidecar of a data file again, from its rows alone, and returns the segment's figures (H9).
    ///
    /// # Errors
    /// [`SegmentError::Damaged`] when the rows are not what was sealed: no checksum is made of damage.
    pub fn rebuild_side(
        files: &dyn FileLayer,
        dir: &Path,
        name: &str,
        kind: Kind,
    ) -> Result<SegmentMeta, SegmentError> {
        let [path, _] = kind.paths(dir, name);
        let map = files.map(&path).map_err(SegmentError::io("map", &path))?;
        let hash = *blake3::hash(&map).as_bytes();
        write_side(files, (dir, name, kind), (&map, hash))
    }
}

/// Makes the sidecar of a data file that is mapped, and has this hash, from its rows alone.
fn write_side(
    files: &dyn FileLayer,
    (dir, name, kind): (&Path, &str, Kind),
    (map, hash): (&Mapped, Hash),
) -> Result<SegmentMeta, SegmentError> {
    let [path, side] = kind.paths(dir, name);
    let damaged = |offsets: Range<u64>, what: &str| SegmentError::Damaged {
        file: path.clone(),
        offsets,
        what: what.to_owned(),
    };
    let crcs: Vec<u32> = map.chunks(BLOCK_BYTES).map(crc32c::crc32c).collect();
    let blocks = Blocks::new(map.clone(), crcs.clone())
        .ok_or_else(|| damaged(0..0, "blocks cannot be counted"))?;
    let data = Data::open(kind, blocks).map_err(|bad| damaged(0..0, &bad.what))?;
    let mut builder = refill(&data).map_err(|(offsets, what)| damaged(offsets, &what))?;
    let mut meta = builder.figures(kind)?;
    let all = meta.base_offset..meta.end_offset;
    let covers = builder.covers();
    let (batch, mut contents) = builder.contents()?;
    if kind == Kind::Hot {
        let mut same = Same { rest: map };
        let written = write_arrow(&mut same, &batch, covers.as_ref());
        if written.is_err() || !same.rest.is_empty() {
            return Err(damaged(all, "its rows would be written with other bytes"));
        }
    }
    contents.crcs = crcs;
    meta.arrow_bytes = map.len() as u64;
    meta.hash = hash;
    contents.write(files, &side, &mut meta)?;
    publish(files, dir, &[&side])?;
    Ok(meta)
}

/// Pushes all rows into a builder, leaf hashes checked.
fn refill(data: &Data) -> Result<SegmentBuilder, (Range<u64>, String)> {
    let unread = |bad: crate::blocks::Bad| (0..0, bad.what);
    let first = data.offset(0).map_err(unread)?;
    let mut builder = match data.covers().map_err(|what| (0..0, what.to_owned()))? {
        Some(covered) => SegmentBuilder::compacted(covered),
        None => SegmentBuilder::new(first),
    };
    for number in 0..data.rows() {
        let row = data.row(number).map_err(unread)?;
        let offsets = row.offset..row.offset.saturating_add(1);
        let leaf = row.leaf().to_bytes();
        if Blake3Tree::leaf(&leaf) != row.leaf_hash {
            return Err((offsets, "the leaf hash is not that of the row".to_owned()));
        }
        let pushed = builder.push(&Row {
            leaf: &leaf,
            leaf_hash: row.leaf_hash,
            key: row.key.as_deref(),
            headers: row.headers.as_deref(),
            value: &row.value,
        });
        pushed.map_err(|error| (offsets, error.to_string()))?;
    }
    Ok(builder)
}

/// A writer that accepts only the bytes it was given.
struct Same<'a> {
    rest: &'a [u8],
}

impl Write for Same<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.rest.strip_prefix(bytes) {
            Some(rest) => self.rest = rest,
            None => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Checks rows in order: leaf hashes many at a time, and what H2 demands.
#[derive(Default)]
struct Checker {
    leaves: Vec<[u8; 128]>,
    expected: Vec<(u64, [u8; 32])>,
    hashes: Vec<[u8; 32]>,
    last: Option<(u64, u64, u64)>,
}

impl Checker {
    fn add(&mut self, row: &SegmentRow<'_>) {
        self.leaves.push(row.leaf().to_bytes());
        self.expected.push((row.offset, row.leaf_hash));
    }

    fn finish(&mut self, damages: &mut Vec<Damage>) {
        Blake3Tree::leaves(&self.leaves, &mut self.hashes);
        for (at, (offset, expected)) in self.expected.iter().enumerate() {
            if self.hashes[at] != *expected {
                push(damages, *offset, "the leaf hash is not that of the row");
            }
            let number = |from: usize| {
                let mut field = [0; 8];
                field.copy_from_slice(&self.leaves[at][from..from + 8]);
                u64::from_le_bytes(field)
            };
            let now = (*offset, number(0), number(8));
            let before = self.last.replace(now);
            let sorted =
                |last: (u64, u64, u64)| last.0 < now.0 && last.1 <= now.1 && last.2 < now.2;
            if !before.is_none_or(sorted) {
                push(damages, *offset, "offset, timestamp or id goes back");
            }
        }
        self.leaves.clear();
        self.expected.clear();
        self.hashes.clear();
    }
}

/// Adds a damaged offset, joined with those before it.
fn push(damages: &mut Vec<Damage>, offset: u64, what: &str) {
    match damages.last_mut() {
        Some(last) if last.what == what && last.offsets.end == offset => last.offsets.end += 1,
        _ => damages.push(Damage {
            offsets: offset..offset.saturating_add(1),
            what: what.to_owned(),
        }),
    }
}
