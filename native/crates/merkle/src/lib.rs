//! Merkle trees over leaf records (docs/spec/merkle.md).
//!
//! [`Tree`] grows by thousands of leaves a call, keeps the hashes of complete subtrees in a [`NodeStore`], all of them or those
//! from some height on, and gives roots, inclusion and consistency proofs at any size it ever had. [`verify_inclusion`] and [`verify_consistency`] need no tree.
//!
//! ```
//! use pyralog_merkle::{Blake3Tree, MemoryNodes, Tree, TreeHash, verify_inclusion};
//!
//! let mut tree: Tree<Blake3Tree, _> = Tree::open(MemoryNodes::default(), 0, None)?;
//! let mut leaves = Vec::new();
//! Blake3Tree::leaves(&[[1; 128], [2; 128], [3; 128]], &mut leaves);
//! tree.append(&leaves)?;
//! let path = tree.inclusion(1, 3)?;
//! assert!(verify_inclusion::<Blake3Tree>((&leaves[1], 1), (&tree.root(), 3), &path));
//! # Ok::<(), pyralog_merkle::MerkleError>(())
//! ```

mod error;
mod hash;
mod held;
mod position;
mod proofs;
mod store;
mod tree;
mod verify;

pub use error::MerkleError;
pub use hash::{Blake3Tree, RecordBytes, Sha256Tree, TreeHash, key_words, keyed_side_by_side};
pub use position::{nodes_of, position};
pub use proofs::{CheckedLeaves, LeafSource, NoLeaves, Proofs};
pub use store::{FileNodes, Mapped, MemoryNodes, NodeFile, NodeStore};
pub use tree::Tree;
pub use verify::{verify_consistency, verify_inclusion};
