//! Entries as bytes of the log, and as the engine has them (RF2).

use protobuf::Message as _;
use raft::eraftpb::{ConfChangeV2, Entry, EntryType};

use crate::config::ENTRY_BYTES_MAX;

/// Head of a membership change: u64 zero, u32 zero, u32 kind.
pub(crate) const CHANGE_HEAD: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0];

/// Whether bytes stand for a membership change.
pub(crate) fn is_change(bytes: &[u8]) -> bool {
    bytes.len() >= 16 && bytes[8..16] == CHANGE_HEAD[8..16]
}

/// The parts of an entry's bytes in the log.
pub(crate) fn parts_of(entry: &Entry) -> [&[u8]; 2] {
    match entry.entry_type {
        EntryType::EntryNormal => [&entry.data, &[]],
        _ => [&CHANGE_HEAD, &entry.data],
    }
}

/// The entry whose bytes stand in the log.
pub(crate) fn entry_of(index: u64, term: u64, bytes: Vec<u8>) -> Entry {
    let mut entry = Entry::default();
    entry.index = index;
    entry.term = term;
    if is_change(&bytes) {
        entry.entry_type = EntryType::EntryConfChangeV2;
        entry.data = bytes[CHANGE_HEAD.len()..].to_vec().into();
    } else {
        entry.data = bytes.into();
    }
    entry
}

/// The change an entry stands for; one that cannot be read is none, on every node alike.
pub(crate) fn change_of(entry: &Entry) -> Option<ConfChangeV2> {
    let mut change = ConfChangeV2::default();
    change.merge_from_bytes(&entry.data).ok()?;
    Some(change)
}

/// What is wrong with an entry that a peer sent.
pub(crate) fn fault_of(entry: &Entry) -> Option<&'static str> {
    let bytes = entry.data.len();
    if bytes > ENTRY_BYTES_MAX {
        return Some("an entry is too long");
    }
    if !entry.context.is_empty() {
        return Some("an entry has a context");
    }
    match entry.entry_type {
        EntryType::EntryNormal if is_change(&entry.data) => {
            Some("an entry has the bytes of a membership change")
        }
        EntryType::EntryNormal => None,
        EntryType::EntryConfChangeV2 => change_of(entry)
            .is_none()
            .then_some("a membership change cannot be read"),
        EntryType::EntryConfChange => Some("an entry is of a kind that nobody writes"),
    }
}

/// Bytes an entry takes, roughly, wherever it is.
pub(crate) fn size_of(entry: &Entry) -> usize {
    entry.data.len() + 48
}
