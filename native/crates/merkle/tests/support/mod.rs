//! What tests of the tree share.
#![allow(dead_code, reason = "each test takes what it needs of it")]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pyralog_merkle::{Mapped, NodeFile, TreeHash};
use pyralog_types::Hash;

/// Hashes of `count` records that differ.
pub fn leaves<H: TreeHash>(count: u64) -> Vec<Hash> {
    (0..count)
        .map(|i| {
            let mut record = [0; 128];
            record[..8].copy_from_slice(&i.to_le_bytes());
            H::leaf(&record)
        })
        .collect()
}

/// A node file in memory. Clones are the same file.
#[derive(Clone, Default)]
pub struct Bytes {
    pub bytes: Arc<Mutex<Vec<u8>>>,
    /// Whether there is no room for writes.
    pub full: Arc<AtomicBool>,
}

impl NodeFile for Bytes {
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes.lock().unwrap();
        let part = bytes
            .get(at as usize..at as usize + out.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut all = self.bytes.lock().unwrap();
        let end = at as usize + bytes.len();
        if all.len() < end {
            all.resize(end, 0);
        }
        all[at as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bytes.lock().unwrap().resize(len as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn map(&self, at: u64, len: usize) -> Option<Mapped> {
        // Every second window only, so that both ways of reading are taken.
        let copy = self.bytes.lock().unwrap()[at as usize..at as usize + len].to_vec();
        (at / len as u64)
            .is_multiple_of(2)
            .then(|| Box::new(copy) as Mapped)
    }
}
