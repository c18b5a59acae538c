//! Consumer groups (GR15 to GR17).

use std::collections::BTreeSet;

use super::reshape::seal;
use super::{founded, run, run_after};
use crate::{ClusterState, Code, Command, Done, Refusal, Strategy};

/// Generation, what is read, what is asked back.
type Standing = (u64, Vec<u32>, Vec<u32>);

fn standing(done: Result<Done, Refusal>) -> Standing {
    match done.unwrap() {
        Done::Consumer {
            generation,
            assigned,
            revoked,
            ..
        } => (
            generation,
            assigned.into_iter().collect(),
            revoked.into_iter().collect(),
        ),
        other => panic!("{other:?}"),
    }
}

fn join(state: &mut ClusterState, consumer: &str, strategy: Strategy) -> Standing {
    standing(run(
        state,
        &Command::JoinConsumers {
            group: "g".to_owned(),
            consumer: consumer.to_owned(),
            logs: BTreeSet::from(["notary".to_owned()]),
            strategy,
            ttl_ms: 1_000,
        },
    ))
}

fn beat(state: &mut ClusterState, consumer: &str, released: &[u32]) -> Standing {
    standing(run(
        state,
        &Command::ConsumerHeartbeat {
            group: "g".to_owned(),
            consumer: consumer.to_owned(),
            released: released.iter().copied().collect(),
        },
    ))
}

fn commit(
    state: &mut ClusterState,
    consumer: &str,
    generation: u64,
    offsets: &[(u32, u64)],
) -> Result<Done, Refusal> {
    run(
        state,
        &Command::CommitOffsets {
            group: "g".to_owned(),
            consumer: consumer.to_owned(),
            generation,
            offsets: offsets.to_vec(),
        },
    )
}

#[test]
fn a_partition_moves_when_the_one_who_had_it_lets_go() {
    let mut state = founded(3, 4);
    let sticky = Strategy::CooperativeSticky;
    assert_eq!(join(&mut state, "a", sticky), (1, vec![0, 1, 2, 3], vec![]));
    assert_eq!(
        join(&mut state, "b", sticky),
        (2, vec![], vec![]),
        "a has them still"
    );
    assert_eq!(
        commit(&mut state, "a", 1, &[(2, 7)]).unwrap_err().code,
        Code::Stale
    );
    let (generation, _, revoked) = beat(&mut state, "a", &[]);
    assert_eq!((generation, revoked.as_slice()), (2, &[2, 3][..]));
    commit(&mut state, "a", 2, &[(2, 7)]).unwrap();
    assert_eq!(
        beat(&mut state, "a", &[0, 2]),
        (2, vec![0, 1, 3], vec![3]),
        "0 is its own to keep"
    );
    assert_eq!(beat(&mut state, "b", &[]), (2, vec![2], vec![]));
    assert_eq!(
        commit(&mut state, "a", 2, &[(2, 8)]).unwrap_err().code,
        Code::Stale
    );
    commit(&mut state, "b", 2, &[(2, 8)]).unwrap();
    beat(&mut state, "a", &[3]);
    assert_eq!(beat(&mut state, "b", &[]).1, [2, 3]);
}

/// Partitions that are asked back when two members have three each and a third joins.
pub(crate) fn moves_when_a_third_joins() -> usize {
    let mut state = founded(3, 6);
    let sticky = Strategy::CooperativeSticky;
    join(&mut state, "a", sticky);
    join(&mut state, "b", sticky);
    let asked = beat(&mut state, "a", &[]).2;
    beat(&mut state, "a", &asked);
    join(&mut state, "c", sticky);
    let kept = [beat(&mut state, "a", &[]), beat(&mut state, "b", &[])];
    kept.iter().map(|one| one.2.len()).sum()
}

#[test]
fn who_is_silent_is_put_out() {
    let mut state = founded(3, 3);
    let sticky = Strategy::CooperativeSticky;
    join(&mut state, "a", sticky);
    join(&mut state, "b", sticky);
    run_after(&mut state, 600, &Command::Tick).unwrap();
    beat(&mut state, "b", &[]);
    run_after(&mut state, 600, &Command::Tick).unwrap();
    assert_eq!(beat(&mut state, "b", &[]).1, [0, 1, 2]);
    let late = commit(&mut state, "a", 2, &[(0, 1)]).unwrap_err();
    assert_eq!(late.code, Code::Unknown);
    assert!(late.words.contains("join it"));
    let forget = Command::ForgetConsumers {
        group: "g".to_owned(),
    };
    assert_eq!(run(&mut state, &forget).unwrap_err().code, Code::InUse);
    run_after(&mut state, 2_000, &forget).unwrap();
    assert!(state.consumers().is_empty());
}

#[test]
fn ranges_are_neighbours() {
    let mut state = founded(3, 5);
    join(&mut state, "b", Strategy::Range);
    join(&mut state, "a", Strategy::Range);
    assert_eq!(beat(&mut state, "a", &[]).1, [0, 1, 2]);
    assert_eq!(beat(&mut state, "b", &[]).1, [3, 4]);
}

#[test]
fn successors_are_read_when_their_parents_are() {
    let mut state = founded(3, 1);
    let (generation, ..) = join(&mut state, "a", Strategy::CooperativeSticky);
    run(
        &mut state,
        &Command::BeginSplit {
            partition: 0,
            cuts: vec![],
        },
    )
    .unwrap();
    run(
        &mut state,
        &Command::Sealed {
            partition: 0,
            seal: seal(9),
        },
    )
    .unwrap();
    for partition in [1, 2] {
        run(&mut state, &Command::Activate { partition }).unwrap();
    }
    assert_eq!(
        beat(&mut state, "a", &[]).1,
        [0],
        "there is something left to read of the parent"
    );
    commit(&mut state, "a", generation, &[(0, 8)]).unwrap();
    assert_eq!(
        commit(&mut state, "a", generation, &[(0, 10)])
            .unwrap_err()
            .code,
        Code::Invalid
    );
    commit(&mut state, "a", generation, &[(0, 9)]).unwrap();
    commit(&mut state, "a", generation, &[(0, 9)]).unwrap();
    assert_eq!(
        beat(&mut state, "a", &[]),
        (generation + 1, vec![1, 2], vec![])
    );
}
