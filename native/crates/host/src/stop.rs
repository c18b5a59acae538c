//! What a clean stop leaves of the partitions beside the log's own (Z9): with it, an opening replays nothing.

use std::ops::Range;
use std::sync::atomic::Ordering;

use pyralog_partition::{OpenPart, SealLimits, leaf_records};

use crate::error::HostError;
use crate::shared::{Shard, Shared};

const WORD: usize = 8;

/// What was left, if an opening may go by it.
#[derive(Default)]
pub(crate) struct Stopped {
    bytes: Vec<u8>,
    /// Where each partition's part stands.
    parts: Vec<Range<usize>>,
}

impl Stopped {
    /// Reads what the log kept. A store that seals elsewhere from now on passes its seal points again: then nothing was left.
    pub fn new(bytes: Option<Vec<u8>>, limits: SealLimits) -> Self {
        bytes
            .and_then(|bytes| Self::read(bytes, limits))
            .unwrap_or_default()
    }

    fn read(bytes: Vec<u8>, limits: SealLimits) -> Option<Self> {
        let mut at = 0;
        let mut word = |bytes: &[u8], behind: usize| {
            at += behind;
            let word = bytes.get(at..at + WORD)?.first_chunk()?;
            at += WORD;
            Some((u64::from_le_bytes(*word), at))
        };
        let same = word(&bytes, 0)?.0 == limits.rows && word(&bytes, 0)?.0 == limits.bytes;
        let mut parts = Vec::new();
        let mut behind = 0;
        for _ in 0..word(&bytes, 0)?.0 {
            let (length, from) = word(&bytes, behind)?;
            behind = usize::try_from(length).ok()?;
            parts.push(from..from.checked_add(behind)?);
        }
        same.then_some(Self { bytes, parts })
    }

    /// What a partition held behind the seal point at `from`, once its newest entry is `log_index`.
    pub fn part(&self, number: u32, from: u64, log_index: u64) -> Option<OpenPart> {
        let range = self.parts.get(number as usize)?;
        let part = OpenPart::decode(self.bytes.get(range.clone())?).ok()?;
        (part.from == from && part.log_index == log_index).then_some(part)
    }
}

impl Shared {
    /// What the next opening is to find ([`Stopped`]), once nothing is applied any more. A partition that cannot say it
    /// leaves nothing: its entries are replayed then.
    pub fn open_parts(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let words = [
            self.limits.rows,
            self.limits.bytes,
            self.shards.len() as u64,
        ];
        out.extend(words.into_iter().flat_map(u64::to_le_bytes));
        for (number, shard) in self.shards.iter().enumerate() {
            let length_at = out.len();
            out.extend_from_slice(&[0; WORD]);
            if let Ok(Some(part)) = self.open_part(number as u32, shard) {
                part.encode(&mut out);
            }
            let length = (out.len() - length_at - WORD) as u64;
            out[length_at..length_at + WORD].copy_from_slice(&length.to_le_bytes());
        }
        out
    }

    fn open_part(&self, number: u32, shard: &Shard) -> Result<Option<OpenPart>, HostError> {
        let partition = shard.state.read();
        let from = partition.sealed_from();
        if from != self.segments.end(number) {
            return Ok(None); // a segment could not be written: its seal point is passed again
        }
        let reader = self.reader()?;
        let mut leaves = Vec::with_capacity((partition.size() - from) as usize);
        for place in partition.open_places() {
            let Some(entry) = reader.entry(number, place.log_index)? else {
                return Ok(None);
            };
            leaves.extend(leaf_records(&entry.bytes, &place)?);
        }
        let whole = leaves.len() as u64 == partition.size() - from;
        // Of a replicated partition what is behind it is not committed, as far as is known here.
        let log_index = if shard.replicated {
            shard.applied_index.load(Ordering::Acquire)
        } else {
            reader.state(number).unwrap_or_default().last_index
        };
        Ok(whole.then(|| partition.open_part(log_index, leaves)))
    }

    /// Body of the thread that checks behind an opening what that took on trust: a log that was not read, and the
    /// submissions in files. Whatever is not as it was written ends appending, as it would have at an opening that reads all.
    pub fn check_behind(&self, log_unread: bool) {
        let go_on = &mut || !self.sealing.closing();
        if log_unread {
            let checked = self.reader();
            self.end_if_damaged(checked.and_then(|reader| Ok(reader.check(go_on)?)));
        }
        for shard in self.shards.iter() {
            let seen = shard.state.read().seen();
            let mut checked = seen.iter().map(|seen| seen.verify(go_on));
            let wrong = checked.find_map(Result::err);
            self.end_if_damaged(wrong.map_or(Ok(()), |error| Err(error.into())));
        }
    }

    fn end_if_damaged(&self, checked: Result<(), HostError>) {
        match checked {
            Err(error) if error.code() == "storage/corrupt" => {
                self.fail(&HostError::ReadOnly(error.to_string()));
            }
            // A file that cannot be read says so to whoever needs it.
            _ => {}
        }
    }
}
