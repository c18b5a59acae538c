//! The state of one partition, and what it tells of itself.

use std::sync::Arc;

use pyralog_types::Hash;

use crate::dedup::{Dedup, DedupWindow};
use crate::hashes::HashIndex;
use crate::index::{EntryIndex, EntryPlace};
use crate::runs::Runs;
use crate::seen::Seen;
use crate::trees::Trees;

/// The replicated state of one partition, with the indexes that follow from it.
pub struct Partition {
    pub(crate) trees: Trees,
    pub(crate) dedup: Dedup,
    pub(crate) window: DedupWindow,
    pub(crate) index: EntryIndex,
    /// Values of notary records, and keys, of the open part.
    pub(crate) digests: HashIndex,
    pub(crate) keys: HashIndex,
    pub(crate) size: u64,
    pub(crate) last_timestamp: u64,
    pub(crate) last_id: u64,
    /// Times of the records in the window.
    pub(crate) runs: Runs,
    /// Size at the newest seal point, and bytes of the proposals since (Z2).
    pub(crate) sealed_from: u64,
    pub(crate) open_bytes: u64,
}

impl Partition {
    /// A partition without records. `trees` may hold leaves already, those of the entries about to be replayed.
    #[must_use]
    pub fn create(trees: Trees, window: DedupWindow) -> Self {
        Self {
            trees,
            dedup: Dedup::new(),
            window,
            index: EntryIndex::default(),
            digests: HashIndex::default(),
            keys: HashIndex::default(),
            size: 0,
            last_timestamp: 0,
            last_id: 0,
            runs: Runs::default(),
            sealed_from: 0,
            open_bytes: 0,
        }
    }

    /// Records applied.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Size at the newest seal point (Z2).
    #[must_use]
    pub fn sealed_from(&self) -> u64 {
        self.sealed_from
    }

    /// Log time of the newest entry, Unix milliseconds; 0 when there is none.
    #[must_use]
    pub fn last_timestamp(&self) -> u64 {
        self.last_timestamp
    }

    /// Largest id given, also to records that turned out duplicates; 0 when there is none.
    #[must_use]
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// The window in force.
    #[must_use]
    pub fn window(&self) -> DedupWindow {
        self.window
    }

    /// Files that hold submissions of the window, to be checked behind an opening.
    #[must_use]
    pub fn seen(&self) -> Vec<Arc<Seen>> {
        self.dedup.seen().map(Arc::clone).collect()
    }

    /// Submissions remembered now.
    #[must_use]
    pub fn remembered(&self) -> u64 {
        self.dedup.len()
    }

    /// The trees.
    #[must_use]
    pub fn trees(&self) -> &Trees {
        &self.trees
    }

    /// The trees, to sync or replace them.
    pub fn trees_mut(&mut self) -> &mut Trees {
        &mut self.trees
    }

    /// The log entry that brought a record.
    #[must_use]
    pub fn place_of_offset(&self, offset: u64) -> Option<EntryPlace> {
        self.index
            .by_offset(offset)
            .map(|meta| self.index.place(meta))
    }

    /// BLAKE3 leaves of an entry's records, while they are in memory: as long as no segment has them.
    #[must_use]
    pub fn leaves_of(&self, place: &EntryPlace) -> Option<Vec<Hash>> {
        let mut leaves = Vec::with_capacity(place.count as usize);
        let range = place.base_offset..place.base_offset + u64::from(place.count);
        let blake3 = &self.trees.blake3;
        blake3.copy_held(range, &mut leaves).then_some(leaves)
    }

    /// The only log entry that can hold an id.
    #[must_use]
    pub fn place_of_id(&self, id: u64) -> Option<EntryPlace> {
        self.index.by_id(id).map(|meta| self.index.place(meta))
    }

    /// Offset of the first record that is not sealed whose time is not before `ms`.
    #[must_use]
    pub fn open_offset_of_time(&self, ms: u64) -> Option<u64> {
        self.index.by_time(ms).map(|meta| meta.base_offset)
    }

    /// Notary records that are not sealed, by value hash (Z10); candidates that the caller checks.
    #[must_use]
    pub fn digests(&self) -> &HashIndex {
        &self.digests
    }

    /// Records with a key that are not sealed, by the key's hash (Z10); candidates that the caller checks.
    #[must_use]
    pub fn keys(&self) -> &HashIndex {
        &self.keys
    }
}
