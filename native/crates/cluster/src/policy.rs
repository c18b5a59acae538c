//! How many signatures make a partition's checkpoint (GR10).

use std::collections::BTreeSet;

use crate::apply::Applied;
use crate::check;
use crate::outcome::Done;
use crate::settings::{Planning, Replication};
use crate::state::ClusterState;

/// Signatures that make a checkpoint, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignPolicy {
    /// How many, k.
    pub needed: u16,
    /// Of these members, n.
    pub voters: BTreeSet<u16>,
    /// How many of them may lie, f.
    pub faults: u16,
}

impl ClusterState {
    /// The policy of a partition's checkpoints with the voters it has now: k is the least number with 2k > n + f.
    #[must_use]
    pub fn cosign_policy(&self, partition: u32) -> Option<CosignPolicy> {
        let voters = self.partitions.get(&partition)?.replicas.voters().clone();
        let count = voters.len() as u16;
        let faults = u16::from(self.replication.faults).min(count.saturating_sub(1));
        Some(CosignPolicy {
            needed: u16::midpoint(count, faults) + 1,
            voters,
            faults,
        })
    }

    pub(crate) fn set_replication(&mut self, wanted: Replication) -> Applied {
        check::replication(wanted)?;
        self.replication = wanted;
        Ok(Done::Changed)
    }

    pub(crate) fn set_planning(&mut self, planning: Planning) -> Applied {
        check::planning(planning)?;
        self.planning = planning;
        Ok(Done::Changed)
    }

    pub(crate) fn set_setting(&mut self, name: String, value: Option<String>) -> Applied {
        check::chosen_name("setting", &name)?;
        let Some(value) = value else {
            self.settings.remove(&name);
            return Ok(Done::Changed);
        };
        let new = !self.settings.contains_key(&name);
        check::setting(&value, self.settings.len() + usize::from(new))?;
        self.settings.insert(name, value);
        Ok(Done::Changed)
    }
}
