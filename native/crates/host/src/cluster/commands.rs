//! Commands for the cluster group: proposed where it is led, handed there from everywhere else (GR5).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyralog_cluster::{CLUSTER_GROUP, Outcome, encode_entry};
use pyralog_raft::Refusal;

use super::drive::Driving;
use super::message::{Message, Refused};
use crate::answer::Reply;
use crate::error::HostError;

/// How long a command that was handed to the leader waits for its outcome.
const PATIENCE: Duration = Duration::from_secs(5);

/// A command on its way to the member that leads the cluster group.
struct HandedOn {
    to: u16,
    until: Instant,
    reply: Reply<Outcome>,
}

/// Commands handed on, by ticket.
#[derive(Default)]
pub(crate) struct Commands {
    next: u64,
    sent: BTreeMap<u64, HandedOn>,
}

impl Commands {
    fn put(&mut self, to: u16, reply: Reply<Outcome>) -> u64 {
        self.next += 1;
        let until = Instant::now() + PATIENCE;
        self.sent.insert(self.next, HandedOn { to, until, reply });
        self.next
    }

    /// The outcome of one came.
    pub fn ended(&mut self, ticket: u64, from: u16, outcome: Result<Outcome, HostError>) {
        let of_this = |sent: &HandedOn| sent.to == from;
        if self.sent.get(&ticket).is_some_and(of_this)
            && let Some(sent) = self.sent.remove(&ticket)
        {
            sent.reply.send(outcome);
        }
    }

    /// Those that waited for too long, and those handed to a member that is not heard of any more.
    pub fn give_up(&mut self, lost: Option<u16>, now: Instant) {
        let over = |sent: &HandedOn| sent.until <= now || Some(sent.to) == lost;
        let over: Vec<u64> = self
            .sent
            .iter()
            .filter(|(_, sent)| over(sent))
            .map(|(ticket, _)| *ticket)
            .collect();
        for ticket in over {
            if let Some(sent) = self.sent.remove(&ticket) {
                let why = format!("node {}, which led the cluster, did not answer", sent.to);
                sent.reply.send(Err(HostError::OutcomeUnknown(why)));
            }
        }
    }
}

impl Driving {
    /// A command from here.
    pub fn command(&mut self, command: Vec<u8>, reply: Reply<Outcome>) {
        if let Some(error) = self.shared.failure() {
            return reply.send(Err(error));
        }
        match self.group.leader {
            Some(leader) if leader == self.me => self.propose_command(&command, reply),
            Some(leader) if self.up.contains(&leader) => {
                let ticket = self.commands.put(leader, reply);
                self.tell(leader, Message::Command { ticket, command }.encode());
            }
            _ => reply.send(Err(HostError::NotLeader { hint: None })),
        }
    }

    /// A command that another member handed on.
    pub fn commanded(&mut self, (from, ticket): (u16, u64), command: &[u8]) {
        let links = Arc::clone(&self.links);
        let reply = Reply::new(move |outcome: Result<Outcome, HostError>| {
            let outcome = outcome
                .map(|outcome| outcome.encode())
                .map_err(|error| Refused::of(&error));
            let message = Message::Commanded { ticket, outcome };
            super::drive::tell(&links, from, message.encode());
        });
        if self.group.leader == Some(self.me) {
            self.propose_command(command, reply);
        } else {
            // Handing it on once more could go round in circles.
            reply.send(Err(HostError::NotLeader { hint: None }));
        }
    }

    fn propose_command(&mut self, command: &[u8], reply: Reply<Outcome>) {
        if self.group.state.is_none() {
            // Its first entry is on the way.
            return reply.send(Err(HostError::NotLeader { hint: None }));
        }
        let now_ms = (self.shared.world.clock)();
        self.propose_to_group(encode_entry(now_ms, command), reply);
    }

    pub fn propose_to_group(&mut self, entry: Vec<u8>, reply: Reply<Outcome>) {
        match self.raft.propose(CLUSTER_GROUP, entry) {
            Ok(place) => self.group.proposed((place.index, place.term), reply),
            Err(Refusal::NotLeader { hint }) => reply.send(Err(HostError::NotLeader { hint })),
            Err(Refusal::Overloaded) => reply.send(Err(HostError::LeaderBusy(
                "the cluster group has too much on its way; retry in a moment".to_owned(),
            ))),
            Err(refusal) => reply.send(Err(HostError::GroupStopped(refusal.to_string()))),
        }
    }
}
