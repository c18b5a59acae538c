//! What the durable records say, per group: where each entry is, and the newest of each small state.

use std::collections::{BTreeMap, VecDeque};

use super::codec::{decode_config, decode_hard_state, decode_tree_state};
use super::{GroupState, HardState, PartitionConfig, TreeState};
use crate::wal::{Record, RecordKind};

/// One group. `L` says where an entry is.
pub(crate) struct Group<L> {
    /// Index of the first entry held.
    first: u64,
    entries: VecDeque<L>,
    /// Terms as runs: (first index, term), ascending; the first may begin one before the first entry held.
    terms: Vec<(u64, u64)>,
    /// First index that nobody has released (W12).
    kept: u64,
    /// While a log is read whose beginning was let go: last index and term before `kept` as the store file has them, until
    /// a record says where in the group's history reading began (W13).
    resumed: Option<Box<Resumed<L>>>,
    hard_state: HardState,
    signed: Option<TreeState>,
    sidecar: Option<TreeState>,
    config: Option<PartitionConfig>,
}

struct Resumed<L> {
    last: u64,
    /// Term of the entry before the first kept one.
    term: u64,
    /// A record has said where reading began.
    placed: bool,
    /// Entries written again (W15) that belong before that place, with their terms.
    early: BTreeMap<u64, (u64, L)>,
}

impl<L> Group<L> {
    fn new() -> Self {
        Self {
            first: 1,
            entries: VecDeque::new(),
            terms: Vec::new(),
            kept: 1,
            resumed: None,
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

    /// Entries held, with their indexes.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, &L)> {
        (self.first..).zip(&self.entries)
    }

    /// Term of an entry held, or of the one before the first of them.
    pub(crate) fn term(&self, index: u64) -> Option<u64> {
        if index + 1 < self.first || index > self.last() {
            return None;
        }
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

    /// Where in the group's history reading begins, when its first record there is about `index`.
    fn place(&mut self, index: u64) {
        if let Some(resumed) = self.resumed.as_mut().filter(|r| !r.placed) {
            resumed.placed = true;
            self.first = index;
        }
    }

    fn append(&mut self, record: &Record<'_>, location: L) -> Result<(), String> {
        self.place(record.index);
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
        self.entries.push_back(location);
        Ok(())
    }

    fn truncate_from(&mut self, record: &Record<'_>) -> Result<(), String> {
        self.place(record.index);
        let (index, next) = (record.index, self.last() + 1);
        // Entries that stood in files let go are no longer known, though this record speaks of them.
        let before = self.resumed.is_some() && (index < self.first || index == next);
        if self.entry(index).is_none() && !before {
            return Err(format!(
                "group {} is cut at index {index}, which it does not hold",
                record.group
            ));
        }
        self.entries
            .truncate(index.saturating_sub(self.first) as usize);
        self.first = self.first.min(index);
        if let Some(resumed) = &mut self.resumed {
            resumed.early.split_off(&index);
        }
        let keep = self.terms.partition_point(|(first, _)| *first < index);
        self.terms.truncate(keep);
        Ok(())
    }

    fn release(&mut self, record: &Record<'_>) -> Result<(), String> {
        let kept = record.index;
        if let Ok(last) = <[u8; 8]>::try_from(record.bytes) {
            // Of the store file: the entries that are kept follow in the log.
            self.first = kept;
            self.kept = kept;
            self.resumed = Some(Box::new(Resumed {
                last: u64::from_le_bytes(last),
                term: record.term,
                placed: false,
                early: BTreeMap::new(),
            }));
            return Ok(());
        }
        self.kept = self.kept.max(kept);
        if self.resumed.is_some() {
            return Ok(()); // done when all is read
        }
        if kept > self.last() + 1 {
            return Err(format!(
                "group {} is released up to index {kept}, and it ends at {}",
                record.group,
                self.last()
            ));
        }
        self.drop_before(kept);
        Ok(())
    }

    /// An entry that is held stands in another place from now on (W15). One that is not held any more stays so.
    fn again(&mut self, record: &Record<'_>, location: L) {
        if let Some(resumed) = &mut self.resumed
            && (!resumed.placed || record.index < self.first)
        {
            // Its first place was in a file let go; those before it may follow later.
            let early = (record.term, location);
            resumed.early.insert(record.index, early);
        } else if self.term(record.index) == Some(record.term)
            && let Some(at) = record.index.checked_sub(self.first)
            && let Some(held) = self.entries.get_mut(at as usize)
        {
            *held = location;
        }
    }

    fn drop_before(&mut self, kept: u64) {
        if kept <= self.first {
            return;
        }
        let before = self.term(kept - 1);
        let dropped = (kept - self.first).min(self.entries.len() as u64);
        self.entries.drain(..dropped as usize);
        self.first = kept;
        let runs = self.terms.partition_point(|(first, _)| *first < kept);
        self.terms.drain(..runs);
        if let Some(term) = before {
            self.terms.insert(0, (kept - 1, term));
        }
    }

    /// All is read: what must be held is held, and what need not is dropped.
    fn settle(&mut self, number: u32) -> Result<(), String> {
        let Some(mut resumed) = self.resumed.take() else {
            return Ok(());
        };
        let kept = self.kept;
        if !resumed.placed {
            self.first = resumed.last + 1;
        }
        while let Some(before) = self.first.checked_sub(1).filter(|index| *index >= kept)
            && let Some((term, location)) = resumed.early.remove(&before)
        {
            self.entries.push_front(location);
            self.terms.insert(0, (before, term));
            self.first = before;
        }
        let (first, next) = (self.first, self.last() + 1);
        let whole = first <= kept && kept <= next;
        self.drop_before(kept);
        if !whole {
            self.entries.clear();
            self.terms.clear();
            self.first = kept;
        }
        if kept > 1 && self.term(kept - 1).is_none() {
            self.terms.insert(0, (kept - 1, resumed.term));
        }
        if whole {
            return Ok(());
        }
        Err(format!(
            "group {number} keeps its entries from {kept} on, and the log has {first} up to {}",
            next - 1
        ))
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

    pub(crate) fn groups(&self) -> impl Iterator<Item = (u32, &Group<L>)> {
        self.groups.iter().map(|(number, group)| (*number, group))
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
            RecordKind::Again => group.again(record, locate(record)),
            RecordKind::TruncateFrom => group.truncate_from(record)?,
            RecordKind::Release => group.release(record)?,
            RecordKind::HardState => group.hard_state = decode_hard_state(record)?,
            RecordKind::SignState => group.signed = Some(decode_tree_state(record)?),
            RecordKind::SidecarState => group.sidecar = Some(decode_tree_state(record)?),
            RecordKind::Configure => group.config = Some(decode_config(record.bytes)?),
        }
        Ok(())
    }

    /// Call when a log is read to its end: every group then holds what it keeps. The text says which does not.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        let mut result = Ok(());
        for (number, group) in &mut self.groups {
            result = result.and(group.settle(*number));
        }
        result
    }
}
