//! The ring and the copysets (PM1 to PM5).

use std::collections::{BTreeMap, BTreeSet};

use super::{founded, member};
use crate::copyset::Copysets;
use crate::mutant::{Mutant, with};
use crate::placement::Targets;
use crate::ring::{Ring, point_of_partition};
use crate::{ClusterState, Labels, Member, MemberStatus};

fn partitions(count: u32) -> BTreeSet<u32> {
    (0..count).collect()
}

/// A cluster with so many active members, each labelled.
fn members(count: u16, label: impl Fn(u16) -> Labels) -> ClusterState {
    let mut state = founded(3, 0);
    for number in 1..=count {
        let mut about = member(number);
        about.labels = label(number);
        let member = Member {
            about,
            status: MemberStatus::Active,
            leaving: false,
            since: 0,
        };
        state.members.insert(number, member);
    }
    state
}

fn unlabelled(_: u16) -> Labels {
    Labels::default()
}

/// Replicas that are on another node than before.
fn moved(before: &Targets, after: &Targets) -> usize {
    let moves = |(number, old): (&u32, &BTreeSet<u16>)| after[number].difference(old).count();
    before.iter().map(moves).sum()
}

/// Share of the replicas that move when an eighth member joins seven, in percent.
fn moved_by_joining() -> usize {
    let all = partitions(600);
    let before = members(7, unlabelled).targets(&all);
    let after = members(8, unlabelled).targets(&all);
    moved(&before, &after) * 100 / 1_800
}

#[test]
fn a_member_that_joins_moves_little() {
    // It gets an eighth of all; a new first node brings two new companions along: (2R - 1) / (R N) = 21 %, and some for
    // shares that change.
    let percent = moved_by_joining();
    assert!((8..=29).contains(&percent), "{percent} %");
    let reshuffled = with(Mutant::Reshuffle, moved_by_joining);
    assert!(reshuffled > 29, "{reshuffled} %");
}

#[test]
fn a_member_that_leaves_moves_little() {
    let all = partitions(600);
    let mut state = members(8, unlabelled);
    let before = state.targets(&all);
    state.members.remove(&5);
    let after = state.targets(&all);
    let percent = moved(&before, &after) * 100 / 1_800;
    assert!(percent <= 29, "{percent} %");
    assert!(
        after
            .values()
            .all(|set| set.len() == 3 && !set.contains(&5))
    );
}

#[test]
fn nobody_is_the_first_of_more_than_its_share() {
    let weights: BTreeMap<u16, u16> = [(1, 100), (2, 100), (3, 200), (4, 50)].into();
    for count in [1, 7, 100, 600] {
        let primaries = Ring::new(&weights).primaries(&partitions(count));
        assert_eq!(primaries.len() as u32, count);
        for (node, weight) in &weights {
            let has = primaries.values().filter(|one| *one == node).count() as u64;
            let most = (u64::from(*weight) * u64::from(count) * 5).div_ceil(450 * 4);
            assert!(
                has <= most,
                "{count} partitions: node {node} has {has} of {most}"
            );
        }
    }
}

/// A group in one zone or rack although there are more, if any.
fn crowded(state: &ClusterState) -> Option<BTreeSet<u16>> {
    let labels = |node: &u16| &state.members[node].about.labels;
    let all: BTreeSet<u16> = state.members.keys().copied().collect();
    let zones = |set: &BTreeSet<u16>| {
        set.iter()
            .map(|one| &labels(one).zone)
            .collect::<BTreeSet<_>>()
            .len()
    };
    let racks = |set: &BTreeSet<u16>| set.iter().map(labels).collect::<BTreeSet<_>>().len();
    let targets = state.targets(&partitions(200));
    targets.into_values().find(|set| {
        zones(set) < zones(&all).min(set.len()) || racks(set) < racks(&all).min(set.len())
    })
}

#[test]
fn replicas_stand_apart() {
    for (zones, racks) in [(1, 1), (1, 2), (1, 3), (2, 2), (2, 1), (3, 1), (4, 2)] {
        let label = |node: u16| Labels {
            zone: format!("zone-{}", node % zones),
            rack: format!("rack-{}", node / zones % racks),
        };
        let state = members(12, label);
        assert_eq!(crowded(&state), None, "{zones} zones with {racks} racks");
        if zones > 2 {
            assert!(with(Mutant::IgnoreRacks, || crowded(&state)).is_some());
        }
    }
}

fn sets(nodes: u16, width: u16) -> usize {
    let mut state = members(nodes, unlabelled);
    state.planning.scatter_width = width;
    let targets = state.targets(&partitions(3_000));
    targets.into_values().collect::<BTreeSet<_>>().len()
}

#[test]
fn there_are_few_copysets() {
    for (width, circles) in [(1, 1), (4, 1), (5, 2), (8, 2), (12, 3)] {
        let count = sets(20, width);
        assert!(count <= circles * 20, "scatter width {width}: {count}");
        assert!(count > (circles - 1) * 20, "scatter width {width}: {count}");
    }
    assert!(with(Mutant::ScatterEverywhere, || sets(20, 4)) > 20);
}

#[test]
fn a_node_shares_groups_with_few_others() {
    let labels: BTreeMap<u16, Labels> = (1..=20).map(|node| (node, Labels::default())).collect();
    let copysets = Copysets::new(&labels, 3, 4);
    let mut companions: BTreeMap<u16, BTreeSet<u16>> = BTreeMap::new();
    for primary in labels.keys() {
        let set = copysets.of(0, *primary);
        for node in &set {
            companions.entry(*node).or_default().extend(&set);
        }
    }
    assert!(
        companions.values().all(|others| others.len() == 5),
        "itself and four"
    );
}

/// The bytes that are hashed are fixed by the spec: other programs find the same places.
#[test]
fn places_are_what_they_were() {
    assert_eq!(point_of_partition(0), 8_165_734_796_096_842_458);
    assert_eq!(ClusterState::slot_of(b"abc"), 0xacb3_3764);
    let targets = members(5, unlabelled).targets(&partitions(4));
    let targets: Vec<Vec<u16>> = targets
        .into_values()
        .map(|set| set.into_iter().collect())
        .collect();
    assert_eq!(targets, [[1, 2, 3], [1, 2, 5], [2, 3, 4], [1, 4, 5]]);
}
