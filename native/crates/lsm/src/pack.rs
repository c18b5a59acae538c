//! Operations, keys and entries as they cross the boundary: one buffer, never an object per entry. All lengths are u32,
//! little-endian.
//!
//! - operations: key length, key, value length, value; a value length of `0xffff_ffff` deletes
//! - keys: key length, key
//! - values that were asked for: value length, value; `0xffff_ffff` for a key that is not there
//! - a chunk of a range: u8 1 when it is the last, then entries: key length, key, value length, value

use crate::LsmError;

/// Longest key, in bytes; the shortest has 1.
pub const KEY_BYTES_MAX: usize = 4096;

/// A length that stands for "no value".
const NOTHING: u32 = u32::MAX;

/// One operation: the value to put, or `None` to delete.
pub type Op<'a> = (&'a [u8], Option<&'a [u8]>);

/// Packed operations.
#[derive(Debug, Clone, Default)]
pub struct Ops(Vec<u8>);

impl Ops {
    /// Adds a put.
    #[must_use]
    pub fn put(mut self, key: &[u8], value: &[u8]) -> Self {
        push(&mut self.0, key);
        push(&mut self.0, value);
        self
    }

    /// Adds a delete.
    #[must_use]
    pub fn delete(mut self, key: &[u8]) -> Self {
        push(&mut self.0, key);
        self.0.extend_from_slice(&NOTHING.to_le_bytes());
        self
    }

    /// The bytes.
    #[must_use]
    pub fn packed(self) -> Vec<u8> {
        self.0
    }
}

/// Appends a length and the bytes.
pub(crate) fn push(into: &mut Vec<u8>, bytes: &[u8]) {
    into.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    into.extend_from_slice(bytes);
}

/// Appends a value that may be missing.
pub(crate) fn push_value(into: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => push(into, value),
        None => into.extend_from_slice(&NOTHING.to_le_bytes()),
    }
}

/// Takes a length and that many bytes off the front; `None` for [`NOTHING`].
fn take<'a>(bytes: &mut &'a [u8], what: &str) -> Result<Option<&'a [u8]>, LsmError> {
    let short = || LsmError::Malformed(format!("the bytes end within a {what}"));
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let length = u32::from_le_bytes(*length);
    *bytes = rest;
    if length == NOTHING {
        return Ok(None);
    }
    let (taken, rest) = rest.split_at_checked(length as usize).ok_or_else(short)?;
    *bytes = rest;
    Ok(Some(taken))
}

fn take_key<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], LsmError> {
    let key = take(bytes, "key")?.unwrap_or_default();
    check_key(key)?;
    Ok(key)
}

/// Refuses keys that are empty or too long.
pub(crate) fn check_key(key: &[u8]) -> Result<(), LsmError> {
    if (1..=KEY_BYTES_MAX).contains(&key.len()) {
        return Ok(());
    }
    Err(LsmError::Malformed(format!(
        "a key has {} bytes; give 1 to {KEY_BYTES_MAX}",
        key.len()
    )))
}

/// Reads packed operations, in order; ends behind the first error.
pub(crate) struct OpsIter<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for OpsIter<'a> {
    type Item = Result<Op<'a>, LsmError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let op = take_key(&mut self.0).and_then(|key| Ok((key, take(&mut self.0, "value")?)));
        if op.is_err() {
            self.0 = &[];
        }
        Some(op)
    }
}

/// Refuses bytes that are no packed operations; returns how many there are.
///
/// # Errors
/// [`LsmError::Malformed`].
pub fn check_ops(packed: &[u8]) -> Result<usize, LsmError> {
    let mut count = 0;
    for op in OpsIter(packed) {
        op?;
        count += 1;
    }
    Ok(count)
}

/// Packed keys, read in order.
pub struct Keys<'a>(&'a [u8]);

impl<'a> Keys<'a> {
    /// The keys of these bytes.
    #[must_use]
    pub fn new(packed: &'a [u8]) -> Self {
        Self(packed)
    }
}

impl<'a> Iterator for Keys<'a> {
    type Item = Result<&'a [u8], LsmError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let key = take_key(&mut self.0);
        if key.is_err() {
            self.0 = &[];
        }
        Some(key)
    }
}
