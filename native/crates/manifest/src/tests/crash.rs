//! Crashes at every write, sync, rename and removal, and random runs with failing calls and a full disk: everything
//! acknowledged is there after the next opening, nothing is invented, and no file that a version needs is deleted.
//! `RUNS=… SEED=… cargo test -p pyralog-manifest crash` repeats or prolongs the random ones.

use std::sync::Arc;

use pyralog_log::{FaultCounts, FaultFiles};

use super::{is_there, new_leaves, new_segment, open_with, options, retention, variable, write};
use crate::{
    Edit, Manifest, ManifestError, ManifestOptions, OpenManifest, Policy, Replacement, TakeOver,
    Version,
};

/// `SplitMix64`: a seed is all a run needs.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// A version as bytes, with its number.
type Shape = (u64, Vec<u8>);

fn shape(version: &Version) -> Shape {
    (version.number(), version.encode(0))
}

struct Run {
    disk: FaultFiles,
    random: Random,
    acknowledged: Option<Shape>,
    in_flight: Option<Shape>,
    pins: Vec<Arc<Version>>,
    cuts: u64,
    full: u64,
}

enum Life {
    Goes,
    Over,
}

impl Run {
    fn new(seed: u64) -> Self {
        Self {
            disk: FaultFiles::new(seed ^ 0xd15c),
            random: Random(seed),
            acknowledged: None,
            in_flight: None,
            pins: Vec::new(),
            cuts: 0,
            full: 0,
        }
    }

    fn open(&self) -> Result<OpenManifest, ManifestError> {
        let options = ManifestOptions {
            at_least: self.acknowledged.as_ref().map_or(0, |(number, _)| *number),
            keep_versions: 1,
            rewrite_bytes: 900,
            ..options()
        };
        open_with(&self.disk, &options)
    }

    fn faults(&self) -> u64 {
        let counts = self.disk.counts();
        counts.write_errors + counts.sync_errors
    }

    /// Opens after a crash and looks at what is left.
    fn check_opening(&mut self) -> Result<Option<Arc<Manifest>>, String> {
        let faults = self.faults();
        let open = match self.open() {
            Ok(open) => open,
            // A fault that was still waiting for a call.
            Err(ManifestError::Io { .. }) if self.faults() > faults => return Ok(None),
            Err(_) if self.disk.is_off() => return Ok(None),
            Err(error) => return Err(format!("opening failed: {error}")),
        };
        let found = shape(&open.manifest.current());
        let in_flight = self.in_flight.take();
        let acknowledged = self.acknowledged.take();
        if acknowledged.is_some()
            && acknowledged.as_ref() != Some(&found)
            && in_flight.as_ref() != Some(&found)
        {
            return Err(format!(
                "version {} holds something else than was acknowledged",
                found.0
            ));
        }
        self.acknowledged = Some(found);
        self.cuts += u64::from(open.recovery.cut_bytes > 0);
        if let Some(missing) = open.recovery.files.missing.first() {
            return Err(format!("{} was deleted though it is needed", missing.file));
        }
        match open.manifest.remove_orphans() {
            Err(error) if !self.disk.is_off() => {
                return Err(format!("orphans stay: {error}"));
            }
            _ => {}
        }
        Ok(Some(open.manifest))
    }

    fn plan(&mut self, manifest: &Manifest) -> std::io::Result<Edit> {
        let partition = self.random.below(2) as u32;
        let version = manifest.current();
        let state = version.partition(partition);
        let segments = state.map_or(&[][..], |state| state.segments());
        let end = state.map_or(0, |state| state.end_offset());
        let policy = Policy {
            merge_bytes: self.random.below(99),
            ..Policy::default()
        };
        Ok(match (self.random.below(8), segments) {
            (0, [first, second, ..]) => {
                let rows = (second.meta.end_offset - first.meta.base_offset) as u32;
                let merged = new_segment(manifest, first.meta.base_offset, rows);
                self.write(partition, merged.number)?;
                let removed = vec![first.number, second.number];
                let by = Replacement {
                    removed,
                    segments: vec![merged],
                    leaves: vec![],
                };
                Edit::Replace { partition, by }
            }
            (1, [first, _, ..]) => {
                let border = first.meta.end_offset;
                let leaves = new_leaves(manifest, first.meta.base_offset, border);
                write(&self.disk, partition, leaves.number, "leaves")?;
                let hashes = if self.random.below(2) == 0 {
                    first.meta.base_offset
                } else {
                    border
                };
                Edit::Retain {
                    partition,
                    to: retention(border, hashes, vec![leaves]),
                }
            }
            (2, [.., last]) => Edit::Quarantine {
                partition,
                number: last.number,
                ranges: vec![last.meta.base_offset..last.meta.end_offset],
            },
            (3, _) => Edit::SetPolicy { partition, policy },
            (4, [first, ..]) => {
                let state = state.cloned().unwrap_or_default();
                let from = first.meta.end_offset;
                let end_offset = end + 1 + self.random.below(9);
                let segment = new_segment(manifest, from, (end_offset - from) as u32);
                self.write(partition, segment.number)?;
                let leaves = state.leaves().iter().map(|leaves| leaves.meta.number);
                let by = TakeOver {
                    first_offset: state.first_offset(),
                    end_offset,
                    hashes_from: state.hashes_from(),
                    roots: state.roots().to_vec(),
                    sha256_roots: state.sha256_roots().to_vec(),
                    kept: leaves.chain([first.number]).collect(),
                    segments: vec![segment],
                    leaves: vec![],
                };
                Edit::TakeOver { partition, by }
            }
            _ => {
                let segment = new_segment(manifest, end, 1 + self.random.below(9) as u32);
                self.write(partition, segment.number)?;
                Edit::Add { partition, segment }
            }
        })
    }

    fn write(&self, partition: u32, number: u64) -> std::io::Result<()> {
        write(&self.disk, partition, number, "side")?;
        write(&self.disk, partition, number, "arrow")
    }

    fn commit(&mut self, manifest: &Manifest) -> Result<Life, String> {
        let Ok(edit) = self.plan(manifest) else {
            // Nothing was asked of the manifest.
            return Ok(if self.disk.is_off() {
                Life::Over
            } else {
                Life::Goes
            });
        };
        let current = manifest.current();
        let mut after = Version::clone(&current);
        after.number += 1;
        after
            .apply(&edit, &Arc::default())
            .map_err(|error| format!("a plan that does not fit: {error}"))?;
        drop(current);
        match manifest.commit(&[edit]) {
            Ok(version) => {
                self.acknowledged = Some(shape(&version));
                if self.acknowledged != Some(shape(&after)) {
                    return Err("a commit made something else".into());
                }
                Ok(Life::Goes)
            }
            Err(ManifestError::Poisoned(_)) => Ok(Life::Over),
            Err(_) => {
                self.in_flight = Some(shape(&after));
                match manifest.commit(&[Edit::SetPolicy {
                    partition: 0,
                    policy: Policy::default(),
                }]) {
                    Err(ManifestError::Poisoned(_)) => Ok(Life::Over),
                    other => Err(format!(
                        "a poisoned manifest answers {:?}",
                        other.map(|version| version.number())
                    )),
                }
            }
        }
    }

    fn act(&mut self, manifest: &Manifest, faults: bool) -> Result<Life, String> {
        match self.random.below(16) {
            0 => self.pins.push(manifest.current()),
            1 if !self.pins.is_empty() => {
                let at = self.random.below(self.pins.len() as u64) as usize;
                self.pins.swap_remove(at);
            }
            2 | 3 => drop(manifest.sweep(1 + self.random.below(4) as usize)),
            4 if faults => self.disk.fail_next_sync(),
            5 if faults => self.disk.fail_next_write(),
            6 if faults => {
                self.disk.set_capacity(1);
                let refused = matches!(manifest.compact(), Err(ManifestError::DiskFull(_)));
                self.full += u64::from(refused);
                self.disk.set_capacity(u64::MAX);
            }
            7 => drop(manifest.compact()),
            _ => return self.commit(manifest),
        }
        self.check_pins()?;
        Ok(Life::Goes)
    }

    fn check_pins(&self) -> Result<(), String> {
        for pin in &self.pins {
            for (partition, state) in pin.partitions() {
                for segment in state.segments() {
                    if !is_there(&self.disk, partition, segment.number) {
                        return Err(format!(
                            "{} went under a reader of version {}",
                            segment.name(),
                            pin.number()
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// One life from opening to stop or crash.
    fn live(&mut self, steps: u64, faults: bool) -> Result<(), String> {
        let Some(manifest) = self.check_opening()? else {
            return Ok(());
        };
        let stop = self.random.below(2) == 0;
        for _ in 0..steps {
            if matches!(self.act(&manifest, faults)?, Life::Over) {
                break;
            }
        }
        if stop {
            drop(manifest.close());
        }
        self.pins.clear();
        Ok(())
    }

    fn play(&mut self) -> Result<(), String> {
        if self.random.below(3) == 0 {
            self.disk.allow_short_writes();
        }
        for _ in 0..2 + self.random.below(4) {
            if self.random.below(2) == 0 {
                let fuse = self.random.below(80);
                self.disk.power_off_after(fuse);
            }
            let steps = self.random.below(30);
            self.live(steps, true)?;
            if self.disk.is_off() || self.random.below(2) == 0 {
                self.disk.crash();
            }
        }
        self.disk.crash();
        self.live(0, false)?;
        let cuts = self.cuts;
        self.live(0, false)?;
        if self.cuts > cuts {
            return Err("the second opening cuts again".into());
        }
        Ok(())
    }
}

pub(super) fn first_failure(seeds: std::ops::Range<u64>) -> Option<(u64, String)> {
    seeds
        .into_iter()
        .find_map(|seed| Run::new(seed).play().err().map(|reason| (seed, reason)))
}

/// The same life, the power failing on its first changing call, its second, and so on to its last.
fn crash_everywhere(seed: u64) -> Result<u64, String> {
    for fuse in 0.. {
        let mut run = Run::new(seed);
        run.live(3, false)?;
        run.disk.power_off_after(fuse);
        run.live(14, false)?;
        let reached = run.disk.is_off();
        run.disk.crash();
        run.live(3, false)
            .map_err(|reason| format!("call {fuse}: {reason}"))?;
        run.disk.crash();
        run.live(0, false)
            .map_err(|reason| format!("call {fuse}: {reason}"))?;
        if !reached {
            return Ok(fuse);
        }
    }
    unreachable!("a life has an end")
}

#[test]
fn a_crash_at_any_call_loses_nothing() {
    let mut calls = 0;
    for seed in 0..60 {
        calls += crash_everywhere(seed).unwrap_or_else(|reason| panic!("seed {seed}, {reason}"));
    }
    assert!(calls > 1_000, "only {calls} calls were crashed on");
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_invented() {
    let first = variable("SEED").unwrap_or(1);
    let runs = variable("RUNS").unwrap_or(1_500);
    let mut total = FaultCounts::default();
    let (mut cuts, mut full) = (0, 0);
    for seed in first..first + runs {
        let mut run = Run::new(seed);
        if let Err(reason) = run.play() {
            panic!("SEED={seed} RUNS=1: {reason}");
        }
        total += run.disk.counts();
        cuts += run.cuts;
        full += run.full;
    }
    if runs >= 500 {
        let silent = total.silent(&["no space", "bit flips", "misdirected"]);
        assert!(
            silent.is_empty() && [cuts, full].iter().all(|count| *count > 0),
            "never fired: {silent:?}; {cuts} cuts, {full} full"
        );
    }
}

#[test]
fn a_full_disk_refuses_and_goes_on() {
    let disk = FaultFiles::new(1);
    let large = ManifestOptions {
        rewrite_bytes: 1 << 30,
        ..options()
    };
    let manifest = open_with(&disk, &large).unwrap().manifest;
    let number = super::seal(&disk, &manifest, 1, 100_000);
    let ranges = (0..5_000).map(|at| at * 2..at * 2 + 1).collect();
    let edit = Edit::Quarantine {
        partition: 1,
        number,
        ranges,
    };
    disk.set_capacity(1);
    let mut commits = 0;
    let refused = loop {
        match manifest.commit(std::slice::from_ref(&edit)) {
            Ok(_) => commits += 1,
            Err(error) => break error,
        }
    };
    assert!(
        refused.retryable() && matches!(refused, ManifestError::DiskFull(_)),
        "{refused}"
    );
    assert!(commits < 3);
    // What is small still finds the room that was prepared; compaction and retention make space that way.
    manifest
        .commit(&[Edit::Lift {
            partition: 1,
            number,
        }])
        .unwrap_or_else(|_| manifest.current());
    disk.set_capacity(u64::MAX);
    manifest.commit(&[edit]).unwrap();
    let version = shape(&manifest.current());
    assert_eq!(
        shape(&open_with(&disk, &large).unwrap().manifest.current()),
        version
    );
}
