//! Staging for both stores: what may be staged, and which index it gets.

use std::collections::HashMap;

use super::codec::{encode_config, encode_members, encode_tree_state};
use super::{HardState, LogStore, Membership, NewEntry, PartitionConfig, StoredEntry, TreeState};
use crate::error::LogError;
use crate::wal::{RecordHead, RecordKind, StagedFrame, Stager, record_bytes};

/// Where records are collected into frames.
pub(crate) trait FrameBuilder: Send {
    /// Refuses what would not fit; nothing has changed then.
    fn reserve(&mut self, bytes: u64) -> Result<(), LogError>;
    /// Adds a record whose room was reserved.
    fn push(&mut self, head: RecordHead, parts: &[&[u8]]);
    fn staged_bytes(&self) -> usize;
    fn seal(&mut self) -> Option<StagedFrame>;
}

impl FrameBuilder for Stager {
    fn reserve(&mut self, bytes: u64) -> Result<(), LogError> {
        Stager::reserve(self, bytes)
    }

    fn push(&mut self, head: RecordHead, parts: &[&[u8]]) {
        Stager::push(self, head, parts);
    }

    fn staged_bytes(&self) -> usize {
        Stager::staged_bytes(self)
    }

    fn seal(&mut self) -> Option<StagedFrame> {
        Stager::seal(self)
    }
}

/// First and last index of a group as staged, durable or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub first: u64,
    pub last: u64,
}

/// The staging side of a store.
pub(crate) struct Staging<B> {
    builder: B,
    bounds: HashMap<u32, Bounds>,
}

impl<B: FrameBuilder> Staging<B> {
    pub(crate) fn new(builder: B, bounds: HashMap<u32, Bounds>) -> Self {
        Self { builder, bounds }
    }

    fn bounds(&self, group: u32) -> Bounds {
        let empty = Bounds { first: 1, last: 0 };
        self.bounds.get(&group).copied().unwrap_or(empty)
    }

    fn stage(&mut self, head: RecordHead, bytes: &[u8]) -> Result<(), LogError> {
        self.builder.reserve(record_bytes(bytes.len() as u64))?;
        self.builder.push(head, &[bytes]);
        Ok(())
    }

    fn stage_tree(
        &mut self,
        (kind, group): (RecordKind, u32),
        state: &TreeState,
    ) -> Result<(), LogError> {
        let head = RecordHead {
            kind,
            group,
            index: state.size,
            term: 0,
        };
        self.stage(head, &encode_tree_state(state))
    }
}

impl<B: FrameBuilder> LogStore for Staging<B> {
    fn append(&mut self, group: u32, entries: &[NewEntry<'_>]) -> Result<u64, LogError> {
        let lengths = entries
            .iter()
            .map(|entry| entry.parts.iter().map(|part| part.len() as u64).sum());
        let bytes = Stager::bytes_of(lengths);
        let mut bounds = self.bounds(group);
        if entries.is_empty() {
            return Ok(bounds.last);
        }
        self.builder.reserve(bytes)?;
        for entry in entries {
            bounds.last += 1;
            let head = RecordHead {
                kind: RecordKind::Entry,
                group,
                index: bounds.last,
                term: entry.term,
            };
            self.builder.push(head, entry.parts);
        }
        self.bounds.insert(group, bounds);
        Ok(bounds.last)
    }

    fn hard_state(&mut self, group: u32, state: HardState) -> Result<(), LogError> {
        let head = RecordHead {
            kind: RecordKind::HardState,
            group,
            index: state.commit,
            term: state.term,
        };
        self.stage(head, &state.vote.to_le_bytes())
    }

    fn truncate_from(&mut self, group: u32, index: u64) -> Result<(), LogError> {
        let Bounds { first, last } = self.bounds(group);
        if index < first || index > last {
            return Err(LogError::OutOfRange {
                group,
                index,
                first,
                last,
            });
        }
        let head = RecordHead {
            kind: RecordKind::TruncateFrom,
            group,
            index,
            term: 0,
        };
        self.stage(head, &[])?;
        let last = index - 1;
        self.bounds.insert(group, Bounds { first, last });
        Ok(())
    }

    fn release(&mut self, group: u32, first_kept: u64) -> Result<(), LogError> {
        let Bounds { first, last } = self.bounds(group);
        if first_kept > last + 1 {
            return Err(LogError::OutOfRange {
                group,
                index: first_kept,
                first,
                last,
            });
        }
        if first_kept <= first {
            return Ok(());
        }
        let head = RecordHead {
            kind: RecordKind::Release,
            group,
            index: first_kept,
            term: 0,
        };
        self.stage(head, &[])?;
        let first = first_kept;
        self.bounds.insert(group, Bounds { first, last });
        Ok(())
    }

    fn again(&mut self, group: u32, entry: &StoredEntry) -> Result<bool, LogError> {
        let Bounds { first, last } = self.bounds(group);
        if entry.index < first || entry.index > last {
            return Ok(false);
        }
        let head = RecordHead {
            kind: RecordKind::Again,
            group,
            index: entry.index,
            term: entry.term,
        };
        self.stage(head, &entry.bytes)?;
        Ok(true)
    }

    fn sign_state(&mut self, group: u32, state: &TreeState) -> Result<(), LogError> {
        self.stage_tree((RecordKind::SignState, group), state)
    }

    fn sidecar_state(&mut self, group: u32, state: &TreeState) -> Result<(), LogError> {
        self.stage_tree((RecordKind::SidecarState, group), state)
    }

    fn configure(&mut self, group: u32, config: &PartitionConfig) -> Result<(), LogError> {
        let head = RecordHead {
            kind: RecordKind::Configure,
            group,
            index: 0,
            term: 0,
        };
        self.stage(head, &encode_config(config))
    }

    fn members(&mut self, group: u32, members: &Membership) -> Result<(), LogError> {
        let head = RecordHead {
            kind: RecordKind::Members,
            group,
            index: members.index,
            term: members.term,
        };
        self.stage(head, &encode_members(members))
    }

    fn begin_behind(&mut self, group: u32, index: u64, term: u64) -> Result<(), LogError> {
        let head = RecordHead {
            kind: RecordKind::BeginBehind,
            group,
            index,
            term,
        };
        self.stage(head, &[])?;
        let first = index + 1;
        self.bounds.insert(group, Bounds { first, last: index });
        Ok(())
    }

    fn staged_index(&self, group: u32) -> u64 {
        self.bounds(group).last
    }

    fn staged_bytes(&self) -> usize {
        self.builder.staged_bytes()
    }

    fn seal(&mut self) -> Option<StagedFrame> {
        self.builder.seal()
    }
}
