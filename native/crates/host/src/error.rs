//! What callers of the host can be told.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use pyralog_compact::CompactError;
use pyralog_log::{FileLayer, LogError};
use pyralog_manifest::ManifestError;
use pyralog_merkle::MerkleError;
use pyralog_obelisk::SequencerError;
use pyralog_partition::PartitionError;
use pyralog_segment::SegmentError;
use pyralog_types::TypeError;
use thiserror::Error;

/// Errors of the host. [`HostError::code`] gives the name they have in TypeScript.
#[derive(Debug, Clone, Error)]
pub enum HostError {
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A segment refused.
    #[error("{0}")]
    Segment(Arc<SegmentError>),
    /// The manifest refused.
    #[error("{0}")]
    Manifest(Arc<ManifestError>),
    /// Leaf hashes of rows that are gone cannot be read, or maintenance refused.
    #[error("{0}")]
    Compact(Arc<CompactError>),
    /// The proposal's bytes break batch.md (B6).
    #[error("{0}; build proposals as docs/spec/batch.md says")]
    Malformed(String),
    /// The bounded queue is full (retry).
    #[error("{waiting} bytes wait already, at most {max} may; retry in a moment")]
    Overloaded {
        /// Bytes waiting.
        waiting: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Logical time is too far ahead of the wall clock (S4).
    #[error("{0}")]
    ClockBehind(String),
    /// There is no room to make a window of ids durable (S2): nothing was changed. Retry when there is.
    #[error("no room to reserve ids: {0}; free some space and try again")]
    NoRoomForIds(String),
    /// So many ids are not given at once (S8).
    #[error("{asked} ids cannot be reserved in one call: ask for 1 to {max}")]
    IdCount {
        /// Asked for.
        asked: u32,
        /// Given at most.
        max: u32,
    },
    /// The batch was on its way when the log failed; whether it is there shows at the next opening.
    #[error(
        "the log failed while the batch was on its way ({0}); open it again and ask for the record"
    )]
    OutcomeUnknown(String),
    /// What was asked for does not exist.
    #[error("{what} {asked} does not exist: there are {have}")]
    OutOfRange {
        /// A noun.
        what: &'static str,
        /// Asked for.
        asked: u64,
        /// Present.
        have: u64,
    },
    /// The record is gone, lawfully.
    #[error(
        "record {asked}: records before {first} were removed by retention; receipts for them stay valid, read from {first} on"
    )]
    Removed {
        /// Asked for.
        asked: u64,
        /// First record that is kept.
        first: u64,
    },
    /// The record is in a range that could not be read before (Y8).
    #[error(
        "partition {partition}, offsets {} to {}: damaged and quarantined; restore {file} from a replica or a backup, all else is readable", .offsets.start, .offsets.end
    )]
    Quarantined {
        /// The partition.
        partition: u32,
        /// The range.
        offsets: Range<u64>,
        /// Name of the segment's files, without their endings.
        file: String,
    },
    /// Which record of a key was the latest at a time is not known any more (Z11).
    #[error(
        "a record of this key that was the latest at that time may be gone: compaction removed superseded records between offsets {} and {}; ask without a time for the latest record", .offsets.start, .offsets.end
    )]
    Superseded {
        /// Where it may have been.
        offsets: Range<u64>,
    },
    /// A sidecar or an entry is not what was written.
    #[error("{0}")]
    Corrupt(String),
    /// A node file is damaged: rebuilt from the log before anybody sees this, unless that fails.
    #[error("{0}; restore the store from a replica or a backup")]
    Sidecar(String),
    /// Options that don't fit what is on disk.
    #[error("{0}")]
    Format(String),
    /// The operating system refused.
    #[error("{0}")]
    Io(String),
    /// What was replayed is not what was signed: open for reading only.
    #[error("{0}; the store is open for reading only, restore it from a replica or a backup")]
    ReadOnly(String),
    /// This node does not lead the partition; nothing was taken.
    #[error(
        "this node does not lead the partition{}; ask there, or again in a moment", .hint.map_or(String::new(), |node| format!(" (node {node} does)"))
    )]
    NotLeader {
        /// Who does, as far as is known here.
        hint: Option<u16>,
    },
    /// The leader has too much on its way; nothing was taken.
    #[error("{0}")]
    LeaderBusy(String),
    /// There is no room on the leader's disk; nothing was taken.
    #[error("{0}")]
    LeaderFull(String),
    /// A group does not run any more.
    #[error("{0}")]
    GroupStopped(String),
    /// The host was closed.
    #[error("the core is closed; open it again")]
    Closed,
}

impl HostError {
    /// Whether the store is damaged and open for reading only, rather than that a write to it failed.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::ReadOnly(_) | Self::Log(LogError::ReadOnly(_)))
    }

    /// What became of a call about a file: no room is retryable, all else is not known.
    pub(crate) fn of_file(files: &dyn FileLayer, path: &Path, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            let free = path.parent().and_then(|dir| files.free_bytes(dir).ok());
            let free = free.unwrap_or(0);
            return Self::Log(LogError::DiskFull { needed: 0, free });
        }
        Self::Io(format!("{}: {error}", path.display()))
    }

    /// The code this error has in TypeScript (`NativeErrorCode`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Log(error) => error.code(),
            Self::Segment(error) => error.code(),
            Self::Manifest(error) => error.code(),
            Self::Compact(error) => error.code(),
            Self::Malformed(_) => "batch/malformed",
            Self::Overloaded { .. } | Self::LeaderBusy(_) => "log/overloaded",
            Self::NotLeader { .. } => "log/not-leader",
            Self::GroupStopped(_) => "log/group-stopped",
            Self::ClockBehind(_) => "log/clock-behind",
            Self::OutcomeUnknown(_) => "log/outcome-unknown",
            Self::NoRoomForIds(_) | Self::LeaderFull(_) => "storage/disk-full",
            Self::OutOfRange { .. }
            | Self::Removed { .. }
            | Self::Superseded { .. }
            | Self::IdCount { .. } => "log/out-of-range",
            Self::Corrupt(_) | Self::Sidecar(_) | Self::Quarantined { .. } => "storage/corrupt",
            Self::Format(_) => "storage/format",
            Self::Io(_) => "storage/io",
            Self::ReadOnly(_) => "storage/read-only",
            Self::Closed => "log/closed",
        }
    }
}

impl From<SegmentError> for HostError {
    fn from(error: SegmentError) -> Self {
        Self::Segment(Arc::new(error))
    }
}

impl From<ManifestError> for HostError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(Arc::new(error))
    }
}

impl From<CompactError> for HostError {
    fn from(error: CompactError) -> Self {
        match error {
            CompactError::Segment(error) => error.into(),
            CompactError::Manifest(error) => error.into(),
            other => Self::Compact(Arc::new(other)),
        }
    }
}

impl From<TypeError> for HostError {
    fn from(error: TypeError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<PartitionError> for HostError {
    fn from(error: PartitionError) -> Self {
        match error {
            PartitionError::Tree(error) => error.into(),
            other => Self::Corrupt(format!("the log holds what cannot be applied: {other}")),
        }
    }
}

impl From<MerkleError> for HostError {
    fn from(error: MerkleError) -> Self {
        match error {
            MerkleError::OutOfRange { size, asked } => Self::OutOfRange {
                what: "record",
                asked,
                have: size,
            },
            MerkleError::Io(error) => Self::Io(format!("node file: {error}")),
            // Ours, on its way through the tree.
            MerkleError::Leaves { source, offset } => match source.downcast::<Self>() {
                Ok(error) => *error,
                Err(other) => {
                    Self::Corrupt(format!("leaf hashes from record {offset} on: {other}"))
                }
            },
            other => Self::Corrupt(other.to_string()),
        }
    }
}

impl From<SequencerError> for HostError {
    fn from(error: SequencerError) -> Self {
        match error {
            SequencerError::Io(error) => Self::Io(format!("sequencer file: {error}")),
            SequencerError::Coordinator(_) => Self::Format(error.to_string()),
            other => Self::ClockBehind(other.to_string()),
        }
    }
}
