//! A few nodes over logs in memory; a bundle arrives in the turn after the one in which it was sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pyralog_log::{MemoryLogStore, OpenLog};

use crate::{Committed, Content, Event, Machine, Membership, RaftConfig, RaftNode, Role};

/// Keeps what was applied.
#[derive(Default)]
pub(crate) struct Kept(pub BTreeMap<u32, Vec<(u64, u32, Vec<u8>)>>);

impl Machine for Kept {
    fn apply(&mut self, group: u32, entry: Committed<'_>) -> Result<(), String> {
        let kept = self.0.entry(group).or_default();
        let bytes = match entry.content {
            Content::Data(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        };
        let behind = kept.last().map_or(0, |last| last.0);
        if entry.index == behind + 1 {
            kept.push((entry.index, entry.epoch, bytes));
        }
        Ok(())
    }

    fn applied(&self, group: u32) -> u64 {
        let kept = self.0.get(&group).and_then(|kept| kept.last());
        kept.map_or(0, |last| last.0)
    }

    fn installed(&mut self, group: u32, index: u64) -> Result<(), String> {
        self.0.insert(group, vec![(index, 0, Vec::new())]);
        Ok(())
    }
}

pub(crate) struct Node {
    pub raft: RaftNode,
    pub log: OpenLog,
    pub machine: Kept,
    pub events: Vec<Event>,
    pub reads: Vec<(u64, Result<u64, crate::Refusal>)>,
    pub sent: usize,
    inbox: VecDeque<(u16, Vec<u8>)>,
}

pub(crate) struct Cluster {
    pub nodes: BTreeMap<u16, Node>,
    /// Nodes that nobody hears and that hear nobody.
    pub cut: BTreeSet<u16>,
}

impl Cluster {
    pub(crate) fn new(nodes: u16, groups: u32) -> Self {
        let all: Vec<u16> = (1..=nodes).collect();
        let mut cluster = Self {
            nodes: BTreeMap::new(),
            cut: BTreeSet::new(),
        };
        for number in &all {
            cluster.add(*number);
            let node = cluster.nodes.get_mut(number).unwrap();
            for group in 0..groups {
                let members = Membership::of(&all);
                let store = node.log.store.as_mut();
                node.raft.create_group(store, group, &members).unwrap();
            }
        }
        cluster
    }

    pub(crate) fn add(&mut self, number: u16) {
        let log = MemoryLogStore::create();
        let machine = Kept::default();
        let config = RaftConfig::new(number, 7 + u64::from(number));
        let raft = RaftNode::open(config, log.reader.clone(), &machine).unwrap();
        let node = Node {
            raft,
            log,
            machine,
            events: Vec::new(),
            reads: Vec::new(),
            sent: 0,
            inbox: VecDeque::new(),
        };
        self.nodes.insert(number, node);
    }

    pub(crate) fn node(&mut self, number: u16) -> &mut Node {
        self.nodes.get_mut(&number).unwrap()
    }

    /// One turn of all nodes; whether anything was sent.
    pub(crate) fn turn(&mut self) -> bool {
        let mut sent = Vec::new();
        for (number, node) in &mut self.nodes {
            while let Some((from, bundle)) = node.inbox.pop_front() {
                node.raft.receive(from, &bundle).unwrap();
            }
            sent.extend(
                node.turn()
                    .into_iter()
                    .map(|(to, bundle)| (*number, to, bundle)),
            );
        }
        let any = !sent.is_empty();
        for (from, to, bundle) in sent {
            if self.cut.contains(&from) || self.cut.contains(&to) {
                continue;
            }
            if let Some(node) = self.nodes.get_mut(&to) {
                node.inbox.push_back((from, bundle));
            }
        }
        any
    }

    /// Turns until nothing is sent.
    pub(crate) fn settle(&mut self) {
        while self.turn() {}
    }

    pub(crate) fn ticks(&mut self, count: usize) {
        for _ in 0..count {
            for node in self.nodes.values_mut() {
                node.raft.tick();
            }
            self.settle();
        }
    }

    pub(crate) fn leader(&self, group: u32) -> Option<u16> {
        let leads = |(number, node): (&u16, &Node)| {
            let status = node.raft.status(group)?;
            (status.role == Role::Leader).then_some((status.term, *number))
        };
        let reached = self
            .nodes
            .iter()
            .filter(|(number, _)| !self.cut.contains(number));
        reached.filter_map(leads).max().map(|(_, number)| number)
    }
}

impl Node {
    fn turn(&mut self) -> Vec<(u16, Vec<u8>)> {
        let store = self.log.store.as_mut();
        let mut round = self.raft.round(store, &mut self.machine).unwrap();
        let mut send = std::mem::take(&mut round.send);
        if round.needs_sync {
            let frame = self.log.store.seal().unwrap();
            let number = frame.sequence();
            self.raft.sealed(number);
            self.log.committer.commit(frame).unwrap();
            self.raft.durable(number);
            let again = self.raft.round(self.log.store.as_mut(), &mut self.machine);
            let again = again.unwrap();
            send.extend(again.send);
            self.events.extend(again.events);
            self.reads.extend(again.reads);
        }
        self.events.extend(round.events);
        self.reads.extend(round.reads);
        self.sent += send.len();
        send.into_iter().map(|out| (out.to, out.bundle)).collect()
    }
}
