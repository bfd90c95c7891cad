//! What is hashed beside inflating, beside what the `sha2` crate makes of it.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use sha2::block_api::compress256;

use super::*;
use crate::GzipReader;

const BEGIN: [u32; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// Several lists of blocks, one after the other.
struct Lists {
    all: Vec<Vec<[u8; 64]>>,
    at: usize,
    /// Blocks of the list in turn that were hashed.
    count: usize,
    states: Vec<[u32; 8]>,
}

impl Lists {
    fn new(lengths: &[usize]) -> Self {
        let block = |list: usize, block: usize| {
            std::array::from_fn(|byte| (byte * 3 + block * 7 + block / 100 + list).to_le_bytes()[0])
        };
        let list = |(list, length): (usize, &usize)| (0..*length).map(|n| block(list, n)).collect();
        let all: Vec<_> = lengths.iter().enumerate().map(list).collect();
        Self { states: vec![BEGIN; all.len()], all, at: 0, count: 0 }
    }

    /// Hashes what is left, and checks all.
    fn finish(mut self) -> usize {
        let hashed = self.all[..self.at].iter().map(Vec::len).sum::<usize>() + self.count;
        for (index, (list, mut state)) in self.all.iter().zip(self.states.drain(..)).enumerate() {
            let from = if index < self.at { list.len() } else { usize::from(index == self.at) * self.count };
            compress256(&mut state, &list[from..]);
            let mut expected = BEGIN;
            compress256(&mut expected, list);
            assert_eq!(state, expected, "{index} of {}", self.all.len());
        }
        hashed
    }
}

impl Beside for Lists {
    fn blocks(&mut self) -> &[[u8; 64]] {
        while self.all.get(self.at).is_some_and(|list| self.count == list.len()) {
            (self.at, self.count) = (self.at + 1, 0);
        }
        self.all.get(self.at).map(|list| &list[self.count..]).unwrap_or_default()
    }

    fn state(&self) -> [u32; 8] {
        self.states[self.at]
    }

    fn hashed(&mut self, count: usize, state: [u32; 8]) -> bool {
        self.count += count;
        self.states[self.at] = state;
        true
    }
}

fn content() -> Vec<u8> {
    (0..300_000_u64).flat_map(|n| (n / 5 * 2_654_435 % 9973).to_string().into_bytes()).collect()
}

fn gzip(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Reads `piece` bytes at a time. Gives the bytes and how many blocks were hashed meanwhile.
fn read(stored: &[u8], piece: usize, lengths: &[usize]) -> (Vec<u8>, usize, bool) {
    let mut lists = Lists::new(lengths);
    let mut reader = GzipReader::new(stored);
    let (mut all, mut buffer) = (Vec::new(), vec![0; piece]);
    let is_whole = loop {
        match reader.read_beside(&mut buffer, &mut lists) {
            Ok(0) => break true,
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(_) => break false,
        }
    };
    (all, lists.finish(), is_whole)
}

#[test]
fn what_is_hashed_has_its_digest_and_what_is_inflated_stays_the_same() {
    let content = content();
    for level in [0, 1, 6, 9] {
        let stored = gzip(&content, level);
        for lengths in [&[][..], &[0], &[1], &[31, 1, 0, 33], &[400, 3, 1000], &[20_000]] {
            for piece in [70_000, 1 << 18] {
                let (inflated, hashed, is_whole) = read(&stored, piece, lengths);
                assert!(is_whole && inflated == content, "{level} {lengths:?} {piece}");
                // What is stored as it is gives no time to hash anything.
                let has_time = is_beside_possible() && level > 0;
                let least = if has_time { lengths.iter().sum::<usize>().min(1000) } else { 0 };
                assert!(
                    if least == 0 { hashed == 0 } else { hashed >= least },
                    "{level} {lengths:?} {hashed}"
                );
            }
        }
    }
}

#[test]
fn a_stream_that_is_damaged_or_ends_early_leaves_whole_blocks() {
    let stored = gzip(&content(), 6);
    let mut damaged = stored.clone();
    for at in (2000..stored.len()).step_by(stored.len() / 40) {
        damaged[at] ^= 0x55;
        let (plain, _, _) = read(&damaged, 1 << 18, &[]);
        let (inflated, _, is_whole) = read(&damaged, 1 << 18, &[100, 20_000]);
        assert!(inflated == plain && !is_whole, "{at}");
        damaged[at] ^= 0x55;

        let (plain, _, _) = read(&stored[..at], 1 << 18, &[]);
        let (inflated, _, is_whole) = read(&stored[..at], 1 << 18, &[100, 20_000]);
        assert!(inflated == plain && !is_whole, "{at}");
    }
}

/// What a compiler makes of the turns may cost ten times as much (see `inflate`); which would be seen nowhere else. The bound leaves
/// room for a machine that does other things as well.
#[test]
fn hashing_beside_takes_not_many_times_as_long_as_hashing_behind() {
    let stored = gzip(&content(), 6);
    let quickest = |lengths: &[usize]| {
        let times = (0..20).map(|_| {
            let mut lists = Lists::new(lengths);
            let mut reader = GzipReader::new(&stored[..]);
            let mut buffer = vec![0; 1 << 18];
            let begin = std::time::Instant::now();
            while reader.read_beside(&mut buffer, &mut lists).unwrap() > 0 {}
            let rest: usize = lists.at;
            for (list, state) in lists.all.iter().zip(&mut lists.states).skip(rest) {
                compress256(state, &list[lists.count..]);
            }
            begin.elapsed()
        });
        times.min().unwrap()
    };
    let (alone, both) = (quickest(&[]), quickest(&[8000]));
    let hashing = {
        let list = &Lists::new(&[8000]).all[0];
        let times = (0..20).map(|_| {
            let begin = std::time::Instant::now();
            compress256(&mut [0; 8], list);
            begin.elapsed()
        });
        times.min().unwrap()
    };
    assert!(both < 4 * (alone + hashing), "{alone:?} and {hashing:?}, but {both:?} together");
}
