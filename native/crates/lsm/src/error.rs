//! What callers of the store can be told.

use std::io;

use thiserror::Error;

/// Errors of the store. [`LsmError::code`] gives the name they have in TypeScript (`StorageErrorCode`).
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum LsmError {
    /// The store or the snapshot was closed.
    #[error("the key-value store is closed; open it again")]
    Closed,
    /// Another process, or another opening of this one, has it.
    #[error("key-value store {0}: another process has it open; stop that one")]
    Locked(String),
    /// What is on disk is not what was written.
    #[error("key-value store: {0}; restore a backup, or remove it and sync again")]
    Corrupt(String),
    /// No room. Nothing of the batch counts.
    #[error("key-value store: {0}")]
    DiskFull(String),
    /// Written by another version, or no key-value store at all.
    #[error("key-value store: {0}; use the version that wrote it")]
    Format(String),
    /// Bytes that are no packed operations or keys: a mistake of the caller.
    #[error("packed operations: {0}")]
    Malformed(String),
    /// The operating system refused, or an earlier write failed.
    #[error("key-value store: {0}; look at the disk, then open it again")]
    Io(String),
}

impl LsmError {
    /// The code in TypeScript.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Closed => "storage/key-value-closed",
            Self::Locked(_) => "storage/locked",
            Self::Corrupt(_) => "storage/corrupt",
            Self::DiskFull(_) => "storage/disk-full",
            Self::Format(_) => "storage/format",
            Self::Malformed(_) => "batch/malformed",
            Self::Io(_) => "storage/io",
        }
    }
}

impl From<io::Error> for LsmError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull(format!("{error}; make room, then open it again"))
            }
            // A table that ends early was cut; one with impossible content was changed.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                Self::Corrupt(format!("a file is cut short or changed ({error})"))
            }
            _ => Self::Io(error.to_string()),
        }
    }
}

impl From<fjall::LsmError> for LsmError {
    fn from(error: fjall::LsmError) -> Self {
        match error {
            fjall::LsmError::Io(error) => error.into(),
            other => Self::Corrupt(format!("a table is damaged ({other})")),
        }
    }
}

impl From<fjall::Error> for LsmError {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Io(error) => error.into(),
            fjall::Error::Storage(error) => error.into(),
            fjall::Error::Locked => Self::Locked(String::new()),
            fjall::Error::InvalidVersion(Some(version)) => {
                Self::Format(format!("the tree is of version {version:?}"))
            }
            fjall::Error::Poisoned => Self::Io("an earlier write failed".to_owned()),
            other => Self::Corrupt(format!("{other}")),
        }
    }
}
