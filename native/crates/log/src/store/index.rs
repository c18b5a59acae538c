//! What the durable records say, per group: where each entry is, and the newest of each small state.

use std::collections::BTreeMap;

use super::codec::{decode_config, decode_hard_state, decode_tree_state};
use super::{GroupState, HardState, PartitionConfig, TreeState};
use crate::wal::{Record, RecordKind};

/// One group. `L` says where an entry is.
pub(crate) struct Group<L> {
    /// Index of the first entry held.
    first: u64,
    entries: Vec<L>,
    /// Terms as runs: (first index, term), ascending.
    terms: Vec<(u64, u64)>,
    hard_state: HardState,
    signed: Option<TreeState>,
    sidecar: Option<TreeState>,
    config: Option<PartitionConfig>,
}

impl<L> Group<L> {
    fn new() -> Self {
        Self {
            first: 1,
            entries: Vec::new(),
            terms: Vec::new(),
            hard_state: HardState::default(),
            signed: None,
            sidecar: None,
            config: None,
        }
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn last(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }

    pub(crate) fn entry(&self, index: u64) -> Option<&L> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.entries.get(at)
    }

    pub(crate) fn term(&self, index: u64) -> Option<u64> {
        self.entry(index)?;
        let run = self.terms.partition_point(|(first, _)| *first <= index);
        self.terms.get(run.checked_sub(1)?).map(|(_, term)| *term)
    }

    pub(crate) fn state(&self) -> GroupState {
        GroupState {
            first_index: self.first,
            last_index: self.last(),
            hard_state: self.hard_state,
            signed: self.signed,
            sidecar: self.sidecar,
            config: self.config.clone(),
        }
    }

    fn append(&mut self, record: &Record<'_>, location: L) -> Result<(), String> {
        let next = self.last() + 1;
        if record.index != next {
            return Err(format!(
                "entry {} of group {} stands where entry {next} belongs",
                record.index, record.group
            ));
        }
        if self.terms.last().map(|(_, term)| *term) != Some(record.term) {
            self.terms.push((record.index, record.term));
        }
        self.entries.push(location);
        Ok(())
    }

    fn truncate_from(&mut self, record: &Record<'_>) -> Result<(), String> {
        if self.entry(record.index).is_none() {
            return Err(format!(
                "group {} is cut at index {}, which it does not hold",
                record.group, record.index
            ));
        }
        self.entries.truncate((record.index - self.first) as usize);
        let keep = self
            .terms
            .partition_point(|(first, _)| *first < record.index);
        self.terms.truncate(keep);
        Ok(())
    }
}

/// All groups.
pub(crate) struct Index<L> {
    groups: BTreeMap<u32, Group<L>>,
}

impl<L> Index<L> {
    pub(crate) fn new() -> Self {
        Self {
            groups: BTreeMap::new(),
        }
    }

    pub(crate) fn group(&self, group: u32) -> Option<&Group<L>> {
        self.groups.get(&group)
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.groups.keys().copied()
    }

    /// Takes in a durable record; `locate` says where an entry is. A refusal says what is wrong with the record.
    pub(crate) fn apply(
        &mut self,
        record: &Record<'_>,
        locate: impl FnOnce(&Record<'_>) -> L,
    ) -> Result<(), String> {
        let group = self.groups.entry(record.group).or_insert_with(Group::new);
        match record.kind {
            RecordKind::Entry => group.append(record, locate(record))?,
            RecordKind::TruncateFrom => group.truncate_from(record)?,
            RecordKind::HardState => group.hard_state = decode_hard_state(record)?,
            RecordKind::SignState => group.signed = Some(decode_tree_state(record)?),
            RecordKind::SidecarState => group.sidecar = Some(decode_tree_state(record)?),
            RecordKind::Configure => group.config = Some(decode_config(record.bytes)?),
        }
        Ok(())
    }
}
