//! Opening a manifest, and looking at one without opening it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use pyralog_log::FileLayer;

use crate::error::ManifestError;
use crate::file::{LogFile, Place, ReplaceFault};
use crate::grave::Graveyard;
use crate::listing::{Listing, list_segments};
use crate::manifest::Manifest;
use crate::names::{MANIFEST_DIR, SEGMENTS_DIR};
use crate::published::Published;
use crate::recover::{Recovered, recover};
use crate::version::Version;

/// How a manifest is opened.
#[derive(Debug, Clone)]
pub struct ManifestOptions {
    /// The store it belongs to (W1); a file of another store is refused.
    pub store_id: [u8; 16],
    /// Newest version that the caller knows to have been committed, 0 for none: an older file is refused (Y3).
    pub at_least: u64,
    /// Versions before the newest that stay readable without a pin.
    pub keep_versions: usize,
    /// The file is replaced when its edits have more bytes than this, and than its snapshot.
    pub rewrite_bytes: usize,
}

impl ManifestOptions {
    /// The defaults, for a store.
    #[must_use]
    pub fn new(store_id: [u8; 16]) -> Self {
        Self {
            store_id,
            at_least: 0,
            keep_versions: 0,
            // A thousand seals: read in a millisecond at the next opening.
            rewrite_bytes: 256 << 10,
        }
    }
}

/// What opening found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManifestRecovery {
    /// There was none, and no segments either.
    pub created: bool,
    /// Bytes of a commit that was on the way when the power failed, cut.
    pub cut_bytes: usize,
    /// What the directory of segments holds, held against the newest version (Y12).
    pub files: Listing,
}

/// An open manifest and what opening found.
pub struct OpenManifest {
    /// The manifest.
    pub manifest: Arc<Manifest>,
    /// What opening found.
    pub recovery: ManifestRecovery,
}

struct Read {
    recovered: Recovered,
    bytes: Vec<u8>,
}

fn read(
    place: &Place,
    at_least: u64,
    graveyard: &Arc<Graveyard>,
) -> Result<Option<Read>, ManifestError> {
    let path = place.path();
    let bytes = place
        .files
        .read_file(&path)
        .map_err(|error| ManifestError::io("read", &path, error))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let recovered = recover(&path, &bytes, graveyard)?;
    let refuse = |detail: String| {
        Err(ManifestError::Format {
            file: path.clone(),
            detail,
        })
    };
    if recovered.header.store_id != place.store_id {
        return refuse("it is of another store; put back the one that belongs here".into());
    }
    let number = recovered.version.number;
    if number < at_least {
        return refuse(format!(
            "it ends at version {number}, though {at_least} was committed: it is an older copy; put back the newest"
        ));
    }
    Ok(Some(Read { recovered, bytes }))
}

/// Reads the manifest of a store that nobody has open, and changes nothing.
///
/// # Errors
/// As [`Manifest::open`].
pub fn inspect(
    files: &Arc<dyn FileLayer>,
    store: &Path,
    options: &ManifestOptions,
) -> Result<(Arc<Version>, ManifestRecovery), ManifestError> {
    let place = place(files, store, options);
    let Some(read) = read(&place, options.at_least, &Arc::default())? else {
        return Err(ManifestError::Missing(place.path()));
    };
    let version = Arc::new(read.recovered.version);
    let recovery = ManifestRecovery {
        created: false,
        cut_bytes: read.recovered.torn,
        files: list_segments(files.as_ref(), &store.join(SEGMENTS_DIR), &version)?,
    };
    Ok((version, recovery))
}

fn place(files: &Arc<dyn FileLayer>, store: &Path, options: &ManifestOptions) -> Place {
    Place {
        files: Arc::clone(files),
        dir: store.join(MANIFEST_DIR),
        store_id: options.store_id,
    }
}

impl Manifest {
    /// Opens the manifest in a store's directory, or begins one where there are no segments. The caller keeps a second
    /// process out (W11).
    ///
    /// # Errors
    /// [`ManifestError::Corrupt`], [`ManifestError::Format`], [`ManifestError::Missing`]: nothing was changed.
    /// [`ManifestError::DiskFull`] and [`ManifestError::Io`] may be over at the next try.
    pub fn open(
        files: &Arc<dyn FileLayer>,
        store: &Path,
        options: &ManifestOptions,
    ) -> Result<OpenManifest, ManifestError> {
        let place = place(files, store, options);
        let segments = store.join(SEGMENTS_DIR);
        for dir in [&place.dir, &segments] {
            files
                .create_dir(dir)
                .map_err(|error| ManifestError::io("create", dir, error))?;
        }
        let graveyard = Arc::default();
        let read = read(&place, options.at_least, &graveyard)?;
        let mut recovery = ManifestRecovery::default();
        let mut next_file = 0;
        let mut version = Version {
            number: 1,
            ..Version::default()
        };
        let mut bytes = Vec::new();
        let mut recovered = None;
        if let Some(mut read) = read {
            version = std::mem::take(&mut read.recovered.version);
            next_file = read.recovered.next_file;
            read.recovered.version.number = version.number;
            recovery.cut_bytes = read.recovered.torn;
            bytes = read.bytes;
            recovered = Some(read.recovered);
        }
        recovery.files = list_segments(files.as_ref(), &segments, &version)?;
        next_file = next_file.max(recovery.files.numbers_end);
        let log = if let Some(recovered) = &recovered {
            LogFile::resume(&place, recovered, &bytes)?
        } else {
            recovery.created = true;
            if options.at_least > 0 || recovery.files.numbers_end > 0 {
                return Err(ManifestError::Missing(place.path()));
            }
            LogFile::replace(&place, 1, 1, &version.encode(0)).map_err(|fault| match fault {
                ReplaceFault::Untouched(error) | ReplaceFault::Unknown(error) => error,
            })?
        };
        let manifest = Self {
            segments,
            options: options.clone(),
            log: Mutex::new(log),
            published: Published::new(Arc::new(version)),
            graveyard,
            next_file: AtomicU64::new(next_file),
            reserved: Mutex::default(),
            found: Mutex::new(recovery.files.clone()),
            place,
        };
        Ok(OpenManifest {
            manifest: Arc::new(manifest),
            recovery,
        })
    }
}
