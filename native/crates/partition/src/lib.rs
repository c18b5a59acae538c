//! What applying an entry does to a partition: duplicates, offsets, leaves, indexes (docs/spec/notary.md).
//!
//! Pure: no threads, no clock, no disk but the trees' node stores. Whoever applies the same entries gets the same state,
//! on every replica and at every opening. The life of a proposal: the leader [stamps](Stamper) it, the log commits it,
//! [`Prepared::of`] hashes its records, [`Partition::apply`] decides.
//!
//! ```
//! use pyralog_merkle::MemoryNodes;
//! use pyralog_partition::{DedupWindow, Partition, Stamper, Trees};
//! use pyralog_types::batch::{IdRun, encode_digests};
//!
//! let window = DedupWindow { millis: 86_400_000, records: 2_097_152 };
//! let mut partition = Partition::create(Trees::in_memory(false)?, window);
//! let mut entry = Vec::new();
//! Stamper::behind(partition.last_timestamp()).stamp(1_790_000_000_000, &[IdRun { first: 7, count: 2 }], &mut entry);
//! entry.extend_from_slice(&encode_digests(0x12, b"me", &[5; 64]));
//!
//! let applied = partition.apply_entry(&entry, 1, 1)?;
//! assert_eq!((applied.base_offset, applied.count), (0, 1)); // the second is the first again
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod dedup;
mod error;
mod fingerprint;
mod generation;
mod hashes;
mod index;
mod leaf;
mod open_part;
mod outcomes;
mod partition;
mod restore;
mod ring;
mod rows;
mod runs;
mod seal_point;
mod seen;
mod snapshot;
mod stamp;
mod trees;
mod values;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod seal_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests;

pub use apply::Applied;
pub use dedup::{DedupWindow, WINDOW_RECORDS_MAX};
pub use error::PartitionError;
pub use fingerprint::Prepared;
pub use hashes::HashIndex;
pub use index::EntryPlace;
pub use open_part::OpenPart;
pub use partition::Partition;
pub use rows::{RowBudget, id_position, leaf_records, rows_of, sealed_rows};
pub use seal_point::SealLimits;
pub use seen::{Seen, SeenBytes};
pub use snapshot::Snapshot;
pub use stamp::{CONFIGURATION_BYTES, Stamper};
pub use trees::{BLAKE3_FLOOR, Nodes, Roots, SHA256_FLOOR, Sources, Trees, trusted_size};
