//! Looks at the tree's journal before the tree replays it.
//!
//! The tree syncs one batch at a time, so a crash can tear one batch only: the last. Behind it there is nothing, or
//! zeros, because files are laid out ahead. So:
//! - a file whose batches are all good is left alone;
//! - a bad batch with nothing behind it, in its file or a later one, is a torn tail and is cut. In a file that is not the
//!   newest, only a write that failed leaves one, and that has no end: the tree syncs a file before it begins the next, so a
//!   batch that ends there was whole once;
//! - every other bad batch is damage, and the store does not open. The tree would cut there and lose what follows.
//!
//! The format is that of `fjall` 3 (`FormatVersion::V3`): a batch is `1 u32 count u64 seqno`, its entries, and
//! `3 u64 xxh3-of-the-entries "FJL\x03"`. An entry is `2 u8 type u8 compression u64 keyspace u16 key-length u32
//! value-length u32 stored-length key value` or `4 u64 keyspace`. This store writes its journal without compression.

use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pyralog_types::{u32_at, u64_at};
use xxhash_rust::xxh3::xxh3_64;

use crate::LsmError;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const MAGIC: &[u8; 4] = b"FJL\x03";
const START_BYTES: usize = 13;
const ITEM_HEAD_BYTES: usize = 21;
const CLEAR_BYTES: usize = 9;
const END_BYTES: usize = 13;

/// What was found in a directory of journals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JournalReport {
    /// Files.
    pub files: usize,
    /// Good batches.
    pub batches: u64,
    /// Bytes of a torn tail that were cut, zeros not counted.
    pub cut_bytes: u64,
}

/// Checks the journals of a store and cuts a torn tail.
///
/// # Errors
/// [`LsmError::Corrupt`] for damage, a missing file, or none at all; [`LsmError::Io`].
pub fn check(dir: &Path) -> Result<JournalReport, LsmError> {
    let files = list(dir)?;
    if files.is_empty() {
        return Err(LsmError::Corrupt("its journal is missing".to_owned()));
    }
    let mut report = JournalReport::default();
    let mut last_seqno = None;
    let mut torn: Option<(PathBuf, Range<usize>)> = None;
    for (index, (number, path)) in files.iter().enumerate() {
        if index > 0 && files[index - 1].0 + 1 != *number {
            return Err(LsmError::Corrupt(format!(
                "the journal before {number}.jnl is missing"
            )));
        }
        let bytes = read(path)?;
        let found = scan(&bytes, last_seqno);
        last_seqno = found.last_seqno;
        report.files += 1;
        report.batches += found.batches;
        if let Some((path, tail)) = &torn
            && (found.batches > 0 || !found.tail.is_empty())
        {
            return Err(damaged(path, tail));
        }
        if found.tail.is_empty() {
            continue;
        }
        let newest = index + 1 == files.len();
        let was_whole = !newest && bytes[found.tail.clone()].ends_with(MAGIC);
        if was_whole || find_batch(&bytes, &found).is_some() {
            return Err(damaged(path, &found.tail));
        }
        torn = Some((path.clone(), found.tail));
    }
    if let Some((path, tail)) = torn {
        cut(&path, tail.start as u64)?;
        report.cut_bytes = tail.len() as u64;
    }
    Ok(report)
}

fn damaged(path: &Path, tail: &Range<usize>) -> LsmError {
    LsmError::Corrupt(format!(
        "its journal {} is damaged at byte {}, before batches that were acknowledged",
        path.display(),
        tail.start
    ))
}

/// Whether no batch, whole or torn, was ever written here: a creation that did not finish.
///
/// # Errors
/// [`LsmError::Io`].
pub fn is_untouched(dir: &Path) -> Result<bool, LsmError> {
    for (_, path) in list(dir)? {
        if used(&read(&path)?) > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, LsmError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "jnl") {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let number = stem.and_then(|stem| stem.parse().ok()).ok_or_else(|| {
                LsmError::Corrupt(format!("{} is no journal's name", path.display()))
            })?;
            files.push((number, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, LsmError> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cut(path: &Path, length: u64) -> Result<(), LsmError> {
    let file = File::options().write(true).open(path)?;
    file.set_len(length)?;
    file.sync_all()?;
    Ok(())
}

struct Scan {
    batches: u64,
    last_seqno: Option<u64>,
    /// From the first bad batch to the last byte that is not zero; empty when all is good.
    tail: Range<usize>,
}

/// Reads good batches from the front. `before` is the newest sequence number of the files before this one: numbers
/// grow, and one that does not is damage that the batch's own checksum leaves out.
fn scan(bytes: &[u8], before: Option<u64>) -> Scan {
    let mut scan = Scan {
        batches: 0,
        last_seqno: before,
        tail: 0..used(bytes),
    };
    while let Some((seqno, end)) = batch(bytes, scan.tail.start) {
        if scan.last_seqno.is_some_and(|last| seqno <= last) {
            break;
        }
        scan.batches += 1;
        scan.last_seqno = Some(seqno);
        scan.tail.start = end;
    }
    scan
}

/// Length without the zeros at the end, which are most of a file: by pages, as fast as memory is read.
fn used(bytes: &[u8]) -> usize {
    const PAGE: [u8; 4096] = [0; 4096];
    let mut end = bytes.len();
    while let Some(page) = bytes[..end].last_chunk::<4096>() {
        if *page != PAGE {
            break;
        }
        end -= PAGE.len();
    }
    bytes[..end]
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1)
}

/// A good batch where the bad one should be (its number is out of order), or behind it. There, one whose sequence number is
/// not newer is a part of some value.
fn find_batch(bytes: &[u8], scan: &Scan) -> Option<usize> {
    if batch(bytes, scan.tail.start).is_some() {
        return Some(scan.tail.start);
    }
    let newer = |seqno: u64| scan.last_seqno.is_none_or(|last| seqno > last);
    (scan.tail.start + 1..scan.tail.end)
        .filter(|at| bytes[*at] == START)
        .find(|at| batch(bytes, *at).is_some_and(|(seqno, _)| newer(seqno)))
}

/// Sequence number and end of a good batch that begins at `at`.
fn batch(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let head = bytes.get(at..at + START_BYTES)?;
    if head[0] != START {
        return None;
    }
    let count = u32_at(head, 1);
    let seqno = u64_at(head, 5);
    let first = at + START_BYTES;
    let mut end = first;
    for _ in 0..count {
        end = entry(bytes, end)?;
    }
    let trailer = bytes.get(end..end + END_BYTES)?;
    let good = trailer[0] == END
        && trailer.ends_with(MAGIC)
        && u64_at(trailer, 1) == xxh3_64(&bytes[first..end]);
    good.then_some((seqno, end + END_BYTES))
}

/// End of an entry that begins at `at`.
fn entry(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        ITEM => {
            let head = bytes.get(at..at + ITEM_HEAD_BYTES)?;
            let key = usize::from(u16::from_le_bytes([head[11], head[12]]));
            let stored = u32_at(head, 17) as usize;
            let end = at + ITEM_HEAD_BYTES + key + stored;
            (end <= bytes.len()).then_some(end)
        }
        CLEAR => {
            let end = at + CLEAR_BYTES;
            (end <= bytes.len()).then_some(end)
        }
        _ => None,
    }
}
