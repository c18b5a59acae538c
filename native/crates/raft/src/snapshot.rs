//! Snapshots, the engine's side (RF15): what a leader offers, and when the engine hears of one that was taken over.

use raft::eraftpb::Message;
use raft::{ProgressState, SnapshotStatus};

use crate::config::SNAPSHOT_AGAIN_TICKS;
use crate::error::Refusal;
use crate::group::Group;
use crate::node::RaftNode;
use crate::round::Event;

/// The newest seal point of a partition, as members that are too far behind are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// Index of the newest entry in it.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// What the host on the other side needs to fetch it: files and figures.
    pub data: Vec<u8>,
}

impl RaftNode {
    /// Says what a member gets that needs entries let go. Refused when the members at that index are not known any more:
    /// a later seal point serves.
    ///
    /// # Errors
    /// `NoSuchGroup`, `Stopped`, `BadChange`.
    pub fn offer_snapshot(&mut self, group: u32, offer: Offer) -> Result<(), Refusal> {
        let one = self.group_mut(group)?;
        let before = one.memberships.iter().rev();
        let Some(members) = before.clone().find(|members| members.index <= offer.index) else {
            return Err(Refusal::BadChange(
                "the members at that index are not known any more",
            ));
        };
        let members = members.clone();
        one.engine.mut_store().offer = Some((offer, members));
        self.touch(group);
        Ok(())
    }

    /// A snapshot was taken over, durably, and [`crate::Machine::applied`] says so: the next round tells the engine, if that is
    /// as far as the leader's newest offer ([`Event::SnapshotOffered`]) or further, and the log goes on behind it.
    ///
    /// # Errors
    /// `NoSuchGroup`, `Stopped`.
    pub fn install(&mut self, group: u32) -> Result<(), Refusal> {
        self.group_mut(group)?;
        self.touch(group);
        Ok(())
    }

    /// How the delivery of a snapshot to a member ended, as its host reported.
    pub fn snapshot_ended(&mut self, group: u32, member: u16, taken: bool) {
        let status = if taken {
            SnapshotStatus::Finish
        } else {
            SnapshotStatus::Failure
        };
        self.step(group, |one| {
            one.engine.report_snapshot(u64::from(member), status);
        });
    }

    /// A leader's offer waits until the host has taken it over.
    pub(crate) fn hold_snapshot(&mut self, group: u32, message: Box<Message>) {
        let snapshot = message.get_snapshot();
        let metadata = snapshot.get_metadata();
        let made = (metadata.index, metadata.term);
        let event = Event::SnapshotOffered {
            group,
            from: message.from as u16,
            offer: Offer {
                index: metadata.index,
                term: metadata.term,
                data: snapshot.data.to_vec(),
            },
            members: crate::change::members_of(made, metadata.get_conf_state()),
        };
        self.dirty.insert(group); // the machine may have it
        if let Ok(one) = self.group_mut(group) {
            let known = one.offered.as_ref();
            let again = known.is_some_and(|held| {
                let same = held.get_snapshot() == message.get_snapshot();
                same && held.term == message.term
            });
            one.offered = Some(message);
            if !again {
                self.events.push(event);
            }
        }
    }
}

impl Group {
    /// The engine hears of an offered snapshot when the machine has it.
    pub(crate) fn take_offered(&mut self, applied: u64) {
        let index = |message: &Message| message.get_snapshot().get_metadata().index;
        if let Some(mut message) = self.offered.take_if(|message| index(message) <= applied) {
            // What is in a snapshot is committed in whatever epoch it is told.
            let (term, leader) = (self.engine.raft.term, self.engine.raft.leader_id);
            if message.term < term && leader != 0 {
                (message.term, message.from) = (term, leader);
            }
            self.inbox.push(*message);
        }
    }

    /// A leader's word of a snapshot, or the answer to it, may be lost: a member that knows the commit of the snapshot has it,
    /// and others are told of it again from time to time.
    pub(crate) fn nudge_snapshots(&mut self) {
        if !self.is_leader() {
            return;
        }
        let waiting = self.engine.raft.prs().iter();
        let waiting = waiting.filter(|(_, one)| one.state == ProgressState::Snapshot);
        let mut waiting: Vec<(u64, bool)> = waiting
            .map(|(id, one)| (*id, one.committed_index >= one.pending_snapshot))
            .collect();
        if waiting.is_empty() {
            self.snapshot_ticks = 0;
            return;
        }
        self.snapshot_ticks += 1;
        let again = self.snapshot_ticks.is_multiple_of(SNAPSHOT_AGAIN_TICKS);
        waiting.sort_unstable();
        for (id, taken) in waiting {
            if taken {
                self.engine.report_snapshot(id, SnapshotStatus::Finish);
            } else if again {
                self.engine.report_snapshot(id, SnapshotStatus::Failure);
            }
        }
    }
}
