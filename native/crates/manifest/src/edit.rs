//! What can be said about the segments of a store: the edits, and their bytes (Y5).

use std::ops::Range;

use pyralog_segment::SegmentMeta;
use pyralog_types::Hash;

use crate::codec::{Fault, Reader, put_list, put_u32, put_u64};
use crate::policy::Policy;
use crate::take_over::TakeOver;

/// A segment and the number its files are named by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSegment {
    /// From [`crate::Manifest::reserve`]; no two files of a store ever have the same.
    pub number: u64,
    /// What the segment holds.
    pub meta: SegmentMeta,
}

/// A file of leaf hashes of rows that are in no segment any more (Y9), and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLeaves {
    /// From [`crate::Manifest::reserve`].
    pub number: u64,
    /// First offset whose hash it holds.
    pub base_offset: u64,
    /// First offset behind them.
    pub end_offset: u64,
    /// Whether it holds the SHA-256 leaf hashes too (M3).
    pub sha256: bool,
    /// BLAKE3 of the file.
    pub hash: Hash,
}

/// What replaces what, at once (Y6): compaction, ageing, repair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replacement {
    /// Numbers of the segments and leaves files that go.
    pub removed: Vec<u64>,
    /// Segments that come.
    pub segments: Vec<NewSegment>,
    /// Leaves files that come.
    pub leaves: Vec<NewLeaves>,
}

/// The beginning of a partition moves (Y7).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// First offset whose row is kept; segments before it go.
    pub first_offset: u64,
    /// First offset whose leaf hash is kept; leaves files before it go.
    pub hashes_from: u64,
    /// Roots of the maximal complete subtrees of the leaves before `hashes_from`, leftmost (largest) first: one for each
    /// bit of it.
    pub roots: Vec<Hash>,
    /// The same of the SHA-256 tree; empty when the partition keeps none.
    pub sha256_roots: Vec<Hash>,
    /// Leaf hashes of the rows that go now.
    pub leaves: Vec<NewLeaves>,
}

/// One change. The edits of one commit are applied together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A segment was sealed at the end of a partition.
    Add {
        /// The partition.
        partition: u32,
        /// Begins where the partition ended.
        segment: NewSegment,
    },
    /// Files of a partition are replaced.
    Replace {
        /// The partition.
        partition: u32,
        /// By what.
        by: Replacement,
    },
    /// Rows, or hashes, at the beginning of a partition are dropped.
    Retain {
        /// The partition.
        partition: u32,
        /// Up to where.
        to: Retention,
    },
    /// Ranges of offsets of a segment cannot be read (Y8).
    Quarantine {
        /// The partition.
        partition: u32,
        /// The segment.
        number: u64,
        /// In order, apart from each other; they replace what was quarantined of it before.
        ranges: Vec<Range<u64>>,
    },
    /// A segment can be read again as a whole.
    Lift {
        /// The partition.
        partition: u32,
        /// The segment.
        number: u64,
    },
    /// How long a partition keeps what.
    SetPolicy {
        /// The partition.
        partition: u32,
        /// Takes the place of the one before.
        policy: Policy,
    },
    /// What another replica sealed takes the place of a partition's files (Y18).
    TakeOver {
        /// The partition.
        partition: u32,
        /// What it is then.
        by: TakeOver,
    },
}

const ADD: u8 = 1;
const REPLACE: u8 = 2;
const RETAIN: u8 = 3;
const QUARANTINE: u8 = 4;
const LIFT: u8 = 5;
const POLICY: u8 = 6;
const TAKE_OVER: u8 = 7;

impl NewSegment {
    pub(crate) const BYTES: usize = 8 + SegmentMeta::BYTES;

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_u64(out, self.number);
        out.extend_from_slice(&self.meta.encode());
    }

    pub(crate) fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let number = from.number()?;
        let meta = SegmentMeta::decode(from.take(SegmentMeta::BYTES)?)
            .map_err(|_| "has figures that no segment has")?;
        Ok(Self { number, meta })
    }
}

impl NewLeaves {
    pub(crate) const BYTES: usize = 8 * 3 + 1 + 32;

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_u64(out, self.number);
        put_u64(out, self.base_offset);
        put_u64(out, self.end_offset);
        out.push(u8::from(self.sha256));
        out.extend_from_slice(&self.hash);
    }

    pub(crate) fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            number: from.number()?,
            base_offset: from.u64()?,
            end_offset: from.u64()?,
            sha256: from.flag()?,
            hash: from.hash()?,
        })
    }
}

pub(crate) fn put_range(out: &mut Vec<u8>, range: &Range<u64>) {
    put_u64(out, range.start);
    put_u64(out, range.end);
}

pub(crate) fn put_hashes(out: &mut Vec<u8>, hashes: &[Hash]) {
    put_list(out, hashes, |out, hash| out.extend_from_slice(hash));
}

impl Retention {
    fn put(&self, out: &mut Vec<u8>) {
        put_u64(out, self.first_offset);
        put_u64(out, self.hashes_from);
        put_hashes(out, &self.roots);
        put_hashes(out, &self.sha256_roots);
        put_list(out, &self.leaves, |out, leaves| leaves.put(out));
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            first_offset: from.u64()?,
            hashes_from: from.u64()?,
            roots: from.list(32, Reader::hash)?,
            sha256_roots: from.list(32, Reader::hash)?,
            leaves: from.list(NewLeaves::BYTES, NewLeaves::get)?,
        })
    }
}

impl Replacement {
    fn put(&self, out: &mut Vec<u8>) {
        put_list(out, &self.removed, |out, number| put_u64(out, *number));
        put_list(out, &self.segments, |out, segment| segment.put(out));
        put_list(out, &self.leaves, |out, leaves| leaves.put(out));
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            removed: from.list(8, Reader::u64)?,
            segments: from.list(NewSegment::BYTES, NewSegment::get)?,
            leaves: from.list(NewLeaves::BYTES, NewLeaves::get)?,
        })
    }
}

impl Edit {
    /// The partition it is about.
    #[must_use]
    pub fn partition(&self) -> u32 {
        match self {
            Self::Add { partition, .. }
            | Self::Replace { partition, .. }
            | Self::Retain { partition, .. }
            | Self::Quarantine { partition, .. }
            | Self::Lift { partition, .. }
            | Self::SetPolicy { partition, .. }
            | Self::TakeOver { partition, .. } => *partition,
        }
    }

    /// Numbers of the files that it brings.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        let (segments, leaves): (&[NewSegment], &[NewLeaves]) = match self {
            Self::Add { segment, .. } => (std::slice::from_ref(segment), &[]),
            Self::Replace { by, .. } => (&by.segments, &by.leaves),
            Self::Retain { to, .. } => (&[], &to.leaves),
            Self::TakeOver { by, .. } => (&by.segments, &by.leaves),
            _ => (&[], &[]),
        };
        let segments = segments.iter().map(|segment| segment.number);
        segments
            .chain(leaves.iter().map(|leaves| leaves.number))
            .collect()
    }

    /// One more than the greatest of them; 0 when there are none.
    pub(crate) fn numbers_end(&self) -> u64 {
        let greatest = self.numbers().into_iter().max();
        greatest.map_or(0, |number| number.saturating_add(1))
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let kind = match self {
            Self::Add { .. } => ADD,
            Self::Replace { .. } => REPLACE,
            Self::Retain { .. } => RETAIN,
            Self::Quarantine { .. } => QUARANTINE,
            Self::Lift { .. } => LIFT,
            Self::SetPolicy { .. } => POLICY,
            Self::TakeOver { .. } => TAKE_OVER,
        };
        out.push(kind);
        put_u32(out, self.partition());
        match self {
            Self::Add { segment, .. } => segment.put(out),
            Self::Replace { by, .. } => by.put(out),
            Self::Retain { to, .. } => to.put(out),
            Self::Quarantine { number, ranges, .. } => {
                put_u64(out, *number);
                put_list(out, ranges, put_range);
            }
            Self::Lift { number, .. } => put_u64(out, *number),
            Self::SetPolicy { policy, .. } => policy.put(out),
            Self::TakeOver { by, .. } => by.put(out),
        }
    }

    pub(crate) fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let kind = from.u8()?;
        let partition = from.u32()?;
        Ok(match kind {
            ADD => Self::Add {
                partition,
                segment: NewSegment::get(from)?,
            },
            REPLACE => Self::Replace {
                partition,
                by: Replacement::get(from)?,
            },
            RETAIN => Self::Retain {
                partition,
                to: Retention::get(from)?,
            },
            QUARANTINE => Self::Quarantine {
                partition,
                number: from.u64()?,
                ranges: from.list(16, Reader::range)?,
            },
            LIFT => Self::Lift {
                partition,
                number: from.u64()?,
            },
            POLICY => Self::SetPolicy {
                partition,
                policy: Policy::get(from)?,
            },
            TAKE_OVER => Self::TakeOver {
                partition,
                by: TakeOver::get(from)?,
            },
            _ => return Err("is of a kind that this version does not know"),
        })
    }
}

/// Bytes of a commit's edits.
pub(crate) fn encode_edits(edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::new();
    for edit in edits {
        edit.put(&mut out);
    }
    out
}

/// Edits of a commit; at least one.
pub(crate) fn decode_edits(bytes: &[u8]) -> Result<Vec<Edit>, Fault> {
    let mut from = Reader::new(bytes);
    let mut edits = Vec::new();
    while !from.is_empty() {
        edits.push(Edit::get(&mut from)?);
    }
    if edits.is_empty() {
        return Err("is missing");
    }
    Ok(edits)
}
