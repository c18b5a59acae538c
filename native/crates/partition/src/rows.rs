//! Reading records back: rows (B5) from an entry's bytes and its place in the partition.

use pyralog_merkle::{Blake3Tree, RecordBytes, TreeHash};
use pyralog_types::batch::{Entry, RecordRef, Row, ValueRef, encode_row};
use pyralog_types::{Hash, LeafRecord, MULTIHASH_BYTES_MAX, SealedRow, part_hash};

use crate::error::PartitionError;
use crate::fingerprint::Prepared;
use crate::index::EntryPlace;
use crate::leaf::{SCHEMA_NOTARY, fill_head};
use crate::values::hash_values;

/// How much a read may still return.
#[derive(Debug, Clone, Copy)]
pub struct RowBudget {
    /// First offset wanted.
    pub from: u64,
    /// Offset to stop before.
    pub to: u64,
    /// Stop once the answer is this long; the first row is always given.
    pub bytes: usize,
}

/// Appends the rows of an entry that the budget asks for to `out`; `visit` sees each leaf record first and may refuse it.
/// Returns the offset to go on with, and whether the budget's bytes are used up.
///
/// # Errors
/// `Entry` when the bytes are malformed, or what `visit` returns.
pub fn rows_of<E: From<PartitionError>>(
    (bytes, place): (&[u8], &EntryPlace),
    budget: RowBudget,
    out: &mut Vec<u8>,
    visit: &mut dyn FnMut(&LeafRecord) -> Result<(), E>,
) -> Result<(u64, bool), E> {
    let entry = parse(bytes, place)?;
    let mut next = budget.from;
    for (position, (record, id)) in entry.proposal.records().zip(entry.ids()).enumerate() {
        let Some(offset) = place.offset_at(position as u32) else {
            continue;
        };
        if offset < budget.from {
            continue;
        }
        if offset >= budget.to {
            break;
        }
        let mut scratch = [0; MULTIHASH_BYTES_MAX];
        let leaf = LeafRecord {
            timestamp: entry.timestamp,
            scarab_id: id,
            offset,
            epoch: place.epoch,
            schema_id: record.schema_id,
            key_hash: part_hash(record.key),
            value_hash: record.value.hash(),
            headers_hash: part_hash(record.headers),
        };
        visit(&leaf)?;
        let row = Row {
            leaf,
            key: record.key.unwrap_or_default(),
            headers: record.headers.unwrap_or_default(),
            value: record.value.bytes(&mut scratch),
        };
        encode_row(out, &row);
        next = offset + 1;
        if out.len() >= budget.bytes {
            return Ok((next, true));
        }
    }
    Ok((next, false))
}

/// Offset of the record with this id in an entry; `None` when the id was never given or its record was skipped.
///
/// # Errors
/// `Entry` when the bytes are malformed.
pub fn id_position(
    bytes: &[u8],
    place: &EntryPlace,
    id: u64,
) -> Result<Option<u64>, PartitionError> {
    let entry = parse(bytes, place)?;
    let mut before = 0;
    for run in &entry.runs {
        if (run.first..run.first + u64::from(run.count)).contains(&id) {
            let position = before + (id - run.first) as u32;
            return Ok(place.offset_at(position));
        }
        before += run.count;
    }
    Ok(None)
}

fn parse<'a>(bytes: &'a [u8], place: &EntryPlace) -> Result<Entry<'a>, PartitionError> {
    Entry::parse(bytes).map_err(|source| PartitionError::Entry {
        log_index: place.log_index,
        source,
    })
}

/// Hands the new records of an entry to `take`, in order. `leaves` are their leaf hashes; without them they are made
/// again from the records, side by side.
///
/// # Errors
/// `Entry` when the bytes are malformed, or what `take` returns.
pub fn sealed_rows<E: From<PartitionError>>(
    bytes: &[u8],
    place: &EntryPlace,
    leaves: Option<Vec<Hash>>,
    mut take: impl FnMut(&SealedRow<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let entry = parse(bytes, place)?;
    let leaves = leaves.filter(|leaves| leaves.len() == place.count as usize);
    let leaves = leaves.unwrap_or_else(|| hash_leaves(&entry, place));
    let mut keys = Vec::new();
    let mut values = Vec::new();
    for (record, ..) in new_records(&entry, place) {
        keys.extend(record.key.map(ValueRef::Bytes));
        values.extend(is_notary(&record).then_some(record.value));
    }
    let mut keys = short_hashes(&keys).into_iter();
    let mut values = short_hashes(&values).into_iter();
    for ((record, id, offset), leaf_hash) in new_records(&entry, place).zip(leaves) {
        let mut scratch = [0; MULTIHASH_BYTES_MAX];
        take(&SealedRow {
            timestamp: entry.timestamp,
            scarab_id: id,
            offset,
            epoch: place.epoch,
            schema_id: record.schema_id,
            leaf_hash,
            key_hash: record.key.and_then(|_| keys.next()),
            value_hash: is_notary(&record).then(|| values.next()).flatten(),
            key: record.key,
            headers: record.headers,
            value: record.value.bytes(&mut scratch),
        })?;
    }
    Ok(())
}

/// The records of an entry that have an offset, with their ids and offsets, in order.
#[inline]
fn new_records<'a>(
    entry: &'a Entry<'_>,
    place: &'a EntryPlace,
) -> impl Iterator<Item = (RecordRef<'a>, u64, u64)> {
    let mut skipped = place.skipped.iter().peekable();
    let mut offset = place.base_offset;
    let all = entry.proposal.records().zip(entry.ids()).zip(0_u32..);
    all.filter_map(move |((record, id), position)| {
        if skipped.next_if(|&&skipped| skipped == position).is_some() {
            return None;
        }
        offset += 1;
        Some((record, id, offset - 1))
    })
}

fn is_notary(record: &RecordRef<'_>) -> bool {
    record.schema_id == SCHEMA_NOTARY
}

/// Leaf records (L1) of the new records of an entry, in order.
///
/// # Errors
/// `Entry` when the bytes are malformed.
pub fn leaf_records(bytes: &[u8], place: &EntryPlace) -> Result<Vec<RecordBytes>, PartitionError> {
    Ok(leaves_of(&parse(bytes, place)?, place))
}

fn hash_leaves(entry: &Entry<'_>, place: &EntryPlace) -> Vec<Hash> {
    let leaves = leaves_of(entry, place);
    let mut hashes = Vec::with_capacity(leaves.len());
    Blake3Tree::leaves(&leaves, &mut hashes);
    hashes
}

fn leaves_of(entry: &Entry<'_>, place: &EntryPlace) -> Vec<RecordBytes> {
    let mut leaves = Prepared::of(entry).blocks;
    let mut kept = 0;
    for (position, id) in entry.ids().enumerate() {
        if let Some(offset) = place.offset_at(position as u32) {
            leaves[kept] = leaves[position];
            fill_head(
                &mut leaves[kept],
                (entry.timestamp, id),
                offset,
                place.epoch,
            );
            kept += 1;
        }
    }
    leaves.truncate(kept);
    leaves
}

fn short_hashes(parts: &[ValueRef<'_>]) -> Vec<u64> {
    let mut short = vec![0; parts.len()];
    hash_values(parts, |place, hash| {
        let mut start = [0; 8];
        start.copy_from_slice(&hash[..8]);
        short[place] = u64::from_le_bytes(start);
    });
    short
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use pyralog_types::batch::{IdRun, encode_proposal};

    use super::*;
    use crate::Stamper;

    /// Records of several kinds, one of them a duplicate.
    fn entry() -> (Vec<u8>, EntryPlace) {
        let multihash = [&[0x12, 32][..], &[7; 32]].concat();
        let record = |number: u8, value| RecordRef {
            schema_id: u32::from(number % 3 == 1),
            submitter: b"me",
            idempotency_key: None,
            key: number.is_multiple_of(2).then_some(&b"key"[..]),
            headers: None,
            value,
        };
        let long = [3; 70];
        let records: Vec<_> = (0..20)
            .map(|number| match number % 3 {
                1 => record(number, ValueRef::Bytes(&multihash)),
                _ => record(number, ValueRef::Bytes(&long[..usize::from(number) * 3])),
            })
            .collect();
        let mut bytes = Vec::new();
        let ids = [IdRun {
            first: 100,
            count: 20,
        }];
        let timestamp = Stamper::behind(0).stamp(5_000, &ids, &mut bytes);
        bytes.extend_from_slice(&encode_proposal(&records));
        let place = EntryPlace {
            log_index: 1,
            base_offset: 40,
            count: 19,
            timestamp,
            epoch: 1,
            skipped: Box::new([4]),
        };
        (bytes, place)
    }

    #[test]
    fn rows_to_be_sealed_say_what_leaf_records_say() {
        let (bytes, place) = entry();
        let mut wanted = Vec::new();
        let budget = RowBudget {
            from: 40,
            to: 59,
            bytes: usize::MAX,
        };
        rows_of::<PartitionError>((&bytes, &place), budget, &mut Vec::new(), &mut |leaf| {
            wanted.push(*leaf);
            Ok(())
        })
        .unwrap();
        let known: Vec<Hash> = (0..19).map(|n| [n; 32]).collect();
        for leaves in [None, Some(known.clone()), Some(vec![[9; 32]])] {
            let given = leaves.as_ref().is_some_and(|leaves| leaves.len() == 19);
            let mut number = 0;
            sealed_rows::<PartitionError>(&bytes, &place, leaves, |row| {
                let leaf = wanted[number];
                let short = |hash: Hash| u64::from_le_bytes(*hash.first_chunk().unwrap());
                let hash = Blake3Tree::leaf(&leaf.to_bytes());
                assert_eq!(row.leaf_hash, if given { known[number] } else { hash });
                assert_eq!(row.key_hash, row.key.map(|_| short(leaf.key_hash)));
                let notary = (leaf.schema_id == 1).then(|| short(leaf.value_hash));
                assert_eq!(row.value_hash, notary);
                assert_eq!(part_hash(Some(row.value)), leaf.value_hash);
                assert_eq!(
                    (row.timestamp, row.scarab_id),
                    (leaf.timestamp, leaf.scarab_id)
                );
                assert_eq!((row.offset, row.epoch), (leaf.offset, leaf.epoch));
                number += 1;
                Ok(())
            })
            .unwrap();
            assert_eq!(number, 19);
        }
    }
}
