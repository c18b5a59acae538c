//! Reading: payloads, their parts, and whether they are whole; every byte is checked against its name.

use std::collections::HashSet;
use std::io;

use pyralog_log::OpenMode;

use crate::error::hex;
use crate::figures::Counters;
use crate::index::Place;
use crate::pack::{self, Kind};
use crate::recipe::Recipe;
use crate::store::Inner;
use crate::{Name, ObjectError, ObjectReference, ObjectStore};

/// An object that cannot be read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its id.
    pub id: Name,
    /// What is wrong.
    pub error: ObjectError,
}

impl ObjectStore {
    /// The whole payload, checked chunk by chunk and as a whole (O4).
    ///
    /// # Errors
    /// [`ObjectError::Missing`], [`ObjectError::Corrupt`], [`ObjectError::Malformed`] when the reference's parts do not
    /// belong together, [`ObjectError::Closed`], [`ObjectError::Io`].
    pub fn get(&self, reference: &ObjectReference) -> Result<Vec<u8>, ObjectError> {
        let payload = self.whole(reference);
        self.count_read(&payload);
        payload
    }

    fn whole(&self, reference: &ObjectReference) -> Result<Vec<u8>, ObjectError> {
        let _pin = self.pin(reference.id);
        let recipe = self.recipe_of(reference)?;
        let mut payload = Vec::new();
        for (name, length) in &recipe.chunks {
            let chunk = self.chunk(&reference.id, name, *length)?;
            payload.extend_from_slice(&chunk);
        }
        if blake3::hash(&payload) != reference.content {
            return Err(other_content(reference));
        }
        Ok(payload)
    }

    /// A part of the payload, its chunks checked: up to `length` bytes from `from` on, fewer at the end.
    ///
    /// # Errors
    /// As [`ObjectStore::get`].
    pub fn read(
        &self,
        reference: &ObjectReference,
        from: u64,
        length: usize,
    ) -> Result<Vec<u8>, ObjectError> {
        let part = self.part(reference, from, length);
        self.count_read(&part);
        part
    }

    fn part(
        &self,
        reference: &ObjectReference,
        from: u64,
        length: usize,
    ) -> Result<Vec<u8>, ObjectError> {
        let _pin = self.pin(reference.id);
        let recipe = self.recipe_of(reference)?;
        let end = from.saturating_add(length as u64).min(recipe.length);
        let mut part = Vec::new();
        let mut at = 0;
        for (name, bytes) in &recipe.chunks {
            let next = at + u64::from(*bytes);
            if next > from && at < end {
                let chunk = self.chunk(&reference.id, name, *bytes)?;
                let first = from.saturating_sub(at) as usize;
                let last = (end.min(next) - at) as usize;
                part.extend_from_slice(&chunk[first..last]);
            }
            at = next;
        }
        Ok(part)
    }

    /// Reads a payload chunk by chunk and compares it with its reference, whatever its length.
    ///
    /// # Errors
    /// As [`ObjectStore::get`].
    pub fn check(&self, reference: &ObjectReference) -> Result<(), ObjectError> {
        let _pin = self.pin(reference.id);
        let recipe = self.recipe_of(reference)?;
        let mut content = blake3::Hasher::new();
        for (name, length) in &recipe.chunks {
            content.update(&self.chunk(&reference.id, name, *length)?);
        }
        if *content.finalize().as_bytes() == reference.content {
            return Ok(());
        }
        Err(other_content(reference))
    }

    /// Reads every chunk of these objects and says which cannot be read.
    ///
    /// # Errors
    /// [`ObjectError::Io`], [`ObjectError::Closed`]; damage is no error here.
    pub fn verify(&self, ids: &HashSet<Name>) -> Result<Vec<Damage>, ObjectError> {
        let mut damages = Vec::new();
        for id in ids {
            let _pin = self.pin(*id);
            let checked = self.recipe(id).and_then(|recipe| {
                let mut chunks = recipe.chunks.iter();
                chunks.try_for_each(|(name, length)| self.chunk(id, name, *length).map(|_| ()))
            });
            match checked {
                Ok(()) => {}
                Err(
                    error @ (ObjectError::Missing(_)
                    | ObjectError::Corrupt(_)
                    | ObjectError::Malformed(_)),
                ) => damages.push(Damage { id: *id, error }),
                Err(other) => return Err(other),
            }
        }
        damages.sort_unstable_by_key(|damage| damage.id);
        Ok(damages)
    }

    /// Whether the recipe and all chunks of an object are listed. Their bytes are not read.
    ///
    /// # Errors
    /// As [`ObjectStore::get`], but a missing object is no error.
    pub fn contains(&self, id: &Name) -> Result<bool, ObjectError> {
        let _pin = self.pin(*id);
        let recipe = match self.recipe(id) {
            Err(ObjectError::Missing(_)) => return Ok(false),
            other => other?,
        };
        let index = self.0.index.read();
        let here = |name: &Name| index.chunks.contains_key(name);
        Ok(recipe.chunks.iter().all(|(name, _)| here(name)))
    }

    fn count_read(&self, read: &Result<Vec<u8>, ObjectError>) {
        let counters = &self.0.counters;
        match read {
            Ok(bytes) => {
                Counters::add(&counters.reads, 1);
                Counters::add(&counters.read_bytes, bytes.len() as u64);
            }
            Err(ObjectError::Corrupt(_) | ObjectError::Missing(_)) => {
                Counters::add(&counters.damage, 1);
            }
            Err(_) => {}
        }
    }

    /// The recipe that a reference names; its length must be the reference's.
    fn recipe_of(&self, reference: &ObjectReference) -> Result<Recipe, ObjectError> {
        let recipe = self.recipe(&reference.id)?;
        if recipe.length != reference.length {
            return Err(ObjectError::Malformed(format!(
                "object {} has {} bytes, the reference says {}",
                hex(&reference.id),
                recipe.length,
                reference.length
            )));
        }
        Ok(recipe)
    }

    pub(crate) fn recipe(&self, id: &Name) -> Result<Recipe, ObjectError> {
        let bytes = self
            .0
            .bytes_of(Kind::Recipe, id)?
            .ok_or_else(|| self.0.missing(id))?;
        Recipe::decode(id, &bytes)
    }

    fn chunk(&self, id: &Name, name: &Name, length: u32) -> Result<Vec<u8>, ObjectError> {
        let chunk = self
            .0
            .bytes_of(Kind::Chunk, name)
            .map_err(|error| match error {
                ObjectError::Corrupt(what) => {
                    ObjectError::Corrupt(format!("object {}: {what}", hex(id)))
                }
                other => other,
            })?
            .ok_or_else(|| self.0.missing(id))?;
        if chunk.len() != length as usize {
            return Err(ObjectError::Malformed(format!(
                "the recipe of object {} gives chunk {} another length",
                hex(id),
                hex(name)
            )));
        }
        Ok(chunk)
    }
}

impl Inner {
    fn missing(&self, id: &Name) -> ObjectError {
        if self.writing.try_lock().is_some_and(|state| state.closed) {
            return ObjectError::Closed;
        }
        ObjectError::Missing(hex(id))
    }

    /// Bytes of a name, checked against it; `None` when there are none.
    pub(crate) fn bytes_of(&self, kind: Kind, name: &Name) -> Result<Option<Vec<u8>>, ObjectError> {
        let mut tried = None;
        loop {
            // A sweep may have moved them since they were looked up.
            let Some(place) = self.index.read().find(kind, name) else {
                return Ok(None);
            };
            if tried == Some(place) {
                return Ok(None);
            }
            match self.read_place(place) {
                Ok(bytes) if blake3::hash(&bytes) == *name => return Ok(Some(bytes)),
                Ok(_) => return Err(corrupt(name, place)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(corrupt(name, place));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => tried = Some(place),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn read_place(&self, place: Place) -> io::Result<Vec<u8>> {
        let path = pack::path_of(&self.dir, place.pack);
        let file = self.files.open(&path, OpenMode::Read)?;
        let mut bytes = vec![0; place.length as usize];
        file.read_exact_at(&mut bytes, place.position)?;
        Ok(bytes)
    }
}

fn other_content(reference: &ObjectReference) -> ObjectError {
    ObjectError::Malformed(format!(
        "the reference names object {} and another content",
        hex(&reference.id)
    ))
}

fn corrupt(name: &Name, place: Place) -> ObjectError {
    ObjectError::Corrupt(format!(
        "{} in {}.pack at byte {} is not what was written",
        hex(name),
        place.pack,
        place.position
    ))
}
