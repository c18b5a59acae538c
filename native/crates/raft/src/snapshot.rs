//! Snapshots, the engine's side (RF15): what a leader offers, and when the engine hears of one that was taken over.

use raft::SnapshotStatus;
use raft::eraftpb::Message;

use crate::error::Refusal;
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

    /// The snapshot a leader offered ([`Event::SnapshotOffered`]) was taken over, durably: the engine goes on behind it, and
    /// the next round stages that.
    ///
    /// # Errors
    /// `NoSuchGroup`, `Stopped`; `TimedOut` when it is not the newest one offered.
    pub fn install(&mut self, group: u32, index: u64) -> Result<(), Refusal> {
        let one = self.group_mut(group)?;
        match one.offered.take() {
            Some(message) if message.get_snapshot().get_metadata().index == index => {
                one.inbox.push(*message);
                self.touch(group);
                Ok(())
            }
            _ => Err(Refusal::TimedOut),
        }
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
        if let Ok(one) = self.group_mut(group) {
            let known = one.offered.as_ref();
            let again = known.is_some_and(|held| {
                held.get_snapshot().get_metadata().index == made.0 && held.term == message.term
            });
            one.offered = Some(message);
            if !again {
                self.events.push(event);
            }
        }
    }
}
