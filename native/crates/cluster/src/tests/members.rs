//! Members come, go and are written down once (GR4, GR9, GR10).

use std::collections::BTreeSet;

use super::{founded, founding, member, run};
use crate::{
    CLUSTER_GROUP, ClusterState, Code, Command, MemberChange, MemberStatus, Replication, Reported,
};

fn status(state: &ClusterState, number: u16) -> MemberStatus {
    state.members()[&number].status
}

fn code(result: Result<crate::Done, crate::Refusal>) -> Code {
    result.unwrap_err().code
}

fn report(voters: &[u16], (epoch, index): (u32, u64)) -> Reported {
    Reported {
        epoch,
        index,
        leader: voters[0],
        voters: voters.iter().copied().collect(),
        learners: BTreeSet::new(),
    }
}

#[test]
fn a_member_joins_works_and_leaves_for_ever() {
    let mut state = founded(3, 1);
    run(&mut state, &Command::AddMember { member: member(4) }).unwrap();
    assert_eq!(status(&state, 4), MemberStatus::Joining);
    let place = |voters: &[u16]| Command::Place {
        group: 0,
        voters: voters.iter().copied().collect(),
    };
    assert_eq!(code(run(&mut state, &place(&[1, 2, 4]))), Code::Conflict);
    run(&mut state, &Command::ConfirmMember { number: 4 }).unwrap();
    run(&mut state, &place(&[1, 2, 4])).unwrap();
    assert_eq!(state.groups_of(4), BTreeSet::from([0]));
    let remove = Command::RemoveMember { number: 4 };
    let refusal = run(&mut state, &remove).unwrap_err();
    assert_eq!(refusal.code, Code::InUse);
    assert!(refusal.words.contains("drain it"), "{}", refusal.words);
    run(&mut state, &Command::Drain { number: 4 }).unwrap();
    run(&mut state, &place(&[1, 2, 3])).unwrap();
    run(&mut state, &remove).unwrap();
    run(&mut state, &remove).unwrap();
    assert_eq!(status(&state, 4), MemberStatus::Removed);
    let again = Command::AddMember { member: member(4) };
    assert_eq!(
        code(run(&mut state, &again)),
        Code::Conflict,
        "its number stays its own"
    );
    let mut new = member(5);
    new.name = "node-4".to_owned();
    new.cosigner_name = member(4).cosigner_name;
    run(&mut state, &Command::AddMember { member: new }).unwrap();
}

#[test]
fn who_reported_replicas_on_a_member_keeps_it() {
    let mut state = founded(4, 1);
    let reported = report(&[1, 2, 3, 4], (3, 9));
    run(&mut state, &Command::ReportReplicas { group: 0, reported }).unwrap();
    let remove = Command::RemoveMember { number: 4 };
    assert_eq!(code(run(&mut state, &remove)), Code::InUse);
    for older in [(2, 9), (3, 8)] {
        let reported = report(&[1, 2, 3], older);
        let behind = Command::ReportReplicas { group: 0, reported };
        assert_eq!(code(run(&mut state, &behind)), Code::Stale);
    }
    let reported = report(&[1, 2, 3], (3, 9));
    let other = Command::ReportReplicas { group: 0, reported };
    assert_eq!(code(run(&mut state, &other)), Code::Conflict);
    let reported = report(&[1, 2, 3], (3, 10));
    run(&mut state, &Command::ReportReplicas { group: 0, reported }).unwrap();
    assert_eq!(
        code(run(&mut state, &remove)),
        Code::InUse,
        "it votes in the cluster group"
    );
    let voters = BTreeSet::from([1, 2, 3]);
    run(
        &mut state,
        &Command::Place {
            group: CLUSTER_GROUP,
            voters,
        },
    )
    .unwrap();
    assert_eq!(
        code(run(&mut state, &remove)),
        Code::InUse,
        "it votes there still"
    );
    let reported = report(&[1, 2, 3], (1, 1));
    run(
        &mut state,
        &Command::ReportReplicas {
            group: CLUSTER_GROUP,
            reported,
        },
    )
    .unwrap();
    run(&mut state, &remove).unwrap();
}

#[test]
fn names_addresses_and_keys_are_of_one_member() {
    let mut state = founded(3, 0);
    let altered: [fn(&mut crate::NewMember); 6] = [
        |one| one.name = "node-1".to_owned(),
        |one| one.address = member(1).address,
        |one| one.tunnel = member(1).tunnel,
        |one| one.cosigner = member(1).cosigner,
        |one| one.cosigner_name = "pyralog/devnet-0aa3e02fbfbc72f1/elsewhere/node-9".to_owned(),
        |one| one.number = 1_024,
    ];
    for alter in altered {
        let mut new = member(9);
        alter(&mut new);
        let refusal = run(&mut state, &Command::AddMember { member: new }).unwrap_err();
        assert!(
            matches!(refusal.code, Code::Conflict | Code::Invalid),
            "{refusal:?}"
        );
    }
    let change = MemberChange {
        address: Some(member(1).address),
        ..MemberChange::default()
    };
    let update = Command::UpdateMember { number: 2, change };
    assert_eq!(code(run(&mut state, &update)), Code::Conflict);
}

#[test]
fn a_member_that_was_being_drained_is_drained_when_it_comes_back() {
    let mut state = founded(3, 0);
    run(&mut state, &Command::Drain { number: 2 }).unwrap();
    run(&mut state, &Command::MarkDead { number: 2 }).unwrap();
    run(&mut state, &Command::ConfirmMember { number: 2 }).unwrap();
    assert_eq!(status(&state, 2), MemberStatus::Draining);
    run(&mut state, &Command::Undrain { number: 2 }).unwrap();
    assert_eq!(status(&state, 2), MemberStatus::Active);
}

#[test]
fn k_is_the_least_that_liars_cannot_fork() {
    let (mut state, mut entry) = (founded(5, 1), 0);
    for (voters, faults, needed) in [
        (1, 0, 1),
        (2, 0, 2),
        (3, 0, 2),
        (4, 1, 3),
        (5, 0, 3),
        (5, 1, 4),
        (5, 2, 4),
        (3, 2, 3),
    ] {
        run(&mut state, &Command::SetReplication { voters, faults }).unwrap();
        let nodes: Vec<u16> = (1..=u16::from(voters)).collect();
        entry += 1;
        let reported = report(&nodes, (1, entry));
        run(&mut state, &Command::ReportReplicas { group: 0, reported }).unwrap();
        let policy = state.cosign_policy(0).unwrap();
        assert_eq!(policy.needed, needed, "{voters} voters, {faults} faults");
        let (k, n, f) = (policy.needed, u16::from(voters), u16::from(faults));
        assert!(2 * k > n + f && k <= n && (k == 1 || 2 * (k - 1) <= n + f));
    }
    let refused = Command::SetReplication {
        voters: 3,
        faults: 3,
    };
    assert_eq!(code(run(&mut state, &refused)), Code::Invalid);
}

#[test]
fn foundings_that_do_not_fit_are_refused() {
    let spoilt: [fn(&mut crate::Founding); 6] = [
        |one| one.members.clear(),
        |one| one.members.push(member(1)),
        |one| one.scope = "pyralog/x".to_owned(),
        |one| {
            one.replication = Replication {
                voters: 0,
                faults: 0,
            }
        },
        |one| one.partitions.push(one.partitions[0].clone()),
        |one| one.partitions[0].voters = BTreeSet::from([9]),
    ];
    for spoil in spoilt {
        let mut founding = founding(3, 2);
        spoil(&mut founding);
        assert!(ClusterState::found(&founding).is_err(), "{founding:?}");
    }
    let state = founded(7, 2);
    assert_eq!(state.replicas(CLUSTER_GROUP).unwrap().wanted.len(), 5);
}
