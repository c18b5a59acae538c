//! Files that stay where they are: making references, checking them, reading (O9–O13).

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::beneath::{Want, file_of, open_beneath};
use crate::zarr::{self, Summary};
use crate::{FileFormat, FileReference, Name, ObjectError};

const BUFFER_BYTES: usize = 1 << 18;
const PARQUET_MAGIC: &[u8; 4] = b"PAR1";

/// Is asked while long files are read, and gives up by saying no.
pub type GoesOn<'a> = &'a dyn Fn() -> bool;

/// Makes a reference to a file as it is now, if it looks like its format (O12).
///
/// # Errors
/// [`ObjectError::Path`], [`ObjectError::Format`], [`ObjectError::Aborted`], [`ObjectError::Io`].
pub fn make_reference(
    root: &Path,
    path: &str,
    format: FileFormat,
    goes_on: GoesOn<'_>,
) -> Result<FileReference, ObjectError> {
    let Summary { length, hash } = if format == FileFormat::Zarr {
        zarr::summary(root, path, goes_on)?
    } else {
        let file = file_of(open_beneath(root, path, Want::File)?);
        check_format(&file, path, format)?;
        hash_of(file, goes_on)?
    };
    Ok(FileReference {
        format,
        path: path.to_owned(),
        length,
        hash,
    })
}

/// Reads a referenced file whole and compares (O13).
///
/// # Errors
/// [`ObjectError::Changed`] when it is not what the reference says, [`ObjectError::Path`] when it is not there,
/// [`ObjectError::Aborted`], [`ObjectError::Io`].
pub fn verify_file(
    root: &Path,
    reference: &FileReference,
    goes_on: GoesOn<'_>,
) -> Result<(), ObjectError> {
    let found = if reference.format == FileFormat::Zarr {
        zarr::summary(root, &reference.path, goes_on)?
    } else {
        let file = file_of(open_beneath(root, &reference.path, Want::File)?);
        check_length(&file, reference)?;
        hash_of(file, goes_on)?
    };
    compare(reference, found.length, found.hash)
}

/// The bytes of a referenced file that were compared with it, at most `bytes_max` (O13). A Zarr store has no bytes of its
/// own: verify it, and reference its files one by one where that is wanted.
///
/// # Errors
/// Those of [`verify_file`], and [`ObjectError::Malformed`] for a file that is too long or a Zarr store.
pub fn read_file(
    root: &Path,
    reference: &FileReference,
    bytes_max: u64,
) -> Result<Vec<u8>, ObjectError> {
    if reference.format == FileFormat::Zarr || reference.length > bytes_max {
        return Err(ObjectError::Malformed(format!(
            "{:?} of {} bytes cannot be read at once (at most {bytes_max} bytes of one file); verify it instead",
            reference.path, reference.length
        )));
    }
    let file = file_of(open_beneath(root, &reference.path, Want::File)?);
    check_length(&file, reference)?;
    let mut bytes = Vec::new();
    // One byte more shows a file that grew meanwhile.
    file.take(reference.length + 1).read_to_end(&mut bytes)?;
    compare(
        reference,
        bytes.len() as u64,
        *blake3::hash(&bytes).as_bytes(),
    )?;
    Ok(bytes)
}

fn check_length(file: &File, reference: &FileReference) -> Result<(), ObjectError> {
    let length = file.metadata()?.len();
    if length == reference.length {
        return Ok(());
    }
    Err(ObjectError::Changed(format!(
        "{:?} has {length} bytes, its reference says {}",
        reference.path, reference.length
    )))
}

fn compare(reference: &FileReference, length: u64, hash: Name) -> Result<(), ObjectError> {
    if length == reference.length && hash == reference.hash {
        return Ok(());
    }
    Err(ObjectError::Changed(format!(
        "{:?} has other content than its reference names",
        reference.path
    )))
}

/// Length and BLAKE3 of what a file has from its beginning.
pub(crate) fn hash_of(mut file: File, goes_on: GoesOn<'_>) -> Result<Summary, ObjectError> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut length = 0;
    loop {
        if !goes_on() {
            return Err(ObjectError::Aborted);
        }
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&buffer[..read]);
                length += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Summary {
        length,
        hash: *hasher.finalize().as_bytes(),
    })
}

fn check_format(file: &File, path: &str, format: FileFormat) -> Result<(), ObjectError> {
    let length = file.metadata()?.len();
    let what = match format {
        FileFormat::Parquet if !is_parquet(file, length) => "does not begin and end with PAR1",
        FileFormat::Safetensors if !is_safetensors(file, length) => {
            "does not begin with the length of a header in JSON"
        }
        _ => return Ok(()),
    };
    Err(ObjectError::Format {
        path: path.to_owned(),
        what: what.to_owned(),
    })
}

fn is_parquet(file: &File, length: u64) -> bool {
    let has_magic = |at: u64| {
        let mut magic = [0; 4];
        file.read_exact_at(&mut magic, at).is_ok() && magic == *PARQUET_MAGIC
    };
    // Two magics and the length of the footer.
    length >= 12 && has_magic(0) && has_magic(length - 4)
}

fn is_safetensors(file: &File, length: u64) -> bool {
    let mut head = [0; 9];
    if file.read_exact_at(&mut head, 0).is_err() || head[8] != b'{' {
        return false;
    }
    let mut header = [0; 8];
    header.copy_from_slice(&head[..8]);
    let header = u64::from_le_bytes(header);
    header >= 2 && header.checked_add(8).is_some_and(|end| end <= length)
}
