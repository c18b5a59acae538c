//! What can be asked of the cluster group (GR5): each committed entry is one command.

use std::collections::BTreeSet;

use crate::codec::{Fault, Reader, Wire, wire};
use crate::limits::COMMAND_BYTES_MAX;
use crate::member::{MemberChange, NewMember};
use crate::mutant::{Mutant, on};
use crate::outcome::{Code, Refusal};
use crate::partition::{Acknowledgement, Reported, Seal};
use crate::settings::Planning;

/// Version of the encoding of commands.
pub(crate) const COMMAND_VERSION: u8 = 1;

/// How a consumer group spreads partitions over its members (GR17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Neighbouring partitions to one member, all anew at each change.
    Range,
    /// As few moves as will do, each only after the one who had it let go.
    CooperativeSticky,
}
wire!(enum Strategy { 1 = Range {}, 2 = CooperativeSticky {} });

/// A change of the cluster's state. A command that is repeated gets the answer of the first, as long as what it made stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Lets time pass: what has run out by then ends (GR12).
    Tick,
    /// A node becomes a member, *joining*.
    AddMember {
        /// The node.
        member: NewMember,
    },
    /// A member that was joining or dead was heard of: it is active.
    ConfirmMember {
        /// The member.
        number: u16,
    },
    /// Where a member is reached, where it stands, how much it takes.
    UpdateMember {
        /// The member.
        number: u16,
        /// What changes.
        change: MemberChange,
    },
    /// The replicas of a member move to others.
    Drain {
        /// The member.
        number: u16,
    },
    /// A member that was drained takes replicas again.
    Undrain {
        /// The member.
        number: u16,
    },
    /// A member was silent for too long.
    MarkDead {
        /// The member.
        number: u16,
    },
    /// A member that keeps nothing leaves for ever.
    RemoveMember {
        /// The member.
        number: u16,
    },
    /// A log with partitions of equal shares of its key space.
    CreateLog {
        /// Its name (I1).
        name: String,
        /// Partitions.
        partitions: u16,
        /// When its writes are answered.
        acknowledgement: Acknowledgement,
    },
    /// When a log's writes are answered from now on.
    SetAcknowledgement {
        /// The log.
        log: String,
        /// When.
        acknowledgement: Acknowledgement,
    },
    /// How many replicas vote in each group, and how many of them may lie (GR10).
    SetReplication {
        /// Voters of a group, 1 to 7.
        voters: u8,
        /// Liars that a checkpoint withstands; fewer than voters.
        faults: u8,
    },
    /// What the planner keeps to.
    SetPlanning {
        /// All of it.
        planning: Planning,
    },
    /// A setting of the cluster; without a value it is removed.
    SetSetting {
        /// Its name.
        name: String,
        /// Its value.
        value: Option<String>,
    },
    /// Who should vote in a group.
    Place {
        /// A partition, or the cluster group.
        group: u32,
        /// The nodes.
        voters: BTreeSet<u16>,
    },
    /// Who is in a group, said by its leader.
    ReportReplicas {
        /// A partition, or the cluster group.
        group: u32,
        /// Who.
        reported: Reported,
    },
    /// A partition is to be split (GR8).
    BeginSplit {
        /// The partition.
        partition: u32,
        /// First slots of the successors but the first, ascending; empty for one cut in the middle.
        cuts: Vec<u64>,
    },
    /// Two neighbours are to become one.
    BeginMerge {
        /// The partition with the lower keys.
        left: u32,
        /// The one with the next.
        right: u32,
    },
    /// A partition's end is committed in its own group.
    Sealed {
        /// The partition.
        partition: u32,
        /// How it ended.
        seal: Seal,
    },
    /// A successor's first record is committed in its own group.
    Activate {
        /// The successor.
        partition: u32,
    },
    /// A coordinator asks for a number of its own.
    AssignCoordinator {
        /// Who asks; a member's name gets the member's number.
        holder: String,
        /// For how long.
        ttl_ms: u64,
    },
    /// A coordinator keeps its number.
    RenewCoordinator {
        /// The number.
        number: u16,
        /// Its fencing number.
        fence: u64,
        /// For how long from now.
        ttl_ms: u64,
    },
    /// A coordinator gives its number back.
    ReleaseCoordinator {
        /// The number.
        number: u16,
        /// Its fencing number.
        fence: u64,
    },
    /// Somebody wants a lock (GR14); its fencing numbers: GR11.
    AcquireLock {
        /// The lock.
        lock: String,
        /// Who wants it.
        owner: String,
        /// For how long, from when it is granted.
        ttl_ms: u64,
        /// Whether to wait for it.
        wait: bool,
    },
    /// The holder keeps it.
    RenewLock {
        /// The lock.
        lock: String,
        /// Its fencing number.
        fence: u64,
        /// For how long from now.
        ttl_ms: u64,
    },
    /// The holder gives it back.
    ReleaseLock {
        /// The lock.
        lock: String,
        /// Its fencing number.
        fence: u64,
    },
    /// Somebody waits no longer.
    WithdrawLock {
        /// The lock.
        lock: String,
        /// Who waited.
        owner: String,
    },
    /// A consumer becomes a member of a group, which is made with its first.
    JoinConsumers {
        /// The group.
        group: String,
        /// The consumer.
        consumer: String,
        /// What the group reads; of a group that is there, the same.
        logs: BTreeSet<String>,
        /// How it is spread; likewise.
        strategy: Strategy,
        /// How long the consumer may be silent.
        ttl_ms: u64,
    },
    /// A consumer leaves.
    LeaveConsumers {
        /// The group.
        group: String,
        /// The consumer.
        consumer: String,
    },
    /// A consumer is there, and has let go of what was asked back.
    ConsumerHeartbeat {
        /// The group.
        group: String,
        /// The consumer.
        consumer: String,
        /// Partitions it has let go of.
        released: BTreeSet<u32>,
    },
    /// A consumer is done with records (GR16).
    CommitOffsets {
        /// The group.
        group: String,
        /// The consumer.
        consumer: String,
        /// Generation it knows.
        generation: u64,
        /// (partition, offset of the next record to read), each partition once.
        offsets: Vec<(u32, u64)>,
    },
    /// A group without members is forgotten with its offsets.
    ForgetConsumers {
        /// The group.
        group: String,
    },
}
wire!(enum Command {
    1 = Tick {},
    2 = AddMember { member },
    3 = ConfirmMember { number },
    4 = UpdateMember { number, change },
    5 = Drain { number },
    6 = Undrain { number },
    7 = MarkDead { number },
    8 = RemoveMember { number },
    16 = CreateLog { name, partitions, acknowledgement },
    17 = SetAcknowledgement { log, acknowledgement },
    18 = SetReplication { voters, faults },
    19 = SetPlanning { planning },
    20 = SetSetting { name, value },
    21 = Place { group, voters },
    22 = ReportReplicas { group, reported },
    32 = BeginSplit { partition, cuts },
    33 = BeginMerge { left, right },
    34 = Sealed { partition, seal },
    35 = Activate { partition },
    48 = AssignCoordinator { holder, ttl_ms },
    49 = RenewCoordinator { number, fence, ttl_ms },
    50 = ReleaseCoordinator { number, fence },
    64 = AcquireLock { lock, owner, ttl_ms, wait },
    65 = RenewLock { lock, fence, ttl_ms },
    66 = ReleaseLock { lock, fence },
    67 = WithdrawLock { lock, owner },
    80 = JoinConsumers { group, consumer, logs, strategy, ttl_ms },
    81 = LeaveConsumers { group, consumer },
    82 = ConsumerHeartbeat { group, consumer, released },
    83 = CommitOffsets { group, consumer, generation, offsets },
    84 = ForgetConsumers { group },
});

impl Command {
    /// Its bytes (GR2): version, kind, fields.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![COMMAND_VERSION];
        self.put(&mut out);
        out
    }

    /// Reads bytes that [`Command::encode`] made, and no others.
    ///
    /// # Errors
    /// `malformed`, or `newer` for a version or kind that is not known here; with what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let refuse =
            |fault: Fault| Refusal::new(Code::Malformed, format!("a command that {fault}"));
        if bytes.len() > COMMAND_BYTES_MAX {
            return Err(refuse("is longer than 65,536 bytes"));
        }
        let mut from = Reader::new(bytes);
        let version = u8::get(&mut from).map_err(refuse)?;
        if version != COMMAND_VERSION {
            return Err(Refusal::new(
                Code::Newer,
                format!(
                    "a command of version {version}; this node knows version {COMMAND_VERSION}: update it"
                ),
            ));
        }
        let command = Self::get(&mut from).map_err(refuse)?;
        if !on(Mutant::TrailingBytes) {
            from.end().map_err(refuse)?;
        }
        Ok(command)
    }
}
