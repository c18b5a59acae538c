//! The layer that loses what was not synced. A fresh layer over the same directory stands for the next process.

use std::path::Path;

use crate::{FileLayer, LoseUnsynced, OpenMode};

fn read(layer: &dyn FileLayer, path: &Path) -> Option<Vec<u8>> {
    layer.read_file(path).unwrap()
}

#[test]
fn contents_wait_for_the_sync_of_the_file_and_names_for_that_of_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let layer = LoseUnsynced::new();
    let file = layer.open(&path, OpenMode::CreateNew).unwrap();
    file.write_all_at(b"hello", 5000).unwrap();
    file.sync_data().unwrap();
    assert_eq!(read(&LoseUnsynced::new(), &path), None);
    assert!(LoseUnsynced::new().list(dir.path()).unwrap().is_empty());
    assert_eq!(layer.list(dir.path()).unwrap(), ["a"]);
    layer.sync_dir(dir.path()).unwrap();
    assert_eq!(
        read(&LoseUnsynced::new(), &path).unwrap()[5000..],
        *b"hello"
    );

    file.write_all_at(b"J", 5000).unwrap();
    file.write_all_at(&[1; 9000], 5005).unwrap();
    assert_eq!(read(&layer, &path).unwrap()[4999..5006], *b"\0Jello\x01");
    assert_eq!(
        read(&LoseUnsynced::new(), &path).unwrap()[5000..],
        *b"hello"
    );
    file.sync_data().unwrap();
    assert_eq!(read(&LoseUnsynced::new(), &path), read(&layer, &path));
}

#[test]
fn lengths_wait_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    std::fs::write(&path, [7; 10_000]).unwrap();
    let layer = LoseUnsynced::new();
    let file = layer.open(&path, OpenMode::ReadWrite).unwrap();
    file.set_len(5000).unwrap();
    file.set_len(9000).unwrap();
    let seen = read(&layer, &path).unwrap();
    assert_eq!((seen.len(), seen[4999], seen[5000]), (9000, 7, 0));
    assert_eq!(std::fs::read(&path).unwrap(), [7; 10_000]);
    file.sync_data().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), seen);
}

#[test]
fn renames_and_removals_wait_for_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    std::fs::write(&a, b"new").unwrap();
    std::fs::write(&b, b"old").unwrap();
    let layer = LoseUnsynced::new();
    layer.rename(&a, &b).unwrap();
    assert_eq!(
        (read(&layer, &a), read(&layer, &b)),
        (None, Some(b"new".to_vec()))
    );
    assert_eq!(read(&LoseUnsynced::new(), &b), Some(b"old".to_vec()));
    layer.sync_dir(dir.path()).unwrap();
    assert_eq!(read(&LoseUnsynced::new(), &b), Some(b"new".to_vec()));
    layer.remove(&b).unwrap();
    assert_eq!(read(&layer, &b), None);
    assert!(layer.list(dir.path()).unwrap().is_empty());
    assert_eq!(read(&LoseUnsynced::new(), &b), Some(b"new".to_vec()));
    layer.sync_dir(dir.path()).unwrap();
    assert!(!b.exists());
}

#[test]
fn a_replaced_file_is_the_old_one_or_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let layer = LoseUnsynced::new();
    layer.replace_file(&path, b"one").unwrap();
    layer.replace_file(&path, b"two").unwrap();
    assert_eq!(read(&LoseUnsynced::new(), &path), Some(b"two".to_vec()));
    assert!(layer.rename(&path, Path::new("/elsewhere")).is_err());
}

#[test]
fn a_stopped_disk_syncs_once_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (path, stop) = (dir.path().join("a"), dir.path().join(".stop-syncs"));
    let layer = LoseUnsynced::new();
    let file = layer.open(&path, OpenMode::CreateNew).unwrap();
    layer.sync_dir(dir.path()).unwrap();
    file.write_all_at(b"hello", 0).unwrap();
    std::fs::write(&stop, "").unwrap();
    assert_eq!(layer.list(dir.path()).unwrap(), ["a"]);
    std::thread::scope(|scope| {
        let syncing = scope.spawn(|| file.sync_data());
        // Not a matter of time: before the file is gone nothing may have reached the disk.
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        std::fs::remove_file(&stop).unwrap();
        syncing.join().unwrap().unwrap();
    });
    assert_eq!(std::fs::read(&path).unwrap(), b"hello");
}
