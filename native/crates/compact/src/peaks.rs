//! Roots of the maximal complete subtrees of a growing list of leaves (Y7): a tree without its inside.

use std::marker::PhantomData;

use pyralog_merkle::TreeHash;
use pyralog_types::Hash;

/// One root for each bit of the number of leaves, largest first.
#[derive(Debug, Clone)]
pub struct Peaks<H> {
    size: u64,
    roots: Vec<Hash>,
    hash: PhantomData<H>,
}

impl<H: TreeHash> Peaks<H> {
    /// Goes on from the roots of the first `size` leaves; `None` unless there is one for each bit.
    #[must_use]
    pub fn resume(size: u64, roots: &[Hash]) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then(|| Self {
            size,
            roots: roots.to_vec(),
            hash: PhantomData,
        })
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: &Hash) {
        let mut node = *leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                node = H::node(&left, &node);
            }
        }
        self.roots.push(node);
        self.size += 1;
    }

    /// Leaves so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots, largest first.
    #[must_use]
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Root of the whole tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let last = roots.next().copied();
        last.map_or_else(H::empty, |last| {
            roots.fold(last, |right, left| H::node(left, &right))
        })
    }
}
