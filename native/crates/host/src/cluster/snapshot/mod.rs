//! Snapshots between replicas (RF15): the sealed files of a partition go from its leader to a replica that needs entries
//! which the leader has let go.
//!
//! A leader's [`serve`] thread makes the list of files and hands out their bytes; a replica's [`fetch`] thread gets them
//! into files of their own ([`incoming`]), prepares what becomes of them ([`prepare`]), and the thread of the groups takes
//! it over ([`take`]). [`point`] is for whoever dies in between.

mod bring_up;
mod fetch;
mod files;
mod incoming;
mod list;
mod listing;
mod message;
mod nodes;
pub(crate) mod point;
mod prepare;
mod serve;
mod take;

pub(super) use fetch::{Arrived, Fetcher};
pub(super) use message::is_ask;
pub(super) use serve::{ServeJob, Server};
pub(super) use take::Pinned;

/// Bytes asked for at once: a message of bulk priority holds them (LK5).
const PIECE_BYTES: u64 = if cfg!(test) { 1 << 10 } else { 128 << 10 };
/// Pieces asked for and not come yet.
const IN_FLIGHT: u64 = 16;
/// A list of files longer than this is none.
const LIST_BYTES_MAX: u32 = 64 << 20;
