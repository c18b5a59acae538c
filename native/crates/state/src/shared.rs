//! One tree for several threads, and applications so large that they must not hold it for long.

use parking_lot::{Mutex, MutexGuard};

use crate::changes::Changes;
use crate::{StateError, StateTree, Version};

/// Changes made under one hold of the lock: a few milliseconds.
const STEP: usize = 4096;

/// A tree behind a lock, until it is closed.
#[derive(Debug)]
pub struct SharedTree(Mutex<Option<StateTree>>);

impl Default for SharedTree {
    fn default() -> Self {
        Self(Mutex::new(Some(StateTree::default())))
    }
}

impl SharedTree {
    /// Runs `body` on the tree while nobody else does.
    ///
    /// # Errors
    /// [`StateError::Closed`], or what `body` refuses.
    pub fn with<T>(
        &self,
        body: impl FnOnce(&mut StateTree) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        body(self.0.lock().as_mut().ok_or(StateError::Closed)?)
    }

    /// Applies any number of changes to a version that nobody else knows ([`StateTree::duplicate`]), in steps that let
    /// others in between. Changes are in the order of paths, so the steps together cost what one application costs.
    ///
    /// # Errors
    /// As [`StateTree::apply`]; nothing is left behind then.
    pub fn build(&self, pinned: Version, changes: &Changes) -> Result<Version, StateError> {
        let mut newest = pinned;
        for step in changes.as_slice().chunks(STEP) {
            let mut lock = self.0.lock();
            let tree = lock.as_mut().ok_or(StateError::Closed)?;
            let next = tree.apply_sorted(newest.number, step);
            tree.release(newest.number)?;
            newest = next?;
            MutexGuard::unlock_fair(lock);
        }
        Ok(newest)
    }

    /// Frees everything; calls from now on are refused.
    pub fn close(&self) {
        *self.0.lock() = None;
    }
}
