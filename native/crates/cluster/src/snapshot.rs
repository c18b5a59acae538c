//! The whole state as bytes (GR2): canonical, so that replicas can compare them, with a version and a checksum.

use crate::codec::{Reader, Wire};
use crate::state::ClusterState;

const MAGIC: [u8; 8] = *b"PYRLCLS\x01";
/// Version of the layout.
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 12;
const SUM_BYTES: usize = 32;

/// Why bytes are no state of a cluster group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Written by a newer version.
    #[error("a cluster state of version {0}; this node reads version {VERSION}: update it")]
    Newer(u32),
    /// The bytes are not what was written.
    #[error("a cluster state that {0}; fetch it from another member again")]
    Corrupt(&'static str),
}

impl ClusterState {
    /// Magic, version, the state, BLAKE3 of all before.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        VERSION.put(&mut out);
        self.put(&mut out);
        let sum = blake3::hash(&out);
        out.extend_from_slice(sum.as_bytes());
        out
    }

    /// Reads what [`ClusterState::encode`] made.
    ///
    /// # Errors
    /// [`SnapshotError`]; a state that contradicts itself is damage too.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let corrupt = SnapshotError::Corrupt;
        let (kept, sum) = bytes
            .split_last_chunk::<SUM_BYTES>()
            .ok_or(corrupt("ends too early"))?;
        if kept.len() < HEAD_BYTES || kept[..8] != MAGIC {
            return Err(corrupt("begins otherwise than one does"));
        }
        if blake3::hash(kept) != *sum {
            return Err(corrupt("does not have the checksum it was written with"));
        }
        let mut from = Reader::new(&kept[8..]);
        let version = u32::get(&mut from).map_err(corrupt)?;
        if version != VERSION {
            return Err(SnapshotError::Newer(version));
        }
        let state = Self::get(&mut from).map_err(corrupt)?;
        from.end().map_err(corrupt)?;
        state.consistent().map_err(corrupt)?;
        Ok(state)
    }

    /// BLAKE3 that stands at the end of [`ClusterState::encode`]: equal on replicas that applied the same.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let bytes = self.encode();
        bytes.last_chunk().copied().unwrap_or_default()
    }
}
