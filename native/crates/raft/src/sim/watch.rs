//! A log that is watched: every entry any node stages is held against all others (log matching).

use std::sync::{Arc, Mutex};

use pyralog_log::{
    HardState, LogError, LogStore, Membership, NewEntry, PartitionConfig, StagedFrame, StoredEntry,
    TreeState,
};

use super::judge::Judge;

pub(super) struct Watch<'a> {
    pub node: u16,
    pub inner: &'a mut dyn LogStore,
    pub judge: Arc<Mutex<Judge>>,
}

impl LogStore for Watch<'_> {
    fn append(&mut self, group: u32, entries: &[NewEntry<'_>]) -> Result<u64, LogError> {
        let first = self.inner.staged_index(group) + 1;
        let last = self.inner.append(group, entries)?;
        let mut judge = self.judge.lock().unwrap();
        for (index, entry) in (first..).zip(entries) {
            judge.staged(
                (self.node, group),
                (index, entry.term),
                &entry.parts.concat(),
            );
        }
        Ok(last)
    }

    fn hard_state(&mut self, group: u32, state: HardState) -> Result<(), LogError> {
        self.inner.hard_state(group, state)
    }

    fn truncate_from(&mut self, group: u32, index: u64) -> Result<(), LogError> {
        self.inner.truncate_from(group, index)?;
        self.judge.lock().unwrap().cut((self.node, group), index);
        Ok(())
    }

    fn release(&mut self, group: u32, first_kept: u64) -> Result<(), LogError> {
        self.inner.release(group, first_kept)
    }

    fn again(&mut self, group: u32, entry: &StoredEntry) -> Result<bool, LogError> {
        self.inner.again(group, entry)
    }

    fn sign_state(&mut self, group: u32, state: &TreeState) -> Result<(), LogError> {
        self.inner.sign_state(group, state)
    }

    fn sidecar_state(&mut self, group: u32, state: &TreeState) -> Result<(), LogError> {
        self.inner.sidecar_state(group, state)
    }

    fn configure(&mut self, group: u32, config: &PartitionConfig) -> Result<(), LogError> {
        self.inner.configure(group, config)
    }

    fn members(&mut self, group: u32, members: &Membership) -> Result<(), LogError> {
        self.inner.members(group, members)
    }

    fn begin_behind(&mut self, group: u32, index: u64, term: u64) -> Result<(), LogError> {
        self.inner.begin_behind(group, index, term)?;
        let mut terms = vec![0; index as usize - 1];
        terms.push(term);
        let place = (self.node, group);
        self.judge.lock().unwrap().opened(place, terms);
        Ok(())
    }

    fn staged_index(&self, group: u32) -> u64 {
        self.inner.staged_index(group)
    }

    fn staged_bytes(&self) -> usize {
        self.inner.staged_bytes()
    }

    fn seal(&mut self) -> Option<StagedFrame> {
        self.inner.seal()
    }
}
