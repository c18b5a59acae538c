//! Recognises duplicates in state that follows from the log alone (N1–N3).
//!
//! Each record of the window is kept by offset in a queue, and found by fingerprint through a hash table of 32-bit
//! references into it: 40 bytes and 5 to 10 more of table a record, whatever its size.

use hashbrown::HashTable;

use crate::fingerprint::Fingerprint;
use crate::ring::{Remembered, Ring};

/// How long records are remembered (N3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DedupWindow {
    /// Milliseconds of log time.
    pub millis: u64,
    /// Records; at most 2^31, so that references fit in 32 bits.
    pub records: u64,
}

/// Most records a window can hold: references into it are 32 bits wide.
pub const WINDOW_RECORDS_MAX: u64 = 1 << 31;

/// What the window knows of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// Nothing: it is new.
    New,
    /// The record at this offset is the same submission.
    Duplicate { offset: u64, id: u64 },
    /// The record at this offset holds the key with other content.
    Conflict { offset: u64, id: u64 },
}

/// The window and its table.
#[derive(Debug)]
pub(crate) struct Dedup {
    ring: Ring,
    /// Offsets modulo 2^32; unambiguous, because the window is shorter.
    table: HashTable<u32>,
}

impl Dedup {
    pub fn new() -> Self {
        Self {
            ring: Ring::default(),
            table: HashTable::new(),
        }
    }

    /// Forgets records that don't count for the next one: more than `records` behind it, or older than `oldest_offset`,
    /// the first offset whose timestamp is inside the window.
    pub fn expire(&mut self, records: u64, oldest_offset: u64) {
        let bound = self.ring.next().saturating_sub(records).max(oldest_offset);
        while self.ring.first() < bound {
            let Some((offset, record)) = self.ring.pop() else {
                return;
            };
            let found = self
                .table
                .find_entry(hash_of(&record.fingerprint), |&slot| slot == offset as u32);
            if let Ok(entry) = found {
                entry.remove();
            }
        }
    }

    /// Looks a record up.
    pub fn find(&self, record: &Fingerprint) -> Match {
        let ring = &self.ring;
        let found = self.table.find(hash_of(&record.lookup), |&slot| {
            ring.get(self.offset_of(slot)).fingerprint == record.lookup
        });
        let Some(&slot) = found else {
            return Match::New;
        };
        let offset = self.offset_of(slot);
        let held = ring.get(offset);
        let id = held.id;
        if held.content == record.content {
            Match::Duplicate { offset, id }
        } else {
            Match::Conflict { offset, id }
        }
    }

    /// Remembers a new record, which gets the next offset.
    pub fn insert(&mut self, record: &Fingerprint, id: u64) {
        let offset = self.ring.next();
        self.ring.push(Remembered {
            fingerprint: record.lookup,
            content: record.content,
            id,
        });
        let Self { ring, table } = self;
        let first = ring.first();
        table.insert_unique(hash_of(&record.lookup), offset as u32, |&slot| {
            hash_of(&ring.get(widen(slot, first)).fingerprint)
        });
    }

    /// Number of records remembered.
    pub fn len(&self) -> u64 {
        self.ring.next() - self.ring.first()
    }

    fn offset_of(&self, slot: u32) -> u64 {
        widen(slot, self.ring.first())
    }
}

/// The offset, not before `first`, whose lower half is `slot`.
fn widen(slot: u32, first: u64) -> u64 {
    first + u64::from(slot.wrapping_sub(first as u32))
}

/// Fingerprints are uniform already: their first bytes are the table's hash.
fn hash_of(fingerprint: &[u8; 16]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&fingerprint[..8]);
    u64::from_le_bytes(bytes)
}
