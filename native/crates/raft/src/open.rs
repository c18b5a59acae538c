//! Opening: a node's groups as the log has them (RF6, RF14).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pyralog_log::{GroupState, HardState, LogError, LogReader, LogStore, Membership};
use raft::{RawNode, StateRole};

use crate::config::{
    APPLY_BYTES, ELECTION_TICKS, HEARTBEAT_TICKS, IN_FLIGHT_MESSAGES, MESSAGE_BYTES, NODE_MAX,
    RaftConfig,
};
use crate::entry::is_change;
use crate::error::RaftError;
use crate::group::{Group, Seen};
use crate::machine::Machine;
use crate::mutant::{Mutant, on};
use crate::node::RaftNode;
use crate::outbox::Outbox;
use crate::reads::Reads;
use crate::round::Event;
use crate::status::GroupStatus;
use crate::storage::GroupLog;

/// Where a partition's sealed part ends: an index whose entries all are committed, and who was in the group there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SealPoint {
    /// Index of the newest entry in it.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// The members as of that index.
    pub members: Membership,
}

impl SealPoint {
    /// Lets a group's log go on behind a snapshot that was taken over when the node died before the log knew (RF15): to be
    /// called at opening, for every seal point, and its records committed before [`RaftNode::open`]. Says whether it staged
    /// anything.
    ///
    /// # Errors
    /// See [`LogStore`].
    pub fn begin(
        &self,
        store: &mut dyn LogStore,
        reader: &dyn LogReader,
        group: u32,
    ) -> Result<bool, LogError> {
        let state = reader.state(group).unwrap_or_default();
        let released = self.index + 1 < state.first_index || on(Mutant::ForgetSealPoint);
        if released || reader.term(group, self.index) == Some(self.term) {
            return Ok(false);
        }
        let HardState { term, vote, .. } = state.hard_state;
        let known = term >= self.term;
        store.hard_state(
            group,
            HardState {
                term: term.max(self.term),
                vote: if known { vote } else { 0 },
                commit: state.hard_state.commit,
            },
        )?;
        store.begin_behind(group, self.index, self.term)?;
        store.members(group, &self.members)?;
        Ok(true)
    }
}

impl RaftNode {
    /// Opens the groups that the log has members of. The machine holds what it was restored to: up to a seal point, or up to
    /// the durable commit where it replayed the log so far, no further (RF6).
    ///
    /// A group whose log cannot be right is stopped from the beginning.
    ///
    /// # Errors
    /// `Config` for a node number out of range.
    pub fn open(
        config: RaftConfig,
        reader: Arc<dyn LogReader>,
        machine: &dyn Machine,
    ) -> Result<Self, RaftError> {
        if config.node == 0 || config.node > NODE_MAX {
            return Err(RaftError::Config(format!(
                "{} is no number of a node; 1 to {NODE_MAX} are",
                config.node
            )));
        }
        let mut node = Self {
            config,
            reader,
            logger: slog::Logger::root(slog::Discard, slog::o!()),
            groups: BTreeMap::new(),
            stopped: BTreeMap::new(),
            dirty: BTreeSet::new(),
            awake: BTreeSet::new(),
            uncommitted: BTreeSet::new(),
            unsealed: BTreeSet::new(),
            frames: VecDeque::new(),
            outbox: Outbox::default(),
            events: Vec::new(),
            outcomes: Vec::new(),
            ticks: 0,
            reads_issued: 0,
            lost: BTreeMap::new(),
            blocked: false,
        };
        for group in node.reader.groups() {
            let state = node.reader.state(group);
            if let Some(state) = state
                && let Some(members) = state.members.clone()
                && !members.is_empty()
            {
                node.open_group(group, (&state, &members), machine.applied(group));
            }
        }
        Ok(node)
    }

    /// A group without entries.
    pub(crate) fn begin(&mut self, group: u32, members: &Membership) {
        let state = GroupState {
            first_index: 1,
            ..GroupState::default()
        };
        self.open_group(group, (&state, members), 0);
    }

    fn open_group(
        &mut self,
        group: u32,
        (state, members): (&GroupState, &Membership),
        machine: u64,
    ) {
        match self.opened(group, (state, members), machine) {
            Ok(one) => {
                self.groups.insert(group, one);
                self.guarded(group, |_| Ok(()));
                self.touch(group);
            }
            Err(reason) => {
                let status = GroupStatus {
                    stopped: Some(reason.clone()),
                    members: members.clone(),
                    ..GroupStatus::default()
                };
                self.stopped.insert(group, status);
                self.events.push(Event::Stopped { group, reason });
            }
        }
    }

    fn opened(
        &self,
        group: u32,
        (state, members): (&GroupState, &Membership),
        machine: u64,
    ) -> Result<Group, String> {
        let (first, last) = (state.first_index, state.last_index);
        let HardState { term, vote, commit } = state.hard_state;
        let commit = commit.max(machine).max(first - 1);
        if commit > last {
            return Err(format!(
                "entries up to {commit} were committed here, and the log ends at {last}"
            ));
        }
        let last_term = self.reader.term(group, last).unwrap_or(0);
        if last_term > term {
            return Err(format!(
                "the log ends with an entry of epoch {last_term}, and the group is in epoch {term}"
            ));
        }
        let applied = self
            .applied_before_change(group, (members.index, machine), commit)
            .map_err(|error| error.to_string())?;
        let founding;
        let members = if on(Mutant::ForgetMembers) {
            founding = Membership::of(&[1, 2, 3]);
            &founding
        } else {
            members
        };
        let hard = HardState { term, vote, commit };
        let reader = Arc::clone(&self.reader);
        let log = GroupLog::new((group, reader), (first, last), hard, members);
        let config = raft::Config {
            id: u64::from(self.config.node),
            election_tick: ELECTION_TICKS,
            heartbeat_tick: HEARTBEAT_TICKS,
            applied,
            max_size_per_msg: MESSAGE_BYTES as u64,
            max_inflight_msgs: IN_FLIGHT_MESSAGES,
            check_quorum: true,
            pre_vote: true,
            max_committed_size_per_ready: APPLY_BYTES as u64,
            ..raft::Config::default()
        };
        let engine = RawNode::new(&config, log, &self.logger).map_err(|error| error.to_string())?;
        Ok(Group {
            number: group,
            node: self.config.node,
            engine,
            memberships: vec![members.clone()],
            inbox: Vec::new(),
            proposals: Vec::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            reads: Reads::default(),
            ops: VecDeque::new(),
            pending: VecDeque::new(),
            outbox: Vec::new(),
            hard: (term, vote),
            hard_durable: (term, vote),
            applied,
            commit_recorded: commit,
            ready: 0,
            seen: Seen {
                role: StateRole::Follower,
                term,
                leader: 0,
                draws: 0,
            },
            told: (StateRole::Follower, term, 0),
            quiet: false,
            idle_ticks: 0,
            snapshot_ticks: 0,
            heard: Vec::new(),
            last_word: None,
            offered: None,
        })
    }

    /// Up to where the engine may take entries as applied: what the machine has, but not a change of members that the
    /// recorded members do not know.
    fn applied_before_change(
        &self,
        group: u32,
        (members, machine): (u64, u64),
        commit: u64,
    ) -> Result<u64, LogError> {
        // The commit on record never passes a change whose members are not on record: only what a seal point says beyond
        // it is looked through.
        let applied = machine.min(commit);
        let known = self
            .reader
            .state(group)
            .map_or(0, |state| state.hard_state.commit);
        let mut index = members.max(known) + 1;
        while index <= applied {
            let entry = self.reader.entry(group, index)?;
            if entry.is_some_and(|entry| is_change(&entry.bytes)) {
                return Ok(index - 1);
            }
            index += 1;
        }
        Ok(applied)
    }
}
