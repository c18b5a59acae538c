//! What a leader offers of a partition: the files of its newest seal point, and figures to check them by (RF15).

use pyralog_log::Membership;
use pyralog_manifest::NewLeaves;
use pyralog_segment::SegmentMeta;
use pyralog_types::Hash;

use super::LIST_BYTES_MAX;
use crate::cluster::wire::{BadMessage, Reader, Writer};

const VERSION: u8 = 1;

/// What Raft's message says of a snapshot: which list of files to fetch. The list may be longer than such a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// Bytes of the list.
    pub length: u32,
    /// BLAKE3 of the list, which it is fetched by.
    pub hash: Hash,
}

impl Told {
    pub fn of(list: &[u8]) -> Self {
        Self {
            length: list.len() as u32,
            hash: *blake3::hash(list).as_bytes(),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::new());
        out.u8(VERSION).u32(self.length).bytes(&self.hash);
        out.0
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let mut from = Reader(bytes);
        let known = from.u8()? == VERSION;
        let told = Self {
            length: from.u32()?,
            hash: from.array()?,
        };
        let plain = known && from.0.is_empty() && told.length <= LIST_BYTES_MAX;
        plain.then_some(told).ok_or(BadMessage)
    }
}

/// A file of submissions that the window reaches back to (Z5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeenFile {
    /// Size at its seal point.
    pub size: u64,
    pub length: u64,
    /// BLAKE3 of the file.
    pub hash: Hash,
}

/// A file of leaf hashes (Y9); the number in it is the leader's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeavesFigures {
    pub meta: NewLeaves,
    pub length: u64,
}

/// The files of a partition at a seal point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileList {
    pub partition: u32,
    /// Newest entry in it, and its term.
    pub index: u64,
    pub term: u64,
    /// As in the manifest (Y5).
    pub first_offset: u64,
    pub end_offset: u64,
    pub hashes_from: u64,
    pub roots: Vec<Hash>,
    pub sha256_roots: Vec<Hash>,
    /// Roots of both trees at the end.
    pub root: Hash,
    pub sha256_root: Option<Hash>,
    pub segments: Vec<SegmentMeta>,
    pub leaves: Vec<LeavesFigures>,
    /// Oldest first; the last is that of the seal point.
    pub seen: Vec<SeenFile>,
}

fn put_all<T>(out: &mut Writer, items: &[T], put: impl Fn(&mut Writer, &T)) {
    out.u32(items.len() as u32);
    for item in items {
        put(out, item);
    }
}

fn take_hashes(from: &mut Reader<'_>) -> Result<Vec<Hash>, BadMessage> {
    let count = from.u32()?;
    (0..count).map(|_| from.array()).collect()
}

fn take_all<T>(
    from: &mut Reader<'_>,
    take: impl Fn(&mut Reader<'_>) -> Result<T, BadMessage>,
) -> Result<Vec<T>, BadMessage> {
    // Nothing is reserved for a count that somebody else says.
    let count = from.u32()?;
    (0..count).map(|_| take(from)).collect()
}

impl FileList {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::new());
        out.u8(VERSION).u32(self.partition);
        for word in [
            self.index,
            self.term,
            self.first_offset,
            self.end_offset,
            self.hashes_from,
        ] {
            out.u64(word);
        }
        for roots in [&self.roots, &self.sha256_roots] {
            put_all(&mut out, roots, |out, root| {
                out.bytes(root);
            });
        }
        out.bytes(&self.root);
        out.option(self.sha256_root.as_ref(), |out, root| out.bytes(root));
        put_all(&mut out, &self.segments, |out, meta| {
            out.bytes(&meta.encode());
        });
        put_all(
            &mut out,
            &self.leaves,
            |out, LeavesFigures { meta, length }| {
                out.u64(meta.base_offset).u64(meta.end_offset);
                out.u8(u8::from(meta.sha256)).u64(*length).bytes(&meta.hash);
            },
        );
        put_all(&mut out, &self.seen, |out, seen| {
            out.u64(seen.size).u64(seen.length).bytes(&seen.hash);
        });
        out.0
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let mut from = Reader(bytes);
        if from.u8()? != VERSION {
            return Err(BadMessage);
        }
        let list = Self {
            partition: from.u32()?,
            index: from.u64()?,
            term: from.u64()?,
            first_offset: from.u64()?,
            end_offset: from.u64()?,
            hashes_from: from.u64()?,
            roots: take_hashes(&mut from)?,
            sha256_roots: take_hashes(&mut from)?,
            root: from.array()?,
            sha256_root: from.option(Reader::array)?,
            segments: take_all(&mut from, |from| {
                let meta = from.take(SegmentMeta::BYTES)?;
                SegmentMeta::decode(meta).map_err(|_| BadMessage)
            })?,
            leaves: take_all(&mut from, take_leaves)?,
            seen: take_all(&mut from, |from| {
                Ok(SeenFile {
                    size: from.u64()?,
                    length: from.u64()?,
                    hash: from.array()?,
                })
            })?,
        };
        let ends = list.seen.last().map(|seen| seen.size) == Some(list.end_offset);
        (from.0.is_empty() && ends)
            .then_some(list)
            .ok_or(BadMessage)
    }
}

fn take_leaves(from: &mut Reader<'_>) -> Result<LeavesFigures, BadMessage> {
    let (base_offset, end_offset) = (from.u64()?, from.u64()?);
    let (sha256, length, hash) = (from.flag()?, from.u64()?, from.array()?);
    let meta = NewLeaves {
        number: 0,
        base_offset,
        end_offset,
        sha256,
        hash,
    };
    Ok(LeavesFigures { meta, length })
}

/// A snapshot that a leader told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offered {
    pub from: u16,
    pub index: u64,
    pub term: u64,
    /// The members as of that index.
    pub members: Membership,
    pub told: Told,
}
