//! What callers ask of an open host: durable rows, lookups, roots and paths, checkpoints.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pyralog_types::Hash;

use crate::answer::{Reply, SignedCheckpoint};
use crate::error::HostError;
use crate::host::Host;
use crate::read::Algorithm;

impl Host {
    /// Records that are durable.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown partition.
    pub fn durable_size(&self, partition: usize) -> Result<u64, HostError> {
        Ok(self
            .shared
            .shard(partition)?
            .durable
            .load(Ordering::Acquire))
    }

    /// First offset whose record retention left; rows before it are gone, their receipts and proofs are not.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown partition.
    pub fn first_offset(&self, partition: usize) -> Result<u64, HostError> {
        self.shared.shard(partition)?;
        Ok(self.shared.segments.first(partition as u32))
    }

    /// Rows (B5) from `offset` on: at least one if any durable one is left there, then until the answer has `bytes`. Rows that
    /// compaction took leave gaps.
    ///
    /// # Errors
    /// `OutOfRange`, `Removed`, `Corrupt`, `Quarantined`, `Closed`, and the log's.
    pub fn read(&self, partition: usize, offset: u64, bytes: usize) -> Result<Vec<u8>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared
            .healing(shard, || self.shared.read(shard, offset, bytes))
    }

    /// Offset of the durable record with this id.
    ///
    /// # Errors
    /// See [`Host::read`].
    pub fn offset_of_id(&self, partition: usize, id: u64) -> Result<Option<u64>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared
            .healing(shard, || self.shared.offset_of_id(shard, id))
    }

    /// Offsets of durable notary records with this multihash, ascending.
    ///
    /// # Errors
    /// See [`Host::read`].
    pub fn offsets_of_digest(
        &self,
        partition: usize,
        multihash: &[u8],
        limit: usize,
    ) -> Result<Vec<u64>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared.healing(shard, || {
            self.shared.offsets_of_digest(shard, multihash, limit)
        })
    }

    /// Offset of the latest durable record with this key, or with `as_of` (Unix milliseconds) of the latest one at or
    /// before that time. None when there is no such record, or when it is a tombstone (Z11).
    ///
    /// # Errors
    /// See [`Host::read`]; `Superseded` when compaction may have removed the record that was the latest then.
    pub fn offset_of_key(
        &self,
        partition: usize,
        key: &[u8],
        as_of: Option<u64>,
    ) -> Result<Option<u64>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared
            .healing(shard, || self.shared.offset_of_key(shard, key, as_of))
    }

    /// Offset of the first durable record at or after a time, Unix milliseconds.
    ///
    /// # Errors
    /// See [`Host::read`].
    pub fn offset_of_time(&self, partition: usize, ms: u64) -> Result<Option<u64>, HostError> {
        self.shared
            .offset_of_time(self.shared.shard(partition)?, ms)
    }

    /// Root of the first `size` durable records.
    ///
    /// # Errors
    /// `OutOfRange`, `Io`.
    pub fn root(
        &self,
        partition: usize,
        size: u64,
        algorithm: Algorithm,
    ) -> Result<Hash, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared.root(shard, size, algorithm)
    }

    /// Inclusion path, checked (M7).
    ///
    /// # Errors
    /// `OutOfRange`, `Corrupt`, `Io`.
    pub fn inclusion(
        &self,
        partition: usize,
        (index, size): (u64, u64),
        algorithm: Algorithm,
    ) -> Result<Vec<Hash>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared.healing(shard, || {
            self.shared.inclusion(shard, (index, size), algorithm)
        })
    }

    /// Consistency path, checked (M7).
    ///
    /// # Errors
    /// `OutOfRange`, `Corrupt`, `Io`.
    pub fn consistency(
        &self,
        partition: usize,
        (from, to): (u64, u64),
        algorithm: Algorithm,
    ) -> Result<Vec<Hash>, HostError> {
        let shard = self.shared.shard(partition)?;
        self.shared.healing(shard, || {
            self.shared.consistency(shard, (from, to), algorithm)
        })
    }

    /// Newest checkpoint signed since opening.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown partition.
    pub fn checkpoint(&self, partition: usize) -> Result<Option<Arc<SignedCheckpoint>>, HostError> {
        Ok(self.shared.shard(partition)?.signing.lock().newest.clone())
    }

    /// Calls back once a checkpoint of at least `size` records is signed, at once if that can be done now.
    pub fn checkpoint_at(&self, partition: usize, size: u64, reply: Reply<Arc<SignedCheckpoint>>) {
        match self.shared.shard(partition) {
            Ok(_) if self.shared.reader.read().is_none() => reply.send(Err(HostError::Closed)),
            Ok(shard) => self.shared.checkpoint_at(shard, size, reply),
            Err(error) => reply.send(Err(error)),
        }
    }
}
