//! The partitions of a store, by number. Some come while it runs; none goes before it closes.

use std::ops::Index;

use crate::error::HostError;
use crate::shared::Shard;

/// Partitions: added by one thread, read by all.
pub(crate) struct Shards(boxcar::Vec<Shard>);

impl Shards {
    pub fn new(shards: Vec<Shard>) -> Self {
        Self(shards.into_iter().collect())
    }

    pub fn len(&self) -> usize {
        self.0.count()
    }

    pub fn get(&self, partition: usize) -> Option<&Shard> {
        self.0.get(partition)
    }

    /// By number.
    pub fn iter(&self) -> impl Iterator<Item = &Shard> {
        self.0.iter().map(|(_, shard)| shard)
    }

    /// Adds the partition whose number is next.
    ///
    /// # Errors
    /// `Format` when it has another number.
    pub fn push(&self, shard: Shard) -> Result<(), HostError> {
        if shard.number as usize != self.len() {
            return Err(HostError::Format(format!(
                "partition {} cannot come behind {} others",
                shard.number,
                self.len()
            )));
        }
        self.0.push(shard);
        Ok(())
    }
}

impl Index<usize> for Shards {
    type Output = Shard;

    fn index(&self, partition: usize) -> &Shard {
        &self.0[partition]
    }
}
