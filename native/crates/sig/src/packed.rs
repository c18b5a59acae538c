//! Many signatures in one string of bytes: 32-byte key, 64-byte signature, u32le length, message, and so on.

use crate::{SigError, verify};

struct Item<'a> {
    key: &'a [u8; 32],
    signature: &'a [u8; 64],
    message: &'a [u8],
}

/// One byte an item: 1 where the signature is valid, 0 where it is not.
///
/// # Errors
/// [`SigError::Malformed`] when the bytes end in the middle of an item; nothing was checked then.
pub fn verify_packed(packed: &[u8]) -> Result<Vec<u8>, SigError> {
    check_packed(packed)?;
    let mut verdicts = Vec::new();
    let mut rest = packed;
    while let Some((item, behind)) = first(rest) {
        verdicts.push(u8::from(verify(item.key, item.signature, item.message)));
        rest = behind;
    }
    Ok(verdicts)
}

/// Whether packed items are whole, without checking a signature.
///
/// # Errors
/// [`SigError::Malformed`].
pub fn check_packed(packed: &[u8]) -> Result<(), SigError> {
    let mut rest = packed;
    while !rest.is_empty() {
        let broken = SigError::Malformed {
            at: packed.len() - rest.len(),
            size: packed.len(),
        };
        rest = first(rest).ok_or(broken)?.1;
    }
    Ok(())
}

fn first(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let (key, rest) = bytes.split_first_chunk()?;
    let (signature, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (message, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let item = Item {
        key,
        signature,
        message,
    };
    Some((item, rest))
}
