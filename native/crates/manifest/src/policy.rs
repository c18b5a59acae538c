//! How long a partition keeps what (Y10).

use crate::codec::{Fault, Reader, put_optional, put_u64};

/// What happens to the rows of a partition as they age. The default keeps everything as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Neighbouring segments are merged while they hold fewer raw bytes together than this; 0 = never.
    pub merge_bytes: u64,
    /// Of rows with the same key only the latest is kept (Y13).
    pub latest_by_key: bool,
    /// A tombstone is kept so long after its timestamp, in milliseconds, that every reader has met it.
    pub tombstone_ms: u64,
    /// Most raw bytes of rows.
    pub retain_bytes: Option<u64>,
    /// Greatest age of a segment's last row, in milliseconds.
    pub retain_ms: Option<u64>,
    /// First offset that is wanted.
    pub retain_from: Option<u64>,
    /// Age of a segment's last row at which it becomes Parquet, in milliseconds.
    pub cold_after_ms: Option<u64>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            merge_bytes: 0,
            latest_by_key: false,
            tombstone_ms: 24 * 3600 * 1000,
            retain_bytes: None,
            retain_ms: None,
            retain_from: None,
            cold_after_ms: None,
        }
    }
}

impl Policy {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_u64(out, self.merge_bytes);
        out.push(u8::from(self.latest_by_key));
        put_u64(out, self.tombstone_ms);
        put_optional(out, self.retain_bytes);
        put_optional(out, self.retain_ms);
        put_optional(out, self.retain_from);
        put_optional(out, self.cold_after_ms);
    }

    pub(crate) fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            merge_bytes: from.u64()?,
            latest_by_key: from.flag()?,
            tombstone_ms: from.u64()?,
            retain_bytes: from.optional()?,
            retain_ms: from.optional()?,
            retain_from: from.optional()?,
            cold_after_ms: from.optional()?,
        })
    }
}
