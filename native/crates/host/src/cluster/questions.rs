//! What callers ask a replicated store beside what they ask every store.

use std::sync::Arc;

use pyralog_cluster::{ClusterState, Outcome};

use super::inbox::Event;
use crate::answer::Reply;
use crate::error::HostError;
use crate::host::Host;

/// What this node is to a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionRole {
    /// It leads.
    Leader,
    /// It follows, or looks for a leader.
    Follower {
        /// Who leads, as far as it knows.
        leader: Option<u16>,
    },
}

/// A partition's group, seen from this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionStatus {
    /// The partition.
    pub partition: u32,
    /// This node's part in it.
    pub role: PartitionRole,
    /// Current term.
    pub epoch: u64,
    /// Index up to which entries are committed, as far as is known here.
    pub commit: u64,
    /// Index up to which they are applied here.
    pub applied: u64,
    /// Newest index in this node's log.
    pub last: u64,
    /// Of a leader: each replica and the newest index it is known to have on disk.
    pub replicas: Vec<(u16, u64)>,
    /// Who votes in it; in the midst of a change, those who leave, too.
    pub voters: Vec<u16>,
    /// Who gets its entries only.
    pub learners: Vec<u16>,
    /// Why it is not well; `None` when it is.
    pub problem: Option<String>,
}

/// A link, seen from this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// The peer.
    pub node: u16,
    /// The link is up.
    pub up: bool,
    /// Why its newest connection came to nothing, of the last half minute.
    pub problem: Option<String>,
}

/// Everything a node knows of its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterStatus {
    /// Every partition's group.
    pub partitions: Vec<PartitionStatus>,
    /// The cluster group, of a replicated store.
    pub group: Option<PartitionStatus>,
    /// What the members agreed on; `None` until this node heard of it.
    pub state: Option<Arc<ClusterState>>,
    /// What of it could not be brought about here, and why.
    pub problem: Option<String>,
    /// Every link.
    pub peers: Vec<PeerStatus>,
    /// Why somebody who is no member was turned away, of the last half minute.
    pub stranger: Option<String>,
}

impl Host {
    /// Calls back with every partition's group and every link; nothing of both when the store is not replicated.
    pub fn cluster_status(&self, reply: Reply<ClusterStatus>) {
        match &self.shared.inbox {
            None => reply.send(Ok(ClusterStatus::default())),
            Some(inbox) => inbox.event(Event::Ask(Box::new(move |driving| {
                reply.send(Ok(driving.status()));
            }))),
        }
    }

    /// Has the cluster group carry out a command (GR5), wherever it is led; calls back with what it came to. `OutcomeUnknown`
    /// when that is not known: a command may be repeated.
    pub fn cluster_command(&self, command: Vec<u8>, reply: Reply<Outcome>) {
        match &self.shared.inbox {
            None => reply.send(Err(HostError::GroupStopped(
                "this node is alone: it has no cluster".to_owned(),
            ))),
            Some(inbox) => inbox.event(Event::Ask(Box::new(move |driving| {
                driving.command(command, reply);
            }))),
        }
    }

    /// Calls back with the size of the partition once everything that was acknowledged before this call can be read here
    /// (RF12).
    pub fn read_index(&self, partition: usize, reply: Reply<u64>) {
        let shard = match self.shared.shard(partition) {
            Ok(shard) => shard,
            Err(error) => return reply.send(Err(error)),
        };
        match &self.shared.inbox {
            None => reply.send(self.durable_size(shard.number as usize)),
            Some(inbox) => inbox.event(Event::Ask(Box::new(move |driving| {
                driving.read_index(partition, reply);
            }))),
        }
    }

    /// Has this node, if it leads a partition, hand it over to another replica; calls back when it has begun to.
    pub fn transfer(&self, partition: usize, to: u16, reply: Reply<()>) {
        match (&self.shared.inbox, self.shared.shard(partition)) {
            (_, Err(error)) => reply.send(Err(error)),
            (None, _) => reply.send(Err(HostError::NotLeader { hint: None })),
            (Some(inbox), Ok(_)) => inbox.event(Event::Ask(Box::new(move |driving| {
                reply.send(driving.transfer(partition as u32, to));
            }))),
        }
    }
}
