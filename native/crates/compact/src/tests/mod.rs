//! Tests that need to see inside: a store of real segments beside a plain list of its rows.

mod crash;
mod keys;
mod leaves;
mod mutants;
mod pace;
mod peaks;
mod plan;
mod proofs;
mod work;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pyralog_log::{FaultFiles, FileLayer};
use pyralog_manifest::{Edit, Manifest, ManifestOptions, NewSegment, Policy, file_name};
use pyralog_merkle::{Blake3Tree, Sha256Tree, TreeHash};
use pyralog_segment::{Row, Segment, SegmentBuilder};
use pyralog_types::{Hash, LeafRecord, encode_headers, part_hash};

use crate::{
    CompactError, Compactor, Control, Facts, Fresh, LeafHashes, Pace, TOMBSTONE, WhichTree, Work,
};

pub(crate) const PARTITION: u32 = 3;
pub(crate) const STORE: &str = "/store";

/// A row that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) offset: u64,
    pub(crate) timestamp: u64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) headers: Option<Vec<u8>>,
    pub(crate) value: Vec<u8>,
}

impl Owned {
    pub(crate) fn leaf(&self) -> LeafRecord {
        LeafRecord {
            timestamp: self.timestamp,
            scarab_id: 100 + self.offset,
            offset: self.offset,
            epoch: 1,
            schema_id: 0,
            key_hash: part_hash(self.key.as_deref()),
            value_hash: part_hash(Some(&self.value)),
            headers_hash: part_hash(self.headers.as_deref()),
        }
    }

    pub(crate) fn hash(&self) -> Hash {
        Blake3Tree::leaf(&self.leaf().to_bytes())
    }

    pub(crate) fn sha256(&self) -> Hash {
        Sha256Tree::leaf(&self.leaf().to_bytes())
    }

    pub(crate) fn is_tombstone(&self) -> bool {
        self.headers.is_some() && self.value.is_empty()
    }
}

/// A store with one partition, and all rows it ever had.
pub(crate) struct Store {
    pub(crate) disk: FaultFiles,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) compactor: Compactor,
    pub(crate) rows: Vec<Owned>,
}

pub(crate) fn layer(disk: &FaultFiles) -> Arc<dyn FileLayer> {
    Arc::new(disk.clone())
}

pub(crate) fn reopen(disk: FaultFiles, rows: Vec<Owned>) -> Store {
    let options = ManifestOptions::new([7; 16]);
    let open = Manifest::open(&layer(&disk), Path::new(STORE), &options).unwrap();
    open.manifest.remove_orphans().unwrap();
    Store {
        compactor: Compactor::new(layer(&disk), Arc::clone(&open.manifest)),
        manifest: open.manifest,
        disk,
        rows,
    }
}

pub(crate) fn tombstone_headers() -> Vec<u8> {
    encode_headers(&[("other", b"x"), (TOMBSTONE, b"")]).unwrap()
}

impl Store {
    pub(crate) fn new() -> Self {
        reopen(FaultFiles::new(1), Vec::new())
    }

    pub(crate) fn set_policy(&self, policy: Policy) {
        let edit = Edit::SetPolicy {
            partition: PARTITION,
            policy,
        };
        self.manifest.commit(&[edit]).unwrap();
    }

    /// Seals rows: a key each (`None` for no key) and a value (`None` for a tombstone).
    pub(crate) fn seal(&mut self, rows: &[(Option<&str>, Option<&str>)]) -> u64 {
        let base = self.rows.len() as u64;
        let owned: Vec<Owned> = (base..)
            .zip(rows)
            .map(|(offset, (key, value))| Owned {
                offset,
                timestamp: 1_000 + offset * 10,
                key: key.map(|key| key.as_bytes().to_vec()),
                headers: value.is_none().then(tombstone_headers),
                value: value.unwrap_or_default().as_bytes().to_vec(),
            })
            .collect();
        self.seal_owned(owned)
    }

    pub(crate) fn seal_owned(&mut self, rows: Vec<Owned>) -> u64 {
        let mut builder = SegmentBuilder::new(self.rows.len() as u64);
        for row in &rows {
            builder
                .push(&Row {
                    leaf: &row.leaf().to_bytes(),
                    leaf_hash: row.hash(),
                    key: row.key.as_deref(),
                    headers: row.headers.as_deref(),
                    value: &row.value,
                })
                .unwrap();
        }
        let number = self.manifest.reserve();
        let name = file_name(PARTITION, number);
        let meta = builder
            .finish(&self.disk, self.manifest.segments_dir(), &name)
            .unwrap();
        let segment = NewSegment { number, meta };
        let edit = Edit::Add {
            partition: PARTITION,
            segment,
        };
        self.manifest.commit(&[edit]).unwrap();
        self.rows.extend(rows);
        number
    }

    /// Does everything that is due, without a limit.
    pub(crate) fn maintain(&self, facts: &Facts) -> Result<usize, CompactError> {
        undisturbed(|control| self.compactor.maintain(PARTITION, facts, control))
    }

    /// Does one piece of work, without a limit; the version it makes.
    pub(crate) fn run(&self, work: &Work, facts: &Facts) -> Result<u64, CompactError> {
        let version = undisturbed(|control| self.compactor.run(PARTITION, work, (facts, control)));
        Ok(version?.number())
    }

    /// The rows that can be read now, all of them checked.
    pub(crate) fn readable(&self) -> Vec<Owned> {
        let version = self.manifest.current();
        let Some(state) = version.partition(PARTITION) else {
            return Vec::new();
        };
        let mut rows = Vec::new();
        for entry in state.segments() {
            let dir = self.manifest.segments_dir();
            let segment = Segment::open(&self.disk, dir, &entry.name(), &entry.meta).unwrap();
            assert_eq!(segment.verify(), [], "{}", entry.name());
            for row in segment.rows_from(0).unwrap() {
                let row = row.unwrap();
                rows.push(Owned {
                    offset: row.offset,
                    timestamp: row.timestamp,
                    key: row.key.as_deref().map(<[u8]>::to_vec),
                    headers: row.headers.as_deref().map(<[u8]>::to_vec),
                    value: row.value.to_vec(),
                });
            }
        }
        rows
    }

    pub(crate) fn hashes(&self, which: WhichTree) -> Vec<Hash> {
        let version = self.manifest.current();
        let state = version.partition(PARTITION).unwrap();
        let files = Fresh {
            files: &self.disk,
            dir: self.manifest.segments_dir(),
        };
        let reader = LeafHashes::new(&files, (PARTITION, state));
        let mut all = Vec::new();
        let offsets = state.hashes_from()..state.end_offset();
        reader
            .read(which, offsets, |some| {
                all.extend_from_slice(some);
                Ok(())
            })
            .unwrap();
        all
    }

    /// Names in the directory of segments.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = self.disk.list(self.manifest.segments_dir()).unwrap();
        names.sort();
        names
    }
}

/// Work that nobody cancels, slows down or watches.
fn undisturbed<T>(body: impl FnOnce(&Control<'_>) -> T) -> T {
    body(&Control {
        cancel: &AtomicBool::new(false),
        pace: &Pace::unlimited(),
        progress: &|_| {},
    })
}

pub(crate) fn at(now_ms: u64) -> Facts {
    Facts {
        now_ms,
        ..Facts::default()
    }
}

pub(crate) fn latest() -> Policy {
    Policy {
        latest_by_key: true,
        tombstone_ms: 0,
        ..Policy::default()
    }
}
