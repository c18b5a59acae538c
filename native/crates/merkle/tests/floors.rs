//! Trees that keep no nodes below a floor, against the tree that keeps them all (M4, M5, M6).
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use proptest::prelude::*;
use pyralog_merkle::{
    Blake3Tree, FileNodes, LeafSource, MemoryNodes, MerkleError, NodeFile, NodeStore, Sha256Tree,
    Tree, TreeHash, nodes_of, position,
};
use pyralog_types::Hash;
use support::{Bytes, leaves};

/// Leaves `first` to the end of `all`, as segments would have them, and roots of those before.
struct Sealed<'a> {
    first: u64,
    all: &'a [Hash],
    roots: Vec<Hash>,
}

/// Roots of the maximal complete subtrees of the first `size` leaves, largest first.
fn roots_of<H: TreeHash>(leaves: &[Hash], size: u64) -> Vec<Hash> {
    let whole = whole::<H>(&leaves[..size as usize]);
    (0..64)
        .rev()
        .filter(|height| size >> height & 1 == 1)
        .map(|height| {
            let at = position(height, (size >> height) - 1);
            whole.store().get(at).unwrap()
        })
        .collect()
}

impl LeafSource for Sealed<'_> {
    fn read(&self, first: u64, out: &mut [Hash]) -> Result<(), MerkleError> {
        if first < self.first || first as usize + out.len() > self.all.len() {
            return Err(MerkleError::NotAtHand { offset: first });
        }
        out.copy_from_slice(&self.all[first as usize..first as usize + out.len()]);
        Ok(())
    }

    fn gone(&self) -> Option<(u64, Vec<Hash>)> {
        (self.first > 0).then(|| (self.first, self.roots.clone()))
    }
}

fn whole<H: TreeHash>(leaves: &[Hash]) -> Tree<H, MemoryNodes> {
    let mut tree = Tree::open(MemoryNodes::default(), 0, None).unwrap();
    tree.append(leaves).unwrap();
    tree
}

fn above<H: TreeHash>(floor: u32) -> Tree<H, MemoryNodes> {
    Tree::open_above(floor, MemoryNodes::default(), 0, None).unwrap()
}

/// Whether two trees answer every question alike; `from` is the first offset and size that is asked for.
fn alike<H: TreeHash, S: NodeStore>(
    tree: &Tree<H, S>,
    whole: &Tree<H, MemoryNodes>,
    (source, from): (&dyn LeafSource, u64),
) {
    assert_eq!((tree.size(), tree.root()), (whole.size(), whole.root()));
    let proofs = tree.proofs(source);
    let size = tree.size();
    for at in from..=size {
        assert_eq!(proofs.root_at(at).unwrap(), whole.root_at(at).unwrap());
        for index in from..at {
            let path = proofs.inclusion(index, at).unwrap();
            assert_eq!(path, whole.inclusion(index, at).unwrap(), "{index} in {at}");
        }
        for old in from..=at {
            let path = proofs.consistency(old, at).unwrap();
            assert_eq!(path, whole.consistency(old, at).unwrap(), "{old} to {at}");
        }
    }
    for index in from..size {
        assert_eq!(proofs.leaf(index).unwrap(), whole.leaf(index).unwrap());
        let checked = proofs.checked_leaves(index).unwrap().unwrap();
        assert_eq!(checked.leaf(index), Some(&whole.leaf(index).unwrap()));
    }
}

fn every_question_up_to_70<H: TreeHash>(floor: u32) {
    let all = leaves::<H>(70);
    for (size, sealed) in [
        (70, 0),
        (70, 41),
        (70, 70),
        (64, 64),
        (48, 33),
        (15, 9),
        (1, 1),
    ] {
        let mut tree = above::<H>(floor);
        for part in all[..size].chunks(7) {
            tree.append(part).unwrap();
        }
        tree.forget_before(sealed as u64);
        assert_eq!(tree.store().len(), nodes_of(size as u64 >> floor));
        let source = Sealed {
            first: 0,
            all: &all[..sealed],
            roots: Vec::new(),
        };
        alike(&tree, &whole::<H>(&all[..size]), (&source, 0));
    }
}

#[test]
fn every_question_is_answered_as_by_the_whole_tree() {
    for floor in [0, 1, 2, 4, 5] {
        every_question_up_to_70::<Blake3Tree>(floor);
        every_question_up_to_70::<Sha256Tree>(floor);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Appended in steps, sealed, opened again at some trusted size, truncated: always the whole tree.
    #[test]
    fn random_lives(
        floor in 0_u32..6,
        steps in prop::collection::vec((1_usize..3_000, 0_u64..4_000, 0_u8..4), 1..8),
        picks in prop::collection::vec((any::<u64>(), any::<u64>()), 20),
    ) {
        let total: usize = steps.iter().map(|(count, _, _)| count).sum();
        let all = leaves::<Blake3Tree>(total as u64);
        let mut tree = above::<Blake3Tree>(floor);
        let mut sealed = 0;
        for (count, lag, then) in steps {
            let size = tree.size() as usize;
            tree.append(&all[size..size + count]).unwrap();
            sealed = tree.size().saturating_sub(lag).max(sealed);
            tree.forget_before(sealed);
            match then {
                // Opened again: trusted to where groups are complete, the rest comes again.
                0 => tree = reopened(&tree, &all, sealed),
                1 => {
                    // Of the group that a reopened tree found half sealed, only the later leaves are in memory.
                    let least = sealed.next_multiple_of(1 << floor);
                    let size = least.max(tree.size().saturating_sub(lag / 2));
                    tree.truncate(size.min(tree.size())).unwrap();
                }
                _ => {}
            }
        }
        let size = tree.size();
        let whole = whole::<Blake3Tree>(&all[..size as usize]);
        prop_assert_eq!(tree.root(), whole.root());
        let source = Sealed { first: 0, all: &all[..sealed as usize], roots: Vec::new() };
        let proofs = tree.proofs(&source);
        for (first, second) in picks {
            // All of it may have been truncated.
            let at = first % size.max(1) + size.min(1);
            let index = second % at.max(1);
            if index == at {
                continue;
            }
            prop_assert_eq!(proofs.root_at(at).unwrap(), whole.root_at(at).unwrap());
            prop_assert_eq!(proofs.leaf(index).unwrap(), all[index as usize]);
            prop_assert_eq!(proofs.inclusion(index, at).unwrap(), whole.inclusion(index, at).unwrap());
            prop_assert_eq!(proofs.consistency(index, at).unwrap(), whole.consistency(index, at).unwrap());
            let checked = proofs.checked_leaves(index).unwrap().unwrap();
            prop_assert_eq!(checked.leaf(index), Some(&all[index as usize]));
        }
    }

    /// What retention leaves: the roots of what is gone, and the leaves behind.
    #[test]
    fn goes_on_from_roots(floor in 0_u32..6, from in 0_u64..150, more in 0_usize..90, sealed in 0_u64..90) {
        let all = leaves::<Blake3Tree>(from + more as u64);
        let roots = roots_of::<Blake3Tree>(&all, from);
        let mut tree = above::<Blake3Tree>(floor);
        tree.append(&all[..more.min(5)]).unwrap(); // whatever it was
        tree.restart(from, &roots).unwrap();
        prop_assert_eq!(tree.root(), whole::<Blake3Tree>(&all[..from as usize]).root());
        tree.append(&all[from as usize..]).unwrap();
        let sealed = (from + sealed).min(tree.size());
        tree.forget_before(sealed);
        let source = Sealed { first: from, all: &all[..sealed as usize], roots: roots.clone() };
        alike(&tree, &whole::<Blake3Tree>(&all), (&source, from));
        if floor > 0 {
            for index in (0..from).filter(|index| index >> floor == from >> floor) {
                let refused = tree.proofs(&source).leaf(index);
                let alone = index + 1 == from && from & 1 == 1;
                prop_assert_eq!(refused.is_err(), !alone, "{} of {}", index, from);
            }
        }
        let too_many = [&roots[..], &[[0; 32]]].concat();
        prop_assert!(tree.restart(from, &too_many).is_err());
    }
}

fn reopened(
    tree: &Tree<Blake3Tree, MemoryNodes>,
    all: &[Hash],
    sealed: u64,
) -> Tree<Blake3Tree, MemoryNodes> {
    let (floor, size) = (tree.floor(), tree.size());
    let trusted = size >> floor << floor;
    let mut store = MemoryNodes::default();
    for at in 0..nodes_of(trusted >> floor) {
        store.append(&[tree.store().get(at).unwrap()]).unwrap();
    }
    let source = Sealed {
        first: 0,
        all: &all[..sealed as usize],
        roots: Vec::new(),
    };
    let root = tree.proofs(&source).root_at(trusted).unwrap();
    let mut again = Tree::open_above(floor, store, trusted, Some(&root)).unwrap();
    again.hold_from(sealed);
    let from = again.wanted_from();
    assert_eq!(
        from,
        if floor == 0 {
            trusted
        } else {
            sealed.min(trusted)
        }
    );
    let hashes = again.hashes();
    let until = trusted.max(from) as usize;
    again.append(&all[from as usize..until]).unwrap();
    assert_eq!(
        again.hashes(),
        hashes,
        "leaves it counts are not hashed again"
    );
    again.append(&all[until..size as usize]).unwrap();
    again.forget_before(sealed);
    again
}

#[test]
fn a_size_within_a_group_is_not_trusted() {
    let opened: Result<Tree<Blake3Tree, _>, _> =
        Tree::open_above(4, MemoryNodes::default(), 17, None);
    assert!(matches!(
        opened.err(),
        Some(MerkleError::Uneven {
            size: 17,
            group: 16
        })
    ));
}

#[test]
fn leaves_that_nobody_has_are_an_error() {
    let all = leaves::<Blake3Tree>(5_000);
    let mut tree = above::<Blake3Tree>(4);
    tree.append(&all).unwrap();
    tree.forget_before(4_999);
    assert!(matches!(
        tree.inclusion(3, 4_990),
        Err(MerkleError::NotAtHand { .. })
    ));
    assert!(tree.truncate(9).is_err());
    assert_eq!(
        tree.root(),
        whole::<Blake3Tree>(&all).root(),
        "nothing was changed"
    );
    tree.inclusion(4_998, 5_000).unwrap();
}

#[test]
fn a_wrong_leaf_or_node_does_not_pass_the_check() {
    let all = leaves::<Blake3Tree>(70);
    let mut tree = above::<Blake3Tree>(4);
    tree.append(&all).unwrap();
    tree.hold_from(70);
    let mut wrong = all.clone();
    wrong[20][3] ^= 1;
    wrong[67][3] ^= 1;
    let source = Sealed {
        first: 0,
        all: &wrong,
        roots: Vec::new(),
    };
    let proofs = tree.proofs(&source);
    for (index, right) in [
        (5, true),
        (16, false),
        (31, false),
        (32, true),
        (69, true),
        (66, false),
    ] {
        let checked = proofs.checked_leaves(index).unwrap();
        // 68 and 69 have a peak of their own; a group is right or wrong as a whole.
        assert_eq!(checked.is_some(), right && index != 69, "{index}");
    }
}

#[test]
fn a_file_above_a_floor_is_small_and_goes_on_from_roots() {
    let all = leaves::<Blake3Tree>(300_000);
    let file = Bytes::default();
    let nodes = FileNodes::open(Box::new(file.clone()), 0).unwrap();
    let mut tree: Tree<Blake3Tree, _> = Tree::open_above(4, nodes, 0, None).unwrap();
    for part in all.chunks(8_192) {
        tree.append(part).unwrap();
    }
    tree.sync().unwrap();
    let bytes = file.len().unwrap();
    assert!(bytes <= 4 * 300_000, "{bytes} bytes for 300,000 records");

    let from = 290_007_u64;
    let whole = whole::<Blake3Tree>(&all);
    let roots = roots_of::<Blake3Tree>(&all, from);
    tree.restart(from, &roots).unwrap();
    tree.append(&all[from as usize..]).unwrap();
    tree.sync().unwrap();
    assert_eq!(tree.root(), whole.root());
    let nodes = FileNodes::open(Box::new(file), nodes_of(300_000 >> 4)).unwrap();
    let mut tree: Tree<Blake3Tree, _> =
        Tree::open_above(4, nodes, 300_000, Some(&whole.root())).unwrap();
    tree.hold_from(300_000);
    let source = Sealed {
        first: from,
        all: &all,
        roots: roots.clone(),
    };
    let proofs = tree.proofs(&source);
    for index in (from..300_000).step_by(97) {
        for size in [300_000, 299_999, index + 1] {
            assert_eq!(
                proofs.inclusion(index, size).unwrap(),
                whole.inclusion(index, size).unwrap()
            );
        }
    }
}
