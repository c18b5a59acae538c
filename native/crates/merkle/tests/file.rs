//! The node file: windows, truncation, damage.
#![allow(missing_docs, clippy::unwrap_used)]

use std::io;
use std::sync::{Arc, Mutex};

use pyralog_merkle::{
    Blake3Tree, FileNodes, Mapped, MemoryNodes, MerkleError, NodeFile, NodeStore, Tree, nodes_of,
};
use pyralog_types::Hash;

#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>, Arc<std::sync::atomic::AtomicBool>);

impl NodeFile for Bytes {
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.lock().unwrap();
        let part = bytes
            .get(at as usize..at as usize + out.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if self.1.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut all = self.0.lock().unwrap();
        let end = at as usize + bytes.len();
        if all.len() < end {
            all.resize(end, 0);
        }
        all[at as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().resize(len as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn map(&self, at: u64, len: usize) -> Option<Mapped> {
        // Every second window only, so that both ways of reading are taken.
        let copy = self.0.lock().unwrap()[at as usize..at as usize + len].to_vec();
        (at / len as u64)
            .is_multiple_of(2)
            .then(|| Box::new(copy) as Mapped)
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|i| *blake3_of(i).as_bytes()).collect()
}

fn blake3_of(i: u64) -> blake3::Hash {
    blake3::hash(&i.to_le_bytes())
}

#[test]
fn a_file_gives_what_memory_gives() {
    let all = leaves(300_000);
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
    let all = leaves(200_000);
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
    tree.append(&leaves(1_000)).unwrap();
    tree.sync().unwrap();
    let root = tree.root();

    let more = FileNodes::open(Box::new(file.clone()), nodes_of(1_001));
    assert!(matches!(more.err(), Some(MerkleError::Short { .. })));

    let last = nodes_of(1_000) as usize * 32 - 1;
    file.0.lock().unwrap()[last] ^= 1;
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
    let all = leaves(200_000);
    let file = Bytes::default();
    let full = file.1.clone();
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
