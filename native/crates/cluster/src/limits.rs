//! How much of everything there may be (GR3): a state stays small enough to travel as one snapshot.

/// Largest number of a member (RF1).
pub const NODE_MAX: u16 = 1023;
/// Number of the cluster group (RF1).
pub const CLUSTER_GROUP: u32 = 0x8000_0000;
/// Length of a command in bytes.
pub const COMMAND_BYTES_MAX: usize = 65_536;
/// Members that are not removed.
pub const MEMBERS_MAX: usize = 64;
/// Logs.
pub const LOGS_MAX: usize = 4_096;
/// Partitions, those that are retired among them.
pub const PARTITIONS_MAX: usize = 65_536;
/// Partitions of a new log.
pub const NEW_PARTITIONS_MAX: u16 = 1_024;
/// Successors of one partition that is split.
pub const SUCCESSORS_MAX: usize = 16;
/// Voters of a group.
pub const VOTERS_MAX: usize = 7;
/// Voters of the cluster group; other members are its learners.
pub const CLUSTER_VOTERS_MAX: usize = 5;
/// Settings.
pub const SETTINGS_MAX: usize = 1_024;
/// Length of a setting's value in bytes.
pub const SETTING_BYTES_MAX: usize = 4_096;
/// Locks that are held.
pub const LOCKS_MAX: usize = 65_536;
/// Who wait for one lock.
pub const WAITERS_MAX: usize = 256;
/// Consumer groups.
pub const CONSUMER_GROUPS_MAX: usize = 4_096;
/// Members of a consumer group.
pub const CONSUMERS_MAX: usize = 512;
/// Logs a consumer group reads.
pub const CONSUMED_LOGS_MAX: usize = 64;
/// Shortest time for which a lock, a coordinator's number or a consumer's place is held, in milliseconds.
pub const TTL_MS_MIN: u64 = 100;
/// Longest: a day.
pub const TTL_MS_MAX: u64 = 86_400_000;
/// Length in bytes of names that callers choose: locks, owners, consumer groups, consumers, settings.
pub const NAME_BYTES_MAX: usize = 128;
/// Length in bytes of an address, a URL, a label.
pub const TEXT_BYTES_MAX: usize = 255;
/// Weight of a member that is like the others.
pub const WEIGHT_USUAL: u16 = 100;
/// Greatest weight.
pub const WEIGHT_MAX: u16 = 1_000;
/// One behind the last slot of the key space (PM1).
pub const KEYSPACE: u64 = 1 << 32;
