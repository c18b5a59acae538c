//! Signing checkpoints: only of states that are durable in this replica's log (C6), at once for those who wait (N5).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pyralog_log::TreeState;

use crate::answer::{Reply, SignedCheckpoint};
use crate::cluster::Event;
use crate::error::HostError;
use crate::note::Body;
use crate::options::HostOptions;
use crate::shared::{Counters, EPOCH, Nudge, Shard, Shared, Signing};

/// Signatures a second that nobody waits for, over all partitions: a few hundredths of a processor.
const UNAWAITED_PER_SECOND: u64 = 640;

/// How often to look for partitions that are due, in the least distance between two checkpoints of one.
const LOOKS_A_DISTANCE: u32 = 16;

/// Least distance between checkpoints of a partition that nobody waits for: as set, or longer when there are so many
/// partitions that signing would keep a processor busy (N5).
pub(crate) fn least_distance(options: &HostOptions) -> u64 {
    let all = options.partitions.len() as u64 * 1_000 / UNAWAITED_PER_SECOND;
    options.checkpoint_ms_min.max(all)
}

impl Shared {
    /// Takes note of a durable state. Signs it when `now` is set or somebody waits, and then gives the checkpoint; else
    /// [`Shared::sign_all_due`] does later, so that no answer waits for the signatures of hundreds of partitions.
    pub(crate) fn publish(
        &self,
        shard: &Shard,
        state: TreeState,
        now: bool,
    ) -> Option<Arc<SignedCheckpoint>> {
        let mut signing = shard.signing.lock();
        signing.durable = state;
        shard.durable.store(state.size, Ordering::Release);
        let awaited = signing.waiters.iter().any(|(size, _)| *size <= state.size);
        (now || awaited).then(|| self.sign(shard, &mut signing))
    }

    /// States were published that nobody signed: wakes the thread that will, unless it knows that there are some.
    pub(crate) fn leave_unsigned(&self) {
        if !self.unsigned.swap(true, Ordering::AcqRel) {
            let _ = self.nudge.try_send(Nudge::Look); // full: it is awake already
        }
    }

    /// Signs what nobody waits for, where the last signature is old enough. Returns how long to wait before doing so again,
    /// when there is something left to sign: then nobody has to ask for it.
    pub(crate) fn sign_all_due(&self) -> Option<Duration> {
        if self.inbox.is_some() {
            return None; // the leaders of the partitions do (CO1)
        }
        // Reads what publishers wrote last, so that this look sees what they published before.
        self.unsigned.swap(false, Ordering::AcqRel);
        let shards = self.shards.iter();
        let wait = shards.filter_map(|shard| self.sign_when_due(shard)).min()?;
        self.unsigned.store(true, Ordering::Release);
        // Partitions that become due one after the other are looked through together.
        let together = Duration::from_millis(self.checkpoint_ms_min) / LOOKS_A_DISTANCE;
        Some(wait.max(together))
    }

    /// Signs the newest durable state if nobody did yet and the last signature is old enough. Returns how long to wait
    /// before asking again, when there is something left to sign.
    fn sign_when_due(&self, shard: &Shard) -> Option<Duration> {
        let mut signing = shard.signing.lock();
        let signed = signing.newest.as_ref().map(|newest| newest.size);
        if signed.unwrap_or(0) >= signing.durable.size {
            return None;
        }
        if self.due(&signing) {
            self.sign(shard, &mut signing);
            return None;
        }
        let least = Duration::from_millis(self.checkpoint_ms_min);
        let since = signing.signed_at.map_or(least, |at| at.elapsed());
        Some(least.saturating_sub(since))
    }

    /// Calls back with a checkpoint of at least `size` records.
    pub(crate) fn checkpoint_at(
        &self,
        shard: &Shard,
        size: u64,
        reply: Reply<Arc<SignedCheckpoint>>,
    ) {
        let mut signing = shard.signing.lock();
        let newest = signing.newest.clone().filter(|newest| newest.size >= size);
        let ready = match newest {
            Some(newest) => Some(newest),
            None if self.inbox.is_none() && signing.durable.size >= size => {
                Some(self.sign(shard, &mut signing))
            }
            None => None,
        };
        match (ready, self.failure()) {
            (Some(checkpoint), _) => {
                drop(signing);
                reply.send(Ok(checkpoint));
            }
            (None, Some(error)) => {
                drop(signing);
                reply.send(Err(error));
            }
            (None, None) => {
                signing.waiters.push((size, reply));
                drop(signing);
                if let Some(inbox) = &self.inbox {
                    inbox.event(Event::Awaited(shard.number as usize));
                }
            }
        }
    }

    /// Tells everybody who waits for a checkpoint that none will come.
    pub(crate) fn give_up_waiters(&self, error: &HostError) {
        for shard in self.shards.iter() {
            let waiters = std::mem::take(&mut shard.signing.lock().waiters);
            for (_, reply) in waiters {
                reply.send(Err(error.clone()));
            }
        }
    }

    fn due(&self, signing: &Signing) -> bool {
        let least = Duration::from_millis(self.checkpoint_ms_min);
        signing.signed_at.is_none_or(|at| at.elapsed() >= least)
    }

    fn sign(&self, shard: &Shard, signing: &mut Signing) -> Arc<SignedCheckpoint> {
        if let Some(newest) = &signing.newest
            && newest.size == signing.durable.size
        {
            return Arc::clone(newest);
        }
        let checkpoint = self.sign_state(shard, &signing.durable);
        for reply in signing.show(&checkpoint) {
            reply.send(Ok(Arc::clone(&checkpoint)));
        }
        checkpoint
    }

    pub(crate) fn sign_state(&self, shard: &Shard, state: &TreeState) -> Arc<SignedCheckpoint> {
        let body = Body {
            origin: &shard.origin,
            size: state.size,
            root: &state.root,
            sha256_root: state.sha256_root.as_ref(),
            epoch: EPOCH,
            // A clock set back must not sign "existed no later than" a time before the record: log time never goes back.
            time_ms: (self.world.clock)().max(shard.log_time.load(Ordering::Acquire)),
        };
        Counters::add(&self.counters.checkpoints, 1);
        Arc::new(SignedCheckpoint {
            size: state.size,
            note: body.cosign(&self.cosigner),
            sha256_note: shard.log_key.as_ref().and_then(|key| body.sign_sha256(key)),
        })
    }
}

impl Signing {
    /// Takes a checkpoint in, and out those that waited for it.
    fn show(&mut self, checkpoint: &Arc<SignedCheckpoint>) -> Vec<Reply<Arc<SignedCheckpoint>>> {
        let newest = self.newest.as_ref().map_or(0, |newest| newest.size);
        if self.newest.is_none() || checkpoint.size > newest {
            self.newest = Some(Arc::clone(checkpoint));
        }
        self.signed_at = Some(Instant::now());
        let (ready, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiters)
            .into_iter()
            .partition(|(size, _)| *size <= checkpoint.size);
        self.waiters = waiting;
        ready.into_iter().map(|(_, reply)| reply).collect()
    }
}

impl Shard {
    /// A checkpoint has all its signatures: who waited for it gets it.
    pub(crate) fn show(&self, checkpoint: &Arc<SignedCheckpoint>) {
        let replies = self.signing.lock().show(checkpoint);
        for reply in replies {
            reply.send(Ok(Arc::clone(checkpoint)));
        }
    }
}
