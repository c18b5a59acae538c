//! The node file: windows, truncation, damage.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use pyralog_merkle::{Blake3Tree, FileNodes, MemoryNodes, MerkleError, NodeStore, Tree, nodes_of};
use support::{Bytes, leaves};

#[test]
fn a_file_gives_what_memory_gives() {
    let all = leaves::<Blake3Tree>(300_000);
    let file = Bytes::default();
    let nodes = FileNodes::open(Box::new(file.clone()), 0).unwrap();
    let mut in_file: Tree<Blake3Tree, _> = Tree::open(nodes, 0, None).unwrap();
    let mut in_memory: Tree<Blake3Tree, _> = Tree::open(MemoryNodes::default(), 0, None).unwrap();
    for part in all.chunks(7_919) {
        in_file.append(part).unwrap();
        in_memory.append(part).unwrap();
    }
    in_file.sync().unwrap();
    let root = in_memory.root();
    assert_eq!(in_file.root(), root);

    let nodes = FileNodes::open(Box::new(file), nodes_of(300_000)).unwrap();
    let reopened: Tree<Blake3Tree, _> = Tree::open(nodes, 300_000, Some(&root)).unwrap();
    for index in (0..300_000).step_by(4_093) {
        assert_eq!(
            reopened.inclusion(index, 299_999.max(index + 1)).unwrap(),
            in_memory.inclusion(index, 299_999.max(index + 1)).unwrap(),
        );
    }
}

#[test]
fn truncation_works_across_windows() {
    let all = leaves::<Blake3Tree>(200_000);
    let file = Bytes::default();
    let nodes = FileNodes::open(Box::new(file), 0).unwrap();
    let mut tree: Tree<Blake3Tree, _> = Tree::open(nodes, 0, None).unwrap();
    tree.append(&all).unwrap();
    for size in [190_001, 65_537, 65_536, 3, 0] {
        tree.truncate(size).unwrap();
        let mut fresh: Tree<Blake3Tree, _> = Tree::open(MemoryNodes::default(), 0, None).unwrap();
        fresh.append(&all[..size as usize]).unwrap();
        assert_eq!(tree.root(), fresh.root(), "at {size}");
    }
    tree.append(&all).unwrap();
    assert_eq!(tree.size(), 200_000);
}

#[test]
fn a_short_file_and_a_damaged_peak_are_seen() {
    let file = Bytes::default();
    let nodes = FileNodes::open(Box::new(file.clone()), 0).unwrap();
    let mut tree: Tree<Blake3Tree, _> = Tree::open(nodes, 0, None).unwrap();
    tree.append(&leaves::<Blake3Tree>(1_000)).unwrap();
    tree.sync().unwrap();
    let root = tree.root();

    let more = FileNodes::open(Box::new(file.clone()), nodes_of(1_001));
    assert!(matches!(more.err(), Some(MerkleError::Short { .. })));

    let last = nodes_of(1_000) as usize * 32 - 1;
    file.bytes.lock().unwrap()[last] ^= 1;
    let nodes = FileNodes::open(Box::new(file), nodes_of(1_000)).unwrap();
    assert_eq!(nodes.len(), nodes_of(1_000));
    let opened: Result<Tree<Blake3Tree, _>, _> = Tree::open(nodes, 1_000, Some(&root));
    assert!(matches!(
        opened.err(),
        Some(MerkleError::Damaged { size: 1_000 })
    ));
}

#[test]
fn a_full_disk_costs_memory_and_not_the_tree() {
    let all = leaves::<Blake3Tree>(200_000);
    let file = Bytes::default();
    let full = file.full.clone();
    let nodes = FileNodes::open(Box::new(file.clone()), 0).unwrap();
    let mut tree: Tree<Blake3Tree, _> = Tree::open(nodes, 0, None).unwrap();
    tree.append(&all[..70_000]).unwrap();
    full.store(true, std::sync::atomic::Ordering::Relaxed);
    for part in all[70_000..].chunks(9_000) {
        tree.append(part).unwrap();
    }
    assert!(
        tree.sync().is_err(),
        "the trouble shows where it can be acted on"
    );
    let mut fresh: Tree<Blake3Tree, _> = Tree::open(MemoryNodes::default(), 0, None).unwrap();
    fresh.append(&all).unwrap();
    for index in (0..200_000).step_by(3_571) {
        assert_eq!(
            tree.inclusion(index, 200_000).unwrap(),
            fresh.inclusion(index, 200_000).unwrap()
        );
    }
    full.store(false, std::sync::atomic::Ordering::Relaxed);
    tree.sync().unwrap();
    let root = tree.root();
    let nodes = FileNodes::open(Box::new(file), nodes_of(200_000)).unwrap();
    let reopened: Tree<Blake3Tree, _> = Tree::open(nodes, 200_000, Some(&root)).unwrap();
    assert_eq!(reopened.root(), fresh.root());
}
