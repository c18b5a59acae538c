//! BLAKE3 in the modes the formats use, one input or many.

use pyralog_types::{Hash, unpack};

use crate::SigError;

/// Plain BLAKE3.
#[must_use]
pub fn plain(data: &[u8]) -> Hash {
    *blake3::hash(data).as_bytes()
}

/// BLAKE3 in `derive_key` mode: `context` names the purpose, `data` is the key material.
#[must_use]
pub fn derived(context: &str, data: &[u8]) -> Hash {
    blake3::derive_key(context, data)
}

/// BLAKE3 keyed with `derive_key(label)` over empty material (merkle.md M1, state.md U1).
#[must_use]
pub fn keyed(label: &str, data: &[u8]) -> Hash {
    *blake3::keyed_hash(&derived(label, &[]), data).as_bytes()
}

/// [`derived`] of each input of `packed` (u32le length, bytes, and so on), back to back.
///
/// # Errors
/// [`SigError::Malformed`] when the bytes end in the middle of an input.
pub fn derived_many(context: &str, packed: &[u8]) -> Result<Vec<u8>, SigError> {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    each(packed, |input| {
        let hash = *hasher.update(input).finalize().as_bytes();
        hasher.reset();
        hash
    })
}

/// [`keyed`] of each input of `packed`, back to back.
///
/// # Errors
/// As [`derived_many`].
pub fn keyed_many(label: &str, packed: &[u8]) -> Result<Vec<u8>, SigError> {
    let key = derived(label, &[]);
    each(packed, |input| *blake3::keyed_hash(&key, input).as_bytes())
}

fn each(packed: &[u8], hash: impl FnMut(&[u8]) -> Hash) -> Result<Vec<u8>, SigError> {
    Ok(unpack(packed)?.into_iter().flat_map(hash).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_equal_one_by_one() {
        let inputs: Vec<Vec<u8>> = (0..200).map(|n| vec![n as u8; n * 13]).collect();
        let mut packed = Vec::new();
        for input in &inputs {
            packed.extend((input.len() as u32).to_le_bytes());
            packed.extend(input);
        }
        let one_by_one = |hash: fn(&str, &[u8]) -> Hash| -> Vec<u8> {
            inputs
                .iter()
                .flat_map(|input| hash("label", input))
                .collect()
        };
        assert_eq!(derived_many("label", &packed), Ok(one_by_one(derived)));
        assert_eq!(keyed_many("label", &packed), Ok(one_by_one(keyed)));
        assert!(keyed_many("label", &packed[..packed.len() - 1]).is_err());
        assert_ne!(derived("label", b""), keyed("label", b""));
    }
}
