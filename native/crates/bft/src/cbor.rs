//! The little CBOR that votes need: unsigned integers, byte strings, arrays, null, in their one deterministic encoding
//! (RFC 8949 §4.2.1). Reading refuses every other encoding of the same value.

const UINT: u8 = 0;
const BYTES: u8 = 2;
const ARRAY: u8 = 4;
const NULL: u8 = 0xf6;

/// Writes items one after the other.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Begins an array of `items` items.
    pub fn array(items: usize) -> Self {
        Self::default().nested(items)
    }

    /// An array within, of `items` items that follow.
    pub fn nested(self, items: usize) -> Self {
        self.head(ARRAY, items as u64)
    }

    /// An unsigned integer.
    pub fn uint(self, value: impl Into<u64>) -> Self {
        self.head(UINT, value.into())
    }

    /// An unsigned integer or null.
    pub fn optional_uint(self, value: Option<u32>) -> Self {
        match value {
            Some(value) => self.uint(value),
            None => self.null(),
        }
    }

    /// A byte string.
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let mut written = self.head(BYTES, bytes.len() as u64);
        written.0.extend_from_slice(bytes);
        written
    }

    /// A byte string or null.
    pub fn optional_bytes(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self.null(),
        }
    }

    /// null.
    pub fn null(mut self) -> Self {
        self.0.push(NULL);
        self
    }

    /// What was written.
    pub fn done(self) -> Vec<u8> {
        self.0
    }

    fn head(mut self, major: u8, value: u64) -> Self {
        let major = major << 5;
        let big = value.to_be_bytes();
        match value {
            0..=23 => self.0.push(major | big[7]),
            24..=0xff => self.0.extend([major | 0x18, big[7]]),
            0x100..=0xffff => self.put(major | 0x19, &big[6..]),
            0x1_0000..=0xffff_ffff => self.put(major | 0x1a, &big[4..]),
            _ => self.put(major | 0x1b, &big),
        }
        self
    }

    fn put(&mut self, first: u8, rest: &[u8]) {
        self.0.push(first);
        self.0.extend_from_slice(rest);
    }
}

/// Not the bytes that were expected. Says no more: whoever sent them is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Reads items one after the other.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// At the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The head of an array: its number of items.
    pub fn array(&mut self) -> Result<u64, Malformed> {
        self.head(ARRAY)
    }

    /// The head of an array of exactly `items` items.
    pub fn array_of(&mut self, items: u64) -> Result<(), Malformed> {
        if self.array()? == items {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// An unsigned integer.
    pub fn uint(&mut self) -> Result<u64, Malformed> {
        self.head(UINT)
    }

    /// A byte string of any length.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.head(BYTES)?).map_err(|_| Malformed)?;
        self.take(length)
    }

    /// A byte string of `N` bytes.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes()?.try_into().map_err(|_| Malformed)
    }

    /// Whether null comes next; reads it if so.
    pub fn null(&mut self) -> bool {
        let found = self.0.first() == Some(&NULL);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// The end: no byte more.
    pub fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn head(&mut self, major: u8) -> Result<u64, Malformed> {
        let first = self.take(1)?[0];
        if first >> 5 != major {
            return Err(Malformed);
        }
        let low = first & 0x1f;
        let (length, least) = match low {
            0..=23 => return Ok(u64::from(low)),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            _ => return Err(Malformed),
        };
        let value = self.take(length)?.iter();
        let value = value.fold(0, |value, byte| value << 8 | u64::from(*byte));
        if value < least {
            return Err(Malformed);
        }
        Ok(value)
    }
}
