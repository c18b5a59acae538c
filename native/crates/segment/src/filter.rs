//! The filter of a segment's keys apart from the segment: for callers that ask many segments for one key (H8).

use pyralog_log::Mapped;
use xorf::{BinaryFuse8, BinaryFuse8Ref, DmaSerializable, Filter, FilterRef};

use crate::Segment;
use crate::index::short;
use crate::side::Which;

/// Says no to nearly all keys that a segment does not hold, and never to one that it does. Small, so that those of many
/// segments lie side by side in memory.
#[derive(Debug)]
pub struct KeyFilter {
    fingerprints: Option<(Mapped, usize)>,
    descriptor: [u8; BinaryFuse8::DESCRIPTOR_LEN],
    length: u32,
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
        let fingerprints = &map[*start..start + self.length as usize];
        BinaryFuse8Ref::from_dma(&self.descriptor, fingerprints).contains(&short(key_hash))
    }
}

impl Segment {
    /// Its filter of keys. Where the sidecar is damaged it says yes to everything: asking the segment tells.
    #[must_use]
    pub fn key_filter(&self) -> KeyFilter {
        let none = |otherwise| KeyFilter {
            fingerprints: None,
            descriptor: [0; BinaryFuse8::DESCRIPTOR_LEN],
            length: 0,
            otherwise,
        };
        match self.side().fingerprints(Which::Keys) {
            Ok(Some((map, range, descriptor))) => KeyFilter {
                length: range.len() as u32,
                fingerprints: Some((map, range.start)),
                descriptor,
                otherwise: true,
            },
            Ok(None) => none(false),
            Err(_) => none(true),
        }
    }
}
