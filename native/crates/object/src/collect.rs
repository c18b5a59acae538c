//! Removing what no record refers to any more (O7, O8).

use std::collections::{HashMap, HashSet};

use crate::index::{Index, Place};
use crate::pack::{self, Entry, PackWriter};
use crate::store::Writing;
use crate::{Name, ObjectError, ObjectStore};

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects that are gone.
    pub objects: u64,
    /// Chunks that are gone.
    pub chunks: u64,
    /// Packs that were removed or rewritten.
    pub packs: u64,
    /// Bytes on disk that were freed.
    pub bytes: u64,
}

impl ObjectStore {
    /// Begins a collection: whatever is put from now on survives it. Then gather what records refer to, and sweep.
    #[must_use]
    pub fn begin_collection(&self) -> u64 {
        let mut index = self.0.index.write();
        index.epoch += 1;
        index.epoch
    }

    /// Removes objects that are not in `live`, were not put since the collection `epoch` began, and are not pinned.
    /// `goes_on` is asked before each pack; a sweep that is given up leaves a store that is whole. Puts wait meanwhile,
    /// reads do not.
    ///
    /// # Errors
    /// [`ObjectError::Corrupt`] or [`ObjectError::Missing`] when the recipe of a live object cannot be read: then nothing is
    /// removed. [`ObjectError::Aborted`], [`ObjectError::DiskFull`], [`ObjectError::Io`], [`ObjectError::Closed`].
    pub fn sweep(
        &self,
        epoch: u64,
        live: &HashSet<Name>,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Swept, ObjectError> {
        let mut writing = self.0.writing.lock();
        if writing.closed {
            return Err(ObjectError::Closed);
        }
        let begun = self.0.index.read().epoch;
        if epoch > begun {
            return Err(ObjectError::Malformed(format!(
                "collection {epoch} did not begin since the store was opened; begin one"
            )));
        }
        let dead = self.bury(epoch, live);
        let needed = match self.needed() {
            Ok(needed) => needed,
            Err(error) => {
                self.0.index.write().recipes.extend(dead);
                return Err(error);
            }
        };
        let mut swept = Swept {
            objects: dead.len() as u64,
            ..Swept::default()
        };
        swept.chunks = self.forget_chunks(&needed);
        let result = self.clean(&mut writing, &mut swept, goes_on);
        if swept.packs > 0 {
            self.0.files.sync_dir(&self.0.dir)?;
        }
        result.map(|()| swept)
    }

    /// Takes dead recipes out of the index. Reading pins first and looks up then, so a reader either finds the recipe and
    /// keeps it, or finds none.
    fn bury(&self, epoch: u64, live: &HashSet<Name>) -> HashMap<Name, Place> {
        let mut index = self.0.index.write();
        let is_dead = |index: &Index, id: &Name| {
            let put = index.put_in.get(id).copied().unwrap_or_default();
            !live.contains(id) && put < epoch && !self.0.is_pinned(id)
        };
        let dead: Vec<Name> = index
            .recipes
            .keys()
            .filter(|id| is_dead(&index, id))
            .copied()
            .collect();
        let mut buried = HashMap::new();
        for id in dead {
            index.put_in.remove(&id);
            if let Some(place) = index.recipes.remove(&id) {
                buried.insert(id, place);
            }
        }
        buried
    }

    /// Chunks of all recipes that are left.
    fn needed(&self) -> Result<HashSet<Name>, ObjectError> {
        let ids: Vec<Name> = self.0.index.read().recipes.keys().copied().collect();
        let mut needed = HashSet::new();
        for id in ids {
            needed.extend(self.recipe(&id)?.chunks.into_iter().map(|(name, _)| name));
        }
        Ok(needed)
    }

    fn forget_chunks(&self, needed: &HashSet<Name>) -> u64 {
        let mut index = self.0.index.write();
        let before = index.chunks.len();
        index.chunks.retain(|name, _| needed.contains(name));
        (before - index.chunks.len()) as u64
    }

    fn clean(
        &self,
        writing: &mut Writing,
        swept: &mut Swept,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(), ObjectError> {
        let mut numbers: Vec<u64> = self.0.index.read().packs.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            let (entries, bytes, held) = {
                let index = self.0.index.read();
                let Some(info) = index.packs.get(&number).filter(|info| !info.damaged) else {
                    continue;
                };
                let live = live_entries(&index, number, &info.entries);
                (live, info.bytes, lengths(&info.entries))
            };
            if !entries.is_empty() && 2 * lengths(&entries) >= held {
                continue;
            }
            if !goes_on() {
                return Err(ObjectError::Aborted);
            }
            let written = self.move_away(writing, &entries)?;
            self.0.index.write().packs.remove(&number);
            self.0.files.remove(&pack::path_of(&self.0.dir, number))?;
            swept.packs += 1;
            swept.bytes += bytes.saturating_sub(written);
        }
        Ok(())
    }

    /// Copies entries into a new pack, durably; returns its length, 0 for no entries.
    fn move_away(&self, writing: &mut Writing, entries: &[Entry]) -> Result<u64, ObjectError> {
        if entries.is_empty() {
            return Ok(0);
        }
        let inner = &self.0;
        let mut pack = PackWriter::create(&*inner.files, &inner.dir, writing.next_pack)?;
        let mut copy = || {
            for entry in entries {
                let bytes = inner.bytes_of(entry.kind, &entry.name)?;
                let bytes =
                    bytes.ok_or_else(|| ObjectError::Missing(crate::error::hex(&entry.name)))?;
                pack.push(entry.kind, entry.name, &bytes)?;
            }
            Ok::<(), ObjectError>(())
        };
        if let Err(error) = copy() {
            pack.abandon(&*inner.files);
            return Err(error);
        }
        self.publish(writing, pack)
    }
}

fn lengths(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| u64::from(entry.length)).sum()
}

/// Entries of a pack that the index reads from it.
fn live_entries(index: &Index, number: u64, entries: &[Entry]) -> Vec<Entry> {
    let here = |entry: &&Entry| {
        let place = Place {
            pack: number,
            position: entry.position,
            length: entry.length,
        };
        index.find(entry.kind, &entry.name) == Some(place)
    };
    entries.iter().filter(here).copied().collect()
}
