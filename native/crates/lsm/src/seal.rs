//! The checksum that every value carries.

use crate::LsmError;

const CHECKSUM_BYTES: usize = 4;

/// The value, then the CRC-32C of key and value (u32, little-endian): a value that turns up under another key is found
/// out as well.
pub(crate) fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(value.len() + CHECKSUM_BYTES);
    sealed.extend_from_slice(value);
    sealed.extend_from_slice(&checksum(key, value).to_le_bytes());
    sealed
}

/// The value that [`seal`] was given.
pub(crate) fn unseal<'a>(key: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], LsmError> {
    match sealed.split_last_chunk::<CHECKSUM_BYTES>() {
        Some((value, sum)) if u32::from_le_bytes(*sum) == checksum(key, value) => Ok(value),
        _ => Err(LsmError::Corrupt(
            "a value is not what was written (checksum)".to_owned(),
        )),
    }
}

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), value)
}
