//! The node-wide write-ahead log.
use std::path::Path;
use std::sync::Arc;

use crate::error::{Damage, LogError};
use crate::files::FileLayer;

/// Settings of a log.
#[derive(Debug, Clone)]
pub struct WalOptions {
    /// Size of a log file, a multiple of 64 KiB; default 64 MiB. A frame lies in one file, so this bounds a batch.
    pub file_bytes: u64,
}

impl Default for WalOptions {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
        }
    }
}

/// Where a frame stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FramePosition {
    /// Which file.
    pub incarnation: u64,
    /// Byte position in it.
    pub position: u64,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordPosition {
    /// Which file.
    pub incarnation: u64,
    /// Byte position of its header in it.
    pub position: u64,
    /// Bytes behind the header.
    pub length: u32,
}

/// Kinds of records (W5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordKind {
    /// A packed batch.
    Entry = 1,
    /// Term, vote, commit.
    HardState = 2,
    /// Entries from an index on are dropped.
    TruncateFrom = 3,
    /// Size and roots that were signed.
    SignState = 4,
    /// Size up to which the sidecars are synced, and roots.
    SidecarState = 5,
    /// Partition configuration.
    Configure = 6,
}

/// A record read from the log, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its kind.
    pub kind: RecordKind,
    /// Raft group.
    pub group: u32,
    /// Index, or what the kind keeps there.
    pub index: u64,
    /// Term.
    pub term: u64,
    /// Bytes.
    pub bytes: &'a [u8],
    /// Where it stands.
    pub position: RecordPosition,
}

/// How an opening went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Valid frames found.
    pub frames: u64,
    /// Records in them.
    pub records: u64,
    /// Log files read.
    pub files: u64,
    /// Bytes of a torn tail that were overwritten with zeros (W7); 0 if none.
    pub cut_bytes: u64,
    /// Why the log is read-only (W8).
    pub damage: Option<Damage>,
}

impl Recovery {
    /// Neither a torn tail nor damage.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.cut_bytes == 0 && self.damage.is_none()
    }
}

/// A frame whose commit returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its number.
    pub sequence: u64,
    /// Where it stands.
    pub position: FramePosition,
    /// Its bytes on disk.
    pub bytes: u64,
}

/// A sealed frame, ready to be written.
#[derive(Debug)]
pub struct StagedFrame(());

/// Builds frames.
pub struct Stager(());
/// Writes and syncs frames.
pub struct Syncer(());
/// Random access.
#[derive(Clone)]
pub struct WalReader(());

/// Prepares log files ahead of need, on a background thread.
#[derive(Clone)]
pub struct Preparer(());

impl Preparer {
    /// Whether the next file is missing; cheap. Call [`Preparer::prepare_next`] when it is.
    #[must_use]
    pub fn wanted(&self) -> bool {
        todo!()
    }

    /// Creates, zero-fills and syncs the next file, unless it is there (false). Takes as long as writing it takes and
    /// never holds up a commit.
    ///
    /// # Errors
    /// `DiskFull` (try again later), `Io`, `ReadOnly`.
    pub fn prepare_next(&self) -> Result<bool, LogError> {
        todo!()
    }
}

/// An open log: its four handles.
pub struct Wal {
    /// Builds frames, on one thread.
    pub stager: Stager,
    /// Writes and syncs them, on another.
    pub syncer: Syncer,
    /// Reads, anywhere.
    pub reader: WalReader,
    /// Prepares files, in the background.
    pub preparer: Preparer,
}

impl Wal {
    /// Opens the log in `dir` and hands every record to `visit`, in order.
    ///
    /// # Errors
    /// `Locked`, `Format`, `DiskFull`, `Io`.
    pub fn open(
        layer: Arc<dyn FileLayer>,
        dir: &Path,
        options: &WalOptions,
        visit: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(Self, Recovery), LogError> {
        let _ = (layer, dir, options, visit);
        todo!()
    }
}
