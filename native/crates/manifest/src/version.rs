//! A version: what all partitions are made of after one commit. Immutable; a reader that holds it keeps its files.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::apply::Context;
use crate::codec::{Fault, Reader, put_list, put_u32, put_u64};
use crate::edit::{Edit, NewLeaves, NewSegment, put_hashes, put_range};
use crate::error::ManifestError;
use crate::grave::Graveyard;
use crate::partition::{PartitionVersion, SegmentEntry};
use crate::policy::Policy;

/// All partitions at one version. Held in an [`Arc`], it is a pin: its files stay on disk.
#[derive(Debug, Clone, Default)]
pub struct Version {
    pub(crate) number: u64,
    pub(crate) partitions: BTreeMap<u32, Arc<PartitionVersion>>,
}

impl Version {
    /// Its number: 1 for the empty one that a manifest begins with, one more with each commit.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The partitions that were ever named, by number.
    pub fn partitions(&self) -> impl Iterator<Item = (u32, &Arc<PartitionVersion>)> {
        self.partitions
            .iter()
            .map(|(number, partition)| (*number, partition))
    }

    /// One partition.
    #[must_use]
    pub fn partition(&self, partition: u32) -> Option<&Arc<PartitionVersion>> {
        self.partitions.get(&partition)
    }

    /// The segment of a partition that answers for an offset.
    #[must_use]
    pub fn segment_at(&self, partition: u32, offset: u64) -> Option<&Arc<SegmentEntry>> {
        self.partition(partition)?.segment_at(offset)
    }

    /// Applies one edit. On an error this version is spoilt and must be thrown away.
    pub(crate) fn apply(
        &mut self,
        edit: &Edit,
        graveyard: &Arc<Graveyard>,
    ) -> Result<(), ManifestError> {
        let partition = edit.partition();
        let context = Context {
            partition,
            graveyard,
        };
        let state = Arc::make_mut(self.partitions.entry(partition).or_default());
        let outcome = match edit {
            Edit::Add { segment, .. } => state.add(context, segment),
            Edit::Replace { by, .. } => state.replace(context, by),
            Edit::Retain { to, .. } => state.retain(context, to),
            Edit::Quarantine { number, ranges, .. } => state.quarantine(*number, ranges),
            Edit::Lift { number, .. } => state.lift(*number),
            Edit::SetPolicy { policy, .. } => {
                state.policy = policy.clone();
                Ok(())
            }
            Edit::TakeOver { by, .. } => state.take_over(context, by),
        };
        outcome.map_err(|detail| ManifestError::Conflict { partition, detail })
    }

    /// Bytes of a snapshot (Y5).
    pub(crate) fn encode(&self, next_file: u64) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, next_file);
        put_u32(&mut out, self.partitions.len() as u32);
        for (number, state) in &self.partitions {
            put_u32(&mut out, *number);
            put_partition(&mut out, state);
        }
        out
    }

    /// A snapshot's version without its number, and the next number of a file.
    pub(crate) fn decode(bytes: &[u8], graveyard: &Arc<Graveyard>) -> Result<(Self, u64), Fault> {
        let mut from = Reader::new(bytes);
        let next_file = from.number()?;
        let mut version = Self::default();
        let mut last = None;
        from.list(4, |from| {
            let partition = from.u32()?;
            if last >= Some(partition) {
                return Err("has partitions out of order");
            }
            last = Some(partition);
            let context = Context {
                partition,
                graveyard,
            };
            let state = get_partition(from, context)?;
            version.partitions.insert(partition, Arc::new(state));
            Ok(())
        })?;
        from.end()?;
        Ok((version, next_file))
    }
}

fn put_partition(out: &mut Vec<u8>, state: &PartitionVersion) {
    put_u64(out, state.first_offset);
    put_u64(out, state.end_offset);
    put_u64(out, state.hashes_from);
    put_hashes(out, &state.roots);
    put_hashes(out, &state.sha256_roots);
    state.policy.put(out);
    put_list(out, &state.leaves, |out, leaves| leaves.meta.put(out));
    put_list(out, &state.segments, |out, segment| {
        let new = NewSegment {
            number: segment.number,
            meta: segment.meta,
        };
        new.put(out);
        put_list(out, &segment.quarantined, put_range);
    });
}

type Quarantined = (NewSegment, Vec<Range<u64>>);

fn get_partition(from: &mut Reader<'_>, context: Context<'_>) -> Result<PartitionVersion, Fault> {
    let mut state = PartitionVersion {
        first_offset: from.u64()?,
        end_offset: from.u64()?,
        hashes_from: from.u64()?,
        roots: from.list(32, Reader::hash)?,
        sha256_roots: from.list(32, Reader::hash)?,
        policy: Policy::get(from)?,
        ..PartitionVersion::default()
    };
    let leaves = from.list(NewLeaves::BYTES, NewLeaves::get)?;
    let segments: Vec<Quarantined> = from.list(NewSegment::BYTES, |from| {
        let segment = NewSegment::get(from)?;
        Ok((segment, from.list(16, Reader::range)?))
    })?;
    state
        .restore(context, &leaves, &segments)
        .map_err(|_| "has a partition that contradicts itself")?;
    Ok(state)
}
