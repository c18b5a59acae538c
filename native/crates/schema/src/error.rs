//! What callers can be told.

use std::io;

use thiserror::Error;

use crate::Rule;

/// Errors of the registry. [`SchemaError::code`] gives the name they have in TypeScript.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum SchemaError {
    /// Bytes that are no Arrow stream, or a schema that breaks J2, or a subject's name that breaks J3.
    #[error("{0}")]
    Malformed(String),
    /// A version that the subject's rule refuses (J4).
    #[error(
        "subject {subject:?} is {rule}, and version {version} says otherwise: field {field:?} {what}"
    )]
    Incompatible {
        /// The subject.
        subject: String,
        /// Its rule.
        rule: Rule,
        /// Id of the version it was held against.
        version: u32,
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        what: String,
    },
    /// A batch that does not fit its schema (J6).
    #[error("the batch does not fit schema {id}: field {field:?} {what}")]
    Misfit {
        /// The schema.
        id: u32,
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        what: String,
    },
    /// No schema of this id.
    #[error("schema {0} is not registered here; register it, or wait until this node has it")]
    Unknown(u32),
    /// The registry's file is damaged (J7).
    #[error("schema registry: {0}; restore its file from a replica or a backup")]
    Corrupt(String),
    /// No room; nothing was registered.
    #[error("schema registry: {0}; make room and try again")]
    DiskFull(String),
    /// The operating system refused; nothing was registered.
    #[error("schema registry: {0}; look at the disk, then try again")]
    Io(String),
}

impl SchemaError {
    /// The code in TypeScript.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "schema/malformed",
            Self::Incompatible { .. } => "schema/incompatible",
            Self::Misfit { .. } => "schema/misfit",
            Self::Unknown(_) => "schema/unknown",
            Self::Corrupt(_) => "storage/corrupt",
            Self::DiskFull(_) => "storage/disk-full",
            Self::Io(_) => "storage/io",
        }
    }

    /// Path of the field it is about.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Incompatible { field, .. } | Self::Misfit { field, .. } => Some(field),
            _ => None,
        }
    }
}

impl From<io::Error> for SchemaError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull(error.to_string())
            }
            _ => Self::Io(error.to_string()),
        }
    }
}
