//! What a cold segment has instead of leaf hashes (H4): they follow from the rows, and one digest for each row group tells
//! whether the rows still lead to those that were sealed.

use std::fmt::Write;

use pyralog_types::Hash;

/// Key of the footer's metadata under which they stand.
pub const LEAVES_KEY: &str = "pyralog.leaves";
/// Digits of one.
const DIGITS: usize = 64;

/// BLAKE3 of a row group's leaf hashes, in order.
pub fn digest(leaves: &[Hash]) -> Hash {
    *blake3::hash(leaves.as_flattened()).as_bytes()
}

/// In hexadecimal, one behind the other.
pub fn text(digests: impl Iterator<Item = Hash>) -> String {
    digests.fold(String::new(), |mut text, digest| {
        for byte in digest {
            let _ = write!(text, "{byte:02x}"); // a string takes everything
        }
        text
    })
}

/// The other direction; `None` unless there are as many as row groups.
pub fn parse(text: &str, groups: usize) -> Option<Vec<Hash>> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (parts, rest) = text.as_bytes().as_chunks::<DIGITS>();
    let hash = |part: &[u8; DIGITS]| {
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(part.as_chunks::<2>().0) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(hash)
    };
    if !rest.is_empty() || parts.len() != groups {
        return None;
    }
    parts.iter().map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_read_as_they_were_written_and_not_otherwise() {
        let digests = [[0; 32], [0xa5; 32], digest(&[[1; 32], [2; 32]])];
        let written = text(digests.into_iter());
        assert_eq!(parse(&written, 3), Some(digests.to_vec()));
        assert_eq!(parse("", 0), Some(Vec::new()));
        for (text, groups) in [
            (&written[..], 2),
            (&written[1..], 3),
            (&written[..190], 3),
            (&written.to_uppercase(), 3),
            (&written.replacen('a', "g", 1), 3),
        ] {
            assert_eq!(parse(text, groups), None, "{text}");
        }
    }
}
