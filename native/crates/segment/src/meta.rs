//! What the manifest knows of a segment (H1): enough to find, check and skip it without opening it.

use std::path::{Path, PathBuf};

use crate::SegmentError;

/// How a segment's rows are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Arrow IPC, mapped and read in place.
    Hot,
    /// Parquet, decoded a row group at a time.
    Cold,
}

/// Figures of a sealed segment. All follow from its rows, so replicas have the same (H1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SegmentMeta {
    /// First offset it covers.
    pub base_offset: u64,
    /// First offset behind it. A compacted segment covers offsets that it has no rows for.
    pub end_offset: u64,
    /// Rows, at least one.
    pub rows: u32,
    /// Timestamp of the first row, Unix milliseconds.
    pub first_timestamp: u64,
    /// Timestamp of the last row; never before the first (L5).
    pub last_timestamp: u64,
    /// Scarab id of the first row.
    pub first_id: u64,
    /// Scarab id of the last row.
    pub last_id: u64,
    /// Bytes of the data file, `.arrow` or `.parquet`.
    pub arrow_bytes: u64,
    /// Bytes of the sidecar.
    pub side_bytes: u64,
    /// Bytes of all keys, values and headers together.
    pub raw_bytes: u64,
    /// BLAKE3 of the data file.
    pub hash: [u8; 32],
    /// How its rows are stored.
    pub kind: Kind,
    /// Whether offsets may be missing in it.
    pub compacted: bool,
}

impl SegmentMeta {
    /// Length of the encoded form.
    pub const BYTES: usize = 120;

    /// The encoded form (H1).
    #[must_use]
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[0] = matches!(self.kind, Kind::Cold).into();
        out[1] = self.compacted.into();
        out[4..8].copy_from_slice(&self.rows.to_le_bytes());
        let words = [
            self.base_offset,
            self.end_offset,
            self.first_timestamp,
            self.last_timestamp,
            self.first_id,
            self.last_id,
            self.arrow_bytes,
            self.side_bytes,
            self.raw_bytes,
        ];
        for (at, word) in (8..).step_by(8).zip(words) {
            out[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        out[80..112].copy_from_slice(&self.hash);
        let crc = crc32c::crc32c(&out[..112]);
        out[112..116].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// [`SegmentError::Format`] for another length, a wrong checksum, or figures that no segment has.
    pub fn decode(bytes: &[u8]) -> Result<Self, SegmentError> {
        let refused = |what: &str| SegmentError::Format {
            what: format!("the figures of a segment: {what}"),
        };
        let bytes: &[u8; Self::BYTES] = bytes
            .try_into()
            .map_err(|_| refused("they are not 120 bytes long"))?;
        let word = |at: usize| {
            let mut field = [0; 8];
            field.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(field)
        };
        if u64::from(crc32c::crc32c(&bytes[..112])) != word(112) {
            return Err(refused("their checksum is wrong"));
        }
        if bytes[0] > 1 || bytes[1] > 1 || bytes[2..4] != [0, 0] {
            return Err(refused(
                "unknown flags; a newer version may have written them",
            ));
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(&bytes[80..112]);
        let meta = Self {
            base_offset: word(8),
            end_offset: word(16),
            rows: (word(0) >> 32) as u32,
            first_timestamp: word(24),
            last_timestamp: word(32),
            first_id: word(40),
            last_id: word(48),
            arrow_bytes: word(56),
            side_bytes: word(64),
            raw_bytes: word(72),
            hash,
            kind: if bytes[0] == 0 { Kind::Hot } else { Kind::Cold },
            compacted: bytes[1] == 1,
        };
        match meta.contradiction() {
            None => Ok(meta),
            Some(what) => Err(refused(what)),
        }
    }

    fn contradiction(&self) -> Option<&'static str> {
        let covered = self.end_offset.checked_sub(self.base_offset);
        let rows = u64::from(self.rows);
        if rows == 0 {
            return Some("no rows");
        }
        if covered.is_none_or(|covered| covered < rows || (covered > rows && !self.compacted)) {
            return Some("offsets and rows do not match");
        }
        if self.end_offset > pyralog_types::SAFE_INTEGER_MAX + 1
            || self.last_timestamp > pyralog_types::SAFE_INTEGER_MAX
        {
            return Some("offset or timestamp above 2^53 - 1");
        }
        let ids = self.last_id.checked_sub(self.first_id);
        if self.first_timestamp > self.last_timestamp || ids.is_none_or(|ids| ids < rows - 1) {
            return Some("timestamps or ids go back");
        }
        None
    }

    /// Names of the segment's two files: the data and its sidecar.
    #[must_use]
    pub fn files(&self, name: &str) -> [String; 2] {
        self.kind.files(name)
    }
}

impl Kind {
    /// Names of the two files of a segment of this kind. Kinds share none, so a segment can age under its name.
    #[must_use]
    pub fn files(self, name: &str) -> [String; 2] {
        match self {
            Self::Hot => [format!("{name}.arrow"), format!("{name}.side")],
            Self::Cold => [format!("{name}.parquet"), format!("{name}.pside")],
        }
    }

    pub(crate) fn paths(self, dir: &Path, name: &str) -> [PathBuf; 2] {
        self.files(name).map(|file| dir.join(file))
    }
}
