//! What callers can be told.

use std::io;

use thiserror::Error;

/// Errors of objects and file references. [`ObjectError::code`] gives the name they have in TypeScript.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum ObjectError {
    /// No such object, or one of its chunks is gone.
    #[error("object {0} is not here; fetch it from a replica or a backup")]
    Missing(String),
    /// Stored bytes that are not what was written (O4).
    #[error("{0}; fetch the object from a replica or a backup")]
    Corrupt(String),
    /// A file that is not what its reference says (O13).
    #[error("{0}; the reference holds for the file as it was when it was made")]
    Changed(String),
    /// A path that is refused (O10), or leads nowhere.
    #[error("path {path:?}: {what}")]
    Path {
        /// As it was given.
        path: String,
        /// Why.
        what: String,
    },
    /// A file that is not of the format that was claimed (O12).
    #[error("path {path:?}: {what}; name its format, or 'other'")]
    Format {
        /// As it was given.
        path: String,
        /// Why.
        what: String,
    },
    /// Bytes that are no reference (O3, O9).
    #[error("{0}")]
    Malformed(String),
    /// Another process has the store.
    #[error("object store {0}: another process has it open; stop that one")]
    Locked(String),
    /// No room; nothing counts.
    #[error("{0}; make room and try again")]
    DiskFull(String),
    /// The operating system refused.
    #[error("{0}; look at the disk, then try again")]
    Io(String),
    /// Given up on the caller's demand.
    #[error("given up as asked")]
    Aborted,
    /// The store was closed.
    #[error("the object store is closed; open it again")]
    Closed,
}

impl ObjectError {
    /// The code in TypeScript.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "object/missing",
            Self::Corrupt(_) => "object/corrupt",
            Self::Changed(_) => "object/changed",
            Self::Path { .. } => "object/path",
            Self::Format { .. } => "object/format",
            Self::Malformed(_) => "object/malformed",
            Self::Locked(_) => "storage/locked",
            Self::DiskFull(_) => "storage/disk-full",
            Self::Io(_) => "storage/io",
            Self::Aborted => "object/aborted",
            Self::Closed => "object/closed",
        }
    }
}

impl From<io::Error> for ObjectError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull(error.to_string())
            }
            _ => Self::Io(error.to_string()),
        }
    }
}

/// A hash as people read it.
pub(crate) fn hex(name: &[u8]) -> String {
    use std::fmt::Write;
    name.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
