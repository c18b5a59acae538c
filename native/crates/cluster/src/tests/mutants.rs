//! Each wrong turn is noticed by the checks of histories.

use super::rules::first_broken;
use crate::mutant::{Mutant, with};

fn killed(mutant: Mutant, rule: &str) {
    let found = with(mutant, || first_broken(2_000, 150));
    let found = found.unwrap_or_else(|| panic!("{mutant:?} lives"));
    assert!(
        found.contains(rule),
        "{mutant:?} was found by another rule: {found}"
    );
}

macro_rules! mutants {
    ($($name:ident: $mutant:ident breaks $rule:literal,)+) => {$(
        #[test]
        fn $name() {
            killed(Mutant::$mutant, $rule);
        }
    )+};
}

mutants! {
    numbers_that_are_reused: ReuseNumbers breaks "GR4",
    a_fencing_number_twice: SameFence breaks "GR",
    time_that_goes_back: TimeGoesBack breaks "GR12",
    successors_one_by_one: ActivateAlone breaks "GR7",
    a_slot_of_nobody: LoseSlot breaks "GR7",
    parents_beside_successors: KeepParents breaks "GR7",
    an_end_that_changes: SealTwice breaks "GR8",
    reports_of_the_deposed: StaleReports breaks "GR9",
    keepers_that_are_removed: RemoveKeepers breaks "GR",
    a_refused_command_that_leaves_something: HalfRefused breaks "GR5",
    time_that_never_runs_out: NeverExpire breaks "GR12",
    the_last_first: LastComesFirst breaks "GR14",
    offsets_of_earlier_generations: StaleOffsets breaks "GR16",
    a_partition_with_two_readers: GiveBeforeRelease breaks "GR7",
    successors_before_parents: ReadAhead breaks "GR15",
}

#[test]
fn times_that_two_coordinators_use() {
    let overlap = || {
        let (end, from) = super::locks::given_back_and_assigned();
        from < end
    };
    assert!(!overlap(), "GR13");
    assert!(with(Mutant::SameTimes, overlap));
}

#[test]
fn partitions_that_are_dealt_out_anew() {
    let moves = super::consumers::moves_when_a_third_joins;
    assert_eq!(moves(), 2, "GR17");
    assert!(with(Mutant::NotSticky, moves) > 2);
}

#[test]
fn bytes_behind_a_command() {
    let longer = [crate::Command::Tick.encode(), vec![0]].concat();
    let taken = || crate::Command::decode(&longer).is_ok();
    assert!(!taken(), "GR2");
    assert!(with(Mutant::TrailingBytes, taken));
}
