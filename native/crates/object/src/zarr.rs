//! The hash of a directory (O11).

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Dir, FileType};

use crate::beneath::{Want, explain, file_of, open_beneath, open_entry, refused};
use crate::external::{GoesOn, hash_of};
use crate::{Name, ObjectError};

const HEADLINE: &[u8] = b"pyralog zarr 1\n";
const FILES_MAX: usize = 1_000_000;
const DEPTH_MAX: usize = 64;
const MARKS: [&[u8]; 3] = [b"zarr.json", b".zgroup", b".zarray"];

/// Length and hash of a file or a directory.
pub(crate) struct Summary {
    pub(crate) length: u64,
    pub(crate) hash: Name,
}

struct Walk<'a> {
    store: &'a str,
    /// Path relative to the store, length, hash.
    files: Vec<(Vec<u8>, Summary)>,
    goes_on: GoesOn<'a>,
}

/// Reads every file of a Zarr store.
pub(crate) fn summary(
    root: &Path,
    path: &str,
    goes_on: GoesOn<'_>,
) -> Result<Summary, ObjectError> {
    let top = open_beneath(root, path, Want::Directory)?;
    let mut walk = Walk {
        store: path,
        files: Vec::new(),
        goes_on,
    };
    walk.directory(&top, &[], 0)?;
    let Walk { mut files, .. } = walk;
    files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    if !files.iter().any(|(name, _)| MARKS.contains(&&name[..])) {
        return Err(ObjectError::Format {
            path: path.to_owned(),
            what: "has no zarr.json, .zgroup or .zarray at its top".to_owned(),
        });
    }
    let mut manifest = blake3::Hasher::new();
    manifest.update(HEADLINE);
    let mut length = 0_u64;
    for (name, file) in &files {
        manifest.update(&(name.len() as u16).to_le_bytes());
        manifest.update(name);
        manifest.update(&file.length.to_le_bytes());
        manifest.update(&file.hash);
        length = length.saturating_add(file.length);
    }
    Ok(Summary {
        length,
        hash: *manifest.finalize().as_bytes(),
    })
}

impl Walk<'_> {
    fn directory(&mut self, dir: &OwnedFd, prefix: &[u8], depth: usize) -> Result<(), ObjectError> {
        if depth > DEPTH_MAX {
            return Err(refused(self.store, "is more than 64 levels deep"));
        }
        let entries = Dir::read_from(dir).map_err(|error| explain(self.store, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| explain(self.store, error))?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let path = [prefix, name.to_bytes()].concat();
            self.entry(dir, name, path, depth)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        dir: impl AsFd,
        name: &std::ffi::CStr,
        path: Vec<u8>,
        depth: usize,
    ) -> Result<(), ObjectError> {
        let stat = rustix::fs::statat(&dir, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| explain(self.store, error))?;
        // What was looked at may have been replaced since: opening checks again.
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let below = open_entry(dir, name, Want::Directory);
                let below = below.map_err(|error| explain(self.store, error))?;
                self.directory(&below, &[&path[..], b"/"].concat(), depth + 1)
            }
            FileType::RegularFile => {
                if self.files.len() == FILES_MAX || path.len() > usize::from(u16::MAX) {
                    return Err(refused(self.store, "has more than 1,000,000 files"));
                }
                let file = open_entry(dir, name, Want::File);
                let file = file.map_err(|error| explain(self.store, error))?;
                let summary = hash_of(file_of(file), self.goes_on)?;
                self.files.push((path, summary));
                Ok(())
            }
            _ => Err(refused(
                self.store,
                format!(
                    "holds {:?}, a link or a special file",
                    String::from_utf8_lossy(&path)
                ),
            )),
        }
    }
}
