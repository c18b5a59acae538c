//! The tree `history`: the ids of all headers so far, in order of height.

use std::sync::LazyLock;

use pyralog_merkle::{MemoryNodes, MerkleError, RecordBytes, Tree, TreeHash};
use pyralog_types::Hash;

use crate::{Label, LabelledError};

static LABEL: LazyLock<Label> = LazyLock::new(|| Label::new("history"));

struct HistoryHash;

impl TreeHash for HistoryHash {
    fn empty() -> Hash {
        LABEL.empty()
    }

    fn leaf(record: &RecordBytes) -> Hash {
        LABEL.leaf(record)
    }

    fn node(left: &Hash, right: &Hash) -> Hash {
        LABEL.node(left, right)
    }
}

/// A growing tree over header ids: 64 bytes of memory a block.
pub struct History(Tree<HistoryHash, MemoryNodes>);

impl Default for History {
    fn default() -> Self {
        let tree = Tree::open(MemoryNodes::default(), 0, None);
        // A store without hashes is what a tree without leaves needs.
        Self(tree.unwrap_or_else(|_: MerkleError| unreachable!()))
    }
}

impl History {
    /// Ids there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// Appends ids, in order of height.
    ///
    /// # Errors
    /// None that a tree in memory has.
    pub fn append(&mut self, ids: &[Hash]) -> Result<(), LabelledError> {
        let leaves: Vec<Hash> = ids.iter().map(|id| LABEL.leaf(id)).collect();
        Ok(self.0.append(&leaves)?)
    }

    /// Root of the first `size` ids.
    ///
    /// # Errors
    /// `OutOfRange` when there are fewer.
    pub fn root(&self, size: u64) -> Result<Hash, LabelledError> {
        Ok(self.0.root_at(size)?)
    }

    /// Path of the id at `index` among the first `size`, leaf side first.
    ///
    /// # Errors
    /// `OutOfRange` unless `index < size` and there are so many.
    pub fn path(&self, index: u64, size: u64) -> Result<Vec<Hash>, LabelledError> {
        Ok(self.0.inclusion(index, size)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equals_the_tree_that_has_all_leaves_at_hand(
            ids in prop::collection::vec(any::<Hash>(), 1..80),
            cut in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
        ) {
            let mut history = History::default();
            history.append(&ids[..cut.index(ids.len())])?;
            history.append(&ids[cut.index(ids.len())..])?;
            let leaves: Vec<Hash> = ids.iter().map(|id| LABEL.leaf(id)).collect();
            let size = 1 + cut.index(ids.len());
            prop_assert_eq!(history.root(size as u64)?, LABEL.root(&leaves[..size]));
            let index = at.index(size) as u64;
            prop_assert_eq!(
                history.path(index, size as u64)?,
                LABEL.path(&leaves[..size], index)?
            );
        }
    }

    #[test]
    fn what_is_not_there_is_refused() -> Result<(), LabelledError> {
        let mut history = History::default();
        assert_eq!(history.root(0)?, LABEL.root(&[]));
        history.append(&[[1; 32]])?;
        assert!(history.root(2).is_err());
        assert!(history.path(1, 1).is_err());
        assert!(history.path(0, 2).is_err());
        assert!(LABEL.path(&[], 0).is_err());
        Ok(())
    }
}
