//! Root and path over leaves that are all at hand.

use pyralog_types::Hash;

use crate::LabelledError;

/// The keys of one label: `derive_key("pyralog v1 <label> leaf")`, `… node`, `… empty` over empty material.
#[derive(Debug, Clone)]
pub struct Label {
    leaf: Hash,
    node: Hash,
    empty: Hash,
}

impl Label {
    /// The keys of this label.
    #[must_use]
    pub fn new(label: &str) -> Self {
        let key = |part| blake3::derive_key(&format!("pyralog v1 {label} {part}"), &[]);
        Self {
            leaf: key("leaf"),
            node: key("node"),
            empty: key("empty"),
        }
    }

    /// Hash of a leaf's content.
    #[must_use]
    pub fn leaf(&self, content: &[u8]) -> Hash {
        *blake3::keyed_hash(&self.leaf, content).as_bytes()
    }

    /// Hash of two subtrees.
    #[must_use]
    pub fn node(&self, left: &Hash, right: &Hash) -> Hash {
        let mut both = [0; 64];
        both[..32].copy_from_slice(left);
        both[32..].copy_from_slice(right);
        *blake3::keyed_hash(&self.node, &both).as_bytes()
    }

    /// Root of the tree without leaves.
    #[must_use]
    pub fn empty(&self) -> Hash {
        *blake3::keyed_hash(&self.empty, &[]).as_bytes()
    }

    /// Root over leaf hashes.
    #[must_use]
    pub fn root(&self, leaves: &[Hash]) -> Hash {
        let mut level = leaves.to_vec();
        while level.len() > 1 {
            level = self.above(&level);
        }
        level.first().copied().unwrap_or_else(|| self.empty())
    }

    /// Path of the leaf at `index`, leaf side first (merkle.md M4).
    ///
    /// # Errors
    /// `OutOfRange` unless there is such a leaf.
    pub fn path(&self, leaves: &[Hash], index: u64) -> Result<Vec<Hash>, LabelledError> {
        let size = leaves.len() as u64;
        if index >= size {
            return Err(LabelledError::OutOfRange { size, asked: index });
        }
        let mut level = leaves.to_vec();
        let mut at = index as usize;
        let mut path = Vec::new();
        while level.len() > 1 {
            // The last subtree of an odd level has no sibling there: it rises as it is.
            path.extend(level.get(at ^ 1));
            level = self.above(&level);
            at /= 2;
        }
        Ok(path)
    }

    fn above(&self, level: &[Hash]) -> Vec<Hash> {
        let (pairs, alone) = level.as_chunks::<2>();
        let parents = pairs.iter().map(|[left, right]| self.node(left, right));
        parents.chain(alone.iter().copied()).collect()
    }
}
