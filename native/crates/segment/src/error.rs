//! What can go wrong with a segment, as one closed set.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Damage that [`crate::Segment::verify`] found. Everything outside `offsets` reads as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Offsets that may be wrong or unreadable because of it; empty when only the sidecar is damaged.
    pub offsets: Range<u64>,
    /// What is wrong, and where.
    pub what: String,
}

/// Errors of segments. [`SegmentError::code`] gives the name they have in TypeScript.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SegmentError {
    /// A row that cannot follow those before it (H2), or contradicts its leaf record. Nothing was pushed.
    #[error("the row at offset {offset} cannot be in this segment: {what}")]
    Row {
        /// Its offset.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The row does not fit into the columns any more; nothing was pushed. Seal the segment and begin another.
    #[error(
        "the segment is full: {bytes} bytes in one column are more than Arrow's binary columns hold"
    )]
    Full {
        /// Bytes the column would have.
        bytes: u64,
    },
    /// A segment without rows, which would have no file.
    #[error("a segment needs at least one row")]
    Empty,
    /// Bytes of the data file are not what was written (H6).
    #[error("{}: offsets {} to {} are damaged: {what}; fetch them again from a replica or a backup", .file.display(), .offsets.start, .offsets.end)]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// Offsets that may be affected.
        offsets: Range<u64>,
        /// What is wrong there.
        what: String,
    },
    /// The sidecar is missing, damaged, or another segment's. The rows are not touched by that: rebuild it (H9).
    #[error("{}: the sidecar cannot be used: {what}; rebuild it from its segment", .file.display())]
    Side {
        /// The sidecar.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file of a newer format, or encoded figures that are none.
    #[error("{what}")]
    Format {
        /// Why it is refused.
        what: String,
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
    /// A library refused what this crate handed to it: a bug, or no memory.
    #[error("cannot {operation}: {what}")]
    Library {
        /// What was tried, as a verb.
        operation: &'static str,
        /// What the library said.
        what: String,
    },
}

impl SegmentError {
    /// The code this error has in TypeScript (`NativeErrorCode`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Row { .. } | Self::Empty => "batch/malformed",
            Self::Full { .. } => "log/overloaded",
            Self::Damaged { .. } | Self::Side { .. } => "storage/corrupt",
            Self::Format { .. } => "storage/format",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "storage/disk-full"
            }
            Self::Io { .. } | Self::Library { .. } => "storage/io",
        }
    }

    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            operation,
            path: path.to_path_buf(),
            source: Arc::new(source),
        }
    }

    pub(crate) fn library(operation: &'static str) -> impl Fn(&dyn std::fmt::Display) -> Self {
        move |what| Self::Library {
            operation,
            what: what.to_string(),
        }
    }

    pub(crate) fn side(file: &Path, what: impl Into<String>) -> Self {
        Self::Side {
            file: file.to_path_buf(),
            what: what.into(),
        }
    }
}
