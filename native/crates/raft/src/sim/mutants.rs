//! Each checker notices the wrong turns it is there for (RS15).

use super::first_failure;
use crate::mutant::{Mutant, with};

/// Seeds within which each is noticed.
const SEEDS: u64 = 400;

/// Runs the simulation until it notices, by one of these rules.
fn noticed(mutant: Mutant, rules: &[&str]) {
    let failure = with(mutant, || first_failure(1..SEEDS));
    let Some((seed, reason)) = failure else {
        panic!("{mutant:?} survived {SEEDS} runs");
    };
    let first = reason.lines().next().unwrap_or("");
    eprintln!("{mutant:?}: seed {seed}: {first:.200}");
    assert!(
        rules.iter().any(|rule| first.starts_with(rule)),
        "{mutant:?} was noticed at seed {seed} by another rule than {rules:?}: {first}"
    );
}

macro_rules! mutants {
    ($($name:ident: $mutant:ident by $($rule:literal)|+;)+) => {
        $(#[test]
        fn $name() {
            noticed(Mutant::$mutant, &[$($rule),+]);
        })+
    };
}

mutants! {
    sending_before_the_sync_is_noticed: SendBeforeDurable by "RS7";
    forgetting_a_vote_is_noticed: ForgetVote by "RS2" | "RS3";
    using_an_epoch_again_is_noticed: ReuseEpoch by "RS13";
    reading_without_asking_is_noticed: LeaseRead by "RS6";
    answering_reads_early_is_noticed: ReadEarly by "RS6";
    applying_before_the_commit_is_noticed: ApplyBeforeCommit by "RS7";
    committing_alone_is_noticed: CommitAlone by "RS7";
    cutting_too_much_is_noticed: CutTooMuch by "RS3";
    keeping_an_old_tail_is_noticed: KeepOldTail by "RS3" | "RS5" | "RS7";
    forgetting_members_is_noticed: ForgetMembers by "RS5";
    members_off_the_record_are_noticed: UnrecordedMembers by "RS5";
    voting_for_anybody_is_noticed: VoteForAnybody by "RS4";
    losing_what_waits_is_noticed: LoseWaiting by "RS11";
    keeping_a_log_behind_a_snapshot_is_noticed: KeepLogBehindSnapshot by "RS3" | "RS5" | "RS7" | "RS13";
    forgetting_a_seal_point_is_noticed: ForgetSealPoint by "RS13";
    forgetting_submissions_is_noticed: ForgetSeen by "RS9";
    knowing_no_submission_is_noticed: NoDedup by "RS8";
    skipping_the_sync_is_noticed: SkipSync by "RS7";
    answering_at_once_is_noticed: AnswerAtOnce by "RS10";
    replaying_what_is_not_committed_is_noticed: ReplayTooFar by "RS5" | "RS13";
}
