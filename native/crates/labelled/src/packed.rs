//! Leaves in one string of bytes: u32le length, bytes, and so on.

use crate::LabelledError;

/// The leaves of packed bytes, in order.
///
/// # Errors
/// `Malformed` when the bytes end in the middle of a leaf.
pub fn inputs(packed: &[u8]) -> Result<Vec<&[u8]>, LabelledError> {
    let mut leaves = Vec::new();
    let mut rest = packed;
    while !rest.is_empty() {
        let broken = LabelledError::Malformed {
            at: packed.len() - rest.len(),
            size: packed.len(),
        };
        let (leaf, behind) = first(rest).ok_or(broken)?;
        leaves.push(leaf);
        rest = behind;
    }
    Ok(leaves)
}

fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_leaves_only() -> Result<(), LabelledError> {
        let packed = [1, 0, 0, 0, 7, 0, 0, 0, 0, 2, 0, 0, 0, 8, 9];
        assert_eq!(inputs(&packed)?, [&[7_u8][..], &[], &[8, 9]]);
        for cut in [1, 4, 8, 10, 14] {
            assert!(inputs(&packed[..cut]).is_err());
        }
        Ok(())
    }
}
