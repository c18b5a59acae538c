//! What a peer sent, checked before the engine sees it (RF9, RF13).

use raft::eraftpb::{Entry, Message, MessageType};

use crate::bundle::{Part, next_part};
use crate::entry::fault_of;
use crate::error::BadBundle;
use crate::group::Group;
use crate::mutant::{Mutant, on};
use crate::node::RaftNode;
use crate::quiet::QUIET;
use crate::round::Event;

impl RaftNode {
    /// Takes a bundle that came from a peer over an authenticated link.
    ///
    /// # Errors
    /// `BadBundle`: end the link. What stands before the break was taken.
    pub fn receive(&mut self, from: u16, bundle: &[u8]) -> Result<(), BadBundle> {
        let mut rest = bundle;
        let bad = |what| BadBundle { from, what };
        while let Some(part) = next_part(&mut rest).map_err(bad)? {
            match part {
                Part::Positions(lost, ends) => self.positions(from, lost, ends),
                Part::Message(group, message) => {
                    self.check(from, &message)
                        .map_err(|what| bad(format!("group {group}: {what}")))?;
                    self.take(group, message);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, group: u32, mut message: Box<Message>) {
        if on(Mutant::VoteForAnybody)
            && matches!(
                message.msg_type,
                MessageType::MsgRequestVote | MessageType::MsgRequestPreVote
            )
        {
            message.log_term = u64::from(u32::MAX);
        }
        let Some(one) = self.groups.get_mut(&group) else {
            if !self.stopped.contains_key(&group) {
                let from = message.from as u16;
                self.events.push(Event::Unknown { group, from });
            }
            return;
        };
        if let Some(breach) = one.breach(&message) {
            self.stop(group, breach);
            return;
        }
        match message.msg_type {
            MessageType::MsgSnapshot => self.hold_snapshot(group, message),
            MessageType::MsgHeartbeat if message.context.as_ref() == QUIET => {
                one.last_word = Some(message);
                self.dirty.insert(group);
            }
            // Neither keeps a group from falling quiet; and answers to the last heartbeats come when it is.
            MessageType::MsgHeartbeat => {
                one.inbox.push(*message);
                self.dirty.insert(group);
                self.stir(group);
            }
            MessageType::MsgHeartbeatResponse => {
                one.inbox.push(*message);
                self.dirty.insert(group);
            }
            MessageType::MsgTimeoutNow if !one.is_of_leader(&message) || !one.may_campaign() => {}
            _ => {
                one.inbox.push(*message);
                self.touch(group);
            }
        }
    }

    fn check(&self, from: u16, message: &Message) -> Result<(), String> {
        if message.from != u64::from(from) {
            return Err(format!("it speaks for node {}", message.from));
        }
        if message.to != u64::from(self.config.node) {
            return Err(format!("what it says is for node {}", message.to));
        }
        // The engine gives no term to a question that its leader is to answer.
        let without = message.msg_type == MessageType::MsgReadIndex;
        if u32::try_from(message.term).is_err() || (message.term == 0) != without {
            return Err(format!("there is no epoch {}", message.term));
        }
        match message.msg_type {
            MessageType::MsgHup
            | MessageType::MsgBeat
            | MessageType::MsgUnreachable
            | MessageType::MsgSnapStatus
            | MessageType::MsgCheckQuorum
            | MessageType::MsgPropose
            | MessageType::MsgTransferLeader => {
                Err(format!("a message of kind {:?}", message.msg_type))
            }
            MessageType::MsgAppend => check_entries(message),
            MessageType::MsgReadIndex | MessageType::MsgReadIndexResp => {
                let one = message.entries.len() == 1 && message.entries[0].data.len() == 16;
                one.then_some(())
                    .ok_or_else(|| "a read of another shape".into())
            }
            MessageType::MsgSnapshot => {
                let metadata = message.get_snapshot().get_metadata();
                let whole =
                    metadata.index > 0 && metadata.term > 0 && metadata.term <= message.term;
                whole
                    .then_some(())
                    .ok_or_else(|| "an empty snapshot".into())
            }
            _ if !message.entries.is_empty() => Err("entries where none belong".into()),
            _ => Ok(()),
        }
    }
}

/// Entries are consecutive, and terms neither fall nor pass the sender's.
fn check_entries(message: &Message) -> Result<(), String> {
    let mut before = (message.index, message.log_term);
    for entry in &*message.entries {
        if entry.index != before.0 + 1 {
            return Err(format!("entry {} behind entry {}", entry.index, before.0));
        }
        if entry.term < before.1 || entry.term > message.term {
            return Err(format!(
                "entry {} of epoch {} behind epoch {}, from a leader of epoch {}",
                entry.index, entry.term, before.1, message.term
            ));
        }
        if let Some(fault) = fault_of(entry) {
            return Err(format!("entry {}: {fault}", entry.index));
        }
        before = (entry.index, entry.term);
    }
    Ok(())
}

impl Group {
    fn is_of_leader(&self, message: &Message) -> bool {
        let raft = &self.engine.raft;
        message.term == raft.term && message.from == raft.leader_id
    }

    /// A leader that says other entries where this node knows of committed ones: one of the two lost what it may not lose
    /// (RF5).
    fn breach(&self, message: &Message) -> Option<String> {
        let raft = &self.engine.raft;
        let committed = raft.raft_log.committed;
        if message.msg_type != MessageType::MsgAppend
            || message.term < raft.term
            || message.index > committed
        {
            return None;
        }
        let differs = |index: u64, term: u64| {
            let held = raft.raft_log.term(index).unwrap_or(0);
            held != 0 && held != term
        };
        let entries = message
            .entries
            .iter()
            .take_while(|entry| entry.index <= committed);
        let other = entries.map(|entry: &Entry| (entry.index, entry.term));
        let (index, term) = std::iter::once((message.index, message.log_term))
            .chain(other)
            .find(|(index, term)| differs(*index, *term))?;
        Some(format!(
            "node {}, leader of epoch {}, has entry {index} of epoch {term}, and another one is committed here",
            message.from, message.term
        ))
    }
}
