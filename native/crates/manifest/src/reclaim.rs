//! Deleting what nobody needs any more (Y11, Y12).

use crate::error::ManifestError;
use crate::grave::Dead;
use crate::manifest::Manifest;
use crate::mutant::{Mutant, on};
use crate::names::{ENDINGS, file_name};

/// What [`Manifest::sweep`] did.
#[derive(Debug, Clone, Default)]
pub struct Swept {
    /// Segments and leaves files that were deleted.
    pub deleted: usize,
    /// Why the sweep ended early; what is left is tried again by the next one.
    pub failed: Option<ManifestError>,
}

impl Manifest {
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
        if missing > 0 && !on(Mutant::DeleteOrphansBlindly) {
            return Err(ManifestError::FilesMissing { missing });
        }
        let mut removed = 0;
        while let Some(name) = found.orphans.last() {
            self.remove(name)?;
            found.orphans.pop();
            removed += 1;
        }
        if removed > 0 {
            let synced = self.place.files.sync_dir(&self.segments);
            synced.map_err(|error| ManifestError::io("sync", &self.segments, error))?;
        }
        Ok(removed)
    }
}
