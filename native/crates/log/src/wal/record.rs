//! Records (W5) and where they stand.

/// Where a frame stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FramePosition {
    /// Which file.
    pub incarnation: u64,
    /// Byte position in it.
    pub position: u64,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordPosition {
    /// Which file.
    pub incarnation: u64,
    /// Byte position of its header in it.
    pub position: u64,
    /// Bytes behind the header.
    pub length: u32,
}

/// Kinds of records (W5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordKind {
    /// A packed batch.
    Entry = 1,
    /// Term, vote, commit.
    HardState = 2,
    /// Entries from an index on are dropped.
    TruncateFrom = 3,
    /// Size and roots that were signed.
    SignState = 4,
    /// Size up to which the sidecars are synced, and roots.
    SidecarState = 5,
    /// Partition configuration.
    Configure = 6,
    /// Entries before an index are not needed any more (W12).
    Release = 7,
    /// An entry that is held already, written again behind its first place (W15).
    Again = 8,
    /// Who is in the group (RF3).
    Members = 9,
    /// All entries are dropped; the group goes on behind an index (RF3).
    BeginBehind = 10,
}

impl RecordKind {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Entry,
            2 => Self::HardState,
            3 => Self::TruncateFrom,
            4 => Self::SignState,
            5 => Self::SidecarState,
            6 => Self::Configure,
            7 => Self::Release,
            8 => Self::Again,
            9 => Self::Members,
            10 => Self::BeginBehind,
            _ => return None,
        })
    }
}

/// A record read from the log, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its kind.
    pub kind: RecordKind,
    /// Raft group.
    pub group: u32,
    /// Index of an entry; commit, first dropped index, first kept index or size for other kinds.
    pub index: u64,
    /// Raft term; 0 for kinds without one.
    pub term: u64,
    /// Bytes.
    pub bytes: &'a [u8],
    /// Where it stands.
    pub position: RecordPosition,
}

/// The fields of a record that its writer chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHead {
    /// Its kind.
    pub kind: RecordKind,
    /// Raft group.
    pub group: u32,
    /// See [`Record::index`].
    pub index: u64,
    /// See [`Record::term`].
    pub term: u64,
}
