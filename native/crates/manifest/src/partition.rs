//! A partition's segments at one version: what a reader asks of it.

use std::ops::Range;
use std::sync::Arc;

use pyralog_segment::SegmentMeta;
use pyralog_types::Hash;

use crate::edit::NewLeaves;
use crate::grave::FileToken;
use crate::names::file_name;
use crate::policy::Policy;

/// A segment that a version names. Its files stay on disk as long as this lives.
#[derive(Debug, Clone)]
pub struct SegmentEntry {
    /// What its files are named by.
    pub number: u64,
    /// What it holds.
    pub meta: SegmentMeta,
    /// Ranges of offsets that cannot be read (Y8), in order.
    pub quarantined: Vec<Range<u64>>,
    pub(crate) partition: u32,
    pub(crate) token: Arc<FileToken>,
}

/// A file of leaf hashes that a version names (Y9).
#[derive(Debug, Clone)]
pub struct LeavesEntry {
    /// What it holds, and its number.
    pub meta: NewLeaves,
    pub(crate) partition: u32,
    pub(crate) token: Arc<FileToken>,
}

/// A partition at one version.
#[derive(Debug, Clone, Default)]
pub struct PartitionVersion {
    pub(crate) segments: Vec<Arc<SegmentEntry>>,
    pub(crate) leaves: Vec<Arc<LeavesEntry>>,
    pub(crate) first_offset: u64,
    pub(crate) end_offset: u64,
    pub(crate) hashes_from: u64,
    pub(crate) roots: Vec<Hash>,
    pub(crate) sha256_roots: Vec<Hash>,
    pub(crate) policy: Policy,
}

impl SegmentEntry {
    /// The partition it is of.
    #[must_use]
    pub fn partition(&self) -> u32 {
        self.partition
    }

    /// Name of its files in the directory of segments, without their endings.
    #[must_use]
    pub fn name(&self) -> String {
        file_name(self.partition, self.number)
    }

    /// The quarantined range an offset is in.
    #[must_use]
    pub fn quarantine_of(&self, offset: u64) -> Option<&Range<u64>> {
        self.quarantined
            .iter()
            .find(|range| range.contains(&offset))
    }

    /// The offsets it answers for.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.meta.base_offset..self.meta.end_offset
    }
}

impl LeavesEntry {
    /// The partition it is of.
    #[must_use]
    pub fn partition(&self) -> u32 {
        self.partition
    }

    /// Name of its file in the directory of segments, without its ending.
    #[must_use]
    pub fn name(&self) -> String {
        file_name(self.partition, self.meta.number)
    }

    /// The offsets whose hashes it holds.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.meta.base_offset..self.meta.end_offset
    }
}

impl PartitionVersion {
    /// The segments, by offset.
    #[must_use]
    pub fn segments(&self) -> &[Arc<SegmentEntry>] {
        &self.segments
    }

    /// The files of leaf hashes, by offset.
    #[must_use]
    pub fn leaves(&self) -> &[Arc<LeavesEntry>] {
        &self.leaves
    }

    /// First offset whose row is kept.
    #[must_use]
    pub fn first_offset(&self) -> u64 {
        self.first_offset
    }

    /// First offset behind everything that was ever sealed.
    #[must_use]
    pub fn end_offset(&self) -> u64 {
        self.end_offset
    }

    /// First offset whose leaf hash is kept; before it only [`PartitionVersion::roots`] are.
    #[must_use]
    pub fn hashes_from(&self) -> u64 {
        self.hashes_from
    }

    /// Roots of the maximal complete subtrees of the leaves before [`PartitionVersion::hashes_from`], leftmost first.
    #[must_use]
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// The same of the SHA-256 tree.
    #[must_use]
    pub fn sha256_roots(&self) -> &[Hash] {
        &self.sha256_roots
    }

    /// How long what is kept.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The segment that answers for an offset; `None` when it is outside, or in a gap that compaction left.
    #[must_use]
    pub fn segment_at(&self, offset: u64) -> Option<&Arc<SegmentEntry>> {
        let behind = self
            .segments
            .partition_point(|segment| segment.meta.base_offset <= offset);
        let found = &self.segments[behind.checked_sub(1)?];
        (offset < found.meta.end_offset).then_some(found)
    }

    /// The leaves file that holds the hash of an offset whose row may be gone.
    #[must_use]
    pub fn leaves_at(&self, offset: u64) -> Option<&Arc<LeavesEntry>> {
        let behind = self
            .leaves
            .partition_point(|leaves| leaves.meta.base_offset <= offset);
        let found = &self.leaves[behind.checked_sub(1)?];
        (offset < found.meta.end_offset).then_some(found)
    }

    /// Bytes of keys, values and headers in all segments.
    #[must_use]
    pub fn raw_bytes(&self) -> u64 {
        let bytes = self.segments.iter().map(|segment| segment.meta.raw_bytes);
        bytes.fold(0, u64::saturating_add)
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = (u64, &Arc<FileToken>)> {
        let segments = self
            .segments
            .iter()
            .map(|segment| (segment.number, &segment.token));
        let leaves = self
            .leaves
            .iter()
            .map(|leaves| (leaves.meta.number, &leaves.token));
        segments.chain(leaves)
    }
}
