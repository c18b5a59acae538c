//! The id itself (S1).

/// 2026-01-01T00:00:00Z in Unix milliseconds: where the id's time begins.
pub const EPOCH_MS: u64 = 1_767_225_600_000;
/// Ids of one coordinator in one millisecond.
pub const IDS_PER_MS: u64 = 1 << SEQUENCE_BITS;
/// Largest coordinator number.
pub const COORDINATOR_MAX: u16 = (1 << COORDINATOR_BITS) - 1;

const SEQUENCE_BITS: u32 = 13;
const COORDINATOR_BITS: u32 = 10;
const TIME_BITS: u32 = 41;

/// First millisecond behind the range of ids, counted from [`EPOCH_MS`] (in the year 2095).
pub const MS_END: u64 = 1 << TIME_BITS;

/// The parts of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScarabId {
    /// Milliseconds since [`EPOCH_MS`], below 2^41.
    pub ms: u64,
    /// Coordinator, at most [`COORDINATOR_MAX`].
    pub coordinator: u16,
    /// Number within the millisecond, below [`IDS_PER_MS`].
    pub sequence: u16,
}

impl ScarabId {
    /// The id as a number.
    #[must_use]
    pub const fn pack(self) -> u64 {
        self.ms << (SEQUENCE_BITS + COORDINATOR_BITS)
            | (self.coordinator as u64) << SEQUENCE_BITS
            | self.sequence as u64
    }

    /// The parts of a number; every number is an id.
    #[must_use]
    pub const fn unpack(id: u64) -> Self {
        Self {
            ms: id >> (SEQUENCE_BITS + COORDINATOR_BITS),
            coordinator: (id >> SEQUENCE_BITS) as u16 & COORDINATOR_MAX,
            sequence: (id & (IDS_PER_MS - 1)) as u16,
        }
    }

    /// When it was issued by its coordinator's logical clock, Unix milliseconds.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.ms + EPOCH_MS
    }
}
