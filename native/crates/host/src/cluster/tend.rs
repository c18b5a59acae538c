//! Groups that this node leads get the members they should have (GR9, PM10).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use pyralog_cluster::{
    CLUSTER_GROUP, ClusterState, Command, GroupView, MemberStatus, Reported, Silent, Step,
    plan_group,
};
use pyralog_raft::{Change, GroupStatus};

use super::drive::Driving;

impl Driving {
    /// The members of each group led here: told to the cluster, and changed as it wants them.
    pub fn tend_groups(&mut self, state: &ClusterState, silent: &Silent) {
        let preferred = self.preferred(state);
        let partitions = state.partitions().keys().copied();
        let groups: Vec<u32> = partitions.chain([CLUSTER_GROUP]).collect();
        for group in groups {
            if self.raft.leads(group).is_none() {
                continue;
            }
            let Some(status) = self.raft.status(group) else {
                continue;
            };
            let reported = self.reported(&status);
            let known = state.replicas(group).and_then(|one| one.reported.as_ref());
            if known != Some(&reported) {
                self.order(&Command::ReportReplicas { group, reported });
            }
            let to = preferred.get(&group).copied();
            if let Some(step) = plan_group(state, (group, &self.view(&status)), to, silent) {
                self.carry_out(&step);
            }
        }
    }

    /// Who should lead in place of this node: only while it leads more than its part, so that what an operator handed over stays
    /// there.
    fn preferred(&self, state: &ClusterState) -> BTreeMap<u32, u16> {
        let active = state
            .members()
            .values()
            .filter(|one| one.eligible())
            .count();
        let partitions = state.partitions().keys();
        let led = partitions.filter(|group| self.raft.leads(**group).is_some());
        let part = state.partitions().len().div_ceil(active.max(1));
        if led.count() <= part {
            return BTreeMap::new();
        }
        state.preferred_leaders()
    }

    fn reported(&self, status: &GroupStatus) -> Reported {
        let members = &status.members;
        let set = |lists: [&Vec<u16>; 2]| lists.into_iter().flatten().copied().collect();
        Reported {
            epoch: status.term as u32,
            index: members.index,
            leader: self.me,
            voters: set([&members.voters, &members.outgoing]),
            learners: set([&members.learners, &members.learners_next]),
        }
    }

    fn view(&self, status: &GroupStatus) -> GroupView {
        let reported = self.reported(status);
        let others = status.progress.iter().filter(|one| one.node != self.me);
        GroupView {
            leader: self.me,
            voters: reported.voters,
            learners: reported.learners,
            changing: !status.members.outgoing.is_empty(),
            last: status.last,
            matched: others.map(|one| (one.node, one.matched)).collect(),
        }
    }

    /// A step that is refused now is planned again.
    fn carry_out(&mut self, step: &Step) {
        let (group, change) = match step {
            Step::AddLearner { group, node } => (
                *group,
                Change {
                    learners: vec![*node],
                    ..Change::default()
                },
            ),
            Step::Replace { group, add, remove } => (
                *group,
                Change {
                    voters: vec![*add],
                    remove: remove.iter().copied().collect(),
                    ..Change::default()
                },
            ),
            Step::RemoveReplica { group, node } => (
                *group,
                Change {
                    remove: vec![*node],
                    ..Change::default()
                },
            ),
            Step::TransferLeader { group, to } => {
                let _ = self.raft.transfer(*group, *to);
                return;
            }
            Step::MarkDead { .. } | Step::Confirm { .. } | Step::Place { .. } => {
                if let Some(command) = step.command() {
                    self.order(&command);
                }
                return;
            }
        };
        let _ = self.raft.change(group, &change);
    }

    /// Members that are not heard of, and for how long.
    pub fn silent(&mut self, state: &ClusterState, now: Instant) -> Silent {
        let members = state.members().iter();
        let away: BTreeSet<u16> = members
            .filter(|(node, one)| {
                one.status != MemberStatus::Removed && **node != self.me && !self.up.contains(node)
            })
            .map(|(node, _)| *node)
            .collect();
        self.arranging.silent.retain(|node, _| away.contains(node));
        let silent = &mut self.arranging.silent;
        away.into_iter()
            .map(|node| {
                let since = *silent.entry(node).or_insert(now);
                (node, (now - since).as_millis() as u64)
            })
            .collect()
    }

    /// Signatures that make a checkpoint of a partition: more than half of its voters and those that may lie together (GR10),
    /// and not fewer than the configuration asks for.
    pub fn needed(&self, partition: usize) -> usize {
        let configured = self.checkpoints.needed;
        let Some(state) = &self.group.state else {
            return configured;
        };
        let voters = self.voters(partition).len();
        let least = usize::midpoint(voters, usize::from(state.replication().faults)) + 1;
        least.max(configured.min(voters))
    }

    /// Who is asked to sign a partition's checkpoints.
    pub fn voters(&self, partition: usize) -> BTreeSet<u16> {
        let status = self.raft.status(partition as u32);
        let voters = status.map_or_else(Vec::new, |status| status.members.voters);
        if voters.is_empty() {
            return self.checkpoints.known.keys().copied().collect();
        }
        voters.into_iter().collect()
    }
}
