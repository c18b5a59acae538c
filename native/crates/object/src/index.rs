//! The index: where the bytes of every name are, in memory.

use std::collections::HashMap;

use crate::Name;
use crate::pack::{Entry, Kind};

/// Where the bytes of a name are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) pack: u64,
    pub(crate) position: u64,
    pub(crate) length: u32,
}

pub(crate) struct PackInfo {
    pub(crate) entries: Vec<Entry>,
    pub(crate) bytes: u64,
    pub(crate) damaged: bool,
}

#[derive(Default)]
pub(crate) struct Index {
    pub(crate) chunks: HashMap<Name, Place>,
    pub(crate) recipes: HashMap<Name, Place>,
    /// Epoch in which an object was last put; those from before the opening are not in it (O7).
    pub(crate) put_in: HashMap<Name, u64>,
    pub(crate) packs: HashMap<u64, PackInfo>,
    pub(crate) epoch: u64,
}

impl Index {
    pub(crate) fn of(&mut self, kind: Kind) -> &mut HashMap<Name, Place> {
        match kind {
            Kind::Chunk => &mut self.chunks,
            Kind::Recipe => &mut self.recipes,
        }
    }

    pub(crate) fn find(&self, kind: Kind, name: &Name) -> Option<Place> {
        match kind {
            Kind::Chunk => self.chunks.get(name).copied(),
            Kind::Recipe => self.recipes.get(name).copied(),
        }
    }

    /// Adds a pack; what it holds is read from it from now on.
    pub(crate) fn add(&mut self, number: u64, info: PackInfo) {
        for entry in &info.entries {
            let place = Place {
                pack: number,
                position: entry.position,
                length: entry.length,
            };
            self.of(entry.kind).insert(entry.name, place);
        }
        self.packs.insert(number, info);
    }
}
