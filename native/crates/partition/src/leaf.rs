//! Leaf records as they are filled in and read where they lie (L1).

use pyralog_merkle::RecordBytes;
use pyralog_types::{Hash, ZERO_HASH};

use crate::fingerprint::{HEAD_BYTES, KEY_AT, VALUE_AT};

/// Schema of notary values (L4), the only ones found by digest.
pub(crate) const SCHEMA_NOTARY: u32 = 1;

/// Fills in what a leaf record says beside its content (L1).
pub(crate) fn fill_head(
    block: &mut RecordBytes,
    (timestamp, id): (u64, u64),
    offset: u64,
    epoch: u32,
) {
    block[0..8].copy_from_slice(&timestamp.to_le_bytes());
    block[8..16].copy_from_slice(&id.to_le_bytes());
    block[16..24].copy_from_slice(&offset.to_le_bytes());
    block[24..HEAD_BYTES].copy_from_slice(&epoch.to_le_bytes());
}

/// Hash of a notary value, by which the record is found (Z10); `None` in records of other schemas.
pub(crate) fn digest_of(leaf: &RecordBytes) -> Option<Hash> {
    let schema = u32::from_le_bytes([leaf[28], leaf[29], leaf[30], leaf[31]]);
    (schema == SCHEMA_NOTARY).then(|| hash_at(leaf, VALUE_AT))
}

/// Hash of the key, if there is one.
pub(crate) fn key_of(leaf: &RecordBytes) -> Option<Hash> {
    let hash = hash_at(leaf, KEY_AT);
    (hash != ZERO_HASH).then_some(hash)
}

fn hash_at(leaf: &RecordBytes, at: usize) -> Hash {
    let mut hash = ZERO_HASH;
    hash.copy_from_slice(&leaf[at..at + 32]);
    hash
}
