//! What can go wrong, as closed sets: of the node, of what a peer sent, of what a caller asked for.

use pyralog_log::LogError;

/// The node cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RaftError {
    /// The log refuses; [`LogError::retryable`] tells what passes by itself.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Settings that cannot be.
    #[error("{0}")]
    Config(String),
    /// The group is here already.
    #[error("group {0} is on this node already")]
    Exists(u32),
}

/// What a peer sent breaks the rules (RF9, RF13): the link ends, and nothing of it was taken from the first break on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node {from} sent what it may not: {what}")]
pub struct BadBundle {
    /// The peer.
    pub from: u16,
    /// What is wrong.
    pub what: String,
}

/// Why a call is refused. Nothing was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another node leads the group.
    #[error("this node does not lead the group{}", .hint.map_or(String::new(), |node| format!("; node {node} does")))]
    NotLeader {
        /// Who leads, as far as is known here.
        hint: Option<u16>,
    },
    /// Too much waits for commit (RF7), or the log takes nothing for now.
    #[error("more than the group can hold waits for commit; try again later")]
    Overloaded,
    /// The group is stopped here.
    #[error("the group is stopped on this node: {0}")]
    Stopped(String),
    /// The node has no such group.
    #[error("this node has no group {0}")]
    NoSuchGroup(u32),
    /// Longer than an entry may be (RF2).
    #[error("an entry of {bytes} bytes is too long; {max} are allowed")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
    /// Bytes that stand for something else (RF2): none at all, or those of a membership change.
    #[error(
        "these bytes cannot be an entry: they stand for a leader's beginning or a change of members"
    )]
    Reserved,
    /// A change of members is on its way already.
    #[error("another change of members is not done yet; try again later")]
    ChangePending,
    /// A change of members that cannot be.
    #[error("these members cannot be: {0}")]
    BadChange(&'static str),
    /// Nobody answered in time: no leader is known, or it does not reach a majority.
    #[error("no leader answered in time; try again")]
    TimedOut,
}
