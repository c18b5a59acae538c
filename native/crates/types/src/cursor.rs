//! Reading packed bytes: every step is checked, nothing panics (B6).

use crate::TypeError;

pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn fail(&self, what: &'static str) -> TypeError {
        TypeError::Batch { at: self.at, what }
    }

    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], TypeError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(part) = rest.get(..len) else {
            return Err(self.fail("ends too early"));
        };
        self.at += len;
        Ok(part)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], TypeError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    #[inline]
    pub fn u8(&mut self) -> Result<u8, TypeError> {
        Ok(self.array::<1>()?[0])
    }

    #[inline]
    pub fn u16(&mut self) -> Result<u16, TypeError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    #[inline]
    pub fn u32(&mut self) -> Result<u32, TypeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    #[inline]
    pub fn u64(&mut self) -> Result<u64, TypeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}
