//! The hashes of the tree (U1, U2).

use std::sync::LazyLock;

use pyralog_merkle::{key_words, keyed_side_by_side};

/// 32 bytes of BLAKE3.
pub type Hash = [u8; 32];

/// Bits of a path, hence the deepest level a leaf can stand on.
pub const BITS: usize = 256;

struct Keys {
    value: Hash,
    leaf: Hash,
    node: Hash,
    leaf_words: [u32; 8],
    node_words: [u32; 8],
    empty: Hash,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let empty = blake3::derive_key("pyralog v1 state empty", &[]);
    let leaf = blake3::derive_key("pyralog v1 state leaf", &[]);
    let node = blake3::derive_key("pyralog v1 state node", &[]);
    Keys {
        value: blake3::derive_key("pyralog v1 state value", &[]),
        leaf,
        node,
        leaf_words: key_words(&leaf),
        node_words: key_words(&node),
        empty: *blake3::keyed_hash(&empty, &[]).as_bytes(),
    }
});

/// Root of the tree without keys, and of every empty subtree (U2).
#[must_use]
pub fn empty_root() -> Hash {
    KEYS.empty
}

/// Where a key stands (U1).
pub fn path_of(key: &[u8]) -> Hash {
    *blake3::hash(key).as_bytes()
}

/// What a leaf commits to of its value (U1).
pub fn value_hash(value: &[u8]) -> Hash {
    *blake3::keyed_hash(&KEYS.value, value).as_bytes()
}

/// Hash of a leaf (U2).
pub fn leaf_hash(path: &Hash, value: &Hash) -> Hash {
    keyed(&KEYS.leaf, path, value)
}

/// Hash of an inner node (U2).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    keyed(&KEYS.node, left, right)
}

fn keyed(key: &Hash, first: &Hash, second: &Hash) -> Hash {
    *blake3::keyed_hash(key, &pair(first, second)).as_bytes()
}

/// Two hashes back to back: the content of a leaf or an inner node.
pub type Pair = [u8; 64];

/// `first` and `second` back to back.
pub fn pair(first: &Hash, second: &Hash) -> Pair {
    let mut both = [0; 64];
    both[..32].copy_from_slice(first);
    both[32..].copy_from_slice(second);
    both
}

/// Appends the hash of each leaf, whose content is path and value hash, to `out`.
pub fn leaf_hashes(leaves: &[Pair], out: &mut Vec<Hash>) {
    let inputs: Vec<&Pair> = leaves.iter().collect();
    keyed_side_by_side(&inputs, &KEYS.leaf_words, out);
}

/// Appends the hash of each inner node, whose content is left and right, to `out`.
pub fn node_hashes(nodes: &[Pair], out: &mut Vec<Hash>) {
    let inputs: Vec<&Pair> = nodes.iter().collect();
    keyed_side_by_side(&inputs, &KEYS.node_words, out);
}

/// Bit `index` of a string of bytes, the most significant bit of a byte first (U3). The path turns right where it is set.
pub fn bit(bytes: &[u8], index: usize) -> bool {
    bytes[index / 8] & (0x80 >> (index % 8)) != 0
}
