//! Notary values: a digest and the name of its algorithm (docs/spec/record.md L4).

use crate::TypeError;

/// Longest notary value: code, length and 64 bytes of digest.
pub const MULTIHASH_BYTES_MAX: usize = 66;

/// Length of a digest under a multihash code, when the code is one of ours.
#[must_use]
pub const fn digest_len(code: u8) -> Option<usize> {
    match code {
        0x12 | 0x1e => Some(32), // SHA-256, BLAKE3-256
        0x13 => Some(64),        // SHA-512
        _ => None,
    }
}

/// Splits a notary value into code and digest.
///
/// # Errors
/// [`TypeError::Multihash`] on an unknown code or a length that isn't the code's.
pub fn split_multihash(value: &[u8]) -> Result<(u8, &[u8]), TypeError> {
    let [code, len, digest @ ..] = value else {
        return Err(TypeError::Multihash("shorter than its two leading bytes"));
    };
    match digest_len(*code) {
        None => Err(TypeError::Multihash(
            "unknown algorithm code; 0x12, 0x13 and 0x1e are known",
        )),
        Some(expected) if usize::from(*len) != expected || digest.len() != expected => {
            Err(TypeError::Multihash("length is not the algorithm's"))
        }
        Some(_) => Ok((*code, digest)),
    }
}
