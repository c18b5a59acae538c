//! Leaves files: read as written, damage noticed at every byte.

use std::path::Path;

use pyralog_log::{FaultFiles, FileLayer};
use pyralog_manifest::Edit;
use pyralog_types::Hash;

use super::{PARTITION, Store, at};
use crate::{CompactError, LeavesFile, WhichTree};
use pyralog_manifest::{LeavesEntry, Policy};
use std::sync::Arc;

/// A store whose first three rows are in a leaves file only.
fn store(sha256: bool) -> (Store, Arc<LeavesEntry>) {
    let mut store = Store::new();
    store.seal(&[(None, Some("a")), (None, Some("b")), (None, Some("c"))]);
    store.seal(&[(None, Some("d"))]);
    store.set_policy(Policy {
        retain_from: Some(3),
        ..Policy::default()
    });
    let mut facts = at(0);
    facts.sha256 = sha256;
    store.maintain(&facts).unwrap();
    let entry = store
        .manifest
        .current()
        .partition(PARTITION)
        .unwrap()
        .leaves()[0]
        .clone();
    (store, entry)
}

fn open(store: &Store, entry: &LeavesEntry) -> Result<LeavesFile, CompactError> {
    LeavesFile::open(&store.disk, store.manifest.segments_dir(), entry)
}

fn path(store: &Store, entry: &LeavesEntry) -> std::path::PathBuf {
    store
        .manifest
        .segments_dir()
        .join(format!("{}.leaves", entry.name()))
}

#[test]
fn hashes_are_read_as_they_were_written() {
    for sha256 in [false, true] {
        let (store, entry) = store(sha256);
        let file = open(&store, &entry).unwrap();
        file.verify().unwrap();
        let blake3: Vec<Hash> = store.rows[..3].iter().map(super::Owned::hash).collect();
        assert_eq!(file.hashes(0..3).unwrap(), blake3);
        assert_eq!(file.hashes(1..2).unwrap(), &blake3[1..2]);
        assert!(file.hashes(1..4).is_err());
        let other: Vec<Hash> = store.rows[..3].iter().map(super::Owned::sha256).collect();
        match file.sha256(0..3) {
            Ok(found) => assert!(sha256 && found == other),
            Err(error) => assert!(!sha256, "{error}"),
        }
        let all: Vec<Hash> = store.rows.iter().map(super::Owned::hash).collect();
        assert_eq!(store.hashes(WhichTree::Blake3), all);
    }
}

#[test]
fn a_flipped_bit_is_noticed() {
    let (store, entry) = store(true);
    let path = path(&store, &entry);
    let length = store.disk.content(&path).unwrap().len();
    assert_eq!(length, 64 + 3 * 32 * 2 + 4);
    for position in 0..length {
        store.disk.flip_bit(&path, position, position as u32);
        let noticed = open(&store, &entry).and_then(|file| {
            file.hashes(0..3)?;
            file.verify()
        });
        assert!(noticed.is_err(), "byte {position}");
        if let Ok(file) = open(&store, &entry) {
            // A damaged block never gives a hash.
            assert!(
                file.hashes(0..3).is_err() && file.sha256(2..3).is_err(),
                "byte {position}"
            );
        }
        store.disk.flip_bit(&path, position, position as u32);
    }
    open(&store, &entry).unwrap().verify().unwrap();
}

#[test]
fn cut_and_foreign_files_are_refused() {
    let (store, entry) = store(false);
    let path = path(&store, &entry);
    let whole = store.disk.content(&path).unwrap();
    for length in 0..whole.len() {
        store.disk.plant(&path, whole[..length].to_vec());
        assert!(
            matches!(open(&store, &entry), Err(CompactError::Leaves { .. })),
            "{length} bytes"
        );
    }
    store.disk.vanish(&path);
    assert!(matches!(open(&store, &entry), Err(CompactError::Io { .. })));
    // The file of another partition.
    let other = FaultFiles::new(4);
    let write = crate::LeavesToWrite {
        partition: PARTITION + 1,
        base_offset: 0,
        hashes: &[[1; 32]; 3],
        sha256: &[],
    };
    write.write(&other, Path::new("/x"), ("n", 1)).unwrap();
    let bytes = other.read_file(Path::new("/x/n.leaves")).unwrap().unwrap();
    store.disk.plant(&path, bytes);
    assert!(matches!(
        open(&store, &entry),
        Err(CompactError::Leaves { .. })
    ));
}

#[test]
fn large_files_have_many_blocks() {
    let (store, _) = store(false);
    let hashes: Vec<Hash> = (0_u32..5_000)
        .map(|number| *blake3::hash(&number.to_le_bytes()).as_bytes())
        .collect();
    let number = store.manifest.reserve();
    let name = pyralog_manifest::file_name(9, number);
    let write = crate::LeavesToWrite {
        partition: 9,
        base_offset: 0,
        hashes: &hashes,
        sha256: &hashes,
    };
    let leaves = write
        .write(&store.disk, store.manifest.segments_dir(), (&name, number))
        .unwrap();
    let to = pyralog_manifest::Retention {
        first_offset: 5_000,
        leaves: vec![leaves],
        ..Default::default()
    };
    store
        .manifest
        .commit(&[Edit::Retain { partition: 9, to }])
        .unwrap();
    let entry = store.manifest.current().partition(9).unwrap().leaves()[0].clone();
    let file = open(&store, &entry).unwrap();
    assert_eq!(file.hashes(2_040..2_060).unwrap(), &hashes[2_040..2_060]);
    assert_eq!(file.sha256(4_999..5_000).unwrap(), &hashes[4_999..]);
    // Damage in one block leaves the others readable.
    store
        .disk
        .flip_bit(&path(&store, &entry), 64 + 3 * (64 << 10), 0);
    let file = open(&store, &entry).unwrap();
    assert!(file.hashes(0..2_000).is_ok() && file.verify().is_err());
    assert!(file.sha256(2_000..2_001).is_err());
}
