//! A disk that does not sync segments though it says so: the mistake of whoever commits an edit before its files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use pyralog_log::{FaultFiles, File, FileLayer, FileOver, FilesOver, OpenMode};

pub(super) struct Unsynced(pub FaultFiles);

struct UnsyncedFile(Arc<dyn File>);

impl FileOver for UnsyncedFile {
    fn below(&self) -> &dyn File {
        &*self.0
    }
    fn sync_over(&self) -> io::Result<()> {
        Ok(())
    }
}

impl FilesOver for Unsynced {
    fn below(&self) -> &dyn FileLayer {
        &self.0
    }
    fn open_over(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let file = self.0.open(path, mode)?;
        if path.starts_with("/store/segments") {
            return Ok(Arc::new(UnsyncedFile(file)));
        }
        Ok(file)
    }
}
