//! What the leader of the cluster group proposes (PM7, PM8).

use std::collections::BTreeSet;

use crate::limits::CLUSTER_GROUP;
use crate::member::{Member, MemberStatus};
use crate::mutant::{Mutant, on};
use crate::partition::{PartitionStatus, Replicas};
use crate::plan::{Silent, Step};
use crate::state::ClusterState;

/// Steps for the leader of the cluster group: who is there and who is dead, and which voters groups should have. They are to
/// be proposed in this order ([`Step::command`]), and planned anew when they are applied.
#[must_use]
pub fn plan_placement(state: &ClusterState, silent: &Silent) -> Vec<Step> {
    let mut steps = judged(state, silent);
    if steps.is_empty() {
        steps = placed(state, silent);
    }
    steps
}

/// Members that came, and those that were silent for too long: never half of the members or more, since then it is more
/// likely that those who see it are the ones cut off.
fn judged(state: &ClusterState, silent: &Silent) -> Vec<Step> {
    let here = || state.members.iter().filter(|(_, one)| one.here());
    let dead = here().filter(|(_, one)| one.status == MemberStatus::Dead);
    let mut may_die = (here().count().saturating_sub(1) / 2).saturating_sub(dead.count());
    let after = state.planning.dead_after_ms;
    let mut steps = Vec::new();
    for (node, one) in here() {
        let node = *node;
        let waits = matches!(one.status, MemberStatus::Joining | MemberStatus::Dead);
        match silent.get(&node) {
            None if waits => steps.push(Step::Confirm { node }),
            Some(ms) if !waits && after > 0 && *ms >= after && may_die > 0 => {
                may_die -= 1;
                steps.push(Step::MarkDead { node });
            }
            _ => {}
        }
    }
    steps
}

fn placed(state: &ClusterState, silent: &Silent) -> Vec<Step> {
    let mut steps = Vec::new();
    let own = state.own_target();
    if own != state.own.wanted && !own.is_empty() {
        steps.push(Step::Place {
            group: CLUSTER_GROUP,
            voters: own,
        });
    }
    let all: BTreeSet<u32> = state.partitions.keys().copied().collect();
    let moving = |number: &u32| on_its_way(&state.partitions[number].replicas, silent);
    let count = all.iter().filter(|number| moving(number)).count();
    let mut room = usize::from(state.planning.moves_max).saturating_sub(count);
    if on(Mutant::AllAtOnce) {
        room = usize::MAX;
    }
    let size = usize::from(state.replication.voters);
    let mut wished: Vec<(bool, u32, BTreeSet<u16>)> = Vec::new();
    for (number, target) in state.targets(&all) {
        let one = &state.partitions[&number];
        let target = state.filled(target, &one.replicas, size);
        if target == one.replicas.wanted {
            continue;
        }
        let fit = |node: &u16| state.members.get(node).is_some_and(Member::eligible);
        let sound = one.replicas.wanted.iter().all(fit);
        let settled = matches!(
            one.status,
            PartitionStatus::Active | PartitionStatus::Retired
        );
        // What only would be better elsewhere waits until the group is at rest.
        if sound && (!settled || !at_rest(&one.replicas)) {
            continue;
        }
        wished.push((sound, number, target));
    }
    wished.sort();
    for (_, group, voters) in wished {
        let goes_on = moving(&group);
        if !goes_on && room == 0 {
            continue;
        }
        room -= usize::from(!goes_on);
        steps.push(Step::Place { group, voters });
    }
    steps
}

/// Whether a group is where it should be.
fn at_rest(replicas: &Replicas) -> bool {
    let learners = replicas.reported.as_ref().map(|one| &one.learners);
    *replicas.voters() == replicas.wanted && learners.is_none_or(BTreeSet::is_empty)
}

/// Whether a replica is being made. Where none can be, since the node is not there or no majority is that could take it in,
/// nothing is carried, and others need not wait.
fn on_its_way(replicas: &Replicas, silent: &Silent) -> bool {
    let there = |node: &&u16| !silent.contains_key(*node);
    let voters = replicas.voters();
    let majority = 2 * voters.iter().filter(there).count() > voters.len();
    majority && replicas.wanted.difference(voters).any(|node| there(&node))
}
