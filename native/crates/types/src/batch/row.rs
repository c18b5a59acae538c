//! Rows: whole records as they are read back (B5).

use crate::cursor::Cursor;
use crate::{LeafRecord, TypeError};

/// A record with its parts, in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// The leaf record.
    pub leaf: LeafRecord,
    /// The key; empty when there is none (the leaf's zero hash tells).
    pub key: &'a [u8],
    /// Encoded headers.
    pub headers: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

/// Appends a row to `out`.
pub fn encode_row(out: &mut Vec<u8>, row: &Row<'_>) {
    let len = LeafRecord::BYTES + 12 + row.key.len() + row.headers.len() + row.value.len();
    out.extend_from_slice(&(len as u32).to_le_bytes());
    out.extend_from_slice(&row.leaf.to_bytes());
    for part in [row.key, row.headers, row.value] {
        out.extend_from_slice(&(part.len() as u32).to_le_bytes());
    }
    for part in [row.key, row.headers, row.value] {
        out.extend_from_slice(part);
    }
}

impl<'a> Row<'a> {
    /// Reads all rows of an answer.
    ///
    /// # Errors
    /// [`TypeError`] when the bytes break B5.
    pub fn parse_all(bytes: &'a [u8]) -> Result<Vec<Self>, TypeError> {
        let mut cursor = Cursor::new(bytes);
        let mut rows = Vec::new();
        while !cursor.rest().is_empty() {
            let len = cursor.u32()? as usize;
            rows.push(Self::parse(cursor.take(len)?)?);
        }
        Ok(rows)
    }

    fn parse(bytes: &'a [u8]) -> Result<Self, TypeError> {
        let mut cursor = Cursor::new(bytes);
        let leaf = LeafRecord::from_bytes(cursor.take(LeafRecord::BYTES)?)?;
        let lens = [cursor.u32()?, cursor.u32()?, cursor.u32()?];
        let row = Self {
            leaf,
            key: cursor.take(lens[0] as usize)?,
            headers: cursor.take(lens[1] as usize)?,
            value: cursor.take(lens[2] as usize)?,
        };
        if cursor.rest().is_empty() {
            Ok(row)
        } else {
            Err(cursor.fail("bytes behind the value"))
        }
    }
}
