//! A perfect hash, as `PtrHash` has it (H8): hashes fall into small buckets, and each bucket has a *pilot*, a number that
//! turns its hashes to slots which no other hash has.
//!
//! Pilots are found for the fullest buckets first. A bucket that finds no free slots takes them from a bucket that then looks
//! for others.

use crate::mixed::{mix, reduce, unmix};
use crate::pilots::Search;

/// Numbers that a pilot can be.
pub const PILOTS: usize = 256;
/// Hashes of a bucket, on average.
const BUCKET: usize = 3;
/// Share of the slots that is used.
const LOAD: f64 = 0.99;
/// Seeds that are tried. Nearly always the first one will do.
const SEEDS: u64 = 100;
/// The mixing constant of `PtrHash`.
const K: u64 = 0x517c_c1b7_2722_0a95;

/// What turns a hash into a slot, but for the pilots themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Perfect {
    /// Mixed into every hash.
    pub seed: u64,
    /// Slots, about 1 % more than hashes.
    pub slots: u32,
    /// Buckets; each has one pilot.
    pub pilots: u32,
}

impl Perfect {
    /// The shape for so many distinct hashes. Nothing but their number decides it, so that a sidecar which is made again is as
    /// long as it was.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "there are fewer than 2^32 hashes, and nothing is negative"
    )]
    fn of(hashes: usize, seed: u64) -> Option<Self> {
        let slots = (hashes as f64 / LOAD) as usize;
        Some(Self {
            seed,
            // The remainder by a power of two would not depend on all bits.
            slots: u32::try_from(slots + usize::from(slots.is_power_of_two())).ok()?,
            pilots: u32::try_from(hashes.div_ceil(BUCKET) + 3).ok()?,
        })
    }

    /// A hash as this one mixes it, from one mixed without seed.
    fn remixed(&self, mixed: u64) -> u64 {
        if self.seed == 0 {
            return mixed;
        }
        mix(unmix(mixed) ^ self.seed)
    }

    /// Place of the hash's pilot.
    #[must_use]
    pub fn bucket(&self, hash: u64) -> usize {
        self.bucket_of(mix(hash ^ self.seed))
    }

    pub(crate) fn bucket_of(&self, mixed: u64) -> usize {
        reduce(mixed, self.pilots)
    }

    /// Slot of a hash, below `slots`; one that is not among those it was made of gets any.
    #[must_use]
    pub fn slot(&self, hash: u64, pilot: u8) -> usize {
        place(
            mix(hash ^ self.seed),
            self.turn(pilot),
            self.factor(),
            self.slots,
        )
    }

    /// What each pilot xors hashes with.
    pub fn turns(&self) -> [u64; PILOTS] {
        std::array::from_fn(|pilot| self.turn(pilot as u8))
    }

    /// Slot of a hash that was mixed without seed, among those it was made of.
    pub fn slot_of(&self, mixed: u64, pilots: &[u8], turns: &[u64; PILOTS]) -> usize {
        let mixed = self.remixed(mixed);
        let turn = turns[usize::from(pilots[self.bucket_of(mixed)])];
        place(mixed, turn, self.factor(), self.slots)
    }

    fn turn(&self, pilot: u8) -> u64 {
        K.wrapping_mul(u64::from(pilot) ^ self.seed)
    }

    pub(crate) fn factor(&self) -> u64 {
        // Zero slots are refused where heads are read; 1 keeps the division total.
        (u64::MAX / u64::from(self.slots.max(1))).wrapping_add(1)
    }
}

/// Slot of a mixed hash.
#[inline]
pub fn place(mixed: u64, turn: u64, factor: u64, slots: u32) -> usize {
    reduce(factor.wrapping_mul(mixed ^ turn), slots)
}

/// The perfect hash of distinct hashes, mixed and sorted, at least one, and its pilots; `None` if there is none with any
/// seed. `search` brings its memory.
pub fn make(mixed: &[u64], search: &mut Search) -> Option<(Perfect, Vec<u8>)> {
    (0..SEEDS).map(mix).find_map(|seed| {
        let perfect = Perfect::of(mixed.len(), seed)?;
        let other = (seed != 0).then(|| {
            let mut hashes: Vec<u64> = mixed.iter().map(|&hash| perfect.remixed(hash)).collect();
            hashes.sort_unstable();
            hashes
        });
        let pilots = search.find(&perfect, other.as_deref().unwrap_or(mixed))?;
        Some((perfect, pilots))
    })
}
