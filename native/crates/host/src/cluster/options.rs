//! What a member of a cluster is told about itself and the others.

use std::net::SocketAddr;

/// A member, as the others know it.
#[derive(Debug, Clone)]
pub struct MemberOptions {
    /// Its number (RF1).
    pub node: u16,
    /// Public transport key (LK1).
    pub transport: [u8; 32],
    /// Where it listens, `host:port`.
    pub address: String,
    /// Name of its cosigning key (I4).
    pub cosigner_name: String,
    /// The public Ed25519 key.
    pub cosigner: [u8; 32],
}

/// A replicated store: this node and its cluster.
#[derive(Clone)]
pub struct ClusterOptions {
    /// Which cluster: nothing of another one is let in (LK3).
    pub id: [u8; 32],
    /// This node's number.
    pub node: u16,
    /// Seed of its transport key.
    pub transport_seed: [u8; 32],
    /// Where it listens for the others; port 0 takes a free one.
    pub listen: SocketAddr,
    /// All members, this one among them: the replicas of every partition.
    pub members: Vec<MemberOptions>,
    /// Signatures that make a checkpoint (CO4).
    pub cosigners: u16,
    /// Where election timeouts are drawn from.
    pub seed: u64,
}
