//! Whoever hashes, the digest is the same.

use sha2::block_api::compress256;

use super::*;

fn pieces() -> Vec<Vec<u8>> {
    (0..200_u32).map(|n| n.to_be_bytes().repeat(1 + (n as usize * 37) % 900)).collect()
}

/// Hashes up to `most` blocks as who unpacks does; false if there are none.
fn hash_beside(meanwhile: &mut Meanwhile<'_>, most: usize) -> bool {
    let blocks = meanwhile.blocks();
    let blocks = blocks[..blocks.len().min(most)].to_vec();
    let mut state = meanwhile.state();
    compress256(&mut state, &blocks);
    meanwhile.hashed(blocks.len(), state) && !blocks.is_empty()
}

#[test]
fn whoever_hashes_the_digest_is_that_of_the_bytes_in_their_order() {
    let expected = Digest::of(&pieces().concat());
    for (waiting, unpacks) in [(0, false), (1, false), (3, false), (0, true), (2, true)] {
        let hashings = Hashings::default();
        let hashing = [hashings.begin(Algorithm::Sha256), hashings.begin(Algorithm::Sha256)];
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..waiting {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        hashing[0].help();
                    }
                });
            }
            for (index, piece) in pieces().iter().enumerate() {
                for hashing in &hashing {
                    hashing.await_unpacked(index % 7 != 0);
                    hashing.add(piece);
                    hashing.await_unpacked(index % 3 == 0);
                }
                let mut meanwhile = hashings.beside();
                for most in 1..if unpacks { 20 } else { 0 } {
                    hash_beside(&mut meanwhile, most);
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        for hashing in hashing {
            assert_eq!(hashing.finish(), expected, "{waiting} {unpacks}");
        }
    }
}

#[test]
fn what_nobody_helps_with_does_not_pile_up() {
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let hashing = Hashings::default().begin(algorithm);
        hashing.await_unpacked(true);
        let mut expected = Hasher::new(algorithm);
        for piece in pieces() {
            hashing.add(&piece);
            expected.update(&piece);
            assert!(hashing.state().pieces.len() <= ASIDE);
        }
        assert_eq!(hashing.finish(), expected.finish());
    }
}

#[test]
fn what_was_taken_on_is_hashed_by_who_needs_it_first() {
    let bytes: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
    let hashings = Hashings::default();
    let hashing = hashings.begin(Algorithm::Sha256);
    hashing.await_unpacked(true);
    hashing.add(&bytes);
    let mut meanwhile = hashings.beside();
    assert!(!hash_beside(&mut meanwhile, 30), "somebody waits and will do it");
    hashing.await_unpacked(false);
    assert!(!std::thread::scope(|scope| scope.spawn(|| hashings.help()).join().unwrap()), "another thread's");
    assert!(hash_beside(&mut meanwhile, 30));
    let blocks = meanwhile.blocks().to_vec();
    assert!(!hashing.help(), "somebody is at it");
    assert_eq!(hashing.finish(), Digest::of(&bytes));
    // Who had taken it on comes too late.
    let mut state = meanwhile.state();
    compress256(&mut state, &blocks);
    assert!(!meanwhile.hashed(blocks.len(), state));
    assert!(meanwhile.blocks().is_empty());
    hashing.add(b"abc");
    assert_eq!(hashing.finish(), Digest::of(b"abc"));
}

#[test]
fn what_is_given_up_is_taken_on_where_it_was_left() {
    let bytes: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
    let hashings = Hashings::default();
    let hashing = hashings.begin(Algorithm::Sha256);
    hashing.await_unpacked(true);
    for piece in bytes.chunks(9_999) {
        hashing.add(piece);
    }
    hashing.await_unpacked(false);
    let mut beside = 0;
    for most in [1, 50, 7, 1000, 1000] {
        beside += usize::from(hash_beside(&mut hashings.beside(), most));
    }
    assert_eq!(beside, 5);
    assert!(hashing.help());
    assert_eq!(hashing.finish(), Digest::of(&bytes));
}
