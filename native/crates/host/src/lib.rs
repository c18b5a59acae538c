//! The threads that own a store: one queue in, group commits, signed checkpoints out.
//!
//! - *apply* takes everything that waits, stamps it, stages it in one frame of the log and applies it;
//! - *sync* writes frames, waits for the disk where somebody waits for it (W16), publishes, signs and answers, while the next group is hashed;
//! - *background* prepares log files, reserves ids, and signs what nobody waits for;
//! - *seal* makes segments of what the log holds; *maintain* merges, compacts, drops and ages them as policies say.
//!
//! Readers come on their own threads, take short read locks, and see durable records only.

mod ahead;
mod answer;
mod background;
mod base64;
mod behind;
mod cache;
mod cluster;
mod commit;
mod error;
mod figures;
mod files;
mod frame;
mod grow;
mod hashed;
mod host;
mod ids;
mod late;
mod leaves;
mod listed;
mod lookup;
mod maintain;
pub mod note;
mod open;
mod options;
mod panels;
mod quarantine;
mod questions;
mod queue;
mod read;
mod rebuild;
mod replay;
mod replayed_trees;
mod seal;
mod segments;
mod shards;
mod shared;
mod sidecars;
mod sign;
mod spent;
mod stage;
mod stop;
mod threads;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests;

pub use answer::{Answer, Reply, SignedCheckpoint, Wait};
pub use cluster::{
    ClusterOptions, ClusterStatus, MemberOptions, PartitionRole, PartitionStatus, PeerStatus,
};
pub use error::HostError;
pub use figures::Stats;
pub use files::{NodeFilePlace, node_files};
pub use host::Host;
pub use ids::RESERVED_IDS_MAX;
pub use maintain::{Maintenance, UnderWay};
pub use options::{Cosigner, HostOptions, MaintenanceOptions, PartitionOptions, Recovery, World};
pub use pyralog_log::Durability;
pub use pyralog_manifest::Policy;
pub use pyralog_obelisk::Run as IdRun;
pub use pyralog_partition::{DedupWindow, SealLimits};
pub use read::Algorithm;
