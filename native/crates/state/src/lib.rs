//! The chain's state tree (docs/spec/state.md): a compact sparse Merkle tree over BLAKE3(key), held in memory.
//!
//! It keeps hashes, not values. [`StateTree::apply`] makes a new version beside its parent, so that competing blocks are
//! executed from one state; [`StateTree::prove`] shows that a key has its value, or none, and [`verify`] needs no tree.
//!
//! ```
//! use pyralog_state::{Changes, StateTree, verify};
//!
//! let mut tree = StateTree::default();
//! let accounts = Changes::of([(&b"alice"[..], Some(&b"10"[..])), (b"bob", Some(b"7"))]);
//! let first = tree.apply(0, &accounts)?;
//! let second = tree.apply(first.number, &Changes::of([(&b"bob"[..], None)]))?;
//! let proof = tree.prove(second.number, b"bob")?;
//! assert!(verify(&second.root, b"bob", None, &proof));
//! assert!(!verify(&first.root, b"bob", None, &proof));
//! tree.release(first.number)?;
//! # Ok::<(), pyralog_state::StateError>(())
//! ```

mod changes;
mod error;
mod hash;
mod nodes;
mod pending;
mod proof;
mod shared;
mod slab;
mod tree;
mod update;

pub use changes::Changes;
pub use error::StateError;
pub use hash::{Hash, empty_root};
pub use proof::verify;
pub use shared::SharedTree;
pub use tree::{StateTree, Stats, Version};

#[cfg(test)]
mod tests;
