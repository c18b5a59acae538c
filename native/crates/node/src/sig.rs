//! Signatures and BLAKE3; native/sig.ts documents them.

use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Task};
use napi_derive::napi;
use pyralog_sig::SigError;

use crate::error::{Result, refused};

fn seed(bytes: &[u8]) -> Result<[u8; 32]> {
    let wrong = |_| refused(SigError::Seed(bytes.len()));
    bytes.try_into().map_err(wrong)
}

fn packed(result: std::result::Result<Vec<u8>, SigError>) -> Result<Buffer> {
    result.map(Into::into).map_err(refused)
}

/// Packed items on their way through the pool. They were looked through before, so nothing is refused there.
pub struct Checking(Vec<u8>);

impl Task for Checking {
    type Output = Vec<u8>;
    type JsValue = Buffer;

    fn compute(&mut self) -> napi::Result<Vec<u8>> {
        pyralog_sig::verify_packed(&self.0)
            .map_err(|error| napi::Error::from_reason(error.to_string()))
    }

    fn resolve(&mut self, _: Env, verdicts: Vec<u8>) -> napi::Result<Buffer> {
        Ok(verdicts.into())
    }
}

/// One byte a signature, checked on the pool.
#[napi(catch_unwind, ts_return_type = "Promise<Buffer>")]
pub fn verify_signatures(items: &[u8]) -> Result<AsyncTask<Checking>> {
    pyralog_sig::check_packed(items).map_err(refused)?;
    Ok(AsyncTask::new(Checking(items.to_vec())))
}

/// One byte a signature.
#[napi(catch_unwind)]
pub fn verify_signatures_sync(items: &[u8]) -> Result<Buffer> {
    packed(pyralog_sig::verify_packed(items))
}

/// Signature by the key of a seed.
#[napi(catch_unwind)]
pub fn sign_ed25519(seed_bytes: &[u8], message: &[u8]) -> Result<Buffer> {
    Ok(pyralog_sig::sign(&seed(seed_bytes)?, message)
        .as_slice()
        .into())
}

/// Public key of a seed.
#[napi(catch_unwind)]
pub fn public_key_ed25519(seed_bytes: &[u8]) -> Result<Buffer> {
    Ok(pyralog_sig::public_key(&seed(seed_bytes)?)
        .as_slice()
        .into())
}

/// Plain BLAKE3.
#[napi(catch_unwind)]
pub fn blake3_hash(data: &[u8]) -> Buffer {
    pyralog_sig::plain(data).as_slice().into()
}

/// BLAKE3 in `derive_key` mode.
#[napi(catch_unwind)]
pub fn blake3_derived(context: String, data: &[u8]) -> Buffer {
    pyralog_sig::derived(&context, data).as_slice().into()
}

/// BLAKE3 keyed with a label's key.
#[napi(catch_unwind)]
pub fn blake3_keyed(label: String, data: &[u8]) -> Buffer {
    pyralog_sig::keyed(&label, data).as_slice().into()
}

/// `blake3Derived` of each packed input.
#[napi(catch_unwind)]
pub fn blake3_derived_many(context: String, inputs: &[u8]) -> Result<Buffer> {
    packed(pyralog_sig::derived_many(&context, inputs))
}

/// `blake3Keyed` of each packed input.
#[napi(catch_unwind)]
pub fn blake3_keyed_many(label: String, inputs: &[u8]) -> Result<Buffer> {
    packed(pyralog_sig::keyed_many(&label, inputs))
}
