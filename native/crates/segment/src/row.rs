//! Rows on their way in and out of a segment.

use std::borrow::Cow;

use pyralog_types::{Hash, LeafRecord, part_hash};

/// A row to be sealed.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The leaf record (L1); its numbers become columns, its hashes are made again from the parts when it is read.
    pub leaf: &'a [u8; LeafRecord::BYTES],
    /// The leaf's hash in the BLAKE3 tree (M2).
    pub leaf_hash: Hash,
    /// The key, if the record has one.
    pub key: Option<&'a [u8]>,
    /// Encoded headers (L3), if the record has any.
    pub headers: Option<&'a [u8]>,
    /// The value.
    pub value: &'a [u8],
}

/// A row of a sealed segment. Hot segments lend their bytes, cold ones hand out copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow<'a> {
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
    /// The key, if any.
    pub key: Option<Cow<'a, [u8]>>,
    /// Encoded headers, if any.
    pub headers: Option<Cow<'a, [u8]>>,
    /// The value.
    pub value: Cow<'a, [u8]>,
    /// The leaf's hash in the BLAKE3 tree, as stored.
    pub leaf_hash: Hash,
}

impl SegmentRow<'_> {
    /// The leaf record, with the hashes of key, value and headers made from their bytes.
    #[must_use]
    pub fn leaf(&self) -> LeafRecord {
        LeafRecord {
            timestamp: self.timestamp,
            scarab_id: self.scarab_id,
            offset: self.offset,
            epoch: self.epoch,
            schema_id: self.schema_id,
            key_hash: part_hash(self.key.as_deref()),
            value_hash: part_hash(Some(&self.value)),
            headers_hash: part_hash(self.headers.as_deref()),
        }
    }

    /// Bytes of key, headers and value.
    #[must_use]
    pub fn raw_bytes(&self) -> usize {
        let length = |part: &Option<Cow<'_, [u8]>>| part.as_ref().map_or(0, |bytes| bytes.len());
        length(&self.key) + length(&self.headers) + self.value.len()
    }
}
