//! The open manifest: commits, pins, and the deletion of what nobody needs any more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use pyralog_log::FileLayer;

use crate::edit::{Edit, encode_edits};
use crate::error::ManifestError;
use crate::file::{LogFile, Place, ReplaceFault};
use crate::frame::PAYLOAD_MAX;
use crate::grave::{Dead, Graveyard};
use crate::listing::{Listing, list_segments};
use crate::names::{ENDINGS, MANIFEST_DIR, SEGMENTS_DIR, file_name};
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

/// What [`Manifest::sweep`] did.
#[derive(Debug, Clone, Default)]
pub struct Swept {
    /// Segments and leaves files that were deleted.
    pub deleted: usize,
    /// Why the sweep ended early; what is left is tried again by the next one.
    pub failed: Option<ManifestError>,
}

/// Which files a store's partitions are made of, version by version (docs/spec/manifest.md).
///
/// All methods may be called from any thread. Commits wait for each other and for the disk; readers wait for neither.
pub struct Manifest {
    place: Place,
    segments: PathBuf,
    options: ManifestOptions,
    log: Mutex<LogFile>,
    published: Published,
    graveyard: Arc<Graveyard>,
    next_file: AtomicU64,
    /// Numbers that were handed out and are in no version yet.
    reserved: Mutex<BTreeSet<u64>>,
    /// Left over from a crash.
    found: Mutex<Listing>,
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

    /// Directory that segments and leaves files stand in.
    #[must_use]
    pub fn segments_dir(&self) -> &Path {
        &self.segments
    }

    /// The newest version; holding it pins it.
    #[must_use]
    pub fn current(&self) -> Arc<Version> {
        self.published.current()
    }

    /// A version by its number, for as long as it is kept or somebody holds it.
    ///
    /// # Errors
    /// [`ManifestError::Gone`].
    pub fn pin(&self, number: u64) -> Result<Arc<Version>, ManifestError> {
        self.published.pin(number)
    }

    /// Lets go of kept versions, all but the newest `keep` before the current one. Pins stay.
    pub fn expire(&self, keep: usize) {
        self.published.expire(keep);
    }

    /// A number for a new file; [`file_name`] makes its name. It is either committed or abandoned.
    #[must_use]
    pub fn reserve(&self) -> u64 {
        let number = self.next_file.fetch_add(1, Ordering::Relaxed);
        self.reserved.lock().insert(number);
        number
    }

    /// Gives up a number that was not committed: what was written under it is deleted by the next sweep.
    pub fn abandon(&self, partition: u32, number: u64) {
        if self.reserved.lock().remove(&number) {
            self.graveyard.bury(Dead { partition, number });
        }
    }

    /// Applies edits, all or none, and makes them durable. The files they name must be durable already.
    ///
    /// # Errors
    /// [`ManifestError::Conflict`], [`ManifestError::TooLarge`], [`ManifestError::DiskFull`]: nothing was written.
    /// [`ManifestError::Io`]: unknown until the next opening; [`ManifestError::Poisoned`] from then on.
    pub fn commit(&self, edits: &[Edit]) -> Result<Arc<Version>, ManifestError> {
        let mut log = self.log.lock();
        log.healthy()?;
        let current = self.published.current();
        let numbers = self.check_numbers(edits)?;
        let mut version = Version::clone(&current);
        for edit in edits {
            version.apply(edit, &self.graveyard)?;
        }
        version.number += 1;
        let payload = encode_edits(edits);
        if payload.is_empty() {
            return Ok(current);
        }
        if payload.len() > PAYLOAD_MAX {
            return Err(ManifestError::TooLarge {
                bytes: payload.len() as u64,
                max: PAYLOAD_MAX as u64,
            });
        }
        log.append(version.number, &payload)?;
        let version = Arc::new(version);
        self.condemn(&current, &version, edits);
        self.published
            .publish(Arc::clone(&version), self.options.keep_versions);
        let mut reserved = self.reserved.lock();
        for number in numbers {
            reserved.remove(&number);
        }
        drop(reserved);
        self.rewrite_if_large(&mut log, &version);
        Ok(version)
    }

    /// Numbers of new files; each was reserved, and is used once.
    fn check_numbers(&self, edits: &[Edit]) -> Result<BTreeSet<u64>, ManifestError> {
        let reserved = self.reserved.lock();
        let mut numbers = BTreeSet::new();
        for edit in edits {
            for number in edit.numbers() {
                if !reserved.contains(&number) || !numbers.insert(number) {
                    return Err(ManifestError::Conflict {
                        partition: edit.partition(),
                        detail: format!("number {number} was not reserved, or is used twice"),
                    });
                }
            }
        }
        Ok(numbers)
    }

    /// Marks what the new version does not name any more (Y11).
    fn condemn(&self, old: &Version, new: &Version, edits: &[Edit]) {
        let touched: BTreeSet<u32> = edits.iter().map(Edit::partition).collect();
        for partition in touched {
            let living: BTreeSet<u64> = new
                .partition(partition)
                .into_iter()
                .flat_map(|state| state.tokens().map(|(number, _)| number))
                .collect();
            let before = old.partition(partition).into_iter();
            let before: Vec<_> = before.flat_map(|state| state.tokens()).collect();
            for (number, token) in &before {
                if !living.contains(number) {
                    token.condemn();
                }
            }
            // What came and went within one commit.
            for number in edits
                .iter()
                .filter(|edit| edit.partition() == partition)
                .flat_map(Edit::numbers)
            {
                if !living.contains(&number) {
                    self.graveyard.bury(Dead { partition, number });
                }
            }
        }
    }

    /// Replaces the file by a snapshot when its edits outgrow it. The commit before is durable either way.
    fn rewrite_if_large(&self, log: &mut LogFile, version: &Version) {
        let (edits, snapshot) = log.sizes();
        if edits > self.options.rewrite_bytes.max(snapshot) {
            // A full disk leaves the file as it is; the next commit tries again.
            drop(self.rewrite(log, version));
        }
    }

    fn rewrite(&self, log: &mut LogFile, version: &Version) -> Result<(), ManifestError> {
        log.healthy()?;
        let next_file = self.next_file.load(Ordering::Relaxed);
        let snapshot = version.encode(next_file);
        let incarnation = log.header.incarnation + 1;
        match LogFile::replace(&self.place, incarnation, version.number, &snapshot) {
            Ok(replaced) => {
                *log = replaced;
                Ok(())
            }
            Err(ReplaceFault::Untouched(error)) => Err(error),
            Err(ReplaceFault::Unknown(error)) => {
                log.poison(&error);
                Err(error)
            }
        }
    }

    /// Replaces the file by a snapshot of the newest version now.
    ///
    /// # Errors
    /// [`ManifestError::DiskFull`] leaves the file as it was; [`ManifestError::Io`]; [`ManifestError::Poisoned`].
    pub fn compact(&self) -> Result<(), ManifestError> {
        let mut log = self.log.lock();
        let version = self.published.current();
        self.rewrite(&mut log, &version)
    }

    /// Files that wait for [`Manifest::sweep`].
    #[must_use]
    pub fn dead_files(&self) -> usize {
        self.graveyard.len()
    }

    /// Deletes up to `most` segments that no version names any more. Cheap: a few calls of the operating system each,
    /// no sync, for a deletion that a crash undoes is found again as an orphan.
    #[must_use]
    pub fn sweep(&self, most: usize) -> Swept {
        let mut swept = Swept::default();
        let mut dead = self.graveyard.take(most).into_iter();
        for file in dead.by_ref() {
            if let Err(error) = self.delete(file) {
                swept.failed = Some(error);
                self.graveyard.bury(file);
                break;
            }
            swept.deleted += 1;
        }
        dead.for_each(|file| self.graveyard.bury(file));
        swept
    }

    fn delete(&self, dead: Dead) -> Result<(), ManifestError> {
        let name = file_name(dead.partition, dead.number);
        for ending in ENDINGS {
            self.remove(&format!("{name}.{ending}"))?;
            self.remove(&format!("{name}.{ending}.tmp"))?;
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), ManifestError> {
        let path = self.segments.join(name);
        match self.place.files.remove(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(ManifestError::io("remove", &path, error))
            }
            _ => Ok(()),
        }
    }

    /// Deletes what opening found that no version names: outputs of seals and compactions that a crash cut short, and
    /// inputs whose deletion it undid. Returns how many files went.
    ///
    /// # Errors
    /// [`ManifestError::FilesMissing`] while files that it names are missing (Y12); [`ManifestError::Io`].
    pub fn remove_orphans(&self) -> Result<usize, ManifestError> {
        let mut found = self.found.lock();
        let missing = found
            .missing
            .iter()
            .filter(|file| !file.rebuildable)
            .count();
        if missing > 0 {
            return Err(ManifestError::FilesMissing { missing });
        }
        let mut removed = 0;
        while let Some(name) = found.orphans.last() {
            self.remove(name)?;
            found.orphans.pop();
            removed += 1;
        }
        Ok(removed)
    }

    /// Syncs the last marker: a clean end, after which damage to the last commit cannot pass for a torn one (Y3).
    ///
    /// # Errors
    /// [`ManifestError::Io`], [`ManifestError::Poisoned`].
    pub fn close(&self) -> Result<(), ManifestError> {
        self.log.lock().close()
    }
}
