//! The hashes of the tree (U1, U2).

use std::sync::LazyLock;

/// 32 bytes of BLAKE3.
pub type Hash = [u8; 32];

/// Bits of a path, hence the deepest level a leaf can stand on.
pub const BITS: usize = 256;

struct Keys {
    value: Hash,
    leaf: Hash,
    node: Hash,
    empty: Hash,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let empty = blake3::derive_key("pyralog v1 state empty", &[]);
    Keys {
        value: blake3::derive_key("pyralog v1 state value", &[]),
        leaf: blake3::derive_key("pyralog v1 state leaf", &[]),
        node: blake3::derive_key("pyralog v1 state node", &[]),
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
    let mut both = [0; 64];
    both[..32].copy_from_slice(first);
    both[32..].copy_from_slice(second);
    *blake3::keyed_hash(key, &both).as_bytes()
}

/// Bit `index` of a string of bytes, the most significant bit of a byte first (U3). The path turns right where it is set.
pub fn bit(bytes: &[u8], index: usize) -> bool {
    bytes[index / 8] & (0x80 >> (index % 8)) != 0
}
