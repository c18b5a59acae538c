//! What is judged of a fleet as a whole: while groups are on their way, and when there is nothing left to do.

use std::collections::{BTreeMap, BTreeSet};

use super::fleet::{Broken, Fleet};
use crate::limits::CLUSTER_GROUP;

impl Fleet {
    /// Groups for which a replica is being made, or could be at once.
    pub(crate) fn on_their_way(&self) -> BTreeSet<u32> {
        let moving = self.groups.iter().filter(|(number, group)| {
            let wanted = &self.state.replicas(**number).unwrap().wanted;
            let mut missing = wanted.difference(&group.view.voters);
            let there = missing.any(|node| !self.down.contains(node));
            **number != CLUSTER_GROUP && there && self.majority(&group.view.voters)
        });
        moving.map(|(number, _)| *number).collect()
    }

    /// PM8: none is sent on its way beside so many.
    pub(crate) fn room(&self, before: &BTreeSet<u32>) -> Broken {
        let now = self.on_their_way();
        let begun = now.difference(before).count();
        if begun > 0 && now.len() > usize::from(self.state.planning().moves_max) {
            return Err(format!("PM8 {begun} more groups on their way, now {now:?}"));
        }
        Ok(())
    }

    /// All is where it should be.
    pub(crate) fn at_rest(&self) -> Broken {
        let fit = |node: &u16| self.state.members()[node].eligible();
        let eligible = self
            .state
            .members()
            .values()
            .filter(|one| one.eligible())
            .count();
        let size = usize::from(self.state.replication().voters).min(eligible);
        let mut leads: BTreeMap<u16, i32> = BTreeMap::new();
        for (number, group) in &self.groups {
            let voters = &group.view.voters;
            if !self.majority(voters) {
                continue; // made on nodes that were down: it waits for them
            }
            let wanted = &self.state.replicas(*number).unwrap().wanted;
            if *number != CLUSTER_GROUP {
                *leads.entry(group.view.leader).or_default() += 1;
                if wanted.iter().filter(|node| fit(node)).count() < size {
                    return Err(format!("PM6 group {number} could have more: {wanted:?}"));
                }
            }
            // Enough members are left: nobody stays on one that goes.
            let enough = eligible >= usize::from(self.state.replication().voters).max(3);
            if enough && (voters != wanted || !wanted.iter().all(fit)) {
                return Err(format!(
                    "PM7 group {number} has {voters:?} and wants {wanted:?}"
                ));
            }
            if !voters.is_subset(wanted) {
                return Err(format!(
                    "PM7 group {number} keeps {voters:?} beside {wanted:?}"
                ));
            }
        }
        let all = self.down.is_empty() && leads.len() == eligible && size == eligible;
        let spread = leads.values().max().unwrap_or(&0) - leads.values().min().unwrap_or(&0);
        if all && spread > 1 {
            return Err(format!("PM9 leaders are {leads:?}"));
        }
        Ok(())
    }
}
