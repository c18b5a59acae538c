//! Filters of a partition's segments side by side in memory (Z13): a lookup by key waits for memory a few times, however
//! many segments there are.
//!
//! A segment's filter is mapped from its sidecar, and asked there until a lookup has asked four that no panel holds.
//! Then those of one shape are copied into a panel. Panels follow from the sidecars; they are no part of what is on disk.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use pyralog_manifest::SegmentEntry;
use pyralog_segment::{KeyFilter, KeyPanel, Shape};
use pyralog_types::Hash;

use crate::segments::Segments;

/// Filters that are worth a panel, which is made once in so many seals.
pub(crate) const WORTH: usize = 4;
/// Segments that panels are made of: the newest of a partition.
pub(crate) const COVERED_MAX: usize = 1_024;
/// Memory of all panels, bytes: of about 56 million keys. What one replaces counts until nobody asks it.
pub(crate) const BYTES_MAX: usize = if cfg!(test) { 1 << 12 } else { 64 << 20 };

/// A panel, and the segments whose filters it holds.
#[derive(Debug)]
struct Held {
    panel: KeyPanel,
    /// Numbers of the segments, by column. One number is one file for ever, so that what is copied stays right.
    numbers: Box<[u64]>,
    /// Since memory ran short last.
    used: AtomicBool,
}

/// Segments of a list by their places, counted from the newest: a bit each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Places([u64; COVERED_MAX / 64]);

impl Places {
    #[inline]
    pub fn has(&self, place: usize) -> bool {
        let word = self.0.get(place / 64);
        word.is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    fn add(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    fn remove(&mut self, place: usize) {
        self.0[place / 64] &= !(1 << (place % 64));
    }
}

/// What panels say about the segments of one list.
#[derive(Debug, Default)]
pub(crate) struct Covered {
    /// With the place of each column's segment, which is [`COVERED_MAX`] where the list has it no more.
    panels: Vec<(Arc<Held>, Box<[usize]>)>,
    /// Segments that a panel answers for.
    pub places: Places,
}

impl Covered {
    /// Segments that panels answer for, and that do not hold the key with this BLAKE3.
    pub fn excluded(&self, key_hash: &Hash) -> Places {
        let mut excluded = self.places;
        for (held, places) in &self.panels {
            // Written once only: lookups on other processors read it, too.
            if !held.used.load(Ordering::Relaxed) {
                held.used.store(true, Ordering::Relaxed);
            }
            let mut may = held.panel.may_hold(key_hash);
            while may != 0 {
                let place = places[may.trailing_zeros() as usize];
                if place < COVERED_MAX {
                    excluded.remove(place);
                }
                may &= may - 1;
            }
        }
        excluded
    }
}

/// Places of the newest segments, by their numbers.
fn places(entries: &[Arc<SegmentEntry>]) -> HashMap<u64, usize> {
    let newest = entries.iter().rev().take(COVERED_MAX);
    newest.map(|entry| entry.number).zip(0..).collect()
}

/// The panels of all partitions.
#[derive(Default)]
pub(crate) struct Panels {
    of: Mutex<HashMap<u32, Vec<Arc<Held>>>>,
    /// Held while one is made, so that nobody else begins it too.
    making: Mutex<()>,
}

impl Panels {
    /// What there is for a list. Panels that hold nothing of it are let go.
    pub fn cover(&self, partition: u32, entries: &[Arc<SegmentEntry>]) -> Covered {
        let mut covered = Covered::default();
        let mut all = self.of.lock();
        let Some(panels) = all.get_mut(&partition) else {
            return covered;
        };
        let places = places(entries);
        panels.retain(|held| {
            held.numbers
                .iter()
                .any(|number| places.contains_key(number))
        });
        for held in panels {
            let place = |number: &u64| places.get(number).copied().unwrap_or(COVERED_MAX);
            let columns: Box<[usize]> = held.numbers.iter().map(place).collect();
            let living = columns.iter().filter(|place| **place < COVERED_MAX);
            living.for_each(|place| covered.places.add(*place));
            covered.panels.push((Arc::clone(held), columns));
        }
        covered
    }

    /// Memory of all of them, bytes.
    pub fn bytes(&self) -> usize {
        let all = self.of.lock();
        all.values().flatten().map(|held| held.panel.bytes()).sum()
    }

    /// Makes panels of filters that none holds, if there are enough of a shape. Panels that are not full take part, so that
    /// there are few. Returns whether there are others than before.
    pub fn gather(
        &self,
        (partition, entries): (u32, &[Arc<SegmentEntry>]),
        alone: impl Iterator<Item = (usize, Shape)>,
        of: &Segments,
    ) -> bool {
        let Some(_making) = self.making.try_lock() else {
            return false; // somebody does it
        };
        let mut by_shape: HashMap<Shape, Vec<usize>> = HashMap::new();
        for (place, shape) in alone {
            by_shape.entry(shape).or_default().push(place);
        }
        by_shape.retain(|_, places| places.len() >= WORTH);
        let mut changed = false;
        for (shape, mut places) in by_shape {
            let alone = places.len();
            let mut replaced = Vec::new();
            for (held, columns) in self.cover(partition, entries).panels {
                let living = columns.iter().copied().filter(|place| *place < COVERED_MAX);
                if held.panel.shape() == shape && living.clone().count() < KeyPanel::COLUMNS_MAX {
                    places.extend(living);
                    replaced.push(held);
                }
            }
            places.sort_unstable();
            let held = places.len() - alone;
            let wanted = KeyPanel::bytes_of(&shape, places.len());
            let room = self.make_room((partition, &replaced), wanted);
            if room < wanted {
                // The newest come first: most is asked of them.
                places.truncate(room / KeyPanel::bytes_of(&shape, 1) * KeyPanel::WORD);
            }
            if places.len() <= held {
                continue;
            }
            let parts = places.chunks(KeyPanel::COLUMNS_MAX);
            let made: Vec<Arc<Held>> = parts
                .filter(|places| places.len() >= WORTH)
                .filter_map(|places| make(places, entries, of))
                .collect();
            changed |= !made.is_empty();
            if !made.is_empty() {
                let mut all = self.of.lock();
                let panels = all.entry(partition).or_default();
                panels.retain(|held| !replaced.iter().any(|old| Arc::ptr_eq(old, held)));
                panels.extend(made);
            }
        }
        changed
    }

    /// Memory for panels in the place of some of a partition's, at most what is wanted. When it runs short, panels of other
    /// partitions that nobody has asked since it did so last are let go.
    fn make_room(&self, (partition, replaced): (u32, &[Arc<Held>]), wanted: usize) -> usize {
        let freed: usize = replaced.iter().map(|held| held.panel.bytes()).sum();
        let left = || (BYTES_MAX + freed).saturating_sub(self.bytes());
        if left() < wanted {
            let stays = |held: &Arc<Held>| held.used.swap(false, Ordering::Relaxed);
            let mut all = self.of.lock();
            all.retain(|number, panels| {
                panels.retain(|held| *number == partition || stays(held));
                !panels.is_empty()
            });
        }
        left().min(wanted)
    }
}

/// A panel of the segments at some places.
fn make(places: &[usize], entries: &[Arc<SegmentEntry>], of: &Segments) -> Option<Arc<Held>> {
    let entry = |&place: &usize| &entries[entries.len() - 1 - place];
    // An error comes again when the segment is asked.
    let filter = |place| Some(of.segment(entry(place)).ok()?.key_filter());
    let filters: Vec<KeyFilter> = places.iter().map(filter).collect::<Option<_>>()?;
    Some(Arc::new(Held {
        panel: KeyPanel::of(&filters.iter().collect::<Vec<_>>())?,
        numbers: places.iter().map(|place| entry(place).number).collect(),
        used: AtomicBool::new(true),
    }))
}
