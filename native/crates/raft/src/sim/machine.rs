//! A node's state machines: partitions of production code, and what a key-value store makes of their records.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pyralog_partition::{DedupWindow, Partition, Trees};
use pyralog_types::batch::{Entry, OUTCOME_BYTES, Outcome, OutcomeStatus, RecordRef, ValueRef};

use super::judge::Judge;
use crate::mutant::{Mutant, on};
use crate::{Committed, Content, Machine};

const WINDOW: DedupWindow = DedupWindow {
    millis: 86_400_000,
    records: 1 << 20,
};

/// An entry as applied, kept for snapshots.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub epoch: u32,
    /// `None` for what is no entry of the machine.
    pub data: Option<Vec<u8>>,
}

/// What applying one entry told the node.
pub(super) struct Done {
    pub group: u32,
    pub index: u64,
    pub epoch: u32,
    /// Of each record: offset, and the value that its key had before.
    pub results: Vec<(u64, u32)>,
}

/// One partition.
pub(super) struct Replica {
    pub partition: Partition,
    pub applied: u64,
    /// Epoch of the newest leader's beginning that was applied.
    pub begun: u32,
    pub values: BTreeMap<u8, u32>,
    /// By offset: what the key had before.
    pub before: Vec<u32>,
    pub entries: Vec<Kept>,
    /// By offset: client, number of its operation, key, value.
    pub records: Vec<(u16, u64, u8, u32)>,
}

impl Replica {
    fn new() -> Self {
        let window = if on(Mutant::NoDedup) {
            DedupWindow {
                millis: 0,
                records: 0,
            }
        } else {
            WINDOW
        };
        Self {
            partition: Partition::create(Trees::in_memory(false).unwrap(), window),
            applied: 0,
            begun: 0,
            values: BTreeMap::new(),
            before: Vec::new(),
            entries: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Applies an entry's bytes and returns the results of its records.
    fn data(
        &mut self,
        bytes: &[u8],
        (index, epoch): (u64, u32),
    ) -> Result<Vec<(u64, u32)>, String> {
        let applied = self
            .partition
            .apply_entry(bytes, index, epoch)
            .map_err(|error| error.to_string())?;
        let entry = Entry::parse(bytes).map_err(|error| error.to_string())?;
        let mut results = Vec::new();
        let outcomes = applied.outcomes.chunks_exact(OUTCOME_BYTES);
        for (outcome, record) in outcomes.zip(entry.proposal.records()) {
            let outcome = Outcome::from_bytes(outcome).map_err(|error| error.to_string())?;
            if outcome.status == OutcomeStatus::New {
                let ValueRef::Bytes(value) = record.value else {
                    return Err("a record without a value".into());
                };
                let (key, value) = parse_value(value);
                let before = self.values.insert(key, value).unwrap_or(0);
                self.before.push(before);
                let (client, number) = session_of(&record);
                self.records.push((client, number, key, value));
            }
            let before = self.before.get(outcome.offset as usize).copied();
            results.push((outcome.offset, before.unwrap_or(u32::MAX)));
        }
        Ok(results)
    }

    fn take(&mut self, index: u64, kept: Kept) -> Result<Vec<(u64, u32)>, String> {
        if index != self.applied + 1 {
            return Err(format!("entry {index} came behind entry {}", self.applied));
        }
        let results = match &kept.data {
            Some(bytes) => self.data(bytes, (index, kept.epoch))?,
            None => Vec::new(),
        };
        self.applied = index;
        self.entries.push(kept);
        Ok(results)
    }
}

/// The value of a record: a key and what it is set to.
pub(super) fn value_of(key: u8, value: u32) -> Vec<u8> {
    let mut bytes = vec![key];
    bytes.extend_from_slice(&value.to_le_bytes());
    bytes
}

fn parse_value(bytes: &[u8]) -> (u8, u32) {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[1..5]);
    (bytes[0], u32::from_le_bytes(value))
}

fn session_of(record: &RecordRef<'_>) -> (u16, u64) {
    let (mut client, mut number) = ([0; 2], [0; 8]);
    client.copy_from_slice(record.submitter);
    number.copy_from_slice(record.idempotency_key.unwrap_or(&[0; 8]));
    (u16::from_le_bytes(client), u64::from_le_bytes(number))
}

/// All partitions of a node.
pub(super) struct Replicas {
    pub node: u16,
    pub groups: BTreeMap<u32, Replica>,
    pub done: Vec<Done>,
    pub judge: Arc<Mutex<Judge>>,
}

impl Replicas {
    pub fn new(node: u16, judge: Arc<Mutex<Judge>>) -> Self {
        Self {
            node,
            groups: BTreeMap::new(),
            done: Vec::new(),
            judge,
        }
    }

    pub fn replica(&mut self, group: u32) -> &mut Replica {
        self.groups.entry(group).or_insert_with(Replica::new)
    }

    /// What an earlier life applied, without telling anybody.
    pub fn restore(&mut self, group: u32, entries: Vec<Kept>) -> Result<(), String> {
        let replica = self.groups.entry(group).or_insert_with(Replica::new);
        *replica = Replica::new();
        for kept in entries {
            replica.take(replica.applied + 1, kept)?;
        }
        Ok(())
    }

    /// An entry of the log that an earlier life had applied.
    pub fn replay(&mut self, group: u32, index: u64, kept: Kept) -> Result<(), String> {
        self.replica(group).take(index, kept).map(|_| ())
    }

    /// A wrong turn: what was seen before is forgotten.
    pub fn forget_seen(&mut self) {
        if !on(Mutant::ForgetSeen) {
            return;
        }
        for replica in self.groups.values_mut() {
            let mut forgetful = Replica::new();
            let window = DedupWindow {
                millis: 0,
                records: 0,
            };
            forgetful.partition = Partition::create(Trees::in_memory(false).unwrap(), window);
            for (index, kept) in (1..).zip(std::mem::take(&mut replica.entries)) {
                forgetful.take(index, kept).unwrap();
            }
            *replica = forgetful;
        }
    }
}

impl Machine for Replicas {
    fn apply(&mut self, group: u32, entry: Committed<'_>) -> Result<(), String> {
        let node = self.node;
        let replica = self.groups.entry(group).or_insert_with(Replica::new);
        if entry.index <= replica.applied {
            return Ok(()); // again, behind an opening (RF6)
        }
        if entry.content == Content::Begin {
            replica.begun = replica.begun.max(entry.epoch);
        }
        let kept = Kept {
            epoch: entry.epoch,
            data: match entry.content {
                Content::Data(bytes) => Some(bytes.to_vec()),
                _ => None,
            },
        };
        let results = replica.take(entry.index, kept)?;
        let size = replica.partition.size();
        let roots = replica.partition.trees().roots_at(size);
        let root = roots.map_err(|error| error.to_string())?.blake3;
        let mut judge = self.judge.lock().unwrap();
        judge.applied((node, group), &entry, (size, root));
        self.done.push(Done {
            group,
            index: entry.index,
            epoch: entry.epoch,
            results,
        });
        Ok(())
    }

    fn applied(&self, group: u32) -> u64 {
        self.groups.get(&group).map_or(0, |replica| replica.applied)
    }

    fn installed(&mut self, group: u32, index: u64) -> Result<(), String> {
        let applied = self.applied(group);
        if applied < index {
            return Err(format!(
                "a snapshot up to {index} was installed, and what was taken over ends at {applied}"
            ));
        }
        Ok(())
    }
}
