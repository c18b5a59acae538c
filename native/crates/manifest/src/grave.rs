//! Files that nobody needs any more, until somebody has the time to delete them (Y11).
//!
//! Every version that names a file holds its [`FileToken`]. When a commit removes the file it marks the token; when the
//! last version with it goes, be it a reader's pin on a reader's thread, the name goes on a list. That costs a
//! lock and a push; the deleting is done by whoever calls [`crate::Manifest::sweep`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// A file that can be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dead {
    pub(crate) partition: u32,
    pub(crate) number: u64,
}

/// The list. Shared by all tokens of a manifest.
#[derive(Debug, Default)]
pub(crate) struct Graveyard(Mutex<Vec<Dead>>);

impl Graveyard {
    pub(crate) fn bury(&self, dead: Dead) {
        self.0.lock().push(dead);
    }

    pub(crate) fn take(&self, most: usize) -> Vec<Dead> {
        let mut list = self.0.lock();
        let keep = list.len().saturating_sub(most);
        list.split_off(keep)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

/// Keeps the files of one name on disk while it lives.
#[derive(Debug)]
pub(crate) struct FileToken {
    file: Dead,
    /// Set when the newest version does not name the file any more, durably.
    condemned: AtomicBool,
    graveyard: Arc<Graveyard>,
}

impl FileToken {
    pub(crate) fn new(file: Dead, graveyard: &Arc<Graveyard>) -> Arc<Self> {
        Arc::new(Self {
            file,
            condemned: AtomicBool::new(false),
            graveyard: Arc::clone(graveyard),
        })
    }

    pub(crate) fn condemn(&self) {
        self.condemned.store(true, Ordering::Release);
    }
}

impl Drop for FileToken {
    fn drop(&mut self) {
        if self.condemned.load(Ordering::Acquire) {
            self.graveyard.bury(self.file);
        }
    }
}
