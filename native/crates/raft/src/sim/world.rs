//! The world of a run: virtual time, events, nodes, links, clients.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use super::chance::Chance;
use super::client::{Call, Client, Reply};
use super::judge::Judge;
use super::net::Net;
use super::node::{Node, Sealed};
use super::weather::{MILLI, SECOND, TICK, Weather};
use super::{Counts, Outcome};
use crate::Membership;

/// What can happen.
pub(super) enum Event {
    Tick(u16),
    Round(u16),
    /// A bundle arrives, if its link lived that long.
    Arrive {
        from: u16,
        to: u16,
        link: u64,
        bundle: Rc<Vec<u8>>,
    },
    /// A sync ends.
    Synced(u16, u64),
    /// A node notices that it does not hear a peer, or hears it again.
    Notice(u16, u16),
    /// A client does something, if nothing woke it since.
    Wake(u16, u64),
    Call(u16, Call),
    Answer(Call, u16, Reply),
    Restart(u16),
    /// A snapshot was fetched.
    Fetched(u16, u32, Box<Sealed>),
    Fault,
    /// Something that was broken is whole again.
    Unblock(Vec<(u16, u16)>),
    Quicken(u16),
    Heal,
    Look,
}

pub(super) struct World {
    pub now: u64,
    next: u64,
    events: BTreeMap<(u64, u64), Event>,
    pub chance: Chance,
    pub weather: Weather,
    pub nodes: BTreeMap<u16, Node>,
    pub net: Net,
    /// Whom each node hears, as far as it noticed.
    pub hears: BTreeMap<(u16, u16), bool>,
    pub clients: Vec<Client>,
    pub founding: BTreeMap<u32, Membership>,
    pub judge: Arc<Mutex<Judge>>,
    pub counts: Counts,
    hasher: blake3::Hasher,
    trail: VecDeque<String>,
    pub healed: bool,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let weather = Weather::of(&mut chance);
        let nodes = (1..=weather.nodes).map(|number| (number, Node::new(number, chance.next())));
        let nodes = nodes.collect();
        let founding = (0..weather.groups)
            .map(|group| (group, Membership::of(&[1, 2, 3])))
            .collect();
        let clients = (0..4).map(|number| Client::new(number, weather.groups));
        Self {
            now: 0,
            next: 0,
            events: BTreeMap::new(),
            nodes,
            net: Net::default(),
            hears: BTreeMap::new(),
            clients: clients.collect(),
            founding,
            judge: Arc::default(),
            counts: Counts::new(),
            hasher: blake3::Hasher::new(),
            trail: VecDeque::new(),
            healed: false,
            weather,
            chance,
        }
    }

    /// Runs to the end.
    pub fn play(mut self) -> Result<Outcome, String> {
        for number in 1..=self.weather.nodes {
            self.start(number)?;
            let offset = self.chance.below(TICK);
            self.after(offset, Event::Tick(number));
        }
        for client in 0..self.clients.len() {
            self.after(SECOND, Event::Wake(client as u16, 0));
        }
        self.after(SECOND, Event::Fault);
        self.after(self.weather.until, Event::Heal);
        let outcome = self.run();
        if let Err(reason) = outcome {
            let trail: Vec<String> = self.trail.drain(..).collect();
            return Err(format!("{reason}\n{}", trail.join("\n")));
        }
        self.count_links();
        Ok(Outcome {
            hash: *self.hasher.finalize().as_bytes(),
            counts: self.counts,
        })
    }

    fn run(&mut self) -> Result<(), String> {
        let end = self.weather.until + 60 * SECOND;
        while let Some(((at, _), event)) = self.events.pop_first() {
            self.now = at;
            if at > end {
                return Err(format!(
                    "RS11: not well a minute after healing: {}",
                    self.unwell()
                ));
            }
            if let Event::Look = event {
                if self.is_well() {
                    return self.last_checks();
                }
                self.after(100 * MILLI, Event::Look);
                continue;
            }
            self.happen(event)?;
            self.check_commits();
            self.judge.lock().unwrap().verdict()?;
        }
        Err("the world stands still".into())
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        if let Some(node) = acts(&event)
            && self.defer(node)
        {
            let until = self.nodes[&node].paused - self.now;
            self.after(until + 1, event);
            return Ok(());
        }
        match event {
            Event::Tick(node) => self.tick(node),
            Event::Round(node) => self.round(node),
            Event::Arrive {
                from,
                to,
                link,
                bundle,
            } => self.arrive((from, to), link, &bundle),
            Event::Synced(node, life) => self.synced(node, life),
            Event::Notice(node, peer) => self.notice(node, peer),
            Event::Wake(client, alarm) => self.wake(client, alarm),
            Event::Call(node, call) => self.call(node, &call),
            Event::Answer(call, from, reply) => self.answered(&call, from, reply),
            Event::Restart(node) => self.start(node)?,
            Event::Fetched(node, group, sealed) => self.fetched(node, group, *sealed),
            Event::Fault => self.fault(),
            Event::Unblock(list) => {
                for direction in list {
                    self.net.blocked.remove(&direction);
                }
                self.look_around();
            }
            Event::Quicken(node) => self.node(node).slow = 1,
            Event::Heal => self.heal(),
            Event::Look => {}
        }
        Ok(())
    }

    pub fn after(&mut self, time: u64, event: Event) {
        self.next += 1;
        self.events.insert((self.now + time, self.next), event);
    }

    pub fn node(&mut self, number: u16) -> &mut Node {
        self.nodes
            .entry(number)
            .or_insert_with(|| Node::new(number, 0))
    }

    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Into the transcript, and for whoever reads of a failure.
    pub fn note(&mut self, what: &str) {
        self.record(what.as_bytes());
        let line = format!("{:>9} {what}", self.now);
        if super::variable("TRAIL").is_some() {
            eprintln!("{line}");
        }
        self.trail.push_back(line);
        if self.trail.len() > 80 {
            self.trail.pop_front();
        }
    }

    pub fn record(&mut self, bytes: &[u8]) {
        self.hasher.update(&self.now.to_le_bytes());
        self.hasher.update(bytes);
    }

    fn defer(&self, node: u16) -> bool {
        let node = &self.nodes[&node];
        node.running.is_some() && node.paused > self.now
    }

    fn tick(&mut self, number: u16) {
        // The timers of two nodes never keep step.
        let jitter = self.chance.below(2 * MILLI);
        self.after(TICK - MILLI + jitter, Event::Tick(number));
        if let Some(running) = &mut self.node(number).running {
            running.raft.tick();
            self.due(number);
        }
    }

    /// The node has something to do.
    pub fn due(&mut self, number: u16) {
        let delay = self.chance.between(5, 60);
        let node = self.node(number);
        if node.running.is_some() && !node.round_due {
            node.round_due = true;
            self.after(delay, Event::Round(number));
        }
    }

    fn arrive(&mut self, (from, to): (u16, u16), link: u64, bundle: &[u8]) {
        if self.net.life(from, to) != link || self.net.blocked.contains(&(from, to)) {
            self.net.lost += 1;
            return;
        }
        let Some(running) = &mut self.node(to).running else {
            return;
        };
        if let Err(bad) = running.raft.receive(from, bundle) {
            self.judge.lock().unwrap().fault(|| format!("RS13: {bad}"));
        }
        self.record(bundle);
        self.due(to);
    }

    fn start(&mut self, number: u16) -> Result<(), String> {
        let seed = self.chance.next();
        if self.nodes[&number].running.is_some() {
            return Ok(());
        }
        let (founding, judge) = (self.founding.clone(), Arc::clone(&self.judge));
        let opened = self.node(number).open(seed, &founding, &judge)?;
        if opened {
            self.note(&format!("node {number} starts"));
            self.due(number);
        } else {
            self.count("crash while opening");
            self.node(number).crash();
            let after = self.chance.between(10, 300) * MILLI;
            self.after(after, Event::Restart(number));
        }
        self.look_around();
        Ok(())
    }

    fn count_links(&mut self) {
        let net = &self.net;
        let counts = [
            ("loss", net.lost),
            ("doubled", net.doubled),
            ("reordered", net.reordered),
        ];
        for (name, count) in counts {
            if count > 0 {
                *self.counts.entry(name).or_default() += count;
            }
        }
        for node in self.nodes.values() {
            for (name, count) in node.disk.counts().list() {
                if count > 0 {
                    *self.counts.entry(name).or_default() += count;
                }
            }
        }
    }
}

/// The node whose program acts in an event: while it is paused, it does not.
fn acts(event: &Event) -> Option<u16> {
    match event {
        Event::Tick(node)
        | Event::Round(node)
        | Event::Arrive { to: node, .. }
        | Event::Synced(node, _)
        | Event::Notice(node, _)
        | Event::Call(node, _)
        | Event::Fetched(node, ..) => Some(*node),
        _ => None,
    }
}
