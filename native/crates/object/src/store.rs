//! The store: its index, reading, pins.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use pyralog_log::{FileLayer, FileLock, OpenMode};

use crate::error::hex;
use crate::pack::{self, Entry, Kind};
use crate::recipe::Recipe;
use crate::{Name, ObjectError, ObjectReference};

/// Where the bytes of a name are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) pack: u64,
    pub(crate) position: u64,
    pub(crate) length: u32,
}

pub(crate) struct PackInfo {
    pub(crate) entries: Vec<Entry>,
    pub(crate) bytes: u64,
    pub(crate) damaged: bool,
}

#[derive(Default)]
pub(crate) struct Index {
    pub(crate) chunks: HashMap<Name, Place>,
    pub(crate) recipes: HashMap<Name, Place>,
    /// Epoch in which an object was last put; those from before the opening are not in it (O7).
    pub(crate) put_in: HashMap<Name, u64>,
    pub(crate) packs: HashMap<u64, PackInfo>,
    pub(crate) epoch: u64,
}

impl Index {
    pub(crate) fn of(&mut self, kind: Kind) -> &mut HashMap<Name, Place> {
        match kind {
            Kind::Chunk => &mut self.chunks,
            Kind::Recipe => &mut self.recipes,
        }
    }

    pub(crate) fn find(&self, kind: Kind, name: &Name) -> Option<Place> {
        match kind {
            Kind::Chunk => self.chunks.get(name).copied(),
            Kind::Recipe => self.recipes.get(name).copied(),
        }
    }

    /// Adds a pack; what it holds is read from it from now on.
    pub(crate) fn add(&mut self, number: u64, info: PackInfo) {
        for entry in &info.entries {
            let place = Place {
                pack: number,
                position: entry.position,
                length: entry.length,
            };
            self.of(entry.kind).insert(entry.name, place);
        }
        self.packs.insert(number, info);
    }
}

/// What only one caller at a time may do: put and sweep.
pub(crate) struct Writing {
    pub(crate) next_pack: u64,
    pub(crate) closed: bool,
}

pub(crate) struct Inner {
    pub(crate) files: Arc<dyn FileLayer>,
    pub(crate) dir: PathBuf,
    pub(crate) writing: Mutex<Writing>,
    pub(crate) index: RwLock<Index>,
    pins: Mutex<HashMap<Name, usize>>,
    pub(crate) counters: Counters,
    lock: Mutex<Option<Box<dyn FileLock>>>,
}

/// An open object store. Clones are the same store; calls may come from any thread, and block.
#[derive(Clone)]
pub struct ObjectStore(pub(crate) Arc<Inner>);

/// Since the opening.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) puts: AtomicU64,
    pub(crate) put_bytes: AtomicU64,
    pub(crate) stored_bytes: AtomicU64,
    pub(crate) known_chunks: AtomicU64,
    pub(crate) known_bytes: AtomicU64,
    reads: AtomicU64,
    read_bytes: AtomicU64,
    damage: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

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

/// Figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectStats {
    /// Objects, the dead that were not swept yet among them.
    pub objects: u64,
    /// Chunks, each stored once.
    pub chunks: u64,
    /// Pack files.
    pub packs: u64,
    /// Packs whose table is damaged.
    pub damaged_packs: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Payloads put since the opening, those that were there already among them.
    pub puts: u64,
    /// Their bytes.
    pub put_bytes: u64,
    /// Bytes that were written for them.
    pub stored_bytes: u64,
    /// Chunks of them that were there already.
    pub known_chunks: u64,
    /// Their bytes.
    pub known_bytes: u64,
    /// Payloads and parts of payloads read since the opening.
    pub reads: u64,
    /// Their bytes.
    pub read_bytes: u64,
    /// Reads that met damage, or a chunk that is gone.
    pub damage: u64,
}

/// An object that cannot be read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its id.
    pub id: Name,
    /// What is wrong.
    pub error: ObjectError,
}

impl ObjectStore {
    /// Opens or creates the store in a directory of its own, and removes what a crash left unfinished (O5).
    ///
    /// # Errors
    /// [`ObjectError::Locked`], [`ObjectError::Io`].
    pub fn open(files: Arc<dyn FileLayer>, dir: &Path) -> Result<Self, ObjectError> {
        files.create_dir(dir)?;
        let lock = files
            .lock(&dir.join("lock"))?
            .ok_or_else(|| ObjectError::Locked(dir.display().to_string()))?;
        let mut index = Index {
            epoch: 1,
            ..Index::default()
        };
        let mut names = files.list(dir)?;
        names.sort_unstable();
        let mut numbers = Vec::new();
        for name in names {
            if pack::is_temporary(&name) {
                files.remove(&dir.join(&name))?;
            } else if let Some(number) = pack::number_of(&name) {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        for number in &numbers {
            let listing = pack::list(&*files, &pack::path_of(dir, *number))?;
            let info = PackInfo {
                entries: listing.entries,
                bytes: listing.bytes,
                damaged: listing.damaged,
            };
            index.add(*number, info);
        }
        let next_pack = numbers.last().map_or(1, |last| last + 1);
        Ok(Self(Arc::new(Inner {
            files,
            dir: dir.to_path_buf(),
            writing: Mutex::new(Writing {
                next_pack,
                closed: false,
            }),
            index: RwLock::new(index),
            pins: Mutex::default(),
            counters: Counters::default(),
            lock: Mutex::new(Some(lock)),
        })))
    }

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

    /// Figures.
    #[must_use]
    pub fn stats(&self) -> ObjectStats {
        let index = self.0.index.read();
        let counters = &self.0.counters;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ObjectStats {
            objects: index.recipes.len() as u64,
            chunks: index.chunks.len() as u64,
            packs: index.packs.len() as u64,
            damaged_packs: index.packs.values().filter(|pack| pack.damaged).count() as u64,
            bytes: index.packs.values().map(|pack| pack.bytes).sum(),
            puts: get(&counters.puts),
            put_bytes: get(&counters.put_bytes),
            stored_bytes: get(&counters.stored_bytes),
            known_chunks: get(&counters.known_chunks),
            known_bytes: get(&counters.known_bytes),
            reads: get(&counters.reads),
            read_bytes: get(&counters.read_bytes),
            damage: get(&counters.damage),
        }
    }

    /// Lets go of the directory, when puts and sweeps that run have ended. May be called again.
    pub fn close(&self) {
        self.0.writing.lock().closed = true;
        let mut index = self.0.index.write();
        *index = Index::default();
        self.0.lock.lock().take();
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
    pub(crate) fn is_pinned(&self, id: &Name) -> bool {
        self.pins.lock().contains_key(id)
    }

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
