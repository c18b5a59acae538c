//! What the leader of a group does to bring it where it should be (PM10).

use std::collections::BTreeSet;

use crate::limits::CLUSTER_GROUP;
use crate::member::MemberStatus;
use crate::mutant::{Mutant, on};
use crate::plan::{GroupView, Silent, Step};
use crate::state::ClusterState;

/// A learner that lacks no more entries than this has caught up: it votes before the next ones are many.
pub const CAUGHT_UP_ENTRIES: u64 = 256;

/// The next step of a group, if any, for its leader; `preferred` is who should lead it
/// ([`ClusterState::preferred_leaders`]). It is one change, planned anew when the group has made it.
#[must_use]
pub fn plan_group(
    state: &ClusterState,
    (group, view): (u32, &GroupView),
    preferred: Option<u16>,
    silent: &Silent,
) -> Option<Step> {
    let planning = Planning {
        group,
        view,
        silent,
        wanted: &state.replicas(group)?.wanted,
        listeners: listeners(state, group),
    };
    if view.changing || !planning.majority(&view.voters) {
        return None;
    }
    let next = planning
        .drop_learner()
        .or_else(|| planning.promote())
        .or_else(|| planning.add_learner());
    if next.is_some() || planning.catching_up() {
        return next;
    }
    planning
        .remove_voter()
        .or_else(|| planning.add_listener())
        .or_else(|| planning.lead(preferred))
}

struct Planning<'a> {
    group: u32,
    view: &'a GroupView,
    silent: &'a Silent,
    wanted: &'a BTreeSet<u16>,
    /// Who should get the entries and never vote.
    listeners: BTreeSet<u16>,
}

/// All members follow the cluster group, those who do not vote as its learners.
fn listeners(state: &ClusterState, group: u32) -> BTreeSet<u16> {
    if group != CLUSTER_GROUP {
        return BTreeSet::new();
    }
    let listens = |status| !matches!(status, MemberStatus::Joining | MemberStatus::Removed);
    let members = state.members.iter();
    let there =
        members.filter(|(node, one)| listens(one.status) && !state.own.wanted.contains(node));
    there.map(|(node, _)| *node).collect()
}

impl Planning<'_> {
    fn alive(&self, node: u16) -> bool {
        node == self.view.leader || !self.silent.contains_key(&node)
    }

    /// Whether a majority of these is there.
    fn majority(&self, voters: &BTreeSet<u16>) -> bool {
        let there = voters.iter().filter(|node| self.alive(**node)).count();
        2 * there > voters.len()
    }

    fn caught_up(&self, node: u16) -> bool {
        let matched = self.view.matched.get(&node).copied().unwrap_or(0);
        let lacks = self.view.last.saturating_sub(matched);
        (matched > 0 && lacks <= CAUGHT_UP_ENTRIES) || on(Mutant::VoteEmpty)
    }

    /// Voters that should not be, those first that are not there.
    fn surplus(&self) -> Option<u16> {
        let surplus = self.view.voters.difference(self.wanted).copied();
        let others = surplus.filter(|node| *node != self.view.leader);
        others.min_by_key(|node| (self.alive(*node), *node))
    }

    /// Voters that should be and are neither that nor learners.
    fn missing(&self) -> impl Iterator<Item = u16> + '_ {
        let view = self.view;
        let wanted = self.wanted.difference(&view.voters).copied();
        wanted.filter(|node| !view.learners.contains(node))
    }

    /// A learner that should vote and is there, but behind: nothing else begins meanwhile.
    fn catching_up(&self) -> bool {
        let mut learners = self.view.learners.intersection(self.wanted);
        learners.any(|node| self.alive(*node))
    }

    fn drop_learner(&self) -> Option<Step> {
        let needed = |node: &u16| self.wanted.contains(node) || self.listeners.contains(node);
        let stray = self.view.learners.iter().find(|node| !needed(node))?;
        Some(Step::RemoveReplica {
            group: self.group,
            node: *stray,
        })
    }

    fn promote(&self) -> Option<Step> {
        let ready = |node: &&u16| self.alive(**node) && self.caught_up(**node);
        let add = *self.view.learners.intersection(self.wanted).find(ready)?;
        let remove = self.surplus();
        let mut after = self.view.voters.clone();
        after.insert(add);
        after.retain(|node| Some(*node) != remove);
        self.majority(&after).then_some(Step::Replace {
            group: self.group,
            add,
            remove,
        })
    }

    fn add_learner(&self) -> Option<Step> {
        if self.catching_up() {
            return None;
        }
        let node = self.missing().find(|node| self.alive(*node))?;
        Some(Step::AddLearner {
            group: self.group,
            node,
        })
    }

    /// Once all that should vote do: who should not leaves, after the leader, if it is one of them, has handed over.
    fn remove_voter(&self) -> Option<Step> {
        let group = self.group;
        if !self.wanted.is_subset(&self.view.voters) {
            return None;
        }
        if let Some(node) = self.surplus() {
            let mut after = self.view.voters.clone();
            after.remove(&node);
            let safe = self.majority(&after) || on(Mutant::LoseMajority);
            return safe.then_some(Step::RemoveReplica { group, node });
        }
        if self.wanted.contains(&self.view.leader) {
            return None;
        }
        let fit = |node: &&u16| self.alive(**node) && self.caught_up(**node);
        let to = *self.wanted.iter().find(fit)?;
        Some(Step::TransferLeader { group, to })
    }

    fn add_listener(&self) -> Option<Step> {
        let new = |node: &&u16| {
            let known = self.view.voters.contains(node) || self.view.learners.contains(node);
            !known && self.alive(**node)
        };
        let node = *self.listeners.iter().find(new)?;
        Some(Step::AddLearner {
            group: self.group,
            node,
        })
    }

    /// Groups are led by those who should, when they are at rest.
    fn lead(&self, preferred: Option<u16>) -> Option<Step> {
        let rests = self.view.voters == *self.wanted;
        let fit = |node: &u16| {
            *node != self.view.leader
                && self.view.voters.contains(node)
                && self.alive(*node)
                && self.caught_up(*node)
        };
        let to = preferred.filter(|node| rests && fit(node))?;
        Some(Step::TransferLeader {
            group: self.group,
            to,
        })
    }
}
