//! Roots and proofs at any size a tree ever had (M4). Nodes below the floor are hashed from leaves, a whole group at a time.

use std::cell::RefCell;

use pyralog_types::Hash;

use crate::position::position;
use crate::{MerkleError, NodeStore, Tree, TreeHash};

/// Who has the leaves that a tree does not hold itself (M5).
pub trait LeafSource {
    /// Fills `out` with the hashes of the leaves from `first` on.
    ///
    /// # Errors
    /// `Leaves` with the reason, `NotAtHand` when it never had them.
    fn read(&self, first: u64, out: &mut [Hash]) -> Result<(), MerkleError>;

    /// First offset whose leaf is still there, and the roots of the maximal complete subtrees of those that are gone, largest
    /// first (one for each bit). `None` where none are gone.
    fn gone(&self) -> Option<(u64, Vec<Hash>)> {
        None
    }
}

/// For trees that hold all their leaves.
#[derive(Debug, Clone, Copy)]
pub struct NoLeaves;

impl LeafSource for NoLeaves {
    fn read(&self, first: u64, _out: &mut [Hash]) -> Result<(), MerkleError> {
        Err(MerkleError::NotAtHand { offset: first })
    }
}

/// The nodes below the floor of one subtree of the floor's height, as far as its leaves are there.
struct Group {
    number: u64,
    leaves: usize,
    /// Leaves at its beginning that are gone. Their places are empty, but for the roots that stand for them.
    gone: usize,
    /// Leaves, then their parents, and so on up to the floor.
    nodes: Vec<Hash>,
}

impl Group {
    /// `roots` are those of the leaves that are gone, by height.
    fn of<H: TreeHash>(
        (number, floor): (u64, u32),
        leaves: Vec<Hash>,
        (gone, roots): (usize, &[Hash; 64]),
    ) -> Self {
        let count = leaves.len();
        let mut nodes = leaves;
        let mut parents = Vec::with_capacity(count / 2);
        let mut start = 0;
        for height in 0..=floor {
            if gone >> height & 1 == 1 {
                nodes[start + (gone >> height) - 1] = roots[height as usize];
            }
            if height < floor {
                let below = count >> height;
                parents.clear();
                H::parents(&nodes[start..start + below], &mut parents);
                nodes.extend_from_slice(&parents);
                start += below;
            }
        }
        Self {
            number,
            leaves: count,
            gone,
            nodes,
        }
    }

    /// The node of a height at a place within the group.
    fn node(&self, height: u32, place: usize) -> Option<&Hash> {
        let start: usize = (0..height).map(|below| self.leaves >> below).sum();
        let inside = place < self.leaves >> height;
        // Of those whose leaves are all gone only the largest are known.
        let (before, root) = ((place + 1) << height <= self.gone, self.gone >> height);
        let known = !before || (root & 1 == 1 && place == root - 1);
        self.nodes.get(start + place).filter(|_| inside && known)
    }
}

/// Leaves of a group that were found to lead to what the tree holds of it.
#[derive(Debug, Clone, Default)]
pub struct CheckedLeaves {
    first: u64,
    leaves: Vec<Hash>,
}

impl CheckedLeaves {
    /// The leaf at an offset, if it is among these.
    #[must_use]
    pub fn leaf(&self, index: u64) -> Option<&Hash> {
        let place = index.checked_sub(self.first)?;
        self.leaves.get(usize::try_from(place).ok()?)
    }
}

/// Answers questions about one tree. See [`Tree::proofs`].
pub struct Proofs<'a, H, S> {
    tree: &'a Tree<H, S>,
    source: &'a dyn LeafSource,
    /// The groups used last: that of an index, and the one at the end.
    groups: RefCell<[Option<Group>; 2]>,
}

impl<'a, H: TreeHash, S: NodeStore> Proofs<'a, H, S> {
    pub(crate) fn new(tree: &'a Tree<H, S>, source: &'a dyn LeafSource) -> Self {
        Self {
            tree,
            source,
            groups: RefCell::default(),
        }
    }

    /// Root of the first `size` leaves.
    ///
    /// # Errors
    /// `OutOfRange`, `Io`, and those of the source.
    pub fn root_at(&self, size: u64) -> Result<Hash, MerkleError> {
        self.tree.check(size)?;
        match size {
            0 => Ok(H::empty()),
            _ if size == self.tree.size => Ok(self.tree.root()),
            _ => self.range(0, size),
        }
    }

    /// Hash of the leaf at `index`.
    ///
    /// # Errors
    /// As [`Proofs::root_at`].
    pub fn leaf(&self, index: u64) -> Result<Hash, MerkleError> {
        self.tree.check(index.saturating_add(1))?;
        if let Some(held) = self.tree.held.get(index) {
            return Ok(*held);
        }
        self.node(0, index)
    }

    /// Audit path of leaf `index` in the tree of `size` leaves, leaf side first (RFC 9162 §2.1.3.1).
    ///
    /// # Errors
    /// `OutOfRange` unless `index < size` and the tree has that many; else as [`Proofs::root_at`].
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, MerkleError> {
        self.tree.check(size)?;
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
    /// `OutOfRange` unless `from <= to` and the tree has that many; else as [`Proofs::root_at`].
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, MerkleError> {
        self.tree.check(to)?;
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

    /// The leaves of the group that `index` is in, if they lead to what the tree holds above them; `None` when they do not:
    /// leaves or nodes are damaged. Where the tree counts leaves that are not at hand, there is nothing to compare with.
    ///
    /// # Errors
    /// As [`Proofs::root_at`].
    pub fn checked_leaves(&self, index: u64) -> Result<Option<CheckedLeaves>, MerkleError> {
        self.tree.check(index.saturating_add(1))?;
        let (floor, size) = (self.tree.floor, self.tree.size);
        let number = index >> floor;
        let first = number << floor;
        let leaves = self.group(number, |group| Some(group.nodes[..group.leaves].to_vec()))?;
        let end = (first + (1 << floor)).min(size);
        if self.tree.wanted_from() >= end {
            let heights = (0..=floor).filter(|height| (end - first) >> height & 1 == 1);
            for height in heights {
                let place = ((end - first) >> height) - 1;
                let computed =
                    self.group(number, |group| group.node(height, place as usize).copied())?;
                if computed != self.above(height, (end >> height) - 1)? {
                    return Ok(None);
                }
            }
        }
        Ok(Some(CheckedLeaves { first, leaves }))
    }

    /// What the tree itself holds: a peak, or a node of its store.
    fn above(&self, height: u32, index: u64) -> Result<Hash, MerkleError> {
        let Tree {
            size, floor, peaks, ..
        } = self.tree;
        if size >> height & 1 == 1 && index == (size >> height) - 1 {
            return Ok(peaks[height as usize]);
        }
        self.tree.store.get(position(height - floor, index))
    }

    pub(crate) fn node(&self, height: u32, index: u64) -> Result<Hash, MerkleError> {
        let Tree { size, floor, .. } = self.tree;
        let peak = size >> height & 1 == 1 && index == (size >> height) - 1;
        if peak || height >= *floor {
            return self.above(height, index);
        }
        let number = index >> (floor - height);
        let place = (index - (number << (floor - height))) as usize;
        self.group(number, |group| group.node(height, place).copied())
    }

    /// Looks into a group.
    fn group<T>(&self, number: u64, look: impl Fn(&Group) -> Option<T>) -> Result<T, MerkleError> {
        let mut groups = self.groups.borrow_mut();
        let known = groups
            .iter()
            .position(|group| group.as_ref().is_some_and(|group| group.number == number));
        if known != Some(0) {
            groups.swap(0, 1);
        }
        if known.is_none() {
            groups[0] = Some(self.load(number)?);
        }
        let offset = number << self.tree.floor;
        let found = groups[0].as_ref().and_then(look);
        found.ok_or(MerkleError::NotAtHand { offset })
    }

    fn load(&self, number: u64) -> Result<Group, MerkleError> {
        let (tree, floor) = (self.tree, self.tree.floor);
        let first = number << floor;
        if floor == 0 {
            let leaves = vec![tree.store.get(position(0, number))?];
            return Ok(Group::of::<H>((number, floor), leaves, (0, &[[0; 32]; 64])));
        }
        let end = (first + (1 << floor)).min(tree.held.end());
        let held_from = tree.held.first().clamp(first, end.max(first));
        let mut leaves = vec![[0; 32]; end.saturating_sub(first) as usize];
        let (elsewhere, held) = leaves.split_at_mut((held_from - first) as usize);
        let (mut gone, mut roots) = (0, [[0; 32]; 64]);
        if !elsewhere.is_empty() {
            let before = self.source.gone();
            if let Some((from, all)) = before.filter(|(from, _)| *from > first) {
                gone = usize::try_from(from - first)
                    .map_or(elsewhere.len(), |count| count.min(elsewhere.len()));
                let heights = (0..64_usize).rev().filter(|height| from >> height & 1 == 1);
                for (height, root) in heights.zip(all) {
                    roots[height] = root;
                }
            }
            if gone < elsewhere.len() {
                self.source
                    .read(first + gone as u64, &mut elsewhere[gone..])?;
            }
        }
        for (offset, leaf) in (held_from..).zip(held) {
            *leaf = *tree
                .held
                .get(offset)
                .ok_or(MerkleError::NotAtHand { offset })?;
        }
        Ok(Group::of::<H>((number, floor), leaves, (gone, &roots)))
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
}

/// Largest power of two below `len`, which is at least 2.
fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}
