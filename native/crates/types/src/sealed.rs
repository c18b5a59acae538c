//! A record on its way from the log into a segment.

use crate::Hash;

/// A row to be sealed whose hashes are known: nothing of its leaf record needs to be looked at.
#[derive(Debug, Clone, Copy)]
pub struct SealedRow<'a> {
    /// Index of the leaf in its partition.
    pub offset: u64,
    /// Raft term that activated it.
    pub epoch: u32,
    /// Unix milliseconds.
    pub timestamp: u64,
    /// Scarab id.
    pub scarab_id: u64,
    /// 0 = opaque bytes, 1 = notary value, others by the schema registry.
    pub schema_id: u32,
    /// The leaf's hash in the BLAKE3 tree (M2).
    pub leaf_hash: Hash,
    /// First 8 bytes of the BLAKE3 of the key, if there is one (H8).
    pub key_hash: Option<u64>,
    /// The same of a value of schema 1.
    pub value_hash: Option<u64>,
    /// The key, if the record has one.
    pub key: Option<&'a [u8]>,
    /// Encoded headers (L3), if the record has any.
    pub headers: Option<&'a [u8]>,
    /// The value.
    pub value: &'a [u8],
}
