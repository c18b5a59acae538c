//! Calls: proposed where this node leads, handed on where another does (RF7).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pyralog_cluster::CLUSTER_GROUP;
use pyralog_partition::Stamper;
use pyralog_raft::{Refusal, Role};
use pyralog_types::batch::{CheckedProposal, IdRun};

use super::drive::Driving;
use super::message::{Message, Refused};
use super::questions::{ClusterStatus, PartitionRole, PartitionStatus, PeerStatus};
use super::waiting::{Homeless, Proposed};
use crate::answer::{Answer, Call, Reply, Wait};
use crate::error::HostError;

/// How long a call waits for somebody to lead its partition, before its caller is told to try again.
const HOMELESS: Duration = Duration::from_secs(5);

impl Driving {
    pub fn call(&mut self, call: Call) {
        let Call {
            partition,
            proposal,
            ahead,
            wait,
            reply,
        } = call;
        let prepared = ahead.and_then(|hashes| hashes.recv().ok());
        let Some(proposal) = Arc::into_inner(proposal) else {
            return reply.send(Err(HostError::OutcomeUnknown(
                "its proposal is still being hashed".to_owned(),
            )));
        };
        let homeless = Homeless {
            partition,
            proposal,
            prepared,
            wait,
            reply,
        };
        self.place(homeless, Instant::now() + HOMELESS);
    }

    /// Proposes, hands on, or keeps until one of the two can be done.
    fn place(&mut self, call: Homeless, until: Instant) {
        if let Some(error) = self.shared.failure() {
            return call.reply.send(Err(error));
        }
        match self.leader(call.partition) {
            Some(leader) if leader == self.me => self.propose(call, until),
            Some(leader) if self.up.contains(&leader) => self.hand_on(leader, call),
            _ => self.homeless.push_back((until, call)),
        }
    }

    /// Calls that wait for a leader are looked at again; those that waited too long are sent back.
    pub fn look_after_homeless(&mut self, now: Instant) {
        for (until, call) in std::mem::take(&mut self.homeless) {
            if until <= now {
                call.reply.send(Err(HostError::NotLeader { hint: None }));
            } else {
                self.place(call, until);
            }
        }
    }

    fn propose(&mut self, call: Homeless, until: Instant) {
        let group = call.partition as u32;
        let Some(stamper) = self
            .stampers
            .get_mut(call.partition)
            .and_then(Option::as_mut)
        else {
            // Elected, and not through with what was in the log before: its times and ids come first.
            self.homeless.push_back((until, call));
            return;
        };
        let wall_ms = (self.shared.world.clock)();
        let count = call.proposal.proposal().len() as u32;
        let issued = self.shared.ids.issue(count, wall_ms);
        let runs: Vec<IdRun> = match issued.map_err(|error| self.shared.refused_ids(error)) {
            Ok(runs) => runs
                .iter()
                .map(|run| IdRun {
                    first: run.first,
                    count: run.count,
                })
                .collect(),
            Err(error) => return call.reply.send(Err(error)),
        };
        let bytes = call.proposal.proposal().bytes().len();
        let mut entry = Vec::with_capacity(16 + 16 * runs.len() + bytes);
        stamper.stamp(wall_ms, &runs, &mut entry);
        entry.extend_from_slice(call.proposal.proposal().bytes());
        match self.raft.propose(group, entry) {
            Ok(place) => {
                self.shared.spent.put_proposal(call.proposal);
                let proposed = Proposed {
                    term: place.term,
                    wait: call.wait,
                    prepared: call.prepared,
                    reply: call.reply,
                };
                self.waiting.put(group, place.index, proposed);
            }
            Err(Refusal::NotLeader { .. }) => self.homeless.push_back((until, call)),
            Err(Refusal::Overloaded) => call.reply.send(Err(HostError::LeaderBusy(format!(
                "partition {group} has too much on its way to its replicas, or no room on its disk; retry in a moment"
            )))),
            Err(refusal) => call.reply.send(Err(HostError::GroupStopped(refusal.to_string()))),
        }
    }

    fn hand_on(&mut self, leader: u16, call: Homeless) {
        let ticket = self.forwards.put((leader, call.partition), call.reply);
        let message = Message::Forward {
            ticket,
            partition: call.partition as u32,
            wait: call.wait,
            proposal: call.proposal.into_bytes(),
        };
        self.tell(leader, message.encode());
    }

    /// A call that another node handed on. It is answered with a message; when the link is lost, that node knows.
    pub fn forwarded(
        &mut self,
        (from, ticket): (u16, u64),
        partition: u32,
        (wait, proposal): (Wait, Vec<u8>),
    ) {
        let (links, name) = (Arc::clone(&self.links), from);
        let reply = Reply::new(move |answer: Result<Answer, HostError>| {
            let answer = answer.map_err(|error| Refused::of(&error));
            let message = Message::Forwarded { ticket, answer };
            super::drive::tell(&links, name, message.encode());
        });
        let checked = CheckedProposal::parse(proposal).map_err(HostError::from);
        let checked = self.shared.shard(partition as usize).and(checked);
        let proposal = match checked {
            Ok(proposal) => proposal,
            Err(error) => return reply.send(Err(error)),
        };
        if self.leader(partition as usize) != Some(self.me) {
            // Handing it on once more could go round in circles.
            return reply.send(Err(HostError::NotLeader { hint: None }));
        }
        let call = Homeless {
            partition: partition as usize,
            proposal,
            prepared: None,
            wait,
            reply,
        };
        self.propose(call, Instant::now() + HOMELESS);
    }

    /// This node leads a group and has applied what was there before: its own times and ids come behind that (S4, L5).
    pub fn lead(&mut self, group: u32) {
        if group == CLUSTER_GROUP {
            self.group.leads = self.raft.leads(group).map(|term| term as u32);
            self.group.changed = true;
            return;
        }
        let Some(shard) = self.shared.shards.get(group as usize) else {
            return;
        };
        let state = shard.state.read();
        self.shared.ids.advance_past(state.last_id());
        let stamper = Stamper::behind(state.last_timestamp());
        drop(state);
        self.stampers[group as usize] = Some(stamper);
        self.look_after_homeless(Instant::now());
    }

    /// Who leads a partition, as was heard last; where this node keeps none of it, as the cluster knows.
    pub fn leader(&self, partition: usize) -> Option<u16> {
        let state = self.group.state.as_ref();
        let replicas = state.and_then(|state| state.replicas(partition as u32));
        if let Some(replicas) = replicas
            && !replicas.has(self.me)
        {
            return replicas.reported.as_ref().map(|one| one.leader);
        }
        self.leaders.get(partition).and_then(|(leader, _)| *leader)
    }

    pub fn read_index(&mut self, partition: usize, reply: Reply<u64>) {
        self.next_read += 1;
        let ticket = self.next_read;
        match self.raft.read(partition as u32, ticket) {
            Ok(()) => {
                self.reads.insert(ticket, (partition, reply));
            }
            Err(refusal) => reply.send(Err(HostError::GroupStopped(refusal.to_string()))),
        }
    }

    pub fn transfer(&mut self, group: u32, to: u16) -> Result<(), HostError> {
        if !self.checkpoints.known.contains_key(&to) {
            let have = self.checkpoints.known.len() as u64;
            return Err(HostError::OutOfRange {
                what: "member",
                asked: u64::from(to),
                have,
            });
        }
        self.raft
            .transfer(group, to)
            .map_err(|refusal| match refusal {
                Refusal::NotLeader { hint } => HostError::NotLeader { hint },
                other => HostError::GroupStopped(other.to_string()),
            })
    }

    /// Every partition's group and every link.
    pub fn status(&self) -> ClusterStatus {
        let partitions = self
            .shared
            .shards
            .iter()
            .map(|shard| self.status_of(shard.number));
        let now = Instant::now();
        let peers = self
            .checkpoints
            .known
            .keys()
            .filter(|node| **node != self.me);
        let group = self.status_of(CLUSTER_GROUP);
        ClusterStatus {
            partitions: partitions.collect(),
            group: Some(group),
            state: self.group.state.clone(),
            problem: self.arranging.problem.clone(),
            peers: peers
                .map(|node| PeerStatus {
                    node: *node,
                    up: self.up.contains(node),
                    problem: self.refusals.of(Some(*node), now),
                })
                .collect(),
            stranger: self.refusals.of(None, now),
        }
    }

    fn status_of(&self, group: u32) -> PartitionStatus {
        let status = self.raft.status(group).unwrap_or_default();
        let members = &status.members;
        let leads = status.role == Role::Leader;
        let role = if leads {
            PartitionRole::Leader
        } else {
            PartitionRole::Follower {
                leader: status.leader,
            }
        };
        let behind = status.progress.iter().find(|one| !one.active);
        let fetches = status.progress.iter().find(|one| one.snapshot);
        let brought_up = self.fetcher.fetching.said(group);
        let unable = self
            .pinned
            .problem(group)
            .map(|why| format!("a replica needs a snapshot, and this node cannot give one: {why}"));
        let contradictions = &self.checkpoints.contradictions;
        let contradiction = contradictions.iter().find(|one| one.partition == group);
        let problem = match (&status.stopped, status.leader, behind) {
            (Some(reason), ..) => Some(format!("stopped: {reason}")),
            _ if contradiction.is_some() => contradiction.map(|one| {
                format!(
                    "node {} showed a signed checkpoint that this node's log contradicts: keep {}, stop both, and find out whose log is forked",
                    one.from, one.file
                )
            }),
            _ if brought_up.is_some() => brought_up,
            (None, None, _) => Some("nobody is known to lead it: a majority is needed".to_owned()),
            (None, _, Some(one)) => Some(format!("node {} is not heard of", one.node)),
            _ if unable.is_some() => unable,
            _ => fetches.map(|one| format!("node {} is being brought up by a snapshot", one.node)),
        };
        PartitionStatus {
            partition: group,
            role,
            epoch: status.term,
            commit: status.commit,
            applied: status.applied,
            last: status.last,
            replicas: status
                .progress
                .iter()
                .map(|one| (one.node, one.matched))
                .collect(),
            voters: both(&members.voters, &members.outgoing),
            learners: both(&members.learners, &members.learners_next),
            problem,
        }
    }

    /// A question for the index that a read must have seen is answered, and applied.
    pub fn read_ready(&mut self, ticket: u64, result: Result<u64, Refusal>) {
        let Some((partition, reply)) = self.reads.remove(&ticket) else {
            return;
        };
        let size = || {
            let shard = self.shared.shards.get(partition);
            shard.map_or(0, |shard| shard.durable.load(Ordering::Acquire))
        };
        let outcome = result.map(|_| size());
        reply.send(outcome.map_err(|_| HostError::NotLeader { hint: None }));
    }
}

fn both(one: &[u16], other: &[u16]) -> Vec<u16> {
    let all: BTreeSet<u16> = one.iter().chain(other).copied().collect();
    all.into_iter().collect()
}
