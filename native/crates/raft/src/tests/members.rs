//! Members come and go (RF3), groups are removed, nodes are opened again (RF6).

use super::cluster::{Cluster, Kept};
use crate::{Change, Event, Membership, RaftConfig, RaftNode, Refusal};

fn change(voters: &[u16], learners: &[u16], remove: &[u16]) -> Change {
    Change {
        voters: voters.to_vec(),
        learners: learners.to_vec(),
        remove: remove.to_vec(),
    }
}

/// A cluster whose group 0 has committed some entries.
fn cluster(nodes: u16) -> Cluster {
    let mut cluster = Cluster::new(nodes, 1);
    cluster.ticks(60);
    let leader = cluster.leader(0).unwrap();
    for value in 1..20 {
        cluster.node(leader).raft.propose(0, vec![value]).unwrap();
    }
    cluster.settle();
    cluster
}

fn join(cluster: &mut Cluster, number: u16, founders: &[u16]) {
    cluster.add(number);
    let node = cluster.node(number);
    let members = Membership::of(founders);
    let store = node.log.store.as_mut();
    node.raft.create_group(store, 0, &members).unwrap();
}

#[test]
fn a_learner_catches_up_and_is_made_a_voter() {
    let mut cluster = cluster(3);
    join(&mut cluster, 4, &[1, 2, 3]);
    let leader = cluster.leader(0).unwrap();
    for step in [change(&[], &[4], &[]), change(&[4], &[], &[])] {
        cluster.node(leader).raft.change(0, &step).unwrap();
        cluster.settle();
        cluster.ticks(6);
    }
    let status = cluster.nodes[&4].raft.status(0).unwrap();
    assert_eq!(status.members.voters, [1, 2, 3, 4]);
    assert_eq!(
        cluster.nodes[&4].machine.0,
        cluster.nodes[&leader].machine.0
    );
}

#[test]
fn a_leader_that_is_replaced_hands_over() {
    let mut cluster = cluster(3);
    join(&mut cluster, 4, &[1, 2, 3]);
    let leader = cluster.leader(0).unwrap();
    let swap = change(&[4], &[], &[leader]);
    cluster.node(leader).raft.change(0, &swap).unwrap();
    let again = cluster.node(leader).raft.change(0, &swap);
    assert_eq!(again, Err(Refusal::ChangePending));
    cluster.settle();
    let next = cluster.leader(0).unwrap();
    assert_ne!(next, leader, "without waiting for a timeout");
    let status = cluster.nodes[&next].raft.status(0).unwrap();
    assert!(status.members.outgoing.is_empty() && !status.members.contains(leader));
    cluster.node(next).raft.propose(0, vec![99]).unwrap();
    cluster.settle();
    cluster.ticks(6);
    let applied = &cluster.nodes[&4].machine.0[&0];
    assert_eq!(applied.last().unwrap().2, [99]);
}

#[test]
fn changes_that_cannot_be_are_refused() {
    let mut cluster = cluster(3);
    let leader = cluster.leader(0).unwrap();
    let raft = &mut cluster.node(leader).raft;
    for bad in [
        change(&[], &[], &[]),
        change(&[0], &[], &[]),
        change(&[1024], &[], &[]),
        change(&[4], &[4], &[]),
        change(&[], &[], &[1, 2, 3]),
    ] {
        let refused = raft.change(0, &bad);
        assert!(matches!(refused, Err(Refusal::BadChange(_))), "{bad:?}");
    }
}

#[test]
fn leadership_moves_when_it_is_asked_to() {
    let mut cluster = cluster(3);
    let leader = cluster.leader(0).unwrap();
    let to = leader % 3 + 1;
    cluster.node(leader).raft.transfer(0, to).unwrap();
    cluster.settle();
    assert_eq!(cluster.leader(0), Some(to));
}

#[test]
fn a_lone_voter_commits_what_it_has_durable() {
    let cluster = cluster(1);
    let node = &cluster.nodes[&1];
    assert_eq!(node.machine.0[&0].len(), 20);
    assert_eq!(node.log.reader.state(0).unwrap().last_index, 20);
}

#[test]
fn a_node_that_is_opened_again_knows_members_and_commit() {
    let mut cluster = cluster(3);
    join(&mut cluster, 4, &[1, 2, 3]);
    let leader = cluster.leader(0).unwrap();
    let add = change(&[], &[4], &[]);
    cluster.node(leader).raft.change(0, &add).unwrap();
    cluster.settle();
    cluster.node(leader).raft.propose(0, vec![77]).unwrap();
    cluster.settle();
    let node = cluster.node(leader);
    let reader = node.log.reader.clone();
    let commit = reader.state(0).unwrap().hard_state.commit;
    let replayed = &node.machine.0[&0][..commit as usize];
    let machine = Kept([(0, replayed.to_vec())].into());
    let raft = RaftNode::open(RaftConfig::new(leader, 5), reader, &machine).unwrap();
    let status = raft.status(0).unwrap();
    assert_eq!(status.stopped, None);
    assert_eq!(status.members.learners, [4]);
    assert_eq!((status.applied, status.commit), (commit, commit));
    assert!(commit >= 20);
}

#[test]
fn a_group_that_was_removed_is_gone_for_good() {
    let mut cluster = cluster(3);
    let node = cluster.node(1);
    node.raft.remove_group(node.log.store.as_mut(), 0).unwrap();
    let frame = node.log.store.seal().unwrap();
    node.log.committer.commit(frame).unwrap();
    assert_eq!(node.raft.read(0, 1), Err(Refusal::NoSuchGroup(0)));
    let config = RaftConfig::new(1, 9);
    let reader = node.log.reader.clone();
    let raft = RaftNode::open(config, reader, &Kept::default()).unwrap();
    assert!(raft.groups().is_empty());
    // Others that speak of it do no harm, and the host hears of it.
    cluster.ticks(3);
    let leader = cluster.leader(0);
    if let Some(leader) = leader {
        cluster.node(leader).raft.propose(0, vec![1]).unwrap();
        cluster.settle();
        let heard = &cluster.nodes[&1].events;
        assert!(
            heard
                .iter()
                .any(|event| matches!(event, Event::Unknown { group: 0, .. }))
        );
    }
}

/// RF14: a log that ends before what was committed neither votes nor campaigns.
#[test]
fn a_log_that_lost_what_was_committed_stays_stopped() {
    let mut cluster = cluster(3);
    let node = cluster.node(2);
    let reader = node.log.reader.clone();
    let ahead = Kept([(0, vec![(500, 1, Vec::new())])].into());
    let mut raft = RaftNode::open(RaftConfig::new(2, 9), reader, &ahead).unwrap();
    let why = raft.status(0).unwrap().stopped.unwrap();
    assert!(why.contains("500") && why.contains("20"), "{why}");
    assert!(matches!(raft.campaign(0), Err(Refusal::Stopped(_))));
}

/// The lease of a leader that is gone ends for learners too: the new voter does not know yet that it is one, and its vote is
/// needed.
#[test]
fn a_leader_that_made_a_voter_alone_gets_its_vote_after_a_restart() {
    let mut cluster = cluster(1);
    join(&mut cluster, 2, &[1]);
    cluster
        .node(1)
        .raft
        .change(0, &change(&[], &[2], &[]))
        .unwrap();
    cluster.settle();
    cluster.ticks(6);
    cluster.cut.insert(2);
    cluster
        .node(1)
        .raft
        .change(0, &change(&[2], &[], &[]))
        .unwrap();
    cluster.settle();
    let node = cluster.node(1);
    assert_eq!(node.raft.status(0).unwrap().members.voters, [1, 2]);
    let config = RaftConfig::new(1, 77);
    node.raft = RaftNode::open(config, node.log.reader.clone(), &node.machine).unwrap();
    cluster.cut.clear();
    cluster.ticks(120);
    assert_eq!(cluster.leader(0), Some(1));
    let status = cluster.nodes[&2].raft.status(0).unwrap();
    assert_eq!(status.members.voters, [1, 2]);
}
