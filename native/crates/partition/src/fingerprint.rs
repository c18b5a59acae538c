//! What tells submissions apart: 128 bits of keyed BLAKE3 over (submitter, content) and (submitter, idempotency key) (N1).
//!
//! A fingerprint hashes one block pair of 128 bytes, laid out like the leaf record: the 28 bytes that a leaf keeps for
//! time, id, offset and epoch hold the submitter's tag and a domain byte, the other 100 the content. So the block becomes
//! the leaf record by filling in its head, and many are hashed side by side.

use std::sync::LazyLock;

use blake3::IncrementCounter;
use blake3::platform::Platform;
use pyralog_merkle::RecordBytes;
use pyralog_types::ZERO_HASH;
use pyralog_types::batch::{Entry, Proposal, RecordRef, ValueRef};

use crate::values::hash_values;

/// Bytes of a leaf record in front of its content.
pub(crate) const HEAD_BYTES: usize = 28;
/// Domain of fingerprints of content.
const DOMAIN_CONTENT: u8 = 0;
/// Domain of fingerprints of idempotency keys: a keyed and an unkeyed submission never match (N1).
const DOMAIN_KEY: u8 = 1;

static KEY: LazyLock<([u32; 8], Platform)> = LazyLock::new(|| {
    let key = blake3::derive_key("pyralog v1 fingerprint", &[]);
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(key.chunks_exact(4)) {
        *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    (words, Platform::detect())
});

/// By what a record is found, and by what a duplicate is told from a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// Scope and idempotency key, or scope and content when there is no key.
    pub lookup: [u8; 16],
    /// Scope and content.
    pub content: [u8; 16],
}

impl Fingerprint {
    /// Whether the submission had an idempotency key: without one it is found by its content.
    pub fn is_keyed(&self) -> bool {
        self.lookup != self.content
    }
}

/// An entry's records, hashed: everything about them that does not depend on the partition's state.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Per record 128 bytes whose last 100 are the leaf record's.
    pub(crate) blocks: Vec<RecordBytes>,
    pub(crate) fingerprints: Vec<Fingerprint>,
}

impl Prepared {
    /// Hashes the records of an entry, side by side where they are alike, without any lock.
    #[must_use]
    pub fn of(entry: &Entry<'_>) -> Self {
        Self::of_proposal(&entry.proposal)
    }

    /// The same from the bytes of an entry; `None` when they hold no proposal.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        Entry::parse(bytes).ok().map(|entry| Self::of(&entry))
    }

    /// Hashes the records of a proposal, which may be done before its turn in the log has come.
    #[must_use]
    pub fn of_proposal(proposal: &Proposal<'_>) -> Self {
        let mut prepared = Self::default();
        prepared.refill(proposal);
        prepared
    }

    /// The same in the memory of a proposal before: memory that is new each time costs as much as the hashing.
    pub fn refill(&mut self, proposal: &Proposal<'_>) {
        let count = proposal.len();
        self.blocks.clear();
        self.blocks.reserve(count);
        self.fingerprints.clear();
        self.fingerprints.reserve(count);
        let mut records = proposal.records();
        let mut group = Group::default();
        while self.blocks.len() < count {
            let from = self.blocks.len();
            group.take(records.by_ref().take(GROUP), &mut self.blocks);
            group.hash_into(&mut self.blocks[from..]);
            let fingerprints = &mut self.fingerprints;
            side_by_side(&self.blocks[from..], |hash| {
                fingerprints.push(Fingerprint {
                    lookup: hash,
                    content: hash,
                });
            });
            group.look_up_by_key(&mut self.fingerprints[from..]);
        }
    }

    /// Bytes of memory it holds, in use or not.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<RecordBytes>()
            + self.fingerprints.capacity() * size_of::<Fingerprint>()
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

/// Where a leaf record has the hashes of its parts (L1).
pub(crate) const KEY_AT: usize = 32;
pub(crate) const VALUE_AT: usize = 64;
const HEADERS_AT: usize = 96;

/// Records hashed together: many for the vectors, few enough to stay in the nearest cache meanwhile.
const GROUP: usize = 256;

/// What has to be hashed of a group of records.
#[derive(Default)]
struct Group<'a> {
    tag: SubmitterTag<'a>,
    values: Vec<ValueRef<'a>>,
    /// Keys and headers that are there, and where the hash of each goes.
    parts: Vec<ValueRef<'a>>,
    places: Vec<(u32, usize)>,
    /// Blocks of those with an idempotency key, and whose they are.
    lookups: Vec<RecordBytes>,
    keyed: Vec<u32>,
}

impl<'a> Group<'a> {
    /// Takes records in, and appends the block of each but for its hashes.
    fn take(
        &mut self,
        records: impl Iterator<Item = RecordRef<'a>>,
        blocks: &mut Vec<RecordBytes>,
    ) {
        self.values.clear();
        self.parts.clear();
        self.places.clear();
        for (number, record) in (0_u32..).zip(records) {
            blocks.push([0; 128]); // and filled in where it lies
            let Some(block) = blocks.last_mut() else {
                continue;
            };
            block[..27].copy_from_slice(self.tag.of(record.submitter));
            block[27] = DOMAIN_CONTENT;
            if let Some(key) = record.idempotency_key {
                let mut lookup = *block;
                lookup[27] = DOMAIN_KEY;
                lookup[32..64].copy_from_slice(blake3::hash(key).as_bytes());
                self.lookups.push(lookup);
                self.keyed.push(number);
            }
            block[28..32].copy_from_slice(&record.schema_id.to_le_bytes());
            for (at, part) in [(KEY_AT, record.key), (HEADERS_AT, record.headers)] {
                if let Some(part) = part {
                    self.parts.push(ValueRef::Bytes(part));
                    self.places.push((number, at));
                }
            }
            self.values.push(record.value);
        }
    }

    fn hash_into(&self, blocks: &mut [RecordBytes]) {
        hash_values(&self.values, |place, hash| {
            blocks[place][VALUE_AT..VALUE_AT + 32].copy_from_slice(&hash);
        });
        hash_values(&self.parts, |number, hash| {
            let (record, at) = self.places[number];
            blocks[record as usize][at..at + 32].copy_from_slice(&hash);
        });
    }

    /// Replaces what those with an idempotency key are found by.
    fn look_up_by_key(&mut self, fingerprints: &mut [Fingerprint]) {
        let mut keyed = self.keyed.drain(..);
        side_by_side(&self.lookups, |hash| {
            if let Some(number) = keyed.next() {
                fingerprints[number as usize].lookup = hash;
            }
        });
        drop(keyed);
        self.lookups.clear();
    }
}

/// First 27 bytes of BLAKE3 of the submitter, remembered because neighbours often share it.
#[derive(Default)]
struct SubmitterTag<'a> {
    submitter: Option<&'a [u8]>,
    tag: [u8; 32],
}

impl<'a> SubmitterTag<'a> {
    fn of(&mut self, submitter: &'a [u8]) -> &[u8] {
        if self.submitter != Some(submitter) {
            self.tag = if submitter.is_empty() {
                ZERO_HASH
            } else {
                *blake3::hash(submitter).as_bytes()
            };
            self.submitter = Some(submitter);
        }
        &self.tag[..27]
    }
}

/// Inputs handed over at once: a multiple of the widest vector (16 lanes).
const LANES: usize = 64;

/// Equal to `keyed_hash` of each block, cut to 128 bits; a test holds the two equal.
fn side_by_side(blocks: &[RecordBytes], mut take: impl FnMut([u8; 16])) {
    const KEYED_HASH_START_END_ROOT: (u8, u8, u8) = (16, 1, 2 | 8); // BLAKE3 paper §2.2
    let (key, platform) = &*KEY;
    let (flags, start, end) = KEYED_HASH_START_END_ROOT;
    let mut out = [0; 32 * LANES];
    for group in blocks.chunks(LANES) {
        let mut inputs = [&group[0]; LANES];
        for (input, block) in inputs.iter_mut().zip(group) {
            *input = block;
        }
        let out = &mut out[..32 * group.len()];
        let inputs = &inputs[..group.len()];
        platform.hash_many(inputs, key, 0, IncrementCounter::No, flags, start, end, out);
        for hash in out.chunks_exact(32) {
            let mut short = [0; 16];
            short.copy_from_slice(&hash[..16]);
            take(short);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_by_side_equals_the_public_api() {
        let key = blake3::derive_key("pyralog v1 fingerprint", &[]);
        for count in 1..=130_usize {
            let blocks: Vec<RecordBytes> = (0..count).map(|i| [i as u8; 128]).collect();
            let mut hashes = Vec::new();
            side_by_side(&blocks, |hash| hashes.push(hash));
            for (block, hash) in blocks.iter().zip(&hashes) {
                assert_eq!(hash[..], blake3::keyed_hash(&key, block).as_bytes()[..16]);
            }
            assert_eq!(hashes.len(), count);
        }
    }
}
