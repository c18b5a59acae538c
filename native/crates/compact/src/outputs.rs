//! Files that work writes: named by reserved numbers, and given up unless they are committed (Y16).

use std::path::Path;
use std::sync::Arc;

use pyralog_log::FileLayer;
use pyralog_manifest::{Edit, Manifest, Version, file_name};

use crate::error::CompactError;
use crate::mutant::{Mutant, on};

/// The outputs of one piece of work.
pub(crate) struct Outputs<'a> {
    manifest: &'a Manifest,
    partition: u32,
    numbers: Vec<u64>,
}

impl<'a> Outputs<'a> {
    pub(crate) fn new(manifest: &'a Manifest, partition: u32) -> Self {
        Self {
            manifest,
            partition,
            numbers: Vec::new(),
        }
    }

    /// A number and a name for the next file.
    pub(crate) fn next(&mut self) -> (u64, String) {
        let number = self.manifest.reserve();
        self.numbers.push(number);
        (number, file_name(self.partition, number))
    }

    /// Puts the files in the place of what they replace.
    pub(crate) fn commit(mut self, edit: Edit) -> Result<Arc<Version>, CompactError> {
        let version = self.manifest.commit(&[edit])?;
        self.numbers.clear();
        Ok(version)
    }
}

impl Drop for Outputs<'_> {
    fn drop(&mut self) {
        if on(Mutant::KeepOutputs) {
            return;
        }
        for number in &self.numbers {
            self.manifest.abandon(self.partition, *number);
        }
    }
}

/// What a piece of work works on: one partition at one version, which it holds.
pub(crate) struct Job<'a> {
    pub(crate) files: &'a dyn FileLayer,
    pub(crate) manifest: &'a Manifest,
    pub(crate) partition: u32,
    pub(crate) version: Arc<Version>,
}

impl Job<'_> {
    pub(crate) fn dir(&self) -> &Path {
        self.manifest.segments_dir()
    }
}
