//! The state machine: entries in, outcomes out (N1–N3, L5).

use pyralog_merkle::RecordBytes;
use pyralog_types::batch::{Entry, OUTCOME_BYTES, Outcome, OutcomeStatus};

use crate::dedup::{Dedup, DedupWindow, Match};
use crate::digests::DigestIndex;
use crate::error::PartitionError;
use crate::fingerprint::{HEAD_BYTES, Prepared};
use crate::index::{EntryIndex, EntryMeta, EntryPlace};
use crate::stamp::parse_window;
use crate::trees::Trees;

/// Schema of notary values (L4), the only ones found by digest.
const SCHEMA_NOTARY: u32 = 1;

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
    /// Records whose key stands for other content.
    pub conflicts: u32,
}

/// The replicated state of one partition, with the indexes that follow from it.
pub struct Partition {
    trees: Trees,
    dedup: Dedup,
    window: DedupWindow,
    index: EntryIndex,
    digests: DigestIndex,
    size: u64,
    last_timestamp: u64,
    last_id: u64,
    /// Number of the first indexed entry that is young enough for the window.
    oldest_entry: usize,
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
            digests: DigestIndex::default(),
            size: 0,
            last_timestamp: 0,
            last_id: 0,
            oldest_entry: 0,
        }
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
        if let Some((timestamp, window)) = parse_window(bytes) {
            return self.apply_window(timestamp, window, log_index);
        }
        let entry =
            Entry::parse(bytes).map_err(|source| PartitionError::Entry { log_index, source })?;
        self.apply((&entry, Prepared::of(&entry)), log_index, epoch)
    }

    /// Applies a committed entry: decides each record in order (N2), gives offsets, pushes leaves. `epoch` is the term of
    /// the entry.
    ///
    /// # Errors
    /// `Order` when time or ids go backwards, `Tree` when a node file fails; the state must then be rebuilt.
    pub fn apply(
        &mut self,
        (entry, prepared): (&Entry<'_>, Prepared),
        log_index: u64,
        epoch: u32,
    ) -> Result<Applied, PartitionError> {
        self.check_order(entry, log_index)?;
        self.last_timestamp = entry.timestamp;
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
                    first_id.get_or_insert(id);
                    self.dedup.insert(fingerprint, id);
                    self.size += 1;
                    let block = step.accept(&mut blocks, position, offset, id);
                    if schema_of(block) == SCHEMA_NOTARY {
                        self.digests.insert(offset, &value_hash_of(block));
                    }
                }
                Match::Duplicate { offset, id } => {
                    step.refuse(
                        &self.index,
                        (OutcomeStatus::Duplicate, offset, id),
                        position,
                    );
                }
                Match::Conflict { offset, id } => {
                    step.refuse(&self.index, (OutcomeStatus::Conflict, offset, id), position);
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
        while let Some(entry) = self.index.get(self.oldest_entry) {
            if entry.timestamp >= bound {
                return entry.base_offset;
            }
            self.oldest_entry += 1;
        }
        self.size
    }

    /// Records applied.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
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

    /// The only log entry that can hold an id.
    #[must_use]
    pub fn place_of_id(&self, id: u64) -> Option<EntryPlace> {
        self.index.by_id(id).map(|meta| self.index.place(meta))
    }

    /// Notary records by value hash; candidates that the caller checks.
    #[must_use]
    pub fn digests(&self) -> &DigestIndex {
        &self.digests
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
        block[0..8].copy_from_slice(&self.timestamp.to_le_bytes());
        block[8..16].copy_from_slice(&id.to_le_bytes());
        block[16..24].copy_from_slice(&offset.to_le_bytes());
        block[24..HEAD_BYTES].copy_from_slice(&self.epoch.to_le_bytes());
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
        index: &EntryIndex,
        (status, offset, id): (OutcomeStatus, u64, u64),
        position: usize,
    ) {
        let (epoch, timestamp) = index
            .by_offset(offset)
            .map_or((self.epoch, self.timestamp), |e| (e.epoch, e.timestamp));
        self.skipped.push(position as u32);
        if status == OutcomeStatus::Duplicate {
            self.applied.duplicates += 1;
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

fn schema_of(block: &RecordBytes) -> u32 {
    u32::from_le_bytes([block[28], block[29], block[30], block[31]])
}

fn value_hash_of(block: &RecordBytes) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(&block[64..96]);
    hash
}
