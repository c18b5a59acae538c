//! Pins: what keeps an object from being collected while somebody needs it (O7).

use std::sync::Arc;

use crate::store::Inner;
use crate::{Name, ObjectStore};

/// Keeps an object from being collected while it lives (O7).
pub struct Pin {
    inner: Arc<Inner>,
    id: Name,
    /// Of a put, not of a reader.
    put: bool,
}

impl Drop for Pin {
    fn drop(&mut self) {
        // In the order in which a sweep takes both. A collection that runs may have gathered what records refer to before
        // the one that this pin waited for showed: what is let go of counts as put now.
        let mut index = self.put.then(|| self.inner.index.write());
        if let Some(index) = &mut index
            && index.recipes.contains_key(&self.id)
        {
            let epoch = index.epoch;
            index.put_in.insert(self.id, epoch);
        }
        let mut pins = self.inner.pins.lock();
        if let Some(count) = pins.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.id);
            }
        }
    }
}

impl ObjectStore {
    /// Keeps an object from being collected while the pin lives.
    #[must_use]
    pub fn pin(&self, id: Name) -> Pin {
        self.hold(id, false)
    }

    pub(crate) fn hold(&self, id: Name, put: bool) -> Pin {
        *self.0.pins.lock().entry(id).or_default() += 1;
        Pin {
            inner: Arc::clone(&self.0),
            id,
            put,
        }
    }
}

impl Inner {
    pub(crate) fn is_pinned(&self, id: &Name) -> bool {
        self.pins.lock().contains_key(id)
    }
}
