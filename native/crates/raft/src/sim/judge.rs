//! The checkers: what must hold whatever happens (docs/spec/raft-sim.md). One rule is one check; the first that does not
//! hold ends the run.

use std::collections::BTreeMap;

use super::linear::{Operation, linear};
use crate::{Committed, Content, Membership};

type Hash = [u8; 32];

/// An answer that a client got.
pub(super) struct Answered {
    pub group: u32,
    pub client: u16,
    pub number: u64,
    pub offset: u64,
}

#[derive(Default)]
pub(super) struct Judge {
    /// Who led a group in a term.
    leaders: BTreeMap<(u32, u64), u16>,
    /// By group, index and term: hash of the bytes, and the term of the entry before where a node has staged it so.
    entries: BTreeMap<(u32, u64, u64), Hash>,
    before: BTreeMap<(u32, u64, u64), u64>,
    /// By node and group: terms of its log as staged, from index 1 on.
    logs: BTreeMap<(u16, u32), Vec<u64>>,
    /// What was applied, by group, from index 1 on: epoch and hash.
    pub applied: BTreeMap<u32, Vec<(u32, Hash)>>,
    /// Members by group and the index of the entry that made them.
    members: BTreeMap<u32, BTreeMap<u64, Membership>>,
    /// Roots by group and size.
    roots: BTreeMap<(u32, u64), Hash>,
    /// Indexes applied for the first time since it was asked last: their commit is to be checked.
    pub fresh: Vec<(u16, u32, u64, u32)>,
    pub answers: Vec<Answered>,
    /// Operations of clients by group and key.
    pub history: BTreeMap<(u32, u8), Vec<Operation>>,
    fault: Option<String>,
}

impl Judge {
    pub fn fault(&mut self, what: impl FnOnce() -> String) {
        if self.fault.is_none() {
            self.fault = Some(what());
        }
    }

    pub fn verdict(&self) -> Result<(), String> {
        match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }

    /// RS2: a term has one leader at most.
    pub fn leads(&mut self, node: u16, group: u32, term: u64) {
        let first = *self.leaders.entry((group, term)).or_insert(node);
        if first != node {
            self.fault(|| {
                format!("RS2: nodes {first} and {node} both lead group {group} in epoch {term}")
            });
        }
    }

    /// RS3: entries of one index and term are the same, and so are those before them.
    pub fn staged(&mut self, (node, group): (u16, u32), (index, term): (u64, u64), bytes: &[u8]) {
        let hash = *blake3::hash(bytes).as_bytes();
        let first = *self.entries.entry((group, index, term)).or_insert(hash);
        if first != hash {
            self.fault(|| {
                format!(
                    "RS3: node {node} has another entry {index} of epoch {term} in group {group}"
                )
            });
        }
        let log = self.logs.entry((node, group)).or_default();
        log.truncate(index as usize - 1);
        log.resize(index as usize - 1, 0); // behind a snapshot
        let before = log.last().copied().unwrap_or(0);
        log.push(term);
        if before != 0 {
            let first = *self.before.entry((group, index, term)).or_insert(before);
            if first != before {
                self.fault(|| format!("RS3: before entry {index} of epoch {term} in group {group} node {node} has one of epoch {before}, others of {first}"));
            }
        }
    }

    pub fn cut(&mut self, (node, group): (u16, u32), index: u64) {
        let log = self.logs.entry((node, group)).or_default();
        log.truncate(index as usize - 1);
    }

    /// What a node's log has after an opening or behind a snapshot.
    pub fn opened(&mut self, place: (u16, u32), terms: Vec<u64>) {
        self.logs.insert(place, terms);
    }

    /// RS5, RS9, RS10: whoever applies an entry applies the same one, and then has the same root.
    pub fn applied(
        &mut self,
        (node, group): (u16, u32),
        entry: &Committed<'_>,
        (size, root): (u64, Hash),
    ) {
        let hash = match entry.content {
            Content::Data(bytes) => *blake3::hash(bytes).as_bytes(),
            Content::Begin => [0; 32],
            Content::Members(members) => {
                if let Some(members) = members {
                    let known = self.members.entry(group).or_default();
                    known.entry(entry.index).or_insert_with(|| members.clone());
                }
                *blake3::hash(format!("{members:?}").as_bytes()).as_bytes()
            }
        };
        let log = self.applied.entry(group).or_default();
        let index = entry.index as usize;
        if index == log.len() + 1 {
            log.push((entry.epoch, hash));
            self.fresh.push((node, group, entry.index, entry.epoch));
        } else if index > log.len() {
            let end = log.len();
            self.fault(|| format!("RS5: node {node} applied entry {index} of group {group} before anybody applied {}", end + 1));
        } else if log[index - 1] != (entry.epoch, hash) {
            let epoch = log[index - 1].0;
            self.fault(|| format!("RS5: node {node} applied an entry of epoch {} at {index} of group {group}, another one applied one of epoch {epoch}", entry.epoch));
        }
        let first = *self.roots.entry((group, size)).or_insert(root);
        if first != root {
            self.fault(|| {
                format!("RS9: node {node} has another root of group {group} at size {size}")
            });
        }
    }

    /// RS5: after an opening the members are those of what was applied before, or of an earlier entry that comes again.
    pub fn members_known(&mut self, (node, group): (u16, u32), applied: u64, members: &Membership) {
        let changes = self.members.get(&group);
        let last = changes.and_then(|changes| changes.range(..=applied).next_back());
        if let Some((index, last)) = last
            && (last.lists(), last.auto_leave) != (members.lists(), members.auto_leave)
        {
            let reason = format!(
                "RS5: node {node} opened group {group} at entry {applied} with {members:?}, and entry {index} had made it {last:?}"
            );
            self.fault(|| reason);
        }
    }

    /// RS6: values that clients saw are those of one order of all operations that fits their times.
    pub fn linear(&mut self) {
        for ((group, key), operations) in std::mem::take(&mut self.history) {
            if let Err(reason) = linear(&operations) {
                self.fault(|| format!("RS6: key {key} of group {group}: {reason}"));
            }
        }
    }
}
