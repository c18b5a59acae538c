//! Hashes as an index works with them: mixed by the finaliser of `MurmurHash3`, with the rows they belong to, sorted.
//!
//! Filter and perfect hash both find their way by the high bits of a mixed hash, so one sorting serves both, and all that
//! is built from it walks through memory instead of jumping in it.

/// A mixed hash and its row.
pub type Pair = (u64, u32);

/// Up to so many pairs are sorted at once.
const FEW: usize = 64;
/// Pairs of a first cell, about: they stay in the nearest cache while they are sorted.
const CELL: usize = 512;
const FIRST_BITS_MAX: u32 = 11;
const SECOND_BITS: u32 = 8;
/// A second cell that holds more than this is sorted on its own: chance makes none of them, but somebody may choose keys.
const CROWD: u32 = 24;

const FACTORS: [u64; 2] = [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53];
/// Their inverses modulo 2^64.
const INVERSES: [u64; 2] = [0x4f74_430c_22a5_4005, 0x9cb4_b2f8_1293_37db];

/// The finaliser of `MurmurHash3`, which spreads the bits of a number over all of it and can be undone.
#[inline]
#[must_use]
pub const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 33)).wrapping_mul(FACTORS[0]);
    x = (x ^ (x >> 33)).wrapping_mul(FACTORS[1]);
    x ^ (x >> 33)
}

/// What was mixed.
#[must_use]
pub const fn unmix(mut x: u64) -> u64 {
    x = (x ^ (x >> 33)).wrapping_mul(INVERSES[1]);
    x = (x ^ (x >> 33)).wrapping_mul(INVERSES[0]);
    x ^ (x >> 33)
}

/// `⌊x·n / 2^64⌋`.
#[inline]
#[must_use]
pub fn reduce(x: u64, n: u32) -> usize {
    ((u128::from(x) * u128::from(n)) >> 64) as usize
}

/// Sorts pairs by their hashes; those of one hash stay in order. Keeps its memory.
#[derive(Default)]
pub struct Sorter {
    spare: Vec<Pair>,
    starts: Vec<u32>,
}

impl Sorter {
    /// Sorts at most 2^32 - 1 pairs.
    pub fn sort(&mut self, pairs: &mut [Pair]) {
        if pairs.len() <= FEW {
            pairs.sort_by_key(|pair| pair.0);
            return;
        }
        let bits = (pairs.len() / CELL).max(2).ilog2().min(FIRST_BITS_MAX);
        let cell = |pair: &Pair| (pair.0 >> (64 - bits)) as usize;
        self.starts.clear();
        self.starts.resize(1 << bits, 0);
        self.spare.clear();
        self.spare.resize(pairs.len(), (0, 0));
        deal(pairs, &mut self.spare, &mut self.starts, cell);
        let mut start = 0;
        for &end in &self.starts {
            let range = start..end as usize;
            sort_cell(&mut self.spare[range.clone()], &mut pairs[range], bits);
            start = end as usize;
        }
    }
}

/// Moves pairs to their cells, in order. Afterwards `ends` says where each cell ends; it must be zeros.
fn deal(from: &[Pair], to: &mut [Pair], ends: &mut [u32], cell: impl Fn(&Pair) -> usize) {
    for pair in from {
        ends[cell(pair)] += 1;
    }
    let mut start = 0;
    for end in ends.iter_mut() {
        start += std::mem::replace(end, start);
    }
    for pair in from {
        let end = &mut ends[cell(pair)];
        to[*end as usize] = *pair;
        *end += 1;
    }
}

/// Sorts pairs whose hashes have their first `bits` in common.
fn sort_cell(from: &mut [Pair], to: &mut [Pair], bits: u32) {
    let mut ends = [0; 1 << SECOND_BITS];
    let cell = |pair: &Pair| (pair.0 << bits >> (64 - SECOND_BITS)) as usize;
    deal(from, to, &mut ends, cell);
    let mut start = 0;
    for end in ends {
        if end - start > CROWD {
            to[start as usize..end as usize].sort_by_key(|pair| pair.0);
        }
        start = end;
    }
    // Whatever is not in order now stands beside its place.
    for next in 1..to.len() {
        let pair = to[next];
        let mut at = next;
        while at > 0 && to[at - 1].0 > pair.0 {
            to[at] = to[at - 1];
            at -= 1;
        }
        to[at] = pair;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_can_be_undone() {
        for n in (0..64)
            .map(|bit| 1 << bit)
            .chain([0, u64::MAX, 0x0123_4567])
        {
            assert_eq!(unmix(mix(n)), n);
        }
    }

    #[test]
    fn sorts_as_the_library_does() {
        let chosen: [fn(u64) -> u64; 5] = [
            mix,                              // spread out
            |n| mix(n % 7),                   // hashes with many rows
            |n| mix(n) >> 20,                 // all in one first cell
            |n| mix(n) >> 40,                 // all in one second cell
            |n| u64::MAX - n * 0x1_0001_0000, // backwards
        ];
        for hash in chosen {
            for count in [0, 1, 2, 63, 64, 65, 500, 1_023, 1_024, 5_000, 70_001] {
                let mut pairs: Vec<Pair> = (0..count).map(|n| (hash(n), n as u32)).collect();
                let mut expected = pairs.clone();
                expected.sort_by_key(|pair| pair.0);
                Sorter::default().sort(&mut pairs);
                assert!(pairs == expected, "{count}");
            }
        }
    }
}
