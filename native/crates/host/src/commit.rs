//! The second half of a group commit: write and sync, publish, sign, answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_channel::Receiver;
use parking_lot::Mutex;
use pyralog_log::{LogCommitter, StagedFrame, TreeState};
use pyralog_types::batch::{OUTCOME_BYTES, Outcome};

use crate::answer::{Answer, Reply, SignedCheckpoint, Wait};
use crate::error::HostError;
#[cfg(test)]
use crate::options::Mutant;
use crate::read::{Algorithm, checked_path};
use crate::shared::{Counters, EPOCH, Nudge, Shard, Shared};

/// A proposal that was applied and waits for the disk.
pub(crate) struct Staged {
    pub partition: usize,
    pub outcomes: Vec<u8>,
    pub wait: Wait,
    pub reply: Reply<Answer>,
}

/// One group commit.
pub(crate) struct Group {
    pub frame: StagedFrame,
    pub calls: Vec<Staged>,
    /// Per touched partition the state that rides in the frame.
    pub states: Vec<(usize, TreeState)>,
    /// It tells the log of entries that may go.
    pub releases: bool,
}

/// Makes groups durable, one after the other. Whoever holds the lock on the committer does it: the thread that applies
/// when nothing else waits (no hand-over), else the thread that syncs, so that the next group is hashed meanwhile.
pub(crate) struct Committing {
    shared: Arc<Shared>,
    committer: Mutex<Box<dyn LogCommitter>>,
}

impl Committing {
    pub fn new(shared: Arc<Shared>, committer: Box<dyn LogCommitter>) -> Self {
        Self {
            shared,
            committer: Mutex::new(committer),
        }
    }

    /// Body of the thread that syncs.
    pub fn run(&self, groups: &Receiver<Group>) {
        while let Ok(group) = groups.recv() {
            self.commit(group);
        }
    }

    /// Makes one group durable and answers its calls.
    pub fn commit(&self, group: Group) {
        let shared = &self.shared;
        let Group {
            frame,
            calls,
            states,
            releases,
        } = group;
        #[cfg(test)]
        let (calls, states) = self.mutate(calls, states);
        let mut log = self.committer.lock();
        let began = Instant::now();
        match log.commit(frame) {
            Ok(written) => {
                let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
                Counters::add(&shared.counters.sync_nanos, nanos);
                Counters::add(&shared.counters.fdatasyncs, 1);
                Counters::add(&shared.counters.wal_bytes, written.bytes);
                self.finish(calls, &states);
                if releases {
                    shared.released.store(true, Ordering::Release);
                    let _ = shared.nudge.try_send(Nudge::Look); // full: it is awake already
                }
                if shared.in_flight.fetch_sub(1, Ordering::AcqRel) == 1
                    && let Err(error) = log.mark_idle()
                {
                    shared.fail(&error.into());
                }
            }
            Err(error) => {
                drop(log);
                shared.in_flight.fetch_sub(1, Ordering::AcqRel);
                self.fail(calls, &error.into());
            }
        }
    }

    /// Everything staged is on disk: marks the end (W4), synced.
    pub fn stop(&self) -> Result<(), HostError> {
        Ok(self.committer.lock().mark_stop()?)
    }

    fn finish(&self, calls: Vec<Staged>, states: &[(usize, TreeState)]) {
        let mut checkpoints: Vec<(usize, TreeState, Option<Arc<SignedCheckpoint>>)> = Vec::new();
        for &(partition, state) in states {
            let awaited = calls
                .iter()
                .any(|call| call.partition == partition && call.wait != Wait::Durable);
            let Some(shard) = self.shared.shards.get(partition) else {
                continue;
            };
            let checkpoint = self.shared.publish(shard, state, awaited);
            checkpoints.push((partition, state, checkpoint));
        }
        let unsigned = checkpoints.iter().any(|(_, _, signed)| signed.is_none());
        for mut call in calls {
            let signed = checkpoints.iter().find(|(p, _, _)| *p == call.partition);
            let answer = self.answer(&mut call, signed.map(|(_, state, c)| (state, c.as_ref())));
            call.reply.send(answer);
        }
        if unsigned {
            let _ = self.shared.nudge.try_send(Nudge::Look); // full: it is awake already
        }
    }

    fn answer(
        &self,
        call: &mut Staged,
        signed: Option<(&TreeState, Option<&Arc<SignedCheckpoint>>)>,
    ) -> Result<Answer, HostError> {
        let mut answer = Answer {
            epoch: EPOCH,
            outcomes: std::mem::take(&mut call.outcomes),
            checkpoint: None,
            paths: None,
        };
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
            answer.paths = Some(self.shared.paths_of(shard, &answer.outcomes, state)?);
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
    fn mutate(
        &self,
        calls: Vec<Staged>,
        states: Vec<(usize, TreeState)>,
    ) -> (Vec<Staged>, Vec<(usize, TreeState)>) {
        match self.shared.world.mutant {
            Some(Mutant::ReplyBeforeSync) => {
                self.finish(calls, &states);
                (Vec::new(), states)
            }
            Some(Mutant::SignBeforeSync) => {
                for (partition, state) in &states {
                    self.shared
                        .publish(&self.shared.shards[*partition], *state, true);
                }
                (calls, states)
            }
            Some(Mutant::ReleaseBeforeManifest) | None => (calls, states),
        }
    }
}

impl Shared {
    /// Inclusion paths of all outcomes against a signed state, each checked before it leaves (M7).
    fn paths_of(
        &self,
        shard: &Shard,
        outcomes: &[u8],
        state: &TreeState,
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
            let path = checked_path(&proofs, offset, (state.size, &state.root))?;
            out.push(path.len() as u8);
            out.extend_from_slice(path.as_flattened());
        }
        Ok(out)
    }
}
