//! A partition's segments as lookups go through them: one look at what is known, and none at any lock for each segment.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use pyralog_manifest::{Manifest, PartitionVersion, SegmentEntry};
use pyralog_segment::{KeyFilter, Segment, SegmentError};
use pyralog_types::Hash;

use crate::error::HostError;
use crate::segments::Segments;

/// Segments that a list keeps open itself, the newest; older ones are opened through the store's.
const KEPT_OPEN: usize = 1_024;
/// Segments that all lists together keep open before they begin again.
const OPEN_MAX: usize = 4_096;
/// Segments whose filters are asked together.
pub(crate) const ASKED_TOGETHER: usize = 8;

/// The segments of one version of a partition, by offset.
#[derive(Default)]
pub(crate) struct Listed {
    state: Arc<PartitionVersion>,
    /// The newest first.
    open: Box<[OnceLock<Segment>]>,
    filters: Box<[OnceLock<KeyFilter>]>,
}

impl Listed {
    fn new(state: &Arc<PartitionVersion>) -> Self {
        let kept = state.segments().len().min(KEPT_OPEN);
        Self {
            state: Arc::clone(state),
            open: (0..kept).map(|_| OnceLock::new()).collect(),
            filters: (0..kept).map(|_| OnceLock::new()).collect(),
        }
    }

    pub fn entries(&self) -> &[Arc<SegmentEntry>] {
        self.state.segments()
    }

    /// Where one of them begins; behind the last, where the sealed records end.
    pub fn base_offset(&self, at: usize) -> u64 {
        let entry = self.entries().get(at);
        entry.map_or(self.state.end_offset(), |entry| entry.meta.base_offset)
    }

    /// First offset that retention left.
    pub fn first_offset(&self) -> u64 {
        self.state.first_offset()
    }

    /// One of them, opened.
    pub fn segment(&self, at: usize, of: &Segments) -> Result<Cow<'_, Segment>, HostError> {
        let entries = self.entries();
        let slot = self.open.get(entries.len() - 1 - at);
        if let Some(known) = slot.and_then(OnceLock::get) {
            return Ok(Cow::Borrowed(known));
        }
        let opened = of.segment(&entries[at])?;
        Ok(match slot {
            Some(slot) => Cow::Borrowed(slot.get_or_init(|| opened)),
            None => Cow::Owned(opened),
        })
    }

    /// Which of the segments before `end` may hold the key with this BLAKE3: a bit each, the lowest for the newest, for up to
    /// [`ASKED_TOGETHER`]. Set for those that were not asked before. One after another they would wait for memory each.
    pub fn may_hold_key_before(&self, end: usize, key_hash: &Hash) -> u32 {
        let newest = self.entries().len() - end;
        let filters = self.filters.get(newest..).unwrap_or_default();
        let mut may = u32::MAX;
        for (place, filter) in filters.iter().take(ASKED_TOGETHER).enumerate() {
            let holds = filter.get().is_none_or(|filter| filter.may_hold(key_hash));
            may &= !(u32::from(!holds) << place);
        }
        may
    }

    /// Whether one of them may hold the key with this BLAKE3.
    pub fn may_hold_key(
        &self,
        at: usize,
        of: &Segments,
        key_hash: &Hash,
    ) -> Result<bool, HostError> {
        let slot = self.filters.get(self.entries().len() - 1 - at);
        if let Some(known) = slot.and_then(OnceLock::get) {
            return Ok(known.may_hold(key_hash));
        }
        let filter = self.segment(at, of)?.key_filter();
        let answer = filter.may_hold(key_hash);
        if let Some(slot) = slot {
            slot.get_or_init(|| filter);
        }
        Ok(answer)
    }

    /// Asks one of them. A sidecar that turns out damaged is made again from its segment, and asked once more (H9).
    pub fn ask<T>(
        &self,
        at: usize,
        of: &Segments,
        ask: impl Fn(&Segment) -> Result<T, SegmentError>,
    ) -> Result<T, HostError> {
        match ask(self.segment(at, of)?.as_ref()) {
            Err(SegmentError::Side { .. }) => Ok(ask(&of.mend_side(&self.entries()[at])?)?),
            other => Ok(other?),
        }
    }
}

/// The newest list of each partition that was looked up in.
#[derive(Default)]
pub(crate) struct Lists(RwLock<HashMap<u32, Arc<Listed>>>);

impl Lists {
    /// A partition's segments now.
    pub fn newest(&self, manifest: &Manifest, partition: u32) -> Arc<Listed> {
        let version = manifest.current();
        let Some(state) = version.partition(partition) else {
            return Arc::default();
        };
        if let Some(known) = self.0.read().get(&partition)
            && Arc::ptr_eq(&known.state, state)
        {
            return Arc::clone(known);
        }
        let fresh = Arc::new(Listed::new(state));
        let mut lists = self.0.write();
        if lists.values().map(|list| list.open.len()).sum::<usize>() > OPEN_MAX {
            lists.clear();
        }
        lists.insert(partition, Arc::clone(&fresh));
        fresh
    }

    /// Lets go of lists, so that they do not keep files that nobody else needs.
    pub fn forget(&self) {
        let forgotten = std::mem::take(&mut *self.0.write());
        drop(forgotten);
    }
}
