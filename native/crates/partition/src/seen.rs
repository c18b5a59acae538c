//! Submissions of one stretch of the log in a file that is mapped and looked through where it lies (Z5): opening one costs
//! its head, not its rows, and what it holds is in memory only as far as the operating system likes.
//!
//! Behind the rows stands a table of them, made when the file is: linear probing in slots of four bytes, half of them
//! free. A slot tells an absent submission without its row being looked at, but once in some thousand times. Pages are
//! checked when they are first looked at; [`Seen::verify`] does it for all of them behind an opening.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::dedup::DedupWindow;
use crate::error::PartitionError;
use crate::ring::Remembered;
use crate::runs::Run;
use crate::snapshot::{HASH_BYTES, HEADER_BYTES, MAGIC, ROW_BYTES, RUN_BYTES, VERSION, WORDS};

/// The bytes of a snapshot's file, mapped or not.
pub type SeenBytes = Box<dyn Deref<Target = [u8]> + Send + Sync>;

/// Bytes that one sum covers.
pub(crate) const PAGE: usize = 16 << 10;
/// Bytes of a sum: the first of the page's BLAKE3.
pub(crate) const SUM_BYTES: usize = 8;
/// The rows begin at a multiple of this.
pub(crate) const BODY_ALIGN: usize = 4_096;
pub(crate) const SLOT_BYTES: usize = 4;
const SLOTS_MIN: usize = 16;

/// A snapshot as its file says it, with its submissions left where they are.
pub struct Seen {
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
    pub(crate) runs: Vec<Run>,
    rows: usize,
    slots: usize,
    /// Where the rows begin.
    body: usize,
    /// Where the sums of the pages begin.
    sums: usize,
    bytes: SeenBytes,
    /// A bit for each page that was found as it was written.
    verified: Box<[AtomicU64]>,
    /// Pages that were not looked at yet.
    unverified: AtomicUsize,
    damaged: AtomicBool,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seen({}..{})", self.rows_from(), self.size)
    }
}

impl Seen {
    /// Reads the head of a file; its rows stay where they are.
    ///
    /// # Errors
    /// `Snapshot` when it is not what [`crate::Snapshot::encode`] made.
    pub fn open(bytes: SeenBytes) -> Result<Self, PartitionError> {
        let refuse = |what| Err(PartitionError::Snapshot { what });
        if bytes.len() < HEADER_BYTES || bytes[..7] != MAGIC[..7] {
            return refuse("it does not begin with the mark of such a file");
        }
        let (words, _) = bytes[8..HEADER_BYTES].as_chunks::<8>();
        let words: [u64; WORDS] = std::array::from_fn(|at| u64::from_le_bytes(words[at]));
        if bytes[..8] != MAGIC || words[0] != VERSION {
            return refuse(
                "another version of this program wrote it: export the store with that one",
            );
        }
        let [_, log_index, sealed_from, size, first_remembered, ..] = words;
        let [run_count, rows, slots] = [words[9], words[10], words[11]].map(|word| word as usize);
        let plain = words[9..].iter().all(|count| *count <= bytes.len() as u64);
        if !plain || slots != slots_for(rows) {
            return refuse("its figures do not fit together");
        }
        let body_bytes = rows * ROW_BYTES + slots * SLOT_BYTES;
        let pages = body_bytes.div_ceil(PAGE);
        let sums = HEADER_BYTES + run_count * RUN_BYTES;
        let hashed = sums + pages * SUM_BYTES;
        let body = (hashed + HASH_BYTES).next_multiple_of(BODY_ALIGN);
        if bytes.len() != body + body_bytes
            || sealed_from > size
            || rows as u64 > size - sealed_from
        {
            return refuse("its figures do not fit together");
        }
        let hash = &bytes[hashed..hashed + HASH_BYTES];
        if blake3::hash(&bytes[..hashed]).as_bytes() != hash {
            return refuse("its hash is another one");
        }
        let runs = bytes[HEADER_BYTES..sums].as_chunks::<RUN_BYTES>().0;
        Ok(Self {
            log_index,
            sealed_from,
            size,
            first_remembered,
            last_timestamp: words[5],
            last_id: words[6],
            window: DedupWindow {
                millis: words[7],
                records: words[8],
            },
            runs: runs.iter().map(Run::from_bytes).collect(),
            rows,
            slots,
            body,
            sums,
            bytes,
            verified: (0..pages.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            unverified: AtomicUsize::new(pages),
            damaged: AtomicBool::new(false),
        })
    }

    /// First offset whose submission is in here.
    #[must_use]
    pub fn rows_from(&self) -> u64 {
        self.size - self.rows as u64
    }

    /// Whether every page was checked and found good.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.unverified.load(Ordering::Acquire) == 0
    }

    /// Checks the pages that nobody looked at yet; stops when `go_on` says so.
    ///
    /// # Errors
    /// `Snapshot` when one is not what was written.
    pub fn verify(&self, go_on: &mut dyn FnMut() -> bool) -> Result<(), PartitionError> {
        let pages = self.body_bytes().div_ceil(PAGE);
        for page in 0..pages {
            if !go_on() {
                return Ok(());
            }
            self.check_page(page)?;
        }
        Ok(())
    }

    /// Checks what looking for a submission will look at. Free once all of it was.
    pub(crate) fn check(&self, lookup: &[u8; 16]) -> Result<(), PartitionError> {
        if self.is_verified() || self.slots == 0 {
            return Ok(());
        }
        let mut probe = Probe::of(lookup, self.slots, self.rows);
        for _ in 0..self.slots {
            self.check_bytes(self.slot_at(probe.at), SLOT_BYTES)?;
            match self.row_in(probe.at, &probe) {
                Slot::Free => break,
                Slot::Other => {}
                Slot::Maybe(row) => self.check_bytes(row * ROW_BYTES, ROW_BYTES)?,
            }
            probe.next();
        }
        Ok(())
    }

    /// The submission at or behind `first` with this fingerprint. What is looked at was [checked](Seen::check).
    pub(crate) fn find(&self, lookup: &[u8; 16], first: u64) -> Option<(u64, Remembered)> {
        if self.slots == 0 {
            return None;
        }
        let mut probe = Probe::of(lookup, self.slots, self.rows);
        for _ in 0..self.slots {
            match self.row_in(probe.at, &probe) {
                Slot::Free => return None,
                Slot::Other => {}
                Slot::Maybe(row) => {
                    let offset = self.rows_from() + row as u64;
                    let held = self.row(row).filter(|held| held.fingerprint == *lookup);
                    if let Some(held) = held.filter(|_| offset >= first) {
                        return Some((offset, held));
                    }
                }
            }
            probe.next();
        }
        None
    }

    /// Reads where the search begins, so that the misses of many such calls overlap.
    #[inline]
    pub(crate) fn touch(&self, lookup: &[u8; 16]) -> u64 {
        if self.slots == 0 {
            return 0;
        }
        let at = Probe::of(lookup, self.slots, self.rows).at;
        u64::from(self.slot(at))
    }

    fn row(&self, row: usize) -> Option<Remembered> {
        let at = self.body + row * ROW_BYTES;
        let bytes = self.bytes.get(at..at + ROW_BYTES)?.first_chunk()?;
        (row < self.rows).then(|| Remembered::from_bytes(bytes))
    }

    fn row_in(&self, at: usize, probe: &Probe) -> Slot {
        let slot = self.slot(at);
        let row = (slot & probe.mask) as usize;
        if slot == 0 {
            Slot::Free
        } else if slot & !probe.mask == probe.tag && (1..=self.rows).contains(&row) {
            Slot::Maybe(row - 1)
        } else {
            Slot::Other
        }
    }

    fn slot(&self, at: usize) -> u32 {
        let at = self.body + self.slot_at(at);
        let bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Where a slot stands in the body.
    fn slot_at(&self, at: usize) -> usize {
        self.rows * ROW_BYTES + at * SLOT_BYTES
    }

    fn body_bytes(&self) -> usize {
        self.bytes.len() - self.body
    }

    fn check_bytes(&self, at: usize, length: usize) -> Result<(), PartitionError> {
        self.check_page(at / PAGE)?;
        self.check_page((at + length - 1) / PAGE)
    }

    fn check_page(&self, page: usize) -> Result<(), PartitionError> {
        let (word, bit) = (&self.verified[page / 64], 1 << (page % 64));
        if word.load(Ordering::Acquire) & bit != 0 {
            return Ok(());
        }
        let start = self.body + page * PAGE;
        let bytes = &self.bytes[start..self.bytes.len().min(start + PAGE)];
        let sum = self.sums + page * SUM_BYTES;
        if self.damaged.load(Ordering::Acquire) || sum_of(bytes) != self.bytes[sum..sum + SUM_BYTES]
        {
            self.damaged.store(true, Ordering::Release);
            let what = "a part of it is not what was written";
            return Err(PartitionError::Snapshot { what });
        }
        if word.fetch_or(bit, Ordering::AcqRel) & bit == 0 {
            self.unverified.fetch_sub(1, Ordering::AcqRel);
        }
        Ok(())
    }
}

enum Slot {
    Free,
    Other,
    /// The row that it may be.
    Maybe(usize),
}

/// A search: where it is, and what slots of this submission look like.
struct Probe {
    at: usize,
    slots: usize,
    tag: u32,
    /// Bits of a slot that say the row, counted from one.
    mask: u32,
}

impl Probe {
    #[inline]
    fn of(lookup: &[u8; 16], slots: usize, rows: usize) -> Self {
        let (words, _) = lookup.as_chunks::<4>();
        let [home, tag] = [words[0], words[1]].map(u32::from_le_bytes);
        let mask = u32::MAX >> (rows as u32).leading_zeros().min(31);
        Self {
            at: ((u64::from(home) * slots as u64) >> 32) as usize,
            slots,
            tag: tag & !mask,
            mask,
        }
    }

    #[inline]
    fn next(&mut self) {
        self.at = if self.at + 1 == self.slots {
            0
        } else {
            self.at + 1
        };
    }
}

pub(crate) fn sum_of(page: &[u8]) -> [u8; SUM_BYTES] {
    let mut sum = [0; SUM_BYTES];
    sum.copy_from_slice(&blake3::hash(page).as_bytes()[..SUM_BYTES]);
    sum
}

/// Slots of a table of so many rows.
pub(crate) fn slots_for(rows: usize) -> usize {
    if rows == 0 {
        0
    } else {
        (rows * 2).max(SLOTS_MIN)
    }
}

/// The table of so many rows.
pub(crate) fn table_of<'a>(rows: impl Iterator<Item = &'a Remembered>, count: usize) -> Vec<u32> {
    let mut table = vec![0; slots_for(count)];
    for (row, held) in (1_u32..).zip(rows) {
        let mut probe = Probe::of(&held.fingerprint, table.len(), count);
        while table[probe.at] != 0 {
            probe.next();
        }
        table[probe.at] = probe.tag | row;
    }
    table
}
