//! A simulated disk.
use super::{File, FileLayer, FileLock, OpenMode};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A simulated disk in memory.
pub struct FaultFiles(());

impl FaultFiles {
    /// A new layer.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        Self(())
    }
}
impl Default for FaultFiles {
    fn default() -> Self {
        Self::new(0)
    }
}
impl FileLayer for FaultFiles {
    fn open(&self, _: &Path, _: OpenMode) -> io::Result<Arc<dyn File>> {
        todo!()
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        todo!()
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        todo!()
    }
    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        todo!()
    }
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        todo!()
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        todo!()
    }
    fn lock(&self, _: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        todo!()
    }
    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        todo!()
    }
}
/// How often each fault fired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounts {}
