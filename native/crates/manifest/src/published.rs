//! Which versions readers can reach.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::error::ManifestError;
use crate::version::Version;

struct Versions {
    current: Arc<Version>,
    /// Before the current one, oldest first: kept for everybody.
    kept: VecDeque<Arc<Version>>,
    /// Not kept any more; readable while somebody holds them.
    held: BTreeMap<u64, Weak<Version>>,
}

/// The versions behind one lock, held for a few pointers' time.
pub(crate) struct Published(Mutex<Versions>);

impl Published {
    pub(crate) fn new(current: Arc<Version>) -> Self {
        Self(Mutex::new(Versions {
            current,
            kept: VecDeque::new(),
            held: BTreeMap::new(),
        }))
    }

    pub(crate) fn current(&self) -> Arc<Version> {
        Arc::clone(&self.0.lock().current)
    }

    pub(crate) fn pin(&self, number: u64) -> Result<Arc<Version>, ManifestError> {
        let versions = self.0.lock();
        let newest = versions.current.number;
        if number == newest {
            return Ok(Arc::clone(&versions.current));
        }
        let oldest = newest - versions.kept.len() as u64;
        if (oldest..newest).contains(&number) {
            return Ok(Arc::clone(&versions.kept[(number - oldest) as usize]));
        }
        let held = versions.held.get(&number).and_then(Weak::upgrade);
        held.ok_or(ManifestError::Gone {
            asked: number,
            oldest,
            newest,
        })
    }

    pub(crate) fn publish(&self, version: Arc<Version>, keep: usize) {
        let mut versions = self.0.lock();
        let before = std::mem::replace(&mut versions.current, version);
        versions.kept.push_back(before);
        drop(versions);
        self.expire(keep);
    }

    pub(crate) fn expire(&self, keep: usize) {
        let mut versions = self.0.lock();
        versions.held.retain(|_, held| held.strong_count() > 0);
        let mut gone = Vec::new();
        while versions.kept.len() > keep
            && let Some(version) = versions.kept.pop_front()
        {
            versions
                .held
                .insert(version.number, Arc::downgrade(&version));
            gone.push(version);
        }
        drop(versions);
        // Freed outside the lock: a version can be the last that names many files.
        drop(gone);
    }
}
