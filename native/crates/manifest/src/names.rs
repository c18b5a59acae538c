//! Names of the files that a manifest speaks of (Y1). Pure; the only place that knows them.

use pyralog_types::SAFE_INTEGER_MAX;

/// Directory of the manifest itself, in the store's directory.
pub const MANIFEST_DIR: &str = "manifest";
/// Directory of segments and leaves files, in the store's directory.
pub const SEGMENTS_DIR: &str = "segments";
/// The manifest's file.
pub(crate) const MANIFEST_FILE: &str = "MANIFEST";
/// What it is written as before it is renamed.
pub(crate) const MANIFEST_TEMPORARY: &str = "MANIFEST.tmp";
/// Endings of the files of one name: a hot segment and its sidecar, a cold one and its (H1), leaf hashes (Y9).
pub(crate) const ENDINGS: [&str; 5] = ["arrow", "side", "parquet", "pside", "leaves"];
/// Ending of what was never finished.
const TEMPORARY: &str = ".tmp";

/// Name of a segment's (or leaves file's) files without their endings: partition and number in hex.
#[must_use]
pub fn file_name(partition: u32, number: u64) -> String {
    format!("{partition:08x}-{number:016x}")
}

/// What a file in the directory of segments is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A file of this partition and number.
    File { partition: u32, number: u64 },
    /// A file of it that was not finished.
    Temporary { partition: u32, number: u64 },
    /// Nothing of ours.
    Foreign,
}

fn hex<T>(
    text: &str,
    parse: impl Fn(&str, u32) -> Result<T, std::num::ParseIntError>,
) -> Option<T> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    plain.then(|| parse(text, 16).ok()).flatten()
}

/// Reads a file's name.
pub(crate) fn parse(name: &str) -> Found {
    let Some((stem, ending)) = name.split_once('.') else {
        return Found::Foreign;
    };
    let Some((partition, number)) = stem.split_once('-') else {
        return Found::Foreign;
    };
    if partition.len() != 8 || number.len() != 16 {
        return Found::Foreign;
    }
    let (Some(partition), Some(number)) = (
        hex(partition, u32::from_str_radix),
        hex(number, u64::from_str_radix),
    ) else {
        return Found::Foreign;
    };
    if number > SAFE_INTEGER_MAX {
        return Found::Foreign;
    }
    if ENDINGS.contains(&ending) {
        return Found::File { partition, number };
    }
    if ending.ends_with(TEMPORARY) || ending == &TEMPORARY[1..] {
        return Found::Temporary { partition, number };
    }
    Found::Foreign
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let name = file_name(7, 0xab);
        assert_eq!(name, "00000007-00000000000000ab");
        let ours = Found::File {
            partition: 7,
            number: 0xab,
        };
        for ending in ENDINGS {
            assert_eq!(parse(&format!("{name}.{ending}")), ours);
            assert_eq!(
                parse(&format!("{name}.{ending}.tmp")),
                Found::Temporary {
                    partition: 7,
                    number: 0xab
                }
            );
        }
    }

    #[test]
    fn other_names_are_left_alone() {
        for name in [
            "README",
            "00000007.arrow",
            "00000007-00000000000000AB.arrow",
            "00000007-00000000000000ab.txt",
            "0000007-00000000000000ab.arrow",
            "+0000007-00000000000000ab.arrow",
            "00000007-00000000000000ab",
            "00000007-ffffffffffffffff.arrow",
        ] {
            assert_eq!(parse(name), Found::Foreign, "{name}");
        }
    }
}
