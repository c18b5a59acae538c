//! A partition's segments as lookups go through them: one look at what is known, and none at any lock for each segment.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use pyralog_manifest::{Manifest, PartitionVersion, SegmentEntry};
use pyralog_segment::{KeyFilter, Segment, SegmentError};
use pyralog_types::Hash;

use crate::error::HostError;
use crate::panels::{COVERED_MAX, Covered, Panels, Places, WORTH};
use crate::segments::Segments;

/// Segments that a list keeps open itself, the newest; older ones are opened through the store's.
const KEPT_OPEN: usize = COVERED_MAX;
/// Segments that all lists together keep open before they begin again.
const OPEN_MAX: usize = 4_096;
/// Segments whose own filters are asked together.
const ASKED_TOGETHER: usize = 8;

/// The segments of one version of a partition, by offset.
#[derive(Default)]
pub(crate) struct Listed {
    state: Arc<PartitionVersion>,
    /// The newest first.
    open: Box<[OnceLock<Segment>]>,
    /// Those that lookups have asked one by one.
    filters: Box<[OnceLock<KeyFilter>]>,
    covered: Covered,
    /// How many a lookup had asked when panels were gathered last.
    gathered: AtomicUsize,
}

impl Listed {
    fn new(state: &Arc<PartitionVersion>, covered: Covered) -> Self {
        let kept = state.segments().len().min(KEPT_OPEN);
        Self {
            state: Arc::clone(state),
            covered,
            gathered: AtomicUsize::new(0),
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
        let slot = self.open.get(self.place_of(at));
        if let Some(known) = slot.and_then(OnceLock::get) {
            return Ok(Cow::Borrowed(known));
        }
        let opened = of.segment(&entries[at])?;
        Ok(match slot {
            Some(slot) => Cow::Borrowed(slot.get_or_init(|| opened)),
            None => Cow::Owned(opened),
        })
    }

    /// How far behind the newest one of them is.
    fn place_of(&self, at: usize) -> usize {
        self.entries().len() - 1 - at
    }

    /// Whether a panel answers for one of them.
    pub fn is_covered(&self, at: usize) -> bool {
        self.covered.places.has(self.place_of(at))
    }

    /// Asks which of them may hold the key with this BLAKE3.
    pub fn asking<'a>(&'a self, of: &'a Segments, key_hash: &'a Hash) -> Asking<'a> {
        Asking {
            listed: self,
            of,
            key_hash,
            excluded: self.covered.excluded(key_hash),
            together: (usize::MAX, 0),
            alone: 0,
        }
    }

    /// Which of some neighbours may hold a key by their own filters: a bit each, set for those that were not asked before.
    /// One after another they would wait for memory each.
    fn may_hold_key_together(&self, number: usize, key_hash: &Hash) -> u32 {
        let first = number * ASKED_TOGETHER;
        let filters = self.filters.get(first..).unwrap_or_default();
        let mut may = u32::MAX;
        for (place, filter) in filters.iter().take(ASKED_TOGETHER).enumerate() {
            let holds = filter.get().is_none_or(|filter| filter.may_hold(key_hash));
            may &= !(u32::from(!holds) << place);
        }
        may
    }

    /// Whether one of them may hold a key, by its own filter.
    fn may_hold_key(&self, at: usize, of: &Segments, key_hash: &Hash) -> Result<bool, HostError> {
        let slot = self.filters.get(self.place_of(at));
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

/// One key on its way through the segments of a list.
pub(crate) struct Asking<'a> {
    listed: &'a Listed,
    of: &'a Segments,
    key_hash: &'a Hash,
    /// By what panels say.
    excluded: Places,
    /// Neighbours that were asked together last, by their number, and what they said.
    together: (usize, u32),
    /// Segments that no panel answered for.
    alone: usize,
}

impl Asking<'_> {
    /// Whether a segment may hold the key. Yes is wrong now and then (H8), no never is.
    #[inline]
    pub fn may_hold(&mut self, at: usize) -> Result<bool, HostError> {
        let place = self.listed.place_of(at);
        if self.listed.is_covered(at) {
            return Ok(!self.excluded.has(place));
        }
        self.alone += 1;
        let (number, bit) = (place / ASKED_TOGETHER, place % ASKED_TOGETHER);
        if self.together.0 != number {
            let may = self.listed.may_hold_key_together(number, self.key_hash);
            self.together = (number, may);
        }
        if self.together.1 >> bit & 1 == 0 {
            return Ok(false);
        }
        self.listed.may_hold_key(at, self.of, self.key_hash)
    }

    /// Whether enough filters were asked one by one that panels may be worth it, and were not gathered then.
    fn wants_panels(&self) -> bool {
        let gathered = self.listed.gathered.load(Ordering::Relaxed);
        self.alone >= WORTH && self.alone > gathered
    }
}

/// The newest list of each partition that was looked up in.
#[derive(Default)]
pub(crate) struct Lists {
    newest: RwLock<HashMap<u32, Arc<Listed>>>,
    panels: Panels,
}

impl Lists {
    /// A partition's segments now.
    pub fn newest(&self, manifest: &Manifest, partition: u32) -> Arc<Listed> {
        let version = manifest.current();
        let Some(state) = version.partition(partition) else {
            return Arc::default();
        };
        if let Some(known) = self.newest.read().get(&partition)
            && Arc::ptr_eq(&known.state, state)
        {
            return Arc::clone(known);
        }
        let covered = self.panels.cover(partition, state.segments());
        let fresh = Arc::new(Listed::new(state, covered));
        let mut lists = self.newest.write();
        if lists.values().map(|list| list.open.len()).sum::<usize>() > OPEN_MAX {
            lists.clear();
        }
        lists.insert(partition, Arc::clone(&fresh));
        fresh
    }

    /// Makes panels for a partition if one of its lookups, which is over, would have been better off with them.
    pub fn learn(&self, partition: u32, asked: &Asking<'_>) {
        if !asked.wants_panels() {
            return;
        }
        let listed = asked.listed;
        listed.gathered.store(asked.alone, Ordering::Relaxed);
        let count = listed.entries().len();
        let alone = (0..count).rev().take(COVERED_MAX);
        let alone = alone.filter(|at| !listed.is_covered(*at)).filter_map(|at| {
            // An error comes again when the segment is asked.
            let segment = listed.segment(at, asked.of).ok()?;
            Some((count - 1 - at, segment.key_filter().shape()?))
        });
        let of = (partition, listed.entries());
        if self.panels.gather(of, alone, asked.of) {
            self.newest.write().remove(&partition);
        }
    }

    /// Memory of all panels, bytes.
    pub fn panel_bytes(&self) -> usize {
        self.panels.bytes()
    }

    /// Lets go of lists, so that they do not keep files that nobody else needs.
    pub fn forget(&self) {
        let forgotten = std::mem::take(&mut *self.newest.write());
        drop(forgotten);
    }
}
