//! A cluster as far as a planner sees it: groups that vote, catch up, lose nodes. Each change is judged as it is made.

use std::collections::{BTreeMap, BTreeSet};

use super::{founded, later, member};
use crate::limits::CLUSTER_GROUP;
use crate::{
    ClusterState, Command, GroupView, Member, Outcome, PartitionStatus, Reported, Silent, Step,
    plan_group, plan_placement,
};

/// A group as it is.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub view: GroupView,
    epoch: u32,
    index: u64,
}

/// What happens to a cluster.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Kill(u16),
    Revive(u16),
    Drain(u16),
    Add(u16),
    Remove(u16),
    Create(u16),
    Replicate(u8),
    Split(u32),
    Rounds(u8),
}

pub(crate) struct Fleet {
    pub state: ClusterState,
    pub groups: BTreeMap<u32, Group>,
    pub down: BTreeSet<u16>,
    /// Steps of the newest round.
    pub steps: Vec<Step>,
}

pub(crate) type Broken = Result<(), String>;

impl Fleet {
    pub(crate) fn new(members: u16, partitions: u32) -> Self {
        let mut fleet = Self {
            state: founded(members, partitions),
            groups: BTreeMap::new(),
            down: BTreeSet::new(),
            steps: Vec::new(),
        };
        fleet.command(&Command::SetPlanning {
            planning: crate::Planning {
                moves_max: 2,
                ..fleet.state.planning()
            },
        });
        fleet.found_groups();
        fleet
    }

    fn command(&mut self, command: &Command) -> bool {
        let at = later(&self.state, 1);
        let outcome = self.state.apply(at, &command.encode());
        assert_eq!(self.state.consistent(), Ok(()), "after {command:?}");
        matches!(outcome, Outcome::Done { .. })
    }

    /// Groups of new partitions begin with their founders.
    fn found_groups(&mut self) {
        let partitions = self.state.partitions().keys().copied();
        for number in partitions.chain([CLUSTER_GROUP]).collect::<Vec<_>>() {
            let voters = self.state.replicas(number).unwrap().founders.clone();
            self.groups.entry(number).or_insert_with(|| {
                let leader = *voters.iter().next().unwrap();
                let matched = voters.iter().map(|node| (*node, 1_000)).collect();
                let view = GroupView {
                    leader,
                    voters,
                    last: 1_000,
                    matched,
                    ..GroupView::default()
                };
                Group {
                    view,
                    epoch: 1,
                    index: 1,
                }
            });
        }
    }

    pub(crate) fn majority(&self, voters: &BTreeSet<u16>) -> bool {
        2 * voters.difference(&self.down).count() > voters.len()
    }

    /// Whether every group would live on without a node, and without one more where it has more than two voters.
    fn may_lose(&self, node: u16) -> bool {
        let down = self.down.len() + 1;
        let here = self
            .state
            .members()
            .values()
            .filter(|one| one.here())
            .count();
        2 * down < here
            && self.groups.values().all(|group| {
                let mut down = self.down.clone();
                down.insert(node);
                2 * group.view.voters.difference(&down).count() > group.view.voters.len()
            })
    }

    pub(crate) fn event(&mut self, event: &Event) -> Broken {
        let known = |node: &u16| self.state.members().get(node).is_some_and(Member::here);
        match event {
            Event::Kill(node) if known(node) && self.may_lose(*node) => {
                self.down.insert(*node);
            }
            Event::Revive(node) => {
                self.down.remove(node);
            }
            Event::Drain(node) => {
                self.command(&Command::Drain { number: *node });
            }
            Event::Add(node) => {
                self.command(&Command::AddMember {
                    member: member(*node),
                });
            }
            Event::Remove(node) => {
                if self.command(&Command::RemoveMember { number: *node }) {
                    let keeps = |group: &Group| group.view.voters.contains(node);
                    if self.groups.values().any(keeps) {
                        return Err(format!("GR4 node {node} was removed and votes"));
                    }
                }
            }
            Event::Create(partitions) => {
                self.command(&Command::CreateLog {
                    name: format!("log-{}", self.state.logs().len()),
                    partitions: *partitions,
                    acknowledgement: crate::Acknowledgement::Majority,
                });
            }
            Event::Replicate(voters) => {
                self.command(&Command::SetReplication {
                    voters: *voters,
                    faults: 0,
                });
            }
            Event::Split(partition) => {
                self.command(&Command::BeginSplit {
                    partition: *partition,
                    cuts: Vec::new(),
                });
            }
            Event::Rounds(count) => {
                for _ in 0..*count {
                    self.round()?;
                }
            }
            Event::Kill(_) => {}
        }
        self.found_groups();
        Ok(())
    }

    /// Everybody plans and does one thing; then some time passes.
    pub(crate) fn round(&mut self) -> Broken {
        self.steps.clear();
        let silent: Silent = self.down.iter().map(|node| (*node, 1_000_000)).collect();
        let before = self.on_their_way();
        for step in plan_placement(&self.state, &silent) {
            let command = step.command().unwrap();
            if !self.command(&command) {
                return Err(format!("PM7 a step that is refused: {step:?}"));
            }
            self.steps.push(step);
        }
        self.room(&before)?;
        self.found_groups();
        self.reshape();
        let preferred = self.state.preferred_leaders();
        for number in self.groups.keys().copied().collect::<Vec<_>>() {
            self.elect(number);
            let view = self.groups[&number].view.clone();
            if self.down.contains(&view.leader) {
                continue;
            }
            let best = preferred.get(&number).copied();
            if let Some(step) = plan_group(&self.state, (number, &view), best, &silent) {
                self.perform(number, &step)?;
                self.steps.push(step);
            }
            self.pass(number);
        }
        Ok(())
    }

    /// A leader that is gone is followed by a voter that has most.
    fn elect(&mut self, number: u32) {
        let view = &self.groups[&number].view;
        if !self.down.contains(&view.leader) || !self.majority(&view.voters) {
            return;
        }
        let alive = view.voters.difference(&self.down);
        let best = alive.max_by_key(|node| view.matched.get(node).copied().unwrap_or(0));
        let leader = *best.unwrap();
        let group = self.groups.get_mut(&number).unwrap();
        group.view.leader = leader;
        group.epoch += 1;
    }

    fn perform(&mut self, number: u32, step: &Step) -> Broken {
        let before = self.groups[&number].view.clone();
        if !self.majority(&before.voters) {
            return Err(format!("PM10 a change that nobody can commit: {step:?}"));
        }
        let group = self.groups.get_mut(&number).unwrap();
        let view = &mut group.view;
        match step {
            Step::AddLearner { node, .. } => {
                view.learners.insert(*node);
                view.matched.insert(*node, 0);
            }
            Step::Replace { add, remove, .. } => {
                if view.last - view.matched[add] > crate::CAUGHT_UP_ENTRIES {
                    return Err(format!("PM10 a vote for who has not caught up: {step:?}"));
                }
                view.learners.remove(add);
                view.voters.insert(*add);
                view.voters.retain(|node| Some(*node) != *remove);
            }
            Step::RemoveReplica { node, .. } => {
                view.voters.remove(node);
                view.learners.remove(node);
            }
            Step::TransferLeader { to, .. } => {
                view.leader = *to;
                group.epoch += 1;
                return Ok(());
            }
            other => return Err(format!("PM7 not a step of a group: {other:?}")),
        }
        group.index += 1;
        let after = group.view.clone();
        let leads = after.voters.contains(&after.leader);
        if !leads || !self.majority(&after.voters) {
            return Err(format!(
                "PM10 a group without a majority after {step:?}: {after:?}, down {:?}",
                self.down
            ));
        }
        Ok(())
    }

    /// Followers get half of what they lack, and the leader says who is in the group.
    fn pass(&mut self, number: u32) {
        let down = self.down.clone();
        let group = self.groups.get_mut(&number).unwrap();
        let view = &mut group.view;
        view.last += 3;
        let last = view.last;
        for (node, matched) in &mut view.matched {
            if !down.contains(node) {
                *matched = last.min(*matched + (last - *matched) / 2 + 4);
            }
        }
        let reported = Reported {
            epoch: group.epoch,
            index: group.index,
            leader: view.leader,
            voters: view.voters.clone(),
            learners: view.learners.clone(),
        };
        let report = Command::ReportReplicas {
            group: number,
            reported,
        };
        assert!(self.command(&report), "{report:?}");
    }

    /// Partitions that are split go on to their successors.
    fn reshape(&mut self) {
        let partitions = self.state.partitions().clone();
        for (partition, one) in partitions {
            match one.status {
                PartitionStatus::Sealing => {
                    let seal = super::reshape::seal(3);
                    self.command(&Command::Sealed { partition, seal });
                }
                PartitionStatus::Preparing => {
                    self.command(&Command::Activate { partition });
                }
                _ => {}
            }
        }
    }

    /// Rounds until nothing is planned any more.
    pub(crate) fn settle(&mut self) -> Broken {
        for _ in 0..2_000 {
            self.round()?;
            if self.steps.is_empty() && self.caught_up() {
                return self.at_rest();
            }
        }
        Err(format!("PM7 there is no end: {:?}", self.steps))
    }

    fn caught_up(&self) -> bool {
        self.groups.values().all(|group| {
            let alive = group
                .view
                .matched
                .iter()
                .filter(|(node, _)| !self.down.contains(node));
            alive
                .into_iter()
                .all(|(_, matched)| group.view.last - matched < 50)
        })
    }
}
