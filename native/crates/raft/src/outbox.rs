//! What leaves in one round: messages of all groups to one peer, in few bundles (RF9).

use std::collections::BTreeMap;

use protobuf::Message as _;
use raft::eraftpb::{Message, MessageType};

use crate::bundle::put_message;
use crate::config::BUNDLE_BYTES;

/// What goes first on a link (LK6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Votes, heartbeats, reads, positions.
    Urgent,
    /// Appends and answers to them.
    Normal,
    /// Snapshots.
    Bulk,
}

impl Priority {
    pub(crate) fn of(message: &Message) -> Self {
        match message.msg_type {
            MessageType::MsgSnapshot => Self::Bulk,
            MessageType::MsgAppend | MessageType::MsgAppendResponse => Self::Normal,
            _ => Self::Urgent,
        }
    }
}

/// A bundle for a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The peer.
    pub to: u16,
    /// Its priority.
    pub priority: Priority,
    /// Its bytes.
    pub bundle: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Outbox(BTreeMap<(u16, Priority), Vec<Vec<u8>>>);

impl Outbox {
    pub(crate) fn put(&mut self, group: u32, message: &Message) {
        let to = (message.to as u16, Priority::of(message));
        let size = message.compute_size() as usize + 8;
        put_message(self.open(to, size), (group, size - 8), message);
    }

    /// The bundle for `size` more bytes.
    pub(crate) fn open(&mut self, to: (u16, Priority), size: usize) -> &mut Vec<u8> {
        let bundles = self.0.entry(to).or_default();
        let full = |bundle: &Vec<u8>| !bundle.is_empty() && bundle.len() + size > BUNDLE_BYTES;
        if bundles.last().is_none_or(full) {
            bundles.push(Vec::new());
        }
        let last = bundles.len() - 1;
        &mut bundles[last]
    }

    pub(crate) fn take(&mut self) -> Vec<Outgoing> {
        let mut all: Vec<Outgoing> = std::mem::take(&mut self.0)
            .into_iter()
            .flat_map(|((to, priority), bundles)| {
                let outgoing = move |bundle| Outgoing {
                    to,
                    priority,
                    bundle,
                };
                bundles.into_iter().map(outgoing)
            })
            .collect();
        all.sort_by_key(|one| one.priority);
        all
    }
}
