//! What can go wrong with the manifest, as one closed set.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Errors of the manifest. [`ManifestError::code`] gives the name they have in TypeScript.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ManifestError {
    /// Bytes on disk are not what was written (Y4). Nothing was cut or written.
    #[error(
        "{}, byte {position}: {detail}; nothing was changed, restore the file from a replica or a backup",
        .file.display()
    )]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Byte position in it.
        position: u64,
        /// What is wrong there.
        detail: String,
    },
    /// A file of a newer format, of another store, or an older one than the caller has seen (Y3).
    #[error("{}: {detail}", .file.display())]
    Format {
        /// The file refused.
        file: PathBuf,
        /// Why, and what to do.
        detail: String,
    },
    /// There is no manifest beside files of segments (Y2).
    #[error(
        "{} is missing and there are segments beside it; restore it from a backup, or rebuild it from the segments",
        .0.display()
    )]
    Missing(PathBuf),
    /// An edit that does not fit the newest version (Y5). Nothing was written. A plan made for an older version is made anew.
    #[error("partition {partition}: {detail}; plan anew from the newest version")]
    Conflict {
        /// The partition of the edit.
        partition: u32,
        /// What does not fit.
        detail: String,
    },
    /// Edits too large for one commit.
    #[error("{bytes} bytes of edits do not fit into one commit of at most {max}; split them")]
    TooLarge {
        /// Bytes they have.
        bytes: u64,
        /// Bytes they may have.
        max: u64,
    },
    /// A version that is not kept any more.
    #[error(
        "version {asked} is not kept: {oldest} up to {newest} are, and those that readers hold"
    )]
    Gone {
        /// What was asked for.
        asked: u64,
        /// Oldest version that is kept for everybody.
        oldest: u64,
        /// Newest version.
        newest: u64,
    },
    /// No room for the edit. Nothing was written; the same call succeeds when there is space again.
    #[error("no room to extend {}; free some space and try again", .0.display())]
    DiskFull(PathBuf),
    /// A write or fdatasync failed earlier (Y3).
    #[error(
        "an earlier write or fdatasync of the manifest failed ({0}); what was on the way is unknown until it is opened again"
    )]
    Poisoned(String),
    /// Orphans are left alone while files are missing (Y12).
    #[error(
        "{missing} files that the manifest names are missing, so files that it does not name are kept: it may be an older one; repair the store first"
    )]
    FilesMissing {
        /// How many.
        missing: usize,
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

impl ManifestError {
    /// The code this error has in TypeScript (`NativeErrorCode`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            // A seal that does not fit: log and manifest contradict each other. Compaction plans anew and shows nobody.
            Self::Corrupt { .. }
            | Self::Conflict { .. }
            | Self::Missing(_)
            | Self::FilesMissing { .. } => "storage/corrupt",
            Self::Format { .. } => "storage/format",
            Self::TooLarge { .. } => "batch/malformed",
            Self::Gone { .. } => "log/out-of-range",
            Self::DiskFull(_) => "storage/disk-full",
            Self::Poisoned(_) => "storage/poisoned",
            Self::Io { .. } => "storage/io",
        }
    }

    /// Whether the same call may succeed later without anybody opening the manifest again.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self, Self::DiskFull(_))
    }

    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            operation,
            path: path.to_path_buf(),
            source: Arc::new(source),
        }
    }
}
