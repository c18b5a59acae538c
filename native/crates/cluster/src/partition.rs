//! Logs and the partitions that keep them (GR6).

use std::collections::BTreeSet;

use crate::codec::wire;

/// When a write is answered as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Acknowledgement {
    /// When a majority of the voters has it on disk.
    Majority,
    /// When all of them have.
    All,
}
wire!(enum Acknowledgement { 1 = Majority {}, 2 = All {} });

/// A log: one name, one key space, some partitions that share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// When its writes are answered.
    pub acknowledgement: Acknowledgement,
    /// Partitions it was made with.
    pub founded_with: u16,
    /// Entry of the cluster group that made it.
    pub since: u64,
}
wire!(struct Log { acknowledgement, founded_with, since });

/// Slots `from` up to, without, `to` of the key space of 2^32 (PM1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRange {
    /// First slot.
    pub from: u64,
    /// One behind the last; at most 2^32.
    pub to: u64,
}
wire!(struct KeyRange { from, to });

impl KeyRange {
    /// Whether a slot is in it.
    #[must_use]
    pub fn has(&self, slot: u32) -> bool {
        (self.from..self.to).contains(&u64::from(slot))
    }
}

/// How a partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartitionStatus {
    /// A successor whose group is being made; its parents own its keys.
    Preparing,
    /// A successor whose first record is committed; it owns its keys once all its siblings are as far.
    Ready,
    /// It owns its keys.
    Active,
    /// It owns its keys and takes no more records; its leader seals it.
    Sealing,
    /// Its end is known; its successors begin.
    Sealed,
    /// Its successors own its keys. It is read, never written.
    Retired,
}
wire!(enum PartitionStatus {
    1 = Preparing {}, 2 = Ready {}, 3 = Active {}, 4 = Sealing {}, 5 = Sealed {}, 6 = Retired {}
});

impl PartitionStatus {
    /// Whether the keys of its range are its own (GR7).
    #[must_use]
    pub fn owns(self) -> bool {
        matches!(self, Self::Active | Self::Sealing | Self::Sealed)
    }
}

/// How a log ended: what the first record of each successor commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Records in it.
    pub size: u64,
    /// BLAKE3 root at that size.
    pub root: [u8; 32],
    /// SHA-256 root, when the log keeps that tree too.
    pub sha256: Option<[u8; 32]>,
    /// Index of the last entry with a record.
    pub index: u64,
    /// Epoch in which it was sealed.
    pub epoch: u32,
}
wire!(struct Seal { size, root, sha256, index, epoch });

/// Who is in a group, as its own leader said last (GR9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Epoch of that leader.
    pub epoch: u32,
    /// Index of the entry that made these members.
    pub index: u64,
    /// The leader.
    pub leader: u16,
    /// Who votes; in the midst of a joint change those who leave, too.
    pub voters: BTreeSet<u16>,
    /// Who gets the entries only.
    pub learners: BTreeSet<u16>,
}
wire!(struct Reported { epoch, index, leader, voters, learners });

/// Where a group's replicas are and should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replicas {
    /// With whom the group begins, whoever makes it and whenever; of no use once it was reported.
    pub founders: BTreeSet<u16>,
    /// Who should vote.
    pub wanted: BTreeSet<u16>,
    /// Who does.
    pub reported: Option<Reported>,
}
wire!(struct Replicas { founders, wanted, reported });

impl Replicas {
    /// Of a group that is made by these nodes.
    pub(crate) fn founded(founders: BTreeSet<u16>) -> Self {
        Self {
            wanted: founders.clone(),
            founders,
            reported: None,
        }
    }

    /// Whether a node is in the group or should be.
    #[must_use]
    pub fn has(&self, node: u16) -> bool {
        let learners = self.reported.as_ref().map(|one| &one.learners);
        self.wanted.contains(&node)
            || self.voters().contains(&node)
            || learners.is_some_and(|learners| learners.contains(&node))
    }

    /// Who votes as far as is known.
    #[must_use]
    pub fn voters(&self) -> &BTreeSet<u16> {
        self.reported
            .as_ref()
            .map_or(&self.founders, |one| &one.voters)
    }
}

/// A part of a log with a group, a tree and an origin of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The log it is of.
    pub log: String,
    /// Its origin (I4), of no other partition ever.
    pub origin: String,
    /// 1 for those a log is made with, then one more than its parents'.
    pub generation: u32,
    /// The keys it owns, owned, or is about to own.
    pub range: KeyRange,
    /// How it is.
    pub status: PartitionStatus,
    /// The partitions it goes on from.
    pub parents: BTreeSet<u32>,
    /// The partitions that go on from it.
    pub successors: BTreeSet<u32>,
    /// How it ended.
    pub seal: Option<Seal>,
    /// Where it is kept.
    pub replicas: Replicas,
}
wire!(struct Partition {
    log, origin, generation, range, status, parents, successors, seal, replicas
});

impl Partition {
    /// Whether there is a group that has to be kept going. A retired one is kept too: it is read.
    #[must_use]
    pub fn writable(&self) -> bool {
        self.status == PartitionStatus::Active
    }
}
