//! Entries of many Raft groups, and the small states that ride in the same group commit.
//!
//! Staging, committing and reading are three handles, because they belong to three threads. What was staged becomes
//! visible to readers when the frame that carries it is durable, never before.

mod codec;
mod index;
mod memory;
mod reclaim;
mod staging;
mod stop;
mod wal_store;

use crate::error::LogError;
use crate::wal::{Committed, Preparer, Recovery, StagedFrame};

pub use memory::MemoryLogStore;
pub use reclaim::{Reclaimer, Usage};
pub use wal_store::WalLogStore;

/// An entry to append. Its bytes are the parts back to back; they are copied once, into the frame.
#[derive(Debug, Clone, Copy)]
pub struct NewEntry<'a> {
    /// Raft term.
    pub term: u64,
    /// The bytes, in order.
    pub parts: &'a [&'a [u8]],
}

/// An entry as it was stored, checked against its CRC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Index in its group, from 1.
    pub index: u64,
    /// Raft term.
    pub term: u64,
    /// The entry's bytes.
    pub bytes: Vec<u8>,
}

/// What Raft must remember before it answers anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HardState {
    /// Current term.
    pub term: u64,
    /// Whom this replica voted for in it, 0 for nobody.
    pub vote: u64,
    /// Index up to which entries are committed.
    pub commit: u64,
}

/// A size and the roots of the trees at it: what was signed last (C6), or up to where the sidecars are synced (M6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeState {
    /// Records covered.
    pub size: u64,
    /// BLAKE3 root.
    pub root: [u8; 32],
    /// Root of the SHA-256 tree, when the partition keeps one.
    pub sha256_root: Option<[u8; 32]>,
}

/// What an answer about an unreplicated log's records stands for (W16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[repr(u8)]
pub enum Durability {
    /// They are on disk.
    #[default]
    Sync = 0,
    /// They were handed to the operating system, and are on disk soon.
    Interval = 1,
    /// They are in memory, and are on disk after some later sync.
    Memory = 2,
}

impl Durability {
    /// Its name in settings, answers and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Interval => "interval",
            Self::Memory => "memory",
        }
    }

    /// The policy of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Sync, Self::Interval, Self::Memory];
        all.into_iter().find(|policy| policy.name() == name)
    }
}

/// What a replica needs to know of a partition before it applies its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionConfig {
    /// How long an idempotency key is remembered, milliseconds of log time.
    pub dedup_window_ms: u64,
    /// How many are remembered at most.
    pub dedup_records: u64,
    /// Whether the partition keeps a SHA-256 tree.
    pub sha256: bool,
    /// What its answers stand for.
    pub durability: Durability,
    /// Origin of its checkpoints (I4).
    pub origin: String,
}

/// Who is in a replicated group, by node number (RF3).
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Membership {
    /// Index of the entry that made it so; 0 for the members a group began with.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// Those whose majority decides.
    pub voters: Vec<u16>,
    /// Those who get the entries and do not count.
    pub learners: Vec<u16>,
    /// While a change is under way: the voters of before, whose majority is needed too.
    pub outgoing: Vec<u16>,
    /// Those of them who will be learners afterwards.
    pub learners_next: Vec<u16>,
    /// The leader ends the change by itself.
    pub auto_leave: bool,
}

impl Membership {
    /// A group's first members.
    #[must_use]
    pub fn of(voters: &[u16]) -> Self {
        Self {
            voters: voters.to_vec(),
            ..Self::default()
        }
    }

    /// All four lists, in the order of the record.
    #[must_use]
    pub fn lists(&self) -> [&[u16]; 4] {
        [
            &self.voters,
            &self.learners,
            &self.outgoing,
            &self.learners_next,
        ]
    }

    /// Whether nobody is in it: the group was removed here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists().iter().all(|list| list.is_empty())
    }

    /// Whether a node has any part in the group.
    #[must_use]
    pub fn contains(&self, node: u16) -> bool {
        self.lists().iter().any(|list| list.contains(&node))
    }
}

/// The newest durable states of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupState {
    /// First index held; 1 as long as nothing was released.
    pub first_index: u64,
    /// Last index held; `first_index - 1` when there is none.
    pub last_index: u64,
    /// Raft's hard state.
    pub hard_state: HardState,
    /// Newest signed state.
    pub signed: Option<TreeState>,
    /// Newest sidecar state.
    pub sidecar: Option<TreeState>,
    /// Configuration in force.
    pub config: Option<PartitionConfig>,
    /// Who is in it; `None` in a log that is not replicated.
    pub members: Option<Membership>,
}

/// Where entries are staged. Calls collect records in an open frame; none of them waits for the disk, except when the
/// next log file is not prepared yet. A refused call has staged nothing.
///
/// All methods fail with `ReadOnly` or `Poisoned` when the log is, `FrameFull` when the open frame must be sealed
/// first, `TooLarge` when the records fit into no frame, and `DiskFull` (W10).
pub trait LogStore: Send {
    /// Appends entries behind the group's last one (the first gets index 1) and returns the last index given.
    /// All of them go into one frame.
    ///
    /// # Errors
    /// See [`LogStore`].
    fn append(&mut self, group: u32, entries: &[NewEntry<'_>]) -> Result<u64, LogError>;

    /// Records Raft's hard state.
    ///
    /// # Errors
    /// See [`LogStore`].
    fn hard_state(&mut self, group: u32, state: HardState) -> Result<(), LogError>;

    /// Drops the entries from `index` on (a new leader overwrites them). Itself a record of the log.
    ///
    /// # Errors
    /// `OutOfRange` when the group holds no such index, else see [`LogStore`].
    fn truncate_from(&mut self, group: u32, index: u64) -> Result<(), LogError>;

    /// Says that the group's entries before `first_kept` are not needed any more (W12); readers see them no longer once it
    /// is durable. Does nothing when they are released already. Itself a record of the log.
    ///
    /// # Errors
    /// `OutOfRange` when `first_kept` is more than one behind the group's last index, else see [`LogStore`].
    fn release(&mut self, group: u32, first_kept: u64) -> Result<(), LogError>;

    /// Writes an entry that is held and durable once more, so that the file with its first place can go (W15); false when
    /// it is not held any more.
    ///
    /// # Errors
    /// See [`LogStore`].
    fn again(&mut self, group: u32, entry: &StoredEntry) -> Result<bool, LogError>;

    /// Records what is about to be signed (C6): durable before the signature leaves.
    ///
    /// # Errors
    /// See [`LogStore`].
    fn sign_state(&mut self, group: u32, state: &TreeState) -> Result<(), LogError>;

    /// Records up to where the sidecars are synced (M6).
    ///
    /// # Errors
    /// See [`LogStore`].
    fn sidecar_state(&mut self, group: u32, state: &TreeState) -> Result<(), LogError>;

    /// Records a partition's configuration; it holds from here on.
    ///
    /// # Errors
    /// See [`LogStore`].
    fn configure(&mut self, group: u32, config: &PartitionConfig) -> Result<(), LogError>;

    /// Records who is in a group (RF3), from here on.
    ///
    /// # Errors
    /// See [`LogStore`].
    fn members(&mut self, group: u32, members: &Membership) -> Result<(), LogError>;

    /// Drops all entries of a group, which goes on behind (index, term): a snapshot up to there was installed (RF3).
    ///
    /// # Errors
    /// See [`LogStore`].
    fn begin_behind(&mut self, group: u32, index: u64, term: u64) -> Result<(), LogError>;

    /// Last index staged for a group, durable or not; 0 when there is none.
    fn staged_index(&self, group: u32) -> u64;

    /// Bytes staged in the open frame.
    fn staged_bytes(&self) -> usize;

    /// Closes the open frame and hands it out for [`LogCommitter::commit`]; `None` when nothing is staged. Frames must
    /// be committed in the order in which they were sealed.
    fn seal(&mut self) -> Option<StagedFrame>;
}

/// Makes sealed frames durable, on the thread that does the waiting.
pub trait LogCommitter: Send {
    /// One write and one fdatasync; afterwards readers see what the frame carries, and those written before it.
    ///
    /// # Errors
    /// `Poisoned` after a failure (W9): nothing more is acknowledged until the log is opened again.
    fn commit(&mut self, frame: StagedFrame) -> Result<Committed, LogError> {
        let written = self.write(frame)?;
        let synced = self.sync()?;
        Ok(Committed { synced, ..written })
    }

    /// Writes a frame whose sync nobody waits for. A crash loses the last of such frames, in part or all, and never one
    /// without those behind it. [`Committed::synced`] says how far the log is durable, because the beginning of a new file
    /// syncs the one before.
    ///
    /// # Errors
    /// See [`LogCommitter::commit`].
    fn write(&mut self, frame: StagedFrame) -> Result<Committed, LogError>;

    /// One fdatasync for everything written, none when it is durable; afterwards readers see it. Returns the number of the
    /// newest durable frame.
    ///
    /// # Errors
    /// See [`LogCommitter::commit`].
    fn sync(&mut self) -> Result<u64, LogError>;

    /// Call when no frame is waiting: records, without a sync, that the last frame is durable (W4), if it is.
    ///
    /// # Errors
    /// `Poisoned` when the write fails.
    fn mark_idle(&mut self) -> Result<(), LogError>;

    /// Call before stopping: syncs what is written and leaves a marker that is itself synced, so that damage in the last
    /// frame is never taken for a torn tail.
    ///
    /// # Errors
    /// `Poisoned` when the write or sync fails.
    fn mark_stop(&mut self) -> Result<(), LogError>;

    /// As [`LogCommitter::mark_stop`], and leaves `state` for the next opening ([`OpenLog::stopped`]), which need not read
    /// the log then (W17). Nothing may be staged or committed afterwards.
    ///
    /// # Errors
    /// `Poisoned` as above; `Io` when the stop file cannot be written: the log has ended well all the same.
    fn stop(&mut self, state: &[u8]) -> Result<(), LogError>;
}

/// Receives (index, term, bytes) of each entry; its first error ends the replay.
pub type ReplayVisitor<'a> = dyn FnMut(u64, u64, &[u8]) -> Result<(), LogError> + 'a;

/// Reads durable entries, from any thread.
pub trait LogReader: Send + Sync {
    /// Groups that have any record, ascending.
    fn groups(&self) -> Vec<u32>;

    /// Newest durable states of a group.
    fn state(&self, group: u32) -> Option<GroupState>;

    /// Term of an entry.
    fn term(&self, group: u32, index: u64) -> Option<u64>;

    /// An entry's bytes, checked against their CRC; `None` when the group does not hold the index.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not what was written, `Io`.
    fn entry(&self, group: u32, index: u64) -> Result<Option<StoredEntry>, LogError>;

    /// A slice of an entry's bytes, **not** checked against the CRC (the caller checks hashes of its own).
    ///
    /// # Errors
    /// `OutOfRange` when the group does not hold the index or the entry has no such bytes, `Io`.
    fn entry_slice(
        &self,
        group: u32,
        index: u64,
        range: std::ops::Range<usize>,
    ) -> Result<Vec<u8>, LogError>;

    /// Hands the entries from `from` on to `visit`, in order, by large sequential reads; stops at its first error.
    ///
    /// # Errors
    /// `Corrupt`, `Io`, or what `visit` returns.
    fn replay(&self, group: u32, from: u64, visit: &mut ReplayVisitor<'_>) -> Result<(), LogError>;

    /// Checks all that was there when the log was opened, whoever's it is: for logs that a stop file kept from being read
    /// (W17). Ends early when `go_on` says no.
    ///
    /// # Errors
    /// `Corrupt` where something is not what was written.
    fn check(&self, go_on: &mut dyn FnMut() -> bool) -> Result<(), LogError>;
}

/// An open store: one handle per thread that works with it.
pub struct OpenLog {
    /// For the thread that stages.
    pub store: Box<dyn LogStore>,
    /// For the thread that syncs.
    pub committer: Box<dyn LogCommitter>,
    /// For everybody else.
    pub reader: std::sync::Arc<dyn LogReader>,
    /// For the background thread that prepares log files; absent in memory.
    pub preparer: Option<Preparer>,
    /// For the thread that lets files go; absent in memory.
    pub reclaimer: Option<Reclaimer>,
    /// How the opening went.
    pub recovery: Recovery,
    /// Which store this is (W1); zeros in memory.
    pub store_id: [u8; 16],
    /// What [`LogCommitter::stop`] was given, when the log ends where it ended then. Nobody finds it a second time.
    pub stopped: Option<Vec<u8>>,
}

fn out_of_range(reader: &dyn LogReader, group: u32, index: u64) -> LogError {
    let state = reader.state(group);
    LogError::OutOfRange {
        group,
        index,
        first: state.as_ref().map_or(1, |state| state.first_index),
        last: state.as_ref().map_or(0, |state| state.last_index),
    }
}
