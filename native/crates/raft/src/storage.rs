//! A group's entries as the engine reads them: recent ones from memory, older ones from the log.
//!
//! The reader of the log shows durable records only, so everything younger is in memory, and nothing leaves it before it is
//! durable.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use pyralog_log::{HardState, LogReader, Membership};
use raft::eraftpb::{ConfState, Entry, Snapshot, SnapshotMetadata};
use raft::{Error, GetEntriesContext, RaftState, Result, Storage, StorageError};

use crate::change::conf_state_of;
use crate::config::CACHE_BYTES;
use crate::entry::{entry_of, size_of};
use crate::snapshot::Offer;

/// The log of one group.
pub(crate) struct GroupLog {
    group: u32,
    reader: Arc<dyn LogReader>,
    /// First index served, and the term of the entry before it.
    first: u64,
    term_before: u64,
    last: u64,
    /// The newest entries, up to `last`.
    recent: VecDeque<Entry>,
    recent_bytes: usize,
    /// For the engine's opening.
    hard: HardState,
    conf: ConfState,
    /// A snapshot that members may be told of, with its members (RF15).
    pub(crate) offer: Option<(Offer, Membership)>,
    /// The member that needs one while there is none.
    pub(crate) wanted: Cell<u16>,
}

impl GroupLog {
    pub(crate) fn new(
        (group, reader): (u32, Arc<dyn LogReader>),
        (first, last): (u64, u64),
        hard: HardState,
        members: &Membership,
    ) -> Self {
        let term_before = match first {
            0 | 1 => 0,
            _ => reader.term(group, first - 1).unwrap_or(0),
        };
        Self {
            group,
            reader,
            first,
            term_before,
            last,
            recent: VecDeque::new(),
            recent_bytes: 0,
            hard,
            conf: conf_state_of(members),
            offer: None,
            wanted: Cell::new(0),
        }
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    fn recent_from(&self) -> u64 {
        self.last + 1 - self.recent.len() as u64
    }

    /// Takes in entries, in place of those it has from the first of them on.
    pub(crate) fn put(&mut self, entries: &[Entry]) {
        let Some(first) = entries.first().map(|entry| entry.index) else {
            return;
        };
        while self.last >= first {
            if let Some(dropped) = self.recent.pop_back() {
                self.recent_bytes -= size_of(&dropped);
                self.last -= 1;
            } else {
                self.last = first - 1;
            }
        }
        for entry in entries {
            self.recent_bytes += size_of(entry);
            self.recent.push_back(entry.clone());
            self.last = entry.index;
        }
    }

    /// Lets entries before `floor` leave memory, oldest first, as far as there are too many; all of them if `all`.
    pub(crate) fn trim(&mut self, floor: u64, all: bool) {
        while (all || self.recent_bytes > CACHE_BYTES)
            && let Some(oldest) = self.recent.front()
            && oldest.index < floor
        {
            self.recent_bytes -= size_of(oldest);
            self.recent.pop_front();
        }
    }

    /// Goes on behind a snapshot.
    pub(crate) fn begin_behind(&mut self, index: u64, term: u64) {
        self.recent.clear();
        self.recent_bytes = 0;
        self.first = index + 1;
        self.term_before = term;
        self.last = index;
    }

    /// Serves entries from `first_kept` on; those before are let go.
    pub(crate) fn release(&mut self, first_kept: u64) {
        if first_kept <= self.first || first_kept > self.last + 1 {
            return;
        }
        self.term_before = self.term(first_kept - 1).unwrap_or(0);
        self.first = first_kept;
        self.trim(first_kept, true);
    }

    fn recent_at(&self, index: u64) -> Option<&Entry> {
        let at = index.checked_sub(self.recent_from())?;
        self.recent.get(usize::try_from(at).ok()?)
    }

    fn read(&self, index: u64) -> Result<Entry> {
        match self.reader.entry(self.group, index) {
            Ok(Some(entry)) => Ok(entry_of(entry.index, entry.term, entry.bytes)),
            Ok(None) => Err(Error::Store(StorageError::Unavailable)),
            Err(error) => Err(Error::Store(StorageError::Other(Box::new(error)))),
        }
    }
}

impl Storage for GroupLog {
    fn initial_state(&self) -> Result<RaftState> {
        let mut hard = raft::eraftpb::HardState::default();
        hard.term = self.hard.term;
        hard.vote = self.hard.vote;
        hard.commit = self.hard.commit;
        Ok(RaftState::new(hard, self.conf.clone()))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        if low < self.first {
            return Err(Error::Store(StorageError::Compacted));
        }
        let max = max_size.into().unwrap_or(u64::MAX);
        let mut bytes = 0;
        let mut entries = Vec::new();
        for index in low..high.min(self.last + 1) {
            let entry = match self.recent_at(index) {
                Some(entry) => entry.clone(),
                None => self.read(index)?,
            };
            bytes += size_of(&entry) as u64;
            if bytes > max && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn term(&self, index: u64) -> Result<u64> {
        if index > self.last {
            return Err(Error::Store(StorageError::Unavailable));
        }
        if index + 1 < self.first {
            return Err(Error::Store(StorageError::Compacted));
        }
        if index + 1 == self.first {
            return Ok(self.term_before);
        }
        if let Some(entry) = self.recent_at(index) {
            return Ok(entry.term);
        }
        let term = self.reader.term(self.group, index);
        term.ok_or(Error::Store(StorageError::Unavailable))
    }

    fn first_index(&self) -> Result<u64> {
        Ok(self.first)
    }

    fn last_index(&self) -> Result<u64> {
        Ok(self.last)
    }

    fn snapshot(&self, request_index: u64, to: u64) -> Result<Snapshot> {
        match &self.offer {
            // A member that joined behind it would not take it.
            Some((offer, members))
                if offer.index >= request_index
                    && offer.index + 1 >= self.first
                    && members.contains(to as u16) =>
            {
                let mut metadata = SnapshotMetadata::default();
                metadata.index = offer.index;
                metadata.term = offer.term;
                metadata.set_conf_state(conf_state_of(members));
                let mut snapshot = Snapshot::default();
                snapshot.set_metadata(metadata);
                snapshot.data = offer.data.clone().into();
                Ok(snapshot)
            }
            _ => {
                self.wanted.set(to as u16);
                Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable))
            }
        }
    }
}
