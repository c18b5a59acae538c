//! Where records stand, found by id, digest, key and time: in segments, newest first, and in the open part (Z4, Z10).

use std::ops::Range;
use std::sync::atomic::Ordering;

use pyralog_partition::id_position;
use pyralog_types::Hash;
use pyralog_types::batch::Row;

use crate::error::HostError;
use crate::listed::{Asking, Listed};
use crate::shared::{Shard, Shared};

/// A key on the way through the segments.
struct WantedKey<'a> {
    key: &'a [u8],
    hash: Hash,
    /// Records behind this time do not count.
    as_of: Option<u64>,
}

/// The newest record of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Newest {
    offset: u64,
    tombstone: bool,
}

/// Offsets whose records were in part compacted away, on a way through the segments from the newest on.
struct Gaps {
    /// Where the segment passed last begins.
    behind: u64,
    compacted: Option<Range<u64>>,
}

impl Gaps {
    fn pass(&mut self, offsets: Range<u64>, compacted: bool) {
        // Where all rows went, so did the segment.
        if compacted || offsets.end < self.behind {
            let start = if compacted {
                offsets.start
            } else {
                offsets.end
            };
            let end = self.compacted.as_ref().map_or(self.behind, |gap| gap.end);
            self.compacted = Some(start..end);
        }
        self.behind = offsets.start;
    }
}

impl Shared {
    /// Offset of a durable record by id.
    pub(crate) fn offset_of_id(&self, shard: &Shard, id: u64) -> Result<Option<u64>, HostError> {
        match self.open_offset_of_id(shard, id) {
            Ok(Some(offset)) => return Ok(Some(offset)),
            // Sealed meanwhile, and let go by the log; else an error of the log.
            Err(error) if shard.sealed.load(Ordering::Acquire) == 0 => return Err(error),
            _ => {}
        }
        let listed = self.segments.listed(shard.number);
        let entries = listed.entries();
        let behind = entries.partition_point(|entry| entry.meta.last_id < id);
        if behind == entries.len() {
            return Ok(None);
        }
        listed.ask(behind, &self.segments, |segment| segment.by_id(id))
    }

    fn open_offset_of_id(&self, shard: &Shard, id: u64) -> Result<Option<u64>, HostError> {
        let Some(place) = shard.state.read().place_of_id(id) else {
            return Ok(None);
        };
        let durable = shard.durable.load(Ordering::Acquire);
        if place.base_offset >= durable {
            return Ok(None);
        }
        let entry = self.entry(shard, &place)?;
        Ok(id_position(&entry, &place, id)?.filter(|offset| *offset < durable))
    }

    /// Offsets of durable notary records with this value, ascending. Those in a segment that cannot be read are not among them
    /// (Z48); when there are no others, why it cannot is the answer.
    pub(crate) fn offsets_of_digest(
        &self,
        shard: &Shard,
        multihash: &[u8],
        limit: usize,
    ) -> Result<Vec<u64>, HostError> {
        let durable = shard.durable.load(Ordering::Acquire);
        let hash = *blake3::hash(multihash).as_bytes();
        // Before the segments are asked, so that nothing is missed that is sealed meanwhile.
        let candidates: Vec<u64> = {
            let partition = shard.state.read();
            let digests = partition.digests().candidates(&hash);
            digests.take_while(|offset| *offset < durable).collect()
        };
        let mut found = Vec::new();
        let mut silent = None;
        let mut sealed = 0;
        let listed = self.segments.listed(shard.number);
        for (at, entry) in listed.entries().iter().enumerate() {
            sealed = entry.meta.end_offset;
            let left = limit - found.len();
            let answer = listed.ask(at, &self.segments, |segment| {
                let offsets = segment.by_value(multihash)?.take(left);
                offsets.collect::<Result<Vec<u64>, _>>()
            });
            match answer {
                Ok(offsets) => found.extend(offsets),
                // It hides no record of another one; only that there is none nobody can say then.
                Err(error) => {
                    self.quarantine_of(shard, &error);
                    silent.get_or_insert(error);
                }
            }
            if found.len() >= limit {
                return Ok(found);
            }
        }
        let candidates = candidates.into_iter().filter(|offset| *offset >= sealed);
        for offset in candidates {
            if found.len() >= limit {
                break;
            }
            let is_it = |row: &Row<'_>| row.value == multihash;
            if self.at_offset(shard, offset, is_it)?.unwrap_or(false) {
                found.push(offset);
            }
        }
        match silent {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// Offset of the first durable record whose time is not before `ms`.
    pub(crate) fn offset_of_time(&self, shard: &Shard, ms: u64) -> Result<Option<u64>, HostError> {
        let durable = shard.durable.load(Ordering::Acquire);
        // Before the segments are asked: what is sealed meanwhile is found there, and stands before this.
        let open = shard.state.read().open_offset_of_time(ms);
        let listed = self.segments.listed(shard.number);
        let entries = listed.entries();
        let behind = entries.partition_point(|entry| entry.meta.last_timestamp < ms);
        if behind < entries.len() {
            return listed.ask(behind, &self.segments, |segment| segment.by_time(ms));
        }
        Ok(open.filter(|offset| *offset < durable))
    }

    /// Offset of the latest durable record with a key, or of the latest one at or before a time; none when that is a
    /// tombstone (Z11).
    pub(crate) fn offset_of_key(
        &self,
        shard: &Shard,
        key: &[u8],
        as_of: Option<u64>,
    ) -> Result<Option<u64>, HostError> {
        let mut wanted = WantedKey {
            key,
            hash: *blake3::hash(key).as_bytes(),
            as_of,
        };
        let (found, compacted) = self.newest_of_key(shard, &wanted)?;
        if let Some(offsets) = compacted.filter(|_| as_of.is_some()) {
            // What the newest record of the key superseded may be gone; the newest itself never is.
            wanted.as_of = None;
            let (newest, _) = self.newest_of_key(shard, &wanted)?;
            let last = shard.state.read().last_timestamp();
            if (found.is_none() || newest != found) && as_of < Some(last) {
                return Err(HostError::Superseded { offsets });
            }
        }
        Ok(found
            .filter(|newest| !newest.tombstone)
            .map(|newest| newest.offset))
    }

    /// The newest record of a key, and the offsets behind it that were compacted and could have held a newer one.
    fn newest_of_key(
        &self,
        shard: &Shard,
        wanted: &WantedKey<'_>,
    ) -> Result<(Option<Newest>, Option<Range<u64>>), HostError> {
        // Before the segments are asked, so that nothing is missed that is sealed meanwhile.
        if let Some(found) = self.open_newest_of_key(shard, wanted)? {
            return Ok((Some(found), None));
        }
        let listed = self.segments.listed(shard.number);
        let mut asking = listed.asking(&self.segments, &wanted.hash);
        let found = self.sealed_newest_of_key(&mut asking, &listed, wanted);
        self.segments.learn(shard.number, &asking);
        found
    }

    /// The same of the records that are sealed.
    fn sealed_newest_of_key(
        &self,
        asking: &mut Asking<'_>,
        listed: &Listed,
        wanted: &WantedKey<'_>,
    ) -> Result<(Option<Newest>, Option<Range<u64>>), HostError> {
        let entries = listed.entries();
        let end = wanted.as_of.map_or(entries.len(), |ms| {
            entries.partition_point(|entry| entry.meta.first_timestamp <= ms)
        });
        let mut gaps = Gaps {
            behind: listed.base_offset(end),
            // Rows before the first that is left were earlier.
            compacted: entries
                .get(end)
                .filter(|next| next.meta.compacted)
                .map(|next| next.range()),
        };
        for at in (0..end).rev() {
            if wanted.as_of.is_some() {
                let meta = &entries[at].meta;
                gaps.pass(meta.base_offset..meta.end_offset, meta.compacted);
            }
            // Nothing else of a segment is touched before its filter says yes.
            if !asking.may_hold(at)? {
                continue;
            }
            if let Some(found) = self.newest_of_key_in(listed, at, wanted)? {
                return Ok((Some(found), gaps.compacted));
            }
        }
        gaps.pass(0..listed.first_offset(), false);
        Ok((None, gaps.compacted))
    }

    fn newest_of_key_in(
        &self,
        listed: &Listed,
        at: usize,
        wanted: &WantedKey<'_>,
    ) -> Result<Option<Newest>, HostError> {
        let ms = wanted.as_of.unwrap_or(u64::MAX);
        listed.ask(at, &self.segments, |segment| {
            let found = if listed.is_covered(at) {
                segment.by_expected_key_hash_at(&wanted.hash, wanted.key, ms)?
            } else {
                segment.by_key_hash_at(&wanted.hash, wanted.key, ms)?
            };
            let newest = |offset| {
                let tombstone = segment.is_tombstone(offset)?;
                Ok(Newest { offset, tombstone })
            };
            found.map(newest).transpose()
        })
    }

    /// The newest record of a key among those that are not sealed. The index may name sealed ones too: not all of their
    /// times are known to it, and the segments answer for them.
    fn open_newest_of_key(
        &self,
        shard: &Shard,
        wanted: &WantedKey<'_>,
    ) -> Result<Option<Newest>, HostError> {
        let mut end = shard.durable.load(Ordering::Acquire);
        if let Some(behind) = wanted.as_of.and_then(|ms| ms.checked_add(1)) {
            let behind = shard.state.read().open_offset_of_time(behind);
            end = end.min(behind.unwrap_or(u64::MAX));
        }
        loop {
            let candidate = shard.state.read().keys().newest_before(&wanted.hash, end);
            let sealed = shard.sealed.load(Ordering::Acquire);
            let Some(offset) = candidate.filter(|offset| *offset >= sealed) else {
                return Ok(None);
            };
            let tombstone = self.at_offset(shard, offset, |row| {
                let same = row.leaf.key_hash == wanted.hash && row.key == wanted.key;
                same.then(|| pyralog_types::is_tombstone(row.headers, row.value))
            })?;
            if let Some(tombstone) = tombstone.flatten() {
                return Ok(Some(Newest { offset, tombstone }));
            }
            end = offset;
        }
    }

    /// Looks at the row at an offset; `None` when it was removed meanwhile.
    fn at_offset<T>(
        &self,
        shard: &Shard,
        offset: u64,
        look: impl Fn(&Row<'_>) -> T,
    ) -> Result<Option<T>, HostError> {
        let bytes = self.read(shard, offset, 0)?;
        let rows = Row::parse_all(&bytes)?;
        Ok(rows
            .first()
            .filter(|row| row.leaf.offset == offset)
            .map(look))
    }
}
