//! Proofs that a key has its value, or none: made from a tree, checked without one (U7, U8).

use crate::hash::{BITS, Hash, bit, empty_root, leaf_hash, node_hash, path_of, value_hash};
use crate::nodes::{EMPTY, Leaf, Node, Nodes, Ref};

/// The key's own leaf stands at the end of its path.
const INCLUDED: u8 = 0;
/// Nothing stands there.
const ABSENT_EMPTY: u8 = 1;
/// Another key's leaf stands there, alone in a subtree that the key would be in.
const ABSENT_OTHER: u8 = 2;

/// Kind and depth.
const HEAD: usize = 3;

/// The one proof of `path` under `root`.
pub fn prove(nodes: &Nodes, root: Ref, path: &Hash) -> Vec<u8> {
    let mut siblings = Vec::with_capacity(32);
    let mut at = root;
    while let Node::Inner(inner) = nodes.get(at) {
        let right = bit(path, siblings.len());
        let (next, sibling) = if right {
            (inner.right, inner.left)
        } else {
            (inner.left, inner.right)
        };
        siblings.push(sibling);
        at = next;
    }
    match nodes.get(at) {
        Node::Leaf(leaf) if leaf.path == *path => encode(nodes, INCLUDED, &siblings, None),
        Node::Leaf(leaf) => encode(nodes, ABSENT_OTHER, &siblings, Some(leaf)),
        _ => encode(nodes, ABSENT_EMPTY, &siblings, None),
    }
}

/// Siblings come root side first; their hashes are written leaf side first, as a verifier needs them.
fn encode(nodes: &Nodes, kind: u8, siblings: &[Ref], other: Option<&Leaf>) -> Vec<u8> {
    let depth = siblings.len();
    let mut out = Vec::with_capacity(HEAD + depth.div_ceil(8) + 32 * depth + 64);
    out.push(kind);
    out.extend((depth as u16).to_le_bytes());
    out.resize(HEAD + depth.div_ceil(8), 0);
    for (level, &sibling) in siblings.iter().enumerate().rev() {
        if sibling != EMPTY {
            out[HEAD + level / 8] |= 0x80 >> (level % 8);
            out.extend(nodes.hash(sibling));
        }
    }
    if let Some(leaf) = other {
        out.extend(leaf.path);
        out.extend(leaf.value);
    }
    out
}

/// Whether `proof` is the proof that `key` has `value` under `root`; `None`: that it has none (U8).
#[must_use]
pub fn verify(root: &Hash, key: &[u8], value: Option<&[u8]>, proof: &[u8]) -> bool {
    let value = value.map(value_hash);
    verify_path(root, &path_of(key), value.as_ref(), proof)
}

/// [`verify`] for a path and the hash of a value.
pub fn verify_path(root: &Hash, path: &Hash, value: Option<&Hash>, proof: &[u8]) -> bool {
    root_of(path, value, proof).is_some_and(|hash| hash == *root)
}

/// The root a proof leads to; `None` when it is no proof for this path and value.
fn root_of(path: &Hash, value: Option<&Hash>, proof: &[u8]) -> Option<Hash> {
    let parts = Parts::read(proof)?;
    let start = match (parts.kind, value, parts.other) {
        (INCLUDED, Some(value), None) => leaf_hash(path, value),
        (ABSENT_EMPTY, None, None) => empty_root(),
        (ABSENT_OTHER, None, Some((other, value))) => {
            let differs = (0..BITS).find(|&index| bit(path, index) != bit(other, index))?;
            if differs < parts.depth {
                return None;
            }
            leaf_hash(other, value)
        }
        _ => return None,
    };
    parts.fold(path, start)
}

/// A proof whose lengths fit each other.
struct Parts<'a> {
    kind: u8,
    depth: usize,
    bitmap: &'a [u8],
    /// Leaf side first.
    hashes: &'a [Hash],
    other: Option<(&'a Hash, &'a Hash)>,
}

impl<'a> Parts<'a> {
    fn read(proof: &'a [u8]) -> Option<Self> {
        let (&[kind, low, high], rest) = proof.split_first_chunk::<HEAD>()?;
        let depth = usize::from(u16::from_le_bytes([low, high]));
        if depth > BITS {
            return None;
        }
        let (bitmap, rest) = rest.split_at_checked(depth.div_ceil(8))?;
        let (hashes, odd) = rest.as_chunks::<32>();
        let tail = if kind == ABSENT_OTHER { 2 } else { 0 };
        let set: usize = bitmap.iter().map(|byte| byte.count_ones() as usize).sum();
        // The deepest sibling is never empty, or one leaf would stand too deep; behind it no bit is set.
        let deepest = depth == 0 || bit(bitmap, depth - 1);
        let spare = (depth..bitmap.len() * 8).any(|index| bit(bitmap, index));
        if !odd.is_empty() || hashes.len() != set + tail || !deepest || spare {
            return None;
        }
        let (hashes, other) = hashes.split_at(set);
        let other = match other {
            [path, value] => Some((path, value)),
            _ => None,
        };
        Some(Self {
            kind,
            depth,
            bitmap,
            hashes,
            other,
        })
    }

    /// The root over `start`; `None` when a hash spells out what the bitmap says by a zero.
    fn fold(&self, path: &Hash, start: Hash) -> Option<Hash> {
        let empty = empty_root();
        if self.hashes.contains(&empty) {
            return None;
        }
        let mut hashes = self.hashes.iter();
        let levels = (0..self.depth).rev();
        Some(levels.fold(start, |below, level| {
            let sibling = if bit(self.bitmap, level) {
                hashes.next().unwrap_or(&empty)
            } else {
                &empty
            };
            if bit(path, level) {
                node_hash(sibling, &below)
            } else {
                node_hash(&below, sibling)
            }
        }))
    }
}
