//! Nodes of all versions: each stands once and counts who points at it (U6).

use crate::hash::{BITS, Hash, bit, empty_root, leaf_hash};
use crate::pending::{self, Pending};
use crate::slab::{SLOTS_MAX, Slab};

/// A subtree: nothing, a leaf, or an inner node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ref(u32);

/// The subtree without keys.
pub const EMPTY: Ref = Ref(u32::MAX);
const LEAF: u32 = 1 << 31;

/// What a [`Ref`] points at.
#[derive(Debug, Clone, Copy)]
pub enum Node<'a> {
    /// No key.
    Empty,
    /// One key, wherever its subtree stands (U3).
    Leaf(&'a Leaf),
    /// Two keys or more.
    Inner(&'a Inner),
}

/// One key. Its hash is not kept: computing it costs less than the memory.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    /// Where the key stands.
    pub path: Hash,
    /// Hash of its value.
    pub value: Hash,
}

/// Two subtrees that hold two keys or more together.
#[derive(Debug, Clone, Copy)]
pub struct Inner {
    /// Set by [`Nodes::settle`].
    pub hash: Hash,
    /// Keys whose next bit is 0.
    pub left: Ref,
    /// Keys whose next bit is 1.
    pub right: Ref,
}

/// All nodes. A [`Ref`] that a function returns carries a reference, which its receiver keeps or gives back.
#[derive(Debug, Default)]
pub struct Nodes {
    leaves: Slab<Leaf>,
    inner: Slab<Inner>,
    pending: Pending,
}

impl Nodes {
    /// What a reference points at.
    pub fn get(&self, at: Ref) -> Node<'_> {
        if at == EMPTY {
            Node::Empty
        } else if at.0 & LEAF != 0 {
            Node::Leaf(self.leaves.get(at.0 & !LEAF))
        } else {
            Node::Inner(self.inner.get(at.0))
        }
    }

    /// Hash of a subtree (U2), once it is settled.
    pub fn hash(&self, at: Ref) -> Hash {
        match self.get(at) {
            Node::Empty => empty_root(),
            Node::Leaf(leaf) => leaf_hash(&leaf.path, &leaf.value),
            Node::Inner(inner) => inner.hash,
        }
    }

    /// Left and right of a subtree at `depth`; a lone leaf stands on the side of its next bit.
    pub fn children(&self, at: Ref, depth: usize) -> (Ref, Ref) {
        match self.get(at) {
            Node::Empty => (EMPTY, EMPTY),
            Node::Leaf(leaf) if bit(&leaf.path, depth) => (EMPTY, at),
            Node::Leaf(_) => (at, EMPTY),
            Node::Inner(inner) => (inner.left, inner.right),
        }
    }

    /// A new leaf.
    pub fn leaf(&mut self, path: Hash, value: Hash) -> Ref {
        Ref(self.leaves.insert(Leaf { path, value }) | LEAF)
    }

    /// The subtree at `depth` of two subtrees, whose references it takes. One leaf, or nothing, rises as it is (U3). Inner
    /// nodes wait for their hash until [`Nodes::settle`].
    pub fn join(&mut self, left: Ref, right: Ref, depth: usize) -> Ref {
        match (self.get(left), self.get(right)) {
            (Node::Empty, Node::Empty | Node::Leaf(_)) => return right,
            (Node::Leaf(_), Node::Empty) => return left,
            _ => {}
        }
        let hash = [0; 32];
        let at = self.inner.insert(Inner { hash, left, right });
        self.pending.push(depth, at);
        Ref(at)
    }

    /// Hashes the inner nodes that were joined since, from the deepest level upwards, many side by side.
    pub fn settle(&mut self) {
        let waiting = std::mem::take(&mut self.pending);
        for group in waiting.groups() {
            let children = group.iter().map(|&at| {
                let Inner { left, right, .. } = *self.inner.get(at);
                [left, right].map(|child| self.get(child))
            });
            for (&at, hash) in group.iter().zip(pending::hashes(children)) {
                self.inner.get_mut(at).hash = hash;
            }
        }
    }

    /// One more reference to `at`, which is returned.
    pub fn retain(&mut self, at: Ref) -> Ref {
        if at == EMPTY {
            return at;
        }
        if at.0 & LEAF != 0 {
            self.leaves.retain(at.0 & !LEAF);
        } else {
            self.inner.retain(at.0);
        }
        at
    }

    /// Gives a reference back, and with the last one those of everything below.
    pub fn release(&mut self, at: Ref) {
        let mut waiting = vec![at];
        while let Some(at) = waiting.pop() {
            if at == EMPTY {
                continue;
            }
            if at.0 & LEAF != 0 {
                self.leaves.release(at.0 & !LEAF);
            } else if self.inner.release(at.0) {
                let Inner { left, right, .. } = *self.inner.get(at.0);
                waiting.extend([left, right]);
            }
        }
    }

    /// Leaves alive.
    pub fn leaf_count(&self) -> usize {
        self.leaves.live()
    }

    /// Inner nodes alive.
    pub fn inner_count(&self) -> usize {
        self.inner.live()
    }

    /// Memory of all nodes.
    pub fn bytes(&self) -> usize {
        self.leaves.bytes() + self.inner.bytes()
    }

    /// Whether so many changes find numbers for their nodes, however deep they go.
    pub fn has_room(&self, changes: usize) -> bool {
        let worst = changes.saturating_mul(BITS);
        self.leaves.live().saturating_add(changes) <= SLOTS_MAX
            && self.inner.live().saturating_add(worst) <= SLOTS_MAX
    }
}
