//! Consumer groups: who reads which partitions, and how far they are (GR15).

use std::collections::{BTreeMap, BTreeSet};

use crate::codec::wire;
use crate::command::Strategy;

/// A member of a consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// How long it may be silent.
    pub ttl_ms: u64,
    /// Until when it has to be heard of.
    pub expires_ms: u64,
    /// Partitions that it reads.
    pub held: BTreeSet<u32>,
}
wire!(struct Consumer { ttl_ms, expires_ms, held });

/// A consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerGroup {
    /// What it reads.
    pub logs: BTreeSet<String>,
    /// How it is spread.
    pub strategy: Strategy,
    /// One more with each change of who should read what.
    pub generation: u64,
    /// Its members.
    pub consumers: BTreeMap<String, Consumer>,
    /// Who should read each partition. Where another holds it still, that one is to let go.
    pub target: BTreeMap<u32, String>,
    /// Offset of the next record to read, of each partition that anybody said it of.
    pub offsets: BTreeMap<u32, u64>,
}
wire!(struct ConsumerGroup { logs, strategy, generation, consumers, target, offsets });
