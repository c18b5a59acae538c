//! The bytes both subjects and floors are fed: packed proposals (batch.md B1), made before any clock runs.

use std::io::Write;

/// Bytes of a proposal before its first record.
pub const HEAD: usize = 8;
/// Bytes before each record's value.
pub const RECORD_HEAD: usize = 20;
/// Of a record with a key: of the key, of the value, and of both with what stands before them.
pub const KEY_BYTES: usize = 8;
pub const VALUE_BYTES: usize = 100;
const KEYED_STRIDE: usize = RECORD_HEAD + KEY_BYTES + VALUE_BYTES;

/// Makes proposals whose records are all different: a repeated one would be recognised as a duplicate and cost less.
#[derive(Debug, Default)]
pub struct Proposals {
    next: u64,
}

impl Proposals {
    /// Begins at this number, which is the key of the first record with one.
    pub fn from(next: u64) -> Self {
        Self { next }
    }

    /// One proposal of `records` opaque values of `value_bytes` each (at least 8).
    pub fn make(&mut self, records: u32, value_bytes: u32) -> Vec<u8> {
        let stride = RECORD_HEAD + value_bytes as usize;
        let mut bytes = vec![0x5a; HEAD + records as usize * stride];
        bytes[..4].copy_from_slice(&[1, 0, 0, 0]);
        bytes[4..HEAD].copy_from_slice(&records.to_le_bytes());
        for slot in bytes[HEAD..].chunks_exact_mut(stride) {
            slot[..RECORD_HEAD - 4].fill(0);
            slot[RECORD_HEAD - 4..RECORD_HEAD].copy_from_slice(&value_bytes.to_le_bytes());
            slot[RECORD_HEAD..RECORD_HEAD + 8].copy_from_slice(&self.next.to_le_bytes());
            self.next += 1;
        }
        bytes
    }

    /// One proposal of `records` lines of text of 100 bytes with a key of 8 each: what `bench/store` writes too.
    pub fn make_keyed(&mut self, records: u32) -> Vec<u8> {
        const FLAG_KEY: u8 = 1;
        let mut bytes = vec![1, 0, 0, 0];
        bytes.reserve(records as usize * KEYED_STRIDE);
        bytes.extend_from_slice(&records.to_le_bytes());
        for _ in 0..records {
            bytes.extend_from_slice(&[FLAG_KEY, 0, 0, 0, 0, 0, 0, 0]);
            for length in [KEY_BYTES as u32, 0, VALUE_BYTES as u32] {
                bytes.extend_from_slice(&length.to_le_bytes());
            }
            bytes.extend_from_slice(&self.next.to_be_bytes());
            let value = bytes.len();
            // Writing to a vector cannot fail.
            let _ = write!(
                bytes,
                "record {} of the bench, at {}",
                self.next,
                self.next * 7919
            );
            bytes.resize(value + VALUE_BYTES, b' ');
            self.next += 1;
        }
        bytes
    }

    /// As many proposals as asked for.
    pub fn many(&mut self, count: usize, records: u32, value_bytes: u32) -> Vec<Vec<u8>> {
        (0..count)
            .map(|_| self.make(records, value_bytes))
            .collect()
    }
}

/// Records of a proposal (B1, B2: the count stands at 4).
pub fn records_of(proposal: &[u8]) -> usize {
    match proposal {
        [_, _, _, _, a, b, c, d, ..] => u32::from_le_bytes([*a, *b, *c, *d]) as usize,
        _ => 0,
    }
}
