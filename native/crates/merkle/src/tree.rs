//! A tree over a node store: append, and roots and proofs at any size it ever had (M4, M5, M6).

use std::marker::PhantomData;

use pyralog_types::Hash;

use crate::position::{nodes_of, position};
use crate::{MerkleError, NodeStore, TreeHash};

/// A growing Merkle tree. `H` says how it hashes, `S` where its hashes are.
pub struct Tree<H, S> {
    store: S,
    size: u64,
    /// Root of the complete subtree of each height that has a bit in `size`.
    peaks: [Hash; 64],
    /// Node hashes computed by opening and by appends since, for reports (M6). A test counts the real ones beside it.
    hashes: u64,
    algorithm: PhantomData<H>,
}

impl<H: TreeHash, S: NodeStore> Tree<H, S> {
    /// Opens a tree of `size` leaves over a store that holds exactly its hashes, reading its peaks only. With
    /// `expected`, the root they lead to must be it (M6): at most 64 hashes.
    ///
    /// # Errors
    /// `Short` when the store holds another number of hashes, `Damaged` when the root is another, `Io`.
    pub fn open(store: S, size: u64, expected: Option<&Hash>) -> Result<Self, MerkleError> {
        let (have, want) = (store.len(), nodes_of(size));
        if have != want {
            return Err(MerkleError::Short { have, want });
        }
        let mut tree = Self {
            store,
            size,
            peaks: [[0; 32]; 64],
            hashes: 0,
            algorithm: PhantomData,
        };
        for height in 0..64 {
            if size >> height & 1 == 1 {
                tree.peaks[height as usize] = tree.node(height, (size >> height) - 1)?;
            }
        }
        if let Some(expected) = expected {
            tree.hashes = u64::from(size.count_ones().saturating_sub(1));
            if tree.root() != *expected {
                return Err(MerkleError::Damaged { size });
            }
        }
        Ok(tree)
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Node hashes computed by opening and by appends since; those of proofs and roots do not count.
    pub fn hashes(&self) -> u64 {
        self.hashes
    }

    /// Where its hashes are.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Appends leaf hashes, thousands at a time: nodes of one height are hashed side by side.
    ///
    /// # Errors
    /// `Io`; the tree must then be opened again.
    pub fn append(&mut self, leaves: &[Hash]) -> Result<(), MerkleError> {
        if leaves.is_empty() {
            return Ok(());
        }
        let (old, new) = (self.size, self.size + leaves.len() as u64);
        // levels[h] holds the complete subtrees of height h that `leaves` complete: numbers old >> h to new >> h.
        let mut levels: Vec<Vec<Hash>> = vec![leaves.to_vec()];
        for height in 0_u32.. {
            if old >> (height + 1) == new >> (height + 1) {
                break;
            }
            let mut parents = Vec::new();
            let below = &levels[height as usize];
            if old >> height & 1 == 1 {
                let mut children = Vec::with_capacity(below.len() + 1);
                children.push(self.peaks[height as usize]);
                children.extend_from_slice(below);
                H::parents(&children, &mut parents);
            } else {
                H::parents(below, &mut parents);
            }
            self.hashes += parents.len() as u64;
            levels.push(parents);
        }
        let mut ordered = Vec::with_capacity((nodes_of(new) - nodes_of(old)) as usize);
        for leaf in old..new {
            for height in 0..=leaf.trailing_ones() {
                let in_level = (leaf >> height) - (old >> height);
                ordered.push(levels[height as usize][in_level as usize]);
            }
        }
        self.store.append(&ordered)?;
        for (height, level) in levels.iter().enumerate() {
            if let (1, Some(last)) = (new >> height & 1, level.last()) {
                self.peaks[height] = *last;
            }
        }
        self.size = new;
        Ok(())
    }

    /// Root of all leaves. At most 63 hashes, nothing is read.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut heights = (0..64).filter(|height| self.size >> height & 1 == 1);
        let Some(lowest) = heights.next() else {
            return H::empty();
        };
        heights.fold(self.peaks[lowest], |right, height| {
            H::node(&self.peaks[height], &right)
        })
    }

    /// Root of the first `size` leaves.
    ///
    /// # Errors
    /// `OutOfRange`, `Io`.
    pub fn root_at(&self, size: u64) -> Result<Hash, MerkleError> {
        self.check(size)?;
        match size {
            0 => Ok(H::empty()),
            _ if size == self.size => Ok(self.root()),
            _ => self.range(0, size),
        }
    }

    /// Hash of the leaf at `index`.
    ///
    /// # Errors
    /// `OutOfRange`, `Io`.
    pub fn leaf(&self, index: u64) -> Result<Hash, MerkleError> {
        self.check(index.saturating_add(1))?;
        self.node(0, index)
    }

    /// Audit path of leaf `index` in the tree of `size` leaves, leaf side first (RFC 9162 §2.1.3.1).
    ///
    /// # Errors
    /// `OutOfRange` unless `index < size` and the tree has that many, `Io`.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, MerkleError> {
        self.check(size)?;
        if index >= size {
            return Err(MerkleError::OutOfRange { size, asked: index });
        }
        let mut path = Vec::with_capacity(64);
        let (mut low, mut high) = (0, size);
        while high - low > 1 {
            let middle = low + split(high - low);
            if index < middle {
                path.push(self.range(middle, high)?);
                high = middle;
            } else {
                path.push(self.range(low, middle)?);
                low = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// Proof that the tree of `to` leaves extends that of `from` (RFC 9162 §2.1.4.1); empty from 0 and when equal.
    ///
    /// # Errors
    /// `OutOfRange` unless `from <= to` and the tree has that many, `Io`.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, MerkleError> {
        self.check(to)?;
        if from > to {
            return Err(MerkleError::OutOfRange {
                size: to,
                asked: from,
            });
        }
        let mut path = Vec::with_capacity(64);
        if from == 0 || from == to {
            return Ok(path);
        }
        let (mut low, mut high) = (0, to);
        // Whether the subtree in hand is one the old root itself was made of, so that the verifier has it already.
        let mut known = true;
        while from != high {
            let middle = low + split(high - low);
            if from <= middle {
                path.push(self.range(middle, high)?);
                high = middle;
            } else {
                path.push(self.range(low, middle)?);
                low = middle;
                known = false;
            }
        }
        if !known {
            path.push(self.range(low, high)?);
        }
        path.reverse();
        Ok(path)
    }

    /// Forgets all leaves from `size` on.
    ///
    /// # Errors
    /// `OutOfRange`, `Io`.
    pub fn truncate(&mut self, size: u64) -> Result<(), MerkleError> {
        self.check(size)?;
        self.store.truncate(nodes_of(size))?;
        self.size = size;
        for height in 0..64 {
            if size >> height & 1 == 1 {
                self.peaks[height as usize] = self.node(height, (size >> height) - 1)?;
            }
        }
        Ok(())
    }

    /// Returns once the store is durable.
    ///
    /// # Errors
    /// `Io`.
    pub fn sync(&mut self) -> Result<(), MerkleError> {
        self.store.sync()
    }

    fn node(&self, height: u32, index: u64) -> Result<Hash, MerkleError> {
        self.store.get(position(height, index))
    }

    /// Hash of the leaves `low` to `high`, where `low` is a multiple of the largest power of two that fits: one read
    /// for a complete subtree, one more per set bit otherwise.
    fn range(&self, low: u64, high: u64) -> Result<Hash, MerkleError> {
        let len = high - low;
        let lowest = len.trailing_zeros();
        let mut end = high;
        let mut hash = self.node(lowest, (end >> lowest) - 1)?;
        end -= 1 << lowest;
        while end > low {
            let height = (end - low).trailing_zeros();
            hash = H::node(&self.node(height, (end >> height) - 1)?, &hash);
            end -= 1 << height;
        }
        Ok(hash)
    }

    fn check(&self, size: u64) -> Result<(), MerkleError> {
        if size > self.size {
            return Err(MerkleError::OutOfRange {
                size: self.size,
                asked: size,
            });
        }
        Ok(())
    }
}

/// Largest power of two below `len`, which is at least 2.
fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}
