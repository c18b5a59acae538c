//! Linearizable reads (RF12): questions wait here until a leader has confirmed itself after they were asked.

use std::collections::VecDeque;

use raft::ReadState;

use crate::config::{READ_AGAIN_TICKS, READ_TICKS};
use crate::error::Refusal;
use crate::group::Group;
use crate::mutant::{Mutant, on};

/// A read's outcome: its ticket, and the index up to which the reader must have applied (it has), or why not.
pub(crate) type Outcome = (u64, Result<u64, Refusal>);

/// A question and when it was asked first.
#[derive(Debug, Clone, Copy)]
struct Ticket {
    number: u64,
    tick: u64,
}

/// Reads of one group.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    asked: Vec<Ticket>,
    issued: VecDeque<Issued>,
    confirmed: Vec<(u64, Vec<Ticket>)>,
}

#[derive(Debug)]
struct Issued {
    context: u128,
    tick: u64,
    /// Whom the question went to: another leader or term means to ask again.
    to: (u64, u64),
    tickets: Vec<Ticket>,
}

impl Reads {
    pub(crate) fn ask(&mut self, number: u64, tick: u64) {
        self.asked.push(Ticket { number, tick });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.issued.is_empty() && self.confirmed.is_empty()
    }

    /// Answers of the engine: those asked before an answered one are answered with it.
    pub(crate) fn answered(&mut self, states: Vec<ReadState>) {
        for state in states {
            let Ok(context) = <[u8; 16]>::try_from(state.request_ctx.as_slice()) else {
                continue;
            };
            let context = u128::from_le_bytes(context);
            if let Some(at) = self.issued.iter().position(|one| one.context == context)
                && let Some(one) = self.issued.remove(at)
            {
                self.confirmed.push((state.index, one.tickets));
            }
        }
    }

    /// Takes those that this node has applied far enough for.
    pub(crate) fn done(&mut self, applied: u64, out: &mut Vec<Outcome>) {
        self.confirmed.retain(|(index, tickets)| {
            let done = *index <= applied || on(Mutant::ReadEarly);
            if done {
                out.extend(tickets.iter().map(|ticket| (ticket.number, Ok(*index))));
            }
            !done
        });
    }

    /// Asks again what got no answer, gives up what waited too long.
    pub(crate) fn tick(&mut self, tick: u64, out: &mut Vec<Outcome>) {
        self.again(|one| tick >= one.tick + READ_AGAIN_TICKS);
        let mut give_up = |tickets: &mut Vec<Ticket>| {
            tickets.retain(|ticket| {
                let late = tick >= ticket.tick + READ_TICKS;
                if late {
                    out.push((ticket.number, Err(Refusal::TimedOut)));
                }
                !late
            });
        };
        give_up(&mut self.asked);
        for (_, tickets) in &mut self.confirmed {
            give_up(tickets);
        }
    }

    fn again(&mut self, which: impl Fn(&Issued) -> bool) {
        let mut keep = VecDeque::new();
        for one in self.issued.drain(..) {
            if which(&one) {
                self.asked.extend(one.tickets);
            } else {
                keep.push_back(one);
            }
        }
        self.issued = keep;
    }

    /// Everything that waits, when the group stops.
    pub(crate) fn fail(&mut self, reason: &Refusal, out: &mut Vec<Outcome>) {
        let issued = self.issued.drain(..).flat_map(|one| one.tickets);
        let confirmed = self.confirmed.drain(..).flat_map(|(_, tickets)| tickets);
        let all = self.asked.drain(..).chain(issued).chain(confirmed);
        out.extend(all.map(|ticket| (ticket.number, Err(reason.clone()))));
    }
}

impl Group {
    /// Puts the questions to the engine, as one; `life` marks those of this opening.
    pub(crate) fn issue_reads(&mut self, life: u64, (tick, counter): (u64, &mut u64)) {
        let raft = &mut self.engine.raft;
        let to = (raft.leader_id, raft.term);
        if self.reads.issued.iter().any(|one| one.to != to) {
            self.reads.again(|one| one.to != to);
        }
        if self.reads.asked.is_empty() || raft.leader_id == 0 {
            return;
        }
        if raft.leader_id == raft.id {
            if !raft.commit_to_current_term() {
                return; // asked again as soon as it has
            }
            if on(Mutant::LeaseRead) {
                let tickets = std::mem::take(&mut self.reads.asked);
                self.reads
                    .confirmed
                    .push((raft.raft_log.committed, tickets));
                return;
            }
        }
        *counter += 1;
        let context = u128::from(*counter) | u128::from(life) << 64;
        self.reads.issued.push_back(Issued {
            context,
            tick,
            to,
            tickets: std::mem::take(&mut self.reads.asked),
        });
        self.engine.read_index(context.to_le_bytes().to_vec());
    }
}
