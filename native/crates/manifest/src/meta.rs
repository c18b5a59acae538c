//! Stand-in for the figures of crate `segment`.

use crate::codec::Fault;

/// How a segment's rows are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Arrow.
    Hot,
    /// Parquet.
    Cold,
}

impl Kind {
    /// Names of the two files.
    #[must_use]
    pub fn files(self, name: &str) -> [String; 2] {
        match self {
            Self::Hot => [format!("{name}.arrow"), format!("{name}.side")],
            Self::Cold => [format!("{name}.parquet"), format!("{name}.pside")],
        }
    }
}

/// Figures of a sealed segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SegmentMeta {
    /// x
    pub base_offset: u64,
    /// x
    pub end_offset: u64,
    /// x
    pub rows: u32,
    /// x
    pub first_timestamp: u64,
    /// x
    pub last_timestamp: u64,
    /// x
    pub first_id: u64,
    /// x
    pub last_id: u64,
    /// x
    pub arrow_bytes: u64,
    /// x
    pub side_bytes: u64,
    /// x
    pub raw_bytes: u64,
    /// x
    pub hash: [u8; 32],
    /// x
    pub kind: Kind,
    /// x
    pub compacted: bool,
}

impl SegmentMeta {
    /// x
    pub const BYTES: usize = 120;
    /// x
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
        out
    }
    /// x
    /// # Errors
    /// x
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| "x")?;
        let word = |at: usize| {
            let mut f = [0; 8];
            f.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(f)
        };
        let mut hash = [0; 32];
        hash.copy_from_slice(&bytes[80..112]);
        Ok(Self {
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
        })
    }
}
