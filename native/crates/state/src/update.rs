//! Applying changes: copy-on-write along their paths (U5, U6).

use crate::changes::Change;
use crate::hash::bit;
use crate::nodes::{EMPTY, Node, Nodes, Ref};

/// One application of changes.
pub struct Update<'a> {
    nodes: &'a mut Nodes,
    /// Keys that came.
    pub added: u64,
    /// Keys that went.
    pub removed: u64,
}

impl<'a> Update<'a> {
    pub fn new(nodes: &'a mut Nodes) -> Self {
        Self {
            nodes,
            added: 0,
            removed: 0,
        }
    }

    /// The subtree `at`, whose root is at `depth`, with `changes` made. All of them belong into it; they are in the order
    /// of their paths, which are distinct.
    pub fn subtree(&mut self, at: Ref, depth: usize, changes: &[Change]) -> Ref {
        match (changes, self.nodes.get(at)) {
            ([], _) => return self.nodes.retain(at),
            ([change], Node::Empty) => return self.insert(change),
            ([change], Node::Leaf(leaf)) if leaf.path == change.path => {
                return self.replace(at, change);
            }
            _ => {}
        }
        let (left, right) = self.nodes.children(at, depth);
        let middle = changes.partition_point(|change| !bit(&change.path, depth));
        let new_left = self.subtree(left, depth + 1, &changes[..middle]);
        let new_right = self.subtree(right, depth + 1, &changes[middle..]);
        if matches!(self.nodes.get(at), Node::Inner(_)) && (new_left, new_right) == (left, right) {
            self.nodes.release(new_left);
            self.nodes.release(new_right);
            return self.nodes.retain(at);
        }
        self.nodes.join(new_left, new_right, depth)
    }

    fn insert(&mut self, change: &Change) -> Ref {
        let Some(value) = change.value else {
            return EMPTY;
        };
        self.added += 1;
        self.nodes.leaf(change.path, value)
    }

    /// The leaf `at` with its own change made.
    fn replace(&mut self, at: Ref, change: &Change) -> Ref {
        match (change.value, self.nodes.get(at)) {
            (None, _) => {
                self.removed += 1;
                EMPTY
            }
            (Some(value), Node::Leaf(leaf)) if leaf.value == value => self.nodes.retain(at),
            (Some(value), _) => self.nodes.leaf(change.path, value),
        }
    }
}
