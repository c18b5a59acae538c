//! Figures of an open store.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ObjectStore;

/// Since the opening.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) puts: AtomicU64,
    pub(crate) put_bytes: AtomicU64,
    pub(crate) stored_bytes: AtomicU64,
    pub(crate) known_chunks: AtomicU64,
    pub(crate) known_bytes: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) read_bytes: AtomicU64,
    pub(crate) damage: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

/// Figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectStats {
    /// Objects, the dead that were not swept yet among them.
    pub objects: u64,
    /// Chunks, each stored once.
    pub chunks: u64,
    /// Pack files.
    pub packs: u64,
    /// Packs whose table is damaged.
    pub damaged_packs: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Payloads put since the opening, those that were there already among them.
    pub puts: u64,
    /// Their bytes.
    pub put_bytes: u64,
    /// Bytes that were written for them.
    pub stored_bytes: u64,
    /// Chunks of them that were there already.
    pub known_chunks: u64,
    /// Their bytes.
    pub known_bytes: u64,
    /// Payloads and parts of payloads read since the opening.
    pub reads: u64,
    /// Their bytes.
    pub read_bytes: u64,
    /// Reads that met damage, or a chunk that is gone.
    pub damage: u64,
}

impl ObjectStore {
    /// Figures.
    #[must_use]
    pub fn stats(&self) -> ObjectStats {
        let index = self.0.index.read();
        let counters = &self.0.counters;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ObjectStats {
            objects: index.recipes.len() as u64,
            chunks: index.chunks.len() as u64,
            packs: index.packs.len() as u64,
            damaged_packs: index.packs.values().filter(|pack| pack.damaged).count() as u64,
            bytes: index.packs.values().map(|pack| pack.bytes).sum(),
            puts: get(&counters.puts),
            put_bytes: get(&counters.put_bytes),
            stored_bytes: get(&counters.stored_bytes),
            known_chunks: get(&counters.known_chunks),
            known_bytes: get(&counters.known_bytes),
            reads: get(&counters.reads),
            read_bytes: get(&counters.read_bytes),
            damage: get(&counters.damage),
        }
    }
}
