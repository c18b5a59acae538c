//! All groups of a node, and what can be asked of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pyralog_log::{LogReader, LogStore, Membership};
use raft::eraftpb::Entry;

use crate::change::Change;
use crate::config::{ENTRY_BYTES_MAX, RaftConfig, WAITING_BYTES_MAX};
use crate::entry::is_change;
use crate::error::{RaftError, Refusal};
use crate::group::Group;
use crate::outbox::Outbox;
use crate::reads::Outcome;
use crate::round::Event;
use crate::status::GroupStatus;

/// Where an entry stands, if it comes to stand there (RF7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Its index.
    pub index: u64,
    /// Its term: when another one stands at that index, the entry was not taken.
    pub term: u64,
}

/// The replicated groups of a node.
pub struct RaftNode {
    pub(crate) config: RaftConfig,
    pub(crate) reader: Arc<dyn LogReader>,
    pub(crate) logger: slog::Logger,
    pub(crate) groups: BTreeMap<u32, Group>,
    /// Groups that stopped, as they were then.
    pub(crate) stopped: BTreeMap<u32, GroupStatus>,
    /// Groups with something to do in the next round.
    pub(crate) dirty: BTreeSet<u32>,
    /// Groups that are not quiet: they get ticks.
    pub(crate) awake: BTreeSet<u32>,
    /// Groups whose newest commit the log does not know.
    pub(crate) uncommitted: BTreeSet<u32>,
    /// Groups that staged something since the last frame was sealed.
    pub(crate) unsealed: BTreeSet<u32>,
    /// Frames on their way to the disk, and the groups in each.
    pub(crate) frames: VecDeque<(u64, Vec<u32>)>,
    pub(crate) outbox: Outbox,
    pub(crate) events: Vec<Event>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) ticks: u64,
    pub(crate) reads_issued: u64,
    /// Peers that were lost, with the tick of it (RF11).
    pub(crate) lost: BTreeMap<u16, u64>,
    /// The log takes nothing for now (W10).
    pub(crate) blocked: bool,
}

impl RaftNode {
    /// Number of this node.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.config.node
    }

    /// Whether a round would do something now.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.dirty.is_empty() && !self.blocked
    }

    /// Groups on this node, also stopped ones, ascending.
    #[must_use]
    pub fn groups(&self) -> Vec<u32> {
        let all: BTreeSet<u32> = self
            .groups
            .keys()
            .chain(self.stopped.keys())
            .copied()
            .collect();
        all.into_iter().collect()
    }

    /// How a group is.
    #[must_use]
    pub fn status(&self, group: u32) -> Option<GroupStatus> {
        let running = self.groups.get(&group).map(Group::status);
        running.or_else(|| self.stopped.get(&group).cloned())
    }

    /// Whether this node leads a group, and in which term.
    #[must_use]
    pub fn leads(&self, group: u32) -> Option<u64> {
        let one = self.groups.get(&group)?;
        one.is_leader().then_some(one.engine.raft.term)
    }

    /// Term of an entry that a group holds or has just let go.
    #[cfg(test)]
    pub(crate) fn term_at(&self, group: u32, index: u64) -> Option<u64> {
        let log = &self.groups.get(&group)?.engine.raft.raft_log;
        log.term(index).ok().filter(|term| *term > 0)
    }

    /// Who is in a group and who was before, the newest last.
    #[cfg(test)]
    pub(crate) fn memberships(&self, group: u32) -> Vec<Membership> {
        let one = self.groups.get(&group);
        one.map_or_else(Vec::new, |one| one.memberships.clone())
    }

    /// Begins a group that is new here, with the members it was founded with: also on a node that joins it later, which gets
    /// all entries from the first on, or a snapshot (RF3).
    ///
    /// # Errors
    /// `Exists`; `Log` when the log refuses the record.
    pub fn create_group(
        &mut self,
        store: &mut dyn LogStore,
        group: u32,
        members: &Membership,
    ) -> Result<(), RaftError> {
        if self.groups.contains_key(&group) || self.stopped.contains_key(&group) {
            return Err(RaftError::Exists(group));
        }
        store.members(group, members)?;
        self.begin(group, members);
        Ok(())
    }

    /// Lets go of a group for good: its entries are released, and no later opening finds it. Riding in the next frame.
    ///
    /// # Errors
    /// `Log`: call again.
    pub fn remove_group(&mut self, store: &mut dyn LogStore, group: u32) -> Result<(), RaftError> {
        store.members(group, &Membership::default())?;
        store.release(group, store.staged_index(group) + 1)?;
        self.drop_group(group, &Refusal::NoSuchGroup(group));
        self.stopped.remove(&group);
        Ok(())
    }

    /// Takes an entry for a group. It is committed when the entry at that index is applied with that term (RF7).
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn propose(&mut self, group: u32, bytes: Vec<u8>) -> Result<Position, Refusal> {
        if bytes.is_empty() || is_change(&bytes) {
            return Err(Refusal::Reserved);
        }
        if bytes.len() > ENTRY_BYTES_MAX {
            let (bytes, max) = (bytes.len(), ENTRY_BYTES_MAX);
            return Err(Refusal::TooLarge { bytes, max });
        }
        let blocked = self.blocked;
        let one = self.leading(group)?;
        if blocked || (one.waiting_bytes > 0 && one.waiting_bytes + bytes.len() > WAITING_BYTES_MAX)
        {
            return Err(Refusal::Overloaded);
        }
        let raft = &one.engine.raft;
        let index = raft.raft_log.last_index() + one.proposals.len() as u64 + 1;
        let term = raft.term;
        one.waiting_bytes += bytes.len();
        one.waiting.push_back((index, bytes.len()));
        let mut entry = Entry::default();
        entry.index = index;
        entry.data = bytes.into();
        one.proposals.push(entry);
        self.touch(group);
        Ok(Position { index, term })
    }

    /// Asks for a linearizable read (RF12); the outcome comes in a later round, under the ticket.
    ///
    /// # Errors
    /// `NoSuchGroup`, `Stopped`.
    pub fn read(&mut self, group: u32, ticket: u64) -> Result<(), Refusal> {
        let tick = self.ticks;
        let one = self.group_mut(group)?;
        one.reads.ask(ticket, tick);
        self.touch(group);
        Ok(())
    }

    /// Changes who is in a group.
    ///
    /// # Errors
    /// `BadChange`, `ChangePending`; else see [`Refusal`].
    pub fn change(&mut self, group: u32, change: &Change) -> Result<Position, Refusal> {
        let one = self.leading(group)?;
        let change = change.encode(one.members())?;
        if one.engine.raft.has_pending_conf() || !one.members().outgoing.is_empty() {
            return Err(Refusal::ChangePending);
        }
        let term = one.engine.raft.term;
        let mut index = Err(Refusal::ChangePending);
        self.step(group, |one| {
            if one.engine.propose_conf_change(Vec::new(), change).is_ok() {
                index = Ok(one.engine.raft.raft_log.last_index());
            }
        });
        index.map(|index| Position { index, term })
    }

    /// Asks a member to lead; it does as soon as it has all entries, or nothing comes of it within an election timeout.
    ///
    /// # Errors
    /// `NotLeader`, `NoSuchGroup`, `Stopped`.
    pub fn transfer(&mut self, group: u32, to: u16) -> Result<(), Refusal> {
        self.leading(group)?;
        self.step(group, |one| one.engine.transfer_leader(u64::from(to)));
        Ok(())
    }

    /// Asks for an election with this node as candidate, after a pre-vote.
    ///
    /// # Errors
    /// `NoSuchGroup`, `Stopped`.
    pub fn campaign(&mut self, group: u32) -> Result<(), Refusal> {
        self.group_mut(group)?;
        self.step(group, |one| {
            if one.may_campaign() {
                let _refused_when_leading = one.engine.campaign();
            }
        });
        Ok(())
    }

    /// Lets entries before `first_kept` go, as far as they are applied; members that need them get snapshots.
    ///
    /// # Errors
    /// `Log`.
    pub fn release(
        &mut self,
        store: &mut dyn LogStore,
        group: u32,
        first_kept: u64,
    ) -> Result<(), RaftError> {
        let Some(one) = self.groups.get_mut(&group) else {
            return Ok(());
        };
        let first_kept = first_kept.min(one.engine.raft.raft_log.applied + 1);
        if !one.is_clean() || first_kept <= one.engine.store().first() {
            return Ok(()); // what is on its way comes first; later
        }
        store.release(group, first_kept)?;
        one.engine.mut_store().release(first_kept);
        Ok(())
    }

    /// A frame was sealed: what was staged since the last one rides in it.
    pub fn sealed(&mut self, frame: u64) {
        let groups: Vec<u32> = std::mem::take(&mut self.unsealed).into_iter().collect();
        for group in &groups {
            if let Some(one) = self.groups.get_mut(group) {
                let open = one
                    .pending
                    .iter_mut()
                    .filter(|pending| pending.frame.is_none());
                open.for_each(|pending| pending.frame = Some(frame));
            }
        }
        if !groups.is_empty() {
            self.frames.push_back((frame, groups));
        }
    }

    /// All frames up to this one are durable.
    pub fn durable(&mut self, frame: u64) {
        while let Some((first, _)) = self.frames.front()
            && *first <= frame
            && let Some((number, groups)) = self.frames.pop_front()
        {
            for group in groups {
                self.step(group, |one| one.frame_durable(number));
            }
        }
    }
}
