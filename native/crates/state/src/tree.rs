//! The tree's versions (U6).

use std::collections::HashMap;

use crate::changes::{Change, Changes};
use crate::hash::{Hash, empty_root, path_of};
use crate::nodes::{EMPTY, Nodes, Ref};
use crate::update::Update;
use crate::{StateError, proof};

/// A version that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Its name; numbers are never given twice.
    pub number: u64,
    /// Its root (U2).
    pub root: Hash,
}

/// What a tree holds over all live versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Live versions, version 0 not among them.
    pub versions: usize,
    /// Leaves.
    pub leaves: usize,
    /// Inner nodes.
    pub inner: usize,
    /// Memory of the nodes, with what is kept for reuse.
    pub bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Root {
    node: Ref,
    hash: Hash,
    count: u64,
}

/// All live versions of one state.
#[derive(Debug, Default)]
pub struct StateTree {
    nodes: Nodes,
    versions: HashMap<u64, Root>,
    last: u64,
}

impl StateTree {
    /// A new version: `parent` with `changes` made. Version 0 is the empty tree.
    ///
    /// # Errors
    /// [`StateError::NoSuchVersion`], [`StateError::Full`]; nothing was applied then.
    pub fn apply(&mut self, parent: u64, changes: &Changes) -> Result<Version, StateError> {
        self.apply_sorted(parent, changes.as_slice())
    }

    /// [`StateTree::apply`] of a part of [`Changes`].
    pub(crate) fn apply_sorted(
        &mut self,
        parent: u64,
        changes: &[Change],
    ) -> Result<Version, StateError> {
        let parent = self.find(parent)?;
        if !self.nodes.has_room(changes.len()) {
            return Err(StateError::Full {
                leaves: self.nodes.leaf_count(),
                inner: self.nodes.inner_count(),
            });
        }
        let mut update = Update::new(&mut self.nodes);
        let node = update.subtree(parent.node, 0, changes);
        let count = parent.count + update.added - update.removed;
        self.nodes.settle();
        let hash = self.nodes.hash(node);
        Ok(self.add(Root { node, hash, count }))
    }

    /// A second name of a live version, to be released like any other.
    ///
    /// # Errors
    /// [`StateError::NoSuchVersion`].
    pub fn duplicate(&mut self, version: u64) -> Result<Version, StateError> {
        let root = self.find(version)?;
        self.nodes.retain(root.node);
        Ok(self.add(root))
    }

    /// Root of a version (U2).
    ///
    /// # Errors
    /// [`StateError::NoSuchVersion`].
    pub fn root(&self, version: u64) -> Result<Hash, StateError> {
        Ok(self.find(version)?.hash)
    }

    /// Keys of a version.
    ///
    /// # Errors
    /// [`StateError::NoSuchVersion`].
    pub fn count(&self, version: u64) -> Result<u64, StateError> {
        Ok(self.find(version)?.count)
    }

    /// Proof that `key` has its value in a version, or that it has none (U7). [`crate::verify`] checks it.
    ///
    /// # Errors
    /// [`StateError::NoSuchVersion`].
    pub fn prove(&self, version: u64, key: &[u8]) -> Result<Vec<u8>, StateError> {
        self.prove_path(version, &path_of(key))
    }

    pub(crate) fn prove_path(&self, version: u64, path: &Hash) -> Result<Vec<u8>, StateError> {
        let root = self.find(version)?;
        Ok(proof::prove(&self.nodes, root.node, path))
    }

    /// Forgets a version and frees what no other one shares. Version 0 stays whatever is asked.
    ///
    /// # Errors
    /// [`StateError::NoSuchVersion`].
    pub fn release(&mut self, version: u64) -> Result<(), StateError> {
        if version == 0 {
            return Ok(());
        }
        let root = self.versions.remove(&version);
        self.nodes
            .release(root.ok_or(StateError::NoSuchVersion(version))?.node);
        Ok(())
    }

    /// What the tree holds.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            versions: self.versions.len(),
            leaves: self.nodes.leaf_count(),
            inner: self.nodes.inner_count(),
            bytes: self.nodes.bytes(),
        }
    }

    fn add(&mut self, root: Root) -> Version {
        self.last += 1;
        self.versions.insert(self.last, root);
        Version {
            number: self.last,
            root: root.hash,
        }
    }

    fn find(&self, version: u64) -> Result<Root, StateError> {
        if version == 0 {
            return Ok(Root {
                node: EMPTY,
                hash: empty_root(),
                count: 0,
            });
        }
        let root = self.versions.get(&version).copied();
        root.ok_or(StateError::NoSuchVersion(version))
    }
}
