//! The hashes of a tree: keyed BLAKE3 (M1, M2) and RFC 6962 SHA-256 (M3), one at a time and side by side.

use std::sync::LazyLock;

use blake3::IncrementCounter;
use blake3::platform::Platform;
use pyralog_types::{Hash, LeafRecord};
use sha2::{Digest, Sha256};

/// Bytes of a leaf record.
pub type RecordBytes = [u8; LeafRecord::BYTES];

/// How a tree hashes. Implementations hold no state: a type is an algorithm.
pub trait TreeHash: Send + Sync + 'static {
    /// Root of the tree without leaves.
    fn empty() -> Hash;
    /// Hash of one leaf record.
    fn leaf(record: &RecordBytes) -> Hash;
    /// Hash of an inner node.
    fn node(left: &Hash, right: &Hash) -> Hash;

    /// Appends the hash of each record to `out`.
    fn leaves(records: &[RecordBytes], out: &mut Vec<Hash>) {
        out.extend(records.iter().map(Self::leaf));
    }

    /// Appends the parent of each pair of `children` to `out`; a lone last child is left alone.
    fn parents(children: &[Hash], out: &mut Vec<Hash>) {
        out.extend(
            children
                .chunks_exact(2)
                .map(|pair| Self::node(&pair[0], &pair[1])),
        );
    }
}

/// Keyed BLAKE3 (M1, M2).
#[derive(Debug, Clone, Copy)]
pub struct Blake3Tree;

/// SHA-256 as RFC 6962 §2.1 has it (M3).
#[derive(Debug, Clone, Copy)]
pub struct Sha256Tree;

struct Keys {
    leaf: Hash,
    node: Hash,
    leaf_words: [u32; 8],
    node_words: [u32; 8],
    empty: Hash,
    platform: Platform,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let leaf = blake3::derive_key("pyralog v1 leaf", &[]);
    let node = blake3::derive_key("pyralog v1 node", &[]);
    let empty = blake3::derive_key("pyralog v1 empty", &[]);
    Keys {
        leaf,
        node,
        leaf_words: key_words(&leaf),
        node_words: key_words(&node),
        empty: *blake3::keyed_hash(&empty, &[]).as_bytes(),
        platform: Platform::detect(),
    }
});

/// A key as [`keyed_side_by_side`] takes it.
#[must_use]
pub fn key_words(key: &Hash) -> [u32; 8] {
    let mut out = [0; 8];
    for (word, bytes) in out.iter_mut().zip(key.chunks_exact(4)) {
        *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    out
}

// BLAKE3 paper §2.2: domain flags of a chunk that is also the root of its tree.
const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 2;
const ROOT: u8 = 8;
const KEYED_HASH: u8 = 16;

/// Appends the hash of each input to `out`, inputs of whole blocks side by side. Equal to `blake3::keyed_hash` for inputs of 64 to 1,024 bytes (a single
/// chunk of full blocks); the crate offers this path for its benchmarks only, so a test holds the two equal.
pub fn keyed_side_by_side<const N: usize>(
    inputs: &[&[u8; N]],
    key: &[u32; 8],
    out: &mut Vec<Hash>,
) {
    let mut bytes = [0; 32 * LANES];
    for group in inputs.chunks(LANES) {
        let bytes = &mut bytes[..32 * group.len()];
        KEYS.platform.hash_many(
            group,
            key,
            0,
            IncrementCounter::No,
            KEYED_HASH,
            CHUNK_START,
            CHUNK_END | ROOT,
            bytes,
        );
        out.extend(bytes.chunks_exact(32).map(|hash| {
            let mut copy = [0; 32];
            copy.copy_from_slice(hash);
            copy
        }));
    }
}

/// Inputs handed over at once: a multiple of the widest vector (16 lanes), small enough for the stack.
const LANES: usize = 64;

impl TreeHash for Blake3Tree {
    fn empty() -> Hash {
        KEYS.empty
    }

    fn leaf(record: &RecordBytes) -> Hash {
        *blake3::keyed_hash(&KEYS.leaf, record).as_bytes()
    }

    fn node(left: &Hash, right: &Hash) -> Hash {
        let mut both = [0; 64];
        both[..32].copy_from_slice(left);
        both[32..].copy_from_slice(right);
        *blake3::keyed_hash(&KEYS.node, &both).as_bytes()
    }

    fn leaves(records: &[RecordBytes], out: &mut Vec<Hash>) {
        out.reserve(records.len());
        for group in records.chunks(LANES) {
            let mut inputs = [&group[0]; LANES];
            for (input, record) in inputs.iter_mut().zip(group) {
                *input = record;
            }
            keyed_side_by_side(&inputs[..group.len()], &KEYS.leaf_words, out);
        }
    }

    fn parents(children: &[Hash], out: &mut Vec<Hash>) {
        // Two hashes stand back to back: a pair is a 64-byte block as it lies.
        let (blocks, _) = children.as_flattened().as_chunks::<64>();
        out.reserve(blocks.len());
        for group in blocks.chunks(LANES) {
            let mut inputs = [&group[0]; LANES];
            for (input, block) in inputs.iter_mut().zip(group) {
                *input = block;
            }
            keyed_side_by_side(&inputs[..group.len()], &KEYS.node_words, out);
        }
    }
}

impl TreeHash for Sha256Tree {
    fn empty() -> Hash {
        Sha256::digest([]).into()
    }

    fn leaf(record: &RecordBytes) -> Hash {
        Sha256::new()
            .chain_update([0])
            .chain_update(record)
            .finalize()
            .into()
    }

    fn node(left: &Hash, right: &Hash) -> Hash {
        Sha256::new()
            .chain_update([1])
            .chain_update(left)
            .chain_update(right)
            .finalize()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_by_side_equals_the_public_api_at_every_width() {
        for count in 1_u32..=130 {
            let records: Vec<RecordBytes> = (0_u32..count).map(|i| [i as u8; 128]).collect();
            let mut wide = Vec::new();
            Blake3Tree::leaves(&records, &mut wide);
            let narrow: Vec<Hash> = records.iter().map(Blake3Tree::leaf).collect();
            assert_eq!(wide, narrow, "{count} leaves");

            let mut parents = Vec::new();
            Blake3Tree::parents(&narrow, &mut parents);
            let one_by_one: Vec<Hash> = narrow
                .chunks_exact(2)
                .map(|pair| Blake3Tree::node(&pair[0], &pair[1]))
                .collect();
            assert_eq!(parents, one_by_one, "{count} children");
        }
    }
}
