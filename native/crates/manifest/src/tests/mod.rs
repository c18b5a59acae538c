//! Tests that need to see inside: a model, crashes at every call, flipped bits, forged bytes, mutants.

mod crash;
mod damage;
mod edits;
mod model;
mod mutants;
mod never_panics;
mod pins;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_log::{FaultFiles, FileLayer};
use pyralog_segment::{Kind, SegmentMeta};

use crate::{
    Edit, Manifest, ManifestError, ManifestOptions, NewLeaves, NewSegment, OpenManifest, Retention,
    file_name,
};

pub(crate) const STORE: &str = "/store";

pub(crate) fn manifest_file() -> PathBuf {
    Path::new(STORE).join("manifest/MANIFEST")
}

pub(crate) fn layer(disk: &FaultFiles) -> Arc<dyn FileLayer> {
    Arc::new(disk.clone())
}

pub(crate) fn options() -> ManifestOptions {
    ManifestOptions::new([7; 16])
}

pub(crate) fn open_with(
    disk: &FaultFiles,
    options: &ManifestOptions,
) -> Result<OpenManifest, ManifestError> {
    Manifest::open(&layer(disk), Path::new(STORE), options)
}

pub(crate) fn open(disk: &FaultFiles) -> Result<OpenManifest, ManifestError> {
    open_with(disk, &options())
}

/// Figures of a segment without gaps.
pub(crate) fn meta(base_offset: u64, rows: u32) -> SegmentMeta {
    SegmentMeta {
        base_offset,
        end_offset: base_offset + u64::from(rows),
        rows,
        first_timestamp: 1_000 + base_offset,
        last_timestamp: 1_000 + base_offset + u64::from(rows),
        first_id: 10 + base_offset,
        last_id: 10 + base_offset + u64::from(rows),
        arrow_bytes: 4_096,
        side_bytes: 512,
        raw_bytes: u64::from(rows) * 100,
        hash: [base_offset as u8; 32],
        kind: Kind::Hot,
        compacted: false,
    }
}

pub(crate) fn new_segment(manifest: &Manifest, base_offset: u64, rows: u32) -> NewSegment {
    NewSegment {
        number: manifest.reserve(),
        meta: meta(base_offset, rows),
    }
}

pub(crate) fn new_leaves(manifest: &Manifest, base_offset: u64, end_offset: u64) -> NewLeaves {
    NewLeaves {
        number: manifest.reserve(),
        base_offset,
        end_offset,
        sha256: false,
        hash: [9; 32],
    }
}

pub(crate) fn retention(first_offset: u64, hashes_from: u64, leaves: Vec<NewLeaves>) -> Retention {
    Retention {
        first_offset,
        hashes_from,
        roots: vec![[5; 32]; hashes_from.count_ones() as usize],
        sha256_roots: Vec::new(),
        leaves,
    }
}

/// Seals one more segment of a partition, with files.
pub(crate) fn seal(disk: &FaultFiles, manifest: &Manifest, partition: u32, rows: u32) -> u64 {
    let version = manifest.current();
    let base = version
        .partition(partition)
        .map_or(0, |state| state.end_offset());
    let segment = new_segment(manifest, base, rows);
    let number = segment.number;
    plant(disk, partition, number);
    manifest
        .commit(&[Edit::Add { partition, segment }])
        .unwrap();
    number
}

pub(crate) fn path_of(partition: u32, number: u64, ending: &str) -> PathBuf {
    let name = format!("{}.{ending}", file_name(partition, number));
    Path::new(STORE).join("segments").join(name)
}

/// Writes a file as a sealed one is written: every call may fail.
pub(crate) fn write(
    disk: &FaultFiles,
    partition: u32,
    number: u64,
    ending: &str,
) -> std::io::Result<()> {
    disk.replace_file(&path_of(partition, number, ending), &[1; 8])
}

/// Puts the files of a hot segment there.
pub(crate) fn plant(disk: &FaultFiles, partition: u32, number: u64) {
    for ending in ["arrow", "side"] {
        disk.plant(&path_of(partition, number, ending), vec![1; 8]);
    }
}

pub(crate) fn is_there(disk: &FaultFiles, partition: u32, number: u64) -> bool {
    disk.content(&path_of(partition, number, "arrow")).is_some()
}

/// `RUNS` or `SEED` from the environment.
pub(crate) fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
