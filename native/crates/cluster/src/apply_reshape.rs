//! Splitting and merging of partitions (GR8): at every entry the key space has an owner for each slot (GR7).

use std::collections::BTreeSet;

use crate::apply::Applied;
use crate::apply_replicas::no_group;
use crate::check::{self, refused};
use crate::limits::{PARTITIONS_MAX, SUCCESSORS_MAX};
use crate::member::Member;
use crate::mutant::{Mutant, on};
use crate::outcome::{Code, Done, Refusal};
use crate::partition::{KeyRange, Partition, PartitionStatus, Replicas, Seal};
use crate::state::ClusterState;

impl ClusterState {
    pub(crate) fn begin_split(&mut self, number: u32, cuts: Vec<u64>) -> Applied {
        let parent = self.partition(number)?;
        let range = parent.range;
        let cuts = if cuts.is_empty() {
            vec![range.from + (range.to - range.from) / 2]
        } else {
            cuts
        };
        if let Some(numbers) = self.split_before(parent, &cuts) {
            return Ok(Done::Partitions { numbers });
        }
        need_active(number, parent)?;
        let mut from = range.from;
        for cut in &cuts {
            if *cut <= from || *cut >= range.to {
                return Err(check::invalid(format!(
                    "partition {number} has slots {} up to {}: cuts lie within, ascending; {cut} does not",
                    range.from, range.to
                )));
            }
            from = *cut;
        }
        if cuts.len() >= SUCCESSORS_MAX {
            return Err(check::invalid("a partition is split into 16 at most"));
        }
        let starts = std::iter::once(range.from).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain(std::iter::once(range.to));
        let lost = u64::from(on(Mutant::LoseSlot));
        let ranges: Vec<KeyRange> = starts
            .zip(ends)
            .map(|(from, to)| KeyRange {
                from,
                to: to - lost,
            })
            .collect();
        self.succeed(&[number], &ranges)
    }

    pub(crate) fn begin_merge(&mut self, left: u32, right: u32) -> Applied {
        let (first, second) = (self.partition(left)?, self.partition(right)?);
        let same = !first.successors.is_empty() && first.successors == second.successors;
        if same && first.successors.len() == 1 {
            let numbers = first.successors.iter().copied().collect();
            return Ok(Done::Partitions { numbers });
        }
        need_active(left, first)?;
        need_active(right, second)?;
        if first.log != second.log || first.range.to != second.range.from {
            let words = format!(
                "partitions {left} and {right} are no neighbours, in this order, of one log"
            );
            return Err(check::invalid(words));
        }
        let range = KeyRange {
            from: first.range.from,
            to: second.range.to,
        };
        self.succeed(&[left, right], &[range])
    }

    pub(crate) fn sealed(&mut self, number: u32, seal: Seal) -> Applied {
        if seal.size > pyralog_types::SAFE_INTEGER_MAX {
            return Err(check::invalid("a log has at most 2^53 - 1 records"));
        }
        let partition = self.partition(number)?;
        match (partition.status, &partition.seal) {
            (_, Some(before)) if *before == seal => return Ok(Done::Changed),
            (_, Some(_)) if !on(Mutant::SealTwice) => {
                let words = format!("partition {number} was sealed otherwise before");
                return Err(refused(Code::Conflict, words));
            }
            (PartitionStatus::Sealing, _) | (_, Some(_)) => {}
            _ => {
                let words = format!("partition {number} is not to be sealed");
                return Err(refused(Code::Conflict, words));
            }
        }
        if let Some(partition) = self.partitions.get_mut(&number) {
            partition.seal = Some(seal);
            if partition.status == PartitionStatus::Sealing {
                partition.status = PartitionStatus::Sealed;
            }
        }
        Ok(Done::Changed)
    }

    pub(crate) fn activate(&mut self, number: u32) -> Applied {
        let partition = self.partition(number)?;
        if partition.status != PartitionStatus::Preparing {
            return Ok(Done::Changed);
        }
        let parents = partition.parents.clone();
        let sealed = |parent: &u32| {
            self.partitions
                .get(parent)
                .is_some_and(|one| one.seal.is_some())
        };
        if let Some(parent) = parents.iter().find(|parent| !sealed(parent)) {
            let words =
                format!("partition {number} cannot begin: its parent {parent} is not sealed yet");
            return Err(refused(Code::Conflict, words));
        }
        self.set_status(number, PartitionStatus::Ready);
        let first = parents.first().and_then(|one| self.partitions.get(one));
        let siblings = first.map(|one| one.successors.clone()).unwrap_or_default();
        let status = |one: &u32| self.partitions.get(one).map(|one| one.status);
        let ready = siblings
            .iter()
            .all(|one| status(one) == Some(PartitionStatus::Ready));
        if ready {
            self.hand_over(&parents, &siblings);
        } else if on(Mutant::ActivateAlone) {
            self.set_status(number, PartitionStatus::Active);
        }
        Ok(Done::Changed)
    }

    /// In one entry the successors own the keys, and their parents do no more.
    fn hand_over(&mut self, parents: &BTreeSet<u32>, successors: &BTreeSet<u32>) {
        for successor in successors {
            self.set_status(*successor, PartitionStatus::Active);
        }
        for parent in parents {
            if !on(Mutant::KeepParents) {
                self.set_status(*parent, PartitionStatus::Retired);
            }
        }
        let first = parents.first().and_then(|one| self.partitions.get(one));
        if let Some(log) = first.map(|one| one.log.clone()) {
            self.rebalance_readers(&log);
        }
    }

    fn set_status(&mut self, number: u32, status: PartitionStatus) {
        if let Some(partition) = self.partitions.get_mut(&number) {
            partition.status = status;
        }
    }

    /// Makes the successors of partitions, which from now on are to be sealed. They begin on the nodes of the first.
    fn succeed(&mut self, parents: &[u32], ranges: &[KeyRange]) -> Applied {
        let first = self.next_partition;
        let numbers: Vec<u32> = (first..).take(ranges.len()).collect();
        if numbers.len() + first as usize > PARTITIONS_MAX {
            let words = "a cluster has at most 65,536 partitions, those of before among them";
            return Err(refused(Code::Limit, words));
        }
        let elders = parents.iter().filter_map(|one| self.partitions.get(one));
        let generation = elders.map(|one| one.generation).max().unwrap_or(0) + 1;
        for (number, range) in numbers.iter().zip(ranges) {
            let Some(parent) = parents.first().and_then(|one| self.partitions.get(one)) else {
                continue;
            };
            let mut successor = self.new_partition((*number, &parent.log), *range);
            successor.generation = generation;
            successor.status = PartitionStatus::Preparing;
            successor.parents = parents.iter().copied().collect();
            successor.replicas = Replicas::founded(self.founders_after(parent));
            self.partitions.insert(*number, successor);
        }
        for parent in parents {
            if let Some(partition) = self.partitions.get_mut(parent) {
                partition.status = PartitionStatus::Sealing;
                partition.successors = numbers.iter().copied().collect();
            }
        }
        self.next_partition = first + numbers.len() as u32;
        Ok(Done::Partitions { numbers })
    }

    /// Who founds the successors of a partition: those who vote in it, as far as they are members still.
    fn founders_after(&self, parent: &Partition) -> BTreeSet<u16> {
        let here = |node: &u16| self.members.get(node).is_some_and(Member::here);
        let voters = parent.replicas.voters().iter().copied();
        let founders: BTreeSet<u16> = voters.filter(here).collect();
        if founders.is_empty() {
            return parent.replicas.wanted.clone();
        }
        founders
    }

    /// Successors of a partition that was split in this way before.
    fn split_before(&self, parent: &Partition, cuts: &[u64]) -> Option<Vec<u32>> {
        let successors = parent.successors.iter();
        let starts = successors.filter_map(|one| Some(self.partitions.get(one)?.range.from));
        let same = parent.successors.len() > 1 && starts.skip(1).eq(cuts.iter().copied());
        same.then(|| parent.successors.iter().copied().collect())
    }

    pub(crate) fn partition(&self, number: u32) -> Result<&Partition, Refusal> {
        self.partitions.get(&number).ok_or_else(|| no_group(number))
    }
}

fn need_active(number: u32, partition: &Partition) -> Result<(), Refusal> {
    if partition.writable() {
        return Ok(());
    }
    let words = format!("partition {number} is not active: it is being split or merged, or was");
    Err(refused(Code::Conflict, words))
}
