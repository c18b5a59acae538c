//! One group of a node: the engine's instance and what surrounds it.

use std::collections::VecDeque;

use pyralog_log::Membership;
use raft::eraftpb::{Entry, Message, MessageType};
use raft::{RawNode, StateRole};

use crate::config::{ELECTION_TICKS, MESSAGE_BYTES, mix};
use crate::entry::size_of;
use crate::failover::Heard;
use crate::reads::Reads;
use crate::stage::{Mark, Op, Pending};
use crate::storage::GroupLog;

/// One group.
pub(crate) struct Group {
    pub number: u32,
    pub node: u16,
    pub engine: RawNode<GroupLog>,
    /// Members as applied, and those of before that offers may need; the newest last.
    pub memberships: Vec<Membership>,
    /// Messages received and not stepped yet.
    pub inbox: Vec<Message>,
    /// Proposals that have an index and are not in the engine yet.
    pub proposals: Vec<Entry>,
    /// Bytes of own proposals that are not committed, with their indexes.
    pub waiting: VecDeque<(u64, usize)>,
    pub waiting_bytes: usize,
    pub reads: Reads,
    /// What the log is to record, in order.
    pub ops: VecDeque<Op>,
    /// What is staged and not durable.
    pub pending: VecDeque<Pending>,
    /// Messages that may leave.
    pub outbox: Vec<Message>,
    /// Term and vote as given to the log last, and as durable.
    pub hard: (u64, u64),
    pub hard_durable: (u64, u64),
    /// Newest entry given to the machine; the commit recorded last.
    pub applied: u64,
    pub commit_recorded: u64,
    /// Number of the engine's newest ready.
    pub ready: u64,
    pub seen: Seen,
    /// Role, term and leader as the driver was told last.
    pub told: (StateRole, u64, u64),
    pub quiet: bool,
    pub idle_ticks: u32,
    /// Ticks for which a member has waited for a snapshot.
    pub snapshot_ticks: u32,
    /// Positions of members that lost the leader (RF11).
    pub heard: Vec<Heard>,
    /// A leader's last heartbeat before it went quiet, looked at when all else is done.
    pub last_word: Option<Box<Message>>,
    /// A snapshot that the host is taking over.
    pub offered: Option<Box<Message>>,
}

/// What was seen of the engine last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub role: StateRole,
    pub term: u64,
    pub leader: u64,
    /// How many election timeouts were drawn.
    pub draws: u64,
}

impl Group {
    pub(crate) fn members(&self) -> &Membership {
        // There is always one: that of the opening.
        &self.memberships[self.memberships.len() - 1]
    }

    pub(crate) fn is_leader(&self) -> bool {
        self.engine.raft.state == StateRole::Leader
    }

    /// Who leads, as far as is known here.
    pub(crate) fn leader(&self) -> Option<u16> {
        let leader = self.engine.raft.leader_id as u16;
        (leader != 0).then_some(leader)
    }

    /// Nothing is on its way to the disk.
    pub(crate) fn is_clean(&self) -> bool {
        self.ops.is_empty() && self.pending.is_empty()
    }

    /// First index that is not durable here.
    pub(crate) fn durable_below(&self) -> u64 {
        let staged = self.pending.iter().map(|pending| pending.mark.low);
        let queued = self.ops.iter().map(|op| match op {
            Op::Append(entries) => entries.first().map_or(u64::MAX, |entry| entry.index),
            Op::Truncate(from) => *from,
            Op::Mark(Mark { low, .. }) => *low,
            _ => u64::MAX,
        });
        staged.chain(queued).min().unwrap_or(u64::MAX)
    }

    /// Draws the election timeout (RF8): a function of the seed and of what happened here, in place of the engine's own.
    pub(crate) fn draw_timeout(&mut self, seed: u64) {
        let raft = &mut self.engine.raft;
        let now = (raft.state, raft.term, raft.leader_id);
        if now != (self.seen.role, self.seen.term, self.seen.leader) {
            self.seen.draws += 1;
        }
        self.seen = Seen {
            role: now.0,
            term: now.1,
            leader: now.2,
            draws: self.seen.draws,
        };
        let drawn = mix(seed ^ mix(u64::from(self.number) << 32 | self.seen.draws));
        let timeout = ELECTION_TICKS + (drawn % ELECTION_TICKS as u64) as usize;
        raft.set_randomized_election_timeout(timeout);
    }

    /// Hands the proposals that got their indexes to the engine, before anything else happens to it.
    pub(crate) fn flush(&mut self) -> Result<(), String> {
        let mut proposals = std::mem::take(&mut self.proposals).into_iter().peekable();
        while proposals.peek().is_some() {
            let mut chunk = Vec::new();
            let mut bytes = 0;
            while let Some(entry) = proposals.peek() {
                bytes += size_of(entry);
                if bytes > MESSAGE_BYTES && !chunk.is_empty() {
                    break;
                }
                chunk.extend(proposals.next());
            }
            let promised = chunk.last().map_or(0, |entry| entry.index);
            let mut message = Message::default();
            message.set_msg_type(MessageType::MsgPropose);
            message.from = u64::from(self.node);
            message.set_entries(chunk.into());
            let taken = self.engine.raft.step(message);
            let last = self.engine.raft.raft_log.last_index();
            if taken.is_err() || last != promised {
                return Err(format!(
                    "a proposal was promised index {promised}, and the group ends at {last}"
                ));
            }
        }
        Ok(())
    }

    /// Steps what was received.
    pub(crate) fn step_inbox(&mut self) {
        for message in std::mem::take(&mut self.inbox) {
            if message.msg_type == MessageType::MsgReadIndex && !self.is_leader() {
                continue; // the engine would pass it on in another's name; it is asked again
            }
            // What the engine does not take (an answer of a node that is no member any more) is of no use.
            let _not_for_us = self.engine.step(message);
        }
    }

    /// Whether this node may campaign now: it is a voter, a lone one needs all its entries durable first, and everybody a snapshot that was
    /// taken over, which the engine takes for granted.
    pub(crate) fn may_campaign(&self) -> bool {
        let log = &self.engine.raft.raft_log;
        let whole = log.persisted == log.last_index() || !self.engine.raft.prs().is_singleton();
        whole && log.applied + 1 >= log.first_index() && self.engine.raft.promotable()
    }

    /// Index and term of the last entry.
    pub(crate) fn end(&self) -> (u64, u64) {
        let log = &self.engine.raft.raft_log;
        (log.last_index(), log.last_term())
    }

    /// What was proposed here and is committed does not count any more.
    pub(crate) fn uncount(&mut self, committed: u64) {
        while let Some((index, bytes)) = self.waiting.front()
            && *index <= committed
        {
            self.waiting_bytes -= bytes;
            self.waiting.pop_front();
        }
    }
}
