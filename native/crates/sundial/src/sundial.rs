//! The step function: messages and time in, messages and news out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use foca::{Codec as _, Foca, NoCustomBroadcast, State};
use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;

use crate::identity::Node;
use crate::mutant::{Mutant, on};
use crate::options::{GREET_EVERY, MESSAGE_BYTES_MAX, TURN_MOST, config};
use crate::runtime::{Taken, Timers};
use crate::wire::Wire;

type Engine = Foca<Node, Wire, Xoshiro256PlusPlus, NoCustomBroadcast>;

/// How a member is, as far as this one knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// It was heard of.
    Alive,
    /// Somebody got no answer from it, nor through others; it may say that it lives.
    Suspected,
    /// It was suspected and did not say so, or was never heard of.
    Silent,
}

/// A change of a member's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News {
    /// The member.
    pub node: u16,
    /// How it is now.
    pub health: Health,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// It is none.
    #[error("node {from} sent {bytes} bytes that are no message of this protocol")]
    Malformed {
        /// Who sent it.
        from: u16,
        /// How long it is.
        bytes: usize,
    },
    /// It says that it is from somebody else.
    #[error("node {from} sent a message in the name of node {named}")]
    OtherSender {
        /// Who sent it.
        from: u16,
        /// Who it says.
        named: u16,
    },
    /// It is from a node that is no member.
    #[error("node {from} is no member")]
    Stranger {
        /// Who sent it.
        from: u16,
    },
}

/// Who this node is.
#[derive(Debug, Clone, Copy)]
pub struct SundialOptions {
    /// Its number.
    pub node: u16,
    /// Greater than in all its earlier lives; the wall clock's milliseconds when it starts will do.
    pub life: u64,
    /// Where choices are drawn from.
    pub seed: u64,
}

/// What is known of another member.
#[derive(Debug, Clone, Copy)]
struct Known {
    health: Health,
    /// Own time since when.
    since: Duration,
    greeted: Option<Duration>,
}

/// The failure detector of one node (SD1).
pub struct Sundial {
    engine: Engine,
    me: u16,
    /// Time that counts (SD6), and what the caller's clock showed last.
    clock: Duration,
    shown: Duration,
    timers: Timers,
    set: u64,
    members: BTreeMap<u16, Known>,
    messages: Vec<(u16, Vec<u8>)>,
    news: Vec<News>,
}

impl Sundial {
    /// Begins at a time of a monotonic clock, whatever that counts from.
    #[must_use]
    pub fn new(options: SundialOptions, now: Duration) -> Self {
        let me = Node {
            number: options.node,
            life: options.life,
        };
        let chance = Xoshiro256PlusPlus::seed_from_u64(options.seed);
        Self {
            engine: Engine::new(me, config(), chance, Wire),
            me: options.node,
            clock: Duration::ZERO,
            shown: now,
            timers: Timers::new(),
            set: 0,
            members: BTreeMap::new(),
            messages: Vec::new(),
            news: Vec::new(),
        }
    }

    /// Who the members are, as the cluster group has it (SD1). New ones are silent until they are heard of.
    pub fn members(&mut self, now: Duration, members: &BTreeSet<u16>) {
        self.pass(now);
        self.members.retain(|node, _| members.contains(node));
        for node in members.iter().filter(|node| **node != self.me) {
            self.members.entry(*node).or_insert(Known {
                health: Health::Silent,
                since: self.clock,
                greeted: None,
            });
        }
        self.greet();
        self.look();
    }

    /// Takes a message that came over the authenticated link of a member.
    ///
    /// # Errors
    /// [`BadMessage`]; it changed nothing.
    pub fn receive(&mut self, now: Duration, from: u16, bytes: &[u8]) -> Result<(), BadMessage> {
        self.pass(now);
        if !self.members.contains_key(&from) {
            return Err(BadMessage::Stranger { from });
        }
        let malformed = BadMessage::Malformed {
            from,
            bytes: bytes.len(),
        };
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(malformed);
        }
        let Ok(header) = Wire.decode_header(bytes) else {
            return Err(malformed);
        };
        let named = header.src.number;
        if named != from && !on(Mutant::TrustSender) {
            return Err(BadMessage::OtherSender { from, named });
        }
        let taken = self.engine(|engine, taken| engine.handle_data(bytes, taken));
        self.look();
        taken.map_err(|_| malformed)
    }

    /// Does what is due. To be called at least every 100 ms; more often than [`Sundial::next_due`] says is of no use.
    pub fn tick(&mut self, now: Duration) {
        self.pass(now);
        while let Some(entry) = self
            .timers
            .first_entry()
            .filter(|one| one.key().0 <= self.clock)
        {
            let timer = entry.remove();
            // What fails here is a probe that came to nothing, which the next one makes good.
            let _ = self.engine(|engine, taken| engine.handle_timer(timer, taken));
        }
        self.greet();
        self.look();
    }

    /// How long until something is due; at most 100 ms.
    #[must_use]
    pub fn next_due(&self) -> Duration {
        let most = TURN_MOST / 2;
        let first = self.timers.keys().next().map(|(due, _)| *due);
        first.map_or(most, |due| due.saturating_sub(self.clock).min(most))
    }

    /// Messages to send, each to a member. One that is lost does no harm.
    pub fn take_messages(&mut self) -> Vec<(u16, Vec<u8>)> {
        std::mem::take(&mut self.messages)
    }

    /// What changed since the last call, in order.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// How all other members are.
    #[must_use]
    pub fn health(&self) -> BTreeMap<u16, Health> {
        let members = self.members.iter();
        members.map(|(node, known)| (*node, known.health)).collect()
    }

    /// Members that are silent, and for how long in milliseconds: what a planner of placement wants to know.
    #[must_use]
    pub fn silent(&self) -> BTreeMap<u16, u64> {
        let members = self.members.iter();
        let silent = members.filter(|(_, known)| known.health == Health::Silent);
        silent
            .map(|(node, known)| {
                (
                    *node,
                    self.clock.saturating_sub(known.since).as_millis() as u64,
                )
            })
            .collect()
    }

    /// Lets time pass. What is more than a turn may last is a pause of this node's own, and no silence of others (SD6).
    fn pass(&mut self, now: Duration) {
        let gone = now.saturating_sub(self.shown);
        self.shown = self.shown.max(now);
        self.clock += if on(Mutant::CountOwnPauses) {
            gone
        } else {
            gone.min(TURN_MOST)
        };
    }

    /// Greets members that are not known to be there, every so often: they answer with who else is (SD5).
    fn greet(&mut self) {
        let now = self.clock;
        let strangers = self.members.iter_mut().filter(|(_, known)| {
            let again = |before| now >= before + GREET_EVERY && !on(Mutant::GreetOnce);
            known.health == Health::Silent && known.greeted.is_none_or(again)
        });
        let mut greeted = Vec::new();
        for (number, known) in strangers {
            known.greeted = Some(now);
            greeted.push(*number);
        }
        for number in greeted {
            // A greeting is for whichever life the member is in.
            let node = Node { number, life: 0 };
            let _ = self.engine(|engine, taken| engine.announce(node, taken));
        }
    }

    /// Sees what the engine knows now, and tells what is new of members.
    fn look(&mut self) {
        let mut seen: BTreeMap<u16, Health> = BTreeMap::new();
        for member in self.engine.iter_membership_state() {
            let health = match member.state() {
                State::Alive => Health::Alive,
                State::Suspect => Health::Suspected,
                State::Down => Health::Silent,
            };
            seen.insert(member.id().number, health);
        }
        for (node, known) in &mut self.members {
            let health = seen.get(node).copied().unwrap_or(Health::Silent);
            if health == known.health {
                continue;
            }
            known.health = health;
            known.since = self.clock;
            self.news.push(News {
                node: *node,
                health,
            });
        }
    }

    fn engine<T>(&mut self, work: impl FnOnce(&mut Engine, Taken<'_>) -> T) -> T {
        let mut messages = Vec::new();
        let taken = Taken {
            clock: self.clock,
            timers: &mut self.timers,
            set: &mut self.set,
            messages: &mut messages,
        };
        let done = work(&mut self.engine, taken);
        // Gossip may speak of nodes that are members no more, or not yet.
        messages.retain(|(to, _)| self.members.contains_key(to));
        self.messages.append(&mut messages);
        done
    }
}
