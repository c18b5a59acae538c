//! What holds for the cluster as a whole.

use crate::codec::wire;

/// What the planner keeps to (PM8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planning {
    /// How long a member is silent before it counts as dead, in milliseconds; 0 for never.
    pub dead_after_ms: u64,
    /// Replicas that are on their way at once in the whole cluster, at most.
    pub moves_max: u16,
    /// With how many other nodes a node shares groups, about (PM5).
    pub scatter_width: u16,
}
wire!(struct Planning { dead_after_ms, moves_max, scatter_width });

impl Default for Planning {
    fn default() -> Self {
        Self {
            dead_after_ms: 300_000,
            moves_max: 4,
            scatter_width: 4,
        }
    }
}

/// How many replicas there are of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replication {
    /// Voters of a group.
    pub voters: u8,
    /// Voters that may lie or be restored from a backup (CO4).
    pub faults: u8,
}
wire!(struct Replication { voters, faults });
