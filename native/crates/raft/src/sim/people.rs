//! Clients at work: an operation after the other, each repeated until it is answered.

use super::client::{Call, Reply};
use super::judge::Answered;
use super::linear::Operation;
use super::weather::MILLI;
use super::world::{Event, World};
use crate::mutant::{Mutant, on};

const KEYS: u64 = 3;

impl World {
    pub(super) fn wake(&mut self, number: u16, alarm: u64) {
        if self.clients[number as usize].alarm != alarm {
            return;
        }
        if self.clients[number as usize].operation.is_none() && !self.begin(number) {
            return;
        }
        self.ask(number);
    }

    /// Begins an operation; false when there are none left.
    fn begin(&mut self, number: u16) -> bool {
        let client = &mut self.clients[number as usize];
        if self.healed {
            if client.left == 0 {
                return false;
            }
            client.left -= 1;
        }
        client.operations += 1;
        let write = self.chance.percent(60);
        let value = u32::from(number) << 20 | client.operations as u32;
        client.operation = Some(Call {
            client: number,
            number: client.operations,
            group: self.chance.below(u64::from(self.weather.groups)) as u32,
            key: self.chance.below(KEYS) as u8,
            to: write.then_some(value),
        });
        client.start = self.now;
        true
    }

    /// Asks whom it believes to lead, and sets an alarm.
    fn ask(&mut self, number: u16) {
        let nodes = u64::from(self.weather.nodes);
        let any = 1 + self.chance.below(nodes) as u16;
        let wander = self.chance.one_in(8);
        let client = &mut self.clients[number as usize];
        let Some(call) = client.operation else {
            return;
        };
        let known = client.leader[call.group as usize];
        let to = if call.to.is_none() && wander {
            any
        } else {
            known
        };
        client.alarm += 1;
        let alarm = client.alarm;
        let patience = self.chance.between(250, 600) * MILLI;
        self.after(patience, Event::Wake(number, alarm));
        // Whoever got no answer tries somebody else.
        self.clients[number as usize].leader[call.group as usize] = any;
        self.clients[number as usize].leader[call.group as usize] =
            if alarm.is_multiple_of(3) { any } else { known };
        let (low, high) = self.weather.delay;
        let delay = self.chance.between(low, high);
        self.after(delay, Event::Call(to, call));
        if self.chance.one_in(12) {
            let late = self.chance.between(low, 500 * MILLI);
            self.count("call repeated late");
            self.after(late, Event::Call(any, call));
        }
    }

    pub(super) fn call(&mut self, number: u16, call: &Call) {
        let now = self.now;
        let node = self.node(number);
        let wall = node.wall_ms(now);
        let Some(running) = &mut node.running else {
            return; // nobody is there
        };
        if call.to.is_none() {
            running.tickets += 1;
            let ticket = running.tickets;
            let asked = running.raft.read(call.group, ticket);
            if asked.is_ok() {
                running.reads.insert(ticket, *call);
            }
            return self.due(number);
        }
        match running.propose(call, wall) {
            Ok(()) => {
                if on(Mutant::AnswerAtOnce) {
                    let value = running.machine.replica(call.group).values.get(&call.key);
                    let value = value.copied().unwrap_or(0);
                    let offset = running.machine.replica(call.group).partition.size();
                    self.reply(*call, number, Reply::Done { value, offset });
                }
                self.due(number);
            }
            Err(hint) => self.reply(*call, number, Reply::Elsewhere(hint)),
        }
    }

    pub(super) fn answered(&mut self, call: &Call, from: u16, reply: Reply) {
        let pause = self.chance.between(1, 30) * MILLI;
        let client = &mut self.clients[call.client as usize];
        if client.operation != Some(*call) {
            return; // of an operation that was answered already
        }
        match reply {
            Reply::Done { value, offset } => {
                client.operation = None;
                client.leader[call.group as usize] = from;
                let start = client.start;
                self.settle(call, start, (value, offset));
            }
            Reply::Elsewhere(Some(leader)) => client.leader[call.group as usize] = leader,
            Reply::Elsewhere(None) | Reply::Unknown => {}
        }
        self.clients[call.client as usize].alarm += 1;
        let alarm = self.clients[call.client as usize].alarm;
        self.after(pause, Event::Wake(call.client, alarm));
    }

    /// An operation was answered: into the history.
    fn settle(&mut self, call: &Call, start: u64, (value, offset): (u32, u64)) {
        self.record(&value.to_le_bytes());
        self.count(if call.to.is_some() { "write" } else { "read" });
        let mut judge = self.judge.lock().unwrap();
        if call.to.is_some() {
            judge.answers.push(Answered {
                group: call.group,
                client: call.client,
                number: call.number,
                offset,
            });
        }
        let history = judge.history.entry((call.group, call.key)).or_default();
        if let Some(kind) = call.kind(Some(value)) {
            history.push(Operation {
                start,
                end: self.now,
                kind,
            });
        }
    }
}
