//! Files that lose what was not synced.
use super::{File, FileLayer, FileLock, OpenMode};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Wraps [`super::RealFiles`].
pub struct LoseUnsynced(());

impl LoseUnsynced {
    /// A new layer.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}
impl Default for LoseUnsynced {
    fn default() -> Self {
        Self::new()
    }
}
impl FileLayer for LoseUnsynced {
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
