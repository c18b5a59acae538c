//! The one or two Merkle trees over a partition's records (M2, M3).

use pyralog_merkle::{
    Blake3Tree, LeafSource, MemoryNodes, MerkleError, NoLeaves, NodeStore, RecordBytes, Sha256Tree,
    Tree, TreeHash,
};
use pyralog_types::Hash;

/// Height of the lowest nodes in the BLAKE3 node file (M5): 4 bytes a record. Segments have the leaves below.
pub const BLAKE3_FLOOR: u32 = 4;
/// The same of the SHA-256 tree: 16 bytes a record. No file has its leaves, so that a proof hashes four records again and
/// not sixteen.
pub const SHA256_FLOOR: u32 = 2;

/// The largest size, up to this one, that node files can be trusted up to: where every group of leaves is complete (M6).
#[must_use]
pub const fn trusted_size(size: u64) -> u64 {
    size >> BLAKE3_FLOOR << BLAKE3_FLOOR
}

/// Who has leaves that are not in memory, for each tree.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Of the BLAKE3 tree.
    pub blake3: &'a dyn LeafSource,
    /// Of the SHA-256 tree.
    pub sha256: &'a dyn LeafSource,
}

/// A node store whose kind is chosen at opening.
pub struct Nodes(Box<dyn NodeStore>);

impl Nodes {
    /// Wraps a store.
    #[must_use]
    pub fn new(store: impl NodeStore + 'static) -> Self {
        Self(Box::new(store))
    }
}

impl NodeStore for Nodes {
    fn len(&self) -> u64 {
        self.0.len()
    }
    fn get(&self, position: u64) -> Result<Hash, MerkleError> {
        self.0.get(position)
    }
    fn append(&mut self, hashes: &[Hash]) -> Result<(), MerkleError> {
        self.0.append(hashes)
    }
    fn truncate(&mut self, len: u64) -> Result<(), MerkleError> {
        self.0.truncate(len)
    }
    fn restart(&mut self, len: u64, nodes: &[(u64, Hash)]) -> Result<(), MerkleError> {
        self.0.restart(len, nodes)
    }
    fn sync(&mut self) -> Result<(), MerkleError> {
        self.0.sync()
    }
}

/// Roots of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roots {
    /// Records covered.
    pub size: u64,
    /// BLAKE3 root.
    pub blake3: Hash,
    /// SHA-256 root, when the partition keeps that tree.
    pub sha256: Option<Hash>,
}

/// Both trees. They may start ahead of the records that were replayed: leaves they hold already are not hashed again (M6).
pub struct Trees {
    /// The tree that receipts use.
    pub blake3: Tree<Blake3Tree, Nodes>,
    /// RFC 6962, optional.
    pub sha256: Option<Tree<Sha256Tree, Nodes>>,
    /// Leaf hashes computed.
    leaf_hashes: u64,
    scratch: Vec<Hash>,
}

impl Trees {
    /// Puts opened trees together.
    #[must_use]
    pub fn new(blake3: Tree<Blake3Tree, Nodes>, sha256: Option<Tree<Sha256Tree, Nodes>>) -> Self {
        Self {
            blake3,
            sha256,
            leaf_hashes: 0,
            scratch: Vec::new(),
        }
    }

    /// Empty trees in memory.
    ///
    /// # Errors
    /// None in practice; opening a tree can fail on a disk.
    pub fn in_memory(sha256: bool) -> Result<Self, MerkleError> {
        let blake3 = Tree::open(Nodes::new(MemoryNodes::default()), 0, None)?;
        let other = if sha256 {
            Some(Tree::open(Nodes::new(MemoryNodes::default()), 0, None)?)
        } else {
            None
        };
        Ok(Self::new(blake3, other))
    }

    /// Merkle hashes computed since opening, leaves and nodes (M6).
    #[must_use]
    pub fn hashes(&self) -> u64 {
        let sha256 = self.sha256.as_ref().map_or(0, Tree::hashes);
        self.leaf_hashes + self.blake3.hashes() + sha256
    }

    /// Offset from which leaves are wanted by some tree.
    #[must_use]
    pub fn wanted_from(&self) -> u64 {
        let blake3 = self.blake3.wanted_from();
        self.sha256
            .as_ref()
            .map_or(blake3, |tree| tree.wanted_from().min(blake3))
    }

    /// Says that segments have the leaves before `offset`, and that the records from there on will be pushed (again).
    pub fn hold_from(&mut self, offset: u64) {
        self.blake3.hold_from(offset);
        if let Some(tree) = &mut self.sha256 {
            tree.hold_from(offset);
        }
    }

    /// Lets go of leaves in memory that segments have from now on.
    pub fn forget_before(&mut self, offset: u64) {
        self.blake3.forget_before(offset);
        if let Some(tree) = &mut self.sha256 {
            tree.forget_before(offset);
        }
    }

    /// Goes on from `size` records of which only the roots of maximal complete subtrees are left (Y7).
    ///
    /// # Errors
    /// `Damaged` when roots are missing, `Io`; the trees must then be opened again.
    pub fn restart(
        &mut self,
        size: u64,
        (blake3, sha256): (&[Hash], &[Hash]),
    ) -> Result<(), MerkleError> {
        self.blake3.restart(size, blake3)?;
        self.sha256
            .as_mut()
            .map_or(Ok(()), |tree| tree.restart(size, sha256))
    }

    /// Appends the leaves of `records`, which begin at `offset`, to each tree that lacks them.
    ///
    /// # Errors
    /// `Io`; the trees must then be opened again.
    pub fn push(&mut self, offset: u64, records: &[RecordBytes]) -> Result<(), MerkleError> {
        let Self {
            blake3,
            sha256,
            leaf_hashes,
            scratch,
        } = self;
        *leaf_hashes += push(blake3, offset, records, scratch)?;
        if let Some(sha256) = sha256 {
            *leaf_hashes += push(sha256, offset, records, scratch)?;
        }
        Ok(())
    }

    /// Takes the leaves from `from` on over from `other`.
    ///
    /// # Errors
    /// `Io`.
    pub fn adopt(&mut self, other: &Self, from: u64) -> Result<(), MerkleError> {
        adopt(&mut self.blake3, &other.blake3, from)?;
        match (&mut self.sha256, &other.sha256) {
            (Some(tree), Some(other)) => adopt(tree, other, from),
            _ => Ok(()),
        }
    }

    /// Roots of the first `size` records, where no sealed leaf is needed for them: of all records, and of a
    /// [`trusted_size`].
    ///
    /// # Errors
    /// `OutOfRange`, `NotAtHand`, `Io`.
    pub fn roots_at(&self, size: u64) -> Result<Roots, MerkleError> {
        let none = Sources {
            blake3: &NoLeaves,
            sha256: &NoLeaves,
        };
        self.roots_from(size, none)
    }

    /// Roots of the first `size` records, whichever that is.
    ///
    /// # Errors
    /// `OutOfRange`, `Io`, and those of the sources.
    pub fn roots_from(&self, size: u64, sources: Sources<'_>) -> Result<Roots, MerkleError> {
        let sha256 = self.sha256.as_ref();
        let sha256 = sha256.map(|tree| tree.proofs(sources.sha256).root_at(size));
        Ok(Roots {
            size,
            blake3: self.blake3.proofs(sources.blake3).root_at(size)?,
            sha256: sha256.transpose()?,
        })
    }

    /// Returns once the node files are durable.
    ///
    /// # Errors
    /// `Io`.
    pub fn sync(&mut self) -> Result<(), MerkleError> {
        self.blake3.sync()?;
        self.sha256.as_mut().map_or(Ok(()), Tree::sync)
    }
}

fn adopt<H: TreeHash>(
    tree: &mut Tree<H, Nodes>,
    other: &Tree<H, Nodes>,
    from: u64,
) -> Result<(), MerkleError> {
    let leaves: Result<Vec<Hash>, _> = (from..other.size()).map(|i| other.leaf(i)).collect();
    tree.append(&leaves?)
}

fn push<H: TreeHash>(
    tree: &mut Tree<H, Nodes>,
    offset: u64,
    records: &[RecordBytes],
    scratch: &mut Vec<Hash>,
) -> Result<u64, MerkleError> {
    let known = tree.wanted_from().saturating_sub(offset) as usize;
    let Some(records) = records.get(known..).filter(|rest| !rest.is_empty()) else {
        return Ok(0);
    };
    scratch.clear();
    H::leaves(records, scratch);
    tree.append(scratch)?;
    Ok(records.len() as u64)
}
