//! Merging, latest-by-key compaction, retention and ageing of sealed segments (docs/spec/manifest.md, Y13 to Y16).
//!
//! [`plan`] says what is due, as a pure function of a partition's policy and version, some [`Facts`] and the time;
//! [`Compactor`] does it: it writes new files beside the old ones and lets one commit put them in their place, so readers
//! never wait and never see half of it. Leaf hashes of rows that go are kept ([`LeafHashes`] finds them), so that roots stay
//! what they were and what survives can still be proved.

mod age;
mod compactor;
mod error;
mod hashes;
mod latest;
mod leaves;
mod merge;
mod mutant;
mod outputs;
mod pace;
mod peaks;
mod plan;
mod retain;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests;

pub use compactor::Compactor;
pub use error::CompactError;
pub use hashes::{Fresh, LeafHashes, OpenFiles, WhichTree};
pub use latest::is_tombstone;
pub use leaves::{LeavesFile, LeavesToWrite};
pub use pace::{Clock, Control, Pace, Progress, SystemClock};
pub use peaks::Peaks;
pub use plan::{Facts, Work, plan};
pub use pyralog_types::TOMBSTONE;
