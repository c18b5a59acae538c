//! Maintenance: what the policies of partitions say is done to their sealed segments, on a thread of its own (Y13 to Y17).
//!
//! It looks on a slow tick and after each seal, plans each partition by its policy in the manifest, and does one piece of
//! work at a time, a partition's turn after another's. It never holds anybody up: readers keep the versions they read,
//! its bytes come out of a bucket, and where the disk is nearly full it leaves the room to the log.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use pyralog_compact::{CompactError, Compactor, Control, Facts, Pace, Progress, SystemClock, Work};
use pyralog_manifest::{Edit, ManifestError, Policy};

use crate::error::HostError;
use crate::options::MaintenanceOptions;
use crate::segments::Segments;
use crate::shared::Shared;

/// Work that failed waits this many ticks at most before it is tried again; the wait doubles.
const WAIT_TICKS_MAX: u32 = 64;
/// Plans of a partition between two ticks: a second one for what the first led to.
const PLANS: u32 = 2;
/// Files deleted between two looks at whether the store closes.
const SWEEP: usize = 64;

/// What maintenance came to since opening, and what it does now.
#[derive(Debug, Clone, Default)]
pub struct Maintenance {
    /// Work under way.
    pub under_way: Option<UnderWay>,
    /// Merges done, those that kept the latest rows only among them.
    pub merges: u64,
    /// Times the beginning of a partition moved.
    pub retentions: u64,
    /// Segments that became Parquet.
    pub ageings: u64,
    /// Raw bytes of rows read by work that is done or under way.
    pub bytes_done: u64,
    /// Files of segments and leaves deleted.
    pub files_deleted: u64,
    /// Pieces of work that failed; each is tried again later.
    pub failures: u64,
    /// Why the newest of them did; gone once a later piece of work is done.
    pub last_error: Option<String>,
    /// Sealed segments now.
    pub segments: u64,
    /// Those with a quarantined range.
    pub quarantined: u64,
    /// Files of segments and leaves that are open.
    pub open_files: u64,
}

/// One piece of work on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnderWay {
    /// The partition.
    pub partition: u32,
    /// `retain`, `merge`, `compact` or `age`.
    pub kind: &'static str,
    /// Raw bytes of rows read.
    pub done_bytes: u64,
    /// Raw bytes of rows to read.
    pub total_bytes: u64,
}

#[derive(Default)]
struct State {
    /// Somebody said that there may be work.
    nudged: bool,
    stopped: bool,
}

/// Between the thread and everybody else.
pub(crate) struct Maintaining {
    state: Mutex<State>,
    changed: Condvar,
    cancel: AtomicBool,
    figures: Mutex<Maintenance>,
    options: MaintenanceOptions,
}

impl Maintaining {
    pub fn new(options: MaintenanceOptions) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            cancel: AtomicBool::new(false),
            figures: Mutex::default(),
            options,
        }
    }

    /// Says that a segment was sealed, or that there may be work for another reason.
    pub fn nudge(&self) {
        self.state.lock().nudged = true;
        self.changed.notify_all();
    }

    /// Calls off what is under way and ends the thread.
    pub fn stop(&self) {
        self.cancel.store(true, Ordering::Release);
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Acquire)
    }

    /// Until the next tick or nudge; false when the thread must end.
    fn wait(&self) -> bool {
        let deadline = Instant::now() + self.options.tick;
        let mut state = self.state.lock();
        while !state.nudged && !state.stopped {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.nudged = false;
        !state.stopped
    }

    /// Remembers what went wrong, for whoever looks at the figures.
    pub fn note(&self, error: &HostError) {
        let mut figures = self.figures.lock();
        figures.failures += 1;
        figures.last_error = Some(error.to_string());
    }

    pub fn figures(&self, segments: &Segments) -> Maintenance {
        let mut figures = self.figures.lock().clone();
        let count = |number: usize| number as u64;
        figures.segments = count(segments.count());
        figures.quarantined = count(segments.quarantined());
        figures.open_files = count(segments.open_files());
        figures
    }
}

/// Body of the thread.
pub(crate) fn maintain(shared: &Arc<Shared>) {
    let options = shared.maintaining.options;
    let files = Arc::clone(&shared.segments.files);
    let burst = options.bytes_per_second / 4;
    let thread = Thread {
        shared,
        compactor: Compactor::new(files, Arc::clone(&shared.segments.manifest)),
        pace: Pace::new(
            Arc::new(SystemClock::default()),
            options.bytes_per_second,
            burst,
        ),
        failed: HashMap::new(),
    };
    thread.run();
}

/// Work that failed: since when it waits, and how many ticks.
struct Failed {
    at: Instant,
    ticks: u32,
}

/// What is to be done with a partition in this round.
#[derive(Default)]
struct Pending {
    works: VecDeque<Work>,
    /// Plans made.
    plans: u32,
}

struct Thread<'a> {
    shared: &'a Shared,
    compactor: Compactor,
    pace: Pace,
    failed: HashMap<(u32, Work), Failed>,
}

impl Thread<'_> {
    fn run(mut self) {
        let on = self.shared.maintaining.options.on;
        if on {
            self.tidy_up();
        }
        loop {
            if on && self.shared.failure().is_none() {
                self.round();
            }
            if !self.shared.maintaining.wait() {
                break;
            }
        }
        // What was called off, and what it had not come to delete yet.
        if on && self.shared.failure().is_none() {
            self.sweep();
        }
    }

    fn note(&self, outcome: Result<(), HostError>) {
        if let Err(error) = outcome {
            self.shared.maintaining.note(&error);
        }
    }

    /// What a crash or a repair left to do (Y8, Y12). Not in a store that is open for reading only.
    fn tidy_up(&self) {
        if self.shared.failure().is_some() {
            return;
        }
        let segments = &self.shared.segments;
        let removed = segments.manifest.remove_orphans();
        self.note(removed.map(drop).map_err(HostError::from));
        self.note(segments.review_quarantines(&self.shared.maintaining.cancel));
    }

    /// Partition by partition one piece of work, until none has any that can be done now.
    fn round(&mut self) {
        self.note(self.set_policies());
        let longest = self.shared.maintaining.options.tick * WAIT_TICKS_MAX;
        self.failed
            .retain(|_, failed| failed.at.elapsed() < longest);
        let mut partitions: Vec<Pending> = Vec::new();
        partitions.resize_with(self.shared.shards.len(), Pending::default);
        loop {
            let mut worked = false;
            for (partition, pending) in (0..).zip(&mut partitions) {
                if self.shared.maintaining.cancelled() {
                    return;
                }
                worked |= self.turn(partition, pending);
            }
            if !worked {
                break;
            }
        }
        self.sweep();
    }

    /// The policies that the operator wants, in the manifest (Y10).
    fn set_policies(&self) -> Result<(), HostError> {
        let version = self.shared.segments.manifest.current();
        let default = Policy::default();
        let mut edits = Vec::new();
        for (partition, shard) in (0..).zip(self.shared.shards.iter()) {
            let known = version.partition(partition);
            let known = known.map_or(&default, |state| state.policy());
            if *known != shard.policy {
                edits.push(Edit::SetPolicy {
                    partition,
                    policy: shard.policy.clone(),
                });
            }
        }
        if !edits.is_empty() {
            self.shared.segments.manifest.commit(&edits)?;
        }
        Ok(())
    }

    fn facts(&self, partition: u32) -> Facts {
        let shard = &self.shared.shards[partition as usize];
        Facts {
            now_ms: (self.shared.world.clock)(),
            // Leaf hashes are kept for ever, 32 bytes a record: every receipt can be upgraded, every size has its root.
            final_offset: 0,
            sha256: shard.log_key.is_some(),
        }
    }

    /// One piece of work of a partition; whether there may be more. A plan is carried out as a whole: what it leaves is not
    /// worth doing, and half of it may be worth doing again.
    fn turn(&mut self, partition: u32, pending: &mut Pending) -> bool {
        let facts = self.facts(partition);
        while let Some(work) = pending.works.pop_front() {
            if self.may(partition, &work) {
                let outcome = self.work(partition, &work, &facts);
                if !self.done(partition, work, outcome) {
                    pending.works.clear();
                }
                return true;
            }
        }
        if pending.plans == PLANS {
            return false;
        }
        pending.plans += 1;
        if self.shared.shards[partition as usize].policy == Policy::default() {
            return false; // everything stays as it is
        }
        pending.works = self.compactor.plan(partition, &facts).into();
        !pending.works.is_empty()
    }

    /// Whether a piece of work can be tried now: it did not fail a moment ago, and there is room for what it writes.
    fn may(&self, partition: u32, work: &Work) -> bool {
        if let Some(failed) = self.failed.get(&(partition, work.clone()))
            && failed.at.elapsed() < self.shared.maintaining.options.tick * failed.ticks
        {
            return false;
        }
        let inputs = match work {
            Work::Retain { .. } => return true, // it frees far more than it writes
            Work::Merge { inputs, .. } => inputs.as_slice(),
            Work::Age { input } => std::slice::from_ref(input),
        };
        let version = self.shared.segments.manifest.current();
        let segments = version
            .partition(partition)
            .map_or(&[][..], |p| p.segments());
        let inputs = segments.iter().filter(|s| inputs.contains(&s.number));
        let bytes: u64 = inputs.map(|s| s.meta.arrow_bytes + s.meta.side_bytes).sum();
        let dir = self.shared.segments.manifest.segments_dir();
        let free = self.shared.segments.files.free_bytes(dir);
        // The log has the first claim on what is left.
        let full = self.shared.counters.disk_full.load(Ordering::Relaxed);
        !full && free.is_ok_and(|free| free >= bytes.saturating_add(self.shared.wal_room))
    }

    fn work(&self, partition: u32, work: &Work, facts: &Facts) -> Result<(), CompactError> {
        let maintaining = &self.shared.maintaining;
        let kind = match work {
            Work::Retain { .. } => "retain",
            Work::Merge { latest: false, .. } => "merge",
            Work::Merge { latest: true, .. } => "compact",
            Work::Age { .. } => "age",
        };
        let told = |progress: &Progress| {
            let mut figures = maintaining.figures.lock();
            let before = figures.under_way.map_or(0, |work| work.done_bytes);
            figures.bytes_done += progress.done_bytes.saturating_sub(before);
            figures.under_way = Some(UnderWay {
                partition,
                kind,
                done_bytes: progress.done_bytes,
                total_bytes: progress.total_bytes,
            });
        };
        told(&Progress::default());
        let control = Control {
            cancel: &maintaining.cancel,
            pace: &self.pace,
            progress: &told,
        };
        let outcome = self.compactor.run(partition, work, (facts, &control));
        maintaining.figures.lock().under_way = None;
        outcome.map(drop)
    }

    /// Takes note of what work came to; whether the rest of the plan still holds.
    fn done(&mut self, partition: u32, work: Work, outcome: Result<(), CompactError>) -> bool {
        let Err(error) = outcome else {
            let mut figures = self.shared.maintaining.figures.lock();
            match work {
                Work::Retain { .. } => figures.retentions += 1,
                Work::Merge { .. } => figures.merges += 1,
                Work::Age { .. } => figures.ageings += 1,
            }
            figures.last_error = None;
            drop(figures);
            self.failed.remove(&(partition, work));
            self.sweep();
            return true;
        };
        match &error {
            // A conflict is planned anew.
            CompactError::Cancelled | CompactError::Manifest(ManifestError::Conflict { .. }) => {
                return false;
            }
            CompactError::Segment(damage) => {
                let quarantined = self.shared.segments.quarantine(partition, damage);
                self.note(quarantined.map(drop));
            }
            CompactError::Row { offset, .. } => {
                let quarantined = self.shared.segments.quarantine_row(partition, *offset);
                self.note(quarantined.map(drop));
            }
            _ => {}
        }
        self.shared.maintaining.note(&error.into());
        let failed = self.failed.entry((partition, work)).or_insert(Failed {
            at: Instant::now(),
            ticks: 0,
        });
        failed.at = Instant::now();
        failed.ticks = (failed.ticks * 2).clamp(1, WAIT_TICKS_MAX);
        // What is quarantined now stands in the rest of the plan.
        false
    }

    /// Deletes what no version names, a few at a time; when the thread is to end, only once.
    fn sweep(&self) {
        loop {
            let deleted = self.shared.segments.sweep(SWEEP);
            self.shared.maintaining.figures.lock().files_deleted += deleted as u64;
            if deleted == 0 || self.shared.maintaining.cancelled() {
                return;
            }
        }
    }
}
