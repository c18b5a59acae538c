//! Reading records back: rows (B5) from an entry's bytes and its place in the partition.

use pyralog_merkle::{Blake3Tree, RecordBytes, TreeHash};
use pyralog_types::batch::{Entry, Row, encode_row};
use pyralog_types::{Hash, LeafRecord, MULTIHASH_BYTES_MAX, part_hash};

use crate::apply::fill_head;
use crate::error::PartitionError;
use crate::fingerprint::Prepared;
use crate::index::EntryPlace;

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

/// A record on its way into a segment.
#[derive(Debug)]
pub struct SealedRow<'a> {
    /// Its leaf record (L1).
    pub leaf: &'a RecordBytes,
    /// Hash of the leaf (M2).
    pub leaf_hash: Hash,
    /// The key, if any.
    pub key: Option<&'a [u8]>,
    /// Encoded headers, if any.
    pub headers: Option<&'a [u8]>,
    /// The value.
    pub value: &'a [u8],
}

/// Hands the new records of an entry to `take`, in order; hashed side by side.
///
/// # Errors
/// `Entry` when the bytes are malformed, or what `take` returns.
pub fn sealed_rows<E: From<PartitionError>>(
    bytes: &[u8],
    place: &EntryPlace,
    take: &mut dyn FnMut(&SealedRow<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let entry = parse(bytes, place)?;
    let blocks = Prepared::of(&entry).blocks;
    let mut kept = Vec::with_capacity(place.count as usize);
    let mut leaves = Vec::with_capacity(place.count as usize);
    for (position, (record, id)) in entry.proposal.records().zip(entry.ids()).enumerate() {
        if let Some(offset) = place.offset_at(position as u32) {
            let mut leaf = blocks[position];
            fill_head(&mut leaf, (entry.timestamp, id), offset, place.epoch);
            kept.push(record);
            leaves.push(leaf);
        }
    }
    let mut hashes = Vec::with_capacity(leaves.len());
    Blake3Tree::leaves(&leaves, &mut hashes);
    for ((record, leaf), leaf_hash) in kept.iter().zip(&leaves).zip(hashes) {
        let mut scratch = [0; MULTIHASH_BYTES_MAX];
        take(&SealedRow {
            leaf,
            leaf_hash,
            key: record.key,
            headers: record.headers,
            value: record.value.bytes(&mut scratch),
        })?;
    }
    Ok(())
}
