//! Checking proofs without a tree (RFC 9162 §2.1.3.2, §2.1.4.2; M4). Too few and too many hashes are refused alike.

use pyralog_types::Hash;

use crate::TreeHash;

/// Whether `path` leads from `leaf` at `index` to the root of a tree of `size` leaves.
#[must_use]
pub fn verify_inclusion<H: TreeHash>(
    (leaf, index): (&Hash, u64),
    (root, size): (&Hash, u64),
    path: &[Hash],
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = H::node(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = H::node(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `path` proves that the tree (`to_root`, `to`) extends (`from_root`, `from`).
#[must_use]
pub fn verify_consistency<H: TreeHash>(
    (from_root, from): (&Hash, u64),
    (to_root, to): (&Hash, u64),
    path: &[Hash],
) -> bool {
    if from > to {
        return false;
    }
    if from == to {
        return path.is_empty() && from_root == to_root && (from > 0 || *from_root == H::empty());
    }
    if from == 0 {
        return path.is_empty() && *from_root == H::empty();
    }
    let mut rest = path.iter();
    let (mut node, mut last) = (from - 1, to - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    // A complete old tree is itself the first hash; the path leaves it out.
    let first = if node == 0 {
        Some(from_root)
    } else {
        rest.next()
    };
    let Some(first) = first else { return false };
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = H::node(sibling, &old);
            new = H::node(sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = H::node(&new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old == *from_root && new == *to_root
}
