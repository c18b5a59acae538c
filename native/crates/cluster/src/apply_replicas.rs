//! Where groups should be, and where their leaders say that they are (GR9).

use std::collections::BTreeSet;

use crate::apply::Applied;
use crate::check::{self, Checked, refused};
use crate::limits::{CLUSTER_GROUP, CLUSTER_VOTERS_MAX, VOTERS_MAX};
use crate::member::Member;
use crate::mutant::{Mutant, on};
use crate::outcome::{Code, Done, Refusal};
use crate::partition::{Replicas, Reported};
use crate::state::ClusterState;

impl ClusterState {
    pub(crate) fn place(&mut self, group: u32, voters: BTreeSet<u16>) -> Applied {
        self.check_voters(&voters)?;
        if group == CLUSTER_GROUP && voters.len() > CLUSTER_VOTERS_MAX {
            return Err(check::invalid("the cluster group has 1 to 5 voters"));
        }
        let replicas = self.group(group)?;
        for node in voters.iter().filter(|node| !replicas.has(**node)) {
            if !self.members.get(node).is_some_and(Member::eligible) {
                let words = format!("member {node} is not active: it is given no new replicas");
                return Err(refused(Code::Conflict, words));
            }
        }
        self.group_mut(group)?.wanted = voters;
        Ok(Done::Changed)
    }

    pub(crate) fn report_replicas(&mut self, group: u32, reported: Reported) -> Applied {
        self.check_reported(&reported)?;
        let replicas = self.group_mut(group)?;
        if let Some(before) = &replicas.reported {
            if *before == reported {
                return Ok(Done::Changed);
            }
            let behind = reported.epoch < before.epoch || reported.index < before.index;
            if behind && !on(Mutant::StaleReports) {
                let words = format!(
                    "group {group}: members as of epoch {}, entry {} were reported before those of epoch {}, entry {}",
                    before.epoch, before.index, reported.epoch, reported.index
                );
                return Err(refused(Code::Stale, words));
            }
            let others =
                (&before.voters, &before.learners) != (&reported.voters, &reported.learners);
            let leaders = before.epoch == reported.epoch && before.leader != reported.leader;
            if leaders || (others && before.index == reported.index) {
                let words = format!(
                    "group {group}: epoch {} has another leader, or entry {} made other members, by what was reported before",
                    reported.epoch, reported.index
                );
                return Err(refused(Code::Conflict, words));
            }
        }
        replicas.reported = Some(reported);
        Ok(Done::Changed)
    }

    fn check_reported(&self, reported: &Reported) -> Checked {
        let (voters, learners) = (&reported.voters, &reported.learners);
        // Between the halves of a joint change both sides vote.
        if voters.is_empty() || voters.len() > 2 * VOTERS_MAX {
            return Err(check::invalid("a group has voters, and at most 7 a side"));
        }
        if voters.intersection(learners).next().is_some() {
            return Err(check::invalid("a node is a voter or a learner, not both"));
        }
        if !voters.contains(&reported.leader) {
            return Err(check::invalid("a group is led by one of its voters"));
        }
        for node in voters.union(learners) {
            if !self.members.contains_key(node) {
                let words = format!("node {node} never was a member of this cluster");
                return Err(refused(Code::Unknown, words));
            }
        }
        Ok(())
    }

    fn group(&self, group: u32) -> Result<&Replicas, Refusal> {
        self.replicas(group).ok_or_else(|| no_group(group))
    }

    fn group_mut(&mut self, group: u32) -> Result<&mut Replicas, Refusal> {
        if group == CLUSTER_GROUP {
            return Ok(&mut self.own);
        }
        let partition = self.partitions.get_mut(&group);
        let replicas = partition.map(|one| &mut one.replicas);
        replicas.ok_or_else(|| no_group(group))
    }
}

pub(crate) fn no_group(group: u32) -> Refusal {
    let words = format!("there is no partition {group} in this cluster");
    refused(Code::Unknown, words)
}
