//! When checkpoints are made in a cluster, and by whom (CO1–CO6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pyralog_log::TreeState;

use super::cosign::{AGAIN, Cosigning, Round, body};
use super::drive::Driving;
use super::message::{Asked, Declined, Message};
use super::replica::{Contradiction, Whole};
use crate::frame::state_of;
use crate::note::NamedVerifier;
use crate::shared::{Counters, Shard};

/// Checkpoints of the partitions led here, and signatures for those led elsewhere.
pub(crate) struct Checkpoints {
    pub cosigning: Cosigning,
    /// Keys of the replicas.
    pub known: BTreeMap<u16, NamedVerifier>,
    /// Signatures that make a checkpoint.
    pub needed: usize,
    /// Partitions that somebody waits for.
    awaited: BTreeSet<usize>,
    /// Partitions with records that no checkpoint covers, and when one is due.
    due: BTreeMap<usize, Instant>,
    /// What this replica was asked to sign and has not applied yet.
    pub behind: BTreeMap<usize, (u16, Asked)>,
    /// Checkpoints of leaders that cover more than is applied here.
    pub ahead: BTreeMap<usize, (u16, Whole)>,
    /// What contradicts this replica's log, newest last.
    pub contradictions: Vec<Contradiction>,
    /// Largest state on record as signed, by partition (C6).
    pub signed: BTreeMap<u32, TreeState>,
    least_distance: Duration,
}

impl Checkpoints {
    pub fn new(
        known: BTreeMap<u16, NamedVerifier>,
        (needed, least_distance): (usize, Duration),
        signed: BTreeMap<u32, TreeState>,
    ) -> Self {
        Self {
            cosigning: Cosigning::default(),
            known,
            needed,
            awaited: BTreeSet::new(),
            due: BTreeMap::new(),
            behind: BTreeMap::new(),
            ahead: BTreeMap::new(),
            contradictions: Vec::new(),
            signed,
            least_distance,
        }
    }

    pub fn awaited(&mut self, partition: usize) {
        self.awaited.insert(partition);
    }

    pub fn sealed(&mut self, sequence: u64) {
        self.cosigning.sealed(sequence);
    }

    /// Whether a signature waits for the open frame.
    pub fn has_staged(&self) -> bool {
        !self.cosigning.staged.is_empty()
    }

    /// When to look again though nothing happens.
    pub fn wake_at(&self) -> Option<Instant> {
        self.due.values().min().copied()
    }
}

impl Driving {
    /// Begins the checkpoints that are awaited or due, and looks again at what this replica was asked to sign.
    pub fn have_checkpoints_signed(&mut self) {
        let now = Instant::now();
        for partition in self.grown.clone() {
            self.checkpoints
                .due
                .entry(partition)
                .or_insert(now + self.checkpoints.least_distance);
            if let Some((peer, asked)) = self.checkpoints.behind.remove(&partition) {
                self.cosign(peer, asked);
            }
            if let Some((peer, whole)) = self.checkpoints.ahead.remove(&partition) {
                self.take_checkpoint(peer, whole);
            }
            let shard = &self.shared.shards[partition];
            let wanted = !shard.signing.lock().waiters.is_empty();
            if wanted {
                self.checkpoints.awaited(partition);
            }
        }
        let due = self.checkpoints.due.iter().filter(|(_, at)| **at <= now);
        let mut wanted: BTreeSet<usize> = due.map(|(partition, _)| *partition).collect();
        wanted.append(&mut self.checkpoints.awaited);
        for partition in wanted {
            self.checkpoints.due.remove(&partition);
            self.begin_checkpoint(partition, now);
        }
    }

    fn begin_checkpoint(&mut self, partition: usize, now: Instant) {
        let group = partition as u32;
        if self.leader(partition) != Some(self.me) {
            return self.want_checkpoint(partition);
        }
        if let Some(round) = self.checkpoints.cosigning.rounds.get_mut(&partition) {
            // The one on its way first: it may cover what is wanted, and if not the next one begins when it is done.
            self.checkpoints.due.insert(partition, now + AGAIN);
            if !round.is_stale(now) {
                return;
            }
            if round.declined.is_empty() {
                round.asked_at = now;
                let asked = round.asked.clone();
                let signed = round.signatures.keys().copied().collect();
                return self.ask_replicas(&asked, &signed);
            }
            self.checkpoints.cosigning.rounds.remove(&partition);
        }
        let host = Arc::clone(&self.shared);
        let Ok(shard) = host.shard(partition) else {
            return;
        };
        let Ok(state) = state_of(shard) else {
            return;
        };
        let newest = shard
            .signing
            .lock()
            .newest
            .as_ref()
            .map(|newest| newest.size);
        if newest == Some(state.size) {
            return;
        }
        let asked = Asked {
            partition: group,
            epoch: self.leaders[partition].1 as u32,
            size: state.size,
            time_ms: (host.world.clock)().max(shard.log_time.load(Ordering::Acquire)),
            root: state.root,
            sha256_root: state.sha256_root,
        };
        if !self.stage_signature(self.me, &asked) {
            return;
        }
        let round = Round::new(asked.clone(), now);
        self.checkpoints.cosigning.rounds.insert(partition, round);
        self.ask_replicas(&asked, &BTreeSet::new());
    }

    fn ask_replicas(&mut self, asked: &Asked, but: &BTreeSet<u16>) {
        let message = Message::Cosign(asked.clone()).encode();
        for replica in self.voters(asked.partition as usize) {
            if replica != self.me && !but.contains(&replica) {
                self.tell(replica, message.clone());
            }
        }
    }

    /// A replica signed, or said why not.
    pub fn signed(
        &mut self,
        node: u16,
        (partition, size, time_ms): (usize, u64, u64),
        result: Result<[u8; 64], Declined>,
    ) {
        let host = Arc::clone(&self.shared);
        let Some(shard) = host.shards.get(partition) else {
            return;
        };
        let needed = self.needed(partition);
        let checkpoints = &mut self.checkpoints;
        let Some(round) = checkpoints.cosigning.rounds.get_mut(&partition) else {
            return;
        };
        if (round.asked.size, round.asked.time_ms) != (size, time_ms) {
            return; // of an earlier one
        }
        match result {
            Ok(signature) => {
                let body = body(&shard.origin, &round.asked);
                let known = checkpoints.known.get(&node);
                if known.is_some_and(|known| body.is_signed_by(known, &signature)) {
                    round.signatures.insert(node, signature);
                }
            }
            Err(declined) => {
                round.declined.insert(node, declined);
            }
        }
        if round.signatures.len() >= needed
            && let Some(round) = checkpoints.cosigning.rounds.remove(&partition)
        {
            let whole = Whole {
                asked: round.asked,
                signatures: round.signatures.into_iter().collect(),
            };
            self.publish(shard, whole);
        }
    }

    /// A checkpoint has its signatures: whoever waits for it gets it, here and on the other replicas.
    fn publish(&mut self, shard: &Shard, whole: Whole) {
        Counters::add(&self.shared.counters.checkpoints, 1);
        shard.show(&Arc::new(self.note_of(shard, &whole)));
        let Whole { asked, signatures } = whole;
        let message = Message::Checkpoint { asked, signatures }.encode();
        let replicas: Vec<u16> = self.checkpoints.known.keys().copied().collect();
        for replica in replicas {
            if replica != self.me {
                self.tell(replica, message.clone());
            }
        }
        if !shard.signing.lock().waiters.is_empty() {
            self.checkpoints.awaited(shard.number as usize);
        }
    }

    /// Followers that have waiters ask whoever leads.
    fn want_checkpoint(&mut self, partition: usize) {
        let Some(shard) = self.shared.shards.get(partition) else {
            return;
        };
        let sizes: Vec<u64> = shard
            .signing
            .lock()
            .waiters
            .iter()
            .map(|(size, _)| *size)
            .collect();
        let (Some(size), Some(leader)) = (sizes.into_iter().max(), self.leader(partition)) else {
            return;
        };
        let message = Message::Wanted {
            partition: partition as u32,
            size,
        };
        self.tell(leader, message.encode());
    }

    /// Waiters on followers are asked for again: the leader may have changed, or a message been lost.
    pub fn ask_leaders_for_checkpoints(&mut self) {
        for partition in 0..self.shared.shards.len() {
            if !self.shared.shards[partition]
                .signing
                .lock()
                .waiters
                .is_empty()
            {
                self.checkpoints.awaited(partition);
            }
        }
    }
}
