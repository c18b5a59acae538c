//! What can go wrong in the log, as one closed set.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Damage found in a log (W8): where it is and what is lost from view. Nothing is cut because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The damaged file.
    pub file: PathBuf,
    /// Byte position in it where reading had to end.
    pub position: u64,
    /// What is wrong there and what cannot be seen because of it.
    pub detail: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} at byte {}: {}",
            self.file.display(),
            self.position,
            self.detail
        )
    }
}

/// Errors of the log. [`LogError::code`] gives the name they have in TypeScript.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// No room for the next log file (W10). Nothing was written; the same call succeeds when there is space again.
    #[error(
        "no room for the next log file: it needs {needed} bytes and {free} are free; free some space, appends go on by themselves"
    )]
    DiskFull {
        /// Bytes the next file needs.
        needed: u64,
        /// Bytes the file system has left.
        free: u64,
    },
    /// The log is damaged and was opened read-only (W8).
    #[error(
        "the log is damaged and open for reading only: {0}; restore the directory from a replica or a backup"
    )]
    ReadOnly(Damage),
    /// A write or fdatasync failed earlier (W9).
    #[error(
        "an earlier write or fdatasync of the log failed ({0}); what was on the way is unknown until the log is opened again"
    )]
    Poisoned(String),
    /// Bytes on disk are not what was written.
    #[error("the log is damaged: {0}")]
    Corrupt(Damage),
    /// Another process has the store open (W11).
    #[error(
        "{} is locked: another process has this store open; stop it first", .0.display()
    )]
    Locked(PathBuf),
    /// A file of a newer format, or of another store.
    #[error("{}: {detail}", .file.display())]
    Format {
        /// The file refused.
        file: PathBuf,
        /// Why, and what to do.
        detail: String,
    },
    /// The operating system refused a file operation.
    #[error("cannot {operation} {}: {source}", .path.display())]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The cause.
        source: Arc<io::Error>,
    },
    /// The open frame is full: seal and commit it, then append again.
    #[error(
        "the frame is full: {bytes} more bytes do not fit into {max}; seal it and append again"
    )]
    FrameFull {
        /// Bytes the records need.
        bytes: u64,
        /// Largest payload of a frame.
        max: u64,
    },
    /// Records of one call that fit into no frame of this log.
    #[error(
        "{bytes} bytes do not fit into a frame of at most {max}; split the batch or use larger log files"
    )]
    TooLarge {
        /// Bytes the records need.
        bytes: u64,
        /// Largest payload of a frame.
        max: u64,
    },
    /// An index that the group does not hold.
    #[error("group {group} has no index {index}: it holds {first} up to {last}")]
    OutOfRange {
        /// The group.
        group: u32,
        /// What was asked for.
        index: u64,
        /// First index held.
        first: u64,
        /// Last index held; one less than `first` when there is none.
        last: u64,
    },
}

impl LogError {
    /// The code this error has in TypeScript (`NativeErrorCode`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::DiskFull { .. } => "storage/disk-full",
            Self::ReadOnly(_) => "storage/read-only",
            Self::Poisoned(_) => "storage/poisoned",
            Self::Corrupt(_) => "storage/corrupt",
            Self::Locked(_) => "storage/locked",
            Self::Format { .. } => "storage/format",
            Self::Io { .. } => "storage/io",
            Self::FrameFull { .. } => "log/overloaded",
            Self::TooLarge { .. } => "batch/malformed",
            Self::OutOfRange { .. } => "log/out-of-range",
        }
    }

    /// Whether the same call may succeed later without anybody opening the log again.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::FrameFull { .. })
    }

    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            operation,
            path: path.to_path_buf(),
            source: Arc::new(source),
        }
    }
}
