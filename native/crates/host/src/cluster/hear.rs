//! What peers and the engine say.

use std::time::Instant;

use pyralog_cluster::{CLUSTER_GROUP, Outcome};
use pyralog_raft::{Event as RaftEvent, Offer, Role};

use super::drive::Driving;
use super::kept::Kept;
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
            Message::Command { ticket, command } => self.commanded((peer, ticket), &command),
            Message::Commanded { ticket, outcome } => {
                let outcome = match outcome {
                    Ok(bytes) => Outcome::decode(&bytes).ok_or_else(|| {
                        HostError::OutcomeUnknown(format!("node {peer} answered with other bytes"))
                    }),
                    Err(refused) => Err(refused.into_error(peer)),
                };
                self.commands.ended(ticket, peer, outcome);
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
                self.group_stopped(group);
                self.shared.fail(&why);
            }
            RaftEvent::SnapshotWanted {
                group: CLUSTER_GROUP,
                ..
            } => {
                let offered = self.offer_group();
                self.arranging.problem = offered.err().map(|error| error.to_string());
            }
            RaftEvent::SnapshotOffered {
                group: CLUSTER_GROUP,
                offer,
                ..
            } => self.take_group_over(&offer),
            RaftEvent::SnapshotWanted { group, .. } => self.want_offer(group),
            RaftEvent::SnapshotOffered {
                group,
                from,
                offer,
                members,
            } => self.snapshot_offered((group, from), (&offer, members)),
            // Those that are wanted elsewhere come with the cluster's own state.
            RaftEvent::Members { .. } | RaftEvent::Unknown { .. } => {}
        }
    }

    fn role_changed(&mut self, group: u32, (role, leader): (Role, Option<u16>), term: u64) {
        if group == CLUSTER_GROUP {
            self.group.leader = leader;
            self.group.leads = None;
            if role != Role::Leader {
                self.group.give_up("another member leads the cluster now");
            }
            return;
        }
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

    fn group_stopped(&mut self, group: u32) {
        if group == CLUSTER_GROUP {
            self.group.give_up("the cluster group stopped on this node");
            self.group.leads = None;
        }
    }

    /// This member is far behind in the cluster group: what the leader gives is the state, and the log goes on behind it (RF15).
    fn take_group_over(&mut self, offer: &Offer) {
        let kept = Kept::decode(&offer.data);
        let good = |kept: &Kept| (kept.point.index, kept.point.term) == (offer.index, offer.term);
        let Some(kept) = kept.ok().filter(good) else {
            Counters::add(&self.shared.counters.bad_messages, 1);
            return;
        };
        let taken = self.group.take_over(kept);
        self.arranging.problem = taken.as_ref().err().map(ToString::to_string);
        if taken.is_ok() {
            let _gone = self.raft.install(CLUSTER_GROUP);
        }
    }
}
