//! The digest of bytes that one thread reads, made in part by another that has nothing better to do.
//!
//! Unpacking a layer and hashing what is stored of it are the work of one thread, which therefore is the slowest where
//! another waits for what it unpacks. Whoever waits says so, and hashes what is put aside for it.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::digest::{Algorithm, Digest, Hasher};

/// Pieces that may lie aside.
const ASIDE: usize = 8;

/// Hashes pieces in the order in which they are added, whichever thread does it.
#[derive(Debug)]
pub(super) struct Hashing {
    /// Held for as long as a piece is hashed, so that none overtakes another.
    hasher: Mutex<Hasher>,
    algorithm: Algorithm,
    aside: Mutex<Aside>,
    /// Whether another thread waits for what is unpacked.
    is_awaited: AtomicBool,
}

#[derive(Debug, Default)]
struct Aside {
    pieces: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
}

impl Hashing {
    /// Of nothing yet.
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let hasher = Mutex::new(Hasher::new(algorithm));
        Self { hasher, algorithm, aside: Mutex::default(), is_awaited: AtomicBool::new(false) }
    }

    /// Adds `bytes`: hashed at once, unless another thread waits and will do it.
    pub(super) fn add(&self, bytes: &[u8]) {
        let mut aside = self.aside();
        if self.is_awaited.load(Ordering::Relaxed) && aside.pieces.len() < ASIDE {
            let mut piece = aside.spare.pop().unwrap_or_default();
            piece.clear();
            piece.extend_from_slice(bytes);
            aside.pieces.push_back(piece);
            return;
        }
        drop(aside);
        let mut hasher = lock(&self.hasher);
        self.catch_up(&mut hasher);
        hasher.update(bytes);
    }

    /// Says whether a thread waits for what is unpacked.
    pub(super) fn await_unpacked(&self, is_awaited: bool) {
        self.is_awaited.store(is_awaited, Ordering::Relaxed);
    }

    /// Hashes a piece that lies aside. False if there is none, or another thread is at it.
    pub(super) fn help(&self) -> bool {
        let mut hasher = match self.hasher.try_lock() {
            Ok(hasher) => hasher,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        self.hash_one(&mut hasher)
    }

    /// The digest of all that was added.
    pub(super) fn finish(&self) -> Digest {
        let mut hasher = lock(&self.hasher);
        self.catch_up(&mut hasher);
        std::mem::replace(&mut *hasher, Hasher::new(self.algorithm)).finish()
    }

    fn catch_up(&self, hasher: &mut Hasher) {
        while self.hash_one(hasher) {}
    }

    fn hash_one(&self, hasher: &mut Hasher) -> bool {
        let Some(piece) = self.aside().pieces.pop_front() else { return false };
        hasher.update(&piece);
        self.aside().spare.push(piece);
        true
    }

    fn aside(&self) -> MutexGuard<'_, Aside> {
        lock(&self.aside)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces() -> Vec<Vec<u8>> {
        (0..200_u32).map(|n| n.to_be_bytes().repeat(1 + (n as usize * 37) % 900)).collect()
    }

    #[test]
    fn whoever_hashes_the_digest_is_that_of_the_bytes_in_their_order() {
        let expected = Digest::of(&pieces().concat());
        for helpers in [0, 1, 3] {
            let hashing = Hashing::new(Algorithm::Sha256);
            let done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                for _ in 0..helpers {
                    scope.spawn(|| {
                        while !done.load(Ordering::Relaxed) {
                            hashing.help();
                        }
                    });
                }
                for (index, piece) in pieces().iter().enumerate() {
                    hashing.await_unpacked(index % 7 != 0);
                    hashing.add(piece);
                }
                done.store(true, Ordering::Relaxed);
            });
            assert_eq!(hashing.finish(), expected, "{helpers} helpers");
        }
    }

    #[test]
    fn what_nobody_helps_with_does_not_pile_up() {
        let hashing = Hashing::new(Algorithm::Sha256);
        hashing.await_unpacked(true);
        for piece in pieces() {
            hashing.add(&piece);
            assert!(hashing.aside().pieces.len() <= ASIDE);
        }
        assert_eq!(hashing.finish(), Digest::of(&pieces().concat()));
    }
}
