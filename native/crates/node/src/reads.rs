//! Reads: synchronous, from any environment.

use napi::bindgen_prelude::{BigInt, Buffer};
use napi_derive::napi;
use pyralog_host::{Algorithm, HostError, SignedCheckpoint};

use crate::convert::whole;
use crate::core::core;
use crate::error::{Result, bad_argument, refused};

/// A checkpoint as JavaScript sees it.
#[napi(object)]
pub struct NativeCheckpoint {
    /// Records covered.
    pub size: f64,
    /// The note.
    pub note: String,
    /// The SHA-256 tree's note.
    pub sha256_note: Option<String>,
}

impl From<&SignedCheckpoint> for NativeCheckpoint {
    fn from(signed: &SignedCheckpoint) -> Self {
        Self {
            size: signed.size as f64,
            note: signed.note.clone(),
            sha256_note: signed.sha256_note.clone(),
        }
    }
}

fn ok<T>(result: std::result::Result<T, HostError>) -> Result<T> {
    result.map_err(refused)
}

fn algorithm(sha256: bool) -> Algorithm {
    if sha256 {
        Algorithm::Sha256
    } else {
        Algorithm::Blake3
    }
}

fn packed(path: &[[u8; 32]]) -> Buffer {
    path.as_flattened().into()
}

/// Records that are durable.
#[napi(catch_unwind)]
pub fn durable_size(handle: u32, partition: u32) -> Result<f64> {
    Ok(ok(core(handle)?.durable_size(partition as usize))? as f64)
}

/// First offset whose record retention left.
#[napi(catch_unwind)]
pub fn first_offset(handle: u32, partition: u32) -> Result<f64> {
    Ok(ok(core(handle)?.first_offset(partition as usize))? as f64)
}

/// Packed rows (B5).
#[napi(catch_unwind)]
pub fn read(handle: u32, partition: u32, offset: f64, max_bytes: f64) -> Result<Buffer> {
    let (offset, bytes) = (whole(offset, "offset")?, whole(max_bytes, "maxBytes")?);
    let rows = core(handle)?.read(partition as usize, offset, bytes as usize);
    Ok(ok(rows)?.into())
}

/// Offset of an id.
#[napi(catch_unwind)]
pub fn offset_of_id(handle: u32, partition: u32, id: BigInt) -> Result<Option<f64>> {
    let (negative, id, exact) = id.get_u64();
    if negative || !exact {
        return Err(bad_argument("an id is a whole number below 2^64"));
    }
    let offset = ok(core(handle)?.offset_of_id(partition as usize, id))?;
    Ok(offset.map(|offset| offset as f64))
}

/// Offsets of a multihash.
#[napi(catch_unwind)]
pub fn offsets_of_digest(
    handle: u32,
    partition: u32,
    multihash: &[u8],
    limit: u32,
) -> Result<Vec<f64>> {
    let core = core(handle)?;
    let offsets = ok(core.offsets_of_digest(partition as usize, multihash, limit as usize))?;
    Ok(offsets.into_iter().map(|offset| offset as f64).collect())
}

/// Latest offset of a key, at or before a time.
#[napi(catch_unwind)]
pub fn offset_of_key(
    handle: u32,
    partition: u32,
    key: &[u8],
    as_of_ms: Option<f64>,
) -> Result<Option<f64>> {
    let as_of = as_of_ms.map(|ms| whole(ms, "asOfMs")).transpose()?;
    let offset = ok(core(handle)?.offset_of_key(partition as usize, key, as_of))?;
    Ok(offset.map(|offset| offset as f64))
}

/// First offset at or after a time.
#[napi(catch_unwind)]
pub fn offset_of_time(handle: u32, partition: u32, ms: f64) -> Result<Option<f64>> {
    let ms = whole(ms, "ms")?;
    let offset = ok(core(handle)?.offset_of_time(partition as usize, ms))?;
    Ok(offset.map(|offset| offset as f64))
}

/// Root at a size.
#[napi(catch_unwind)]
pub fn root(handle: u32, partition: u32, size: f64, sha256: bool) -> Result<Buffer> {
    let size = whole(size, "size")?;
    let root = core(handle)?.root(partition as usize, size, algorithm(sha256));
    Ok(ok(root)?[..].into())
}

/// Inclusion path.
#[napi(catch_unwind)]
pub fn inclusion(
    handle: u32,
    partition: u32,
    index: f64,
    size: f64,
    sha256: bool,
) -> Result<Buffer> {
    let pair = (whole(index, "index")?, whole(size, "size")?);
    let path = core(handle)?.inclusion(partition as usize, pair, algorithm(sha256));
    Ok(packed(&ok(path)?))
}

/// Consistency path.
#[napi(catch_unwind)]
pub fn consistency(
    handle: u32,
    partition: u32,
    from: f64,
    to: f64,
    sha256: bool,
) -> Result<Buffer> {
    let pair = (whole(from, "from")?, whole(to, "to")?);
    let path = core(handle)?.consistency(partition as usize, pair, algorithm(sha256));
    Ok(packed(&ok(path)?))
}

/// Newest checkpoint.
#[napi(catch_unwind)]
pub fn checkpoint(handle: u32, partition: u32) -> Result<Option<NativeCheckpoint>> {
    let newest = ok(core(handle)?.checkpoint(partition as usize))?;
    Ok(newest.as_deref().map(Into::into))
}
