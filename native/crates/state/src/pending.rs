//! Inner nodes that wait for their hash: one level at a time, so that the processor's vector unit works on many at once.

use crate::hash::{Hash, Pair, empty_root, leaf_hashes, node_hashes, pair};
use crate::nodes::Node;

/// Nodes hashed at once: a multiple of every vector's lanes, small enough for the first cache.
const GROUP: usize = 64;

/// Inner nodes by depth.
#[derive(Debug, Default)]
pub struct Pending(Vec<Vec<u32>>);

impl Pending {
    /// The node `at`, which stands at `depth`, waits.
    pub fn push(&mut self, depth: usize, at: u32) {
        if self.0.len() <= depth {
            self.0.resize_with(depth + 1, Vec::new);
        }
        self.0[depth].push(at);
    }

    /// Groups of one depth each, the deepest first: whatever a node hashes was hashed before it.
    pub fn groups(&self) -> impl Iterator<Item = &[u32]> {
        self.0.iter().rev().flat_map(|level| level.chunks(GROUP))
    }
}

/// Hashes of inner nodes with these children.
pub fn hashes<'a>(children: impl Iterator<Item = [Node<'a>; 2]> + Clone) -> Vec<Hash> {
    let leaves: Vec<Pair> = children
        .clone()
        .flatten()
        .filter_map(|node| match node {
            Node::Leaf(leaf) => Some(pair(&leaf.path, &leaf.value)),
            _ => None,
        })
        .collect();
    let mut hashed = Vec::with_capacity(leaves.len());
    leaf_hashes(&leaves, &mut hashed);
    let mut hashed = hashed.iter();
    let empty = empty_root();
    let contents: Vec<Pair> = children
        .map(|[left, right]| {
            let mut hash = |node: Node<'a>| match node {
                Node::Inner(inner) => inner.hash,
                Node::Leaf(_) => *hashed.next().unwrap_or(&empty),
                Node::Empty => empty,
            };
            let left = hash(left);
            pair(&left, &hash(right))
        })
        .collect();
    let mut out = Vec::with_capacity(contents.len());
    node_hashes(&contents, &mut out);
    out
}
