//! A consumer group is spread anew when members come or go, or partitions do (GR15, GR17).

use std::collections::BTreeSet;

use crate::assign;
use crate::command::Strategy;
use crate::consumers::ConsumerGroup;
use crate::mutant::{Mutant, on};
use crate::partition::{Partition, PartitionStatus};
use crate::state::ClusterState;

impl ClusterState {
    /// Of all consumer groups that read a log.
    pub(crate) fn rebalance_readers(&mut self, log: &str) {
        let readers = self
            .consumers
            .iter()
            .filter(|(_, group)| group.logs.contains(log));
        let readers: Vec<String> = readers.map(|(name, _)| name.clone()).collect();
        for name in readers {
            self.rebalance(&name);
        }
    }

    /// Decides anew who should read what. The generation rises when that is not what it was.
    pub(crate) fn rebalance(&mut self, name: &str) {
        let Some(group) = self.consumers.get(name) else {
            return;
        };
        let logs: Vec<Vec<u32>> = group
            .logs
            .iter()
            .map(|log| self.readable(log, group))
            .collect();
        let all: Vec<u32> = logs.iter().flatten().copied().collect();
        let members: Vec<&str> = group.consumers.keys().map(String::as_str).collect();
        let target = match group.strategy {
            Strategy::Range => assign::range(&logs, &members),
            Strategy::CooperativeSticky => assign::sticky(&all, group),
        };
        let readable: BTreeSet<u32> = all.into_iter().collect();
        let Some(group) = self.consumers.get_mut(name) else {
            return;
        };
        group.generation += u64::from(group.target != target);
        group.target = target;
        let at_once = group.strategy == Strategy::Range;
        for (name, consumer) in &mut group.consumers {
            let target = &group.target;
            let own = |number: &u32| target.get(number).is_some_and(|to| to == name);
            let keeps = |number: &u32| readable.contains(number) && (!at_once || own(number));
            consumer.held.retain(keeps);
        }
        group.give_free();
    }

    /// Partitions of a log that a group reads now, in order of their keys: those that are not read to their end, and whose
    /// parents are.
    fn readable(&self, log: &str, group: &ConsumerGroup) -> Vec<u32> {
        let done = |number: &u32| {
            let seal = self
                .partitions
                .get(number)
                .and_then(|one| one.seal.as_ref());
            let offset = group.offsets.get(number).copied().unwrap_or(0);
            seal.is_some_and(|seal| offset >= seal.size)
        };
        let begun = |one: &Partition| {
            !matches!(
                one.status,
                PartitionStatus::Preparing | PartitionStatus::Ready
            )
        };
        let next = |number: &u32, one: &Partition| {
            let after = one.parents.iter().all(done) || on(Mutant::ReadAhead);
            one.log == log && begun(one) && after && !done(number)
        };
        let mut readable: Vec<(&u32, &Partition)> = self
            .partitions
            .iter()
            .filter(|(number, one)| next(number, one))
            .collect();
        readable.sort_by_key(|(_, one)| one.range);
        readable.into_iter().map(|(number, _)| *number).collect()
    }
}

impl ConsumerGroup {
    /// Gives what nobody has to those who should.
    pub(crate) fn give_free(&mut self) {
        let held = assign::held(self);
        for (number, to) in &self.target {
            if held.contains(number) && !on(Mutant::GiveBeforeRelease) {
                continue;
            }
            if let Some(consumer) = self.consumers.get_mut(to) {
                consumer.held.insert(*number);
            }
        }
    }
}
