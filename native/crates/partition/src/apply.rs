//! The state machine: entries in, outcomes out (N1–N3, L5).

use std::sync::Arc;

use pyralog_merkle::RecordBytes;
use pyralog_types::batch::{Entry, OUTCOME_BYTES, Outcome, OutcomeStatus};
use pyralog_types::{Hash, ZERO_HASH};

use crate::dedup::{Dedup, DedupWindow, Match};
use crate::error::PartitionError;
use crate::fingerprint::{Fingerprint, HEAD_BYTES, Prepared};
use crate::hashes::HashIndex;
use crate::index::{EntryIndex, EntryMeta, EntryPlace};
use crate::open_part::OpenPart;
use crate::runs::{Run, Runs};
use crate::seen::Seen;
use crate::snapshot::Snapshot;
use crate::stamp::parse_window;
use crate::trees::Trees;

/// Schema of notary values (L4), the only ones found by digest.
pub(crate) const SCHEMA_NOTARY: u32 = 1;

/// Where a leaf record says the hash of its key, and of its value (L1).
const KEY_HASH_AT: usize = 32;
const VALUE_HASH_AT: usize = 64;

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

/// The replicated state of one partition, with the indexes that follow from it.
pub struct Partition {
    trees: Trees,
    dedup: Dedup,
    window: DedupWindow,
    index: EntryIndex,
    /// Values of notary records, and keys, of the open part.
    digests: HashIndex,
    keys: HashIndex,
    size: u64,
    last_timestamp: u64,
    last_id: u64,
    /// Times of the records in the window.
    runs: Runs,
    /// Size at the newest seal point, and bytes of the proposals since (Z2).
    sealed_from: u64,
    open_bytes: u64,
}

/// When a segment closes: behind the entry with which it reaches one of these (Z2). Constants of a log, so that all its
/// replicas seal alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealLimits {
    /// Records.
    pub rows: u64,
    /// Bytes of proposals.
    pub bytes: u64,
}

impl Default for SealLimits {
    fn default() -> Self {
        Self {
            rows: 4 * 65_536,
            bytes: 64 << 20,
        }
    }
}

impl Partition {
    /// A partition without records. `trees` may hold leaves already, those of the entries about to be replayed.
    #[must_use]
    pub fn create(trees: Trees, window: DedupWindow) -> Self {
        Self {
            trees,
            dedup: Dedup::new(),
            window,
            index: EntryIndex::default(),
            digests: HashIndex::default(),
            keys: HashIndex::default(),
            size: 0,
            last_timestamp: 0,
            last_id: 0,
            runs: Runs::default(),
            sealed_from: 0,
            open_bytes: 0,
        }
    }

    /// A partition at a seal point: the newest snapshot last, and before it as many as its window reaches back (Z5).
    /// `trees` hold its leaves. The submissions stay in the snapshots' files.
    ///
    /// # Errors
    /// `Snapshot` when they do not follow each other or do not reach back far enough.
    pub fn restore(trees: Trees, snapshots: Vec<Seen>) -> Result<Self, PartitionError> {
        let refuse = |what| Err(PartitionError::Snapshot { what });
        let (Some(newest), Some(oldest)) = (snapshots.last(), snapshots.first()) else {
            return refuse("there is none");
        };
        let first = newest.first_remembered;
        let joined = snapshots
            .windows(2)
            .all(|two| two[0].size == two[1].sealed_from);
        let whole = snapshots
            .iter()
            .all(|snapshot| snapshot.rows_from() <= first.max(snapshot.sealed_from));
        if !joined || !whole || first > newest.size {
            return refuse("one is missing");
        }
        if oldest.sealed_from > first {
            return refuse("the oldest does not reach back far enough");
        }
        let mut partition = Self::create(trees, newest.window);
        for snapshot in &snapshots {
            for run in &snapshot.runs {
                partition.runs.push(*run);
            }
        }
        partition.size = newest.size;
        partition.last_timestamp = newest.last_timestamp;
        partition.last_id = newest.last_id;
        partition.sealed_from = newest.size;
        let records = newest.window.records;
        let seen = snapshots.into_iter().map(Arc::new).collect();
        partition.dedup = Dedup::seen_in(seen, first, partition.size);
        partition.dedup.forget(first, records);
        Ok(partition)
    }

    /// A partition whose snapshots are lost: its sealed records can be read, and nothing may be applied to it.
    #[must_use]
    pub fn for_reading(trees: Trees, window: DedupWindow, size: u64) -> Self {
        Self {
            size,
            sealed_from: size,
            dedup: Dedup::beginning_at(size),
            ..Self::create(trees, window)
        }
    }

    /// At a seal point, behind the entry just applied: what has to be remembered of it (Z2, Z5). `None` elsewhere.
    pub fn seal_point(&mut self, limits: SealLimits, log_index: u64) -> Option<Snapshot> {
        let rows = self.size - self.sealed_from;
        if rows == 0 || (rows < limits.rows && self.open_bytes < limits.bytes) {
            return None;
        }
        let rows = self.dedup.rows_from(self.sealed_from);
        let rows_from = self.size - rows.len() as u64;
        let snapshot = Snapshot {
            log_index,
            sealed_from: self.sealed_from,
            size: self.size,
            first_remembered: self.dedup.first(),
            last_timestamp: self.last_timestamp,
            last_id: self.last_id,
            window: self.window,
            runs: self.runs.from(rows_from),
            rows,
        };
        self.sealed_from = self.size;
        self.open_bytes = 0;
        Some(snapshot)
    }

    /// Forgets where records before an offset stand in the log, and their leaves: segments have them (Z4, M5).
    pub fn forget_before(&mut self, offset: u64) {
        self.trees.forget_before(offset);
        self.index.forget_before(offset);
        self.digests.forget_before(offset);
        self.keys.forget_before(offset);
    }

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
        if let Some((timestamp, window)) = parse_window(bytes) {
            return self.apply_window(timestamp, window, log_index);
        }
        let entry =
            Entry::parse(bytes).map_err(|source| PartitionError::Entry { log_index, source })?;
        let prepared = prepared.unwrap_or_else(|| Prepared::of(&entry));
        self.apply((&entry, prepared), log_index, epoch)
    }

    /// Applies a committed entry: decides each record in order (N2), gives offsets, pushes leaves. `epoch` is the term of
    /// the entry.
    ///
    /// # Errors
    /// `Order` when time or ids go backwards and `Snapshot` when that of an earlier seal point is damaged, both with nothing
    /// changed; `Tree` when a node file fails: the state must then be rebuilt.
    pub fn apply(
        &mut self,
        (entry, prepared): (&Entry<'_>, Prepared),
        log_index: u64,
        epoch: u32,
    ) -> Result<Applied, PartitionError> {
        self.check_order(entry, log_index)?;
        self.dedup.check(&prepared.fingerprints)?;
        self.last_timestamp = entry.timestamp;
        self.open_bytes += entry.proposal.bytes().len() as u64;
        let oldest = self.oldest_offset();
        let mut step = Step::new(self.size, entry.timestamp, epoch, prepared.len());
        let Prepared {
            mut blocks,
            fingerprints,
        } = prepared;
        let mut first_id = None;
        for (position, (id, fingerprint)) in entry.ids().zip(&fingerprints).enumerate() {
            self.last_id = id;
            if position % TOUCHED == 0 {
                let ahead = fingerprints.len().min(position + TOUCHED);
                self.dedup.touch(&fingerprints[position..ahead]);
            }
            self.dedup.expire(self.window.records, oldest);
            match self.dedup.find(fingerprint) {
                Match::New => {
                    let offset = self.size;
                    if first_id.is_none() {
                        first_id = Some(id);
                        self.runs.push(Run {
                            base_offset: offset,
                            timestamp: entry.timestamp,
                            epoch,
                        });
                    }
                    self.dedup.insert(fingerprint, id);
                    self.size += 1;
                    let block = step.accept(&mut blocks, position, offset, id);
                    self.find_by_content(offset, block);
                }
                Match::Duplicate { offset, id } => {
                    let at = (position, fingerprint.is_keyed());
                    step.refuse(&self.runs, (OutcomeStatus::Duplicate, offset, id), at);
                }
                Match::Conflict { offset, id } => {
                    step.refuse(
                        &self.runs,
                        (OutcomeStatus::Conflict, offset, id),
                        (position, true),
                    );
                }
            }
        }
        let count = step.applied.count;
        self.trees
            .push(step.applied.base_offset, &blocks[..count as usize])?;
        if let Some(first_id) = first_id {
            let meta = EntryMeta {
                base_offset: step.applied.base_offset,
                log_index,
                timestamp: entry.timestamp,
                first_id,
                epoch,
                count,
            };
            self.index.push(meta, step.skipped);
        }
        Ok(step.applied)
    }

    /// Enters a new record into the indexes of the open part that its leaf record alone decides.
    fn find_by_content(&mut self, offset: u64, leaf: &RecordBytes) {
        if schema_of(leaf) == SCHEMA_NOTARY {
            self.digests.insert(offset, &hash_at(leaf, VALUE_HASH_AT));
        }
        let key = hash_at(leaf, KEY_HASH_AT);
        if key != ZERO_HASH {
            self.keys.insert(offset, &key);
        }
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

    /// Records applied.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Size at the newest seal point (Z2).
    #[must_use]
    pub fn sealed_from(&self) -> u64 {
        self.sealed_from
    }

    /// Log time of the newest entry, Unix milliseconds; 0 when there is none.
    #[must_use]
    pub fn last_timestamp(&self) -> u64 {
        self.last_timestamp
    }

    /// Largest id given, also to records that turned out duplicates; 0 when there is none.
    #[must_use]
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// The window in force.
    #[must_use]
    pub fn window(&self) -> DedupWindow {
        self.window
    }

    /// Files that hold submissions of the window, to be checked behind an opening.
    #[must_use]
    pub fn seen(&self) -> Vec<Arc<Seen>> {
        self.dedup.seen().map(Arc::clone).collect()
    }

    /// What no snapshot of a seal point says: everything since (Z9). `leaves` are the leaf records since, and `log_index`
    /// is the newest entry applied.
    #[must_use]
    pub fn open_part(&self, log_index: u64, leaves: Vec<RecordBytes>) -> OpenPart {
        let rows = self.dedup.rows_from(self.sealed_from);
        let (entries, skipped) = self.index.all();
        OpenPart {
            log_index,
            from: self.sealed_from,
            size: self.size,
            first_remembered: self.dedup.first(),
            last_timestamp: self.last_timestamp,
            last_id: self.last_id,
            window: self.window,
            bytes: self.open_bytes,
            runs: self.runs.from(self.size - rows.len() as u64),
            rows,
            entries,
            skipped,
            leaves,
        }
    }

    /// Goes on from a seal point to where the open part ends, without its entries (Z9).
    ///
    /// # Errors
    /// `Snapshot` when it is that of another seal point, `Tree` when a node file fails.
    pub fn resume(&mut self, part: OpenPart) -> Result<(), PartitionError> {
        let rows_from = part.size - part.rows.len() as u64;
        let offsets = part.from..part.size;
        if part.from != self.size
            || self.sealed_from != self.size
            || part.leaves.len() as u64 != part.size - part.from
            || rows_from > part.first_remembered.max(part.from)
        {
            let what = "the open part belongs behind another seal point";
            return Err(PartitionError::Snapshot { what });
        }
        for (offset, leaf) in offsets.zip(&part.leaves) {
            self.find_by_content(offset, leaf);
        }
        self.trees.push(part.from, &part.leaves)?;
        if rows_from > self.dedup.next() {
            self.dedup = Dedup::beginning_at(rows_from);
        }
        self.dedup.forget(self.dedup.first(), part.window.records);
        for row in &part.rows {
            self.dedup.insert(&Fingerprint::from(row), row.id);
        }
        self.dedup
            .forget(part.first_remembered, part.window.records);
        for run in part.runs {
            self.runs.push(run);
        }
        self.index.restore(part.entries, part.skipped);
        self.size = part.size;
        self.last_timestamp = part.last_timestamp;
        self.last_id = part.last_id;
        self.window = part.window;
        self.open_bytes = part.bytes;
        Ok(())
    }

    /// The log entries since the newest seal point that brought records, oldest first.
    #[must_use]
    pub fn open_places(&self) -> Vec<EntryPlace> {
        let places = self.index.places();
        places
            .filter(|place| place.base_offset >= self.sealed_from)
            .collect()
    }

    /// Submissions remembered now.
    #[must_use]
    pub fn remembered(&self) -> u64 {
        self.dedup.len()
    }

    /// The trees.
    #[must_use]
    pub fn trees(&self) -> &Trees {
        &self.trees
    }

    /// The trees, to sync or replace them.
    pub fn trees_mut(&mut self) -> &mut Trees {
        &mut self.trees
    }

    /// The log entry that brought a record.
    #[must_use]
    pub fn place_of_offset(&self, offset: u64) -> Option<EntryPlace> {
        self.index
            .by_offset(offset)
            .map(|meta| self.index.place(meta))
    }

    /// BLAKE3 leaves of an entry's records, while they are in memory: as long as no segment has them.
    #[must_use]
    pub fn leaves_of(&self, place: &EntryPlace) -> Option<Vec<Hash>> {
        let mut leaves = Vec::with_capacity(place.count as usize);
        let range = place.base_offset..place.base_offset + u64::from(place.count);
        let blake3 = &self.trees.blake3;
        blake3.copy_held(range, &mut leaves).then_some(leaves)
    }

    /// The only log entry that can hold an id.
    #[must_use]
    pub fn place_of_id(&self, id: u64) -> Option<EntryPlace> {
        self.index.by_id(id).map(|meta| self.index.place(meta))
    }

    /// Offset of the first record that is not sealed whose time is not before `ms`.
    #[must_use]
    pub fn open_offset_of_time(&self, ms: u64) -> Option<u64> {
        self.index.by_time(ms).map(|meta| meta.base_offset)
    }

    /// Notary records that are not sealed, by value hash (Z10); candidates that the caller checks.
    #[must_use]
    pub fn digests(&self) -> &HashIndex {
        &self.digests
    }

    /// Records with a key that are not sealed, by the key's hash (Z10); candidates that the caller checks.
    #[must_use]
    pub fn keys(&self) -> &HashIndex {
        &self.keys
    }
}

/// One entry being applied.
struct Step {
    applied: Applied,
    skipped: Vec<u32>,
    timestamp: u64,
    epoch: u32,
}

impl Step {
    fn new(base_offset: u64, timestamp: u64, epoch: u32, records: usize) -> Self {
        Self {
            applied: Applied {
                outcomes: Vec::with_capacity(records * OUTCOME_BYTES),
                base_offset,
                ..Applied::default()
            },
            skipped: Vec::new(),
            timestamp,
            epoch,
        }
    }

    /// Makes the record at `position` the next leaf: fills in its head and moves it behind the leaves before it.
    fn accept<'b>(
        &mut self,
        blocks: &'b mut [RecordBytes],
        position: usize,
        offset: u64,
        id: u64,
    ) -> &'b RecordBytes {
        let slot = self.applied.count as usize;
        if slot != position {
            blocks[slot] = blocks[position];
        }
        let block = &mut blocks[slot];
        fill_head(block, (self.timestamp, id), offset, self.epoch);
        self.applied.count += 1;
        self.outcome(&Outcome {
            status: OutcomeStatus::New,
            epoch: self.epoch,
            offset,
            scarab_id: id,
            timestamp: self.timestamp,
        });
        block
    }

    /// Answers with the record that stands there already; its entry may be the one in hand.
    fn refuse(
        &mut self,
        runs: &Runs,
        (status, offset, id): (OutcomeStatus, u64, u64),
        (position, keyed): (usize, bool),
    ) {
        let (epoch, timestamp) = runs
            .by_offset(offset)
            .map_or((self.epoch, self.timestamp), |r| (r.epoch, r.timestamp));
        self.skipped.push(position as u32);
        if status == OutcomeStatus::Duplicate {
            self.applied.duplicates += 1;
            self.applied.duplicates_by_key += u32::from(keyed);
        } else {
            self.applied.conflicts += 1;
        }
        self.outcome(&Outcome {
            status,
            epoch,
            offset,
            scarab_id: id,
            timestamp,
        });
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.applied.outcomes.extend_from_slice(&outcome.to_bytes());
    }
}

/// Fills in what a leaf record says beside its content (L1).
pub(crate) fn fill_head(
    block: &mut RecordBytes,
    (timestamp, id): (u64, u64),
    offset: u64,
    epoch: u32,
) {
    block[0..8].copy_from_slice(&timestamp.to_le_bytes());
    block[8..16].copy_from_slice(&id.to_le_bytes());
    block[16..24].copy_from_slice(&offset.to_le_bytes());
    block[24..HEAD_BYTES].copy_from_slice(&epoch.to_le_bytes());
}

fn schema_of(block: &RecordBytes) -> u32 {
    u32::from_le_bytes([block[28], block[29], block[30], block[31]])
}

fn hash_at(block: &RecordBytes, at: usize) -> Hash {
    let mut hash = ZERO_HASH;
    hash.copy_from_slice(&block[at..at + 32]);
    hash
}
