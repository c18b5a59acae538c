//! What is true of every state (GR2, GR7): a snapshot of which it is not is damage, and tests look after every entry.

use std::collections::BTreeSet;

use crate::check;
use crate::limits::{KEYSPACE, MEMBERS_MAX, PARTITIONS_MAX};
use crate::member::Member;
use crate::partition::{Partition, PartitionStatus};
use crate::state::ClusterState;

/// What a state says that cannot be; the text completes "a cluster state that …".
pub(crate) type Consistent = Result<(), &'static str>;

fn must(holds: bool, fault: &'static str) -> Consistent {
    if holds { Ok(()) } else { Err(fault) }
}

impl ClusterState {
    /// Whether the state agrees with itself.
    pub(crate) fn consistent(&self) -> Consistent {
        must(
            check::scope(&self.scope).is_ok() && check::replication(self.replication).is_ok(),
            "has a scope or a replication that no cluster has",
        )?;
        self.members_consistent()?;
        self.partitions_consistent()?;
        self.keys_covered()?;
        self.fences_consistent()?;
        self.consumers_consistent()
    }

    fn members_consistent(&self) -> Consistent {
        let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        let (mut tunnels, mut cosigners) = (BTreeSet::new(), BTreeSet::new());
        for (number, member) in &self.members {
            let about = &member.about;
            must(
                *number == about.number && check::new_member(about).is_ok(),
                "has a member that no cluster has",
            )?;
            let once = !member.here()
                || (names.insert(&about.name)
                    && addresses.insert(&about.address)
                    && tunnels.insert(about.tunnel)
                    && cosigners.insert(about.cosigner));
            must(once, "has members with one name, address or key")?;
        }
        must(names.len() <= MEMBERS_MAX, "has too many members")?;
        let known = |node: &u16| self.members.contains_key(node);
        let here = |node: &u16| self.members.get(node).is_some_and(Member::here);
        let groups = self.partitions.values().map(|one| &one.replicas);
        for replicas in groups.chain([&self.own]) {
            must(
                !replicas.founders.is_empty() && replicas.founders.iter().all(known),
                "has a group that nobody founded",
            )?;
            must(
                !replicas.wanted.is_empty() && replicas.wanted.iter().all(here),
                "wants replicas on nodes that are no members",
            )?;
            let Some(reported) = &replicas.reported else {
                continue;
            };
            let all = reported.voters.union(&reported.learners);
            must(
                all.into_iter().all(known) && reported.voters.contains(&reported.leader),
                "has replicas on nodes that never were members",
            )?;
        }
        Ok(())
    }

    fn partitions_consistent(&self) -> Consistent {
        must(
            self.partitions.len() <= PARTITIONS_MAX,
            "has too many partitions",
        )?;
        for (number, one) in &self.partitions {
            let origin = format!("{}/{}/{number}", self.scope, one.log);
            must(
                *number < self.next_partition && self.logs.contains_key(&one.log),
                "has a partition that was never made",
            )?;
            must(
                one.origin == origin,
                "has a partition with another's origin",
            )?;
            let ended = matches!(
                one.status,
                PartitionStatus::Sealed | PartitionStatus::Retired
            );
            must(
                ended == one.seal.is_some(),
                "has a partition with an end that is not sealed, or the other way round",
            )?;
            let to_end = ended || one.status == PartitionStatus::Sealing;
            must(
                to_end != one.successors.is_empty(),
                "has a partition that ends without successors, or does not and has some",
            )?;
            self.kin_consistent(*number, one)?;
        }
        Ok(())
    }

    fn kin_consistent(&self, number: u32, one: &Partition) -> Consistent {
        let kin = "has partitions whose parents and successors contradict each other";
        for parent in &one.parents {
            let parent = self.partitions.get(parent).ok_or(kin)?;
            let older = parent.log == one.log && parent.generation < one.generation;
            must(older && parent.successors.contains(&number), kin)?;
            let waits = matches!(
                one.status,
                PartitionStatus::Preparing | PartitionStatus::Ready
            );
            let over = parent.status == PartitionStatus::Retired;
            must(waits != over, kin)?;
        }
        for successor in &one.successors {
            let successor = self.partitions.get(successor).ok_or(kin)?;
            must(successor.parents.contains(&number), kin)?;
        }
        Ok(())
    }

    /// GR7.
    fn keys_covered(&self) -> Consistent {
        for log in self.logs.keys() {
            let mut end = 0;
            for number in self.owners(log) {
                let range = self.partitions[&number].range;
                must(
                    range.from == end && range.to > range.from,
                    "has slots that no partition owns, or two do",
                )?;
                end = range.to;
            }
            must(
                end == KEYSPACE,
                "has slots that no partition owns, or two do",
            )?;
        }
        Ok(())
    }

    /// GR11.
    fn fences_consistent(&self) -> Consistent {
        let mut seen = BTreeSet::new();
        let locks = self.locks.values().map(|one| one.fence);
        for fence in locks.chain(self.coordinators.values().map(|one| one.fence)) {
            let once = fence > 0 && fence < self.next_fence && seen.insert(fence);
            must(
                once,
                "has a fencing number twice, or one that was never given out",
            )?;
        }
        for lock in self.locks.values() {
            let mut owners = BTreeSet::from([&lock.owner]);
            let once = lock.waiters.iter().all(|one| owners.insert(&one.owner));
            must(once, "has somebody who waits for a lock twice, or has it")?;
        }
        Ok(())
    }

    /// GR15, GR17.
    fn consumers_consistent(&self) -> Consistent {
        for group in self.consumers.values() {
            let mut held = BTreeSet::new();
            let once = group
                .consumers
                .values()
                .flat_map(|one| &one.held)
                .all(|number| held.insert(number));
            must(once, "has a partition that two consumers of a group read")?;
            let known = held
                .iter()
                .all(|number| self.partitions.contains_key(number));
            let logs = group.logs.iter().all(|log| self.logs.contains_key(log));
            let there = |name: &String| group.consumers.contains_key(name);
            must(
                known && logs && group.target.values().all(there),
                "has a consumer group that reads what is not there",
            )?;
        }
        Ok(())
    }
}
