//! What a partition holds since its newest seal point, as bytes: so that an opening after a clean stop need not replay the
//! entries it came from (Z9).

use pyralog_merkle::RecordBytes;

use crate::dedup::DedupWindow;
use crate::error::PartitionError;
use crate::index::{EntryMeta, Skipped};
use crate::ring::Remembered;
use crate::runs::Run;
use crate::snapshot::{ROW_BYTES, RUN_BYTES};

const WORDS: usize = 14;
const ENTRY_BYTES: usize = 40;
const LEAF_BYTES: usize = 128;

/// The open part of a partition. Whoever keeps its bytes sees to it that they are those that were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPart {
    /// Index of the newest entry applied.
    pub log_index: u64,
    /// Size at the newest seal point.
    pub from: u64,
    /// Size now.
    pub size: u64,
    /// Oldest offset whose submission is remembered.
    pub(crate) first_remembered: u64,
    pub(crate) last_timestamp: u64,
    pub(crate) last_id: u64,
    pub(crate) window: DedupWindow,
    /// Bytes of the proposals since the seal point (Z2).
    pub(crate) bytes: u64,
    pub(crate) runs: Vec<Run>,
    pub(crate) rows: Vec<Remembered>,
    pub(crate) entries: Vec<EntryMeta>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) leaves: Vec<RecordBytes>,
}

impl OpenPart {
    /// Appends the bytes: words, runs, rows, entries, leaf records, then the skipped positions.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let skipped: usize = self.skipped.iter().map(|(_, at)| 16 + at.len() * 4).sum();
        let words: [u64; WORDS] = [
            self.log_index,
            self.from,
            self.size,
            self.first_remembered,
            self.last_timestamp,
            self.last_id,
            self.window.millis,
            self.window.records,
            self.bytes,
            self.runs.len() as u64,
            self.rows.len() as u64,
            self.entries.len() as u64,
            self.leaves.len() as u64,
            skipped as u64,
        ];
        out.extend(words.into_iter().flat_map(u64::to_le_bytes));
        self.runs
            .iter()
            .for_each(|run| out.extend_from_slice(&run.to_bytes()));
        self.rows
            .iter()
            .for_each(|row| out.extend_from_slice(&row.to_bytes()));
        for entry in &self.entries {
            let words = [
                entry.base_offset,
                entry.log_index,
                entry.timestamp,
                entry.first_id,
            ];
            out.extend(words.into_iter().flat_map(u64::to_le_bytes));
            out.extend_from_slice(&entry.epoch.to_le_bytes());
            out.extend_from_slice(&entry.count.to_le_bytes());
        }
        out.extend_from_slice(self.leaves.as_flattened());
        for (log_index, positions) in &self.skipped {
            out.extend_from_slice(&log_index.to_le_bytes());
            out.extend_from_slice(&(positions.len() as u64).to_le_bytes());
            out.extend(positions.iter().flat_map(|at| at.to_le_bytes()));
        }
    }

    /// Reads the bytes, which must be all of them.
    ///
    /// # Errors
    /// `Snapshot` when [`OpenPart::encode`] made no such bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, PartitionError> {
        Self::read(bytes).ok_or(PartitionError::Snapshot {
            what: "the figures of the open part do not fit together",
        })
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (head, mut rest) = bytes.split_at_checked(WORDS * 8)?;
        let (words, _) = head.as_chunks::<8>();
        let word = |at: usize| u64::from_le_bytes(words[at]);
        let runs = take::<RUN_BYTES>(&mut rest, word(9))?;
        let rows = take::<ROW_BYTES>(&mut rest, word(10))?;
        let entries = take::<ENTRY_BYTES>(&mut rest, word(11))?;
        let leaves = take::<LEAF_BYTES>(&mut rest, word(12))?;
        let (from, size) = (word(1), word(2));
        let plausible = from <= size
            && leaves.len() as u64 == size - from
            && rows.len() as u64 <= size
            && rest.len() as u64 == word(13);
        plausible.then_some(())?;
        Some(Self {
            log_index: word(0),
            from,
            size,
            first_remembered: word(3),
            last_timestamp: word(4),
            last_id: word(5),
            window: DedupWindow {
                millis: word(6),
                records: word(7),
            },
            bytes: word(8),
            runs: runs.iter().map(Run::from_bytes).collect(),
            rows: rows.iter().map(Remembered::from_bytes).collect(),
            entries: entries.iter().map(entry_of).collect(),
            skipped: skipped_of(rest)?,
            leaves: leaves.to_vec(),
        })
    }
}

/// So many pieces of the same length.
fn take<'a, const N: usize>(rest: &mut &'a [u8], count: u64) -> Option<&'a [[u8; N]]> {
    let length = usize::try_from(count).ok()?.checked_mul(N)?;
    let (taken, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(taken.as_chunks::<N>().0)
}

fn entry_of(bytes: &[u8; ENTRY_BYTES]) -> EntryMeta {
    let (words, _) = bytes.as_chunks::<8>();
    let word = |at: usize| u64::from_le_bytes(words[at]);
    EntryMeta {
        base_offset: word(0),
        log_index: word(1),
        timestamp: word(2),
        first_id: word(3),
        epoch: word(4) as u32,
        count: (word(4) >> 32) as u32,
    }
}

fn skipped_of(mut rest: &[u8]) -> Option<Vec<Skipped>> {
    let mut skipped = Vec::new();
    while !rest.is_empty() {
        let [log_index, count] = take::<8>(&mut rest, 2)? else {
            return None;
        };
        let positions = take::<4>(&mut rest, u64::from_le_bytes(*count))?;
        let positions = positions.iter().map(|at| u32::from_le_bytes(*at)).collect();
        skipped.push((u64::from_le_bytes(*log_index), positions));
    }
    Some(skipped)
}
