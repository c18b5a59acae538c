//! Many inputs in one string of bytes, as they cross from JavaScript: u32le length, bytes, and so on.

use thiserror::Error;

/// Packed bytes end in the middle of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("packed inputs break off at byte {at} of {size}")]
pub struct BrokenPack {
    /// Where the input that is not whole begins.
    pub at: usize,
    /// Bytes there are.
    pub size: usize,
}

/// The inputs of packed bytes, in order.
///
/// # Errors
/// [`BrokenPack`] when the bytes end in the middle of an input.
pub fn unpack(packed: &[u8]) -> Result<Vec<&[u8]>, BrokenPack> {
    let mut inputs = Vec::new();
    let mut rest = packed;
    while !rest.is_empty() {
        let size = packed.len();
        let at = size - rest.len();
        let (input, behind) = first(rest).ok_or(BrokenPack { at, size })?;
        inputs.push(input);
        rest = behind;
    }
    Ok(inputs)
}

fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_inputs_only() -> Result<(), BrokenPack> {
        let packed = [1, 0, 0, 0, 7, 0, 0, 0, 0, 2, 0, 0, 0, 8, 9];
        assert_eq!(unpack(&packed)?, [&[7_u8][..], &[], &[8, 9]]);
        for (cut, at) in [(1, 0), (4, 0), (8, 5), (10, 9), (14, 9)] {
            assert_eq!(
                unpack(&packed[..cut]),
                Err(BrokenPack { at, size: cut }),
                "cut at {cut}"
            );
        }
        Ok(())
    }
}
