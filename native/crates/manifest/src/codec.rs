//! Reading and writing of fields: every step is checked, nothing panics.

use std::ops::Range;

use pyralog_types::SAFE_INTEGER_MAX;

/// What an edit's bytes did wrong; the text completes "an edit that …".
pub(crate) type Fault = &'static str;

/// Walks over bytes from the front.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (part, rest) = self.0.split_at_checked(length).ok_or("ends too early")?;
        self.0 = rest;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (part, rest) = self.0.split_first_chunk().ok_or("ends too early")?;
        self.0 = rest;
        Ok(*part)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Fault> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Fault> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A number that JavaScript can hold exactly; no version and no file has a greater one.
    pub(crate) fn number(&mut self) -> Result<u64, Fault> {
        match self.u64()? {
            number if number <= SAFE_INTEGER_MAX => Ok(number),
            _ => Err("has a number above 2^53 - 1"),
        }
    }

    pub(crate) fn hash(&mut self) -> Result<[u8; 32], Fault> {
        self.array()
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Fault> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err("has a flag that is neither 0 nor 1"),
        }
    }

    /// A value that may be missing: a flag, then the value or zero.
    pub(crate) fn optional(&mut self) -> Result<Option<u64>, Fault> {
        let there = self.flag()?;
        match (there, self.u64()?) {
            (true, value) => Ok(Some(value)),
            (false, 0) => Ok(None),
            (false, _) => Err("has a value where it says that there is none"),
        }
    }

    pub(crate) fn range(&mut self) -> Result<Range<u64>, Fault> {
        Ok(self.u64()?..self.u64()?)
    }

    /// A counted list; a count that the bytes cannot hold is refused before anything is allocated for it.
    pub(crate) fn list<T>(
        &mut self,
        bytes_min: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let count = self.u32()? as usize;
        if count > self.0.len() / bytes_min.max(1) {
            return Err("has a list that is longer than its bytes");
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn end(&self) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err("has bytes behind its end")
    }
}

pub(crate) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_optional(out: &mut Vec<u8>, value: Option<u64>) {
    out.push(u8::from(value.is_some()));
    put_u64(out, value.unwrap_or(0));
}

pub(crate) fn put_list<T>(out: &mut Vec<u8>, items: &[T], mut put: impl FnMut(&mut Vec<u8>, &T)) {
    put_u32(out, items.len() as u32);
    for item in items {
        put(out, item);
    }
}
