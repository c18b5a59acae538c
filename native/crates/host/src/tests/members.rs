//! The cluster group over real links and simulated disks: what the members agree on beside their logs (GR1, GR9).

use pyralog_cluster::{Command, Done, Labels, MemberStatus, NewMember, Outcome, WEIGHT_USUAL};

use super::cluster::{Cluster, MEMBERS, status};
use super::until;
use crate::{Host, HostError, Reply, Wait};

/// Commands until it is done, as an operator does.
fn command(host: &Host, command: &Command) -> Done {
    let mut done = None;
    until(|| {
        let (send, receive) = std::sync::mpsc::channel();
        let reply = Reply::new(move |outcome: Result<Outcome, HostError>| {
            let _ = send.send(outcome); // a test that is over does not listen
        });
        host.cluster_command(command.encode(), reply);
        match receive.recv().unwrap() {
            Ok(outcome) => done = Some(outcome.result().unwrap()),
            Err(error) => assert!(
                ["log/not-leader", "log/outcome-unknown"].contains(&error.code()),
                "{error}"
            ),
        }
        done.is_some()
    });
    done.unwrap()
}

fn new_member(cluster: &Cluster, node: u16) -> Command {
    let about = &cluster.members[usize::from(node) - 1];
    Command::AddMember {
        member: NewMember {
            number: node,
            name: format!("node-{node}"),
            address: about.address.clone(),
            tunnel: about.transport,
            cosigner_name: about.cosigner_name.clone(),
            cosigner: about.cosigner,
            rpc: String::new(),
            labels: Labels::default(),
            weight: WEIGHT_USUAL,
        },
    }
}

/// A member that nobody ever hears of.
fn nobody(node: u16) -> Command {
    Command::AddMember {
        member: NewMember {
            number: node,
            name: format!("node-{node}"),
            address: format!("127.0.0.1:{node}"),
            tunnel: [node as u8; 32],
            cosigner_name: format!("pyralog/test-00/local/node-{node}"),
            cosigner: [node as u8; 32],
            rpc: String::new(),
            labels: Labels::default(),
            weight: WEIGHT_USUAL,
        },
    }
}

/// Waits until all that run know the same, and that fits.
fn agree(cluster: &Cluster, fits: impl Fn(&pyralog_cluster::ClusterState) -> bool) {
    until(|| {
        let states: Vec<_> = cluster
            .running()
            .map(|(_, host)| status(host).state)
            .collect();
        states.iter().all(|state| *state == states[0]) && states[0].as_deref().is_some_and(&fits)
    });
}

#[test]
fn members_found_a_cluster_and_agree_on_it() {
    let mut cluster = Cluster::start();
    agree(&cluster, |state| {
        state.members().len() == usize::from(MEMBERS) && state.partitions().len() == 1
    });
    for node in 1..=MEMBERS {
        command(cluster.host(node), &nobody(10 + node));
    }
    agree(&cluster, |state| state.members().len() == 6);
    for node in 1..=MEMBERS {
        cluster.crash(node);
        cluster.open(node);
    }
    agree(&cluster, |state| state.members().len() == 6);
    cluster.propose(1, 0, 3, Wait::Checkpoint { paths: false });
    cluster.agree(3);
}

#[test]
fn a_member_far_behind_in_the_cluster_group_is_given_its_state() {
    let mut cluster = Cluster::start();
    agree(&cluster, |state| state.members().len() == 3);
    let away = cluster.leader() % MEMBERS + 1;
    cluster.close(away);
    let other = cluster.leader();
    for node in 20..50 {
        command(cluster.host(other), &nobody(node));
    }
    // More than the leader's log holds.
    until(|| cluster.running().all(|(_, host)| first_entry(host) > 20));
    cluster.open(away);
    agree(&cluster, |state| state.members().len() == 33);
    command(cluster.host(away), &nobody(60));
    agree(&cluster, |state| state.members().len() == 34);
}

/// Waits until one is in the place of the other, as all who run but that one see it: who is put out may not hear of it.
fn replaced(cluster: &Cluster, gone: u16, by: u16) {
    let others = || cluster.running().filter(|(node, _)| *node != gone);
    until(|| {
        let mut voters = others().map(|(_, host)| status(host).partitions[0].voters.clone());
        voters.all(|all| all.contains(&by) && !all.contains(&gone))
    });
}

#[test]
fn a_node_joins_takes_the_place_of_one_that_is_drained_and_nothing_is_lost() {
    let mut cluster = Cluster::start();
    cluster.propose(1, 0, 30, Wait::Checkpoint { paths: false });
    let node = cluster.join();
    command(cluster.host(1), &new_member(&cluster, node));
    cluster.open(node);
    agree(&cluster, |state| {
        let joined = state.members().get(&node);
        joined.is_some_and(|one| one.status == MemberStatus::Active)
    });
    let leader = cluster.leader();
    command(cluster.host(1), &Command::Drain { number: leader });
    replaced(&cluster, leader, node);
    agree(&cluster, |state| {
        !state.partitions()[&0].replicas.has(leader)
    });
    // Who is no member of the group hands proposals on like a follower.
    for (asked, first) in [(node, 30), (leader, 40)] {
        cluster.propose(asked, first, 10, Wait::Durable);
    }
    let answer = cluster.propose(node, 50, 10, Wait::Checkpoint { paths: true });
    assert!(answer.checkpoint.unwrap().size >= 60);
    command(
        cluster.host(node),
        &Command::RemoveMember { number: leader },
    );
    cluster.close(leader);
    cluster.agree(60);
    for node in 1..=MEMBERS + 1 {
        if node != leader {
            cluster.crash(node);
            cluster.open(node);
        }
    }
    cluster.propose(node, 60, 10, Wait::Checkpoint { paths: true });
    cluster.agree(70);
}

#[test]
fn a_dead_member_is_replaced() {
    let mut cluster = Cluster::start();
    cluster.propose(1, 0, 10, Wait::Durable);
    let node = cluster.join();
    command(cluster.host(1), &new_member(&cluster, node));
    cluster.open(node);
    agree(&cluster, |state| state.members().len() == 4);
    let dead = cluster.leader();
    cluster.crash(dead);
    let other = dead % MEMBERS + 1;
    command(cluster.host(other), &Command::MarkDead { number: dead });
    replaced(&cluster, dead, node);
    cluster.propose(node, 10, 10, Wait::Checkpoint { paths: false });
    cluster.agree(20);
}

fn first_entry(host: &Host) -> u64 {
    let reader = host.shared.reader().unwrap();
    let state = reader.state(pyralog_cluster::CLUSTER_GROUP);
    state.map_or(0, |state| state.first_index)
}
