//! The second half of a group commit: write and sync, publish, sign, answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use parking_lot::Mutex;
use pyralog_log::{LogCommitter, StagedFrame, TreeState};
use pyralog_types::Hash;
use pyralog_types::batch::{OUTCOME_BYTES, Outcome};

use crate::answer::{Answer, Reply, SignedCheckpoint, Wait};
use crate::error::HostError;
use crate::late::{Lateness, Unsynced, Waiting};
#[cfg(test)]
use crate::options::Mutant;
use crate::read::{Algorithm, checked_path};
use crate::shared::{Counters, EPOCH, Nudge, Shard, Shared};

/// A proposal that was applied and waits for the disk.
pub(crate) struct Staged {
    pub partition: usize,
    pub outcomes: Vec<u8>,
    pub wait: Wait,
    /// How long its sync may wait; `None` when the call waits for it.
    pub late: Option<Duration>,
    pub reply: Reply<Answer>,
}

/// One group commit.
pub(crate) struct Group {
    pub frame: StagedFrame,
    pub calls: Vec<Staged>,
    /// Per touched partition the state that rides in the frame, by number.
    pub states: Vec<(usize, TreeState)>,
    /// It tells the log of entries that may go.
    pub releases: bool,
    /// How long its sync may wait; `None` when somebody waits for it.
    pub late: Option<Duration>,
}

/// The log's writing end, and what is written and not synced.
struct Lane {
    log: Box<dyn LogCommitter>,
    waiting: Waiting,
}

/// Makes groups durable, one after the other. Whoever holds the lock on the lane does it: the thread that applies
/// when nothing else waits (no hand-over), else the thread that syncs, so that the next group is hashed meanwhile.
pub(crate) struct Committing {
    shared: Arc<Shared>,
    lane: Mutex<Lane>,
    lateness: Lateness,
}

impl Committing {
    pub fn new(shared: Arc<Shared>, log: Box<dyn LogCommitter>, lateness: Lateness) -> Self {
        let waiting = Waiting::default();
        Self {
            shared,
            lane: Mutex::new(Lane { log, waiting }),
            lateness,
        }
    }

    /// Body of the thread that syncs.
    pub fn run(&self, groups: &Receiver<Group>) {
        loop {
            let group = match self.rest() {
                None => groups.recv().map_err(RecvTimeoutError::from),
                Some(rest) => groups.recv_timeout(rest),
            };
            match group {
                Ok(group) => self.commit(group),
                Err(RecvTimeoutError::Timeout) => self.sync_if(Waiting::is_due),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// How long nothing has to be synced, as far as is known now.
    fn rest(&self) -> Option<Duration> {
        let look = self.lateness.look()?;
        let due = self.lane.lock().waiting.due();
        Some(due.map_or(look, |due| due.saturating_duration_since(Instant::now())))
    }

    /// Writes one group, makes it durable if somebody waits for that, and answers its calls.
    pub fn commit(&self, group: Group) {
        let shared = &self.shared;
        let Group {
            frame,
            calls,
            states,
            releases,
            late,
        } = group;
        #[cfg(test)]
        let durable = shared.world.mutant == Some(Mutant::DurableBeforeSync);
        #[cfg(not(test))]
        let durable = false;
        #[cfg(test)]
        let calls = self.mutate(calls, &states);
        let mut lane = self.lane.lock();
        let began = Instant::now();
        let unsynced = Unsynced {
            sequence: frame.sequence(),
            states,
            releases,
        };
        lane.waiting.push(unsynced, frame.bytes() as u64, late);
        let written = lane.log.write(frame);
        let (calls, synced) = match written {
            Ok(written) => {
                Counters::add(&shared.counters.wal_bytes, written.bytes);
                let calls = Self::accept(calls, durable);
                self.publish(&mut lane, written.synced, &mut Vec::new());
                let now = late.is_none() || lane.waiting.is_due();
                (
                    calls,
                    if now {
                        lane.log.sync().map(Some)
                    } else {
                        Ok(None)
                    },
                )
            }
            Err(error) => (calls, Err(error)),
        };
        let idle = shared.in_flight.fetch_sub(1, Ordering::AcqRel) == 1;
        match synced {
            Ok(Some(synced)) => self.synced(&mut lane, began, (synced, calls), idle),
            Ok(None) => {}
            Err(error) => {
                // Nothing of it will be synced in this life, so that nothing is due any more.
                lane.waiting = Waiting::default();
                drop(lane);
                self.fail(calls, &error.into());
            }
        }
    }

    /// Makes what is written durable, if that is `wanted`.
    pub fn sync_if(&self, wanted: impl FnOnce(&Waiting) -> bool) {
        let mut lane = self.lane.lock();
        if lane.waiting.is_empty() || !wanted(&lane.waiting) {
            return;
        }
        let began = Instant::now();
        match lane.log.sync() {
            Ok(synced) => {
                let idle = self.shared.in_flight.load(Ordering::Acquire) == 0;
                self.synced(&mut lane, began, (synced, Vec::new()), idle);
            }
            Err(error) => {
                lane.waiting = Waiting::default();
                drop(lane);
                self.fail(Vec::new(), &error.into());
            }
        }
    }

    /// Everything staged is on disk: marks the end (W4), synced, and leaves `state` behind it (W17).
    pub fn stop(&self, state: &[u8]) -> Result<(), HostError> {
        let log = &mut self.lane.lock().log;
        log.mark_stop()?;
        // Without it the next opening takes longer, and that is all.
        let _left_or_not = log.stop(state);
        Ok(())
    }

    /// What follows a sync: its records show, and the calls that waited for it are answered.
    fn synced(
        &self,
        lane: &mut Lane,
        began: Instant,
        (synced, mut calls): (u64, Vec<Staged>),
        idle: bool,
    ) {
        let counters = &self.shared.counters;
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Counters::add(&counters.sync_nanos, nanos);
        Counters::add(&counters.fdatasyncs, 1);
        self.publish(lane, synced, &mut calls);
        if let Some(inbox) = &self.shared.inbox {
            inbox.durable(synced);
        }
        if idle && let Err(error) = lane.log.mark_idle() {
            self.shared.fail(&error.into());
        }
    }

    /// Answers the calls whose log promises no more than that their records were written (W16).
    fn accept(calls: Vec<Staged>, durable: bool) -> Vec<Staged> {
        if calls.iter().all(|call| call.late.is_none()) {
            return calls;
        }
        let (accepted, waiting): (Vec<_>, _) =
            calls.into_iter().partition(|call| call.late.is_some());
        for mut call in accepted {
            let answer = Answer {
                durable,
                ..answer_of(&mut call)
            };
            call.reply.send(Ok(answer));
        }
        waiting
    }

    /// Shows and signs what is durable up to this frame, and answers these calls, which waited for it.
    fn publish(&self, lane: &mut Lane, synced: u64, calls: &mut Vec<Staged>) {
        let (states, releases) = lane.waiting.take(synced);
        self.finish(std::mem::take(calls), &states);
        if releases {
            self.shared.released.store(true, Ordering::Release);
            let _ = self.shared.nudge.try_send(Nudge::Look); // full: it is awake already
        }
    }

    /// `states` are in the order of their partitions.
    fn finish(&self, calls: Vec<Staged>, states: &[(usize, TreeState)]) {
        let place = |partition| states.binary_search_by_key(&partition, |(number, _)| *number);
        let mut awaited = vec![false; states.len()];
        for call in calls.iter().filter(|call| call.wait != Wait::Durable) {
            if let Ok(place) = place(call.partition) {
                awaited[place] = true;
            }
        }
        let mut signed = Vec::with_capacity(states.len());
        for (&(partition, state), awaited) in states.iter().zip(awaited) {
            let shard = self.shared.shards.get(partition);
            signed.push(shard.and_then(|shard| self.shared.publish(shard, state, awaited)));
        }
        for mut call in calls {
            let place = place(call.partition).ok();
            let signed = place.map(|place| (&states[place].1, signed[place].as_ref()));
            let answer = self.answer(&mut call, signed);
            call.reply.send(answer);
        }
        if signed.iter().any(Option::is_none) {
            self.shared.leave_unsigned();
        }
    }

    fn answer(
        &self,
        call: &mut Staged,
        signed: Option<(&TreeState, Option<&Arc<SignedCheckpoint>>)>,
    ) -> Result<Answer, HostError> {
        let mut answer = answer_of(call);
        let Wait::Checkpoint { paths } = call.wait else {
            return Ok(answer);
        };
        let (Some((state, Some(checkpoint))), Some(shard)) =
            (signed, self.shared.shards.get(call.partition))
        else {
            return Err(HostError::Corrupt(
                "a group commit carried no state to sign".to_owned(),
            ));
        };
        answer.checkpoint = Some(Arc::clone(checkpoint));
        if paths {
            answer.paths = Some(self.shared.paths_of(
                shard,
                &answer.outcomes,
                (state.size, &state.root),
            )?);
        }
        Ok(answer)
    }

    fn fail(&self, calls: Vec<Staged>, error: &HostError) {
        self.shared.fail(error);
        for call in calls {
            call.reply
                .send(Err(HostError::OutcomeUnknown(error.to_string())));
        }
        self.shared.give_up_waiters(error);
    }

    #[cfg(test)]
    fn mutate(&self, calls: Vec<Staged>, states: &[(usize, TreeState)]) -> Vec<Staged> {
        match self.shared.world.mutant {
            Some(Mutant::ReplyBeforeSync) => {
                self.finish(calls, states);
                Vec::new()
            }
            Some(Mutant::SignBeforeSync) => {
                for (partition, state) in states {
                    self.shared
                        .publish(&self.shared.shards[*partition], *state, true);
                }
                calls
            }
            _ => calls,
        }
    }
}

/// The answer to a call whose records are durable.
fn answer_of(call: &mut Staged) -> Answer {
    Answer {
        epoch: EPOCH,
        outcomes: std::mem::take(&mut call.outcomes),
        durable: true,
        checkpoint: None,
        paths: None,
    }
}

impl Shared {
    /// Inclusion paths of all outcomes against a signed state, each checked before it leaves (M7).
    pub(crate) fn paths_of(
        &self,
        shard: &Shard,
        outcomes: &[u8],
        (size, root): (u64, &Hash),
    ) -> Result<Vec<u8>, HostError> {
        let leaves = self.sealed_leaves(shard, Algorithm::Blake3);
        let sealed = shard.sealed.load(Ordering::Acquire);
        let mut offsets = Vec::with_capacity(outcomes.len() / OUTCOME_BYTES);
        for outcome in outcomes.chunks_exact(OUTCOME_BYTES) {
            let offset = Outcome::from_bytes(outcome)?.offset;
            leaves.read_ahead(offset, sealed); // of duplicates; new records are in memory
            offsets.push(offset);
        }
        let partition = shard.state.read();
        let proofs = partition.trees().blake3.proofs(&leaves);
        let mut out = Vec::with_capacity(offsets.len() * 33);
        for offset in offsets {
            let path = checked_path(&proofs, offset, (size, root))?;
            out.push(path.len() as u8);
            out.extend_from_slice(path.as_flattened());
        }
        Ok(out)
    }
}
