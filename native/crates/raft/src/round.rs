//! One round: all that is to be done is done, for the groups that have something to do.

use pyralog_log::{LogError, LogStore, Membership};

use crate::error::{RaftError, Refusal};
use crate::machine::Machine;
use crate::node::RaftNode;
use crate::outbox::Outgoing;
use crate::snapshot::Offer;
use crate::stage::Staged;
use crate::status::Role;

/// What happened to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Another role, term or leader.
    Role {
        /// The group.
        group: u32,
        /// What this node is in it.
        role: Role,
        /// The term.
        term: u64,
        /// Who leads, if that is known here.
        leader: Option<u16>,
    },
    /// Other members.
    Members {
        /// The group.
        group: u32,
        /// Who is in it.
        members: Membership,
    },
    /// The group stopped (RF13, RF14).
    Stopped {
        /// The group.
        group: u32,
        /// Why.
        reason: String,
    },
    /// A peer speaks of a group that is not here.
    Unknown {
        /// The group.
        group: u32,
        /// The peer.
        from: u16,
    },
    /// A member needs a snapshot, and none is offered ([`RaftNode::offer_snapshot`]).
    SnapshotWanted {
        /// The group.
        group: u32,
        /// The member.
        to: u16,
    },
    /// The leader offers a snapshot: fetch it, take it over, then [`RaftNode::install`].
    SnapshotOffered {
        /// The group.
        group: u32,
        /// The leader.
        from: u16,
        /// What it offers.
        offer: Offer,
        /// The members at that index.
        members: Membership,
    },
}

/// What a round came to.
#[derive(Debug, Default)]
pub struct Round {
    /// Bundles for peers, urgent ones first.
    pub send: Vec<Outgoing>,
    /// Outcomes of reads: ticket, and the index up to which this node has applied what was committed before, or why not.
    pub reads: Vec<(u64, Result<u64, Refusal>)>,
    /// What happened.
    pub events: Vec<Event>,
    /// Something was staged that others wait for: seal and sync a frame.
    pub needs_sync: bool,
    /// The open frame is full: seal it, then call again at once.
    pub full: bool,
    /// The log takes nothing for now (W10); what waits is staged when it does.
    pub refused: Option<LogError>,
}

impl RaftNode {
    /// Does what is to be done: stages records, applies what is committed, and hands out what may leave.
    ///
    /// # Errors
    /// `Log` when the log is poisoned or damaged: the node is to be opened again.
    pub fn round(
        &mut self,
        store: &mut dyn LogStore,
        machine: &mut dyn Machine,
    ) -> Result<Round, RaftError> {
        let mut round = Round::default();
        let mut groups = std::mem::take(&mut self.dirty);
        self.blocked = false;
        while let Some(group) = groups.pop_first() {
            self.work(group, machine);
            match self.stage_group(group, store) {
                Ok(staged) => {
                    round.needs_sync |= staged.sync;
                    if staged.full {
                        round.full = true;
                        self.dirty.insert(group);
                        break;
                    }
                }
                Err(error) if error.retryable() => {
                    self.dirty.insert(group);
                    round.refused = Some(error);
                    self.blocked = true;
                    break;
                }
                Err(LogError::TooLarge { bytes, max }) => {
                    let why =
                        format!("{bytes} bytes fit into no frame of {max}; use larger log files");
                    self.stop(group, why);
                }
                Err(error) => return Err(error.into()),
            }
            self.hand_out(group);
            self.hear_quiet(group);
        }
        self.dirty.append(&mut groups);
        if round.needs_sync && !round.full && !self.blocked {
            self.stage_commits(store)?;
        }
        round.needs_sync |= round.full;
        round.send = self.outbox.take();
        round.reads = std::mem::take(&mut self.outcomes);
        round.events = std::mem::take(&mut self.events);
        Ok(round)
    }

    /// Puts the commits that the log does not know yet into the open frame (RF4); a driver calls it before it seals a frame for
    /// reasons of its own.
    ///
    /// # Errors
    /// `Log`.
    pub fn stage_commits(&mut self, store: &mut dyn LogStore) -> Result<(), RaftError> {
        for group in std::mem::take(&mut self.uncommitted) {
            if let Some(one) = self.groups.get_mut(&group) {
                match one.stage_commit(store) {
                    Ok(()) => {}
                    Err(error) if error.retryable() => {}
                    Err(error) => return Err(error.into()),
                }
                if one.applied > one.commit_recorded {
                    self.uncommitted.insert(group);
                    break; // with the next frame
                }
            }
        }
        Ok(())
    }

    /// The engine's part of a round.
    fn work(&mut self, group: u32, machine: &mut dyn Machine) {
        let piece_bytes = self.config.frame_bytes / 4;
        let (life, ticks) = (self.life(), self.ticks);
        let mut counter = self.reads_issued;
        let mut events = Vec::new();
        self.guarded(group, |one| {
            one.flush()?;
            one.take_offered(machine.applied(group));
            one.step_inbox();
            one.issue_reads(life, (ticks, &mut counter));
            one.take_ready(machine, (piece_bytes, &mut events))?;
            // A leader that has just committed in its term may have reads that waited for it.
            one.issue_reads(life, (ticks, &mut counter));
            one.take_ready(machine, (piece_bytes, &mut events))?;
            let raft = &one.engine.raft;
            let now = (raft.state, raft.term, raft.leader_id);
            if now != one.told {
                one.told = now;
                events.push(Event::Role {
                    group,
                    role: Role::of(raft.state),
                    term: raft.term,
                    leader: one.leader(),
                });
                if !one.is_leader() {
                    one.waiting.clear();
                    one.waiting_bytes = 0;
                }
            }
            Ok(())
        });
        self.reads_issued = counter;
        if self.groups.contains_key(&group) {
            self.events.append(&mut events);
        }
    }

    fn stage_group(&mut self, group: u32, store: &mut dyn LogStore) -> Result<Staged, LogError> {
        let Some(one) = self.groups.get_mut(&group) else {
            return Ok(Staged::default());
        };
        let staged = one.stage(store)?;
        if one.pending.iter().any(|pending| pending.frame.is_none()) {
            self.unsealed.insert(group);
        }
        if one.applied > one.commit_recorded {
            self.uncommitted.insert(group);
        }
        Ok(staged)
    }

    /// Messages that may leave, reads that are answered, entries that need not stay in memory.
    fn hand_out(&mut self, group: u32) {
        let Some(one) = self.groups.get_mut(&group) else {
            return;
        };
        for message in one.outbox.drain(..) {
            self.outbox.put(group, &message);
        }
        let applied = one.applied;
        one.reads.done(applied, &mut self.outcomes);
        let floor = one.durable_below().min(applied + 1);
        let store = one.engine.mut_store();
        store.trim(floor, false);
        let to = store.wanted.take();
        if to != 0 {
            self.events.push(Event::SnapshotWanted { group, to });
        }
        if one.engine.has_ready() || !one.inbox.is_empty() {
            self.dirty.insert(group);
        }
    }

    /// Marks the reads of this opening.
    fn life(&self) -> u64 {
        crate::config::mix(self.config.seed) ^ u64::from(self.config.node)
    }
}
