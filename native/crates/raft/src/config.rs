//! What a node is made of, and the constants of raft.md.

/// Number of the cluster group (RF1).
pub const CLUSTER_GROUP: u32 = 0x8000_0000;
/// Largest number of a node (RF1).
pub const NODE_MAX: u16 = 1023;
/// Longest entry (RF2), bytes.
pub const ENTRY_BYTES_MAX: usize = 17 << 20;

/// Ticks between heartbeats (RF8).
pub(crate) const HEARTBEAT_TICKS: usize = 2;
/// Least ticks without a leader before an election (RF8).
pub(crate) const ELECTION_TICKS: usize = 20;
/// Ticks a group is idle before it goes quiet (RF10).
pub(crate) const QUIET_TICKS: u32 = 20;
/// Ticks for which a position counts (RF11): a second.
pub(crate) const POSITION_TICKS: u64 = 20;
/// Ticks after which a member is told of a snapshot again that it did not take over.
pub(crate) const SNAPSHOT_AGAIN_TICKS: u32 = 40;
/// Ticks after which a read that got no answer is asked again (RF12).
pub(crate) const READ_AGAIN_TICKS: u64 = 4;
/// Ticks after which a read is given up.
pub(crate) const READ_TICKS: u64 = 60;
/// Bytes of a group that wait for commit at most (RF7).
pub(crate) const WAITING_BYTES_MAX: usize = 64 << 20;
/// Bytes of entries in one message; one entry may be longer.
pub(crate) const MESSAGE_BYTES: usize = 1 << 20;
/// Messages to one member that are on their way at most.
pub(crate) const IN_FLIGHT_MESSAGES: usize = 256;
/// Bytes of a group that are applied in one round at least before the rest waits for the next.
pub(crate) const APPLY_BYTES: usize = 1 << 20;
/// Bytes of one bundle, if no single message is longer.
pub(crate) const BUNDLE_BYTES: usize = 4 << 20;
/// Bytes of recent entries kept for members that are a little behind, per group.
pub(crate) const CACHE_BYTES: usize = 4 << 20;

/// Settings of a node.
#[derive(Debug, Clone)]
pub struct RaftConfig {
    /// Number of the node, 1 to [`NODE_MAX`] (RF1).
    pub node: u16,
    /// What election timeouts are drawn from, and what marks the reads of this life. Another one at every opening.
    pub seed: u64,
    /// Size of the log's files: bounds what goes into one frame.
    pub frame_bytes: usize,
}

impl RaftConfig {
    /// Settings of a node whose log has files of the default size.
    #[must_use]
    pub fn new(node: u16, seed: u64) -> Self {
        Self {
            node,
            seed,
            frame_bytes: 64 << 20,
        }
    }
}

/// Spreads the bits of a word: what is drawn is a function of what it is drawn for.
pub(crate) fn mix(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
