//! Syncs that nobody waits for: how late they may be (W16), and what waits for them.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pyralog_log::{Durability, TreeState};

use crate::answer::Wait;
use crate::options::HostOptions;
use crate::shared::Shard;

/// Written and unsynced bytes that make a sync due whatever the time: they are held in memory.
const BYTES_MAX: u64 = 16 << 20;
/// Records of a `memory` log are synced after so many intervals when nothing else has synced them: readers see durable
/// records only, and would wait for ever.
const MEMORY_INTERVALS: u32 = 10;

/// How late syncs may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lateness {
    interval: Duration,
    /// Some log has a policy other than `sync`.
    possible: bool,
}

impl Lateness {
    pub fn of(options: &HostOptions) -> Self {
        let mut policies = options.partitions.iter().map(|options| options.durability);
        Self {
            interval: Duration::from_millis(options.sync_interval_ms),
            possible: policies.any(|policy| policy != Durability::Sync),
        }
    }

    /// How long the sync of a call may wait; `None` when the call waits for it.
    pub fn of_call(&self, policy: Durability, wait: Wait) -> Option<Duration> {
        match (policy, wait) {
            (_, Wait::Checkpoint { .. }) | (Durability::Sync, _) => None,
            (Durability::Interval, _) => Some(self.interval),
            (Durability::Memory, _) => Some(self.interval * MEMORY_INTERVALS),
        }
    }

    /// How often to look for a sync that is due, when none is known of.
    pub fn look(&self) -> Option<Duration> {
        // At least a millisecond: an interval of zero must not make a thread spin.
        let interval = self.interval.max(Duration::from_millis(1));
        self.possible.then_some(interval)
    }
}

/// A written frame whose sync is still to come.
pub(crate) struct Unsynced {
    pub sequence: u64,
    /// Per partition it touched the state that rides in it.
    pub states: Vec<(usize, TreeState)>,
    /// It tells the log of entries that may go.
    pub releases: bool,
}

/// What is written and not synced.
#[derive(Default)]
pub(crate) struct Waiting {
    frames: VecDeque<Unsynced>,
    bytes: u64,
    /// When it has to be synced.
    due: Option<Instant>,
}

impl Waiting {
    /// Takes a frame in that was written, or is about to be.
    pub fn push(&mut self, frame: Unsynced, bytes: u64, late: Option<Duration>) {
        self.frames.push_back(frame);
        self.bytes += bytes;
        if let Some(late) = late {
            let due = Instant::now() + late;
            self.due = Some(self.due.map_or(due, |before| before.min(due)));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it has to be synced now.
    pub fn is_due(&self) -> bool {
        self.bytes >= BYTES_MAX || self.due.is_some_and(|due| due <= Instant::now())
    }

    /// Takes out what is durable: the newest state of each partition, by number, and whether releases were among it.
    pub fn take(&mut self, synced: u64) -> (Vec<(usize, TreeState)>, bool) {
        let durable = self
            .frames
            .partition_point(|frame| frame.sequence <= synced);
        let mut releases = false;
        let mut states = Vec::new();
        for frame in self.frames.drain(..durable) {
            releases |= frame.releases;
            states.extend(frame.states);
        }
        // Newest first, so that it is the one that stays.
        states.sort_by_key(|(partition, state): &(usize, TreeState)| {
            (*partition, std::cmp::Reverse(state.size))
        });
        states.dedup_by_key(|(partition, _)| *partition);
        if self.frames.is_empty() {
            self.bytes = 0;
            self.due = None;
        }
        (states, releases)
    }
}

impl Shard {
    /// Records that were accepted and are not durable yet.
    pub fn accepted(&self) -> u64 {
        if self.durability == Durability::Sync {
            return 0;
        }
        let durable = self.durable.load(Ordering::Acquire);
        let applied = self.applied.load(Ordering::Acquire);
        applied.saturating_sub(durable)
    }
}
