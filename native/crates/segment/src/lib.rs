//! Sealed segments: rows of a log in a file that never changes (docs/spec/segment.md).
//!
//! A *hot* segment is one Arrow IPC file that is mapped and read in place, also by other tools and from JavaScript
//! without a copy; a *cold* one is Parquet. Beside each stands a sidecar with its indexes and the checksums of its
//! blocks, which can be made again from the rows.

mod age;
mod blocks;
mod build;
mod by_offset;
mod cold;
mod columns;
mod data;
mod digests;
mod error;
mod filter;
mod group;
mod hot;
mod index;
mod layout;
mod lookup;
mod meta;
mod mutant;
mod panel;
mod perfect;
mod row;
mod schema;
mod segment;
mod side;
mod side_contents;
mod side_index;
mod sink;
mod verify;
mod window;

pub use build::SegmentBuilder;
pub use error::{Damage, SegmentError};
pub use filter::{KeyFilter, Shape};
pub use meta::{Kind, SegmentMeta};
pub use panel::KeyPanel;
pub use row::{Row, SegmentRow};
pub use segment::{IndexBits, Segment};
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests;
