//! What a partition must remember when the entries that made it so are gone: its state at a seal point (Z5).
//!
//! A snapshot holds the submissions logged since the seal point before, and the figures of the whole partition. So the
//! state at a seal point is the newest snapshot and as many before it as the duplicate window reaches back.

use crate::dedup::DedupWindow;
use crate::error::PartitionError;
use crate::fingerprint::Fingerprint;
use crate::ring::Remembered;
use crate::runs::Run;

const MAGIC: [u8; 8] = *b"PYRLSEN\x01";
const VERSION: u64 = 1;
const WORDS: usize = 12;
const HEADER_BYTES: usize = 8 + WORDS * 8;
const RUN_BYTES: usize = 24;
const ROW_BYTES: usize = 40;
const HASH_BYTES: usize = 32;

/// The state of a partition at a seal point, with the submissions since the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Index of the newest entry applied.
    pub log_index: u64,
    /// Size at the seal point before.
    pub sealed_from: u64,
    /// Size at this one.
    pub size: u64,
    /// Oldest offset whose submission is remembered.
    pub first_remembered: u64,
    /// Log time of the newest entry.
    pub last_timestamp: u64,
    /// Largest id given.
    pub last_id: u64,
    /// Window in force.
    pub window: DedupWindow,
    /// Times of the records from `rows_from` on.
    pub(crate) runs: Vec<Run>,
    /// Submissions of the records from `rows_from` up to `size`.
    pub(crate) rows: Vec<Remembered>,
}

impl Snapshot {
    /// First offset whose submission is in here.
    #[must_use]
    pub fn rows_from(&self) -> u64 {
        self.size - self.rows.len() as u64
    }

    /// Bytes (Z5): words, runs, rows, BLAKE3 of all of it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let length = HEADER_BYTES + self.runs.len() * RUN_BYTES + self.rows.len() * ROW_BYTES;
        let mut out = Vec::with_capacity(length + HASH_BYTES);
        out.extend_from_slice(&MAGIC);
        let words: [u64; WORDS] = [
            VERSION,
            self.log_index,
            self.sealed_from,
            self.size,
            self.first_remembered,
            self.last_timestamp,
            self.last_id,
            self.window.millis,
            self.window.records,
            self.runs.len() as u64,
            self.rows.len() as u64,
            0,
        ];
        for word in words {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for run in &self.runs {
            let words = [run.base_offset, run.timestamp, u64::from(run.epoch)];
            out.extend(words.into_iter().flat_map(u64::to_le_bytes));
        }
        for row in &self.rows {
            out.extend_from_slice(&row.fingerprint);
            out.extend_from_slice(&row.content);
            out.extend_from_slice(&row.id.to_le_bytes());
        }
        let hash = blake3::hash(&out);
        out.extend_from_slice(hash.as_bytes());
        out
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// `Snapshot` when they are not what [`Snapshot::encode`] made.
    pub fn decode(bytes: &[u8]) -> Result<Self, PartitionError> {
        let refuse = |what| Err(PartitionError::Snapshot { what });
        let Some((body, hash)) = bytes
            .split_last_chunk::<HASH_BYTES>()
            .filter(|(body, _)| body.len() >= HEADER_BYTES && body[..8] == MAGIC)
        else {
            return refuse("it does not begin with the mark of such a file");
        };
        if blake3::hash(body).as_bytes() != hash {
            return refuse("its hash is another one");
        }
        let (words, _) = body[8..].as_chunks::<8>();
        let word = |at: usize| u64::from_le_bytes(words[at]);
        if word(0) != VERSION {
            return refuse("a newer version wrote it");
        }
        let (runs, rows) = (word(9) as usize, word(10) as usize);
        let rest = &body[HEADER_BYTES..];
        let fits = runs.checked_mul(RUN_BYTES).zip(rows.checked_mul(ROW_BYTES));
        let fits = fits.and_then(|(runs, rows)| runs.checked_add(rows));
        let (size, sealed_from) = (word(3), word(2));
        if fits != Some(rest.len()) || sealed_from > size || rows as u64 > size - sealed_from {
            return refuse("its figures do not fit together");
        }
        let (run_bytes, row_bytes) = rest.split_at(runs * RUN_BYTES);
        Ok(Self {
            log_index: word(1),
            sealed_from,
            size,
            first_remembered: word(4),
            last_timestamp: word(5),
            last_id: word(6),
            window: DedupWindow {
                millis: word(7),
                records: word(8),
            },
            runs: run_bytes
                .as_chunks::<RUN_BYTES>()
                .0
                .iter()
                .map(run_of)
                .collect(),
            rows: row_bytes
                .as_chunks::<ROW_BYTES>()
                .0
                .iter()
                .map(row_of)
                .collect(),
        })
    }
}

fn run_of(bytes: &[u8; RUN_BYTES]) -> Run {
    let (words, _) = bytes.as_chunks::<8>();
    Run {
        base_offset: u64::from_le_bytes(words[0]),
        timestamp: u64::from_le_bytes(words[1]),
        epoch: u64::from_le_bytes(words[2]) as u32,
    }
}

fn row_of(bytes: &[u8; ROW_BYTES]) -> Remembered {
    let (halves, id) = bytes.as_chunks::<16>();
    let mut word = [0; 8];
    word.copy_from_slice(id);
    Remembered {
        fingerprint: halves[0],
        content: halves[1],
        id: u64::from_le_bytes(word),
    }
}

impl From<&Remembered> for Fingerprint {
    fn from(row: &Remembered) -> Self {
        Self {
            lookup: row.fingerprint,
            content: row.content,
        }
    }
}
