//! Where records stand in the log: one small entry per log entry, found by offset and by id (both only grow, L5).

use std::collections::{HashMap, VecDeque};

/// One log entry that brought new records, 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryMeta {
    pub base_offset: u64,
    pub log_index: u64,
    pub timestamp: u64,
    pub first_id: u64,
    pub epoch: u32,
    /// New records; duplicates and conflicts consume no offset.
    pub count: u32,
}

/// A log entry's place in the partition, with all that is needed to make its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPlace {
    /// Index in the partition's log group.
    pub log_index: u64,
    /// Offset of its first new record.
    pub base_offset: u64,
    /// New records in it.
    pub count: u32,
    /// Log time of its records.
    pub timestamp: u64,
    /// Term that activated it.
    pub epoch: u32,
    /// Positions of records that were duplicates or conflicts, ascending.
    pub skipped: Box<[u32]>,
}

impl EntryPlace {
    /// Offset of the record at a position of the entry; `None` when it was skipped.
    #[must_use]
    pub fn offset_at(&self, position: u32) -> Option<u64> {
        match self.skipped.binary_search(&position) {
            Ok(_) => None,
            Err(before) => Some(self.base_offset + u64::from(position) - before as u64),
        }
    }
}

/// Log index, and positions of the records that were duplicates or conflicts.
pub(crate) type Skipped = (u64, Box<[u32]>);

/// Entries by offset.
#[derive(Debug, Default)]
pub(crate) struct EntryIndex {
    entries: VecDeque<EntryMeta>,
    skipped: HashMap<u64, Box<[u32]>>,
}

impl EntryIndex {
    pub fn push(&mut self, meta: EntryMeta, skipped: Vec<u32>) {
        if !skipped.is_empty() {
            self.skipped.insert(meta.log_index, skipped.into());
        }
        self.entries.push_back(meta);
    }

    /// The entry that brought an offset, which must be below the partition's size.
    pub fn by_offset(&self, offset: u64) -> Option<&EntryMeta> {
        let behind = self.entries.partition_point(|e| e.base_offset <= offset);
        let meta = self.entries.get(behind.checked_sub(1)?)?;
        (offset < meta.base_offset + u64::from(meta.count)).then_some(meta)
    }

    /// The only entry that can hold an id.
    pub fn by_id(&self, id: u64) -> Option<&EntryMeta> {
        let behind = self.entries.partition_point(|e| e.first_id <= id);
        self.entries.get(behind.checked_sub(1)?)
    }

    /// The first entry whose time is not before `ms`.
    pub fn by_time(&self, ms: u64) -> Option<&EntryMeta> {
        let before = self.entries.partition_point(|e| e.timestamp < ms);
        self.entries.get(before)
    }

    pub fn place(&self, meta: &EntryMeta) -> EntryPlace {
        EntryPlace {
            log_index: meta.log_index,
            base_offset: meta.base_offset,
            count: meta.count,
            timestamp: meta.timestamp,
            epoch: meta.epoch,
            skipped: self
                .skipped
                .get(&meta.log_index)
                .cloned()
                .unwrap_or_default(),
        }
    }

    /// All places, by offset.
    pub fn places(&self) -> impl Iterator<Item = EntryPlace> {
        self.entries.iter().map(|meta| self.place(meta))
    }

    /// All entries, and by log index what was skipped in them, ascending.
    pub fn all(&self) -> (Vec<EntryMeta>, Vec<Skipped>) {
        let entries = self.entries.iter().copied().collect();
        let mut skipped: Vec<Skipped> = self
            .skipped
            .iter()
            .map(|(log_index, positions)| (*log_index, positions.clone()))
            .collect();
        skipped.sort_unstable_by_key(|(log_index, _)| *log_index);
        (entries, skipped)
    }

    /// Takes in what [`EntryIndex::all`] gave.
    pub fn restore(&mut self, entries: Vec<EntryMeta>, skipped: Vec<Skipped>) {
        self.entries = entries.into();
        self.skipped = skipped.into_iter().collect();
    }

    /// Forgets the entries whose records all stand before an offset.
    pub fn forget_before(&mut self, offset: u64) {
        while let Some(entry) = self.entries.front()
            && entry.base_offset + u64::from(entry.count) <= offset
        {
            self.skipped.remove(&entry.log_index);
            self.entries.pop_front();
        }
    }
}
