//! What can go wrong in the links, as closed sets.

use std::io;
use std::net::SocketAddr;

/// Why links cannot be started or changed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The address to listen at cannot be had.
    #[error(
        "cannot listen for other nodes at {address}: {error}; choose an address of this machine and a port that no other process has"
    )]
    Listen {
        /// Address asked for.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The system gives no poll, no thread or no random numbers.
    #[error("the system refuses what links need ({what}): {error}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What it says.
        error: io::Error,
    },
    /// A node's number is outside 1 … 1,023 (RF1).
    #[error("{0} is no number of a node: use 1 to 1023")]
    Node(u16),
    /// One number stands for two members.
    #[error("node {0} stands twice among the members: give each one entry")]
    Twice(u16),
    /// A transport key that cannot be one (LK1).
    #[error("the public transport key of node {0} is all zero: put the key that node prints")]
    Key(u16),
    /// An address that is neither `ip:port` nor `host:port`.
    #[error("{0:?} is no address of a node: write ip:port or host:port")]
    Address(String),
    /// The links were closed.
    #[error("the links of this node are closed: start them again")]
    Closed,
}

/// Why a message was not taken (LK7). Its bytes are given up; the layer above may send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no link to that node now; [`crate::Event::Up`] tells when there is.
    #[error("node {0} is down: send again when its link is up")]
    Down(u16),
    /// The queue of that priority has no room for the message.
    #[error("the queue to node {0} is full: send again when it has taken some")]
    Full(u16),
    /// Longer than a message of its priority may be (LK5, LK6).
    #[error(
        "a message of {length} bytes is too long for its priority: at most {most}; send it in parts"
    )]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        most: usize,
    },
    /// No member has this number.
    #[error("node {0} is no other member of the cluster: add it to the configuration first")]
    NotAMember(u16),
    /// Channel 0 is that of heartbeats (LK8).
    #[error("channel 0 belongs to the link itself: use 1 to 255")]
    ChannelZero,
}
