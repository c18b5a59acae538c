//! One signature at a time.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// Whether `signature` of `message` is by `key`, strictly (C5): canonical S, canonical A and R that are not of small
/// order, and [S]B = R + [k]A without a cofactor.
#[must_use]
pub fn verify(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> bool {
    // The library takes y >= p as y - p; the equation is compared as bytes, so R needs no such check.
    if !is_reduced(key) {
        return false;
    }
    VerifyingKey::from_bytes(key)
        .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
        .is_ok()
}

/// Signature of `message` by the key of `seed` (RFC 8032 §5.1.6).
#[must_use]
pub fn sign(seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
    SigningKey::from_bytes(seed).sign(message).to_bytes()
}

/// Public key of `seed`.
#[must_use]
pub fn public_key(seed: &[u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(seed).verifying_key().to_bytes()
}

/// Whether the y of an encoded point is below p = 2^255 - 19. (The other encoding that is not canonical, x = 0 with its
/// sign set, is of small order.)
fn is_reduced(point: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = point;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|&byte| byte != 0xff)
}
