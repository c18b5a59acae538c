//! Makes a binary fuse filter with 8-bit fingerprints (H8): each hash has three places in an array, and the fingerprints at
//! them make that of the hash.
//!
//! The hashes come sorted, so a hash's places are near those of the one before, and all the work stays in the caches.

use crate::filter::Shape;
use crate::mixed::{mix, reduce, unmix};

/// Seeds that are tried. One fails rarely, each on its own.
const SEEDS: u64 = 500;

/// How the array is cut.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    pub segment_length: u32,
    pub count_length: u32,
}

impl Cut {
    /// The cut for so many distinct hashes, at least one: as the filter's inventors give it.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "there are fewer than 2^32 hashes, and nothing is negative"
    )]
    fn of(hashes: usize) -> Self {
        let count = hashes as f64;
        let exponent = libm::floor(libm::log(count) / libm::log(3.33) + 2.25);
        let segment_length = 1_u32 << (exponent as u32).min(18);
        let factor = (0.875 + 0.25 * libm::log(1e6) / libm::log(count)).max(1.125);
        let capacity = if hashes > 1 {
            libm::round(count * factor) as u32
        } else {
            0
        };
        let segments = capacity.div_ceil(segment_length).max(3) - 2;
        Self {
            segment_length,
            count_length: segments * segment_length,
        }
    }

    /// The same array in segments of half the length: where the formula has just gone up to the next length, it goes too
    /// far.
    fn finer(self) -> Self {
        Self {
            segment_length: self.segment_length / 2,
            count_length: self.count_length + self.segment_length,
        }
    }

    fn total(self) -> usize {
        self.count_length as usize + 2 * self.segment_length as usize
    }

    /// The places of a hash, which was mixed.
    #[inline]
    pub fn places(self, hash: u64) -> [usize; 3] {
        let first = reduce(hash, self.count_length) as u32;
        let mask = self.segment_length - 1;
        let second = (first + self.segment_length) ^ ((hash >> 18) as u32 & mask);
        let third = (first + 2 * self.segment_length) ^ (hash as u32 & mask);
        [first as usize, second as usize, third as usize]
    }
}

/// What the fingerprints at the places of a mixed hash come to.
#[inline]
pub fn fingerprint(hash: u64) -> u8 {
    (hash ^ hash >> 32) as u8
}

/// The hashes that have a place.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// All of them xored together.
    sum: u64,
    /// How many there are.
    count: u32,
    /// Which of their three places it is (0 to 2), xored together.
    number: u32,
}

/// Makes filters. Keeps its memory.
#[derive(Default)]
pub struct FilterMaker {
    places: Vec<Place>,
    /// Hashes in the order in which each had a place to itself, and the number of that place.
    order: Vec<u64>,
    own: Vec<u8>,
    alone: Vec<u32>,
}

impl FilterMaker {
    /// The filter of distinct hashes, mixed and sorted, at least one; `None` if there is none with any seed.
    pub fn make(&mut self, mixed: &[u64]) -> Option<(Shape, Vec<u8>)> {
        let cut = Cut::of(mixed.len());
        // Three places of a few hashes need the length that there is.
        let cuts = [Some(cut), (mixed.len() > 4).then(|| cut.finer())];
        (0..SEEDS).map(mix).find_map(|seed| {
            let other = (seed != 0).then(|| remixed(mixed, seed));
            let hashes = other.as_deref().unwrap_or(mixed);
            let mut cuts = cuts.iter().flatten();
            let cut = *cuts.find(|cut| self.peel(hashes, **cut))?;
            let shape = Shape {
                seed,
                segment_length: cut.segment_length,
                count_length: cut.count_length,
            };
            Some((shape, self.assign(cut)))
        })
    }

    /// Finds an order in which each hash has a place that those behind it do not have; false if there is none.
    fn peel(&mut self, hashes: &[u64], cut: Cut) -> bool {
        self.count(hashes, cut);
        self.order.clear();
        self.own.clear();
        for place in 0..cut.total() {
            self.take(place, cut);
            while let Some(place) = self.alone.pop() {
                self.take(place as usize, cut);
            }
        }
        self.order.len() == hashes.len()
    }

    fn count(&mut self, hashes: &[u64], cut: Cut) {
        self.places.clear();
        self.places.resize(cut.total(), Place::default());
        for &hash in hashes {
            for (place, number) in cut.places(hash).into_iter().zip(0..) {
                let place = &mut self.places[place];
                place.sum ^= hash;
                place.count += 1;
                place.number ^= number;
            }
        }
    }

    /// If only one hash is left at a place, puts it behind the others and takes it from its places.
    #[inline]
    fn take(&mut self, place: usize, cut: Cut) {
        let Place { sum, count, number } = self.places[place];
        if count != 1 {
            return;
        }
        self.order.push(sum);
        self.own.push(number as u8);
        for (at, number) in cut.places(sum).into_iter().zip(0..) {
            let place = &mut self.places[at];
            place.sum ^= sum;
            place.count -= 1;
            place.number ^= number;
            if place.count == 1 {
                self.alone.push(at as u32);
            }
        }
    }

    /// Fingerprints, each set when the two others of its hash have their last value.
    fn assign(&self, cut: Cut) -> Vec<u8> {
        let mut fingerprints = vec![0; cut.total()];
        for (&hash, &own) in self.order.iter().zip(&self.own).rev() {
            let places = cut.places(hash);
            // Its own place was not set yet, and is zero.
            let others = places
                .iter()
                .fold(0, |sum, &place| sum ^ fingerprints[place]);
            fingerprints[places[usize::from(own)]] = others ^ fingerprint(hash);
        }
        fingerprints
    }
}

/// The hashes as another seed mixes them, sorted.
fn remixed(mixed: &[u64], seed: u64) -> Vec<u64> {
    let hashes = mixed.iter().map(|&hash| unmix(hash));
    let mut hashes: Vec<u64> = hashes.map(|hash| mix(hash.wrapping_add(seed))).collect();
    hashes.sort_unstable();
    hashes
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use xorf::{BinaryFuse8, BinaryFuse8Ref, DmaSerializable, Filter, FilterRef};

    use super::*;

    /// Sizes on both sides of the steps of the formula, where the first cut fails.
    const SIZES: [u64; 17] = [
        1, 2, 3, 4, 5, 7, 18, 19, 60, 61, 500, 7_500, 8_300, 9_500, 27_800, 31_000, 262_144,
    ];

    fn sorted(count: u64) -> Vec<u64> {
        let mut hashes: Vec<u64> = (1..=count).map(|n| mix(n ^ count << 40)).collect();
        hashes.sort_unstable();
        hashes
    }

    fn holds(shape: Shape, fingerprints: &[u8], unmixed: u64) -> bool {
        let hash = mix(unmixed.wrapping_add(shape.seed));
        let cut = Cut {
            segment_length: shape.segment_length,
            count_length: shape.count_length,
        };
        let found = cut.places(hash).map(|place| fingerprints[place]);
        found[0] ^ found[1] ^ found[2] == fingerprint(hash)
    }

    #[test]
    fn reads_what_another_library_made_and_the_other_way_round() {
        let mut maker = FilterMaker::default();
        for count in SIZES {
            let mixed = sorted(count);
            let (shape, fingerprints) = maker.make(&mixed).unwrap();
            let unmixed: Vec<u64> = mixed.iter().map(|&hash| unmix(hash)).collect();
            let theirs = BinaryFuse8::try_from(&unmixed).unwrap();
            assert_eq!(fingerprints.len(), theirs.fingerprints.len(), "{count}");
            let mut descriptor = [0; BinaryFuse8::DESCRIPTOR_LEN];
            descriptor[0..8].copy_from_slice(&shape.seed.to_le_bytes());
            descriptor[8..12].copy_from_slice(&shape.segment_length.to_le_bytes());
            descriptor[12..16].copy_from_slice(&(shape.segment_length - 1).to_le_bytes());
            descriptor[16..20].copy_from_slice(&shape.count_length.to_le_bytes());
            let filter = BinaryFuse8Ref::from_dma(&descriptor, &fingerprints);
            assert!(unmixed.iter().all(|hash| filter.contains(hash)), "{count}");
            let shape = Shape {
                seed: theirs.descriptor.seed,
                segment_length: theirs.descriptor.segment_length,
                count_length: theirs.descriptor.segment_count_length,
            };
            let fingerprints = theirs.fingerprints;
            assert!(
                unmixed
                    .iter()
                    .all(|&hash| holds(shape, &fingerprints, hash))
            );
            let others = (0..100_000).map(|n| mix(n ^ 1 << 63));
            let wrong = others.filter(|hash| filter.contains(hash)).count();
            assert!(wrong < 500, "{wrong} wrong answers with {count}");
        }
    }

    #[test]
    fn chosen_hashes_only_cost_another_seed() {
        // Three bits of difference, none of them where places come from: all have the same places.
        let mut mixed: Vec<u64> = (0..8).map(|n| n << 33).collect();
        mixed.extend(sorted(50_000));
        mixed.sort_unstable();
        let (shape, fingerprints) = FilterMaker::default().make(&mixed).unwrap();
        assert_ne!(shape.seed, 0);
        let mut unmixed = mixed.into_iter().map(unmix);
        assert!(unmixed.all(|hash| holds(shape, &fingerprints, hash)));
    }
}
