//! The state machine: entries in, outcomes out (N1–N3, L5).
//!
//! An entry is taken in passes over all its records, each through few pieces of memory: deciding needs the tables of the
//! window, the leaves their hashes, the answer nothing but the decisions.

use pyralog_merkle::RecordBytes;
use pyralog_types::batch::Entry;

use crate::dedup::DedupWindow;
use crate::error::PartitionError;
use crate::fingerprint::{Fingerprint, Prepared};
use crate::index::EntryMeta;
use crate::leaf::{digest_of, key_of};
use crate::outcomes::{Known, outcomes_of};
use crate::partition::Partition;
use crate::runs::Run;
use crate::stamp::{is_of_the_group, parse_window};

/// Records whose places in the duplicate window are fetched together.
const TOUCHED: usize = 256;

/// What applying an entry came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Packed outcomes, 40 bytes a record (B4); empty for a configuration entry.
    pub outcomes: Vec<u8>,
    /// Offset of the first new record.
    pub base_offset: u64,
    /// New records.
    pub count: u32,
    /// Records that stand in the log already.
    pub duplicates: u32,
    /// Those of them that were found by their idempotency key, not by their content.
    pub duplicates_by_key: u32,
    /// Records whose key stands for other content.
    pub conflicts: u32,
}

impl Partition {
    /// Parses, hashes and applies an entry's bytes; what replay and tests use. Same errors as [`Partition::apply`].
    ///
    /// # Errors
    /// `Entry` when the bytes are malformed, else see [`Partition::apply`].
    pub fn apply_entry(
        &mut self,
        bytes: &[u8],
        log_index: u64,
        epoch: u32,
    ) -> Result<Applied, PartitionError> {
        self.apply_hashed((bytes, None), log_index, epoch)
    }

    /// The same with the hashes of its records ([`Prepared::of_bytes`]), where somebody made them already.
    ///
    /// # Errors
    /// As [`Partition::apply_entry`].
    pub fn apply_hashed(
        &mut self,
        (bytes, prepared): (&[u8], Option<Prepared>),
        log_index: u64,
        epoch: u32,
    ) -> Result<Applied, PartitionError> {
        if is_of_the_group(bytes) {
            return Ok(Applied {
                base_offset: self.size,
                ..Applied::default()
            });
        }
        if let Some((timestamp, window)) = parse_window(bytes) {
            return self.apply_window(timestamp, window, log_index);
        }
        let entry =
            Entry::parse(bytes).map_err(|source| PartitionError::Entry { log_index, source })?;
        let mut prepared = prepared.unwrap_or_else(|| Prepared::of(&entry));
        self.apply((&entry, &mut prepared), log_index, epoch)
    }

    /// Applies a committed entry: decides each record in order (N2), gives offsets, pushes leaves. `epoch` is the term of
    /// the entry. What was prepared is spent afterwards, its memory may be [used again](Prepared::refill).
    ///
    /// # Errors
    /// `Order` when time or ids go backwards and `Snapshot` when that of an earlier seal point is damaged, both with nothing
    /// changed; `Tree` when a node file fails: the state must then be rebuilt.
    pub fn apply(
        &mut self,
        (entry, prepared): (&Entry<'_>, &mut Prepared),
        log_index: u64,
        epoch: u32,
    ) -> Result<Applied, PartitionError> {
        self.check_order(entry, log_index)?;
        self.dedup.check(&prepared.fingerprints)?;
        self.last_timestamp = entry.timestamp;
        self.open_bytes += entry.proposal.bytes().len() as u64;
        let first = Run {
            base_offset: self.size,
            timestamp: entry.timestamp,
            epoch,
        };
        let known = self.decide(entry, &prepared.fingerprints);
        if known.len() < prepared.len() {
            self.runs.push(first);
        }
        let blocks = &mut prepared.blocks;
        let applied = outcomes_of((entry, blocks), first, &known, &self.runs);
        let leaves = &blocks[..applied.count as usize];
        for (offset, leaf) in (first.base_offset..).zip(leaves) {
            self.index_leaf(offset, leaf);
        }
        self.trees.push(first.base_offset, leaves)?;
        let skipped: Vec<u32> = known.iter().map(|known| known.position).collect();
        if let Some(first_id) = first_new(entry, &skipped) {
            let meta = EntryMeta {
                base_offset: first.base_offset,
                log_index,
                timestamp: entry.timestamp,
                first_id,
                epoch,
                count: applied.count,
            };
            self.index.push(meta, skipped);
        }
        Ok(applied)
    }

    /// Enters a new record into the indexes of the open part that its leaf record alone decides.
    #[inline]
    pub(crate) fn index_leaf(&mut self, offset: u64, leaf: &RecordBytes) {
        if let Some(digest) = digest_of(leaf) {
            self.digests.insert(offset, &digest);
        }
        if let Some(key) = key_of(leaf) {
            self.keys.insert(offset, &key);
        }
    }

    /// Looks each record up, remembers the new ones, and returns the others. Sizes and ids go on.
    fn decide(&mut self, entry: &Entry<'_>, fingerprints: &[Fingerprint]) -> Vec<Known> {
        let oldest = self.oldest_offset();
        let mut known = Vec::new();
        for (position, (id, fingerprint)) in entry.ids().zip(fingerprints).enumerate() {
            self.last_id = id;
            if position % TOUCHED == 0 {
                let ahead = fingerprints.len().min(position + TOUCHED);
                self.dedup.touch(&fingerprints[position..ahead]);
            }
            self.dedup.expire(self.window.records, oldest);
            if let Some(found) = self.dedup.find(fingerprint) {
                known.push(Known {
                    position: position as u32,
                    keyed: fingerprint.is_keyed(),
                    found,
                });
            } else {
                self.dedup.insert(fingerprint, id);
                self.size += 1;
            }
        }
        known
    }

    /// Applies a configuration entry (B7). A longer window does not bring back what was forgotten.
    fn apply_window(
        &mut self,
        timestamp: u64,
        window: DedupWindow,
        log_index: u64,
    ) -> Result<Applied, PartitionError> {
        if timestamp < self.last_timestamp {
            let what = "its timestamp is before that of an earlier entry";
            return Err(PartitionError::Order { log_index, what });
        }
        self.last_timestamp = timestamp;
        self.window = window;
        Ok(Applied {
            base_offset: self.size,
            ..Applied::default()
        })
    }

    fn check_order(&self, entry: &Entry<'_>, log_index: u64) -> Result<(), PartitionError> {
        let what = if entry.timestamp < self.last_timestamp {
            "its timestamp is before that of an earlier entry"
        } else {
            let mut last = self.last_id;
            let ascending = entry.runs.iter().all(|run| {
                let behind = run.first > last;
                last = run.first + u64::from(run.count) - 1;
                behind
            });
            if ascending {
                return Ok(());
            }
            "its ids are not above all earlier ones"
        };
        Err(PartitionError::Order { log_index, what })
    }

    /// First offset that is young enough at the time of the entry in hand (N3).
    fn oldest_offset(&mut self) -> u64 {
        let bound = self.last_timestamp.saturating_sub(self.window.millis);
        self.runs.oldest(bound, self.dedup.first(), self.size)
    }
}

/// Id of the first record that was not skipped.
fn first_new(entry: &Entry<'_>, skipped: &[u32]) -> Option<u64> {
    let before = skipped.iter().zip(0..).take_while(|(at, n)| *at == n);
    entry.ids().nth(before.count())
}
