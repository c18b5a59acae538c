//! A perfect hash: made by `ptr_hash`, read by the few lines of [`Perfect::slot`] (H8).
//!
//! The crate reads its own tables without bounds checks and has no form on disk that could be checked, so only its
//! pilots are taken from it, and bytes from a disk never reach it. It hides them; they are found again by asking it for
//! the slots of chosen hashes, one bucket after the other.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use ptr_hash::hash::KeyHasher;
use ptr_hash::{FastPtrHash, PtrHashParams};

/// The mixing constant of `ptr_hash`.
const K: u64 = 0x517c_c1b7_2722_0a95;
/// Pilots of a bucket.
const PILOTS: usize = 256;
/// Where its search starts: the same rows give the same bytes.
const SEARCH_SEED: u64 = 0x7079_7261_6c6f_6731;

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

/// The finaliser of `MurmurHash3`.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    x = (x ^ (x >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

/// `⌊x·n / 2^64⌋`.
fn reduce(x: u64, n: u32) -> usize {
    ((u128::from(x) * u128::from(n)) >> 64) as usize
}

impl Perfect {
    /// Place of the hash's pilot.
    #[must_use]
    pub fn bucket(&self, hash: u64) -> usize {
        reduce(mix(hash ^ self.seed), self.pilots)
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

    fn turn(&self, pilot: u8) -> u64 {
        K.wrapping_mul(u64::from(pilot) ^ self.seed)
    }

    fn factor(&self) -> u64 {
        // Zero slots are refused where heads are read; 1 keeps the division total.
        (u64::MAX / u64::from(self.slots.max(1))).wrapping_add(1)
    }
}

fn place(mixed: u64, turn: u64, factor: u64, slots: u32) -> usize {
    reduce(factor.wrapping_mul(mixed ^ turn), slots)
}

/// What `ptr_hash` is asked about: a hash of ours, the slot of a chosen mixed hash, or its seed.
enum Asked {
    Hash(u64),
    Mixed(u64),
    Seed(AtomicU64),
}

impl Hash for Asked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Hash(number) | Self::Mixed(number) => number.hash(state),
            Self::Seed(number) => number.load(Ordering::Relaxed).hash(state),
        }
    }
}

#[derive(Clone)]
struct Mix;

impl KeyHasher<Asked> for Mix {
    type H = u64;

    fn hash(asked: &Asked, seed: u64) -> u64 {
        match asked {
            Asked::Hash(hash) => mix(hash ^ seed),
            Asked::Mixed(mixed) => *mixed,
            Asked::Seed(learned) => {
                learned.store(seed, Ordering::Relaxed);
                0
            }
        }
    }
}

/// A perfect hash of distinct hashes and its pilots; `None` if none was found, which ten seeds make a matter of bugs.
pub fn build(hashes: &[u64]) -> Option<(Perfect, Vec<u8>)> {
    let asked: Vec<Asked> = hashes.iter().copied().map(Asked::Hash).collect();
    fastrand::seed(SEARCH_SEED);
    let made = FastPtrHash::<Mix, Asked>::try_new(&asked, PtrHashParams::default_fast())?;
    let seed = Asked::Seed(AtomicU64::new(0));
    made.index(&seed);
    let Asked::Seed(seed) = seed else { return None };
    // Linear buckets of three hashes, and three more of them: `ptr_hash` tells their number only as bits a key.
    let pilots = hashes.len().div_ceil(3) + 3;
    let perfect = Perfect {
        seed: seed.into_inner(),
        slots: u32::try_from(made.max_index()).ok()?,
        pilots: u32::try_from(pilots).ok()?,
    };
    Some((perfect, find_pilots(&made, &perfect)?))
}

/// The pilots of all buckets, by the slots that hashes of each bucket get.
fn find_pilots(made: &FastPtrHash<Mix, Asked>, perfect: &Perfect) -> Option<Vec<u8>> {
    let (factor, slots) = (perfect.factor(), perfect.slots);
    let turns: Vec<u64> = (0..PILOTS).map(|pilot| perfect.turn(pilot as u8)).collect();
    // Enough of them that pilots which agree on all agree on everything, however few slots there are.
    let count = 64 / u64::from(slots.ilog2().max(1)) + 4;
    let width = u64::MAX / u64::from(perfect.pilots) - 1;
    let mut answers = Vec::new();
    let bucket = |bucket: u32| {
        // The smallest mixed hash of the bucket and some others of it.
        let first = (u128::from(bucket) << 64).div_ceil(u128::from(perfect.pilots)) as u64;
        answers.clear();
        answers.extend((0..count).map(|step| {
            // From all over the bucket: pilots may agree wherever only a few bits change.
            let mixed = first + ((u128::from(mix(step)) * u128::from(width)) >> 64) as u64;
            (mixed, made.index(&Asked::Mixed(mixed)))
        }));
        let (mixed, slot) = answers[0];
        let fits = |&turn: &u64| {
            let mut rest = answers[1..].iter();
            place(mixed, turn, factor, slots) == slot
                && rest.all(|&(mixed, slot)| place(mixed, turn, factor, slots) == slot)
        };
        let pilot = turns.iter().position(fits);
        pilot.map(|pilot| pilot as u8)
    };
    (0..perfect.pilots).map(bucket).collect()
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_has_a_slot_of_its_own_at_every_size() {
        for count in (1..600).chain([1000, 1013, 65_536, 200_000]) {
            let hashes: Vec<u64> = (0..count).map(|n: u64| mix(n ^ (count << 32))).collect();
            let (perfect, pilots) = build(&hashes).unwrap();
            assert_eq!(pilots.len(), perfect.pilots as usize);
            let mut taken = vec![false; perfect.slots as usize];
            for &hash in &hashes {
                let slot = perfect.slot(hash, pilots[perfect.bucket(hash)]);
                assert!(!std::mem::replace(&mut taken[slot], true));
            }
            assert!(u64::from(perfect.slots) <= count + count / 98 + 2);
        }
    }

    #[test]
    fn the_same_hashes_give_the_same_bytes() {
        let hashes: Vec<u64> = (0..50_000).map(mix).collect();
        fastrand::seed(7);
        let first = build(&hashes).unwrap();
        fastrand::u64(..);
        assert_eq!(build(&hashes).unwrap(), first);
    }
}
