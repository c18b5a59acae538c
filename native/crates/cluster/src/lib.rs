//! The cluster group's state machine and its planner (docs/spec/cluster-group.md, placement.md).
//!
//! Everything here is a pure function: no clock, no disk, no chance, no threads. Whoever hosts it applies the committed
//! entries of Raft group [`CLUSTER_GROUP`], keeps [`ClusterState::encode`] as its snapshot, and, where that group's leader
//! is, carries out what the planner says.
//!
//! ```
//! use pyralog_cluster::{Acknowledgement, ClusterState, Command, Founding, Labels, NewMember, Outcome, Replication};
//! use pyralog_cluster::encode_entry;
//!
//! let member = |number: u16| NewMember {
//!     number,
//!     name: format!("node-{number}"),
//!     address: format!("10.0.0.{number}:7000"),
//!     tunnel: [number as u8; 32],
//!     cosigner_name: format!("pyralog/devnet-0aa3e02fbfbc72f1/local/node-{number}"),
//!     cosigner: [number as u8; 32],
//!     rpc: String::new(),
//!     labels: Labels::default(),
//!     weight: 100,
//! };
//! let mut state = ClusterState::found(&Founding {
//!     id: [7; 32],
//!     scope: "pyralog/devnet-0aa3e02fbfbc72f1/local".to_owned(),
//!     members: (1..=3).map(member).collect(),
//!     partitions: Vec::new(),
//!     acknowledgement: Acknowledgement::Majority,
//!     replication: Replication { voters: 3, faults: 0 },
//! })?;
//! let create = Command::CreateLog {
//!     name: "notary".to_owned(),
//!     partitions: 4,
//!     acknowledgement: Acknowledgement::Majority,
//! };
//! let entry = encode_entry(1_790_000_000_000, &create.encode());
//! let outcome = state.apply_entry((1, 1), &entry);
//! assert!(matches!(outcome, Outcome::Done { .. }));
//! assert_eq!(state.owners("notary"), [0, 1, 2, 3]);
//! assert_eq!(ClusterState::decode(&state.encode()).as_ref(), Ok(&state));
//! # Ok::<(), pyralog_cluster::Refusal>(())
//! ```

#![allow(
    clippy::unnecessary_wraps,
    reason = "all commands answer in one way, those that are never refused too"
)]

mod apply;
mod apply_consumers;
mod apply_coordinators;
mod apply_locks;
mod apply_logs;
mod apply_members;
mod apply_replicas;
mod apply_reshape;
mod assign;
mod check;
mod codec;
mod command;
mod consistent;
mod consumers;
mod coordinator;
mod copyset;
mod due;
mod entry;
mod found;
mod limits;
mod lock;
mod member;
mod mutant;
mod outcome;
mod partition;
mod placement;
mod plan;
mod plan_group;
mod plan_placement;
mod policy;
mod rebalance;
mod ring;
mod settings;
mod snapshot;
mod state;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests;

pub use command::{Command, Strategy};
pub use consumers::{Consumer, ConsumerGroup};
pub use coordinator::Coordinator;
pub use entry::{decode_entry, encode_entry};
pub use found::{Founding, NewPartition};
pub use limits::*;
pub use lock::{Lock, Waiter};
pub use member::{Labels, Member, MemberChange, MemberStatus, NewMember};
pub use outcome::{Code, Done, Outcome, Refusal};
pub use partition::{
    Acknowledgement, KeyRange, Log, Partition, PartitionStatus, Replicas, Reported, Seal,
};
pub use plan::{GroupView, Silent, Step};
pub use plan_group::{CAUGHT_UP_ENTRIES, plan_group};
pub use plan_placement::plan_placement;
pub use policy::CosignPolicy;
pub use settings::{Planning, Replication};
pub use snapshot::SnapshotError;
pub use state::{At, ClusterState};
