//! Roots and proofs after rows are gone: what is kept gives the same ones as the whole tree (Y7, Y9).

use std::collections::HashMap;

use proptest::prelude::*;
use pyralog_manifest::Policy;
use pyralog_merkle::{
    Blake3Tree, MemoryNodes, MerkleError, NodeStore, Sha256Tree, Tree, TreeHash, nodes_of,
    position, verify_inclusion,
};
use pyralog_types::Hash;

use super::{Owned, PARTITION, Store, at, latest};
use crate::{Facts, WhichTree};

/// A node file of which only what the manifest keeps is left.
#[derive(Default)]
struct Pruned {
    nodes: HashMap<u64, Hash>,
    length: u64,
}

impl NodeStore for Pruned {
    fn len(&self) -> u64 {
        self.length
    }

    fn get(&self, at: u64) -> Result<Hash, MerkleError> {
        let found = self.nodes.get(&at).copied();
        found.ok_or(MerkleError::OutOfRange { size: 0, asked: at })
    }

    fn append(&mut self, hashes: &[Hash]) -> Result<(), MerkleError> {
        for hash in hashes {
            self.nodes.insert(self.length, *hash);
            self.length += 1;
        }
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> Result<(), MerkleError> {
        self.nodes.retain(|at, _| *at < len);
        self.length = len;
        Ok(())
    }

    fn restart(&mut self, len: u64, nodes: &[(u64, Hash)]) -> Result<(), MerkleError> {
        self.nodes = nodes.iter().copied().collect();
        self.length = len;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), MerkleError> {
        Ok(())
    }
}

/// The tree that the roots and the kept leaf hashes make.
fn rebuild<H: TreeHash>(from: u64, roots: &[Hash], leaves: &[Hash]) -> Tree<H, Pruned> {
    let mut pruned = Pruned {
        length: nodes_of(from),
        ..Pruned::default()
    };
    let mut end = 0;
    for (bit, root) in (0..64).rev().filter(|bit| from >> bit & 1 == 1).zip(roots) {
        end += 1 << bit;
        pruned.nodes.insert(position(bit, (end >> bit) - 1), *root);
    }
    let mut tree = Tree::open(pruned, from, None).unwrap();
    tree.append(leaves).unwrap();
    tree
}

fn check<H: TreeHash>(store: &Store, which: WhichTree, leaves: &[Hash]) {
    let version = store.manifest.current();
    let state = version.partition(PARTITION).unwrap();
    let roots = match which {
        WhichTree::Blake3 => state.roots(),
        WhichTree::Sha256 => state.sha256_roots(),
    };
    let from = state.hashes_from();
    let mut whole: Tree<H, _> = Tree::open(MemoryNodes::default(), 0, None).unwrap();
    whole.append(leaves).unwrap();
    let kept = store.hashes(which);
    assert_eq!(kept, leaves[from as usize..]);
    let tree = rebuild::<H>(from, roots, &kept);
    assert_eq!(tree.root(), whole.root());
    let size = leaves.len() as u64;
    for index in from..size {
        let path = tree.inclusion(index, size).unwrap();
        assert_eq!(path, whole.inclusion(index, size).unwrap());
        let leaf = &leaves[index as usize];
        assert!(verify_inclusion::<H>(
            (leaf, index),
            (&whole.root(), size),
            &path
        ));
    }
    for at in from..=size {
        assert_eq!(
            tree.consistency(at, size).unwrap(),
            whole.consistency(at, size).unwrap()
        );
    }
}

fn check_both(store: &Store, sha256: bool) {
    let hashes: Vec<Hash> = store.rows.iter().map(Owned::hash).collect();
    check::<Blake3Tree>(store, WhichTree::Blake3, &hashes);
    if sha256 {
        let hashes: Vec<Hash> = store.rows.iter().map(Owned::sha256).collect();
        check::<Sha256Tree>(store, WhichTree::Sha256, &hashes);
    }
    for row in store.readable() {
        assert_eq!(row, store.rows[row.offset as usize]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn roots_and_proofs_stay(
        rounds in prop::collection::vec((prop::collection::vec(1_usize..9, 1..4), 0_u64..40, 0_u64..400, any::<bool>()), 1..5),
        sha256 in any::<bool>(), cold in any::<bool>(), merge_bytes in 0_u64..60,
    ) {
        let mut store = Store::new();
        for (seals, final_offset, keep, compact) in rounds {
            for rows in seals {
                let rows: Vec<_> = (0..rows).map(|at| (Some(["a", "b", "c"][at % 3]), Some("value"))).collect();
                store.seal(&rows);
            }
            store.set_policy(Policy {
                latest_by_key: compact,
                retain_bytes: Some(keep),
                merge_bytes,
                cold_after_ms: cold.then_some(0),
                ..latest()
            });
            let facts = Facts { now_ms: 1_100, final_offset, sha256 };
            store.maintain(&facts).unwrap();
            check_both(&store, sha256);
        }
    }
}

#[test]
pub(super) fn both_trees_outlive_compaction() {
    let mut store = Store::new();
    store.seal(&[(Some("a"), Some("1")), (Some("b"), Some("1"))]);
    store.seal(&[(Some("a"), Some("2"))]);
    store.set_policy(latest());
    store
        .maintain(&Facts {
            sha256: true,
            ..at(0)
        })
        .unwrap();
    assert_eq!(store.readable().len(), 2);
    check_both(&store, true);
}

#[test]
fn a_sha256_tree_needs_its_hashes_kept() {
    let mut store = Store::new();
    store.seal(&[(None, Some("a"))]);
    store.seal(&[(None, Some("b"))]);
    store.set_policy(Policy {
        retain_from: Some(1),
        ..Policy::default()
    });
    store.maintain(&at(0)).unwrap();
    let facts = Facts {
        final_offset: 1,
        sha256: true,
        ..at(0)
    };
    let error = store.maintain(&facts).unwrap_err();
    assert!(error.to_string().contains("SHA-256"), "{error}");
    check_both(&store, false);
}
