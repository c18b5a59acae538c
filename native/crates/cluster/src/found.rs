//! How a cluster begins (GR4).

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{self, invalid};
use crate::due::Due;
use crate::limits::{CLUSTER_VOTERS_MAX, KEYSPACE, LOGS_MAX, MEMBERS_MAX, PARTITIONS_MAX};
use crate::member::{Member, MemberStatus, NewMember};
use crate::outcome::Refusal;
use crate::partition::{Acknowledgement, KeyRange, Log, Partition, PartitionStatus, Replicas};
use crate::settings::{Planning, Replication};
use crate::state::{At, ClusterState};

/// A partition that is there from the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartition {
    /// Its number, which is that of its group.
    pub number: u32,
    /// The log it is of.
    pub log: String,
    /// Nodes that vote in it.
    pub voters: BTreeSet<u16>,
}

/// What every founding member knows before the first entry; the same on each, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// Which cluster (LK3).
    pub id: [u8; 32],
    /// `pyralog/<network id>/<cluster>` (I4).
    pub scope: String,
    /// The members, all active.
    pub members: Vec<NewMember>,
    /// The partitions. Those of one log share its keys evenly, in the order of their numbers.
    pub partitions: Vec<NewPartition>,
    /// When writes are answered, of logs that are there from the beginning.
    pub acknowledgement: Acknowledgement,
    /// How many replicas there should be.
    pub replication: Replication,
}

impl ClusterState {
    /// The state before the first entry.
    ///
    /// # Errors
    /// Members or partitions that do not fit together.
    pub fn found(founding: &Founding) -> Result<Self, Refusal> {
        check::scope(&founding.scope)?;
        let mut state = Self {
            at: At::default(),
            id: founding.id,
            scope: founding.scope.clone(),
            replication: founding.replication,
            planning: Planning::default(),
            settings: BTreeMap::new(),
            members: BTreeMap::new(),
            logs: BTreeMap::new(),
            partitions: BTreeMap::new(),
            next_partition: 0,
            own: Replicas::default(),
            next_fence: 1,
            coordinators: BTreeMap::new(),
            locks: BTreeMap::new(),
            consumers: BTreeMap::new(),
            due: Due::default(),
        };
        check::replication(founding.replication)?;
        state.found_members(&founding.members)?;
        state.found_partitions(founding)?;
        Ok(state)
    }

    fn found_members(&mut self, members: &[NewMember]) -> Result<(), Refusal> {
        if members.is_empty() || members.len() > MEMBERS_MAX {
            return Err(invalid("a cluster has 1 to 64 members"));
        }
        for about in members {
            self.check_new_member(about)?;
            let member = Member {
                about: about.clone(),
                status: MemberStatus::Active,
                leaving: false,
                since: 0,
            };
            self.members.insert(about.number, member);
        }
        let voters = self.members.keys().copied().take(CLUSTER_VOTERS_MAX);
        self.own = Replicas::founded(voters.collect());
        Ok(())
    }

    fn found_partitions(&mut self, founding: &Founding) -> Result<(), Refusal> {
        let mut of_log: BTreeMap<&str, BTreeMap<u32, &NewPartition>> = BTreeMap::new();
        for new in &founding.partitions {
            let number = new.number;
            check::log_name(&new.log)?;
            self.check_voters(&new.voters)?;
            if number as usize >= PARTITIONS_MAX {
                return Err(invalid("a partition's number is below 65,536"));
            }
            let before = of_log.entry(&new.log).or_default().insert(number, new);
            if before.is_some() || self.partitions.contains_key(&number) {
                return Err(invalid(format!("partition {number} is named twice")));
            }
            self.next_partition = self.next_partition.max(number + 1);
        }
        if of_log.len() > LOGS_MAX {
            return Err(invalid("a cluster has at most 4,096 logs"));
        }
        for (name, new) in of_log {
            let log = Log {
                acknowledgement: founding.acknowledgement,
                founded_with: new.len() as u16,
                since: 0,
            };
            self.logs.insert(name.to_owned(), log);
            let ranges = even_ranges(new.len() as u64);
            for ((number, one), range) in new.into_iter().zip(ranges) {
                let mut partition = self.new_partition((number, name), range);
                partition.replicas = Replicas::founded(one.voters.clone());
                if self.partitions.insert(number, partition).is_some() {
                    return Err(invalid(format!("partition {number} is named twice")));
                }
            }
        }
        Ok(())
    }

    /// A partition that owns its keys from the beginning of its log.
    pub(crate) fn new_partition(&self, (number, log): (u32, &str), range: KeyRange) -> Partition {
        Partition {
            log: log.to_owned(),
            origin: format!("{}/{log}/{number}", self.scope),
            generation: 1,
            range,
            status: PartitionStatus::Active,
            parents: BTreeSet::new(),
            successors: BTreeSet::new(),
            seal: None,
            replicas: Replicas::default(),
        }
    }
}

/// The key space in so many ranges, as equal as can be.
pub(crate) fn even_ranges(count: u64) -> impl Iterator<Item = KeyRange> {
    (0..count).map(move |i| KeyRange {
        from: KEYSPACE * i / count,
        to: KEYSPACE * (i + 1) / count,
    })
}
