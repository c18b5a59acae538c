//! Looking after a store that no node has open: is it sound, what is in it, mend it, take records out (docs/spec/repair.md).
//!
//! Everything is read through the crates that write it. What a node would make of a store is found by opening it on an
//! overlay that keeps every change in memory, so [`check`], [`stats`] and [`export`] change nothing but the lock file.
//!
//! ```no_run
//! use std::{path::Path, sync::Arc};
//! use pyralog_log::{FileLayer, RealFiles};
//! use pyralog_repair::{Control, check};
//!
//! let files: Arc<dyn FileLayer> = Arc::new(RealFiles);
//! let report = check(&files, Path::new("/srv/pyralog/store"), &Control::default())?;
//! for finding in &report.findings {
//!     println!("{}: {} ({})", finding.file, finding.what, finding.advice);
//! }
//! # Ok::<(), pyralog_repair::RepairError>(())
//! ```

mod check;
mod error;
mod export;
mod mend;
mod nodes;
mod others;
mod overlay;
mod referred;
mod report;
mod segments;
mod stats;
mod store;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::single_range_in_vec_init,
    reason = "a test may stop at what it did not expect; lists of ranges, also of one"
)]
mod tests;

pub use check::check;
pub use error::RepairError;
pub use export::{Exported, Form, Wanted, export};
pub use mend::{Act, Mended, RepairOptions, rebuild_index, repair};
pub use report::{Control, Finding, Report, Seen, Severity};
pub use stats::{PartitionStats, StoreStats, stats};
