//! Letting log files go whose entries every group has released (W13), and moving the few that hold a file (W15).

use super::codec::{encode_config, encode_members, encode_tree_state};
use super::index::Group;
use super::wal_store::{Location, SharedIndex};
use super::{HardState, TreeState};
use crate::error::LogError;
use crate::wal::{Preparer, RecordHead, RecordKind, push_record, record_bytes};

/// Lets log files go, on a background thread.
pub struct Reclaimer {
    preparer: Preparer,
    index: SharedIndex,
}

/// What a log's files are used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Files with frames.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of entries in them that nobody has released.
    pub live_bytes: u64,
}

impl Reclaimer {
    pub(super) fn new(preparer: Preparer, index: SharedIndex) -> Self {
        Self { preparer, index }
    }

    /// Lets go of the files that no group needs an entry of, oldest first; the small states that stood in them go into the
    /// store file, which says where the log begins (W13). Returns how many files there were.
    ///
    /// # Errors
    /// `Io`, `ReadOnly`, `Poisoned`; can be called again.
    pub fn reclaim(&self) -> Result<u64, LogError> {
        let (keep_from, records) = {
            let index = self.index.read();
            let oldest = index.live().oldest().map(|(file, _)| file);
            #[cfg(test)]
            let oldest =
                oldest.filter(|_| !crate::mutant::on(crate::mutant::Mutant::ReleaseTooMuch));
            // The index holds all that stands in files before the newest, and perhaps not yet what stands in that one.
            let newest = self.preparer.newest();
            let keep_from = oldest.map_or(newest, |oldest| oldest.min(newest));
            if !self.preparer.begins_before(keep_from) {
                return Ok(0);
            }
            let mut records = Vec::new();
            for (number, group) in index.groups() {
                put_group(&mut records, number, group);
            }
            (keep_from, records)
        };
        self.preparer.begin_at(keep_from, &records)
    }

    /// What the files are used for.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let (files, bytes) = self.preparer.files_in_use();
        let live_bytes = self.index.read().live().bytes();
        Usage {
            files,
            bytes,
            live_bytes,
        }
    }

    /// Bytes of unreleased entries, gone through one by one: what [`Usage::live_bytes`] must be.
    #[cfg(test)]
    pub(crate) fn counted(&self) -> u64 {
        let index = self.index.read();
        let entries = index.groups().flat_map(|(_, group)| group.entries());
        let bytes = entries.map(|(_, place)| record_bytes(u64::from(place.length)));
        bytes.sum()
    }

    /// Entries of the oldest file, to be written again (W15): (group, index), at most `bytes` of them. Empty when the
    /// oldest file is the one that is being written.
    #[must_use]
    pub fn holding(&self, bytes: u64) -> Vec<(u32, u64)> {
        let index = self.index.read();
        let Some((oldest, count)) = index.live().oldest() else {
            return Vec::new();
        };
        if self.preparer.newest() == oldest {
            return Vec::new();
        }
        let mut left = bytes;
        let mut holding = Vec::new();
        for (number, group) in index.groups() {
            for (entry, place) in group.entries() {
                if holding.len() as u64 == count {
                    return holding;
                }
                if place.incarnation == oldest {
                    let taken = record_bytes(u64::from(place.length));
                    if taken > left && !holding.is_empty() {
                        return holding;
                    }
                    left = left.saturating_sub(taken);
                    holding.push((number, entry));
                }
            }
        }
        holding
    }
}

/// A group as the store file says it: where its entries begin and end, and its small states, as records (W13).
fn put_group(out: &mut Vec<u8>, number: u32, group: &Group<Location>) {
    let state = group.state();
    let mut put = |kind, (index, term), bytes: &[u8]| {
        let head = RecordHead {
            kind,
            group: number,
            index,
            term,
        };
        push_record(out, head, &[bytes]);
    };
    let kept = state.first_index;
    let term = group.term(kept - 1).unwrap_or(0);
    let last = state.last_index.to_le_bytes();
    put(RecordKind::Release, (kept, term), &last);
    #[cfg(test)]
    if crate::mutant::on(crate::mutant::Mutant::ForgetStates) {
        return;
    }
    let HardState { term, vote, commit } = state.hard_state;
    if state.hard_state != HardState::default() {
        put(RecordKind::HardState, (commit, term), &vote.to_le_bytes());
    }
    let mut tree = |kind, tree: Option<TreeState>| {
        if let Some(tree) = tree {
            put(kind, (tree.size, 0), &encode_tree_state(&tree));
        }
    };
    tree(RecordKind::SignState, state.signed);
    tree(RecordKind::SidecarState, state.sidecar);
    if let Some(config) = &state.config {
        put(RecordKind::Configure, (0, 0), &encode_config(config));
    }
    if let Some(members) = &state.members {
        let made = (members.index, members.term);
        put(RecordKind::Members, made, &encode_members(members));
    }
}
