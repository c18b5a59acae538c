//! What the host does around the groups: rounds, frames, answers.

use std::rc::Rc;
use std::sync::Arc;

use super::client::{Call, Reply};
use super::machine::Done;
use super::watch::Watch;
use super::weather::MILLI;
use super::world::{Event, World};
use crate::mutant::{Mutant, on};
use crate::{Event as Happened, Outgoing, Role, Round};

impl World {
    pub(super) fn round(&mut self, number: u16) {
        let judge = Arc::clone(&self.judge);
        let node = self.node(number);
        node.round_due = false;
        let Some(running) = &mut node.running else {
            return;
        };
        let mut rounds = Vec::new();
        loop {
            let mut watch = Watch {
                node: number,
                inner: running.log.store.as_mut(),
                judge: Arc::clone(&judge),
            };
            let Ok(round) = running.raft.round(&mut watch, &mut running.machine) else {
                return self.crash(number, "the log failed");
            };
            if round.needs_sync
                && let Some(frame) = running.log.store.seal()
            {
                running.raft.sealed(frame.sequence());
                running.frames.push_back(frame);
            }
            let full = round.full;
            rounds.push(round);
            if !full {
                break;
            }
        }
        let done = std::mem::take(&mut running.machine.done);
        for round in rounds {
            self.send(number, &round.send);
            self.reads(number, &round);
            for event in round.events {
                self.happened(number, event);
            }
        }
        self.done(number, done);
        self.begin_sync(number);
    }

    fn send(&mut self, from: u16, send: &[Outgoing]) {
        for one in send {
            let bundle = Rc::new(one.bundle.clone());
            let link = self.net.life(from, one.to);
            let place = (from, one.to, one.priority);
            let weather = (&self.weather, &mut self.chance);
            for at in self.net.arrivals(place, self.now, weather) {
                let event = Event::Arrive {
                    from,
                    to: one.to,
                    link,
                    bundle: Rc::clone(&bundle),
                };
                self.after(at - self.now, event);
            }
        }
    }

    fn begin_sync(&mut self, number: u16) {
        let (low, high) = self.weather.sync;
        let node = self.node(number);
        let (slow, life) = (node.slow, node.life);
        let Some(running) = &mut node.running else {
            return;
        };
        if running.syncing.is_some() || running.frames.is_empty() {
            return;
        }
        while let Some(frame) = running.frames.pop_front() {
            running.syncing = Some(frame.sequence());
            if running.log.committer.write(frame).is_err() {
                return self.crash(number, "a write failed");
            }
        }
        let takes = self.chance.between(low, high) * slow;
        self.after(takes, Event::Synced(number, life));
    }

    pub(super) fn synced(&mut self, number: u16, life: u64) {
        let node = self.node(number);
        let Some(running) = node.running.as_mut().filter(|_| node.life == life) else {
            return;
        };
        let Some(newest) = running.syncing.take() else {
            return;
        };
        if on(Mutant::SkipSync) {
            running.raft.durable(newest);
        } else {
            match running.log.committer.sync() {
                Ok(synced) => running.raft.durable(synced),
                Err(_) => return self.crash(number, "a sync failed"),
            }
        }
        if running.frames.is_empty() && running.log.committer.mark_idle().is_err() {
            return self.crash(number, "a write failed");
        }
        self.due(number);
        self.begin_sync(number);
    }

    /// Ends a node's life; it comes back later.
    pub(super) fn crash(&mut self, number: u16, why: &'static str) {
        let node = self.node(number);
        if node.running.is_none() {
            return;
        }
        let syncing = node
            .running
            .as_ref()
            .is_some_and(|one| one.syncing.is_some());
        node.crash();
        self.count(why);
        if syncing {
            self.count("crash in the middle of a sync");
        }
        self.note(&format!("node {number} crashes: {why}"));
        for peer in 1..=self.weather.nodes {
            if peer != number {
                self.net.cut(number, peer);
            }
        }
        let after = self.chance.between(5, 1500) * MILLI;
        self.after(after, Event::Restart(number));
        self.look_around();
    }

    fn happened(&mut self, number: u16, event: Happened) {
        match event {
            Happened::Role {
                group,
                role,
                term,
                leader,
            } => {
                self.note(&format!(
                    "node {number} group {group}: {role:?} of epoch {term}, led by {leader:?}"
                ));
                if role == Role::Leader {
                    self.count("election");
                    self.elected(number, group, term);
                }
            }
            Happened::Members { group, members } => {
                self.count("members changed");
                self.note(&format!("node {number} group {group}: {members:?}"));
            }
            Happened::Stopped { group, reason } => {
                self.judge
                    .lock()
                    .unwrap()
                    .fault(|| format!("RS13: group {group} stopped on node {number}: {reason}"));
            }
            Happened::SnapshotOffered {
                group, from, offer, ..
            } => self.fetch(number, (group, from), &offer),
            Happened::SnapshotWanted { group, .. } => self.seal(number, group),
            Happened::Unknown { .. } => {}
        }
    }

    /// RS2 and RS4: one leader a term, and it has all that was ever applied.
    fn elected(&mut self, number: u16, group: u32, term: u64) {
        let mut judge = self.judge.lock().unwrap();
        judge.leads(number, group, term);
        let applied = judge.applied.get(&group);
        // What later epochs applied it need not have: a paused node may count its votes late.
        let earlier = applied.map_or(&[][..], |log| {
            &log[..log.partition_point(|(epoch, _)| u64::from(*epoch) < term)]
        });
        let Some((index, (epoch, _))) = earlier.last().map(|last| (earlier.len(), *last)) else {
            return;
        };
        let running = self.nodes[&number].running.as_ref();
        let held = running.and_then(|one| one.raft.term_at(group, index as u64));
        if held != Some(u64::from(epoch)) {
            judge.fault(|| {
                format!("RS4: node {number} leads group {group} in epoch {term} without entry {index} of epoch {epoch}, which was applied; it has {held:?} there")
            });
        }
    }

    fn reads(&mut self, number: u16, round: &Round) {
        for (ticket, outcome) in &round.reads {
            let node = self.node(number);
            let Some(running) = &mut node.running else {
                return;
            };
            let Some(call) = running.reads.remove(ticket) else {
                continue;
            };
            let replica = running.machine.replica(call.group);
            let reply = match outcome {
                Ok(_) => Reply::Done {
                    value: replica.values.get(&call.key).copied().unwrap_or(0),
                    offset: 0,
                },
                Err(_) => Reply::Unknown,
            };
            self.reply(call, number, reply);
        }
    }

    pub(super) fn reply(&mut self, call: Call, from: u16, reply: Reply) {
        let delay = self
            .chance
            .between(self.weather.delay.0, self.weather.delay.1);
        self.after(delay, Event::Answer(call, from, reply));
    }

    /// Entries were applied: whoever waits for them hears of it.
    fn done(&mut self, number: u16, done: Vec<Done>) {
        for done in done {
            let node = self.node(number);
            let Some(running) = &mut node.running else {
                return;
            };
            let place = (done.group, done.index);
            let Some((term, call)) = running.waiting.remove(&place) else {
                continue;
            };
            let reply = match done.results.first() {
                Some((offset, value)) if term == u64::from(done.epoch) => Reply::Done {
                    value: *value,
                    offset: *offset,
                },
                _ => Reply::Elsewhere(None), // another entry stands there
            };
            self.reply(call, number, reply);
        }
    }
}
