//! What can go wrong in compaction and retention, as one closed set.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_manifest::ManifestError;
use pyralog_segment::SegmentError;

/// Errors of compaction and retention. None of them leaves anything behind but files that are deleted (Y16).
#[derive(Debug, Clone, thiserror::Error)]
pub enum CompactError {
    /// The caller called it off.
    #[error("cancelled")]
    Cancelled,
    /// Something else works on the partition; try again when it is done.
    #[error("partition {0} is being worked on already; wait for that to end")]
    Busy(u32),
    /// The manifest refused the outcome, or its disk did. A conflict is over with the next plan.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A segment cannot be read or written.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A row does not hash to its leaf: it is neither merged nor compacted, for that would give it a good checksum.
    #[error(
        "partition {partition}, offset {offset}: the row does not hash to its leaf; quarantine it and fetch it again from a replica"
    )]
    Row {
        /// The partition.
        partition: u32,
        /// The row's offset.
        offset: u64,
    },
    /// A leaves file is not what was written (Y9).
    #[error("{}: {what}; fetch the hashes again from a replica or a backup", .file.display())]
    Leaves {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A leaf hash that is in no file.
    #[error(
        "partition {partition}: the leaf hash of offset {offset} is in no file{of}; repair the partition"
    )]
    NoHash {
        /// The partition.
        partition: u32,
        /// The offset.
        offset: u64,
        /// Of which tree, when it is not the main one.
        of: &'static str,
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
}

impl CompactError {
    /// The code this error has in TypeScript (`NativeErrorCode`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            // Called off because somebody closes the store; the others are over when the caller comes again.
            Self::Cancelled => "log/closed",
            Self::Busy(_) | Self::Manifest(ManifestError::Conflict { .. }) => "log/overloaded",
            Self::Manifest(error) => error.code(),
            Self::Segment(error) => error.code(),
            Self::Row { .. } | Self::Leaves { .. } | Self::NoHash { .. } => "storage/corrupt",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "storage/disk-full"
            }
            Self::Io { .. } => "storage/io",
        }
    }

    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            operation,
            path: path.to_path_buf(),
            source: Arc::new(source),
        }
    }
}
