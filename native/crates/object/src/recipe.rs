//! How a payload is put together (O1, O2).

use crate::error::hex;
use crate::{Name, ObjectError};

/// Shortest chunk but for the last (O1).
pub const CHUNK_BYTES_MIN: u32 = 65_536;
/// What the cutter aims at.
pub const CHUNK_BYTES_AVERAGE: u32 = 262_144;
/// Longest chunk.
pub const CHUNK_BYTES_MAX: u32 = 1_048_576;

const HEAD_BYTES: usize = 12;
const STEP_BYTES: usize = 36;

/// The chunks of a payload, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) length: u64,
    pub(crate) chunks: Vec<(Name, u32)>,
}

impl Recipe {
    pub(crate) fn push(&mut self, name: Name, length: u32) {
        self.length += u64::from(length);
        self.chunks.push((name, length));
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + STEP_BYTES * self.chunks.len());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&(self.chunks.len() as u32).to_le_bytes());
        for (name, length) in &self.chunks {
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(name);
        }
        bytes
    }

    /// Reads the recipe of an object; its bytes were checked against the id, so whatever is wrong was written wrong.
    pub(crate) fn decode(id: &Name, bytes: &[u8]) -> Result<Self, ObjectError> {
        Self::parse(bytes).ok_or_else(|| {
            ObjectError::Malformed(format!("the recipe of object {} breaks rule O2", hex(id)))
        })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let (count, steps) = rest.split_first_chunk::<4>()?;
        let count = u32::from_le_bytes(*count) as usize;
        if steps.len() != count.checked_mul(STEP_BYTES)? {
            return None;
        }
        let mut recipe = Self::default();
        for step in steps.chunks_exact(STEP_BYTES) {
            let (length, name) = step.split_first_chunk::<4>()?;
            let length = u32::from_le_bytes(*length);
            if !(1..=CHUNK_BYTES_MAX).contains(&length) {
                return None;
            }
            recipe.push(name.try_into().ok()?, length);
        }
        (recipe.length == u64::from_le_bytes(*length)).then_some(recipe)
    }
}
