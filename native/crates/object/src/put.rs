//! Storing a payload.

use std::io::Read;

use fastcdc::v2020::StreamCDC;

use crate::error::hex;
use crate::figures::Counters;
use crate::index::PackInfo;
use crate::pack::{Kind, PackWriter};
use crate::recipe::{CHUNK_BYTES_AVERAGE, CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, Recipe};
use crate::store::Writing;
use crate::{Name, ObjectError, ObjectReference, ObjectStore, Pin};

/// What a put adds: nothing on disk before the first entry.
struct Adding<'a> {
    store: &'a ObjectStore,
    number: u64,
    pack: Option<PackWriter>,
    added: std::collections::HashSet<(Kind, Name)>,
    known_chunks: u64,
    known_bytes: u64,
}

impl Adding<'_> {
    /// Stores bytes unless they are there already, readable (O6).
    fn add(&mut self, kind: Kind, bytes: &[u8]) -> Result<Name, ObjectError> {
        let name = *blake3::hash(bytes).as_bytes();
        if self.added.contains(&(kind, name)) || self.is_stored(kind, &name)? {
            if kind == Kind::Chunk {
                self.known_chunks += 1;
                self.known_bytes += bytes.len() as u64;
            }
            return Ok(name);
        }
        let inner = &self.store.0;
        if self.pack.is_none() {
            let created = PackWriter::create(&*inner.files, &inner.dir, self.number)?;
            self.pack = Some(created);
        }
        if let Some(pack) = &mut self.pack {
            pack.push(kind, name, bytes)?;
        }
        self.added.insert((kind, name));
        Ok(name)
    }

    fn is_stored(&self, kind: Kind, name: &Name) -> Result<bool, ObjectError> {
        match self.store.0.bytes_of(kind, name) {
            Ok(found) => Ok(found.is_some()),
            // It rotted: store it anew.
            Err(ObjectError::Corrupt(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

impl ObjectStore {
    /// Stores a payload (O1–O6). It is durable when this returns, and is not collected while the pin lives: let go of it
    /// when the record that holds the reference is durable. Only chunks are held in memory.
    ///
    /// # Errors
    /// [`ObjectError::DiskFull`], [`ObjectError::Io`] (also what `payload` says), [`ObjectError::Closed`]: nothing counts.
    pub fn put(&self, payload: impl Read) -> Result<(ObjectReference, Pin), ObjectError> {
        let mut writing = self.0.writing.lock();
        if writing.closed {
            return Err(ObjectError::Closed);
        }
        let mut adding = Adding {
            store: self,
            number: writing.next_pack,
            pack: None,
            added: std::collections::HashSet::new(),
            known_chunks: 0,
            known_bytes: 0,
        };
        let stored = cut(payload, &mut adding);
        let reference = match stored {
            Ok(reference) => reference,
            Err(error) => {
                if let Some(pack) = adding.pack {
                    pack.abandon(&*self.0.files);
                }
                return Err(error);
            }
        };
        let pin = self.hold(reference.id, true);
        let counters = &self.0.counters;
        let (known_chunks, known_bytes) = (adding.known_chunks, adding.known_bytes);
        if let Some(pack) = adding.pack {
            let bytes = self.publish(&mut writing, pack)?;
            Counters::add(&counters.stored_bytes, bytes);
        }
        Counters::add(&counters.puts, 1);
        Counters::add(&counters.put_bytes, reference.length);
        Counters::add(&counters.known_chunks, known_chunks);
        Counters::add(&counters.known_bytes, known_bytes);
        let mut index = self.0.index.write();
        let epoch = index.epoch;
        index.put_in.insert(reference.id, epoch);
        Ok((reference, pin))
    }

    /// Makes a pack durable, and reads from it from then on; its length.
    pub(crate) fn publish(
        &self,
        writing: &mut Writing,
        pack: PackWriter,
    ) -> Result<u64, ObjectError> {
        let number = writing.next_pack;
        // Whatever comes of it, the number is used.
        writing.next_pack += 1;
        let (entries, bytes) = pack.publish(&*self.0.files, &self.0.dir, number)?;
        let info = PackInfo {
            entries,
            bytes,
            damaged: false,
        };
        self.0.index.write().add(number, info);
        Ok(bytes)
    }
}

fn cut(payload: impl Read, adding: &mut Adding<'_>) -> Result<ObjectReference, ObjectError> {
    let chunks = StreamCDC::new(
        payload,
        CHUNK_BYTES_MIN,
        CHUNK_BYTES_AVERAGE,
        CHUNK_BYTES_MAX,
    );
    let mut recipe = Recipe::default();
    let mut content = blake3::Hasher::new();
    for chunk in chunks {
        let bytes = chunk.map_err(|error| match error {
            fastcdc::v2020::Error::IoError(error) => error.into(),
            fastcdc::v2020::Error::Empty => ObjectError::Io("the payload ended".to_owned()),
            fastcdc::v2020::Error::Other(what) => ObjectError::Io(what),
        })?;
        content.update(&bytes.data);
        let name = adding.add(Kind::Chunk, &bytes.data)?;
        recipe.push(name, bytes.data.len() as u32);
    }
    let bytes = recipe.encode();
    let id = adding.add(Kind::Recipe, &bytes)?;
    debug_assert_eq!(
        Recipe::decode(&id, &bytes).as_ref(),
        Ok(&recipe),
        "{}",
        hex(&id)
    );
    Ok(ObjectReference {
        schema_id: 0,
        length: recipe.length,
        id,
        content: *content.finalize().as_bytes(),
    })
}
