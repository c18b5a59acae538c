//! Roots without a tree, held against the tree.

use pyralog_merkle::{Blake3Tree, MemoryNodes, Sha256Tree, Tree, TreeHash};
use pyralog_types::Hash;

use crate::Peaks;

fn equal<H: TreeHash>() {
    let mut tree: Tree<H, _> = Tree::open(MemoryNodes::default(), 0, None).unwrap();
    let mut peaks = Peaks::<H>::resume(0, &[]).unwrap();
    assert_eq!(peaks.root(), tree.root());
    for number in 0_u8..=200 {
        let leaf: Hash = [number; 32];
        tree.append(&[leaf]).unwrap();
        peaks.push(&leaf);
        assert_eq!(peaks.root(), tree.root(), "{number}");
        assert_eq!(peaks.roots().len(), peaks.size().count_ones() as usize);
        // Going on from what was stored is going on.
        peaks = Peaks::resume(peaks.size(), peaks.roots()).unwrap();
    }
}

#[test]
fn peaks_have_the_root_of_the_tree() {
    equal::<Blake3Tree>();
    equal::<Sha256Tree>();
}

#[test]
fn a_wrong_number_of_roots_is_refused() {
    assert!(Peaks::<Blake3Tree>::resume(3, &[[0; 32]]).is_none());
    assert!(Peaks::<Blake3Tree>::resume(0, &[[0; 32]]).is_none());
}
