//! What the engine wants done: records for the log, messages, committed entries for the machine.

use pyralog_log::HardState;
use raft::eraftpb::{Entry, EntryType, Message};
use raft::{Ready, StateRole};

use crate::change::members_of;
use crate::config::APPLY_BYTES;
use crate::entry::change_of;
use crate::group::Group;
use crate::machine::{Committed, Content, Machine};
use crate::mutant::{Mutant, on};
use crate::round::Event;
use crate::stage::{Mark, Op, queue_entries};

impl Group {
    /// Takes what the engine has ready, until a good deal was applied: what peers say meanwhile is not to wait for long (a
    /// leader that hears nothing of its followers for an election timeout steps down). The rest is taken in the next round. An error
    /// is the reason why the group must stop.
    pub(crate) fn take_ready(
        &mut self,
        machine: &mut dyn Machine,
        (piece_bytes, events): (usize, &mut Vec<Event>),
    ) -> Result<(), String> {
        let mut applied_bytes = 0;
        while self.engine.has_ready() && applied_bytes < APPLY_BYTES {
            let mut ready = self.engine.ready();
            self.ready = ready.number();
            self.reads.answered(ready.take_read_states());
            let waits = self.queue_records(&mut ready, piece_bytes, machine)?;
            let done = self.route(&mut ready, waits);
            let committed = ready.take_committed_entries();
            let term = self.engine.raft.term;
            self.engine.advance_append_async(ready);
            if done {
                self.engine.on_persist_ready(self.ready);
            }
            if u32::try_from(term).is_err() {
                return Err(format!("epoch {term} is too large for a record"));
            }
            applied_bytes += committed
                .iter()
                .map(|entry| entry.data.len())
                .sum::<usize>();
            self.apply(committed, (machine, events))?;
        }
        Ok(())
    }

    /// Queues what the log is to record; says from which index on it wrote, if it must be synced.
    fn queue_records(
        &mut self,
        ready: &mut Ready,
        piece_bytes: usize,
        machine: &mut dyn Machine,
    ) -> Result<Option<u64>, String> {
        let mut low = u64::MAX;
        if let Some(hard) = ready.hs()
            && (hard.term, hard.vote) != self.hard
        {
            self.hard = (hard.term, hard.vote);
            // Before the entries: none has a term that the log does not know of.
            self.ops.push_back(Op::Hard(HardState {
                term: hard.term,
                vote: hard.vote,
                commit: self.applied,
            }));
            self.commit_recorded = self.applied;
        }
        let snapshot = ready.snapshot();
        if !snapshot.is_empty() {
            let metadata = snapshot.get_metadata();
            let (index, term) = (metadata.index, metadata.term);
            let members = members_of((index, term), metadata.get_conf_state());
            machine.installed(self.number, index)?;
            self.applied = index;
            low = index;
            self.engine.mut_store().begin_behind(index, term);
            self.ops.push_back(Op::BeginBehind(index, term));
            self.ops.push_back(Op::Members(members.clone()));
            self.memberships = vec![members];
        }
        let entries = ready.take_entries();
        if let Some(first) = entries.first().map(|entry| entry.index) {
            let last = self.engine.store().last();
            if first <= last {
                if first <= self.applied {
                    return Err(format!(
                        "the leader says other entries from index {first} on, and they are committed up to {}",
                        self.applied
                    ));
                }
                self.ops.push_back(Op::Truncate(first));
            }
            low = low.min(first);
            self.engine.mut_store().put(&entries);
            if on(Mutant::ApplyBeforeCommit) && self.is_leader() {
                self.apply_early(&entries, machine)?;
            }
            queue_entries(&mut self.ops, entries, piece_bytes);
        }
        Ok(ready.must_sync().then_some(low))
    }

    /// Messages leave at once or when all before them is durable (RF4). A leader's leave at once as soon as its term and
    /// vote are durable. Says whether nothing waits.
    fn route(&mut self, ready: &mut Ready, waits: Option<u64>) -> bool {
        let mut messages = ready.take_persisted_messages();
        let at_once = ready.take_messages();
        if self.hard == self.hard_durable {
            self.outbox.extend(at_once);
        } else {
            messages.extend(at_once);
        }
        if on(Mutant::SendBeforeDurable) {
            self.outbox.append(&mut messages);
        }
        if waits.is_none() && self.is_clean() {
            self.outbox.extend(messages);
            return true;
        }
        if waits.is_none() && messages.is_empty() {
            return false;
        }
        self.ops.push_back(Op::Mark(Mark {
            ready: ready.number(),
            sync: waits.is_some(),
            hard: self.hard,
            low: waits.unwrap_or(u64::MAX),
            messages,
        }));
        false
    }

    /// A wrong turn.
    fn apply_early(&self, entries: &[Entry], machine: &mut dyn Machine) -> Result<(), String> {
        for entry in entries {
            if machine.applied(self.number) + 1 == entry.index && !entry.data.is_empty() {
                let committed = Committed {
                    index: entry.index,
                    epoch: entry.term as u32,
                    content: Content::Data(&entry.data),
                };
                machine.apply(self.number, committed)?;
            }
        }
        Ok(())
    }

    fn apply(
        &mut self,
        committed: Vec<Entry>,
        (machine, events): (&mut dyn Machine, &mut Vec<Event>),
    ) -> Result<(), String> {
        for entry in committed {
            let epoch = u32::try_from(entry.term)
                .map_err(|_| format!("epoch {} is too large for a record", entry.term))?;
            let changed = match entry.entry_type {
                EntryType::EntryNormal => None,
                _ => Some(self.apply_change(&entry, events)),
            };
            let content = match changed {
                Some(true) => Content::Members(Some(self.members())),
                Some(false) => Content::Members(None),
                None if entry.data.is_empty() => Content::Begin,
                None => Content::Data(&entry.data),
            };
            let committed = Committed {
                index: entry.index,
                epoch,
                content,
            };
            machine.apply(self.number, committed)?;
            self.applied = entry.index;
            self.uncount(entry.index);
        }
        self.advance_applied();
        if self.is_leader() && !self.members().voters.contains(&self.node) && !self.in_joint() {
            self.hand_over();
        }
        Ok(())
    }

    /// Tells the engine what was applied; behind a snapshot only when that is durable.
    pub(crate) fn advance_applied(&mut self) {
        let log = &self.engine.raft.raft_log;
        if self.applied > log.applied && self.applied <= log.persisted.min(log.committed) {
            let last = log.last_index();
            self.engine.advance_apply_to(self.applied);
            // The entry that ends a change of several members is appended then, and told to nobody before the next heartbeat.
            if self.engine.raft.raft_log.last_index() > last {
                self.engine.raft.bcast_append();
            }
        }
    }

    fn in_joint(&self) -> bool {
        !self.members().outgoing.is_empty()
    }

    /// Makes a change of members; one that the engine refuses changes nothing, on every node alike.
    fn apply_change(&mut self, entry: &Entry, events: &mut Vec<Event>) -> bool {
        let state = change_of(entry).and_then(|change| self.engine.apply_conf_change(&change).ok());
        let Some(state) = state else {
            return false;
        };
        let members = members_of((entry.index, entry.term), &state);
        self.ops.push_back(Op::Members(members.clone()));
        events.push(Event::Members {
            group: self.number,
            members: members.clone(),
        });
        self.memberships.push(members);
        if self.memberships.len() > 16 {
            self.memberships.remove(0);
        }
        true
    }

    /// A leader that is no voter any more asks the voter that is furthest to go on.
    fn hand_over(&mut self) {
        let raft = &mut self.engine.raft;
        let voters = raft.prs().iter();
        let best = voters
            .filter(|(id, _)| raft.prs().conf().voters().contains(**id))
            .map(|(id, progress)| (progress.matched, std::cmp::Reverse(*id)))
            .max();
        raft.bcast_append();
        if let Some((_, std::cmp::Reverse(id))) = best {
            raft.send_timeout_now(id);
        }
        let term = raft.term;
        // Its last words were said as leader.
        let messages: Vec<Message> = raft.msgs.drain(..).collect();
        self.outbox.extend(messages);
        raft.become_follower(term, 0);
        debug_assert_eq!(raft.state, StateRole::Follower);
    }
}
