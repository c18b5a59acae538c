//! The thin path: three groups of three nodes elect, commit and read.

use super::cluster::Cluster;
use crate::{Event, Refusal, Role};

#[test]
fn groups_elect_commit_and_apply_the_same_everywhere() {
    let mut cluster = Cluster::new(3, 3);
    cluster.ticks(60);
    for group in 0..3 {
        let leader = cluster.leader(group).unwrap();
        let other = leader % 3 + 1;
        let refused = cluster.node(other).raft.propose(group, vec![9]);
        let hint = Some(leader);
        assert_eq!(refused, Err(Refusal::NotLeader { hint }));
        for value in 0..100_u8 {
            let position = cluster.node(leader).raft.propose(group, vec![value; 10]);
            assert_eq!(position.unwrap().index, u64::from(value) + 2);
        }
    }
    cluster.settle();
    cluster.ticks(5);
    for group in 0..3 {
        let first = cluster.nodes[&1].machine.0[&group].clone();
        assert_eq!(first.len(), 101);
        for node in cluster.nodes.values() {
            assert_eq!(node.machine.0[&group], first);
            let durable = node.log.reader.state(group).unwrap();
            assert_eq!(durable.last_index, 101);
        }
    }
}

#[test]
fn reads_are_answered_by_leader_and_follower_once_they_have_applied() {
    let mut cluster = Cluster::new(3, 1);
    cluster.ticks(60);
    let leader = cluster.leader(0).unwrap();
    cluster.node(leader).raft.propose(0, vec![1, 2, 3]).unwrap();
    for number in 1..=3 {
        cluster
            .node(number)
            .raft
            .read(0, u64::from(number))
            .unwrap();
    }
    cluster.settle();
    cluster.ticks(3);
    for number in 1..=3 {
        let reads = std::mem::take(&mut cluster.node(number).reads);
        let [(ticket, Ok(index))] = reads[..] else {
            panic!("{reads:?}");
        };
        assert_eq!(ticket, u64::from(number));
        assert!(index >= 1 && cluster.nodes[&number].machine.0[&0].len() as u64 >= index);
    }
}

#[test]
fn idle_groups_are_quiet_and_wake_for_a_proposal() {
    let mut cluster = Cluster::new(3, 50);
    cluster.ticks(100);
    let sent: usize = cluster.nodes.values().map(|node| node.sent).sum();
    cluster.ticks(100);
    let later: usize = cluster.nodes.values().map(|node| node.sent).sum();
    assert_eq!(later, sent, "quiet groups say nothing");
    for group in 0..50 {
        for node in cluster.nodes.values() {
            assert!(node.raft.status(group).unwrap().quiet);
        }
        let leader = cluster.leader(group).unwrap();
        cluster.node(leader).raft.propose(group, vec![7]).unwrap();
    }
    cluster.settle();
    for group in 0..50 {
        let leader = cluster.leader(group).unwrap();
        let applied = &cluster.nodes[&leader].machine.0[&group];
        assert_eq!(applied.last().unwrap().2, [7]);
    }
}

#[test]
fn a_lost_leader_is_replaced_without_waiting_for_a_timeout() {
    let mut cluster = Cluster::new(3, 40);
    cluster.ticks(100);
    let lost = cluster.leader(0).unwrap();
    cluster.cut.insert(lost);
    let led: Vec<u32> = (0..40)
        .filter(|group| {
            let status = cluster.nodes[&lost].raft.status(*group).unwrap();
            status.leader == Some(lost)
        })
        .collect();
    for number in (1..=3).filter(|number| *number != lost) {
        cluster.node(number).raft.peer_lost(lost);
    }
    cluster.settle();
    let mut by = std::collections::BTreeSet::new();
    for group in led {
        let leader = cluster.leader(group).unwrap();
        assert_ne!(leader, lost);
        by.insert(leader);
    }
    assert_eq!(by.len(), 2, "the groups of a lost node are shared out");
}

#[test]
fn a_leader_that_is_cut_off_steps_down_and_says_so() {
    let mut cluster = Cluster::new(3, 1);
    cluster.ticks(60);
    let leader = cluster.leader(0).unwrap();
    let term = cluster.nodes[&leader].raft.leads(0).unwrap();
    cluster.cut.insert(leader);
    cluster.node(leader).raft.propose(0, vec![1]).unwrap();
    cluster.node(leader).events.clear();
    for number in (1..=3).filter(|number| *number != leader) {
        cluster.node(number).raft.peer_lost(leader);
    }
    cluster.ticks(60);
    let down = Event::Role {
        group: 0,
        role: Role::Follower,
        term,
        leader: None,
    };
    assert!(cluster.nodes[&leader].events.contains(&down));
    let next = cluster.leader(0).unwrap();
    cluster.node(next).raft.propose(0, vec![2]).unwrap();
    cluster.settle();
    // Back again, it takes what the others agreed on in place of its own.
    cluster.cut.clear();
    cluster.ticks(60);
    let values = |node: u16| {
        let applied = &cluster.nodes[&node].machine.0[&0];
        applied.iter().map(|one| one.2.clone()).collect::<Vec<_>>()
    };
    assert_eq!(values(leader), values(next));
    assert!(values(next).contains(&vec![2]) && !values(next).contains(&vec![1]));
}

#[test]
fn a_link_lost_between_two_of_three_deposes_nobody() {
    let mut cluster = Cluster::new(3, 1);
    cluster.ticks(100);
    let leader = cluster.leader(0).unwrap();
    let term = cluster.nodes[&leader].raft.leads(0);
    let one = leader % 3 + 1;
    cluster.node(one).raft.peer_lost(leader);
    cluster.settle();
    cluster.ticks(3);
    assert_eq!(cluster.nodes[&leader].raft.leads(0), term);
}

/// A follower that falls behind still hears its leader between pieces of what it has to apply.
#[test]
fn a_long_backlog_is_applied_in_pieces() {
    let mut cluster = Cluster::new(1, 1);
    cluster.ticks(60);
    let before = cluster.nodes[&1].machine.0[&0].len();
    for _ in 0..24 {
        let entry = vec![7; 256 << 10];
        cluster.node(1).raft.propose(0, entry).unwrap();
    }
    let mut pieces = 0;
    loop {
        cluster.turn();
        pieces += 1;
        let applied = cluster.nodes[&1].machine.0[&0].len() - before;
        assert!(
            applied <= 12 * pieces,
            "{applied} entries in {pieces} turns"
        );
        if applied == 24 {
            break;
        }
        assert!(
            cluster.nodes[&1].raft.has_work(),
            "the rest is not forgotten"
        );
    }
    assert!(pieces >= 2);
}
