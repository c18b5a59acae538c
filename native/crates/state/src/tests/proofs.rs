//! Each key has exactly one proof, and nothing else is taken for one.

use proptest::prelude::*;

use super::*;
use crate::StateTree;
use crate::proof::verify_path;

fn crowd() -> impl Strategy<Value = Model> {
    let path = prop_oneof![any::<u8>().prop_map(crowded_path), any::<[u8; 32]>()];
    let value = any::<u8>().prop_map(|byte| [byte; 32]);
    proptest::collection::btree_map(path, value, 0..40)
}

fn tree_of(model: &Model) -> (StateTree, u64, Hash) {
    let list: Vec<Change> = model
        .iter()
        .map(|(path, value)| Change {
            path: *path,
            value: Some(*value),
        })
        .collect();
    let mut tree = StateTree::default();
    let made = tree.apply(0, &changes(&list)).expect("version 0 lives");
    (tree, made.number, made.root)
}

/// Everything that is one bit, one byte or one hash away from `proof`.
fn neighbours(proof: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for index in 0..proof.len() * 8 {
        let mut flipped = proof.to_vec();
        flipped[index / 8] ^= 1 << (index % 8);
        out.push(flipped);
    }
    for length in [0, 1, 2, proof.len() - 1, proof.len().saturating_sub(32)] {
        out.push(proof[..length].to_vec());
    }
    for tail in [1, 32, 64] {
        out.push([proof, &vec![0; tail]].concat());
        out.push([proof, &empty_root().repeat(2)[..tail]].concat());
    }
    out.retain(|other| other != proof);
    out
}

fn refused_beside(
    (root, path, value): (&Hash, &Hash, Option<&Hash>),
    proof: &[u8],
) -> Result<(), TestCaseError> {
    prop_assert!(verify_path(root, path, value, proof));
    for other in neighbours(proof) {
        prop_assert!(!verify_path(root, path, value, &other), "{:?}", other);
        prop_assert!(!verify_path(root, path, None, &other), "{:?}", other);
    }
    // What it proves is not its opposite, and not another value's.
    let opposite = if value.is_some() {
        None
    } else {
        Some(&[7; 32])
    };
    prop_assert!(!verify_path(root, path, opposite, proof));
    prop_assert!(!verify_path(root, path, Some(&empty_root()), proof));
    prop_assert!(!verify_path(&[1; 32], path, value, proof));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_key_present_or_absent_has_one_proof(
        model in crowd(),
        strangers in proptest::collection::vec(
            prop_oneof![any::<u8>().prop_map(crowded_path), any::<[u8; 32]>()], 1..6),
    ) {
        let (tree, number, root) = tree_of(&model);
        for path in model.keys().take(6).chain(&strangers) {
            let proof = tree.prove_path(number, path).expect("alive");
            refused_beside((&root, path, model.get(path)), &proof)?;
        }
    }

    #[test]
    fn a_proof_serves_one_path_only(model in crowd(), bit in 0_usize..256) {
        let (tree, number, root) = tree_of(&model);
        for (path, value) in model.iter().take(4) {
            let proof = tree.prove_path(number, path).expect("alive");
            let mut other = *path;
            other[bit / 8] ^= 0x80 >> (bit % 8);
            prop_assert!(!verify_path(&root, &other, Some(value), &proof));
        }
    }

    #[test]
    fn noise_is_refused(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (_, _, root) = tree_of(&Model::from([([0; 32], [1; 32]), ([255; 32], [1; 32])]));
        prop_assert!(!verify_path(&root, &[9; 32], None, &noise));
        prop_assert!(!verify_path(&root, &[9; 32], Some(&[9; 32]), &noise));
    }
}

/// Hash of an inner node whose children are empty and a leaf: what a tree that breaks U3 would hold.
#[test]
fn a_leaf_below_its_place_is_refused() {
    let (path, value) = ([0; 32], [1; 32]);
    let deep = node_hash(&leaf_hash(&path, &value), &empty_root());
    assert!(!verify_path(&deep, &path, Some(&value), &[0, 1, 0, 0x00]));
    let spelled = [&[0, 1, 0, 0x80][..], &empty_root()].concat();
    assert!(
        !verify_path(&deep, &path, Some(&value), &spelled),
        "an empty sibling is not spelled out"
    );
}

#[test]
fn the_other_leaf_must_be_another_and_stand_in_the_way() {
    let model = Model::from([([0x00; 32], [1; 32]), ([0xff; 32], [2; 32])]);
    let (tree, number, root) = tree_of(&model);
    let near = [0x7f; 32];
    let proof = tree.prove_path(number, &near).expect("alive");
    assert_eq!(proof[0], 2);
    assert!(verify_path(&root, &near, None, &proof));
    assert!(
        !verify_path(&root, &[0x00; 32], None, &proof),
        "the key itself is there"
    );
    assert!(
        !verify_path(&root, &[0x80; 32], None, &proof),
        "the leaf stands on the other side"
    );
}

/// A root that no tree of U3 has: the leaf of 0xff… on the left, where only keys below 0x80… belong.
#[test]
fn a_leaf_on_the_wrong_side_is_no_absence_even_under_such_a_root() {
    let (other, value) = ([0xff; 32], [1; 32]);
    let beside = leaf_hash(&[0xfe; 32], &value);
    let root = node_hash(&leaf_hash(&other, &value), &beside);
    let proof = [&[2, 1, 0, 0x80][..], &beside, &other, &value].concat();
    assert!(!verify_path(&root, &[0x01; 32], None, &proof));
    // The same on its own side is one.
    let root = node_hash(&beside, &leaf_hash(&other, &value));
    assert!(verify_path(&root, &[0x81; 32], None, &proof));
}

#[test]
fn the_deepest_leaves_there_can_be() {
    let mut last = [0x5a; 32];
    last[31] ^= 1;
    let model = Model::from([([0x5a; 32], [1; 32]), (last, [2; 32])]);
    let (tree, number, root) = tree_of(&model);
    assert_eq!(root, root_of(&model));
    let proof = tree.prove_path(number, &last).expect("alive");
    assert_eq!((&proof[..3], proof.len()), (&[0, 0, 1][..], 3 + 32 + 32));
    assert!(verify_path(&root, &last, Some(&[2; 32]), &proof));
}

#[test]
fn the_empty_tree_proves_absence() {
    let proof = StateTree::default()
        .prove(0, b"anything")
        .expect("version 0");
    assert_eq!(proof, [1, 0, 0]);
    assert!(crate::verify(&empty_root(), b"anything", None, &proof));
    assert!(!crate::verify(
        &empty_root(),
        b"anything",
        Some(b""),
        &proof
    ));
}

#[test]
fn proofs_in_a_tree_of_many_keys_are_short() {
    let list: Vec<Change> = (0..100_000_u32)
        .map(|number| Change {
            path: *blake3::hash(&number.to_le_bytes()).as_bytes(),
            value: Some([3; 32]),
        })
        .collect();
    let mut tree = StateTree::default();
    let number = tree.apply(0, &changes(&list)).expect("version 0").number;
    let longest = (0..102_000_u32)
        .map(|key| tree.prove(number, &key.to_le_bytes()).expect("alive").len())
        .max();
    assert!(longest <= Some(700), "{longest:?}"); // 10 times the keys add 3.3 hashes: 800 at a million
}
