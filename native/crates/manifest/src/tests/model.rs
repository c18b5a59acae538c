//! A plain model of a partition beside the real thing: random edits, valid and not, and every offset looked up.

use std::collections::BTreeMap;

use proptest::prelude::*;
use pyralog_log::FaultFiles;

use super::{meta, open_with, options, retention};
use crate::{Edit, Manifest, ManifestOptions, NewLeaves, NewSegment, Replacement};

/// What one offset's row and leaf hash are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Cell {
    segment: Option<u64>,
    leaves: Option<u64>,
    quarantined: bool,
}

#[derive(Debug, Default, Clone)]
struct Model {
    cells: Vec<Cell>,
    first: u64,
    hashes_from: u64,
    compacted: BTreeMap<u64, bool>,
}

#[derive(Debug, Clone)]
enum Step {
    Add(u32),
    /// Merges the n-th segment with up to so many behind it; compacts them at the same time or not.
    Merge(usize, usize, bool),
    /// Drops so many segments, and the hashes up to a fraction (of 8) of what is then dropped.
    Retain(usize, u64),
    Quarantine(usize, u64, u64),
    Lift(usize),
    Reopen,
    Rewrite,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u32..9).prop_map(Step::Add),
        3 => (0_usize..6, 0_usize..3, any::<bool>()).prop_map(|(at, more, compact)| Step::Merge(at, more, compact)),
        2 => (0_usize..4, 0_u64..9).prop_map(|(count, part)| Step::Retain(count, part)),
        2 => (0_usize..6, 0_u64..9, 1_u64..4).prop_map(|(at, start, length)| Step::Quarantine(at, start, length)),
        1 => (0_usize..6).prop_map(Step::Lift),
        1 => Just(Step::Reopen),
        1 => Just(Step::Rewrite),
    ]
}

struct Pair {
    disk: FaultFiles,
    manifest: std::sync::Arc<Manifest>,
    model: Model,
}

fn rewriting() -> ManifestOptions {
    ManifestOptions {
        rewrite_bytes: 700,
        ..options()
    }
}

impl Pair {
    fn new() -> Self {
        let disk = FaultFiles::new(3);
        let manifest = open_with(&disk, &rewriting()).unwrap().manifest;
        Self {
            disk,
            manifest,
            model: Model::default(),
        }
    }

    /// Runs of segments as the model knows them: number and range.
    fn runs(&self) -> Vec<(u64, std::ops::Range<u64>)> {
        let mut runs: Vec<(u64, std::ops::Range<u64>)> = Vec::new();
        for (offset, cell) in (0_u64..).zip(&self.model.cells) {
            let Some(number) = cell.segment else { continue };
            match runs.last_mut() {
                Some((last, range)) if *last == number => range.end = offset + 1,
                _ => runs.push((number, offset..offset + 1)),
            }
        }
        runs
    }

    fn set(&mut self, range: std::ops::Range<u64>, change: impl Fn(&mut Cell)) {
        for cell in &mut self.model.cells[range.start as usize..range.end as usize] {
            change(cell);
        }
    }

    fn leaves(&self, range: &std::ops::Range<u64>) -> NewLeaves {
        super::new_leaves(&self.manifest, range.start, range.end)
    }

    fn play(&mut self, step: &Step) {
        match *step {
            Step::Add(rows) => {
                let base = self.model.cells.len() as u64;
                let segment = NewSegment {
                    number: self.manifest.reserve(),
                    meta: meta(base, rows),
                };
                let number = segment.number;
                self.manifest
                    .commit(&[Edit::Add {
                        partition: 1,
                        segment,
                    }])
                    .unwrap();
                let cell = Cell {
                    segment: Some(number),
                    ..Cell::default()
                };
                self.model
                    .cells
                    .extend(std::iter::repeat_n(cell, rows as usize));
                self.model.compacted.insert(number, false);
            }
            Step::Merge(at, more, compact) => self.merge(at, more, compact),
            Step::Retain(count, part) => self.retain(count, part),
            Step::Quarantine(at, start, length) => {
                let Some((number, range)) = self.runs().get(at).cloned() else {
                    return;
                };
                let bad = range.start + start..range.start + start + length;
                let edit = Edit::Quarantine {
                    partition: 1,
                    number,
                    ranges: vec![bad.clone()],
                };
                let taken = self.manifest.commit(&[edit]).is_ok();
                assert_eq!(taken, bad.end <= range.end);
                if taken {
                    self.set(range, |cell| cell.quarantined = false);
                    self.set(bad, |cell| cell.quarantined = true);
                }
            }
            Step::Lift(at) => {
                let Some((number, range)) = self.runs().get(at).cloned() else {
                    return;
                };
                let any = self.model.cells[range.start as usize..range.end as usize]
                    .iter()
                    .any(|cell| cell.quarantined);
                let edit = Edit::Lift {
                    partition: 1,
                    number,
                };
                assert_eq!(self.manifest.commit(&[edit]).is_ok(), any);
                self.set(range, |cell| cell.quarantined = false);
            }
            Step::Reopen => {
                let number = self.manifest.current().number();
                self.manifest = open_with(&self.disk, &rewriting()).unwrap().manifest;
                assert_eq!(self.manifest.current().number(), number);
            }
            Step::Rewrite => self.manifest.compact().unwrap(),
        }
    }

    fn merge(&mut self, at: usize, more: usize, compact: bool) {
        let runs = self.runs();
        let Some(first) = runs.get(at) else { return };
        let last = &runs[(at + more).min(runs.len() - 1)];
        let inputs = &runs[at..=(at + more).min(runs.len() - 1)];
        let removed: Vec<u64> = inputs.iter().map(|(number, _)| *number).collect();
        let range = first.1.start..last.1.end;
        let was = inputs
            .iter()
            .any(|(number, _)| self.model.compacted[number]);
        let mut meta = meta(range.start, (range.end - range.start) as u32);
        meta.compacted = compact || was;
        let number = self.manifest.reserve();
        // Whatever hashes a leaves file holds already it goes on holding; the others come into new ones.
        let bare = |cell: &Cell| cell.leaves.is_none();
        let mut leaves = Vec::new();
        if meta.compacted {
            let mut at = range.start;
            while at < range.end {
                let end = (at..range.end)
                    .find(|offset| !bare(&self.model.cells[*offset as usize]))
                    .unwrap_or(range.end);
                if end > at {
                    leaves.push(self.leaves(&(at..end)));
                }
                at = end + 1;
            }
        }
        let by = Replacement {
            removed,
            segments: vec![NewSegment { number, meta }],
            leaves: leaves.clone(),
        };
        self.manifest
            .commit(&[Edit::Replace { partition: 1, by }])
            .unwrap();
        self.model.compacted.insert(number, meta.compacted);
        self.set(range, |cell| {
            cell.segment = Some(number);
            cell.quarantined = false;
        });
        for file in leaves {
            self.set(file.base_offset..file.end_offset, |cell| {
                cell.leaves = Some(file.number);
            });
        }
    }

    fn retain(&mut self, count: usize, part: u64) {
        let runs = self.runs();
        let Some((_, last)) = count.checked_sub(1).and_then(|count| runs.get(count)) else {
            return;
        };
        let first = last.end;
        let hashes = self.model.hashes_from + (first - self.model.hashes_from) * part.min(8) / 8;
        let mut leaves = Vec::new();
        for (number, range) in runs.iter().take(count) {
            if !self.model.compacted[number] {
                let overlaps = self.model.cells[range.start as usize..range.end as usize]
                    .iter()
                    .any(|cell| cell.leaves.is_some());
                assert!(!overlaps);
                leaves.push(self.leaves(range));
            }
        }
        let to = retention(first, hashes, leaves.clone());
        self.manifest
            .commit(&[Edit::Retain { partition: 1, to }])
            .unwrap();
        for file in leaves {
            self.set(file.base_offset..file.end_offset, |cell| {
                cell.leaves = Some(file.number);
            });
        }
        self.set(0..first, |cell| {
            cell.segment = None;
            cell.quarantined = false;
        });
        self.model.first = first;
        self.model.hashes_from = hashes;
        // A leaves file stays as long as one of its hashes is wanted.
        let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
        for (offset, cell) in (0_u64..).zip(&self.model.cells) {
            if let Some(number) = cell.leaves {
                ends.insert(number, offset + 1);
            }
        }
        self.set(0..hashes, |cell| {
            if cell.leaves.is_some_and(|number| ends[&number] <= hashes) {
                cell.leaves = None;
            }
        });
    }

    fn compare(&self) {
        let version = self.manifest.current();
        let Some(state) = version.partition(1) else {
            return;
        };
        assert_eq!(state.end_offset(), self.model.cells.len() as u64);
        assert_eq!(state.first_offset(), self.model.first);
        assert_eq!(state.hashes_from(), self.model.hashes_from);
        for (offset, cell) in (0_u64..).zip(&self.model.cells) {
            let segment = state.segment_at(offset);
            let found = Cell {
                segment: segment.map(|segment| segment.number),
                leaves: state.leaves_at(offset).map(|leaves| leaves.meta.number),
                quarantined: segment.is_some_and(|segment| segment.quarantine_of(offset).is_some()),
            };
            assert_eq!(found, *cell, "offset {offset}");
            let whole = segment.is_some_and(|segment| !segment.meta.compacted);
            assert!(offset < state.hashes_from() || whole || found.leaves.is_some());
        }
        assert!(state.segment_at(self.model.cells.len() as u64).is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn versions_are_what_the_model_says(steps in prop::collection::vec(step(), 1..40)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.play(step);
            pair.compare();
        }
    }
}
