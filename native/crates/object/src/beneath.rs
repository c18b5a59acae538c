//! Paths that cannot lead out of their root (O10).

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, fstat, open, openat};

use crate::ObjectError;

const PATH_BYTES_MAX: usize = 1024;
const COMPONENT_BYTES_MAX: usize = 255;

/// Refuses paths that break rule O10; nothing is opened.
///
/// # Errors
/// [`ObjectError::Path`].
pub fn check_path(path: &str) -> Result<(), ObjectError> {
    let what = if path.len() > PATH_BYTES_MAX {
        "has more than 1,024 bytes"
    } else if path.chars().any(char::is_control) {
        "has a control character"
    } else if path.contains(['\\', ':']) {
        "has a backslash or a colon; components are separated by '/'"
    } else {
        match path.split('/').find_map(bad_component) {
            Some(what) => what,
            None => return Ok(()),
        }
    };
    Err(refused(path, what))
}

fn bad_component(component: &str) -> Option<&'static str> {
    match component {
        "" => {
            Some("has an empty component, or begins or ends with '/'; give it relative to the root")
        }
        "." | ".." => Some("has a component '.' or '..'; give it relative to the root"),
        other if other.len() > COMPONENT_BYTES_MAX => {
            Some("has a component of more than 255 bytes")
        }
        _ => None,
    }
}

pub(crate) fn refused(path: &str, what: impl Into<String>) -> ObjectError {
    ObjectError::Path {
        path: path.to_owned(),
        what: what.into(),
    }
}

/// What a path may lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    File,
    Directory,
}

/// Opens what a checked path leads to below `root`, following no link below it.
pub(crate) fn open_beneath(root: &Path, path: &str, want: Want) -> Result<OwnedFd, ObjectError> {
    check_path(path)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = open(root, flags, Mode::empty())
        .map_err(|error| ObjectError::Io(format!("root {}: {error}", root.display())))?;
    let (parents, last) = path.rsplit_once('/').unwrap_or(("", path));
    for parent in parents.split('/').filter(|parent| !parent.is_empty()) {
        at = open_entry(&at, parent, Want::Directory).map_err(|error| explain(path, error))?;
    }
    open_entry(&at, last, want).map_err(|error| explain(path, error))
}

/// Opens one entry of an open directory; a link, or something of another type, is an error.
pub(crate) fn open_entry(
    dir: impl AsFd,
    name: impl rustix::path::Arg,
    want: Want,
) -> rustix::io::Result<OwnedFd> {
    // A pipe would otherwise wait for its other end.
    let mut flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if want == Want::Directory {
        flags |= OFlags::DIRECTORY;
    }
    let opened = openat(dir, name, flags, Mode::empty())?;
    let found = FileType::from_raw_mode(fstat(&opened)?.st_mode);
    match (want, found) {
        (Want::File, FileType::RegularFile) | (Want::Directory, FileType::Directory) => Ok(opened),
        _ => Err(rustix::io::Errno::INVAL),
    }
}

pub(crate) fn explain(path: &str, error: rustix::io::Errno) -> ObjectError {
    use rustix::io::Errno;
    match error {
        Errno::NOENT => refused(path, "leads nowhere"),
        Errno::LOOP => refused(path, "leads through a link; links are not followed"),
        Errno::NOTDIR => refused(
            path,
            "leads through a link or something that is no directory",
        ),
        Errno::INVAL | Errno::NXIO => refused(path, "is no regular file, or no directory for Zarr"),
        Errno::ACCESS => refused(path, "may not be read"),
        other => ObjectError::Io(format!("path {path:?}: {other}")),
    }
}

/// An open file of the standard library.
pub(crate) fn file_of(opened: OwnedFd) -> File {
    File::from(opened)
}
