//! An ordered map of bytes on disk: the key-value store behind `storage/lsm-key-value.ts`, on the LSM tree of `fjall`.
//!
//! What this crate adds to the tree:
//! - **Group commit.** Batches that wait at the same moment are written and synced as one. Each stays all or nothing.
//! - **A journal that is looked at before it is replayed** ([`journal`]). The tree's own replay cuts its journal at the
//!   first byte it cannot read, whatever stands behind it, and refuses to open over a batch that a power cut tore. Here a
//!   torn tail is cut, and damage in front of readable batches is damage: acknowledged batches never vanish unsaid.
//! - **A checksum over key and value** that is checked on every read, so that no flipped bit is served from anywhere.
//! - **A reserve of free space**, below which batches are refused before anything is written: such a refusal costs
//!   nothing, and the store goes on by itself once there is room.
//!
//! There is no memory-only mode: the tree has none. `storage/memory-key-value.ts` serves there.
//!
//! ```no_run
//! # fn main() -> Result<(), pyralog_lsm::LsmError> {
//! use pyralog_lsm::{Lsm, LsmOptions, Ops};
//! let store = Lsm::open("state".as_ref(), &LsmOptions::default())?;
//! store.commit_and_wait(Ops::default().put(b"key", b"value").packed())?;
//! assert_eq!(store.get(b"key")?.as_deref(), Some(&b"value"[..]));
//! store.close();
//! # Ok(())
//! # }
//! ```

mod cursor;
mod error;
pub mod journal;
mod open;
mod pack;
mod seal;
mod store;
mod writer;

pub use cursor::{Cursor, Range};
pub use error::LsmError;
pub use pack::{KEY_BYTES_MAX, Keys, Op, Ops, check_ops};
pub use store::{Lsm, LsmOptions, LsmStats, Snapshot};

#[cfg(test)]
mod tests;
