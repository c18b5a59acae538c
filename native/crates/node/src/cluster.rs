//! Options and questions of a replicated store across the boundary; their meaning is documented in native/types.ts.
#![allow(missing_docs)]

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use pyralog_host::{
    ClusterOptions, ClusterStatus, HostError, MemberOptions, PartitionRole, PartitionStatus, Reply,
};

use crate::agreed::NativeAgreed;
use crate::channel::{Done, channel};
use crate::convert::{seed, whole};
use crate::core::core;
use crate::error::{Result, bad_argument};

#[napi(object)]
pub struct NativeMember {
    pub node: u32,
    pub transport: Uint8Array,
    pub address: String,
    pub rpc: Option<String>,
    pub cosigner_name: String,
    pub cosigner: Uint8Array,
}

#[napi(object)]
pub struct NativeCluster {
    pub id: Uint8Array,
    pub node: u32,
    pub transport_seed: Uint8Array,
    pub listen: String,
    pub members: Vec<NativeMember>,
    pub founders: Vec<u32>,
    pub cosigners: u32,
    pub faults: u32,
    pub seed: f64,
}

#[napi(object)]
pub struct NativeReplica {
    pub node: u32,
    pub index: f64,
}

#[napi(object)]
pub struct NativePartitionStatus {
    pub partition: u32,
    pub leads: bool,
    pub leader: Option<u32>,
    pub epoch: f64,
    pub commit: f64,
    pub applied: f64,
    pub last: f64,
    pub replicas: Vec<NativeReplica>,
    pub voters: Vec<u32>,
    pub learners: Vec<u32>,
    pub problem: Option<String>,
}

#[napi(object)]
pub struct NativePeerStatus {
    pub node: u32,
    pub up: bool,
    pub problem: Option<String>,
}

#[napi(object)]
pub struct NativeClusterStatus {
    pub partitions: Vec<NativePartitionStatus>,
    pub peers: Vec<NativePeerStatus>,
    pub group: Option<NativePartitionStatus>,
    pub agreed: Option<NativeAgreed>,
    pub problem: Option<String>,
    pub stranger: Option<String>,
}

pub fn node_number(number: u32) -> Result<u16> {
    match u16::try_from(number) {
        Ok(node @ 1..=1_023) => Ok(node),
        _ => Err(bad_argument(format!(
            "node number {number} does not exist: give 1 to 1023"
        ))),
    }
}

impl NativeCluster {
    pub fn to_host(&self) -> Result<ClusterOptions> {
        let members = self.members.iter().map(|member| {
            Ok(MemberOptions {
                node: node_number(member.node)?,
                transport: seed(&member.transport, "member.transport")?,
                address: member.address.clone(),
                rpc: member.rpc.clone().unwrap_or_default(),
                cosigner_name: member.cosigner_name.clone(),
                cosigner: seed(&member.cosigner, "member.cosigner")?,
            })
        });
        let listen = self.listen.parse();
        Ok(ClusterOptions {
            id: seed(&self.id, "cluster.id")?,
            node: node_number(self.node)?,
            transport_seed: seed(&self.transport_seed, "cluster.transportSeed")?,
            listen: listen.map_err(|_| {
                bad_argument(format!(
                    "cluster.listen is {}; give an IP address and a port, such as 127.0.0.1:7080",
                    self.listen
                ))
            })?,
            members: members.collect::<Result<_>>()?,
            founders: self
                .founders
                .iter()
                .map(|node| node_number(*node))
                .collect::<Result<_>>()?,
            faults: u16::try_from(self.faults)
                .map_err(|_| bad_argument("cluster.faults is too large"))?,
            cosigners: u16::try_from(self.cosigners)
                .map_err(|_| bad_argument("cluster.cosigners is too large"))?,
            seed: whole(self.seed, "cluster.seed")?,
        })
    }
}

impl From<ClusterStatus> for NativeClusterStatus {
    fn from(status: ClusterStatus) -> Self {
        let partitions = status.partitions.into_iter().map(Into::into);
        let peers = status.peers.into_iter().map(|peer| NativePeerStatus {
            node: u32::from(peer.node),
            up: peer.up,
            problem: peer.problem,
        });
        Self {
            partitions: partitions.collect(),
            peers: peers.collect(),
            group: status.group.map(Into::into),
            agreed: status.state.as_deref().map(Into::into),
            problem: status.problem,
            stranger: status.stranger,
        }
    }
}

impl From<PartitionStatus> for NativePartitionStatus {
    fn from(status: PartitionStatus) -> Self {
        let replicas = status.replicas.into_iter();
        Self {
            partition: status.partition,
            leads: status.role == PartitionRole::Leader,
            leader: match status.role {
                PartitionRole::Leader => None,
                PartitionRole::Follower { leader } => leader.map(u32::from),
            },
            epoch: status.epoch as f64,
            commit: status.commit as f64,
            applied: status.applied as f64,
            last: status.last as f64,
            replicas: replicas
                .map(|(node, index)| NativeReplica {
                    node: u32::from(node),
                    index: index as f64,
                })
                .collect(),
            voters: status.voters.into_iter().map(u32::from).collect(),
            learners: status.learners.into_iter().map(u32::from).collect(),
            problem: status.problem,
        }
    }
}

/// An answer that completes `token`.
fn completes<T>(
    number: u32,
    token: u32,
    done: impl FnOnce(T) -> Done + Send + 'static,
) -> Reply<T> {
    Reply::new(move |result: std::result::Result<T, HostError>| {
        if let Some(channel) = channel(number) {
            channel.complete(token, result.map_or_else(Done::Failed, done));
        }
    })
}

/// Completes `token` with every partition's group and every link.
#[napi(catch_unwind)]
pub fn cluster_status(handle: u32, number: u32, token: u32) -> Result<()> {
    let reply = completes(number, token, |status| Done::Cluster(Box::new(status)));
    core(handle)?.cluster_status(reply);
    Ok(())
}

/// Completes `token` with the partition's size once all that was acknowledged before can be read here.
#[napi(catch_unwind)]
pub fn read_index(handle: u32, partition: u32, number: u32, token: u32) -> Result<()> {
    core(handle)?.read_index(partition as usize, completes(number, token, Done::Size));
    Ok(())
}

/// Has a partition that is led here handed over to another replica; completes `token` when that has begun.
#[napi(catch_unwind)]
pub fn transfer(handle: u32, partition: u32, to: u32, number: u32, token: u32) -> Result<()> {
    let to = node_number(to)?;
    let reply = completes(number, token, |()| Done::Empty);
    core(handle)?.transfer(partition as usize, to, reply);
    Ok(())
}
