//! Reading and writing of fields (GR2): one way to write each value, every step of reading checked, nothing panics.

use std::collections::{BTreeMap, BTreeSet};

/// What bytes did wrong; the text completes "a command that …".
pub(crate) type Fault = &'static str;

/// Walks over bytes from the front.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (part, rest) = self.0.split_first_chunk().ok_or("ends too early")?;
        self.0 = rest;
        Ok(*part)
    }

    /// The count of a list; one that the bytes cannot hold is refused before anything is allocated for it.
    fn count(&mut self) -> Result<usize, Fault> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        if count > self.0.len() {
            return Err("has a list that is longer than its bytes");
        }
        Ok(count)
    }

    pub(crate) fn end(&self) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err("has bytes behind its end")
    }
}

/// A value with exactly one encoding.
pub(crate) trait Wire: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn get(from: &mut Reader<'_>) -> Result<Self, Fault>;
}

macro_rules! wire_number {
    ($($kind:ty),+) => {$(
        impl Wire for $kind {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
                Ok(Self::from_le_bytes(from.array()?))
            }
        }
    )+};
}
wire_number!(u8, u16, u32, u64);

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        match u8::get(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err("has a flag that is neither 0 nor 1"),
        }
    }
}

impl Wire for [u8; 32] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.array()
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let length = from.count()?;
        let (text, rest) = from.0.split_at(length);
        from.0 = rest;
        let text = std::str::from_utf8(text).map_err(|_| "has a text that is no UTF-8")?;
        Ok(text.to_owned())
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let there = bool::get(from)?;
        there.then(|| T::get(from)).transpose()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok((A::get(from)?, B::get(from)?))
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        for item in self {
            item.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let count = from.count()?;
        let mut items = Self::new();
        for _ in 0..count {
            items.push(T::get(from)?);
        }
        Ok(items)
    }
}

impl<T: Wire + Ord> Wire for BTreeSet<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        for item in self {
            item.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let count = from.count()?;
        let mut items = Self::new();
        for _ in 0..count {
            let item = T::get(from)?;
            if items.last().is_some_and(|last| *last >= item) {
                return Err("has a set that is not in order");
            }
            items.insert(item);
        }
        Ok(items)
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let count = from.count()?;
        let mut items = Self::new();
        for _ in 0..count {
            let key = K::get(from)?;
            if items.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return Err("has a map that is not in order");
            }
            let value = V::get(from)?;
            items.insert(key, value);
        }
        Ok(items)
    }
}

/// Writes a struct as its fields in this order, or an enum as the variant's number (u8) and its fields. The compiler sees to
/// it that none is forgotten.
macro_rules! wire {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::codec::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::codec::Wire::put($field, out);)*
            }

            fn get(from: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::Fault> {
                Ok(Self { $($field: $crate::codec::Wire::get(from)?),* })
            }
        }
    };
    (enum $name:ident { $($number:literal = $variant:ident { $($field:ident),* }),+ $(,)? }) => {
        impl $crate::codec::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant { $($field),* } => {
                        out.push($number);
                        $($crate::codec::Wire::put($field, out);)*
                    })+
                }
            }

            fn get(from: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::Fault> {
                Ok(match <u8 as $crate::codec::Wire>::get(from)? {
                    $($number => Self::$variant { $($field: $crate::codec::Wire::get(from)?),* },)+
                    _ => return Err("is of a kind that this version does not know"),
                })
            }
        }
    };
}
pub(crate) use wire;
