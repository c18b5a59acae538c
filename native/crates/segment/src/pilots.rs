//! The search for the pilots of a perfect hash.

use std::collections::BinaryHeap;
use std::ops::Range;

use crate::mixed::mix;
use crate::perfect::{PILOTS, Perfect, place};

/// No bucket has the slot.
const NOBODY: u32 = u32::MAX;
/// Buckets that just found their slots keep them, or a few would take them from each other for ever.
const RECENT: usize = 16;
/// Buckets that may lose their slots, for each slot: more says that there is no way with this seed.
const LOSSES_MAX: usize = 10;

/// Finds pilots. Keeps its memory.
#[derive(Default)]
pub struct Search {
    /// Where the hashes of each bucket begin, and where the last one's end.
    starts: Vec<u32>,
    /// Buckets with hashes, the fullest first.
    order: Vec<u32>,
    /// A bit for each slot.
    taken: Vec<u64>,
    /// The bucket that has each slot.
    owners: Vec<u32>,
}

impl Search {
    /// The pilots for hashes as the perfect hash mixes them, sorted; `None` when some bucket finds no slots.
    pub fn find(&mut self, perfect: &Perfect, hashes: &[u64]) -> Option<Vec<u8>> {
        self.fill_buckets(perfect, hashes);
        let slots = perfect.slots as usize;
        self.taken.clear();
        self.taken.resize(slots.div_ceil(64), 0);
        self.owners.clear();
        self.owners.resize(slots, NOBODY);
        let mut table = Table {
            hashes,
            starts: &self.starts,
            taken: &mut self.taken,
            owners: &mut self.owners,
            pilots: vec![0; perfect.pilots as usize],
            turns: perfect.turns(),
            factor: perfect.factor(),
            slots: perfect.slots,
            losses: 0,
        };
        for &bucket in &self.order {
            match table.free_pilot(bucket) {
                Some(pilot) => table.settle(bucket, pilot),
                None => table.displace(bucket)?,
            }
        }
        Some(table.pilots)
    }

    fn fill_buckets(&mut self, perfect: &Perfect, hashes: &[u64]) {
        let buckets = perfect.pilots as usize;
        self.starts.clear();
        self.starts.resize(buckets + 1, 0);
        for &hash in hashes {
            self.starts[perfect.bucket_of(hash) + 1] += 1;
        }
        let fullest = self.starts.iter().copied().max().unwrap_or(0) as usize;
        // Where buckets of each length stand in the order; empty ones stand nowhere.
        let mut places = vec![0; fullest + 1];
        for &length in &self.starts[1..] {
            places[length as usize] += 1;
        }
        let mut place = 0;
        for count in places.iter_mut().skip(1).rev() {
            place += std::mem::replace(count, place);
        }
        self.order.clear();
        self.order.resize(place, 0);
        let mut start = 0;
        for bucket in 0..buckets {
            let length = self.starts[bucket + 1] as usize;
            if length > 0 {
                self.order[places[length]] = bucket as u32;
                places[length] += 1;
            }
            start += length as u32;
            self.starts[bucket + 1] = start;
        }
    }
}

/// Slots, while they are given away.
struct Table<'a> {
    hashes: &'a [u64],
    starts: &'a [u32],
    taken: &'a mut [u64],
    owners: &'a mut [u32],
    pilots: Vec<u8>,
    turns: [u64; PILOTS],
    factor: u64,
    slots: u32,
    /// Buckets that lost their slots.
    losses: usize,
}

impl<'a> Table<'a> {
    fn range(&self, bucket: u32) -> Range<usize> {
        let bucket = bucket as usize;
        self.starts[bucket] as usize..self.starts[bucket + 1] as usize
    }

    fn bucket(&self, bucket: u32) -> &'a [u64] {
        &self.hashes[self.range(bucket)]
    }

    #[inline]
    fn slot(&self, hash: u64, turn: u64) -> usize {
        place(hash, turn, self.factor, self.slots)
    }

    /// The first pilot that leads a bucket to free slots, all different.
    fn free_pilot(&self, bucket: u32) -> Option<u8> {
        let hashes = self.bucket(bucket);
        match hashes.len() {
            1 => self.free::<1>(hashes),
            2 => self.free::<2>(hashes),
            3 => self.free::<3>(hashes),
            4 => self.free::<4>(hashes),
            5 => self.free::<5>(hashes),
            6 => self.free::<6>(hashes),
            _ => self.free_for_many(hashes),
        }
    }

    /// [`Table::free_pilot`] for so many hashes: all are looked at at once, because a branch for each would be guessed wrong
    /// again and again.
    fn free<const N: usize>(&self, hashes: &[u64]) -> Option<u8> {
        let hashes: &[u64; N] = hashes.first_chunk()?;
        let pilot = self.turns.iter().position(|&turn| {
            let slots = hashes.map(|hash| self.slot(hash, turn));
            let hits = slots
                .iter()
                .fold(0, |hits, &slot| hits | self.taken[slot / 64] >> (slot % 64));
            hits & 1 == 0 && (1..N).all(|n| !slots[..n].contains(&slots[n]))
        });
        pilot.map(|pilot| pilot as u8)
    }

    fn free_for_many(&self, hashes: &[u64]) -> Option<u8> {
        let pilot = self.turns.iter().position(|&turn| {
            let mut slots = hashes.iter().map(|&hash| self.slot(hash, turn));
            slots.all(|slot| self.taken[slot / 64] >> (slot % 64) & 1 == 0)
                && self.all_differ(hashes, turn)
        });
        pilot.map(|pilot| pilot as u8)
    }

    fn all_differ(&self, hashes: &[u64], turn: u64) -> bool {
        let slots = hashes.iter().map(|&hash| self.slot(hash, turn));
        let mut slots: Vec<usize> = slots.collect();
        slots.sort_unstable();
        slots.is_sorted_by(|left, right| left < right)
    }

    /// Gives a bucket its slots, which are free.
    fn settle(&mut self, bucket: u32, pilot: u8) {
        self.pilots[bucket as usize] = pilot;
        let turn = self.turns[usize::from(pilot)];
        for &hash in self.bucket(bucket) {
            let slot = self.slot(hash, turn);
            self.taken[slot / 64] |= 1 << (slot % 64);
            self.owners[slot] = bucket;
        }
    }

    /// Takes a bucket's slots from it.
    fn unsettle(&mut self, bucket: u32) {
        let turn = self.turns[usize::from(self.pilots[bucket as usize])];
        for &hash in self.bucket(bucket) {
            let slot = self.slot(hash, turn);
            self.taken[slot / 64] &= !(1 << (slot % 64));
            self.owners[slot] = NOBODY;
        }
        self.losses += 1;
    }

    /// Gives slots to a bucket that found none, and other ones to those that had them.
    fn displace(&mut self, bucket: u32) -> Option<()> {
        let mut recent = [NOBODY; RECENT];
        let mut waiting = BinaryHeap::from([(self.range(bucket).len(), bucket)]);
        let mut turn = 0;
        while let Some((_, bucket)) = waiting.pop() {
            if let Some(pilot) = self.free_pilot(bucket) {
                self.settle(bucket, pilot);
                continue;
            }
            if self.losses > LOSSES_MAX * self.slots as usize {
                return None;
            }
            let pilot = self.cheapest_pilot(bucket, &recent)?;
            let bits = self.turns[usize::from(pilot)];
            for &hash in self.bucket(bucket) {
                let owner = self.owners[self.slot(hash, bits)];
                if owner != NOBODY {
                    self.unsettle(owner);
                    waiting.push((self.range(owner).len(), owner));
                }
            }
            self.settle(bucket, pilot);
            recent[turn % RECENT] = bucket;
            turn += 1;
        }
        Some(())
    }

    /// The pilot that takes slots from the fewest and smallest others, none of them recent.
    fn cheapest_pilot(&self, bucket: u32, recent: &[u32]) -> Option<u8> {
        let hashes = self.bucket(bucket);
        // From anywhere, so that buckets which meet again do other things.
        let first = mix(self.losses as u64) as usize % PILOTS;
        let mut best = None;
        let mut least = usize::MAX;
        // Whom a slot belongs to is far away in memory; that it is taken is near. So first only those that take one.
        for most in [1, hashes.len()] {
            for pilot in (first..first + PILOTS).map(|pilot| pilot % PILOTS) {
                let turn = self.turns[pilot];
                if self.taken_slots(hashes, turn) <= most
                    && let Some(cost) = self.cost(hashes, turn, (least, recent))
                    && self.all_differ(hashes, turn)
                {
                    (least, best) = (cost, Some(pilot as u8));
                    if least <= hashes.len() * hashes.len() {
                        return best; // about as good as it gets: another bucket like this one
                    }
                }
            }
            if best.is_some() {
                break;
            }
        }
        best
    }

    fn taken_slots(&self, hashes: &[u64], turn: u64) -> usize {
        let slots = hashes.iter().map(|&hash| self.slot(hash, turn));
        let taken = slots.map(|slot| self.taken[slot / 64] >> (slot % 64) & 1);
        taken.sum::<u64>() as usize
    }

    /// What it costs others to lose the slots that a pilot leads to; `None` if not less than so much, or one is recent.
    fn cost(&self, hashes: &[u64], turn: u64, limits: (usize, &[u32])) -> Option<usize> {
        let (least, recent) = limits;
        let mut cost = 0;
        for &hash in hashes {
            let owner = self.owners[self.slot(hash, turn)];
            if owner == NOBODY {
                continue;
            }
            cost += self.range(owner).len().pow(2);
            if cost >= least || recent.contains(&owner) {
                return None;
            }
        }
        Some(cost)
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;
    use crate::perfect::make;

    fn check(mixed: &[u64], search: &mut Search) -> Perfect {
        let (perfect, pilots) = make(mixed, search).unwrap();
        assert_eq!(pilots.len(), perfect.pilots as usize);
        let mut taken = vec![false; perfect.slots as usize];
        for &hash in mixed {
            let hash = crate::mixed::unmix(hash);
            let slot = perfect.slot(hash, pilots[perfect.bucket(hash)]);
            assert!(!std::mem::replace(&mut taken[slot], true));
        }
        perfect
    }

    #[test]
    fn every_hash_has_a_slot_of_its_own_at_every_size() {
        let mut search = Search::default();
        for count in (1..600).chain([1_000, 1_013, 65_536, 200_000]) {
            let mut mixed: Vec<u64> = (0..count).map(|n: u64| mix(n ^ (count << 32))).collect();
            mixed.sort_unstable();
            let perfect = check(&mixed, &mut search);
            assert!(u64::from(perfect.slots) <= count + count / 98 + 2);
        }
    }

    #[test]
    fn lengths_follow_from_the_number_of_hashes() {
        // As stores of all versions have them (H9): hashes, slots, pilots.
        for (count, slots, pilots) in [
            (1, 2, 4),
            (2, 3, 4),
            (50, 50, 20),
            (127, 129, 46),
            (1_000, 1_010, 337),
            (50_000, 50_505, 16_670),
        ] {
            let mut mixed: Vec<u64> = (0..count).map(mix).collect();
            mixed.sort_unstable();
            let perfect = check(&mixed, &mut Search::default());
            assert_eq!((perfect.slots, perfect.pilots), (slots, pilots));
        }
    }

    #[test]
    fn chosen_hashes_that_fill_one_bucket_only_cost_another_seed() {
        let mut search = Search::default();
        for crowd in [10, 100, 4_000] {
            let others = (0..10_000).map(mix);
            let mut mixed: Vec<u64> = others.chain((1..=crowd).map(|n| mix(n) >> 20)).collect();
            mixed.sort_unstable();
            let perfect = check(&mixed, &mut search);
            assert_eq!(perfect.seed != 0, crowd == 4_000, "{crowd}");
        }
    }

    #[test]
    fn memory_of_another_search_changes_nothing() {
        let mut mixed: Vec<u64> = (0..50_000).map(mix).collect();
        mixed.sort_unstable();
        let first = make(&mixed, &mut Search::default()).unwrap();
        let mut used = Search::default();
        check(&mixed[..7_000], &mut used);
        assert_eq!(make(&mixed, &mut used).unwrap(), first);
    }
}
