//! The cluster group's commands and state across the boundary; their meaning is documented in native/types.ts.
#![allow(missing_docs)]

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use pyralog_cluster::{
    Acknowledgement, ClusterState, Command, Labels, Member, MemberChange, MemberStatus, NewMember,
    Outcome, Partition, PartitionStatus, WEIGHT_USUAL,
};
use pyralog_host::HostError;

use crate::agreed_services::{NativeConsumerGroup, NativeLock, NativeServiceCommand, services_of};
use crate::channel::{Done, channel};
use crate::cluster::node_number;
use crate::convert::{seed, whole};
use crate::core::core;
use crate::error::{Result, bad_argument};

#[napi(object)]
pub struct NativeNewMember {
    pub node: u32,
    pub name: String,
    pub address: String,
    pub transport: Uint8Array,
    pub cosigner_name: String,
    pub cosigner: Uint8Array,
    pub rpc: Option<String>,
    pub zone: Option<String>,
    pub rack: Option<String>,
    pub weight: Option<u32>,
}

/// `kind` says which fields count.
#[napi(object)]
pub struct NativeCommand {
    pub kind: String,
    pub member: Option<NativeNewMember>,
    pub node: Option<u32>,
    pub address: Option<String>,
    pub rpc: Option<String>,
    pub zone: Option<String>,
    pub rack: Option<String>,
    pub weight: Option<u32>,
    pub log: Option<String>,
    pub partitions: Option<u32>,
    pub all: Option<bool>,
    pub voters: Option<u32>,
    pub faults: Option<u32>,
    pub partition: Option<u32>,
    pub cuts: Option<Vec<f64>>,
    pub right: Option<u32>,
}

#[napi(object)]
pub struct NativeAgreedMember {
    pub node: u32,
    pub name: String,
    pub address: String,
    pub rpc: String,
    pub transport: Uint8Array,
    pub cosigner_name: String,
    pub cosigner: Uint8Array,
    pub zone: String,
    pub rack: String,
    pub weight: u32,
    pub status: String,
}

#[napi(object)]
pub struct NativeSeal {
    pub size: f64,
    pub root: Uint8Array,
}

#[napi(object)]
pub struct NativeAgreedPartition {
    pub partition: u32,
    pub log: String,
    pub origin: String,
    pub status: String,
    pub from: f64,
    pub to: f64,
    pub parents: Vec<u32>,
    pub successors: Vec<u32>,
    pub seal: Option<NativeSeal>,
    pub wanted: Vec<u32>,
    pub voters: Vec<u32>,
    pub learners: Vec<u32>,
    pub leader: Option<u32>,
}

#[napi(object)]
pub struct NativeAgreed {
    pub index: f64,
    pub epoch: u32,
    pub voters: u32,
    pub faults: u32,
    pub members: Vec<NativeAgreedMember>,
    pub partitions: Vec<NativeAgreedPartition>,
    pub locks: Vec<NativeLock>,
    pub consumers: Vec<NativeConsumerGroup>,
}

fn missing(kind: &str, what: &str) -> napi::Error<crate::error::Code> {
    bad_argument(format!("a command `{kind}` needs {what}"))
}

fn small<T: TryFrom<u32>>(value: u32, what: &str) -> Result<T> {
    T::try_from(value).map_err(|_| bad_argument(format!("{what} {value} is too large")))
}

impl NativeNewMember {
    fn to_cluster(&self) -> Result<NewMember> {
        Ok(NewMember {
            number: node_number(self.node)?,
            name: self.name.clone(),
            address: self.address.clone(),
            tunnel: seed(&self.transport, "member.transport")?,
            cosigner_name: self.cosigner_name.clone(),
            cosigner: seed(&self.cosigner, "member.cosigner")?,
            rpc: self.rpc.clone().unwrap_or_default(),
            labels: Labels {
                zone: self.zone.clone().unwrap_or_default(),
                rack: self.rack.clone().unwrap_or_default(),
            },
            weight: small(self.weight.unwrap_or(u32::from(WEIGHT_USUAL)), "weight")?,
        })
    }
}

impl NativeCommand {
    fn to_cluster(&self) -> Result<Command> {
        let kind = self.kind.as_str();
        let node = || {
            let node = self.node.ok_or_else(|| missing(kind, "node"))?;
            node_number(node)
        };
        Ok(match kind {
            "add-member" => Command::AddMember {
                member: self
                    .member
                    .as_ref()
                    .ok_or_else(|| missing(kind, "member"))?
                    .to_cluster()?,
            },
            "update-member" => Command::UpdateMember {
                number: node()?,
                change: self.change()?,
            },
            "drain" => Command::Drain { number: node()? },
            "undrain" => Command::Undrain { number: node()? },
            "mark-dead" => Command::MarkDead { number: node()? },
            "remove-member" => Command::RemoveMember { number: node()? },
            "create-log" => Command::CreateLog {
                name: self.log.clone().ok_or_else(|| missing(kind, "log"))?,
                partitions: small(self.partitions.unwrap_or(1), "partitions")?,
                acknowledgement: if self.all == Some(true) {
                    Acknowledgement::All
                } else {
                    Acknowledgement::Majority
                },
            },
            "set-replication" => Command::SetReplication {
                voters: small(
                    self.voters.ok_or_else(|| missing(kind, "voters"))?,
                    "voters",
                )?,
                faults: small(self.faults.unwrap_or(0), "faults")?,
            },
            "split" => Command::BeginSplit {
                partition: self.partition.ok_or_else(|| missing(kind, "partition"))?,
                cuts: self
                    .cuts
                    .iter()
                    .flatten()
                    .map(|cut| whole(*cut, "a cut"))
                    .collect::<Result<_>>()?,
            },
            "merge" => Command::BeginMerge {
                left: self.partition.ok_or_else(|| missing(kind, "partition"))?,
                right: self.right.ok_or_else(|| missing(kind, "right"))?,
            },
            other => return Err(bad_argument(format!("there is no command `{other}`"))),
        })
    }

    fn change(&self) -> Result<MemberChange> {
        let labels = self.zone.is_some() || self.rack.is_some();
        Ok(MemberChange {
            address: self.address.clone(),
            rpc: self.rpc.clone(),
            labels: labels.then(|| Labels {
                zone: self.zone.clone().unwrap_or_default(),
                rack: self.rack.clone().unwrap_or_default(),
            }),
            weight: self
                .weight
                .map(|weight| small(weight, "weight"))
                .transpose()?,
        })
    }
}

fn wide(nodes: impl IntoIterator<Item = u16>) -> Vec<u32> {
    nodes.into_iter().map(u32::from).collect()
}

impl From<(u16, &Member)> for NativeAgreedMember {
    fn from((node, member): (u16, &Member)) -> Self {
        let about = &member.about;
        Self {
            node: u32::from(node),
            name: about.name.clone(),
            address: about.address.clone(),
            rpc: about.rpc.clone(),
            transport: about.tunnel.to_vec().into(),
            cosigner_name: about.cosigner_name.clone(),
            cosigner: about.cosigner.to_vec().into(),
            zone: about.labels.zone.clone(),
            rack: about.labels.rack.clone(),
            weight: u32::from(about.weight),
            status: match member.status {
                MemberStatus::Joining => "joining",
                MemberStatus::Active => "active",
                MemberStatus::Draining => "draining",
                MemberStatus::Dead => "dead",
                MemberStatus::Removed => "removed",
            }
            .to_owned(),
        }
    }
}

impl From<(u32, &Partition)> for NativeAgreedPartition {
    fn from((partition, one): (u32, &Partition)) -> Self {
        let replicas = &one.replicas;
        let reported = replicas.reported.as_ref();
        Self {
            partition,
            log: one.log.clone(),
            origin: one.origin.clone(),
            status: match one.status {
                PartitionStatus::Preparing => "preparing",
                PartitionStatus::Ready => "ready",
                PartitionStatus::Active => "active",
                PartitionStatus::Sealing => "sealing",
                PartitionStatus::Sealed => "sealed",
                PartitionStatus::Retired => "retired",
            }
            .to_owned(),
            from: one.range.from as f64,
            to: one.range.to as f64,
            parents: one.parents.iter().copied().collect(),
            successors: one.successors.iter().copied().collect(),
            seal: one.seal.as_ref().map(|seal| NativeSeal {
                size: seal.size as f64,
                root: seal.root.to_vec().into(),
            }),
            wanted: wide(replicas.wanted.iter().copied()),
            voters: wide(replicas.voters().iter().copied()),
            learners: wide(
                reported
                    .into_iter()
                    .flat_map(|one| one.learners.iter().copied()),
            ),
            leader: reported.map(|one| u32::from(one.leader)),
        }
    }
}

impl From<&ClusterState> for NativeAgreed {
    fn from(state: &ClusterState) -> Self {
        let at = state.at();
        let members = state.members().iter();
        let partitions = state.partitions().iter();
        let (locks, consumers) = services_of(state);
        Self {
            locks,
            consumers,
            index: at.index as f64,
            epoch: at.epoch,
            voters: u32::from(state.replication().voters),
            faults: u32::from(state.replication().faults),
            members: members.map(|(node, one)| (*node, one).into()).collect(),
            partitions: partitions
                .map(|(number, one)| (*number, one).into())
                .collect(),
        }
    }
}

/// Has the cluster carry out a command; completes `token` with what it came to.
#[napi(catch_unwind)]
pub fn cluster_command(handle: u32, command: NativeCommand, number: u32, token: u32) -> Result<()> {
    let command = command.to_cluster()?;
    carry_out((handle, number, token), &command)
}

/// Has the cluster give a coordinator number or a lock, or look after a consumer group; completes `token` with what it came to.
#[napi(catch_unwind)]
pub fn cluster_service(
    handle: u32,
    command: NativeServiceCommand,
    number: u32,
    token: u32,
) -> Result<()> {
    let command = command.to_cluster()?;
    carry_out((handle, number, token), &command)
}

fn carry_out((handle, number, token): (u32, u32, u32), command: &Command) -> Result<()> {
    let reply =
        pyralog_host::Reply::new(move |outcome: std::result::Result<Outcome, HostError>| {
            let done = match outcome.map(Outcome::result) {
                Err(error) => Done::Failed(error),
                Ok(Err(refusal)) => Done::Refused("cluster/refused", refusal.words),
                Ok(Ok(done)) => Done::Commanded(Box::new(done.into())),
            };
            if let Some(channel) = channel(number) {
                channel.complete(token, done);
            }
        });
    core(handle)?.cluster_command(command.encode(), reply);
    Ok(())
}
