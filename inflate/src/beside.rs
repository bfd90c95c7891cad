//! SHA-256 of other bytes, made while inflating.
//!
//! Each round of SHA-256 waits for the one before, and a processor that waits does nothing else. Inflating waits as well: for
//! tables that it looks into, and for guesses that were wrong. So [`run`](crate::run::run) makes sixteen rounds a turn in
//! between, and they cost next to nothing. What does not depend on rounds before, the [`schedule`](crate::schedule), would
//! take from inflating what it uses itself; that is made before, for sixteen blocks at once.
//!
//! Source: FIPS 180-4.

use crate::{
    Fault,
    inflate::{Bits, Output},
    run::Given,
};

/// Bytes to be hashed.
pub trait Beside {
    /// The blocks that come next; none if nothing is to be hashed now.
    fn blocks(&mut self) -> &[[u8; 64]];

    /// The hash value of SHA-256 after all blocks before these.
    fn state(&self) -> [u32; 8];

    /// Takes note that the first so many blocks were hashed, which gave `state`. False if that does not count, since they are no
    /// longer to be hashed; then the others that came with them are not either.
    fn hashed(&mut self, count: usize, state: [u32; 8]) -> bool;
}

/// Whether this processor can hash beside inflating. Where it cannot, [`Beside`] is never asked.
pub fn is_beside_possible() -> bool {
    processor::is_able()
}

/// What is hashed while something is read, if anything is.
pub(crate) type Meanwhile<'m> = Option<&'m mut dyn Beside>;

/// Blocks whose schedules are made, which only hold as long as the same [`Beside`] is given.
#[derive(Debug)]
pub(crate) struct Batch(processor::Batch);

impl Batch {
    /// Of no blocks.
    pub(crate) fn new() -> Self {
        Self(processor::Batch::new())
    }

    /// Forgets the schedules, and that nothing was to be hashed: to be called before another [`Beside`] is given.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Inflates as [`run`](crate::run::run) does, but at most as long as there are schedules, and takes from what is hashed
    /// `meanwhile`. None if nothing is to be hashed, or this processor cannot.
    pub(crate) fn run(
        &mut self,
        meanwhile: &mut Meanwhile<'_>,
        bits: &mut Bits,
        given: &Given<'_>,
        output: &mut Output<'_>,
    ) -> Option<Result<(usize, bool), Fault>> {
        self.0.run(&mut **meanwhile.as_mut()?, bits, given, output)
    }
}

#[cfg(target_arch = "x86_64")]
mod processor {
    use std::{
        arch::x86_64::{
            __m128i, _mm_add_epi32, _mm_and_si128, _mm_blendv_epi8, _mm_set1_epi32, _mm_sha256rnds2_epu32,
            _mm_shuffle_epi32,
        },
        cell::Cell,
    };

    use fearless_simd::{Level, SimdBase as _, SimdInto as _, kernel, u32x4, x86::Avx512};

    use super::Beside;
    use crate::{
        Fault,
        inflate::{Bits, Output},
        run::{Given, turns},
        schedule::{SET, Set, schedule},
    };

    /// Sets of schedules made at once.
    const SETS: usize = 2;
    /// Turns that a block takes.
    const TURNS: usize = 4;

    pub(super) fn is_able() -> bool {
        Level::new().as_avx512().is_some()
    }

    #[derive(Debug)]
    pub(super) struct Batch {
        /// What proves that the processor can.
        able: Option<Avx512>,
        sets: Box<[Set; SETS]>,
        /// Turns made, and all to be made, for blocks of these schedules.
        made: usize,
        all: usize,
        /// Whether nothing was to be hashed when that was last asked, which takes longer than a small block of a stream.
        is_idle: bool,
    }

    impl Batch {
        pub(super) fn new() -> Self {
            let sets = Box::new([[[0; 4]; Set::LENGTH]; SETS].map(Set));
            Self { able: Level::new().as_avx512(), sets, made: 0, all: 0, is_idle: false }
        }

        pub(super) fn clear(&mut self) {
            (self.made, self.all, self.is_idle) = (0, 0, false);
        }

        pub(super) fn run(
            &mut self,
            beside: &mut dyn Beside,
            bits: &mut Bits,
            given: &Given<'_>,
            output: &mut Output<'_>,
        ) -> Option<Result<(usize, bool), Fault>> {
            let able = self.able.filter(|_| !self.is_idle)?;
            if self.made == self.all {
                let blocks = beside.blocks();
                let blocks = blocks.get(..SETS * SET).unwrap_or(blocks);
                if blocks.is_empty() {
                    self.is_idle = true;
                    return None;
                }
                for (blocks, set) in blocks.chunks(SET).zip(self.sets.iter_mut()) {
                    schedule(able, blocks, set);
                }
                (self.made, self.all) = (0, blocks.len() * TURNS);
            }
            let made = self.made;
            // As the instructions want it.
            let [w0, w1, w2, w3, w4, w5, w6, w7] = beside.state();
            let mut halves = [[w5, w4, w1, w0], [w7, w6, w3, w2]];
            let inflated = inflate(able, bits, given, output, &mut halves, self);
            let [[w5, w4, w1, w0], [w7, w6, w3, w2]] = halves;
            if !beside.hashed((self.made - made) / TURNS, [w0, w1, w2, w3, w4, w5, w6, w7]) {
                self.clear();
            }
            Some(inflated)
        }
    }

    kernel!(
        /// Inflates, and hashes until all schedules are used up: whole blocks, whatever ends it.
        ///
        /// Instructions for SHA are of an older encoding, and after any that leaves something in the upper half of a vector
        /// register each takes as long as a hundred others. So nothing here uses more than the lower half.
        fn inflate(
            able: Avx512,
            bits: &mut Bits,
            given: &Given<'_>,
            output: &mut Output<'_>,
            state: &mut [[u32; 4]; 2],
            batch: &mut Batch,
        ) -> Result<(usize, bool), Fault> {
            let vector = |words: &[u32; 4]| -> __m128i { u32x4::<Avx512>::from_slice(able, words).into() };
            let words = |vector: __m128i| -> [u32; 4] {
                let vector: u32x4<Avx512> = vector.simd_into(able);
                vector.into()
            };
            let [abef, cdgh] = &*state;
            let (mut abef, mut cdgh) = (vector(abef), vector(cdgh));
            let (mut abef_before, mut cdgh_before) = (abef, cdgh);
            let made = Cell::new(batch.made);
            let sets = &*batch.sets;
            let mut turn = || {
                let (block, part) = (made.get() / TURNS, made.get() % TURNS);
                made.set(made.get() + 1);
                let Some(schedule) = sets.get(block / SET).and_then(|set| set.part(block % SET, part)) else {
                    return;
                };
                for words in schedule {
                    let words = vector(words);
                    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
                    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32::<0x0e>(words));
                }
                // Behind the last part of a block what was before it is added; a branch would be guessed wrong too often.
                let is_last = _mm_set1_epi32(if part + 1 == TURNS { -1 } else { 0 });
                abef = _mm_add_epi32(abef, _mm_and_si128(abef_before, is_last));
                cdgh = _mm_add_epi32(cdgh, _mm_and_si128(cdgh_before, is_last));
                abef_before = _mm_blendv_epi8(abef_before, abef, is_last);
                cdgh_before = _mm_blendv_epi8(cdgh_before, cdgh, is_last);
            };
            let all = batch.all;
            let inflated = turns(bits, given, output, || {
                let is_done = made.get() == all;
                if !is_done {
                    turn();
                }
                is_done
            });
            while !made.get().is_multiple_of(TURNS) {
                turn();
            }
            batch.made = made.get();
            *state = [words(abef), words(cdgh)];
            inflated
        }
    );
}

#[cfg(not(target_arch = "x86_64"))]
mod processor {
    use super::Beside;
    use crate::{
        Fault,
        inflate::{Bits, Output},
        run::Given,
    };

    pub(super) fn is_able() -> bool {
        false
    }

    #[derive(Debug)]
    pub(super) struct Batch;

    #[expect(clippy::unused_self, reason = "as where there is something to hash with")]
    impl Batch {
        pub(super) fn new() -> Self {
            Self
        }

        pub(super) fn clear(&mut self) {}

        pub(super) fn run(
            &mut self,
            _: &mut dyn Beside,
            _: &mut Bits,
            _: &Given<'_>,
            _: &mut Output<'_>,
        ) -> Option<Result<(usize, bool), Fault>> {
            None
        }
    }
}

#[cfg(test)]
mod tests;
