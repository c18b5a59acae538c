//! What peers and the engine say.

use std::time::Instant;

use pyralog_raft::{Event as RaftEvent, Role};

use super::drive::Driving;
use super::message::Message;
use super::replica::Whole;
use crate::error::HostError;
use crate::shared::Counters;

impl Driving {
    /// A message of another host.
    pub fn hear(&mut self, peer: u16, bytes: &[u8]) {
        let Ok(message) = Message::decode(bytes) else {
            Counters::add(&self.shared.counters.bad_messages, 1);
            return;
        };
        match message {
            Message::Cosign(asked) => self.cosign(peer, asked),
            Message::Cosigned {
                partition,
                size,
                time_ms,
                result,
            } => self.signed(peer, (partition as usize, size, time_ms), result),
            Message::Checkpoint { asked, signatures } => {
                self.take_checkpoint(peer, Whole { asked, signatures });
            }
            Message::Wanted { partition, .. } => self.checkpoints.awaited(partition as usize),
            Message::Forward {
                ticket,
                partition,
                wait,
                proposal,
            } => self.forwarded((peer, ticket), partition, (wait, proposal)),
            Message::Forwarded { ticket, answer } => {
                if let Some(sent) = self.forwards.take(ticket, peer) {
                    let answer = answer.map_err(|refused| refused.into_error(peer));
                    sent.reply.send(answer);
                }
            }
        }
    }

    /// What happened to a group.
    pub fn raft_event(&mut self, event: RaftEvent) {
        match event {
            RaftEvent::Role {
                group,
                role,
                term,
                leader,
            } => self.role_changed(group, (role, leader), term),
            RaftEvent::Stopped { group, reason } => {
                let why = HostError::GroupStopped(format!("partition {group} stopped: {reason}"));
                self.waiting.give_up(group, &why);
                self.shared.fail(&why);
            }
            RaftEvent::SnapshotWanted { group, .. } => self.want_offer(group),
            RaftEvent::SnapshotOffered {
                group,
                from,
                offer,
                members,
            } => self.snapshot_offered((group, from), (&offer, members)),
            // Members are those of the configuration.
            RaftEvent::Members { .. } | RaftEvent::Unknown { .. } => {}
        }
    }

    fn role_changed(&mut self, group: u32, (role, leader): (Role, Option<u16>), term: u64) {
        let Some(known) = self.leaders.get_mut(group as usize) else {
            return;
        };
        *known = (leader, term);
        Counters::add(&self.shared.counters.role_changes, 1);
        // A new leader is through with what was in the log before when its first entry is applied: see `lead`.
        self.stampers[group as usize] = None;
        if role != Role::Leader {
            self.waiting
                .give_up(group, &HostError::NotLeader { hint: leader });
            self.checkpoints.cosigning.rounds.remove(&(group as usize));
        }
        if let Some(leader) = leader {
            self.forwards.led_by(group as usize, leader);
        }
        self.look_after_homeless(Instant::now());
    }
}
