//! The tree against RFC 6962's recursive definition, and verifiers against mutated proofs.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use pyralog_merkle::{
    Blake3Tree, MemoryNodes, MerkleError, RecordBytes, Sha256Tree, Tree, TreeHash, nodes_of,
    verify_consistency, verify_inclusion,
};
use pyralog_types::Hash;
use support::leaves;

/// MTH of RFC 6962 §2.1.
fn mth<H: TreeHash>(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => H::empty(),
        [one] => *one,
        many => {
            let k = many.len().next_power_of_two() / 2;
            H::node(&mth::<H>(&many[..k]), &mth::<H>(&many[k..]))
        }
    }
}

/// PATH of RFC 6962 §2.1.1.
fn path<H: TreeHash>(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (mut path, other) = if index < k {
        (path::<H>(index, &leaves[..k]), mth::<H>(&leaves[k..]))
    } else {
        (path::<H>(index - k, &leaves[k..]), mth::<H>(&leaves[..k]))
    };
    path.push(other);
    path
}

/// SUBPROOF of RFC 6962 §2.1.2.
fn subproof<H: TreeHash>(from: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if from == leaves.len() {
        return if whole {
            Vec::new()
        } else {
            vec![mth::<H>(leaves)]
        };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (mut proof, other) = if from <= k {
        (
            subproof::<H>(from, &leaves[..k], whole),
            mth::<H>(&leaves[k..]),
        )
    } else {
        (
            subproof::<H>(from - k, &leaves[k..], false),
            mth::<H>(&leaves[..k]),
        )
    };
    proof.push(other);
    proof
}

fn grown<H: TreeHash>(leaves: &[Hash], step: usize) -> Tree<H, MemoryNodes> {
    let mut tree = Tree::open(MemoryNodes::default(), 0, None).unwrap();
    for part in leaves.chunks(step.max(1)) {
        tree.append(part).unwrap();
    }
    tree
}

fn every_pair_up_to_70<H: TreeHash>() {
    let all = leaves::<H>(70);
    let tree = grown::<H>(&all, 7);
    for size in 0..=70_usize {
        let root = mth::<H>(&all[..size]);
        assert_eq!(tree.root_at(size as u64).unwrap(), root, "root at {size}");
        for index in 0..size {
            let proof = tree.inclusion(index as u64, size as u64).unwrap();
            assert_eq!(
                proof,
                path::<H>(index, &all[..size]),
                "path {index} in {size}"
            );
            assert!(verify_inclusion::<H>(
                (&all[index], index as u64),
                (&root, size as u64),
                &proof
            ));
        }
        for from in 0..=size {
            let old = mth::<H>(&all[..from]);
            let proof = tree.consistency(from as u64, size as u64).unwrap();
            if from > 0 {
                assert_eq!(
                    proof,
                    subproof::<H>(from, &all[..size], true),
                    "{from} to {size}"
                );
            }
            assert!(verify_consistency::<H>(
                (&old, from as u64),
                (&root, size as u64),
                &proof
            ));
        }
    }
}

#[test]
fn blake3_every_pair_up_to_70() {
    every_pair_up_to_70::<Blake3Tree>();
}

#[test]
fn sha256_every_pair_up_to_70() {
    every_pair_up_to_70::<Sha256Tree>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn random_trees_in_random_steps(size in 1_u64..5_000, step in 1_usize..3_000, pick in any::<u64>(), past in any::<u64>()) {
        let all = leaves::<Blake3Tree>(size);
        let tree = grown::<Blake3Tree>(&all, step);
        let past = past % size + 1;
        let index = pick % past;
        let root = mth::<Blake3Tree>(&all[..past as usize]);
        prop_assert_eq!(tree.root_at(past).unwrap(), root);
        let proof = tree.inclusion(index, past).unwrap();
        prop_assert_eq!(&proof, &path::<Blake3Tree>(index as usize, &all[..past as usize]));
        let consistency = tree.consistency(past, size).unwrap();
        prop_assert!(verify_consistency::<Blake3Tree>((&root, past), (&tree.root(), size), &consistency));
    }

    #[test]
    fn mutated_proofs_are_refused(size in 2_u64..600, pick in any::<u64>(), bit in 0_usize..256, which in any::<prop::sample::Index>()) {
        let all = leaves::<Blake3Tree>(size);
        let tree = grown::<Blake3Tree>(&all, 100);
        let index = pick % size;
        let (leaf, root) = (all[index as usize], tree.root());
        let good = tree.inclusion(index, size).unwrap();
        let check = |index, size, root: &Hash, path: &[Hash]| verify_inclusion::<Blake3Tree>((&leaf, index), (root, size), path);
        prop_assert!(check(index, size, &root, &good));

        let mut flipped = good.clone();
        let at = which.index(flipped.len());
        flipped[at][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!check(index, size, &root, &flipped));
        prop_assert!(!check(index, size, &root, &good[..good.len() - 1]));
        let mut longer = good.clone();
        longer.push([0; 32]);
        prop_assert!(!check(index, size, &root, &longer));
        prop_assert!(!check((index + 1) % size, size, &root, &good));
        prop_assert!(!check(size, size, &root, &good));
        let mut other = root;
        other[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!check(index, size, &other, &good));
    }

    #[test]
    fn mutated_consistency_is_refused(to in 3_u64..600, pick in any::<u64>(), bit in 0_usize..256, which in any::<prop::sample::Index>()) {
        let all = leaves::<Blake3Tree>(to);
        let tree = grown::<Blake3Tree>(&all, 64);
        let from = pick % (to - 1) + 1;
        let (old, new) = (tree.root_at(from).unwrap(), tree.root());
        let good = tree.consistency(from, to).unwrap();
        let check = |old: &Hash, path: &[Hash]| verify_consistency::<Blake3Tree>((old, from), (&new, to), path);
        prop_assert!(check(&old, &good));
        let mut flipped = good.clone();
        let at = which.index(flipped.len());
        flipped[at][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!check(&old, &flipped));
        prop_assert!(!check(&old, &good[..good.len() - 1]));
        let mut longer = good.clone();
        longer.push([7; 32]);
        prop_assert!(!check(&old, &longer));
        let mut other = old;
        other[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!check(&other, &good));
    }
}

#[test]
fn questions_beyond_the_tree_are_refused() {
    let tree = grown::<Blake3Tree>(&leaves::<Blake3Tree>(5), 5);
    assert!(matches!(
        tree.root_at(6),
        Err(MerkleError::OutOfRange { size: 5, asked: 6 })
    ));
    assert!(tree.inclusion(5, 5).is_err());
    assert!(tree.inclusion(0, 6).is_err());
    assert!(tree.inclusion(0, 0).is_err());
    assert!(tree.consistency(3, 2).is_err());
    assert!(tree.consistency(0, 6).is_err());
    assert!(tree.leaf(5).is_err());
    assert!(tree.leaf(u64::MAX).is_err());
}

#[test]
fn truncation_is_as_if_never_appended() {
    let all = leaves::<Blake3Tree>(300);
    let mut tree = grown::<Blake3Tree>(&all, 300);
    tree.truncate(101).unwrap();
    tree.append(&all[101..200]).unwrap();
    assert_eq!(tree.root(), mth::<Blake3Tree>(&all[..200]));
    assert!(tree.truncate(201).is_err());
}

#[test]
fn opening_ten_million_leaves_takes_at_most_64_hashes() {
    let size = 10_000_000_u64;
    let mut tree: Tree<Blake3Tree, _> = Tree::open(Sparse::default(), 0, None).unwrap();
    let mut leaf = [0; 32];
    for chunk in 0..size / 50_000 {
        let leaves: Vec<Hash> = (0..50_000)
            .map(|i| {
                leaf[..8].copy_from_slice(&(chunk * 50_000 + i).to_le_bytes());
                leaf
            })
            .collect();
        tree.append(&leaves).unwrap();
    }
    let root = tree.root();
    let store = Sparse {
        len: nodes_of(size),
        peaks: tree_peaks(&tree, size),
        reads: AtomicU64::new(0),
    };
    COUNTED.set(0);
    let opened: Tree<Counting, _> = Tree::open(store, size, Some(&root)).unwrap();
    let counted = COUNTED.get();
    assert!((1..=64).contains(&counted), "{counted} hashes");
    assert_eq!(opened.hashes(), counted, "what the tree reports");
    let reads = opened.store().reads.load(Ordering::Relaxed);
    assert!((1..=64).contains(&reads), "{reads} reads");
    assert_eq!(opened.root(), root);

    let wrong = Sparse {
        len: nodes_of(size),
        peaks: vec![],
        reads: AtomicU64::new(0),
    };
    assert!(matches!(
        Tree::<Blake3Tree, _>::open(wrong, size, Some(&root)),
        Err(MerkleError::Damaged { .. })
    ));
}

thread_local! {
    static COUNTED: Cell<u64> = const { Cell::new(0) };
}

/// Counts every hash that is really computed.
struct Counting;

impl TreeHash for Counting {
    fn empty() -> Hash {
        Blake3Tree::empty()
    }

    fn leaf(record: &RecordBytes) -> Hash {
        COUNTED.set(COUNTED.get() + 1);
        Blake3Tree::leaf(record)
    }

    fn node(left: &Hash, right: &Hash) -> Hash {
        COUNTED.set(COUNTED.get() + 1);
        Blake3Tree::node(left, right)
    }
}

fn tree_peaks(tree: &Tree<Blake3Tree, Sparse>, size: u64) -> Vec<(u64, Hash)> {
    // The root of a complete subtree is the root of its leaves: taken from proofs would be circular, so recorded.
    (0..64)
        .filter(|height| size >> height & 1 == 1)
        .map(|height| {
            let at = pyralog_merkle::position(height, (size >> height) - 1);
            (at, tree.store().at(at))
        })
        .collect()
}

/// Remembers only what opening may read, so that the test needs no 640 MB.
#[derive(Default)]
struct Sparse {
    len: u64,
    peaks: Vec<(u64, Hash)>,
    reads: AtomicU64,
}

impl Sparse {
    fn at(&self, position: u64) -> Hash {
        self.peaks
            .iter()
            .find(|(at, _)| *at == position)
            .map_or([0; 32], |(_, hash)| *hash)
    }
}

impl pyralog_merkle::NodeStore for Sparse {
    fn len(&self) -> u64 {
        self.len
    }

    fn get(&self, position: u64) -> Result<Hash, MerkleError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.at(position))
    }

    fn append(&mut self, hashes: &[Hash]) -> Result<(), MerkleError> {
        let wanted = (0..64)
            .filter(|height| 10_000_000_u64 >> height & 1 == 1)
            .map(|height| pyralog_merkle::position(height, (10_000_000 >> height) - 1));
        for at in wanted {
            if (self.len..self.len + hashes.len() as u64).contains(&at) {
                self.peaks.push((at, hashes[(at - self.len) as usize]));
            }
        }
        self.len += hashes.len() as u64;
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> Result<(), MerkleError> {
        self.len = len;
        Ok(())
    }

    fn restart(&mut self, len: u64, _nodes: &[(u64, Hash)]) -> Result<(), MerkleError> {
        self.len = len;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), MerkleError> {
        Ok(())
    }
}
