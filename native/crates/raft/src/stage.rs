//! What a group gives to the log, in order, and what waits until it is durable (RF4, RF5).

use std::collections::VecDeque;

use pyralog_log::{HardState, LogError, LogStore, Membership, NewEntry};
use raft::eraftpb::{Entry, Message};

use crate::entry::parts_of;
use crate::group::Group;
use crate::mutant::{Mutant, on};

/// A record to be staged.
#[derive(Debug)]
pub(crate) enum Op {
    /// Term, vote, commit.
    Hard(HardState),
    /// Entries from an index on are dropped.
    Truncate(u64),
    /// Entries behind the last one; few enough for one frame.
    Append(Vec<Entry>),
    /// Who is in the group.
    Members(Membership),
    /// The group goes on behind (index, term).
    BeginBehind(u64, u64),
    /// All of a ready is staged.
    Mark(Mark),
}

/// What follows when all of a ready is durable.
#[derive(Debug)]
pub(crate) struct Mark {
    /// The engine's number of it.
    pub ready: u64,
    /// Whether it brought anything to sync.
    pub sync: bool,
    /// Term and vote durable then.
    pub hard: (u64, u64),
    /// First index it wrote, `u64::MAX` for none.
    pub low: u64,
    /// Messages that may leave then.
    pub messages: Vec<Message>,
}

/// Staged, waiting for the frame it rides in.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The frame, as soon as it is sealed.
    pub frame: Option<u64>,
    pub mark: Mark,
}

/// How staging went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Staged {
    /// Something waits for a sync.
    pub sync: bool,
    /// The open frame takes no more.
    pub full: bool,
}

impl Group {
    /// Stages what is queued, as far as the open frame takes it.
    pub(crate) fn stage(&mut self, store: &mut dyn LogStore) -> Result<Staged, LogError> {
        let mut staged = Staged::default();
        while let Some(op) = self.ops.pop_front() {
            let op = match op {
                Op::Mark(mark) => {
                    staged.sync |= mark.sync;
                    self.staged_all(mark);
                    continue;
                }
                op => op,
            };
            if let Err(error) = stage(store, self.number, &op) {
                self.ops.push_front(op);
                let LogError::FrameFull { .. } = error else {
                    return Err(error);
                };
                staged.full = true;
                break;
            }
        }
        Ok(staged)
    }

    /// All of a ready is staged: what waits for it waits for the frame, or leaves at once when it wrote nothing.
    fn staged_all(&mut self, mark: Mark) {
        if mark.sync {
            self.pending.push_back(Pending { frame: None, mark });
            return;
        }
        match self.pending.back_mut() {
            Some(last) => {
                last.mark.ready = mark.ready;
                last.mark.messages.extend(mark.messages);
            }
            None => self.is_durable(mark),
        }
    }

    /// A frame is durable: messages that waited for it may leave, and the engine counts its entries.
    pub(crate) fn frame_durable(&mut self, frame: u64) {
        while let Some(first) = self.pending.front()
            && first.frame.is_some_and(|waits_for| waits_for <= frame)
            && let Some(pending) = self.pending.pop_front()
        {
            self.is_durable(pending.mark);
        }
    }

    fn is_durable(&mut self, mark: Mark) {
        self.hard_durable = mark.hard;
        if !on(Mutant::LoseWaiting) {
            self.outbox.extend(mark.messages);
        }
        let ready = if self.is_clean() {
            self.ready
        } else {
            mark.ready
        };
        self.engine.on_persist_ready(ready);
        if on(Mutant::CommitAlone) && self.is_leader() {
            let log = &mut self.engine.raft.raft_log;
            log.commit_to(log.persisted);
        }
        self.advance_applied();
    }

    /// The commit, when the log does not know it yet (RF4): rides with other records.
    pub(crate) fn stage_commit(&mut self, store: &mut dyn LogStore) -> Result<(), LogError> {
        if !self.ops.is_empty() || self.applied <= self.commit_recorded {
            return Ok(());
        }
        let (term, vote) = self.hard;
        let commit = self.applied;
        let state = HardState { term, vote, commit };
        match store.hard_state(self.number, state) {
            Ok(()) => {
                self.commit_recorded = commit;
                Ok(())
            }
            Err(LogError::FrameFull { .. }) => Ok(()), // with the next
            Err(error) => Err(error),
        }
    }
}

fn stage(store: &mut dyn LogStore, group: u32, op: &Op) -> Result<(), LogError> {
    match op {
        Op::Hard(state) => {
            let mut state = *state;
            if on(Mutant::ForgetVote) {
                state.vote = 0;
            }
            if on(Mutant::ReuseEpoch) {
                state.term = state.term.saturating_sub(1);
            }
            store.hard_state(group, state)
        }
        Op::Truncate(_) if on(Mutant::KeepOldTail) => Ok(()),
        Op::Truncate(from) if on(Mutant::CutTooMuch) && *from > 1 => {
            store.truncate_from(group, from - 1)
        }
        Op::Truncate(from) => store.truncate_from(group, *from),
        Op::Append(entries) => append(store, group, entries),
        Op::Members(_) if on(Mutant::UnrecordedMembers) => Ok(()),
        Op::Members(members) => store.members(group, members),
        Op::BeginBehind(..) if on(Mutant::KeepLogBehindSnapshot) => Ok(()),
        Op::BeginBehind(index, term) => store.begin_behind(group, *index, *term),
        Op::Mark(_) => Ok(()),
    }
}

fn append(store: &mut dyn LogStore, group: u32, entries: &[Entry]) -> Result<(), LogError> {
    let parts: Vec<[&[u8]; 2]> = entries.iter().map(parts_of).collect();
    let new: Vec<NewEntry<'_>> = entries
        .iter()
        .zip(&parts)
        .map(|(entry, parts)| NewEntry {
            term: entry.term,
            parts,
        })
        .collect();
    store.append(group, &new).map(|_| ())
}

/// Queues entries so that no piece is longer than `bytes`, but for single entries.
pub(crate) fn queue_entries(ops: &mut VecDeque<Op>, entries: Vec<Entry>, bytes: usize) {
    let mut piece = Vec::new();
    let mut taken = 0;
    for entry in entries {
        let size = crate::entry::size_of(&entry);
        if taken + size > bytes && !piece.is_empty() {
            ops.push_back(Op::Append(std::mem::take(&mut piece)));
            taken = 0;
        }
        taken += size;
        piece.push(entry);
    }
    if !piece.is_empty() {
        ops.push_back(Op::Append(piece));
    }
}
