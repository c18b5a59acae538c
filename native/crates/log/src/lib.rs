//! File layer, node-wide write-ahead log and its recovery (docs/spec/wal.md).
//!
//! Three floors, each usable alone:
//! - [`FileLayer`]: the few file operations a log needs, with an implementation that loses what was not synced and a
//!   simulated disk that injects faults;
//! - [`Wal`]: frames, group commit, preparation of files ahead of need, recovery;
//! - [`LogStore`]: entries of many Raft groups and the small states beside them, on the log or in memory.
//!
//! Two threads share the work: one stages records ([`LogStore::append`] … [`LogStore::seal`]), the other makes frames
//! durable ([`LogCommitter::commit`]). Readers ([`LogReader`]) see durable entries only and never wait for a sync.
//!
//! ```
//! use std::sync::Arc;
//! use pyralog_log::{LogCommitter, LogReader, LogStore, MemoryLogStore, NewEntry};
//!
//! let mut log = MemoryLogStore::create();
//! let index = log.store.append(0, &[NewEntry { term: 1, parts: &[b"head", b"tail"] }])?;
//! if let Some(frame) = log.store.seal() {
//!     log.committer.commit(frame)?;
//! }
//! let entry = log.reader.entry(0, index)?.expect("it is durable");
//! assert_eq!(entry.bytes, b"headtail");
//! # Ok::<(), pyralog_log::LogError>(())
//! ```

mod error;
pub mod files;
#[cfg(test)]
mod mutant;
mod store;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests;
mod wal;

pub use error::{Damage, LogError};
pub use files::{
    DIRECT_ALIGN, FaultCounts, FaultFiles, File, FileLayer, FileLock, FileOver, FilesOver,
    LoseUnsynced, Mapped, OpenMode, RealFiles,
};
pub use store::{
    Durability, GroupState, HardState, LogCommitter, LogReader, LogStore, Membership,
    MemoryLogStore, NewEntry, OpenLog, PartitionConfig, Reclaimer, ReplayVisitor, StoredEntry,
    TreeState, Usage, WalLogStore,
};
pub use wal::{
    Committed, FramePosition, Preparer, Record, RecordHead, RecordKind, RecordPosition, Recovery,
    StagedFrame, Stager, Syncer, Visitor, Wal, WalOptions, WalReader,
};
