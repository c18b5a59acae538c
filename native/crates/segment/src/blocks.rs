//! A mapped file whose blocks are checked when they are first touched (H6).

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pyralog_log::Mapped;

/// Bytes of a block. Checking one costs a few microseconds, once.
pub const BLOCK_BYTES: usize = 1 << 16;

/// A block that is not what was written, or a range beyond the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// Bytes of the file that cannot be read.
    pub range: Range<usize>,
    /// What is wrong with them.
    pub what: String,
}

/// The file. What it hands out was checked.
#[derive(Debug)]
pub struct Blocks {
    map: Mapped,
    crcs: Vec<u32>,
    checked: Box<[AtomicBool]>,
    /// Blocks not checked yet; at 0 nothing needs to be looked up any more.
    left: AtomicUsize,
}

impl Blocks {
    /// `None` when there are not as many checksums as blocks.
    pub fn new(map: Mapped, crcs: Vec<u32>) -> Option<Self> {
        let count = map.len().div_ceil(BLOCK_BYTES);
        (crcs.len() == count).then(|| Self {
            map,
            crcs,
            checked: (0..count).map(|_| AtomicBool::new(false)).collect(),
            left: AtomicUsize::new(count),
        })
    }

    /// Checked bytes.
    #[inline]
    pub fn bytes(&self, range: Range<usize>) -> Result<&[u8], Bad> {
        // An empty range may stand in a block without having anything in it.
        if !range.is_empty() && self.left.load(Ordering::Acquire) > 0 {
            let (first, last) = (range.start / BLOCK_BYTES, (range.end - 1) / BLOCK_BYTES);
            let known = |block: usize| {
                let checked = self.checked.get(block);
                checked.is_some_and(|checked| checked.load(Ordering::Acquire))
            };
            if first != last || !known(first) {
                self.check(&range)?;
            }
        }
        self.map.get(range.clone()).ok_or_else(|| Bad {
            what: "the file ends before them".to_owned(),
            range,
        })
    }

    /// The mapping, with nothing checked.
    pub fn unchecked(&self) -> &Mapped {
        &self.map
    }

    /// Every block that is bad, by its bytes. Checks all again, whatever was checked before.
    pub fn bad_blocks(&self) -> impl Iterator<Item = Bad> {
        (0..self.crcs.len()).filter_map(|block| self.verify(block).err())
    }

    #[cold]
    fn check(&self, range: &Range<usize>) -> Result<(), Bad> {
        let last = range.end.div_ceil(BLOCK_BYTES).min(self.checked.len());
        for block in range.start / BLOCK_BYTES..last {
            if !self.checked[block].load(Ordering::Acquire) {
                self.verify(block)?;
                if !self.checked[block].swap(true, Ordering::AcqRel) {
                    self.left.fetch_sub(1, Ordering::AcqRel);
                }
            }
        }
        Ok(())
    }

    fn verify(&self, block: usize) -> Result<(), Bad> {
        let start = block * BLOCK_BYTES;
        let range = start..self.map.len().min(start + BLOCK_BYTES);
        if crc32c::crc32c(&self.map[range.clone()]) == self.crcs[block] {
            return Ok(());
        }
        Err(Bad {
            what: format!("bytes {} to {} fail their checksum", range.start, range.end),
            range,
        })
    }
}
