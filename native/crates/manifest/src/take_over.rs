//! A partition taken over from another replica at once (Y18).

use std::collections::BTreeSet;

use pyralog_types::Hash;

use crate::apply::{Context, Refusal, check_segment};
use crate::codec::{Fault, Reader, put_list, put_u64};
use crate::edit::{NewLeaves, NewSegment, put_hashes};
use crate::partition::PartitionVersion;

/// A partition as another replica has it, in place of what was here (Y18). Files that are here already are kept by number,
/// the others come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakeOver {
    /// First offset whose row is kept.
    pub first_offset: u64,
    /// First offset behind everything that was ever sealed; never less than before.
    pub end_offset: u64,
    /// First offset whose leaf hash is kept.
    pub hashes_from: u64,
    /// As in [`crate::Retention`].
    pub roots: Vec<Hash>,
    /// As in [`crate::Retention`].
    pub sha256_roots: Vec<Hash>,
    /// Numbers of the segments and leaves files that stay; all others go.
    pub kept: Vec<u64>,
    /// Segments that come.
    pub segments: Vec<NewSegment>,
    /// Leaves files that come.
    pub leaves: Vec<NewLeaves>,
}

impl TakeOver {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_u64(out, self.first_offset);
        put_u64(out, self.end_offset);
        put_u64(out, self.hashes_from);
        put_hashes(out, &self.roots);
        put_hashes(out, &self.sha256_roots);
        put_list(out, &self.kept, |out, number| put_u64(out, *number));
        put_list(out, &self.segments, |out, segment| segment.put(out));
        put_list(out, &self.leaves, |out, leaves| leaves.put(out));
    }

    pub(crate) fn get(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            first_offset: from.u64()?,
            end_offset: from.u64()?,
            hashes_from: from.u64()?,
            roots: from.list(32, Reader::hash)?,
            sha256_roots: from.list(32, Reader::hash)?,
            kept: from.list(8, Reader::u64)?,
            segments: from.list(NewSegment::BYTES, NewSegment::get)?,
            leaves: from.list(NewLeaves::BYTES, NewLeaves::get)?,
        })
    }
}

impl PartitionVersion {
    /// Another replica's part takes the place of this one's (Y18): what that retained or removed does not bind it, for it is
    /// the same log; what was sealed does.
    pub(crate) fn take_over(&mut self, context: Context<'_>, by: &TakeOver) -> Result<(), Refusal> {
        if by.end_offset < self.end_offset {
            let end = self.end_offset;
            return Err(format!("it is sealed up to {end}, which is further"));
        }
        let kept: BTreeSet<u64> = by.kept.iter().copied().collect();
        if let Some(number) = kept.iter().find(|number| !self.knows(**number)) {
            return Err(format!("file {number} is not there"));
        }
        self.segments.retain(|old| kept.contains(&old.number));
        self.leaves.retain(|old| kept.contains(&old.meta.number));
        self.first_offset = by.first_offset;
        self.end_offset = by.end_offset;
        self.hashes_from = by.hashes_from;
        self.roots.clone_from(&by.roots);
        self.sha256_roots.clone_from(&by.sha256_roots);
        for new in &by.segments {
            check_segment(new)?;
            if self.knows(new.number) {
                return Err(format!("number {} is taken", new.number));
            }
            let at = self
                .segments
                .partition_point(|old| old.meta.base_offset < new.meta.base_offset);
            self.segments.insert(at, context.segment(new));
        }
        self.insert_leaves(context, &by.leaves)?;
        self.check_bounds()?;
        self.check()
    }
}
