//! What a peer sends is checked before the engine sees it (RF9, RF13), and what cannot be stops one group only.

use protobuf::Message as _;
use raft::eraftpb::{Entry, EntryType, Message, MessageType};

use super::cluster::Cluster;
use crate::bundle::{LogEnd, Part, next_part, put_message, put_positions};
use crate::config::mix;
use crate::{Event, Refusal};

fn bundle(group: u32, message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    let size = message.compute_size() as usize;
    put_message(&mut bytes, (group, size), message);
    bytes
}

fn message(kind: MessageType) -> Message {
    let mut message = Message::default();
    message.set_msg_type(kind);
    message.from = 2;
    message.to = 1;
    message.term = 1;
    message
}

fn entry(index: u64, term: u64) -> Entry {
    let mut entry = Entry::default();
    entry.index = index;
    entry.term = term;
    entry.data = vec![1].into();
    entry
}

fn append(entries: Vec<Entry>) -> Message {
    let mut append = message(MessageType::MsgAppend);
    append.term = 5;
    append.set_entries(entries.into());
    append
}

#[test]
fn what_a_peer_may_not_send_is_refused_with_the_reason() {
    let change = |what: fn(&mut Message)| {
        let mut one = message(MessageType::MsgHeartbeat);
        what(&mut one);
        one
    };
    let mut change_in_disguise = entry(1, 1);
    change_in_disguise.data = vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0].into();
    let mut old_kind = entry(1, 1);
    old_kind.entry_type = EntryType::EntryConfChange;
    let cases = [
        (change(|one| one.from = 3), "speaks for node 3"),
        (change(|one| one.to = 2), "for node 2"),
        (change(|one| one.term = 0), "no epoch 0"),
        (change(|one| one.term = 1 << 40), "no epoch"),
        (message(MessageType::MsgHup), "kind MsgHup"),
        (message(MessageType::MsgPropose), "kind MsgPropose"),
        (message(MessageType::MsgTransferLeader), "kind"),
        (append(vec![entry(2, 1)]), "entry 2 behind entry 0"),
        (append(vec![entry(1, 3), entry(2, 2)]), "epoch 2 behind"),
        (append(vec![entry(1, 6)]), "from a leader of epoch 5"),
        (append(vec![change_in_disguise]), "bytes of a membership"),
        (append(vec![old_kind]), "nobody writes"),
        (message(MessageType::MsgSnapshot), "empty snapshot"),
    ];
    for (message, reason) in cases {
        let mut cluster = Cluster::new(3, 1);
        let refused = cluster.node(1).raft.receive(2, &bundle(0, &message));
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn no_bytes_make_a_node_panic_or_stop() {
    let mut cluster = Cluster::new(3, 2);
    cluster.ticks(60);
    let mut random = 1;
    let mut next = || {
        random = mix(random);
        random
    };
    let whole = bundle(0, &append(vec![entry(1, 1), entry(2, 3)]));
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..=next() % 4 {
            let at = (next() % bytes.len() as u64) as usize;
            bytes[at] = next() as u8;
        }
        bytes.truncate((next() % (bytes.len() as u64 + 1)) as usize);
        // It is refused or does no harm.
        let _refused_or_not = cluster.node(1).raft.receive(2, &bytes);
    }
}

#[test]
fn bundles_give_back_what_was_put_in() {
    let ends: Vec<LogEnd> = (0..3)
        .map(|group| LogEnd {
            group,
            term: 7,
            last_term: 6,
            last_index: 1 << 40,
        })
        .collect();
    let one = append(vec![entry(1, 1)]);
    let mut bytes = bundle(9, &one);
    put_positions(&mut bytes, 3, &ends);
    let mut rest = bytes.as_slice();
    let first = next_part(&mut rest).unwrap();
    assert_eq!(first, Some(Part::Message(9, Box::new(one))));
    let second = next_part(&mut rest).unwrap();
    assert_eq!(second, Some(Part::Positions(3, ends)));
    assert_eq!(next_part(&mut rest).unwrap(), None);
}

/// RF5: a leader that says other entries where this node knows of committed ones is not followed.
#[test]
fn a_leader_without_what_is_committed_stops_the_group_and_no_other() {
    let mut cluster = Cluster::new(3, 2);
    cluster.ticks(60);
    let leader = cluster.leader(0).unwrap();
    cluster.node(leader).raft.propose(0, vec![1]).unwrap();
    cluster.settle();
    let (one, other) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    let mut wrong = append(vec![entry(1, 50)]);
    wrong.from = u64::from(other);
    wrong.to = u64::from(one);
    wrong.term = 50;
    let node = cluster.node(one);
    node.raft.receive(other, &bundle(0, &wrong)).unwrap();
    cluster.settle();
    let node = cluster.node(one);
    let stopped = |event: &&Event| matches!(event, Event::Stopped { group: 0, .. });
    assert_eq!(node.events.iter().filter(stopped).count(), 1);
    let refused = node.raft.propose(0, vec![2]);
    assert!(matches!(refused, Err(Refusal::Stopped(why)) if why.contains("entry 1 of epoch 50")));
    assert_eq!(node.raft.groups(), [0, 1]);
    assert_eq!(node.raft.status(1).unwrap().stopped, None);
    // The others go on, in both groups.
    for group in 0..2 {
        let leader = cluster.leader(group).unwrap();
        cluster.node(leader).raft.propose(group, vec![3]).unwrap();
        cluster.settle();
        let applied = &cluster.nodes[&leader].machine.0[&group];
        assert_eq!(applied.last().unwrap().2, [3]);
    }
}

/// RF13: what the engine takes for impossible is caught.
#[test]
fn a_panic_of_the_engine_stops_its_group_only() {
    let mut cluster = Cluster::new(3, 2);
    cluster.ticks(60);
    let leader = cluster.leader(0).unwrap();
    let one = leader % 3 + 1;
    let mut wrong = message(MessageType::MsgHeartbeat);
    wrong.from = u64::from(leader);
    wrong.to = u64::from(one);
    wrong.term = cluster.nodes[&leader].raft.leads(0).unwrap();
    wrong.commit = 1 << 30; // more than it holds
    let node = cluster.node(one);
    node.raft.receive(leader, &bundle(0, &wrong)).unwrap();
    cluster.settle();
    let status = cluster.nodes[&one].raft.status(0).unwrap();
    assert!(status.stopped.unwrap().contains("what cannot be"));
    assert_eq!(cluster.nodes[&one].raft.status(1).unwrap().stopped, None);
}

#[test]
fn what_cannot_be_an_entry_is_refused_at_once() {
    let mut cluster = Cluster::new(1, 1);
    cluster.ticks(60);
    let raft = &mut cluster.node(1).raft;
    assert_eq!(raft.propose(0, Vec::new()), Err(Refusal::Reserved));
    let change = [vec![0; 12], vec![2, 0, 0, 0, 9]].concat();
    assert_eq!(raft.propose(0, change), Err(Refusal::Reserved));
    let long = vec![1; (17 << 20) + 1];
    assert!(matches!(
        raft.propose(0, long),
        Err(Refusal::TooLarge { .. })
    ));
    let other = raft.propose(5, vec![1]);
    assert_eq!(other, Err(Refusal::NoSuchGroup(5)));
    let mut taken = 0;
    while raft.propose(0, vec![1; 8 << 20]).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 8, "64 MiB may wait for commit");
    assert_eq!(raft.propose(0, vec![1]), Err(Refusal::Overloaded));
}
