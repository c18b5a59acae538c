//! All there is, for whoever looks a whole store through.

use std::collections::HashSet;

use crate::{Damage, ObjectStore};
use crate::{Name, ObjectError};

impl ObjectStore {
    /// Reads every chunk of every object and says which objects cannot be read.
    ///
    /// # Errors
    /// As [`ObjectStore::verify`].
    pub fn verify_all(&self) -> Result<Vec<Damage>, ObjectError> {
        let ids: HashSet<Name> = self.0.index.read().recipes.keys().copied().collect();
        self.verify(&ids)
    }
}
