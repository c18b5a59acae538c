//! The store against crashes, damage and readers; references against attacks.
#![allow(clippy::unwrap_used)]

mod collect;
mod crash;
mod damage;
mod files;
mod payloads;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use pyralog_log::FaultFiles;

use crate::{Name, ObjectReference, ObjectStore};

const DIR: &str = "/objects";

fn open(files: &FaultFiles) -> ObjectStore {
    ObjectStore::open(Arc::new(files.clone()), Path::new(DIR)).unwrap()
}

/// Bytes that nothing repeats in, a function of the seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// Stores without keeping the pin.
fn put(store: &ObjectStore, payload: &[u8]) -> ObjectReference {
    store.put(payload).unwrap().0
}

fn ids(references: &[&ObjectReference]) -> HashSet<Name> {
    references.iter().map(|reference| reference.id).collect()
}

fn packs(files: &FaultFiles) -> Vec<String> {
    use pyralog_log::FileLayer;
    let mut names = files.list(Path::new(DIR)).unwrap();
    names.retain(|name| name != "lock");
    names.sort();
    names
}
