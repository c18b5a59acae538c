//! A store whose partitions are replicated: Raft takes the place of a lone node's [`crate::stage`].
//!
//! One thread steps all groups ([`drive`]): it takes calls, messages of peers, ticks and news of the disk out of one
//! [`inbox`], applies what is committed ([`apply`]), and has checkpoints cosigned ([`checkpoints`]). The log, the segments,
//! reading and maintenance are those of every store.

mod adopt;
mod apply;
mod arrange;
mod calls;
mod checkpoints;
mod commands;
pub(crate) mod cosign;
mod drive;
mod everywhere;
mod group;
mod hear;
mod hello;
mod inbox;
pub(crate) mod kept;
pub(crate) mod message;
mod met;
mod options;
mod questions;
mod refusals;
mod replica;
pub(crate) mod snapshot;
mod start;
mod tend;
mod waiting;
mod wire;

pub(crate) use drive::Driving;
pub(crate) use inbox::{Event, Inbox};
pub use options::{ClusterOptions, MemberOptions};
pub use questions::{ClusterStatus, PartitionRole, PartitionStatus, PeerStatus};
pub(crate) use start::{Clustered, begin};

/// Channel of a link for Raft's bundles (RF9).
const CHANNEL_RAFT: u8 = 1;
/// Channel for what hosts say to each other (CO1).
const CHANNEL_HOST: u8 = 2;
/// Channel for files of snapshots (RF15).
const CHANNEL_FILES: u8 = 3;
