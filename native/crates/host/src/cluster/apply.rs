//! The state machine of a partition's group: a committed entry is applied, shows, and is answered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pyralog_cluster::CLUSTER_GROUP;
use pyralog_partition::{Applied, Prepared, Snapshot};
use pyralog_raft::{Committed, Content, Machine};
use pyralog_types::batch::{OUTCOME_BYTES, Outcome};

use super::everywhere::Everywhere;
use super::group::ClusterGroup;
use super::waiting::{Proposed, Waiting};
use crate::answer::{Answer, Reply, SignedCheckpoint, Wait};
use crate::error::HostError;
use crate::read::Algorithm;
use crate::shared::{Shard, Shared};
use crate::stage::count;

/// What a round of Raft works on.
pub(crate) struct Applying<'a> {
    pub shared: &'a Arc<Shared>,
    pub group: &'a mut ClusterGroup,
    pub waiting: &'a mut Waiting,
    /// Calls that wait for every voter.
    pub everywhere: &'a mut Everywhere,
    /// Seal points passed.
    pub seal_points: &'a mut Vec<(usize, Snapshot)>,
    /// Partitions that grew.
    pub grown: &'a mut BTreeSet<usize>,
    /// Terms that began: what was in the log before is applied.
    pub begun: &'a mut Vec<(u32, u32)>,
}

impl Machine for Applying<'_> {
    fn apply(&mut self, group: u32, entry: Committed<'_>) -> Result<(), String> {
        if group == CLUSTER_GROUP {
            if matches!(entry.content, Content::Begin) {
                self.begun.push((group, entry.epoch));
            }
            self.group.apply(entry);
            return Ok(());
        }
        let host = Arc::clone(self.shared);
        let mut proposed = self.waiting.applied(group, (entry.index, entry.epoch));
        let Some(shard) = host.shards.get(group as usize) else {
            return Ok(());
        };
        if entry.index <= shard.applied_index.load(Ordering::Acquire) {
            return Ok(()); // replay had it already (RF6)
        }
        let bytes = match entry.content {
            Content::Data(bytes) => bytes,
            Content::Begin => {
                self.begun.push((group, entry.epoch));
                &[]
            }
            Content::Members(_) => &[],
        };
        let prepared = proposed.as_mut().and_then(|call| call.prepared.take());
        match self.apply_to(shard, (entry.index, entry.epoch), (bytes, prepared)) {
            Ok(applied) => {
                match proposed {
                    Some(proposed) if proposed.wait.is_everywhere() => {
                        let place = (entry.index, entry.epoch);
                        self.everywhere.put(group, place, (applied, proposed));
                    }
                    Some(proposed) => answer(&host, shard, (entry.epoch, applied), proposed),
                    None => {}
                }
                Ok(())
            }
            Err(error) => {
                // The entry is committed and the state is not what it says: nothing may be built on it.
                host.fail(&error);
                if let Some(proposed) = proposed {
                    let error = HostError::OutcomeUnknown(error.to_string());
                    proposed.reply.send(Err(error));
                }
                Err(error.to_string())
            }
        }
    }

    fn applied(&self, group: u32) -> u64 {
        if group == CLUSTER_GROUP {
            return self.group.applied.0;
        }
        let shard = self.shared.shards.get(group as usize);
        shard.map_or(0, |shard| shard.applied_index.load(Ordering::Acquire))
    }

    fn installed(&mut self, group: u32, index: u64) -> Result<(), String> {
        let applied = self.applied(group);
        if applied >= index {
            return Ok(()); // taken over before (RF15)
        }
        Err(format!(
            "group {group} was given a snapshot up to entry {index}, and its partition is at {applied}"
        ))
    }
}

impl Applying<'_> {
    fn apply_to(
        &mut self,
        shard: &Shard,
        (index, epoch): (u64, u32),
        (bytes, prepared): (&[u8], Option<Prepared>),
    ) -> Result<Applied, HostError> {
        let host = self.shared;
        let mut state = shard.state.write();
        let applied = state.apply_hashed((bytes, prepared), index, epoch)?;
        let (size, log_time) = (state.size(), state.last_timestamp());
        let sealed = state.seal_point(host.limits, index);
        drop(state);
        shard.log_time.store(log_time, Ordering::Release);
        shard.applied_index.store(index, Ordering::Release);
        shard.applied.store(size, Ordering::Release);
        // Committed: a majority has it on disk, and this node too, or the engine would not give it out.
        shard.durable.store(size, Ordering::Release);
        if !bytes.is_empty() {
            count(&host.counters, &applied);
        }
        if applied.count > 0 {
            self.grown.insert(shard.number as usize);
        }
        if let Some(snapshot) = sealed {
            self.seal_points.push((shard.number as usize, snapshot));
        }
        Ok(applied)
    }
}

/// Answers a call whose records are committed, or has it wait for the checkpoint that covers them.
pub(super) fn answer(
    host: &Arc<Shared>,
    shard: &Shard,
    (epoch, applied): (u32, Applied),
    proposed: Proposed,
) {
    let answer = Answer {
        epoch,
        outcomes: applied.outcomes,
        durable: true,
        checkpoint: None,
        paths: None,
    };
    let reply = proposed.reply;
    let Wait::Checkpoint { paths } = proposed.wait.beside() else {
        return reply.send(Ok(answer));
    };
    let size = match size_that_covers(&answer.outcomes) {
        Ok(size) => size,
        Err(error) => return reply.send(Err(error)),
    };
    let (held, number) = (Arc::clone(host), shard.number as usize);
    let waiter = Reply::new(
        move |checkpoint: Result<Arc<SignedCheckpoint>, HostError>| {
            let whole = checkpoint.and_then(|checkpoint| {
                let mut answer = answer;
                if paths {
                    let shard = held.shard(number)?;
                    let root = held.root(shard, checkpoint.size, Algorithm::Blake3)?;
                    let state = (checkpoint.size, &root);
                    answer.paths = Some(held.paths_of(shard, &answer.outcomes, state)?);
                }
                answer.checkpoint = Some(checkpoint);
                Ok(answer)
            });
            reply.send(whole);
        },
    );
    if proposed.wait.is_everywhere() {
        // The checkpoint that covers them may have come while they were held.
        host.checkpoint_at(shard, size, waiter);
    } else {
        shard.signing.lock().waiters.push((size, waiter));
    }
}

/// Size of the smallest tree that has all these records.
fn size_that_covers(outcomes: &[u8]) -> Result<u64, HostError> {
    let mut size = 0;
    for outcome in outcomes.chunks_exact(OUTCOME_BYTES) {
        size = size.max(Outcome::from_bytes(outcome)?.offset + 1);
    }
    Ok(size)
}
