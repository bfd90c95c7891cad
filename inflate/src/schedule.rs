//! The message schedules of SHA-256, for as many blocks at once as a vector register holds words.
//!
//! Source: FIPS 180-4, 4.2.2 and 6.2.2.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_ror_epi32, _mm512_set1_epi32, _mm512_set4_epi32, _mm512_setzero_si512,
    _mm512_shuffle_epi8, _mm512_shuffle_i32x4, _mm512_srli_epi32, _mm512_ternarylogic_epi32,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use fearless_simd::{SimdBase as _, SimdInto as _, kernel, u8x64, u32x16, x86::Avx512};

/// Blocks whose schedules are made at once.
pub(crate) const SET: usize = 16;

/// Schedules of [`SET`] blocks, each word with its constant added. Four words of a block lie side by side; the next four
/// are [`SET`] further on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Set(pub(crate) [[u32; 4]; Self::LENGTH]);

impl Set {
    /// Fours of words of all blocks.
    pub(crate) const LENGTH: usize = SET * 64 / 4;

    /// Sixteen of the words of a block, the `part`th of four.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is for the instructions of who calls it")]
    pub(crate) fn part(&self, block: usize, part: usize) -> Option<[&[u32; 4]; 4]> {
        let at = 4 * SET * part + block % 4 * 4 + block / 4;
        let words: &[[u32; 4]; 3 * SET + 1] = self.0.get(at..)?.first_chunk()?;
        Some([&words[0], &words[SET], &words[2 * SET], &words[3 * SET]])
    }
}

/// One for each word.
const CONSTANTS: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

kernel!(
    /// Makes the schedules of `blocks`, at most [`SET`], in `set`.
    #[inline(never)]
    pub(crate) fn schedule(able: Avx512, blocks: &[[u8; 64]], set: &mut Set) {
        // Words are written with the highest byte first.
        let order = _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203);
        let load = |index: usize| -> __m512i {
            let Some(block) = blocks.get(index) else { return _mm512_setzero_si512() };
            _mm512_shuffle_epi8(u8x64::<Avx512>::from_slice(able, block).into(), order)
        };
        // Of four registers of four quarters: all first quarters, all second ones, and so on.
        let quarters = |a: __m512i, b: __m512i, c: __m512i, d: __m512i| -> [__m512i; 4] {
            let (ab_low, ab_high) = (_mm512_shuffle_i32x4::<0x44>(a, b), _mm512_shuffle_i32x4::<0xee>(a, b));
            let (cd_low, cd_high) = (_mm512_shuffle_i32x4::<0x44>(c, d), _mm512_shuffle_i32x4::<0xee>(c, d));
            [
                _mm512_shuffle_i32x4::<0x88>(ab_low, cd_low),
                _mm512_shuffle_i32x4::<0xdd>(ab_low, cd_low),
                _mm512_shuffle_i32x4::<0x88>(ab_high, cd_high),
                _mm512_shuffle_i32x4::<0xdd>(ab_high, cd_high),
            ]
        };
        // The same of the four words in each quarter.
        let words = |a: __m512i, b: __m512i, c: __m512i, d: __m512i| -> [__m512i; 4] {
            let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
            let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
            [
                _mm512_unpacklo_epi64(ab_low, cd_low),
                _mm512_unpackhi_epi64(ab_low, cd_low),
                _mm512_unpacklo_epi64(ab_high, cd_high),
                _mm512_unpackhi_epi64(ab_high, cd_high),
            ]
        };
        let next = |at_16: __m512i, at_15: __m512i, at_7: __m512i, at_2: __m512i| -> __m512i {
            let early = _mm512_ternarylogic_epi32::<0x96>(
                _mm512_ror_epi32::<7>(at_15),
                _mm512_ror_epi32::<18>(at_15),
                _mm512_srli_epi32::<3>(at_15),
            );
            let late = _mm512_ternarylogic_epi32::<0x96>(
                _mm512_ror_epi32::<17>(at_2),
                _mm512_ror_epi32::<19>(at_2),
                _mm512_srli_epi32::<10>(at_2),
            );
            _mm512_add_epi32(_mm512_add_epi32(at_16, at_7), _mm512_add_epi32(early, late))
        };

        // The registers of `a` are the first words of all blocks, `b` the next four, and so on.
        let [p0, p1, p2, p3] = quarters(load(0), load(4), load(8), load(12));
        let [q0, q1, q2, q3] = quarters(load(1), load(5), load(9), load(13));
        let [r0, r1, r2, r3] = quarters(load(2), load(6), load(10), load(14));
        let [s0, s1, s2, s3] = quarters(load(3), load(7), load(11), load(15));
        let mut a = words(p0, q0, r0, s0);
        let mut b = words(p1, q1, r1, s1);
        let mut c = words(p2, q2, r2, s2);
        let mut d = words(p3, q3, r3, s3);
        for (four, constants) in set.0.as_chunks_mut::<SET>().0.iter_mut().zip(&CONSTANTS) {
            let [a0, a1, a2, a3] = a;
            let with = |word: __m512i, constant: u32| -> __m512i {
                _mm512_add_epi32(word, _mm512_set1_epi32(constant.cast_signed()))
            };
            let [k0, k1, k2, k3] = *constants;
            let of_blocks = words(with(a0, k0), with(a1, k1), with(a2, k2), with(a3, k3));
            for (room, of_blocks) in four.as_chunks_mut::<4>().0.iter_mut().zip(of_blocks) {
                let of_blocks: u32x16<Avx512> = of_blocks.simd_into(able);
                let of_blocks: [u32; 16] = of_blocks.into();
                room.copy_from_slice(of_blocks.as_chunks().0);
            }
            let ([b0, ..], [_, c1, c2, c3], [d0, _, d2, d3]) = (b, c, d);
            let e0 = next(a0, a1, c1, d2);
            let e1 = next(a1, a2, c2, d3);
            let e2 = next(a2, a3, c3, e0);
            let e3 = next(a3, b0, d0, e1);
            (a, b, c, d) = (b, c, d, [e0, e1, e2, e3]);
        }
    }
);

#[cfg(test)]
mod tests {
    use fearless_simd::Level;

    use super::*;

    #[test]
    fn schedules_are_those_of_the_standard() {
        let Some(able) = Level::new().as_avx512() else {
            eprintln!("skipped: schedules need a processor with AVX-512");
            return;
        };
        let mut blocks = [[0_u8; 64]; SET];
        for (index, byte) in blocks.as_flattened_mut().iter_mut().enumerate() {
            *byte = (index * 7 + index / 251 + 3).to_le_bytes()[0];
        }
        for count in 1..=SET {
            let mut set = Set([[0; 4]; Set::LENGTH]);
            schedule(able, &blocks[..count], &mut set);
            for (index, block) in blocks[..count].iter().enumerate() {
                let mut words: Vec<u32> =
                    block.as_chunks().0.iter().map(|bytes| u32::from_be_bytes(*bytes)).collect();
                for t in 16..64 {
                    let (early, late) = (words[t - 15], words[t - 2]);
                    let early = early.rotate_right(7) ^ early.rotate_right(18) ^ early >> 3;
                    let late = late.rotate_right(17) ^ late.rotate_right(19) ^ late >> 10;
                    let sum = words[t - 16].wrapping_add(words[t - 7]);
                    words.push(sum.wrapping_add(early).wrapping_add(late));
                }
                let constants = CONSTANTS.as_flattened();
                let expected: Vec<u32> = words
                    .iter()
                    .zip(constants)
                    .map(|(word, constant)| word.wrapping_add(*constant))
                    .collect();
                let made: Vec<u32> =
                    (0..4).flat_map(|part| set.part(index, part).unwrap()).flatten().copied().collect();
                assert_eq!(made, expected, "{index} of {count}");
            }
        }
    }
}
