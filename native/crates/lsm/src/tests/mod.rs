//! The store against a model, and against what disks do to its files.
#![allow(clippy::unwrap_used)]

mod damage;
mod model;
mod threads;

use std::path::Path;

use crate::{Lsm, LsmError, LsmOptions, Ops, Range};

fn options() -> LsmOptions {
    LsmOptions {
        cache_bytes: 1 << 20,
        reserve_bytes: 0,
        ..LsmOptions::default()
    }
}

fn open(dir: &Path) -> Result<Lsm, LsmError> {
    Lsm::open(dir, &options())
}

type Entry = (Vec<u8>, Vec<u8>);

/// Everything in a range, by small chunks.
fn walk(snapshot: &crate::Snapshot, range: Range) -> Result<Vec<Entry>, LsmError> {
    let cursor = snapshot.range(range);
    let mut entries = Vec::new();
    loop {
        let chunk = cursor.chunk(40)?;
        let mut rest = &chunk[1..];
        while !rest.is_empty() {
            let key = take(&mut rest).unwrap();
            entries.push((key, take(&mut rest).unwrap()));
        }
        if chunk[0] == 1 {
            return Ok(entries);
        }
    }
}

fn take(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = bytes.split_first_chunk::<4>().unwrap();
    let length = u32::from_le_bytes(*length);
    if length == u32::MAX {
        *bytes = rest;
        return None;
    }
    let (taken, rest) = rest.split_at(length as usize);
    *bytes = rest;
    Some(taken.to_vec())
}

/// Writes everything in memory into a table.
fn flush(store: &Lsm) {
    store.flush_for_test().unwrap();
}

fn put(key: &[u8], value: &[u8]) -> Vec<u8> {
    Ops::default().put(key, value).packed()
}
