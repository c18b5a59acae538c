//! Members on virtual time, with messages that take a while, or never come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::{Health, News, Sundial, SundialOptions};

/// How long a turn of the simulation is.
const STEP: Duration = Duration::from_millis(10);

pub(crate) struct Net {
    pub now: Duration,
    nodes: BTreeMap<u16, Sundial>,
    /// (when it comes, which it was) → from, to, bytes.
    on_the_way: BTreeMap<(Duration, u64), (u16, u16, Vec<u8>)>,
    sent: u64,
    chance: fastrand::Rng,
    /// Messages lost, in percent.
    pub loss: u32,
    /// Ways on which nothing comes through.
    pub cut: BTreeSet<(u16, u16)>,
    pub paused: BTreeSet<u16>,
    members: BTreeSet<u16>,
    life: u64,
    /// Who said what of whom, and when.
    pub told: Vec<(Duration, u16, News)>,
}

impl Net {
    pub(crate) fn new(count: u16, seed: u64) -> Self {
        let mut net = Self {
            now: Duration::from_secs(1_000),
            nodes: BTreeMap::new(),
            on_the_way: BTreeMap::new(),
            sent: 0,
            chance: fastrand::Rng::with_seed(seed),
            loss: 0,
            cut: BTreeSet::new(),
            paused: BTreeSet::new(),
            members: (1..=count).collect(),
            life: 0,
            told: Vec::new(),
        };
        for node in 1..=count {
            net.start(node);
        }
        net
    }

    /// A node begins, or begins again.
    pub(crate) fn start(&mut self, node: u16) {
        self.life += 1;
        let seed = self.chance.u64(..);
        let life = self.life;
        let mut sundial = Sundial::new(SundialOptions { node, life, seed }, self.now);
        sundial.members(self.now, &self.members);
        self.nodes.insert(node, sundial);
    }

    pub(crate) fn kill(&mut self, node: u16) {
        self.nodes.remove(&node);
    }

    pub(crate) fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.now += STEP;
            self.deliver();
            for node in self.nodes.keys().copied().collect::<Vec<_>>() {
                self.turn(node);
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(entry) = self
            .on_the_way
            .first_entry()
            .filter(|one| one.key().0 <= self.now)
        {
            let (from, to, bytes) = entry.remove();
            if self.paused.contains(&to) {
                // It lies in the socket until the node runs again.
                self.sent += 1;
                let later = self.now + Duration::from_millis(20);
                self.on_the_way
                    .insert((later, self.sent), (from, to, bytes));
                continue;
            }
            if let Some(sundial) = self.nodes.get_mut(&to) {
                sundial.receive(self.now, from, &bytes).unwrap();
            }
        }
    }

    fn turn(&mut self, node: u16) {
        if self.paused.contains(&node) {
            return;
        }
        let Some(sundial) = self.nodes.get_mut(&node) else {
            return;
        };
        sundial.tick(self.now);
        let messages = sundial.take_messages();
        let news = sundial.take_news();
        self.told
            .extend(news.into_iter().map(|one| (self.now, node, one)));
        for (to, bytes) in messages {
            let lost = self.chance.u32(0..100) < self.loss || self.cut.contains(&(node, to));
            let delay = Duration::from_micros(self.chance.u64(100..20_000));
            if !lost {
                self.sent += 1;
                self.on_the_way
                    .insert((self.now + delay, self.sent), (node, to, bytes));
            }
        }
    }

    /// How a node sees the others.
    pub(crate) fn seen_by(&self, node: u16) -> BTreeMap<u16, Health> {
        self.nodes[&node].health()
    }

    pub(crate) fn silent_for(&self, node: u16) -> BTreeMap<u16, u64> {
        self.nodes[&node].silent()
    }

    /// Who of those that run takes whom for silent.
    pub(crate) fn silent(&self) -> BTreeSet<(u16, u16)> {
        let mut silent = BTreeSet::new();
        for (node, sundial) in &self.nodes {
            let missing = sundial.silent();
            silent.extend(missing.into_keys().map(|other| (*node, other)));
        }
        silent
    }

    /// Who was said to be in a state, and by whom, since then.
    pub(crate) fn told_since(&self, since: Duration, health: Health) -> Vec<(u16, u16)> {
        let told = self.told.iter();
        let told = told.filter(|(at, _, news)| *at > since && news.health == health);
        told.map(|(_, by, news)| (*by, news.node)).collect()
    }
}
