//! BLAKE3 of many short values side by side.
//!
//! The blake3 crate hashes side by side only what consists of whole blocks; a value of 100 bytes does not, and one after
//! the other such values cost half of what a record costs altogether. Here sixteen values of as many blocks go through
//! the compression function together, one a lane: a sixth of the time with AVX-512, a third with AVX2, half with the vectors every
//! processor has.

#![allow(clippy::inline_always)] // or the lanes would not become vectors of the calling function's width

use pyralog_types::Hash;
use pyralog_types::MULTIHASH_BYTES_MAX;
use pyralog_types::batch::ValueRef;

/// Values hashed together: a vector of AVX-512, two of AVX2, four of the least processor.
const LANES: usize = 16;
/// From so many values on, idle lanes cost less than hashing one by one.
const LANES_MIN: usize = 6;
const BLOCK: usize = 64;
/// Blocks of a chunk, behind which BLAKE3 becomes a tree.
const BLOCKS_MAX: usize = 16;

/// One 32-bit word of each lane.
type Words = [u32; LANES];
/// A value in each lane, all of as many blocks.
type Lanes<'a> = [&'a [u8]; LANES];

/// Hands `take` the place and the BLAKE3 of each value. Those of as many blocks are hashed together, wherever they stand.
pub(crate) fn hash_values(values: &[ValueRef<'_>], mut take: impl FnMut(usize, Hash)) {
    let blocks_of = |place: &u32| values[*place as usize].len().div_ceil(BLOCK);
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    if !order.is_sorted_by_key(blocks_of) {
        order.sort_by_key(blocks_of);
    }
    for alike in order.chunk_by(|left, right| blocks_of(left) == blocks_of(right)) {
        let blocks = blocks_of(&alike[0]);
        for group in alike.chunks(LANES) {
            if group.len() < LANES_MIN || !(1..=BLOCKS_MAX).contains(&blocks) {
                for &place in group {
                    take(place as usize, values[place as usize].hash());
                }
                continue;
            }
            let mut scratch = [[0; MULTIHASH_BYTES_MAX]; LANES];
            let idle = group[group.len() - 1];
            let group_then_idle = group.iter().chain(std::iter::repeat(&idle));
            let mut lanes: Lanes<'_> = [&[]; LANES];
            for ((lane, scratch), &place) in lanes.iter_mut().zip(&mut scratch).zip(group_then_idle)
            {
                *lane = values[place as usize].bytes(scratch);
            }
            let mut hashes = [[0; 32]; LANES];
            hash_widest(&lanes, &mut hashes);
            for (&place, hash) in group.iter().zip(hashes) {
                take(place as usize, hash);
            }
        }
    }
}

/// [`hash_lanes`] with the widest vectors this processor has.
fn hash_widest(lanes: &Lanes<'_>, out: &mut [Hash; LANES]) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            // SAFETY: the processor has these features.
            #[allow(unsafe_code)]
            // the only way to call a function compiled for more than the least processor
            return unsafe { avx512::hash_lanes(lanes, out) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has this feature.
            #[allow(unsafe_code)]
            // as above
            return unsafe { hash_lanes_avx2(lanes, out) };
        }
    }
    hash_lanes(lanes, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn hash_lanes_avx2(lanes: &Lanes<'_>, out: &mut [Hash; LANES]) {
    hash_lanes(lanes, out);
}

#[inline(always)]
fn hash_lanes(lanes: &Lanes<'_>, out: &mut [Hash; LANES]) {
    hash_loaded(lanes, out, load);
}

/// `load` brings the block at a position of each lane, filled up with zeros, and turns it so that lanes stand side by side.
#[inline(always)]
fn hash_loaded(
    lanes: &Lanes<'_>,
    out: &mut [Hash; LANES],
    load: impl Fn(&Lanes<'_>, usize, &mut [Words; 16], &mut Words),
) {
    let mut state = IV.map(|word| [word; LANES]);
    let (mut block, mut lens) = ([[0; LANES]; 16], [0; LANES]);
    let blocks = lanes[0].len().div_ceil(BLOCK);
    for number in 0..blocks {
        load(lanes, number * BLOCK, &mut block, &mut lens);
        let start = if number == 0 { CHUNK_START } else { 0 };
        let last = number + 1 == blocks;
        let end = if last { CHUNK_END | ROOT } else { 0 };
        compress(&mut state, &block, &lens, start | end);
    }
    for (lane, hash) in out.iter_mut().enumerate() {
        for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(&state) {
            *bytes = word[lane].to_le_bytes();
        }
    }
}

#[inline(always)]
fn load(lanes: &Lanes<'_>, at: usize, block: &mut [Words; 16], lens: &mut Words) {
    for (lane, value) in lanes.iter().enumerate() {
        let rest = &value[at..];
        let mut padded = [0; BLOCK];
        let bytes: &[u8; BLOCK] = if let Some(full) = rest.first_chunk() {
            lens[lane] = BLOCK as u32;
            full
        } else {
            padded[..rest.len()].copy_from_slice(rest);
            lens[lane] = rest.len() as u32;
            &padded
        };
        for (word, four) in block.iter_mut().zip(bytes.as_chunks::<4>().0) {
            word[lane] = u32::from_le_bytes(*four);
        }
    }
}

const IV: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
/// Order of the message words in each round (BLAKE3 paper §2.2).
const SCHEDULE: [[usize; 16]; 7] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8],
    [3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1],
    [10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6],
    [12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4],
    [9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7],
    [11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13],
];
const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 2;
const ROOT: u32 = 8;

#[inline(always)]
#[allow(clippy::many_single_char_names)] // as the paper calls them
fn quarter(v: &mut [u32; 16], [a, b, c, d]: [usize; 4], (x, y): (u32, u32)) {
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(x);
    v[d] = (v[d] ^ v[a]).rotate_right(16);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(12);
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(y);
    v[d] = (v[d] ^ v[a]).rotate_right(8);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(7);
}

#[inline(always)]
fn round<const R: usize>(v: &mut [u32; 16], block: &[Words; 16], lane: usize) {
    let m = |at: usize| block[const { SCHEDULE[R] }[at]][lane];
    quarter(v, [0, 4, 8, 12], (m(0), m(1)));
    quarter(v, [1, 5, 9, 13], (m(2), m(3)));
    quarter(v, [2, 6, 10, 14], (m(4), m(5)));
    quarter(v, [3, 7, 11, 15], (m(6), m(7)));
    quarter(v, [0, 5, 10, 15], (m(8), m(9)));
    quarter(v, [1, 6, 11, 12], (m(10), m(11)));
    quarter(v, [2, 7, 8, 13], (m(12), m(13)));
    quarter(v, [3, 4, 9, 14], (m(14), m(15)));
}

/// Compresses one block of each lane. Lanes do not meet and nothing branches, so the compiler turns the loop into vectors.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // the lane is an index into every array there is
fn compress(state: &mut [Words; 8], block: &[Words; 16], lens: &Words, flags: u32) {
    for lane in 0..LANES {
        let mut v = [0; 16];
        for i in 0..8 {
            v[i] = state[i][lane];
        }
        v[8..12].copy_from_slice(&IV[..4]);
        v[14] = lens[lane];
        v[15] = flags;
        round::<0>(&mut v, block, lane);
        round::<1>(&mut v, block, lane);
        round::<2>(&mut v, block, lane);
        round::<3>(&mut v, block, lane);
        round::<4>(&mut v, block, lane);
        round::<5>(&mut v, block, lane);
        round::<6>(&mut v, block, lane);
        for i in 0..8 {
            state[i][lane] = v[i] ^ v[i + 8];
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512;

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes the values with one of the ways to do it, in full groups.
    fn check(values: &[Vec<u8>], hash: impl Fn(&Lanes<'_>, &mut [Hash; LANES])) {
        for group in values.as_chunks::<LANES>().0 {
            let mut hashes = [[0; 32]; LANES];
            hash(&group.each_ref().map(Vec::as_slice), &mut hashes);
            for (value, hash) in group.iter().zip(&hashes) {
                assert_eq!(
                    hash,
                    blake3::hash(value).as_bytes(),
                    "{} bytes",
                    value.len()
                );
            }
        }
    }

    /// The hash of each value, handed over exactly once.
    fn hashed(values: &[ValueRef<'_>]) -> Vec<Hash> {
        let mut hashes = vec![None; values.len()];
        hash_values(values, |place, hash| {
            assert!(hashes[place].replace(hash).is_none(), "value {place} twice");
        });
        hashes.into_iter().map(Option::unwrap_or_default).collect()
    }

    fn values(bytes: impl Fn(usize) -> usize) -> Vec<Vec<u8>> {
        let value = |n: usize| (0..bytes(n)).map(|at| (n * 31 + at * 7) as u8).collect();
        (0..LANES * 3).map(value).collect()
    }

    #[test]
    fn every_width_and_length_equals_the_public_api() {
        for blocks in 1..=BLOCKS_MAX {
            // 1 to 64 bytes in the last block, several lengths side by side.
            let values = values(|n| (blocks - 1) * BLOCK + 1 + (n * 37 + blocks) % BLOCK);
            check(&values, hash_lanes);
            check(&values, hash_widest);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has this feature.
                #[allow(unsafe_code)]
                check(&values, |lanes, out| unsafe { hash_lanes_avx2(lanes, out) });
            }
        }
    }

    #[test]
    fn mixed_lengths_and_odd_counts_come_back_in_order() {
        let of_any_length = values(|n| [100, 90, 100, 0, 2_000, 1_024, 1_025, 64][n / 7 % 8]);
        let alike = values(|n| 65 + n);
        for values in [of_any_length, alike] {
            for count in 0..=values.len() {
                let refs: Vec<_> = values[..count].iter().map(|v| ValueRef::Bytes(v)).collect();
                let wanted: Vec<_> = refs.iter().map(ValueRef::hash).collect();
                assert_eq!(hashed(&refs), wanted, "{count} values");
            }
        }
        let digests = [[7; 32], [8; 32]].repeat(10);
        let digest = |digest| ValueRef::Digest { code: 0x12, digest };
        let refs: Vec<_> = digests.iter().map(|d| digest(&d[..])).collect();
        let wanted: Vec<_> = refs.iter().map(ValueRef::hash).collect();
        assert_eq!(hashed(&refs), wanted);
    }
}
