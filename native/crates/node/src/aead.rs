//! ChaCha20-Poly1305 (RFC 8439) in place; native/aead.ts documents it.

use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, Key, KeyInit, Nonce, Tag};
use napi::bindgen_prelude::BufferSlice;
use napi::{Error, Status};
use napi_derive::napi;

use crate::error::Result;

const TAG_BYTES: usize = 16;

fn cipher(key: &[u8], nonce: &[u8]) -> Result<(ChaCha20Poly1305, Nonce)> {
    let (32, 12) = (key.len(), nonce.len()) else {
        return Err(wrong("a key has 32 bytes and a nonce 12"));
    };
    let cipher = ChaCha20Poly1305::new(Key::from_slice(key));
    Ok((cipher, *Nonce::from_slice(nonce)))
}

fn split(bytes: &mut [u8]) -> Result<(&mut [u8], &mut [u8])> {
    let length = bytes.len().checked_sub(TAG_BYTES);
    let length = length.ok_or_else(|| wrong("a sealed message has at least 16 bytes"))?;
    Ok(bytes.split_at_mut(length))
}

fn wrong(reason: &str) -> Error<crate::error::Code> {
    Error::new(Status::InvalidArg.into(), reason)
}

/// Encrypts all but the last 16 bytes, and puts the tag there.
#[napi(catch_unwind)]
pub fn aead_seal(key: &[u8], nonce: &[u8], data: &[u8], mut bytes: BufferSlice<'_>) -> Result<()> {
    let (cipher, nonce) = cipher(key, nonce)?;
    let (message, end) = split(&mut bytes)?;
    let sealed = cipher.encrypt_in_place_detached(&nonce, data, message);
    let tag = sealed.map_err(|_| wrong("the message is too long"))?;
    end.copy_from_slice(&tag);
    Ok(())
}

/// Decrypts all but the last 16 bytes, if the tag that stands there is theirs; otherwise they stay as they are.
#[napi(catch_unwind)]
pub fn aead_open(
    key: &[u8],
    nonce: &[u8],
    data: &[u8],
    mut bytes: BufferSlice<'_>,
) -> Result<bool> {
    let (cipher, nonce) = cipher(key, nonce)?;
    let (message, end) = split(&mut bytes)?;
    let tag = Tag::from_slice(end);
    Ok(cipher
        .decrypt_in_place_detached(&nonce, data, message, tag)
        .is_ok())
}
