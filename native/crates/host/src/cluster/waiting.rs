//! Calls that wait for their entry to be committed, by the place Raft gave it; and those that another node leads.

use std::collections::{BTreeMap, HashMap};

use pyralog_partition::Prepared;
use pyralog_types::batch::CheckedProposal;

use crate::answer::{Answer, Reply, Wait};
use crate::error::HostError;

/// A proposal that stands in the log of its leader, this node, and is not committed.
pub(crate) struct Proposed {
    /// Term it was proposed in: with another one at its index it was not taken (RF7).
    pub term: u64,
    pub wait: Wait,
    /// What its records come to, if somebody hashed them.
    pub prepared: Option<Prepared>,
    pub reply: Reply<Answer>,
}

/// Calls on their way, by group and index.
#[derive(Default)]
pub(crate) struct Waiting {
    proposed: HashMap<u32, BTreeMap<u64, Proposed>>,
}

impl Waiting {
    pub fn put(&mut self, group: u32, index: u64, proposed: Proposed) {
        let group = self.proposed.entry(group).or_default();
        if let Some(before) = group.insert(index, proposed) {
            // Only a leader proposes, and a leader overwrites nothing: it led before, and lost that entry.
            before.reply.send(Err(not_taken()));
        }
    }

    /// What waits for the entry that is applied at `index`. Those of other terms there were not taken.
    pub fn applied(&mut self, group: u32, (index, epoch): (u64, u32)) -> Option<Proposed> {
        let waiting = self.proposed.get_mut(&group)?;
        let here = waiting.remove(&index)?;
        if here.term == u64::from(epoch) {
            return Some(here);
        }
        here.reply.send(Err(not_taken()));
        None
    }

    /// This node leads the group no more, or stops: nobody knows what became of these (RF7).
    pub fn give_up(&mut self, group: u32, why: &HostError) {
        for (_, proposed) in self.proposed.remove(&group).unwrap_or_default() {
            let why = HostError::OutcomeUnknown(why.to_string());
            proposed.reply.send(Err(why));
        }
    }

    pub fn give_all_up(&mut self, why: &HostError) {
        let groups: Vec<u32> = self.proposed.keys().copied().collect();
        for group in groups {
            self.give_up(group, why);
        }
    }
}

fn not_taken() -> HostError {
    HostError::NotLeader { hint: None }
}

/// A call that was handed to the node that leads.
pub(crate) struct Forwarded {
    pub to: u16,
    pub partition: usize,
    pub reply: Reply<Answer>,
}

/// Calls handed on, by ticket.
#[derive(Default)]
pub(crate) struct Forwards {
    next: u64,
    sent: HashMap<u64, Forwarded>,
}

impl Forwards {
    pub fn put(&mut self, (to, partition): (u16, usize), reply: Reply<Answer>) -> u64 {
        self.next += 1;
        let forwarded = Forwarded {
            to,
            partition,
            reply,
        };
        self.sent.insert(self.next, forwarded);
        self.next
    }

    pub fn take(&mut self, ticket: u64, from: u16) -> Option<Forwarded> {
        let sent = self.sent.get(&ticket)?;
        (sent.to == from).then(|| self.sent.remove(&ticket))?
    }

    /// The link to a node is gone, and with it the answers that were on it.
    pub fn give_up(&mut self, to: u16) {
        let why = format!("the link to node {to}, which led the partition, was lost");
        self.give_up_where(|sent| sent.to == to, &why);
    }

    /// A node is known to lead a partition: another one that calls were handed to, and that may be silent for long, is not
    /// waited for (CO6).
    pub fn led_by(&mut self, partition: usize, leader: u16) {
        let why = format!("node {leader} leads the partition now, and another one did");
        self.give_up_where(
            |sent| sent.partition == partition && sent.to != leader,
            &why,
        );
    }

    fn give_up_where(&mut self, lost: impl Fn(&Forwarded) -> bool, why: &str) {
        let all = self.sent.iter();
        let tickets: Vec<u64> = all
            .filter_map(|(ticket, sent)| lost(sent).then_some(*ticket))
            .collect();
        for ticket in tickets {
            if let Some(sent) = self.sent.remove(&ticket) {
                let why = HostError::OutcomeUnknown(why.to_owned());
                sent.reply.send(Err(why));
            }
        }
    }
}

/// A call that waits until it is known who leads.
pub(crate) struct Homeless {
    pub partition: usize,
    pub proposal: CheckedProposal,
    /// What its records come to, if somebody hashed them.
    pub prepared: Option<Prepared>,
    pub wait: Wait,
    pub reply: Reply<Answer>,
}
