//! Large payloads outside the log (docs/spec/objects.md): cut by content, named by hash, stored once, and references to
//! files that stay where they are.
//!
//! ```no_run
//! # fn main() -> Result<(), pyralog_object::ObjectError> {
//! use std::sync::Arc;
//! use pyralog_object::ObjectStore;
//! let store = ObjectStore::open(Arc::new(pyralog_log::RealFiles), "objects".as_ref())?;
//! let (reference, pin) = store.put(&b"a large payload"[..])?;
//! // Append a record with schema id 2 and the value `reference.encode()`; once it is durable:
//! drop(pin);
//! assert_eq!(store.get(&reference)?, b"a large payload");
//! # Ok(())
//! # }
//! ```

mod beneath;
mod collect;
mod error;
mod every;
mod external;
mod figures;
mod index;
mod pack;
mod pin;
mod put;
mod read;
mod recipe;
mod reference;
mod store;
mod zarr;

pub use beneath::check_path;
pub use collect::Swept;
pub use error::ObjectError;
pub use external::{GoesOn, make_reference, read_file, verify_file};
pub use figures::ObjectStats;
pub use pin::Pin;
pub use read::Damage;
pub use recipe::{CHUNK_BYTES_AVERAGE, CHUNK_BYTES_MAX, CHUNK_BYTES_MIN};
pub use reference::{FileFormat, FileReference, ObjectReference, SCHEMA_FILE, SCHEMA_OBJECT};
pub use store::ObjectStore;

/// A BLAKE3 hash: of a chunk, a recipe, a payload or a file.
pub type Name = [u8; 32];

#[cfg(test)]
mod tests;
