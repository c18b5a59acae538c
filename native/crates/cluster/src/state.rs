//! The state of the cluster group: a pure function of its entries (GR1).

use std::collections::{BTreeMap, BTreeSet};

use crate::codec::wire;
use crate::consumers::ConsumerGroup;
use crate::coordinator::Coordinator;
use crate::due::Due;
use crate::limits::CLUSTER_GROUP;
use crate::lock::Lock;
use crate::member::Member;
use crate::partition::{Log, Partition, Replicas};
use crate::settings::{Planning, Replication};

/// Where in the cluster group's log something stands, and what time it was for the leader that proposed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct At {
    /// Index of the entry.
    pub index: u64,
    /// Its epoch.
    pub epoch: u32,
    /// Unix milliseconds.
    pub time_ms: u64,
}
wire!(struct At { index, epoch, time_ms });

/// Everything the cluster group knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterState {
    /// The newest entry applied, and the latest time of any.
    pub(crate) at: At,
    /// Which cluster (LK3).
    pub(crate) id: [u8; 32],
    /// What its origins begin with: `pyralog/<network id>/<cluster>` (I4).
    pub(crate) scope: String,
    pub(crate) replication: Replication,
    pub(crate) planning: Planning,
    pub(crate) settings: BTreeMap<String, String>,
    /// All that ever were, so that no number comes twice.
    pub(crate) members: BTreeMap<u16, Member>,
    pub(crate) logs: BTreeMap<String, Log>,
    /// All that ever were.
    pub(crate) partitions: BTreeMap<u32, Partition>,
    /// Smallest number that no partition ever had.
    pub(crate) next_partition: u32,
    /// Replicas of the cluster group itself.
    pub(crate) own: Replicas,
    /// Smallest fencing number that was never given out.
    pub(crate) next_fence: u64,
    pub(crate) coordinators: BTreeMap<u16, Coordinator>,
    pub(crate) locks: BTreeMap<String, Lock>,
    pub(crate) consumers: BTreeMap<String, ConsumerGroup>,
    /// When to look for what ends.
    pub(crate) due: Due,
}
wire!(struct ClusterState {
    at, id, scope, replication, planning, settings, members, logs, partitions, next_partition, own, next_fence,
    coordinators, locks, consumers, due
});

impl ClusterState {
    /// Where it stands.
    #[must_use]
    pub fn at(&self) -> At {
        self.at
    }

    /// Which cluster it is of.
    #[must_use]
    pub fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// What origins begin with (I4).
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// How many replicas there should be.
    #[must_use]
    pub fn replication(&self) -> Replication {
        self.replication
    }

    /// What the planner keeps to.
    #[must_use]
    pub fn planning(&self) -> Planning {
        self.planning
    }

    /// Settings by name.
    #[must_use]
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// All members that ever were, by number.
    #[must_use]
    pub fn members(&self) -> &BTreeMap<u16, Member> {
        &self.members
    }

    /// Logs by name.
    #[must_use]
    pub fn logs(&self) -> &BTreeMap<String, Log> {
        &self.logs
    }

    /// All partitions that ever were, by number.
    #[must_use]
    pub fn partitions(&self) -> &BTreeMap<u32, Partition> {
        &self.partitions
    }

    /// Replicas of a partition, or of the cluster group.
    #[must_use]
    pub fn replicas(&self, group: u32) -> Option<&Replicas> {
        if group == CLUSTER_GROUP {
            return Some(&self.own);
        }
        Some(&self.partitions.get(&group)?.replicas)
    }

    /// Coordinators by number.
    #[must_use]
    pub fn coordinators(&self) -> &BTreeMap<u16, Coordinator> {
        &self.coordinators
    }

    /// Locks that are held, by name.
    #[must_use]
    pub fn locks(&self) -> &BTreeMap<String, Lock> {
        &self.locks
    }

    /// Consumer groups by name.
    #[must_use]
    pub fn consumers(&self) -> &BTreeMap<String, ConsumerGroup> {
        &self.consumers
    }

    /// Partitions of a log that own its keys, in order of their keys (GR7).
    #[must_use]
    pub fn owners(&self, log: &str) -> Vec<u32> {
        let of_log = |(_, one): &(&u32, &Partition)| one.log == log && one.status.owns();
        let mut owners: Vec<_> = self.partitions.iter().filter(of_log).collect();
        owners.sort_by_key(|(_, one)| one.range);
        owners.into_iter().map(|(number, _)| *number).collect()
    }

    /// The partition of a log that owns a slot (PM1).
    #[must_use]
    pub fn owner_of(&self, log: &str, slot: u32) -> Option<u32> {
        let owns = |one: &Partition| one.log == log && one.status.owns() && one.range.has(slot);
        let mut found = self.partitions.iter().filter(|(_, one)| owns(one));
        found.next().map(|(number, _)| *number)
    }

    /// Groups that a node is in or should be, the cluster group among them.
    #[must_use]
    pub fn groups_of(&self, node: u16) -> BTreeSet<u32> {
        let partitions = self.partitions.iter();
        let mut groups: BTreeSet<u32> = partitions
            .filter(|(_, one)| one.replicas.has(node))
            .map(|(number, _)| *number)
            .collect();
        if self.own.has(node) {
            groups.insert(CLUSTER_GROUP);
        }
        groups
    }
}
