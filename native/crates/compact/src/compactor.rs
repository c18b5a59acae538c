//! Carries plans out, one piece of work after another.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use pyralog_log::FileLayer;
use pyralog_manifest::{Manifest, Version};

use crate::age::age;
use crate::error::CompactError;
use crate::merge::merge;
use crate::outputs::Job;
use crate::pace::Control;
use crate::plan::{Facts, Work, plan};
use crate::retain::retain;

/// Compaction, retention and ageing of a store's partitions (docs/spec/manifest.md Y13 to Y16). Any number of threads may
/// share it; they never meet in one partition.
pub struct Compactor {
    files: Arc<dyn FileLayer>,
    manifest: Arc<Manifest>,
    busy: Mutex<BTreeSet<u32>>,
}

/// Keeps others out of a partition.
struct Turn<'a>(&'a Compactor, u32);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.busy.lock().remove(&self.1);
    }
}

impl Compactor {
    /// For a manifest and the files it names.
    #[must_use]
    pub fn new(files: Arc<dyn FileLayer>, manifest: Arc<Manifest>) -> Self {
        Self {
            files,
            manifest,
            busy: Mutex::default(),
        }
    }

    /// What is due in a partition now.
    #[must_use]
    pub fn plan(&self, partition: u32, facts: &Facts) -> Vec<Work> {
        let version = self.manifest.current();
        let state = version.partition(partition);
        state.map_or_else(Vec::new, |state| plan(state, facts))
    }

    /// Does one piece of work and returns the version with its outcome. Readers go on meanwhile; what they pinned stays.
    ///
    /// # Errors
    /// [`CompactError::Cancelled`]; [`CompactError::Busy`]; a conflict when the plan is for a version that is past;
    /// [`CompactError::Row`] and others for damage, which stays where it is.
    pub fn run(
        &self,
        partition: u32,
        work: &Work,
        (facts, control): (&Facts, &Control<'_>),
    ) -> Result<Arc<Version>, CompactError> {
        if !self.busy.lock().insert(partition) {
            return Err(CompactError::Busy(partition));
        }
        let _turn = Turn(self, partition);
        let job = Job {
            files: self.files.as_ref(),
            manifest: &self.manifest,
            partition,
            version: self.manifest.current(),
        };
        match work {
            Work::Retain {
                first_offset,
                hashes_from,
            } => retain(&job, (*first_offset, *hashes_from), facts, control),
            Work::Merge { inputs, latest } => merge(&job, (inputs, *latest), facts, control),
            Work::Age { input } => age(&job, *input, control),
        }
    }

    /// Plans a partition and does all of it. Returns how many pieces of work were done.
    ///
    /// # Errors
    /// As [`Compactor::run`]; what was done before stays done.
    pub fn maintain(
        &self,
        partition: u32,
        facts: &Facts,
        control: &Control<'_>,
    ) -> Result<usize, CompactError> {
        let works = self.plan(partition, facts);
        for work in &works {
            self.run(partition, work, (facts, control))?;
        }
        Ok(works.len())
    }
}
