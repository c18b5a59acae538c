//! A tree over a node store: append, and its roots at any size it ever had (M4, M5, M6).

use std::marker::PhantomData;

use pyralog_types::Hash;

use crate::held::Held;
use crate::position::{nodes_of, position};
use crate::proofs::{LeafSource, NoLeaves, Proofs};
use crate::{MerkleError, NodeStore, TreeHash};

/// A growing Merkle tree. `H` says how it hashes, `S` where its hashes are.
///
/// Its store holds the roots of complete subtrees from a *floor* on: height 0 for a tree that keeps everything. Below a higher
/// floor nodes are hashed when they are wanted, from leaves: those appended last are in memory, until somebody else has
/// them ([`Tree::forget_before`]), the others come from a [`LeafSource`].
pub struct Tree<H, S> {
    pub(crate) store: S,
    pub(crate) size: u64,
    /// Height of the lowest nodes in the store.
    pub(crate) floor: u32,
    /// Root of the complete subtree of each height that has a bit in `size`.
    pub(crate) peaks: [Hash; 64],
    /// Leaves in memory; below a floor of 0 none are needed.
    pub(crate) held: Held,
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
        Self::open_above(0, store, size, expected)
    }

    /// As [`Tree::open`], for a store that holds the nodes from height `floor` on. All leaves before `size` are somebody
    /// else's: see [`Tree::hold_from`].
    ///
    /// # Errors
    /// As [`Tree::open`], and `Uneven` when the last subtree of height `floor` is not complete at `size`.
    pub fn open_above(
        floor: u32,
        store: S,
        size: u64,
        expected: Option<&Hash>,
    ) -> Result<Self, MerkleError> {
        if size & ((1 << floor) - 1) != 0 {
            return Err(MerkleError::Uneven {
                size,
                group: 1 << floor,
            });
        }
        let (have, want) = (store.len(), nodes_of(size >> floor));
        if have != want {
            return Err(MerkleError::Short { have, want });
        }
        let mut tree = Self {
            store,
            size,
            floor,
            peaks: [[0; 32]; 64],
            held: Held::beginning_at(size),
            hashes: 0,
            algorithm: PhantomData,
        };
        tree.read_peaks()?;
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

    /// Height of the lowest nodes in the store.
    pub fn floor(&self) -> u32 {
        self.floor
    }

    /// First offset whose leaf has to be appended: below [`Tree::size`] while leaves that the tree counts are not at hand.
    pub fn wanted_from(&self) -> u64 {
        if self.floor == 0 {
            self.size
        } else {
            self.held.end()
        }
    }

    /// Node hashes computed by opening and by appends since; those of proofs and roots do not count.
    pub fn hashes(&self) -> u64 {
        self.hashes
    }

    /// Where its hashes are.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Says that a [`LeafSource`] has the leaves before `offset`, and that those the tree counts from there on will be
    /// appended again: they are taken into memory then, and nothing is hashed.
    pub fn hold_from(&mut self, offset: u64) {
        self.held = Held::beginning_at(offset.min(self.size));
    }

    /// Lets go of leaves in memory that a [`LeafSource`] has from now on: those before `offset`, but for a last incomplete
    /// subtree below the floor and what memory is not worth giving back.
    pub fn forget_before(&mut self, offset: u64) {
        self.held.forget_before(offset >> self.floor << self.floor);
    }

    /// Appends the leaves of a range to `out`, if all of them are in memory.
    pub fn copy_held(&self, range: std::ops::Range<u64>, out: &mut Vec<Hash>) -> bool {
        self.held.copy(range, out)
    }

    /// Appends leaf hashes, thousands at a time: nodes of one height are hashed side by side. They are those from
    /// [`Tree::wanted_from`] on.
    ///
    /// # Errors
    /// `Io`; the tree must then be opened again.
    pub fn append(&mut self, leaves: &[Hash]) -> Result<(), MerkleError> {
        let mut leaves = leaves;
        if self.floor > 0 {
            let counted = (self.size - self.held.end()) as usize;
            self.held.push(leaves);
            leaves = leaves.get(counted..).unwrap_or_default();
        }
        if leaves.is_empty() {
            return Ok(());
        }
        let (old, new) = (self.size, self.size + leaves.len() as u64);
        let levels = self.levels(leaves);
        let (old_units, new_units) = (old >> self.floor, new >> self.floor);
        let mut ordered = Vec::with_capacity((nodes_of(new_units) - nodes_of(old_units)) as usize);
        for unit in old_units..new_units {
            for height in 0..=unit.trailing_ones() {
                let in_level = (unit >> height) - (old_units >> height);
                ordered.push(levels[(self.floor + height) as usize][in_level as usize]);
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

    /// By height the complete subtrees that `leaves` complete: at height h, numbers old >> h to new >> h.
    fn levels(&mut self, leaves: &[Hash]) -> Vec<Vec<Hash>> {
        let (old, new) = (self.size, self.size + leaves.len() as u64);
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
        levels
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

    /// Roots and proofs with leaves from `source` where they are not in memory. Good for many questions: what was hashed for
    /// one is used for its neighbours.
    pub fn proofs<'a>(&'a self, source: &'a dyn LeafSource) -> Proofs<'a, H, S> {
        Proofs::new(self, source)
    }

    /// [`Proofs::root_at`] without a source.
    ///
    /// # Errors
    /// As there, and `NotAtHand`.
    pub fn root_at(&self, size: u64) -> Result<Hash, MerkleError> {
        self.proofs(&NoLeaves).root_at(size)
    }

    /// [`Proofs::leaf`] without a source.
    ///
    /// # Errors
    /// As there, and `NotAtHand`.
    pub fn leaf(&self, index: u64) -> Result<Hash, MerkleError> {
        self.proofs(&NoLeaves).leaf(index)
    }

    /// [`Proofs::inclusion`] without a source.
    ///
    /// # Errors
    /// As there, and `NotAtHand`.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, MerkleError> {
        self.proofs(&NoLeaves).inclusion(index, size)
    }

    /// [`Proofs::consistency`] without a source.
    ///
    /// # Errors
    /// As there, and `NotAtHand`.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, MerkleError> {
        self.proofs(&NoLeaves).consistency(from, to)
    }

    /// Forgets all leaves from `size` on. Those of a last incomplete subtree below the floor must be in memory.
    ///
    /// # Errors
    /// `OutOfRange`, `NotAtHand` (nothing was changed), `Io`.
    pub fn truncate(&mut self, size: u64) -> Result<(), MerkleError> {
        self.check(size)?;
        let mut low = [[0; 32]; 64];
        for height in (0..self.floor).filter(|height| size >> height & 1 == 1) {
            low[height as usize] = self.proofs(&NoLeaves).node(height, (size >> height) - 1)?;
        }
        self.store.truncate(nodes_of(size >> self.floor))?;
        self.size = size;
        self.held.truncate(size);
        self.peaks = low;
        self.read_peaks()
    }

    /// Makes it the tree that goes on from `size` leaves of which only the roots of their maximal complete subtrees are
    /// known, largest first (one for each bit). Roots and proofs are had from that size and that offset on.
    ///
    /// # Errors
    /// `Damaged` when these are not the roots of so many leaves, `Io`; the tree must then be opened again.
    pub fn restart(&mut self, size: u64, roots: &[Hash]) -> Result<(), MerkleError> {
        if roots.len() != size.count_ones() as usize {
            return Err(MerkleError::Damaged { size });
        }
        let heights = (0..64_u32).rev().filter(|height| size >> height & 1 == 1);
        let mut nodes = Vec::new();
        for (height, root) in heights.zip(roots) {
            self.peaks[height as usize] = *root;
            if height >= self.floor {
                let at = position(height - self.floor, (size >> height) - 1);
                nodes.push((at, *root));
            }
        }
        self.store.restart(nodes_of(size >> self.floor), &nodes)?;
        self.size = size;
        self.held = Held::beginning_at(size);
        Ok(())
    }

    /// Returns once the store is durable.
    ///
    /// # Errors
    /// `Io`.
    pub fn sync(&mut self) -> Result<(), MerkleError> {
        self.store.sync()
    }

    /// Takes the peaks that the store holds from there.
    fn read_peaks(&mut self) -> Result<(), MerkleError> {
        for height in self.floor..64 {
            if self.size >> height & 1 == 1 {
                let at = position(height - self.floor, (self.size >> height) - 1);
                self.peaks[height as usize] = self.store.get(at)?;
            }
        }
        Ok(())
    }

    pub(crate) fn check(&self, size: u64) -> Result<(), MerkleError> {
        if size > self.size {
            return Err(MerkleError::OutOfRange {
                size: self.size,
                asked: size,
            });
        }
        Ok(())
    }
}
