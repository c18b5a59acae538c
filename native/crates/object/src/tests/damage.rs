//! Bytes that change on disk.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_log::FaultFiles;

use super::{DIR, ids, noise, open, packs, put};
use crate::{ObjectError, ObjectStore};

fn pack(number: u64) -> PathBuf {
    Path::new(DIR).join(format!("{number}.pack"))
}

#[test]
fn never_returns_bytes_that_are_not_what_was_put() {
    let files = FaultFiles::new(1);
    let store = open(&files);
    let one = put(&store, &noise(1, 90_000));
    let two = put(&store, &noise(2, 90_000));
    store.close();
    let good = files.content(&pack(1)).unwrap();
    for at in (0..good.len()).step_by(4_111) {
        files.flip_bit(&pack(1), at, at as u32);
        let store = open(&files);
        match store.get(&one) {
            Ok(payload) => assert_eq!(payload, noise(1, 90_000), "byte {at}"),
            Err(error) => {
                let codes = ["object/corrupt", "object/missing"];
                assert!(codes.contains(&error.code()), "byte {at}: {error}");
                assert_eq!(store.verify(&ids(&[&one, &two])).unwrap().len(), 1);
            }
        }
        assert_eq!(store.get(&two).unwrap(), noise(2, 90_000));
        files.flip_bit(&pack(1), at, at as u32);
        store.close();
    }
    assert_eq!(open(&files).get(&one).unwrap(), noise(1, 90_000));
}

#[test]
fn names_the_object_and_heals_when_it_is_put_again() {
    let files = FaultFiles::new(1);
    let store = open(&files);
    let reference = put(&store, &noise(1, 150_000));
    files.flip_bit(&pack(1), 70, 3);
    let error = store.get(&reference).unwrap_err();
    assert_eq!(error.code(), "object/corrupt");
    let id = crate::error::hex(&reference.id);
    assert!(error.to_string().contains(&id), "{error}");
    assert_eq!(put(&store, &noise(1, 150_000)), reference);
    assert_eq!(store.get(&reference).unwrap(), noise(1, 150_000));
    store.close();
    assert_eq!(open(&files).get(&reference).unwrap(), noise(1, 150_000));
}

#[test]
fn reads_a_pack_without_its_table() {
    let files = FaultFiles::new(1);
    let store = open(&files);
    let reference = put(&store, &noise(1, 700_000));
    let rest = put(&store, b"another");
    store.close();
    let good = files.content(&pack(1)).unwrap();
    // The table is cut off, in part or whole; the last entry is the recipe.
    let table = good.len() - 24 - 48 * (open(&files).stats().chunks as usize);
    for length in [good.len() - 1, good.len() - 30, table] {
        files.vanish(&pack(1));
        files.plant(&pack(1), good[..length].to_vec());
        let store = open(&files);
        assert_eq!(store.stats().damaged_packs, 1);
        assert_eq!(store.get(&reference).unwrap(), noise(1, 700_000));
        // It is never removed, for there may be more in it than can be read.
        let epoch = store.begin_collection();
        store.sweep(epoch, &ids(&[&rest]), &|| true).unwrap();
        assert!(packs(&files).contains(&"1.pack".to_owned()));
        store.close();
    }
    for length in [0, 7, 16, 20, 60, 100_000] {
        files.vanish(&pack(1));
        files.plant(&pack(1), good[..length].to_vec());
        let store = open(&files);
        assert_eq!(store.get(&reference).unwrap_err().code(), "object/missing");
        assert_eq!(store.get(&rest).unwrap(), b"another");
        store.close();
    }
}

#[test]
fn removes_nothing_while_a_live_recipe_cannot_be_read() {
    let files = FaultFiles::new(1);
    let store = open(&files);
    let live = put(&store, b"live");
    put(&store, &noise(1, 100_000));
    // The recipe stands behind the chunk's 4 bytes and its own head.
    files.flip_bit(&pack(1), 16 + 40 + 4 + 40 + 2, 1);
    let before = store.stats();
    let epoch = store.begin_collection();
    let refused = store.sweep(epoch, &ids(&[&live]), &|| true).unwrap_err();
    assert!(matches!(refused, ObjectError::Corrupt(_)), "{refused}");
    assert_eq!(store.stats(), before);
    assert_eq!(packs(&files), ["1.pack", "2.pack"]);
    // Once it is known to be lost, and no longer named live, it goes.
    let epoch = store.begin_collection();
    store.sweep(epoch, &HashSet::new(), &|| true).unwrap();
    assert_eq!(store.stats().objects, 0);
}

#[test]
fn lets_one_opening_have_the_directory() {
    let files = FaultFiles::new(1);
    let store = open(&files);
    let second = ObjectStore::open(Arc::new(files.clone()), Path::new(DIR));
    assert_eq!(second.err().unwrap().code(), "storage/locked");
    store.close();
    open(&files);
}
