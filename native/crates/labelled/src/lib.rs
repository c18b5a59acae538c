//! The trees of a block (docs/spec/chain.md X10): the shape of merkle.md under keys of their own.
//!
//! [`Label`] gives root and path over leaves that are at hand, the transactions or anchors of one block. [`History`] grows
//! by one header id a block and answers for any size it ever had.
//!
//! ```
//! use pyralog_labelled::{History, Label};
//!
//! let label = Label::new("transactions");
//! let leaves = [label.leaf(b"one"), label.leaf(b"two")];
//! assert_eq!(label.path(&leaves, 0)?, [leaves[1]]);
//!
//! let mut history = History::default();
//! history.append(&[[1; 32], [2; 32], [3; 32]])?;
//! assert_eq!(history.root(0)?, Label::new("history").root(&[]));
//! # Ok::<(), pyralog_labelled::LabelledError>(())
//! ```

mod error;
mod history;
mod label;

pub use error::LabelledError;
pub use history::History;
pub use label::Label;
pub use pyralog_types::unpack;
