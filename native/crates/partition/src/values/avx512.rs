//! Loading sixteen lanes with AVX-512: a block of a lane is one vector, and sixteen of them are turned by shuffles. The
//! compression itself is the compiler's, with the same wide vectors.

use std::arch::x86_64::{
    __m512i, _mm512_maskz_loadu_epi8, _mm512_shuffle_i32x4, _mm512_storeu_si512,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use pyralog_types::Hash;

use super::{BLOCK, LANES, Lanes, Words, hash_loaded};

#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn hash_lanes(lanes: &Lanes<'_>, out: &mut [Hash; LANES]) {
    hash_loaded(lanes, out, |lanes, at, block, lens| {
        load(lanes, at, block, lens);
    });
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(lanes: &Lanes<'_>, at: usize, block: &mut [Words; 16], lens: &mut Words) {
    let rows: [__m512i; LANES] = std::array::from_fn(|lane| {
        let rest = &lanes[lane][at..];
        let len = rest.len().min(BLOCK);
        lens[lane] = len as u32;
        let mask = u64::MAX >> (BLOCK - len);
        #[allow(unsafe_code)] // a load that stops where the value does
        // SAFETY: only the bytes of the mask are read, and `rest` has them: it is never empty, since `at` is where one of
        // its blocks begins.
        unsafe {
            _mm512_maskz_loadu_epi8(mask, rest.as_ptr().cast())
        }
    });
    for (words, row) in block.iter_mut().zip(turned(&rows)) {
        #[allow(unsafe_code)] // the way from a vector to memory
        // SAFETY: `words` are 64 bytes.
        unsafe {
            _mm512_storeu_si512(words.as_mut_ptr().cast(), row);
        }
    }
}

/// The first and third quarter of each of two rows, and the second and fourth.
const EVEN: i32 = 0x88;
const ODD: i32 = 0xdd;

/// Word `w` of lane `l` becomes word `l` of row `w`.
#[inline]
#[target_feature(enable = "avx512f")]
fn turned(rows: &[__m512i; 16]) -> [__m512i; 16] {
    // Pairs of words, then of pairs: afterwards each quarter of a row holds one word of four lanes.
    let mut quarters = *rows;
    for (four, turned) in rows
        .as_chunks::<4>()
        .0
        .iter()
        .zip(quarters.as_chunks_mut::<4>().0)
    {
        let low = [0, 2].map(|at| _mm512_unpacklo_epi32(four[at], four[at + 1]));
        let high = [0, 2].map(|at| _mm512_unpackhi_epi32(four[at], four[at + 1]));
        *turned = [
            _mm512_unpacklo_epi64(low[0], low[1]),
            _mm512_unpackhi_epi64(low[0], low[1]),
            _mm512_unpacklo_epi64(high[0], high[1]),
            _mm512_unpackhi_epi64(high[0], high[1]),
        ];
    }
    // Then quarters find together.
    let mut out = *rows;
    for word in 0..4 {
        let even = [
            _mm512_shuffle_i32x4::<EVEN>(quarters[word], quarters[4 + word]),
            _mm512_shuffle_i32x4::<EVEN>(quarters[8 + word], quarters[12 + word]),
        ];
        let odd = [
            _mm512_shuffle_i32x4::<ODD>(quarters[word], quarters[4 + word]),
            _mm512_shuffle_i32x4::<ODD>(quarters[8 + word], quarters[12 + word]),
        ];
        out[word] = _mm512_shuffle_i32x4::<EVEN>(even[0], even[1]);
        out[4 + word] = _mm512_shuffle_i32x4::<EVEN>(odd[0], odd[1]);
        out[8 + word] = _mm512_shuffle_i32x4::<ODD>(even[0], even[1]);
        out[12 + word] = _mm512_shuffle_i32x4::<ODD>(odd[0], odd[1]);
    }
    out
}
