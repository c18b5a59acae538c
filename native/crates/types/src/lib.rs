//! Formats shared by every crate: hashes, the leaf record, packed batches (docs/spec/record.md, batch.md).
//!
//! Parsers are strict, work in place and never panic; what they accept re-encodes to the same bytes.

mod at;
pub mod batch;
mod cursor;
mod error;
mod headers;
mod multihash;
mod mutants;
mod packed;
mod record;
mod sealed;

pub use at::{u32_at, u64_at};
pub use error::TypeError;
pub use headers::{
    HEADERS_BYTES_MAX, HEADERS_MAX, TOMBSTONE, check_headers, decode_headers, encode_headers,
    is_tombstone,
};
pub use multihash::{MULTIHASH_BYTES_MAX, digest_len, split_multihash};
pub use packed::{BrokenPack, unpack};
pub use record::{FIRST_SCHEMA, LeafRecord, SAFE_INTEGER_MAX, part_hash};
pub use sealed::SealedRow;

/// A BLAKE3 or SHA-256 hash.
pub type Hash = [u8; 32];

/// Stands for the hash of something absent (L1).
pub const ZERO_HASH: Hash = [0; 32];
