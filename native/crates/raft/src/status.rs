//! How a group is, for operators and tests.

use pyralog_log::Membership;
use raft::{ProgressState, StateRole};

use crate::group::Group;

/// What a node is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Role {
    /// It follows.
    #[default]
    Follower,
    /// It asks whether an election would succeed.
    PreCandidate,
    /// It asks for votes.
    Candidate,
    /// It leads.
    Leader,
}

impl Role {
    pub(crate) fn of(role: StateRole) -> Self {
        match role {
            StateRole::Follower => Self::Follower,
            StateRole::PreCandidate => Self::PreCandidate,
            StateRole::Candidate => Self::Candidate,
            StateRole::Leader => Self::Leader,
        }
    }
}

/// How far a member is, as its leader knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemberProgress {
    /// The member.
    pub node: u16,
    /// Newest index it is known to hold, durably.
    pub matched: u64,
    /// Commit it is known to know.
    pub commit: u64,
    /// It was heard of lately.
    pub active: bool,
    /// It waits for a snapshot.
    pub snapshot: bool,
}

/// How a group is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupStatus {
    /// What this node is in it.
    pub role: Role,
    /// Its term.
    pub term: u64,
    /// Who leads, if that is known here.
    pub leader: Option<u16>,
    /// Newest index known to be committed.
    pub commit: u64,
    /// Newest index applied here.
    pub applied: u64,
    /// First index held.
    pub first: u64,
    /// Last index held, durable or not.
    pub last: u64,
    /// Newest index durable here.
    pub durable: u64,
    /// Who is in it.
    pub members: Membership,
    /// How far each member is; empty unless this node leads.
    pub progress: Vec<MemberProgress>,
    /// It is quiet (RF10).
    pub quiet: bool,
    /// Why it is stopped.
    pub stopped: Option<String>,
}

impl Group {
    pub(crate) fn status(&self) -> GroupStatus {
        let raft = &self.engine.raft;
        let log = &raft.raft_log;
        let mut progress: Vec<MemberProgress> = Vec::new();
        if self.is_leader() {
            progress = raft
                .prs()
                .iter()
                .map(|(id, one)| MemberProgress {
                    node: *id as u16,
                    matched: one.matched,
                    commit: one.committed_index,
                    active: one.recent_active || *id == raft.id,
                    snapshot: one.state == ProgressState::Snapshot,
                })
                .collect();
            progress.sort_by_key(|one| one.node);
        }
        GroupStatus {
            role: Role::of(raft.state),
            term: raft.term,
            leader: self.leader(),
            commit: log.committed,
            applied: self.applied,
            first: self.engine.store().first(),
            last: log.last_index() + self.proposals.len() as u64,
            durable: log.persisted,
            members: self.members().clone(),
            progress,
            quiet: self.quiet,
            stopped: None,
        }
    }
}
