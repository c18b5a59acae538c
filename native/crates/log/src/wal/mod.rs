//! The node-wide write-ahead log: frames of records in prepared files, one write and one fdatasync a group commit.
//!
//! Order of a commit, and why: the stager gives a frame its place and number; the syncer writes it whole, syncs it and
//! only then writes the next one. So a frame on disk proves that the one before it was synced, and after a crash only
//! the last frame can be torn. That is what tells a torn tail (cut) from damage (never cut): see [`recover`].

mod format;
mod listing;
mod prepare;
mod read;
mod reclaim;
mod record;
mod recover;
mod scan;
mod shared;
mod stage;
mod stop;
mod sync;
mod tail;
mod window;

use std::path::Path;
use std::sync::Arc;

use crate::error::{Damage, LogError};
use crate::files::FileLayer;

#[cfg(test)]
pub(crate) use format::{FileHeader, FrameHeader};
pub(crate) use format::{HEADER_BYTES, RECORD_HEADER_BYTES, RawRecord, push_record, record_bytes};
pub use prepare::Preparer;
pub use read::WalReader;
pub use record::{FramePosition, Record, RecordHead, RecordKind, RecordPosition};
pub use stage::{StagedFrame, Stager};
pub(crate) use stop::{Stopped, remove as remove_stop};
pub use sync::{Committed, Syncer};
pub(crate) use window::Window;

/// Settings of a log.
#[derive(Debug, Clone)]
pub struct WalOptions {
    /// Size of new log files, a multiple of 64 KiB; default 64 MiB. A frame lies in one file, so this bounds a batch.
    pub file_bytes: u64,
}

impl Default for WalOptions {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
        }
    }
}

/// How an opening went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Valid frames found.
    pub frames: u64,
    /// Records in them.
    pub records: u64,
    /// Log files there are.
    pub files: u64,
    /// Bytes of a torn tail that were overwritten with zeros (W7); 0 if none.
    pub cut_bytes: u64,
    /// Why the log is read-only (W8).
    pub damage: Option<Damage>,
    /// A clean stop had said how the log ends, so that its frames were not read (W17).
    pub stopped: bool,
}

impl Recovery {
    /// Neither a torn tail nor damage.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.cut_bytes == 0 && self.damage.is_none()
    }
}

/// An open log: its four handles. The lock is given back when the last of them is dropped.
pub struct Wal {
    /// Builds frames, on one thread.
    pub stager: Stager,
    /// Writes and syncs them, on another.
    pub syncer: Syncer,
    /// Reads, anywhere.
    pub reader: WalReader,
    /// Prepares files, in the background.
    pub preparer: Preparer,
    /// What a clean stop left, if the log was not read because of it.
    pub(crate) stopped: Option<Stopped>,
}

/// Receives the records found while opening, in order. What it refuses is damage (W8): the text says why.
pub type Visitor<'a> = dyn FnMut(&Record<'_>) -> Result<(), String> + 'a;

impl Wal {
    /// Opens the log in `dir` (files in `dir/wal`, lock in `dir/LOCK`), creating it when there is none, and hands every
    /// record to `visit`; none when a clean stop has left what they come to (W17).
    ///
    /// A damaged log opens all the same, up to the damage, for reading: [`Recovery::damage`].
    ///
    /// # Errors
    /// `Locked` (W11), `Format` (a newer version, a file that is no log), `Corrupt` (the store file), `DiskFull`, `Io`.
    pub fn open(
        layer: Arc<dyn FileLayer>,
        dir: &Path,
        options: &WalOptions,
        visit: &mut Visitor<'_>,
    ) -> Result<(Self, Recovery), LogError> {
        recover::open(layer, dir, options, visit)
    }
}
