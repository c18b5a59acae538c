//! The nodes of a cluster (GR4).

use crate::codec::wire;

/// How a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberStatus {
    /// It was added and not heard of yet: it is given nothing to keep.
    Joining,
    /// It keeps what it is given.
    Active,
    /// Its replicas move to others.
    Draining,
    /// It was silent for so long that its replicas are made anew elsewhere.
    Dead,
    /// It is gone for ever; its number is not given out again.
    Removed,
}
wire!(enum MemberStatus { 1 = Joining {}, 2 = Active {}, 3 = Draining {}, 4 = Dead {}, 5 = Removed {} });

/// Where a member stands, so that not all replicas of a group are lost at once. Empty where nobody said.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels {
    /// Its zone: a building, a region.
    pub zone: String,
    /// Its rack within the zone.
    pub rack: String,
}
wire!(struct Labels { zone, rack });

/// What there is to know of a node before it is a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    /// 1 to 1,023, never used before (RF1).
    pub number: u16,
    /// Name of the node (I4).
    pub name: String,
    /// `host:port` where it listens for the others.
    pub address: String,
    /// Its X25519 transport key (LK1).
    pub tunnel: [u8; 32],
    /// Name of its cosigning key (I4).
    pub cosigner_name: String,
    /// The public Ed25519 key (C3).
    pub cosigner: [u8; 32],
    /// Where clients reach it; empty when they do not.
    pub rpc: String,
    /// Where it stands.
    pub labels: Labels,
    /// How much it takes beside the others, 1 to 1,000; usually 100.
    pub weight: u16,
}
wire!(struct NewMember { number, name, address, tunnel, cosigner_name, cosigner, rpc, labels, weight });

/// A node of the cluster, or one that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What was said of it.
    pub about: NewMember,
    /// How it is.
    pub status: MemberStatus,
    /// It is to be emptied, whether it is there or not.
    pub leaving: bool,
    /// Entry of the cluster group with which its status began.
    pub since: u64,
}
wire!(struct Member { about, status, leaving, since });

impl Member {
    /// Whether it may be given replicas.
    #[must_use]
    pub fn eligible(&self) -> bool {
        self.status == MemberStatus::Active
    }

    /// Whether it is of the cluster still.
    #[must_use]
    pub fn here(&self) -> bool {
        self.status != MemberStatus::Removed
    }
}

/// What changes of a member; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberChange {
    /// Where it listens for the others.
    pub address: Option<String>,
    /// Where clients reach it.
    pub rpc: Option<String>,
    /// Where it stands.
    pub labels: Option<Labels>,
    /// How much it takes.
    pub weight: Option<u16>,
}
wire!(struct MemberChange { address, rpc, labels, weight });
