//! A partition that goes on where an earlier life of it ended: from snapshots of seal points (Z5) and the open part behind
//! them (Z9).

use std::sync::Arc;

use pyralog_merkle::RecordBytes;

use crate::dedup::{Dedup, DedupWindow};
use crate::error::PartitionError;
use crate::fingerprint::Fingerprint;
use crate::open_part::OpenPart;
use crate::partition::Partition;
use crate::seen::Seen;
use crate::trees::Trees;

impl Partition {
    /// A partition at a seal point: the newest snapshot last, and before it as many as its window reaches back (Z5).
    /// `trees` hold its leaves. The submissions stay in the snapshots' files.
    ///
    /// # Errors
    /// `Snapshot` when they do not follow each other or do not reach back far enough.
    pub fn restore(trees: Trees, snapshots: Vec<Seen>) -> Result<Self, PartitionError> {
        let refuse = |what| Err(PartitionError::Snapshot { what });
        let (Some(newest), Some(oldest)) = (snapshots.last(), snapshots.first()) else {
            return refuse("there is none");
        };
        let first = newest.first_remembered;
        let joined = snapshots
            .windows(2)
            .all(|two| two[0].size == two[1].sealed_from);
        let whole = snapshots
            .iter()
            .all(|snapshot| snapshot.rows_from() <= first.max(snapshot.sealed_from));
        if !joined || !whole || first > newest.size {
            return refuse("one is missing");
        }
        if oldest.sealed_from > first {
            return refuse("the oldest does not reach back far enough");
        }
        let mut partition = Self::create(trees, newest.window);
        for snapshot in &snapshots {
            for run in &snapshot.runs {
                partition.runs.push(*run);
            }
        }
        partition.size = newest.size;
        partition.last_timestamp = newest.last_timestamp;
        partition.last_id = newest.last_id;
        partition.sealed_from = newest.size;
        let records = newest.window.records;
        let seen = snapshots.into_iter().map(Arc::new).collect();
        partition.dedup = Dedup::seen_in(seen, first, partition.size);
        partition.dedup.forget(first, records);
        Ok(partition)
    }

    /// A partition whose snapshots are lost: its sealed records can be read, and nothing may be applied to it.
    #[must_use]
    pub fn for_reading(trees: Trees, window: DedupWindow, size: u64) -> Self {
        Self {
            size,
            sealed_from: size,
            dedup: Dedup::beginning_at(size),
            ..Self::create(trees, window)
        }
    }

    /// What no snapshot of a seal point says: everything since (Z9). `leaves` are the leaf records since, and `log_index`
    /// is the newest entry applied.
    #[must_use]
    pub fn open_part(&self, log_index: u64, leaves: Vec<RecordBytes>) -> OpenPart {
        let rows = self.dedup.rows_from(self.sealed_from);
        let (entries, skipped) = self.index.all();
        OpenPart {
            log_index,
            from: self.sealed_from,
            size: self.size,
            first_remembered: self.dedup.first(),
            last_timestamp: self.last_timestamp,
            last_id: self.last_id,
            window: self.window,
            bytes: self.open_bytes,
            runs: self.runs.from(self.size - rows.len() as u64),
            rows: rows.iter().copied().collect(),
            entries,
            skipped,
            leaves,
        }
    }

    /// Goes on from a seal point to where the open part ends, without its entries (Z9).
    ///
    /// # Errors
    /// `Snapshot` when it is that of another seal point, `Tree` when a node file fails.
    pub fn resume(&mut self, part: OpenPart) -> Result<(), PartitionError> {
        let rows_from = part.size - part.rows.len() as u64;
        let offsets = part.from..part.size;
        if part.from != self.size
            || self.sealed_from != self.size
            || part.leaves.len() as u64 != part.size - part.from
            || rows_from > part.first_remembered.max(part.from)
        {
            let what = "the open part belongs behind another seal point";
            return Err(PartitionError::Snapshot { what });
        }
        for (offset, leaf) in offsets.zip(&part.leaves) {
            self.index_leaf(offset, leaf);
        }
        self.trees.push(part.from, &part.leaves)?;
        if rows_from > self.dedup.next() {
            self.dedup = Dedup::beginning_at(rows_from);
        }
        self.dedup.forget(self.dedup.first(), part.window.records);
        for row in &part.rows {
            self.dedup.insert(&Fingerprint::from(row), row.id);
        }
        self.dedup
            .forget(part.first_remembered, part.window.records);
        for run in part.runs {
            self.runs.push(run);
        }
        self.index.restore(part.entries, part.skipped);
        self.size = part.size;
        self.last_timestamp = part.last_timestamp;
        self.last_id = part.last_id;
        self.window = part.window;
        self.open_bytes = part.bytes;
        Ok(())
    }
}
