//! What the durable records say, per group: where each entry is, and the newest of each small state.

use std::collections::{BTreeMap, VecDeque};

use super::codec::{decode_config, decode_hard_state, decode_members, decode_tree_state};
use super::{GroupState, HardState, Membership, PartitionConfig, TreeState};
use crate::wal::{Record, RecordKind};

/// Where an entry is.
pub(crate) trait Located {
    /// The file it stands in and the bytes it takes there, for those that stand in files.
    fn in_file(&self) -> Option<(u64, u64)>;
}

/// Entries that nobody has released, by file: number and bytes. Kept as they come and go, because with hundreds of groups
/// there are millions of them to go through.
#[derive(Debug, Default)]
pub(crate) struct Live(BTreeMap<u64, (u64, u64)>);

impl Live {
    fn add<L: Located>(&mut self, place: &L) {
        if let Some((file, bytes)) = place.in_file() {
            let live = self.0.entry(file).or_default();
            live.0 += 1;
            live.1 += bytes;
        }
    }

    fn remove<L: Located>(&mut self, place: &L) {
        if let Some((file, bytes)) = place.in_file()
            && let Some(live) = self.0.get_mut(&file)
        {
            live.0 -= 1;
            live.1 -= bytes;
            if live.0 == 0 {
                self.0.remove(&file);
            }
        }
    }

    /// The oldest file that is needed, and how many entries in it are.
    pub(crate) fn oldest(&self) -> Option<(u64, u64)> {
        let (file, (count, _)) = self.0.first_key_value()?;
        Some((*file, *count))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.values().map(|(_, bytes)| bytes).sum()
    }
}

/// One group. `L` says where an entry is.
pub(crate) struct Group<L> {
    /// Index of the first entry held.
    pub(super) first: u64,
    pub(super) entries: VecDeque<L>,
    /// Terms as runs: (first index, term), ascending; the first may begin one before the first entry held.
    pub(super) terms: Vec<(u64, u64)>,
    /// First index that nobody has released (W12).
    pub(super) kept: u64,
    /// While a log is read whose beginning was let go: last index and term before `kept` as the store file has them, until
    /// a record says where in the group's history reading began (W13).
    resumed: Option<Box<Resumed<L>>>,
    pub(super) hard_state: HardState,
    pub(super) signed: Option<TreeState>,
    pub(super) sidecar: Option<TreeState>,
    pub(super) config: Option<PartitionConfig>,
    pub(super) members: Option<Membership>,
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

impl<L: Located> Group<L> {
    pub(super) fn new() -> Self {
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
            members: None,
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
            members: self.members.clone(),
        }
    }

    /// Where in the group's history reading begins, when its first record there is about `index`.
    fn place(&mut self, index: u64) {
        if let Some(resumed) = self.resumed.as_mut().filter(|r| !r.placed) {
            resumed.placed = true;
            self.first = index;
        }
    }

    fn append(&mut self, record: &Record<'_>, location: L, live: &mut Live) -> Result<(), String> {
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
        live.add(&location);
        self.entries.push_back(location);
        Ok(())
    }

    fn truncate_from(&mut self, record: &Record<'_>, live: &mut Live) -> Result<(), String> {
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
        let kept = index.saturating_sub(self.first) as usize;
        for place in self.entries.drain(kept.min(self.entries.len())..) {
            live.remove(&place);
        }
        self.first = self.first.min(index);
        if let Some(resumed) = &mut self.resumed {
            for (_, place) in resumed.early.split_off(&index).values() {
                live.remove(place);
            }
        }
        let keep = self.terms.partition_point(|(first, _)| *first < index);
        self.terms.truncate(keep);
        Ok(())
    }

    /// Drops everything; the next entry is the one behind `record.index`.
    fn begin_behind(&mut self, record: &Record<'_>, live: &mut Live) {
        for place in self.entries.drain(..) {
            live.remove(&place);
        }
        if let Some(resumed) = &mut self.resumed {
            resumed.placed = true;
            for (_, place) in std::mem::take(&mut resumed.early).values() {
                live.remove(place);
            }
        }
        self.first = record.index + 1;
        self.kept = self.kept.max(self.first);
        self.terms = vec![(record.index, record.term)];
    }

    fn release(&mut self, record: &Record<'_>, live: &mut Live) -> Result<(), String> {
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
        self.drop_before(kept, live);
        Ok(())
    }

    /// An entry that is held stands in another place from now on (W15). One that is not held any more stays so.
    fn again(&mut self, record: &Record<'_>, location: L, live: &mut Live) {
        if let Some(resumed) = &mut self.resumed
            && (!resumed.placed || record.index < self.first)
        {
            // Its first place was in a file let go; those before it may follow later.
            live.add(&location);
            let early = (record.term, location);
            if let Some((_, before)) = resumed.early.insert(record.index, early) {
                live.remove(&before);
            }
        } else if self.term(record.index) == Some(record.term)
            && let Some(at) = record.index.checked_sub(self.first)
            && let Some(held) = self.entries.get_mut(at as usize)
        {
            live.add(&location);
            live.remove(held);
            *held = location;
        }
    }

    fn drop_before(&mut self, kept: u64, live: &mut Live) {
        if kept <= self.first {
            return;
        }
        let before = self.term(kept - 1);
        let dropped = (kept - self.first).min(self.entries.len() as u64);
        for place in self.entries.drain(..dropped as usize) {
            live.remove(&place);
        }
        self.first = kept;
        let runs = self.terms.partition_point(|(first, _)| *first < kept);
        self.terms.drain(..runs);
        if let Some(term) = before {
            self.terms.insert(0, (kept - 1, term));
        }
    }

    /// All is read: what must be held is held, and what need not is dropped.
    fn settle(&mut self, number: u32, live: &mut Live) -> Result<(), String> {
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
        for (_, place) in resumed.early.values() {
            live.remove(place);
        }
        let (first, next) = (self.first, self.last() + 1);
        let whole = first <= kept && kept <= next;
        self.drop_before(kept, live);
        if !whole {
            for place in self.entries.drain(..) {
                live.remove(&place);
            }
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
    live: Live,
}

impl<L: Located> Index<L> {
    pub(crate) fn new() -> Self {
        Self {
            groups: BTreeMap::new(),
            live: Live::default(),
        }
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    pub(crate) fn group(&self, group: u32) -> Option<&Group<L>> {
        self.groups.get(&group)
    }

    pub(super) fn insert(&mut self, number: u32, group: Group<L>) {
        let live = &mut self.live;
        group.entries.iter().for_each(|place| live.add(place));
        self.groups.insert(number, group);
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
            RecordKind::Entry => group.append(record, locate(record), &mut self.live)?,
            RecordKind::Again => group.again(record, locate(record), &mut self.live),
            RecordKind::TruncateFrom => group.truncate_from(record, &mut self.live)?,
            RecordKind::Release => group.release(record, &mut self.live)?,
            RecordKind::HardState => group.hard_state = decode_hard_state(record)?,
            RecordKind::SignState => group.signed = Some(decode_tree_state(record)?),
            RecordKind::SidecarState => group.sidecar = Some(decode_tree_state(record)?),
            RecordKind::Configure => group.config = Some(decode_config(record.bytes)?),
            RecordKind::Members => {
                let made = (record.index, record.term);
                group.members = Some(decode_members(made, record.bytes)?);
            }
            RecordKind::BeginBehind => group.begin_behind(record, &mut self.live),
        }
        Ok(())
    }

    /// Call when a log is read to its end: every group then holds what it keeps. The text says which does not.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        let mut result = Ok(());
        for (number, group) in &mut self.groups {
            result = result.and(group.settle(*number, &mut self.live));
        }
        result
    }
}
