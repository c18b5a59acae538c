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
    /// Where clients reach it; empty when nobody said.
    pub rpc: String,
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
    /// The members that are known before the cluster says who they are, this one among them.
    pub members: Vec<MemberOptions>,
    /// Those that founded the cluster, the first replicas of every partition; all members when there are none. The same on every
    /// node.
    pub founders: Vec<u16>,
    /// Signatures that make a checkpoint at least (CO4).
    pub cosigners: u16,
    /// Replicas that may lie or be restored from a backup (CO4).
    pub faults: u16,
    /// Where election timeouts are drawn from.
    pub seed: u64,
}

impl ClusterOptions {
    /// Numbers of the founding members.
    #[must_use]
    pub fn founders(&self) -> Vec<u16> {
        if self.founders.is_empty() {
            return self.members.iter().map(|member| member.node).collect();
        }
        self.founders.clone()
    }
}
