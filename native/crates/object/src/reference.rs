//! The values by which records refer to payloads.

use pyralog_types::FIRST_SCHEMA;

use crate::beneath::check_path;
use crate::{Name, ObjectError};

/// Schema id of records whose value is an [`ObjectReference`].
pub const SCHEMA_OBJECT: u32 = 2;
/// Schema id of records whose value is a [`FileReference`].
pub const SCHEMA_FILE: u32 = 3;

const VERSION: u8 = 1;
const OBJECT_BYTES: usize = 80;
const FILE_HEAD_BYTES: usize = 44;
/// Lengths cross to JavaScript as numbers.
const LENGTH_MAX: u64 = (1 << 53) - 1;

/// Names an object and its content (O3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectReference {
    /// What the payload means: 0 for opaque bytes, or a registered schema (J1).
    pub schema_id: u32,
    /// Bytes of the payload.
    pub length: u64,
    /// BLAKE3 of the recipe.
    pub id: Name,
    /// BLAKE3 of the payload.
    pub content: Name,
}

impl ObjectReference {
    /// The record's value.
    #[must_use]
    pub fn encode(&self) -> [u8; OBJECT_BYTES] {
        let mut bytes = [0; OBJECT_BYTES];
        bytes[0] = VERSION;
        bytes[4..8].copy_from_slice(&self.schema_id.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..48].copy_from_slice(&self.id);
        bytes[48..].copy_from_slice(&self.content);
        bytes
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// [`ObjectError::Malformed`] for anything [`ObjectReference::encode`] does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, ObjectError> {
        let bytes: &[u8; OBJECT_BYTES] = bytes.try_into().map_err(|_| {
            malformed(format!(
                "an object reference has {OBJECT_BYTES} bytes, this has {}",
                bytes.len()
            ))
        })?;
        if bytes[..4] != [VERSION, 0, 0, 0] {
            return Err(malformed(format!(
                "an object reference begins with 01000000, this with {}",
                crate::error::hex(&bytes[..4])
            )));
        }
        let schema_id = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if (1..FIRST_SCHEMA).contains(&schema_id) {
            return Err(malformed(format!(
                "an object's payload has schema 0 or one from {FIRST_SCHEMA} on, this says {schema_id}"
            )));
        }
        Ok(Self {
            schema_id,
            length: length_of(&bytes[8..16])?,
            id: name_of(&bytes[16..48]),
            content: name_of(&bytes[48..]),
        })
    }
}

/// What a referenced file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// Any file.
    Other,
    /// Apache Parquet.
    Parquet,
    /// Safetensors.
    Safetensors,
    /// A Zarr store: a directory.
    Zarr,
}

impl FileFormat {
    /// The format's number (O9).
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Parquet => 1,
            Self::Safetensors => 2,
            Self::Zarr => 3,
        }
    }

    /// The format of a number.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        [Self::Other, Self::Parquet, Self::Safetensors, Self::Zarr]
            .into_iter()
            .find(|format| format.number() == number)
    }
}

/// Names a file that stays where it is (O9).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileReference {
    /// What it is.
    pub format: FileFormat,
    /// Where it is, relative to the root (O10).
    pub path: String,
    /// Bytes of the file; of a Zarr store, of all its files.
    pub length: u64,
    /// BLAKE3 of the file, or of the Zarr store's manifest (O11).
    pub hash: Name,
}

impl FileReference {
    /// The record's value.
    ///
    /// # Errors
    /// [`ObjectError::Path`].
    pub fn encode(&self) -> Result<Vec<u8>, ObjectError> {
        check_path(&self.path)?;
        let mut bytes = Vec::with_capacity(FILE_HEAD_BYTES + self.path.len());
        bytes.extend_from_slice(&[VERSION, self.format.number()]);
        bytes.extend_from_slice(&(self.path.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.hash);
        bytes.extend_from_slice(self.path.as_bytes());
        Ok(bytes)
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// [`ObjectError::Malformed`], [`ObjectError::Path`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ObjectError> {
        let (head, path) = bytes
            .split_first_chunk::<FILE_HEAD_BYTES>()
            .ok_or_else(|| malformed("a file reference is cut short"))?;
        let format = FileFormat::of(head[1]);
        let (VERSION, Some(format)) = (head[0], format) else {
            return Err(malformed(format!(
                "a file reference of version {} and format {} is unknown",
                head[0], head[1]
            )));
        };
        if usize::from(u16::from_le_bytes([head[2], head[3]])) != path.len() {
            return Err(malformed("a file reference's path has another length"));
        }
        let path = std::str::from_utf8(path)
            .map_err(|_| malformed("a file reference's path is no UTF-8"))?;
        check_path(path)?;
        Ok(Self {
            format,
            path: path.to_owned(),
            length: length_of(&head[4..12])?,
            hash: name_of(&head[12..]),
        })
    }
}

fn malformed(what: impl Into<String>) -> ObjectError {
    ObjectError::Malformed(what.into())
}

fn length_of(bytes: &[u8]) -> Result<u64, ObjectError> {
    let mut word = [0; 8];
    word.copy_from_slice(bytes);
    let length = u64::from_le_bytes(word);
    if length > LENGTH_MAX {
        return Err(malformed(format!("a length of {length} is above 2^53 - 1")));
    }
    Ok(length)
}

fn name_of(bytes: &[u8]) -> Name {
    let mut name = [0; 32];
    name.copy_from_slice(bytes);
    name
}
