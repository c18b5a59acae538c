//! Each checker notices the wrong turn it is there for.

use super::damage::{flip_bits, lose_frames, recycle};
use super::recycle::lose_the_first_of_two;
use super::simulation::first_failure;
use crate::mutant::{Mutant, with};

/// Runs the simulation until it notices.
fn simulation_kills(mutant: Mutant) {
    let failure = with(mutant, || first_failure(1..2000));
    assert!(failure.is_some(), "{mutant:?} survived 2000 runs");
}

#[test]
fn skipping_the_sync_is_noticed() {
    simulation_kills(Mutant::SkipSync);
}

#[test]
fn ignoring_a_failed_sync_is_noticed() {
    simulation_kills(Mutant::IgnoreSyncError);
}

#[test]
fn leaving_a_torn_tail_is_noticed() {
    simulation_kills(Mutant::KeepTail);
}

#[test]
fn trusting_the_cache_about_the_last_frame_is_noticed() {
    simulation_kills(Mutant::TrustCache);
}

#[test]
fn recycling_before_the_store_file_says_so_is_noticed() {
    simulation_kills(Mutant::RecycleBeforeStore);
}

#[test]
fn forgetting_what_stood_in_files_let_go_is_noticed() {
    simulation_kills(Mutant::ForgetStates);
}

#[test]
fn letting_files_go_that_are_needed_is_noticed() {
    simulation_kills(Mutant::ReleaseTooMuch);
}

#[test]
fn leaving_a_file_with_unsynced_frames_is_noticed() {
    simulation_kills(Mutant::LeaveUnsynced);
}

#[test]
fn leaving_the_stop_file_is_noticed() {
    simulation_kills(Mutant::KeepStop);
}

#[test]
fn whole_frames_left_behind_a_lost_one_are_noticed() {
    assert!(lose_the_first_of_two().is_ok());
    let outcome = with(Mutant::KeepWhole, lose_the_first_of_two);
    assert!(outcome.is_err());
}

#[test]
fn cutting_any_bad_frame_is_noticed() {
    let outcome = with(Mutant::CutAnything, || flip_bits(1..20));
    assert!(outcome.is_err());
}

#[test]
fn not_looking_behind_the_end_is_noticed() {
    let outcome = with(Mutant::NoSearch, || lose_frames(1..20));
    assert!(outcome.is_err());
}

#[test]
fn checksums_without_the_incarnation_are_noticed() {
    let outcome = with(Mutant::CrcIgnoresIncarnation, recycle);
    assert!(outcome.is_err());
}
