//! Which files a store's partitions are made of, version by version (docs/spec/manifest.md).
//!
//! [`Manifest`] is an append-only log of checksummed [`Edit`]s. Each commit makes a new [`Version`], an immutable list of
//! every partition's segments; a reader that holds one keeps its files on disk, whatever compaction and retention do
//! meanwhile. Files that no version names any more are deleted by [`Manifest::sweep`], on whose thread one likes.
//!
//! ```
//! use std::{path::Path, sync::Arc};
//! use pyralog_log::{FaultFiles, FileLayer};
//! use pyralog_manifest::{Edit, Manifest, ManifestOptions, Policy};
//!
//! let files: Arc<dyn FileLayer> = Arc::new(FaultFiles::new(1));
//! let open = Manifest::open(&files, Path::new("/store"), &ManifestOptions::new([7; 16]))?;
//! let policy = Policy { retain_bytes: Some(1 << 30), ..Policy::default() };
//! let version = open.manifest.commit(&[Edit::SetPolicy { partition: 3, policy }])?;
//! assert_eq!(version.number(), 2);
//! assert!(version.segment_at(3, 0).is_none());
//! # Ok::<(), pyralog_manifest::ManifestError>(())
//! ```

mod apply;
mod codec;
mod edit;
mod error;
mod file;
mod frame;
mod grave;
mod listing;
mod manifest;
mod mutant;
mod names;
mod opening;
mod partition;
mod policy;
mod published;
mod reclaim;
mod recover;
mod take_over;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::single_range_in_vec_init,
    reason = "a test may stop at what it did not expect; quarantines are lists of ranges, also of one"
)]
mod tests;
mod version;

pub use edit::{Edit, NewLeaves, NewSegment, Replacement, Retention};
pub use error::ManifestError;
pub use listing::{Listing, MissingFile};
pub use manifest::Manifest;
pub use names::{MANIFEST_DIR, SEGMENTS_DIR, file_name};
pub use opening::{ManifestOptions, ManifestRecovery, OpenManifest, inspect};
pub use partition::{LeavesEntry, PartitionVersion, SegmentEntry};
pub use policy::Policy;
pub use reclaim::Swept;
pub use take_over::TakeOver;
pub use version::Version;
