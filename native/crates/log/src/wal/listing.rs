//! The files of a log as they are found in its directory (W1, W2): which belong to it, and what is wrong with them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{
    FIRST_FRAME, FileHeader, HEADER_BYTES, HeaderFault, StoreHeader, is_zero, records_of_store,
};
use super::shared::{WalFile, incarnation_of, path_of};
use super::window::Window;
use crate::error::{Damage, LogError};
use crate::files::{FileLayer, OpenMode};

/// The store file in the log's directory.
const STORE: &str = "STORE";

/// The files in order of incarnation, up to the first that cannot be used.
pub(crate) struct Listing {
    pub files: Vec<Arc<WalFile>>,
    /// The first thing wrong with the files themselves.
    pub fault: Option<Damage>,
}

pub(crate) fn store_path(wal_dir: &Path) -> PathBuf {
    wal_dir.join(STORE)
}

/// Reads the store file and the records in it (W13); `None` when there is none.
pub(crate) fn read_store(
    layer: &dyn FileLayer,
    wal_dir: &Path,
) -> Result<Option<(StoreHeader, Vec<u8>)>, LogError> {
    let path = store_path(wal_dir);
    let bytes = layer
        .read_file(&path)
        .map_err(|error| LogError::io("read", &path, error))?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    let records = bytes.get(HEADER_BYTES..).unwrap_or_default();
    let fault = match StoreHeader::decode(&bytes) {
        Ok(store) => match records_of_store(records) {
            Ok(_) => return Ok(Some((store, records.to_vec()))),
            Err(reason) => format!("among its records, {reason}"),
        },
        Err(HeaderFault::Version(version)) => return Err(newer(path, version)),
        Err(HeaderFault::Damaged(detail)) => format!("its header {detail}"),
    };
    Err(LogError::Corrupt(Damage {
        file: path,
        position: 0,
        detail: format!("{fault}; restore the file from a backup"),
    }))
}

fn newer(file: PathBuf, version: u32) -> LogError {
    LogError::Format {
        file,
        detail: format!(
            "format version {version} is newer than this program knows; use the program that wrote it"
        ),
    }
}

/// Incarnations of the log files in a directory, ascending.
pub(crate) fn incarnations(
    layer: &dyn FileLayer,
    wal_dir: &Path,
) -> Result<BTreeSet<u64>, LogError> {
    let names = layer
        .list(wal_dir)
        .map_err(|error| LogError::io("list", wal_dir, error))?;
    Ok(names
        .iter()
        .filter_map(|name| incarnation_of(name))
        .collect())
}

/// Whether no log file holds a frame: then a missing store file only means that its creation was interrupted.
pub(crate) fn all_empty(
    layer: &dyn FileLayer,
    wal_dir: &Path,
    incarnations: &BTreeSet<u64>,
) -> Result<bool, LogError> {
    let mut window = Window::new();
    for incarnation in incarnations {
        let path = path_of(wal_dir, *incarnation);
        let empty = is_empty(layer, &path, &mut window)
            .map_err(|error| LogError::io("read", &path, error))?;
        if !empty {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_empty(layer: &dyn FileLayer, path: &Path, window: &mut Window) -> io::Result<bool> {
    let file = layer.open(path, OpenMode::Read)?;
    window.clear();
    let mut position = FIRST_FRAME;
    loop {
        let piece = window.slice(file.as_ref(), position, 1 << 20)?;
        if piece.is_empty() {
            return Ok(true);
        }
        if !is_zero(piece) {
            return Ok(false);
        }
        position += piece.len() as u64;
    }
}

/// Opens the files from the store's first incarnation on. They must follow each other without a gap.
pub(crate) fn list(
    layer: &dyn FileLayer,
    wal_dir: &Path,
    store: &StoreHeader,
) -> Result<Listing, LogError> {
    let present = incarnations(layer, wal_dir)?;
    let mut listing = Listing {
        files: Vec::new(),
        fault: None,
    };
    let last = present
        .last()
        .copied()
        .unwrap_or(0)
        .max(store.first_incarnation);
    for incarnation in store.first_incarnation..=last {
        let path = path_of(wal_dir, incarnation);
        if !present.contains(&incarnation) {
            listing.fail(Damage {
                file: path,
                position: 0,
                detail: "the file is missing".into(),
            });
            break;
        }
        let Some(file) = open_file(layer, path, incarnation, store, &mut listing)? else {
            break;
        };
        listing.files.push(Arc::new(file));
    }
    Ok(listing)
}

impl Listing {
    fn fail(&mut self, damage: Damage) {
        self.fault.get_or_insert(damage);
    }
}

/// Opens one file; `None` when it cannot be used at all. A wrong length is a fault, but what is there can be read.
fn open_file(
    layer: &dyn FileLayer,
    path: PathBuf,
    incarnation: u64,
    store: &StoreHeader,
    listing: &mut Listing,
) -> Result<Option<WalFile>, LogError> {
    let file = layer
        .open(&path, OpenMode::ReadWrite)
        .map_err(|error| LogError::io("open", &path, error))?;
    let length = file
        .len()
        .map_err(|error| LogError::io("read the length of", &path, error))?;
    let mut bytes = vec![0; HEADER_BYTES.min(length as usize)];
    file.read_exact_at(&mut bytes, 0)
        .map_err(|error| LogError::io("read", &path, error))?;
    let fault = match FileHeader::decode(&bytes) {
        Err(HeaderFault::Version(version)) => return Err(newer(path, version)),
        Err(HeaderFault::Damaged(detail)) => format!("its header {detail}"),
        Ok(header) if header.store_id != store.store_id => {
            "the file belongs to another store; put back the one that was here".into()
        }
        Ok(header) if header.incarnation != incarnation => {
            format!(
                "the file was renamed: it is {:016x}.wal",
                header.incarnation
            )
        }
        Ok(header) => {
            if length != header.file_bytes {
                listing.fail(Damage {
                    file: path.clone(),
                    position: length.min(header.file_bytes),
                    detail: format!(
                        "the file has {length} bytes instead of {}",
                        header.file_bytes
                    ),
                });
            }
            return Ok(Some(WalFile { file, path, header }));
        }
    };
    listing.fail(Damage {
        file: path,
        position: 0,
        detail: fault,
    });
    Ok(None)
}
