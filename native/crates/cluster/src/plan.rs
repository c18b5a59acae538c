//! Which steps bring a cluster nearer to how it should be (PM7): pure, for whoever carries them out.
//!
//! Two make plans. The leader of the cluster group decides who is dead and where replicas should be
//! ([`plan_placement`]); it needs the state and who is silent. The leader of each group brings its own group there
//! ([`plan_group`]); it needs the state and what it sees of its followers. A step that fails, or is lost, is planned again.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::Command;

/// What a leader sees of its own group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupView {
    /// The leader.
    pub leader: u16,
    /// Who votes; in the midst of a joint change, those of both sides.
    pub voters: BTreeSet<u16>,
    /// Who gets the entries only.
    pub learners: BTreeSet<u16>,
    /// A change of members is under way.
    pub changing: bool,
    /// Index of its last entry.
    pub last: u64,
    /// How far each of the others is known to be.
    pub matched: BTreeMap<u16, u64>,
}

/// Members not heard of at present, those never heard of among them, and for how long, in milliseconds of a monotonic
/// clock.
pub type Silent = BTreeMap<u16, u64>;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A member was silent for too long: to be proposed to the cluster group.
    MarkDead {
        /// The member.
        node: u16,
    },
    /// A member that was joining or dead is there: to be proposed to the cluster group.
    Confirm {
        /// The member.
        node: u16,
    },
    /// Other voters are wanted in a group: to be proposed to the cluster group.
    Place {
        /// The group.
        group: u32,
        /// The nodes.
        voters: BTreeSet<u16>,
    },
    /// A node begins to get the entries of a group.
    AddLearner {
        /// The group.
        group: u32,
        /// The node.
        node: u16,
    },
    /// A learner that has caught up votes, in place of another where there is one: one joint change.
    Replace {
        /// The group.
        group: u32,
        /// Votes from now on.
        add: u16,
        /// Leaves the group.
        remove: Option<u16>,
    },
    /// A voter or learner leaves a group.
    RemoveReplica {
        /// The group.
        group: u32,
        /// The node.
        node: u16,
    },
    /// A group is to be led by another voter.
    TransferLeader {
        /// The group.
        group: u32,
        /// The node.
        to: u16,
    },
}

impl Step {
    /// The command that carries it out, of one that is proposed to the cluster group.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        match self {
            Self::MarkDead { node } => Some(Command::MarkDead { number: *node }),
            Self::Confirm { node } => Some(Command::ConfirmMember { number: *node }),
            Self::Place { group, voters } => Some(Command::Place {
                group: *group,
                voters: voters.clone(),
            }),
            _ => None,
        }
    }
}
