//! Each checker notices the wrong turn it is there for: a test that passes without it fails with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{keys, pace, plan, proofs, work};
use crate::mutant::{Mutant, with};

fn killed_by(mutant: Mutant, test: fn()) {
    let outcome = with(mutant, || catch_unwind(AssertUnwindSafe(test)));
    assert!(outcome.is_err(), "{mutant:?} survived");
}

#[test]
fn keeping_superseded_rows_is_noticed() {
    killed_by(
        Mutant::IgnoreBehind,
        keys::a_segment_without_survivors_goes_as_a_whole,
    );
}

#[test]
fn keeping_the_oldest_row_is_noticed() {
    killed_by(Mutant::KeepOldest, keys::only_the_latest_row_of_a_key_stays);
}

#[test]
fn bringing_dead_keys_back_is_noticed() {
    let test = keys::a_tombstone_goes_when_it_is_old_and_nothing_is_left_to_hide;
    killed_by(Mutant::DropTombstones, test);
}

#[test]
fn trusting_rows_is_noticed() {
    killed_by(
        Mutant::TrustRows,
        work::a_row_that_does_not_hash_to_its_leaf_stops_the_work,
    );
}

#[test]
fn keeping_outputs_of_cancelled_work_is_noticed() {
    killed_by(
        Mutant::KeepOutputs,
        work::a_conflict_at_the_end_leaves_nothing,
    );
}

#[test]
fn dropping_hashes_too_early_is_noticed() {
    killed_by(
        Mutant::DropHashes,
        plan::hashes_go_when_receipts_are_final_a_file_at_a_time,
    );
}

#[test]
fn forgetting_the_second_tree_is_noticed() {
    killed_by(Mutant::ForgetSha256, proofs::both_trees_outlive_compaction);
}

#[test]
fn not_stopping_is_noticed() {
    killed_by(Mutant::IgnoreCancel, work::cancelled_work_leaves_nothing);
}

#[test]
fn not_waiting_is_noticed() {
    killed_by(Mutant::IgnorePace, pace::the_rate_is_kept_over_time);
}
