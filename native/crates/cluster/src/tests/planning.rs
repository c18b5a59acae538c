//! From any state, and after failures of minorities, plans lead to where all should be, and end there (PM6 to PM10).

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use super::fleet::{Event, Fleet};
use crate::mutant::{Mutant, with};
use crate::{MemberStatus, Step};

fn event() -> impl Strategy<Value = Event> {
    let node = || 1_u16..9;
    prop_oneof![
        4 => node().prop_map(Event::Kill),
        3 => node().prop_map(Event::Revive),
        1 => node().prop_map(Event::Drain),
        2 => node().prop_map(Event::Add),
        1 => node().prop_map(Event::Remove),
        1 => (1_u16..6).prop_map(Event::Create),
        1 => (1_u8..6).prop_map(Event::Replicate),
        1 => (0_u32..8).prop_map(Event::Split),
        6 => (1_u8..12).prop_map(Event::Rounds),
    ]
}

fn play(members: u16, events: &[Event]) -> Result<(), String> {
    let mut fleet = Fleet::new(members, 6);
    for event in events {
        fleet.event(event)?;
    }
    fleet.settle()
}

fn first_broken(cases: u32) -> Option<String> {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&(3_u16..7, vec(event(), 0..40)), |(members, events)| {
        play(members, &events).map_err(TestCaseError::fail)
    });
    result.err().map(|error| match error {
        TestError::Fail(reason, events) => format!("{reason}: {events:?}"),
        TestError::Abort(reason) => reason.to_string(),
    })
}

#[test]
fn plans_lead_where_all_should_be_and_end() {
    assert_eq!(first_broken(super::runs(300)), None);
}

#[test]
fn wrong_plans_are_found() {
    for (mutant, rule) in [
        (Mutant::LoseMajority, "PM10"),
        (Mutant::VoteEmpty, "PM10"),
        (Mutant::AllAtOnce, "PM8"),
    ] {
        let found = with(mutant, || first_broken(1_000));
        let found = found.unwrap_or_else(|| panic!("{mutant:?} lives"));
        assert!(
            found.contains(rule),
            "{mutant:?} was found by another rule: {found}"
        );
    }
}

#[test]
fn a_dead_member_is_replaced() {
    let mut fleet = Fleet::new(5, 10);
    fleet.settle().unwrap();
    fleet.event(&Event::Kill(2)).unwrap();
    fleet.settle().unwrap();
    assert_eq!(fleet.state.members()[&2].status, MemberStatus::Dead);
    assert_eq!(
        fleet.state.groups_of(2),
        BTreeSet::new(),
        "nothing is left on it but what it heard"
    );
    fleet.event(&Event::Revive(2)).unwrap();
    fleet.settle().unwrap();
    assert!(
        !fleet.state.groups_of(2).is_empty(),
        "it has its share again"
    );
}

#[test]
fn a_member_that_is_drained_can_be_removed() {
    let mut fleet = Fleet::new(4, 8);
    fleet.event(&Event::Drain(1)).unwrap();
    fleet.settle().unwrap();
    fleet.event(&Event::Remove(1)).unwrap();
    fleet.settle().unwrap();
    assert_eq!(fleet.state.members()[&1].status, MemberStatus::Removed);
    assert!(fleet.steps.is_empty());
}

#[test]
fn a_new_member_gets_its_share_and_leads_some() {
    let mut fleet = Fleet::new(3, 12);
    fleet.settle().unwrap();
    fleet.event(&Event::Add(4)).unwrap();
    fleet.settle().unwrap();
    let has = fleet.state.groups_of(4).len();
    assert!(
        (5..=13).contains(&has),
        "of 36 replicas on four members it has {has}"
    );
    let preferred = fleet.state.preferred_leaders();
    assert!(preferred.values().any(|node| *node == 4));
}

#[test]
fn without_a_majority_nothing_is_begun() {
    let fleet = Fleet::new(3, 1);
    let view = crate::GroupView {
        leader: 1,
        voters: BTreeSet::from([1, 2, 3]),
        learners: BTreeSet::from([9]),
        last: 10,
        ..crate::GroupView::default()
    };
    let plan = |silent| crate::plan_group(&fleet.state, (0, &view), None, &silent);
    assert_eq!(plan([(2, 5), (3, 5)].into()), None);
    let stray = Some(Step::RemoveReplica { group: 0, node: 9 });
    assert_eq!(plan([(3, 5)].into()), stray);
    let changing = crate::GroupView {
        changing: true,
        ..view.clone()
    };
    let planned = crate::plan_group(&fleet.state, (0, &changing), None, &[].into());
    assert_eq!(planned, None);
}
