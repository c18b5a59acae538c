//! Replicated groups of a node as one step function (docs/spec/raft.md).
//!
//! The engine is the crate `raft`; here it gets the node-wide log, durability in frames, bundles, quiet groups, fast
//! failover and checks. Nothing in here waits, reads a clock, draws a random number of its own or opens a socket: whoever
//! drives it gives ticks and bundles in, and takes records to sync and bundles to send out.
//!
//! One turn of the driver:
//! 1. [`RaftNode::receive`], [`RaftNode::propose`], [`RaftNode::read`], [`RaftNode::tick`] … as things happen;
//! 2. [`RaftNode::round`]: records are staged, what is committed is applied, and the bundles that may leave come out;
//! 3. when the round says `needs_sync`: seal the frame and tell its number with [`RaftNode::sealed`];
//! 4. when a frame is durable: [`RaftNode::durable`], and the messages that waited for it come out of the next round.

#![allow(
    clippy::field_reassign_with_default,
    reason = "messages of the engine have fields that are not ours to name"
)]

mod bundle;
mod change;
mod check;
mod config;
mod entry;
mod error;
mod failover;
mod group;
mod guard;
mod machine;
mod mutant;
mod node;
mod open;
mod outbox;
mod quiet;
mod reads;
mod ready;
mod round;
#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod sim;
mod snapshot;
mod stage;
mod status;
mod storage;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests;

pub use change::Change;
pub use config::{CLUSTER_GROUP, ENTRY_BYTES_MAX, NODE_MAX, RaftConfig};
pub use error::{BadBundle, RaftError, Refusal};
pub use machine::{Committed, Content, Machine};
pub use node::{Position, RaftNode};
pub use open::SealPoint;
pub use outbox::{Outgoing, Priority};
pub use round::{Event, Round};
pub use snapshot::Offer;
pub use status::{GroupStatus, MemberProgress, Role};

pub use pyralog_log::Membership;
