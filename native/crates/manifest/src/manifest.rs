//! The open manifest: commits and pins.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::edit::{Edit, encode_edits};
use crate::error::ManifestError;
use crate::file::{LogFile, Place, ReplaceFault};
use crate::frame::PAYLOAD_MAX;
use crate::grave::{Dead, Graveyard};
use crate::listing::Listing;
use crate::mutant::{Mutant, on};
use crate::opening::ManifestOptions;
use crate::published::Published;
use crate::version::Version;

/// Which files a store's partitions are made of, version by version (docs/spec/manifest.md).
///
/// All methods may be called from any thread. Commits wait for each other and for the disk; readers wait for neither.
pub struct Manifest {
    pub(crate) place: Place,
    pub(crate) segments: PathBuf,
    pub(crate) options: ManifestOptions,
    pub(crate) log: Mutex<LogFile>,
    pub(crate) published: Published,
    pub(crate) graveyard: Arc<Graveyard>,
    pub(crate) next_file: AtomicU64,
    /// Numbers that were handed out and are in no version yet.
    pub(crate) reserved: Mutex<BTreeSet<u64>>,
    /// Left over from a crash.
    pub(crate) found: Mutex<Listing>,
}

impl Manifest {
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

    /// Gives up a number that was not committed: what was written under it is deleted by the next sweep. Files of a commit
    /// that may be durable stay for the next opening, which knows whether they are orphans.
    pub fn abandon(&self, partition: u32, number: u64) {
        if self.reserved.lock().remove(&number) {
            self.graveyard.bury(Dead { partition, number });
        }
    }

    /// The version that these edits would make now. Nothing is written, and the files they name need not be there.
    ///
    /// # Errors
    /// [`ManifestError::Conflict`].
    pub fn plan(&self, edits: &[Edit]) -> Result<Arc<Version>, ManifestError> {
        let current = self.published.current();
        self.check_numbers(edits)?;
        let mut version = Version::clone(&current);
        for edit in edits {
            version.apply(edit, &self.graveyard)?;
        }
        Ok(Arc::new(version))
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
        if on(Mutant::DeleteBeforeCommit) {
            self.condemn(&current, &version, edits);
            drop(self.sweep(usize::MAX));
        }
        if let Err(error) = log.append(version.number, &payload) {
            if log.healthy().is_err() && !on(Mutant::DeleteDoubtful) {
                self.keep(&numbers);
            }
            return Err(error);
        }
        let version = Arc::new(version);
        self.condemn(&current, &version, edits);
        self.published
            .publish(Arc::clone(&version), self.options.keep_versions);
        self.keep(&numbers);
        self.rewrite_if_large(&mut log, &version);
        Ok(version)
    }

    /// From now on nobody can give these numbers up: a version names their files, or may be found to at the next opening.
    fn keep(&self, numbers: &BTreeSet<u64>) {
        let mut reserved = self.reserved.lock();
        reserved.retain(|number| !numbers.contains(number));
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
                    if on(Mutant::DeleteUnderPins) || on(Mutant::DeleteBeforeCommit) {
                        self.graveyard.bury(Dead {
                            partition,
                            number: *number,
                        });
                    }
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

    /// Syncs the last marker: a clean end, after which damage to the last commit cannot pass for a torn one (Y3).
    ///
    /// # Errors
    /// [`ManifestError::Io`], [`ManifestError::Poisoned`].
    pub fn close(&self) -> Result<(), ManifestError> {
        self.log.lock().close()
    }
}
