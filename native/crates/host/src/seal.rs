//! Sealing: entries behind a seal point become a segment, on a thread of its own, and then the log may let them go (Z3).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use pyralog_partition::{Snapshot, sealed_rows};
use pyralog_segment::SegmentBuilder;
#[cfg(test)]
use pyralog_types::SealedRow;

use crate::error::HostError;
#[cfg(test)]
use crate::options::Mutant;
use crate::read::gone;
use crate::shared::{Shard, Shared};

/// Seal points that may wait for the thread. Whoever applies waits for it then: what is not sealed stays in memory and log.
const WAITING_MAX: usize = 4;
/// How long to wait before a refused segment is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long to keep the memory of a segment for the next one.
const IDLE: Duration = Duration::from_secs(10);
/// How often to look whether the records of a seal point are durable; they mostly are.
const DURABLE: Duration = Duration::from_millis(1);

#[derive(Default)]
struct State {
    waiting: VecDeque<(usize, Snapshot)>,
    /// One is being sealed.
    busy: bool,
    /// Why the last try came to nothing.
    error: Option<HostError>,
    /// No more seal points come: each is tried once more and then left to the next opening.
    closing: bool,
    stopped: bool,
    /// First log index to keep, by partition, that the log was not told yet.
    releases: Vec<(usize, u64)>,
}

/// Between the thread that applies and the one that seals.
#[derive(Default)]
pub(crate) struct Sealing {
    state: Mutex<State>,
    changed: Condvar,
}

impl Sealing {
    /// Hands a seal point over; waits while too many do, unless that would not help.
    pub fn push(&self, partition: usize, snapshot: Snapshot) {
        let mut state = self.state.lock();
        while state.waiting.len() >= WAITING_MAX && state.error.is_none() && !state.stopped {
            self.changed.wait(&mut state);
        }
        state.waiting.push_back((partition, snapshot));
        self.changed.notify_all();
    }

    /// Hands seal points over that were passed while the store was opened.
    pub fn push_replayed(&self, partition: usize, snapshots: Vec<Snapshot>) {
        let mut state = self.state.lock();
        let snapshots = snapshots.into_iter().map(|snapshot| (partition, snapshot));
        state.waiting.extend(snapshots);
        self.changed.notify_all();
    }

    /// Why nothing more may be let in: too much waits for segments that cannot be written (Z8).
    pub fn refusal(&self) -> Option<HostError> {
        let state = self.state.lock();
        let full = state.waiting.len() >= WAITING_MAX;
        state.error.clone().filter(|_| full)
    }

    /// Whether there is no room for segments.
    pub fn disk_full(&self) -> bool {
        let state = self.state.lock();
        let code = state.error.as_ref().map(HostError::code);
        code == Some("storage/disk-full")
    }

    /// Releases that the log was not told yet.
    pub fn take_releases(&self) -> Vec<(usize, u64)> {
        std::mem::take(&mut self.state.lock().releases)
    }

    /// Puts back what the log did not take.
    pub fn put_release(&self, partition: usize, first_kept: u64) {
        self.state.lock().releases.push((partition, first_kept));
    }

    /// Waits until everything handed over is sealed, or was tried in vain.
    pub fn drain(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        self.changed.notify_all();
        while (state.busy || !state.waiting.is_empty()) && !state.stopped {
            self.changed.wait(&mut state);
        }
    }

    /// Whether the store closes.
    pub fn closing(&self) -> bool {
        self.state.lock().closing
    }

    /// Ends the thread.
    pub fn stop(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        state.stopped = true;
        self.changed.notify_all();
    }

    /// The next seal point; `idle` is called when none comes for a while.
    fn next(&self, idle: impl FnOnce()) -> Option<(usize, Snapshot)> {
        let mut idle = Some(idle);
        let mut state = self.state.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(next) = state.waiting.pop_front() {
                state.busy = true;
                self.changed.notify_all();
                return Some(next);
            }
            if idle.is_none() {
                self.changed.wait(&mut state);
            } else if self.changed.wait_for(&mut state, IDLE).timed_out()
                && let Some(idle) = idle.take()
            {
                idle();
            }
        }
    }

    /// Waits, at most so long; false when the thread must end.
    fn linger(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.stopped {
            self.changed.wait_for(&mut state, time);
        }
        !state.stopped
    }

    /// Waits, at most so long; false when there is no point in trying again.
    fn pause(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.closing {
            self.changed.wait_for(&mut state, time);
        }
        !state.closing
    }

    fn refused(&self, error: HostError) {
        self.state.lock().error = Some(error);
        self.changed.notify_all();
    }

    fn done(&self, release: Option<(usize, u64)>) {
        let mut state = self.state.lock();
        state.busy = false;
        state.error = None;
        state.releases.extend(release);
        self.changed.notify_all();
    }
}

/// Body of the thread. Stops it also when it ends by a panic, so that nobody waits for it.
pub(crate) fn seal_behind(shared: &Arc<Shared>) {
    struct Stop<'a>(&'a Sealing);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.stop();
        }
    }
    let _stop = Stop(&shared.sealing);
    let mut builder = SegmentBuilder::new(0);
    while let Some((partition, snapshot)) = shared.sealing.next(|| builder = SegmentBuilder::new(0))
    {
        let release = shared.seal_until_done((partition, &snapshot), &mut builder);
        shared.sealing.done(release);
    }
}

impl Shared {
    /// Seals, again and again while it is refused; `None` when the store closes or failed before it was done.
    fn seal_until_done(
        &self,
        (partition, snapshot): (usize, &Snapshot),
        builder: &mut SegmentBuilder,
    ) -> Option<(usize, u64)> {
        let shard = self.shards.get(partition)?;
        while shard.durable.load(Ordering::Acquire) < snapshot.size {
            if self.failure().is_some() || !self.sealing.linger(DURABLE) {
                return None;
            }
        }
        loop {
            match self.seal((partition as u32, snapshot), shard, builder) {
                Ok(()) => return Some((partition, snapshot.log_index + 1)),
                Err(error) => self.sealing.refused(error),
            }
            if !self.sealing.pause(AGAIN) {
                return None;
            }
        }
    }

    fn seal(
        &self,
        (number, snapshot): (u32, &Snapshot),
        shard: &Shard,
        builder: &mut SegmentBuilder,
    ) -> Result<(), HostError> {
        let from = self.segments.end(number);
        if from >= snapshot.size {
            return Ok(()); // done in an earlier life
        }
        if from != snapshot.sealed_from {
            // The one before was given up because the store closes; the next opening comes by both again.
            return Err(HostError::Closed);
        }
        let reader = self.reader()?;
        builder.restart(from);
        let mut next = from;
        while next < snapshot.size {
            let (place, leaves) = {
                let state = shard.state.read();
                let place = state.place_of_offset(next).ok_or_else(|| gone(next))?;
                let leaves = state.leaves_of(&place);
                (place, leaves)
            };
            let entry = reader.entry(number, place.log_index)?;
            let entry = entry.ok_or_else(|| gone(next))?;
            sealed_rows(&entry.bytes, &place, leaves, |row| {
                #[cfg(test)]
                let row = &self.mutate(row);
                builder.push_hashed(row).map_err(HostError::from)
            })?;
            next = place.base_offset + u64::from(place.count);
        }
        #[cfg(test)]
        if self.world.mutant == Some(Mutant::ReleaseBeforeManifest) {
            return Ok(());
        }
        self.segments.add(number, builder, snapshot)?;
        // Readers find the records in the segment before they do not find them in the log any more.
        shard.sealed.fetch_max(snapshot.size, Ordering::AcqRel);
        shard.state.write().forget_before(snapshot.size);
        self.segments.forget_snapshots(number, snapshot);
        self.segments.sweep(16);
        self.maintaining.nudge();
        Ok(())
    }

    #[cfg(test)]
    fn mutate<'a>(&self, row: &SealedRow<'a>) -> SealedRow<'a> {
        let mut row = *row;
        if self.world.mutant == Some(Mutant::SealWrongLeaf) && row.offset == 50 {
            row.leaf_hash[7] ^= 1;
        }
        row
    }
}
