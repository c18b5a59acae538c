//! All there is, for whoever looks a whole store through.

use std::collections::HashSet;

use crate::{Damage, Name, ObjectError, ObjectStore, error::hex};

impl ObjectStore {
    /// Reads every chunk of every object and says which objects cannot be read.
    ///
    /// # Errors
    /// As [`ObjectStore::verify`].
    pub fn verify_all(&self) -> Result<Vec<Damage>, ObjectError> {
        let ids: HashSet<Name> = self.0.index.read().recipes.keys().copied().collect();
        self.verify(&ids)
    }

    /// Whether the recipe of an object is listed; nothing of it is read.
    #[must_use]
    pub fn is_listed(&self, id: &Name) -> bool {
        self.0.index.read().recipes.contains_key(id)
    }
}

impl Damage {
    /// An object that is not there at all.
    #[must_use]
    pub fn missing(id: Name) -> Self {
        Self {
            id,
            error: ObjectError::Missing(hex(&id)),
        }
    }
}
