//! The filter of a segment's keys apart from the segment: for callers that ask many segments for one key (H8).

use pyralog_log::Mapped;

use crate::Segment;
use crate::index::short;
use crate::side::Which;

/// What of a filter is not its fingerprints. All places that follow from it are within them (the head was checked). Filters
/// of segments with about as many keys mostly have the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    pub(crate) seed: u64,
    pub(crate) segment_length: u32,
    pub(crate) count_length: u32,
}

/// Where a key's fingerprints stand, and what they come to where the key is.
pub(crate) struct Places {
    pub at: [usize; 3],
    pub fingerprint: u8,
}

impl Shape {
    /// As the library that made the filter looks, without the way there, which would be most of the work.
    #[inline]
    pub(crate) fn places(&self, key_hash: &[u8; 32]) -> Places {
        let hash = mixed(short(key_hash).wrapping_add(self.seed));
        let first = ((u128::from(hash) * u128::from(self.count_length)) >> 64) as u32;
        let mask = self.segment_length - 1;
        let second = (first + self.segment_length) ^ ((hash >> 18) as u32 & mask);
        let third = (first + 2 * self.segment_length) ^ (hash as u32 & mask);
        Places {
            at: [first as usize, second as usize, third as usize],
            fingerprint: (hash ^ hash >> 32) as u8,
        }
    }

    /// Fingerprints of the filter, a byte each.
    pub(crate) fn len(&self) -> usize {
        self.count_length as usize + 2 * self.segment_length as usize
    }
}

/// Says no to nearly all keys that a segment does not hold, and never to one that it does. Small, so that those of many
/// segments lie side by side in memory.
#[derive(Debug)]
pub struct KeyFilter {
    fingerprints: Option<(Mapped, usize)>,
    shape: Shape,
    /// The answer where there are no fingerprints.
    otherwise: bool,
}

impl KeyFilter {
    /// Whether the segment may hold the key with this BLAKE3.
    #[inline]
    #[must_use]
    pub fn may_hold(&self, key_hash: &[u8; 32]) -> bool {
        let Some((map, start)) = &self.fingerprints else {
            return self.otherwise;
        };
        let Places {
            at: [first, second, third],
            fingerprint,
        } = self.shape.places(key_hash);
        let bytes = &map[*start..];
        fingerprint == bytes[first] ^ bytes[second] ^ bytes[third]
    }
}

impl KeyFilter {
    /// What it has in common with filters that a [`crate::KeyPanel`] holds beside it; `None` where it has no fingerprints.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        self.fingerprints.is_some().then_some(self.shape)
    }

    pub(crate) fn fingerprints(&self) -> Option<&[u8]> {
        let (map, start) = self.fingerprints.as_ref()?;
        map.get(*start..*start + self.shape.len())
    }
}

/// The end of `MurmurHash3`, which spreads the bits of a number over all of it.
#[inline]
const fn mixed(mut number: u64) -> u64 {
    number ^= number >> 33;
    number = number.wrapping_mul(0xff51_afd7_ed55_8ccd);
    number ^= number >> 33;
    number = number.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^ number >> 33
}

impl Segment {
    /// Its filter of keys. Where the sidecar is damaged it says yes to everything: asking the segment tells.
    #[must_use]
    pub fn key_filter(&self) -> KeyFilter {
        let none = |otherwise| KeyFilter {
            fingerprints: None,
            shape: Shape::default(),
            otherwise,
        };
        match self.side().fingerprints(Which::Keys) {
            Ok(Some((map, start, shape))) => KeyFilter {
                fingerprints: Some((map, start)),
                shape,
                otherwise: true,
            },
            Ok(None) => none(false),
            Err(_) => none(true),
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;
    use crate::index::{Head, build};

    impl KeyFilter {
        /// The filter of the keys with these hashes.
        pub(crate) fn of(hashes: impl Iterator<Item = [u8; 32]>) -> Self {
            let made = build(hashes.map(|hash| short(&hash)).zip(0..).collect()).unwrap();
            Self {
                shape: Head::decode(&made.head).unwrap().shape(),
                fingerprints: Some((Mapped::copy_of(made.fingerprints), 0)),
                otherwise: true,
            }
        }
    }

    #[test]
    fn says_what_the_library_says() {
        for count in [1, 2, 7, 40, 1_000, 70_000_u64] {
            let hash = |n: u64| *blake3::hash(&n.to_le_bytes()).as_bytes();
            let pairs = (0..count).map(|n| (short(&hash(n)), n as u32)).collect();
            let made = build(pairs).unwrap();
            let head = Head::decode(&made.head).unwrap();
            let filter = KeyFilter {
                fingerprints: Some((Mapped::copy_of(made.fingerprints.clone()), 0)),
                shape: head.shape(),
                otherwise: true,
            };
            let mut yes = 0;
            for n in 0..count + 20_000 {
                let hash = hash(n);
                let yes_or_no = head.may_hold(short(&hash), &made.fingerprints);
                assert_eq!(filter.may_hold(&hash), yes_or_no, "{n} of {count}");
                yes += u64::from(yes_or_no);
            }
            assert!((count..count + 200).contains(&yes));
        }
    }
}
