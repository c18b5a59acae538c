//! The leaf record: what a log position commits to (docs/spec/record.md L1, L2).

use crate::{Hash, TypeError, ZERO_HASH, u32_at, u64_at};

/// Largest timestamp, offset and size: what a JavaScript number holds exactly (L2).
pub const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Ids from here on are registered schemas; those below are of the formats themselves (J1).
pub const FIRST_SCHEMA: u32 = 256;

/// One record as the tree sees it: hashes of its parts, never their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafRecord {
    /// Unix milliseconds, claimed by the log's leader. Never decreases within a partition (L5).
    pub timestamp: u64,
    /// Scarab id. Strictly increases within a partition (L5).
    pub scarab_id: u64,
    /// Index of the leaf in its partition.
    pub offset: u64,
    /// Raft term that activated the record; 1 for an unreplicated log.
    pub epoch: u32,
    /// 0 = opaque bytes, 1 = notary value.
    pub schema_id: u32,
    /// BLAKE3 of the key, or zeros when there is none.
    pub key_hash: Hash,
    /// BLAKE3 of the value.
    pub value_hash: Hash,
    /// BLAKE3 of the headers' bytes, or zeros when there are none.
    pub headers_hash: Hash,
}

impl LeafRecord {
    /// Length of the canonical form: two BLAKE3 blocks.
    pub const BYTES: usize = 128;

    /// The canonical form (L1).
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[0..8].copy_from_slice(&self.timestamp.to_le_bytes());
        out[8..16].copy_from_slice(&self.scarab_id.to_le_bytes());
        out[16..24].copy_from_slice(&self.offset.to_le_bytes());
        out[24..28].copy_from_slice(&self.epoch.to_le_bytes());
        out[28..32].copy_from_slice(&self.schema_id.to_le_bytes());
        out[32..64].copy_from_slice(&self.key_hash);
        out[64..96].copy_from_slice(&self.value_hash);
        out[96..128].copy_from_slice(&self.headers_hash);
        out
    }

    /// Reads the canonical form.
    ///
    /// # Errors
    /// [`TypeError::Record`] on another length or a value that L2 excludes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TypeError> {
        let bytes: &[u8; Self::BYTES] = bytes
            .try_into()
            .map_err(|_| TypeError::Record("is not 128 bytes long"))?;
        let record = Self {
            timestamp: u64_at(bytes, 0),
            scarab_id: u64_at(bytes, 8),
            offset: u64_at(bytes, 16),
            epoch: u32_at(bytes, 24),
            schema_id: u32_at(bytes, 28),
            key_hash: hash_at(bytes, 32),
            value_hash: hash_at(bytes, 64),
            headers_hash: hash_at(bytes, 96),
        };
        if record.timestamp > SAFE_INTEGER_MAX || record.offset > SAFE_INTEGER_MAX {
            return Err(TypeError::Record("timestamp or offset above 2^53 - 1"));
        }
        if record.epoch == 0 {
            return Err(TypeError::Record("epoch 0"));
        }
        Ok(record)
    }
}

/// Hash of an optional part: zeros stand for "absent", which no preimage reaches.
#[must_use]
pub fn part_hash(part: Option<&[u8]>) -> Hash {
    part.map_or(ZERO_HASH, |bytes| *blake3::hash(bytes).as_bytes())
}

fn hash_at(bytes: &[u8; 128], at: usize) -> Hash {
    let mut field = [0; 32];
    field.copy_from_slice(&bytes[at..at + 32]);
    field
}
