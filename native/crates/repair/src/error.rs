//! What looking after a closed store can fail with, as one closed set.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyralog_host::HostError;
use pyralog_log::LogError;
use pyralog_manifest::ManifestError;
use pyralog_segment::SegmentError;
use thiserror::Error;

/// Errors of this crate. Damage in a store is a finding, not an error. [`RepairError::code`] is its name in TypeScript.
#[derive(Debug, Clone, Error)]
pub enum RepairError {
    /// A node has the store open (Z40).
    #[error("{} is locked: a node has this store open; stop it first", .0.display())]
    Locked(PathBuf),
    /// There is no store.
    #[error("{} is no store: it has no wal/ in it; give the data directory of a node", .0.display())]
    NotAStore(PathBuf),
    /// The store cannot be opened as it is, so this cannot be done with it.
    #[error("{0}; see what pyralog db check says")]
    Unreadable(String),
    /// An argument that does not fit the store.
    #[error("{0}")]
    Argument(String),
    /// A file that must not be replaced is there.
    #[error("{} is there already; choose another directory", .0.display())]
    Exists(PathBuf),
    /// What an export left behind that was killed.
    #[error("{} was left by an export that did not end: remove it, or choose another directory", .0.display())]
    Leftover(PathBuf),
    /// The caller said stop.
    #[error("stopped; nothing was left half done")]
    Cancelled,
    /// The operating system refused.
    #[error("cannot {operation} {}: {source}", .path.display())]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The cause.
        source: Arc<io::Error>,
    },
    /// The host refused.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The manifest refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A segment refused.
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

impl RepairError {
    /// The code this error has in TypeScript.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked(_) => "storage/locked",
            Self::NotAStore(_) => "storage/format",
            Self::Unreadable(_) => "storage/corrupt",
            Self::Argument(_) => "log/out-of-range",
            Self::Exists(_) | Self::Leftover(_) => "storage/exists",
            Self::Cancelled => "storage/cancelled",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "storage/disk-full"
            }
            Self::Io { .. } => "storage/io",
            Self::Host(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Manifest(error) => error.code(),
            Self::Segment(error) => error.code(),
        }
    }

    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            operation,
            path: path.to_path_buf(),
            source: Arc::new(source),
        }
    }
}
