//! Digests of bytes that are put aside, made by whoever has time for it.
//!
//! Unpacking a layer, hashing what is stored of it and hashing the programs in it are much of the work of a scan. Who waits
//! for something hashes meanwhile; and who unpacks gzip hashes beside, where the processor has time for both at once. Nobody
//! waits for a digest: who needs it hashes what lies aside, and who was at it comes too late. Nor does who helps wait for who
//! hashes already.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
};

use sbom_inflate::{Beside, is_beside_possible};

use super::{Algorithm, Digest, Hasher, sha256::Sha256};

/// Pieces of each that may lie aside: with their length 2 MiB of each layer and each program that is being read.
const ASIDE: usize = 16;
/// Bytes of the longest piece.
const PIECE: usize = 128 << 10;
/// Buffers for pieces that are kept to be used again.
const SPARE: usize = 24;

/// All that is being hashed in pieces.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hashings(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    all: Mutex<Vec<Weak<Hashing>>>,
    /// Streams of which whoever unpacks them hashes beside.
    streams: AtomicUsize,
    spare: Mutex<Vec<Vec<u8>>>,
}

/// One of the streams of which whoever unpacks them hashes beside.
#[derive(Debug)]
pub(crate) struct HashesBeside(Arc<Shared>);

/// Hashes pieces in the order in which they are added, whichever thread does it.
#[derive(Debug)]
pub(crate) struct Hashing {
    all: Hashings,
    state: Mutex<State>,
    /// Whether a thread waits, or did last and is likely to again, and will hash what is put aside.
    is_awaited: AtomicBool,
}

#[derive(Debug)]
struct State {
    hasher: Hasher,
    algorithm: Algorithm,
    pieces: VecDeque<Arc<Vec<u8>>>,
    /// Who put the last one aside.
    added_by: Option<ThreadId>,
    /// Bytes of the first piece that the hasher was given.
    at: usize,
    /// Counts who took the first piece on. Only the last one may say what came of it.
    claims: u64,
    /// Whether the last one is still at it.
    is_claimed: bool,
}

impl Hashings {
    /// Begins one.
    pub(crate) fn begin(&self, algorithm: Algorithm) -> Arc<Hashing> {
        let state = State {
            hasher: Hasher::new(algorithm),
            algorithm,
            pieces: VecDeque::new(),
            added_by: None,
            at: 0,
            claims: 0,
            is_claimed: false,
        };
        let hashing = Arc::new(Hashing {
            all: self.clone(),
            state: Mutex::new(state),
            is_awaited: AtomicBool::new(false),
        });
        let mut all = lock(&self.0.all);
        all.retain(|hashing| hashing.strong_count() > 0);
        all.push(Arc::downgrade(&hashing));
        hashing
    }

    /// Says that whoever unpacks a stream hashes beside, for as long as what this gives is kept. None where the processor cannot.
    pub(crate) fn unpack_beside(&self) -> Option<HashesBeside> {
        is_beside_possible().then(|| {
            self.0.streams.fetch_add(1, Ordering::Relaxed);
            HashesBeside(self.0.clone())
        })
    }

    /// Something to be hashed beside, if there is anything.
    pub(crate) fn beside(&self) -> Meanwhile<'_> {
        Meanwhile { all: self, claim: None }
    }

    /// Gives back what buffers hold.
    pub(crate) fn give_back(&self) {
        lock(&self.0.spare).clear();
    }

    /// Hashes a piece of what this thread put aside last. False if there is none.
    pub(crate) fn help(&self) -> bool {
        let Some(mut claim) = self.claim() else { return false };
        claim.hash();
        true
    }

    /// Takes on a piece of what this thread put aside last, for it lies in its processor's cache, unless another thread waits
    /// and will hash it.
    fn claim(&self) -> Option<Claim> {
        let all: Vec<Arc<Hashing>> = lock(&self.0.all).iter().filter_map(Weak::upgrade).collect();
        let this = thread::current().id();
        let open = |hashing: &Hashing| match hashing.state_if_free() {
            Some(state) if state.added_by == Some(this) => state.open(),
            _ => 0,
        };
        let is_left = |hashing: &&Arc<Hashing>| !hashing.is_awaited.load(Ordering::Relaxed);
        let (open, most) = all
            .iter()
            .filter(is_left)
            .map(|hashing| (open(hashing), hashing))
            .max_by_key(|(open, _)| *open)?;
        if open == 0 { None } else { most.claim() }
    }
}

impl Drop for HashesBeside {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hashing {
    /// Adds `bytes`: hashed at once, unless it is SHA-256 and there is somebody to do it later.
    pub(crate) fn add(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut state = self.state();
        let is_beside = self.all.0.streams.load(Ordering::Relaxed) > 0;
        let has_helper = is_beside || self.is_awaited.load(Ordering::Relaxed);
        let is_put_aside = has_helper && state.hasher.sha256().is_some();
        let (now, later) =
            bytes.split_at(bytes.len().saturating_sub(if is_put_aside { ASIDE * PIECE } else { 0 }));
        if !now.is_empty() {
            self.catch_up(&mut state);
            state.hasher.update(now);
        }
        for bytes in later.chunks(PIECE) {
            while state.pieces.len() >= ASIDE {
                self.hash_one(&mut state);
            }
            let spare = lock(&self.all.0.spare).pop();
            let mut piece = spare.unwrap_or_else(|| Vec::with_capacity(PIECE));
            piece.extend_from_slice(bytes);
            state.pieces.push_back(Arc::new(piece));
        }
        state.added_by = Some(thread::current().id());
    }

    /// Says whether a thread waits that will hash what is put aside.
    pub(crate) fn await_unpacked(&self, is_awaited: bool) {
        self.is_awaited.store(is_awaited, Ordering::Relaxed);
    }

    /// Hashes a piece that lies aside. False if there is none, or another thread is at it.
    pub(crate) fn help(self: &Arc<Self>) -> bool {
        let Some(mut claim) = self.claim() else { return false };
        claim.hash();
        true
    }

    /// The digest of all that was added.
    pub(crate) fn finish(&self) -> Digest {
        let mut state = self.state();
        self.catch_up(&mut state);
        let algorithm = state.algorithm;
        std::mem::replace(&mut state.hasher, Hasher::new(algorithm)).finish()
    }

    /// Takes on the first piece that lies aside, if nobody has.
    fn claim(self: &Arc<Self>) -> Option<Claim> {
        let mut guard = self.state_if_free()?;
        let state = &mut *guard;
        if state.open() == 0 {
            return None;
        }
        let (piece, hasher) = (state.pieces.front()?.clone(), state.hasher.sha256()?);
        state.at = piece.len() - hasher.complete(piece.get(state.at..).unwrap_or_default()).len();
        state.claims += 1;
        state.is_claimed = true;
        let (at, number, hasher) = (state.at, state.claims, hasher.clone());
        drop(guard);
        Some(Claim { hashing: self.clone(), piece, at, number, hasher })
    }

    fn catch_up(&self, state: &mut State) {
        while self.hash_one(state) {}
    }

    /// Hashes what is left of the first piece, whoever else is at it; false if there is none.
    fn hash_one(&self, state: &mut State) -> bool {
        state.is_claimed = false;
        let Some(piece) = state.pieces.pop_front() else { return false };
        state.hasher.update(piece.get(state.at..).unwrap_or_default());
        state.at = 0;
        if let Some(mut piece) = Arc::into_inner(piece) {
            let mut spare = lock(&self.all.0.spare);
            if spare.len() < SPARE {
                piece.clear();
                spare.push(piece);
            }
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The same, unless another thread has it: that one hashes.
    fn state_if_free(&self) -> Option<MutexGuard<'_, State>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl State {
    /// Pieces that nobody has taken on.
    fn open(&self) -> usize {
        if self.is_claimed { 0 } else { self.pieces.len() }
    }
}

/// A piece that was taken on.
#[derive(Debug)]
struct Claim {
    hashing: Arc<Hashing>,
    piece: Arc<Vec<u8>>,
    /// Bytes of it that were hashed.
    at: usize,
    number: u64,
    /// What has seen those, and all before.
    hasher: Sha256,
}

impl Claim {
    /// Blocks of the piece that are not hashed.
    fn blocks(&self) -> &[[u8; 64]] {
        self.piece.get(self.at..).unwrap_or_default().as_chunks().0
    }

    /// Takes note that so many blocks were hashed; false if somebody else did it meanwhile.
    fn hashed(&mut self, count: usize, hash_value: [u32; 8]) -> bool {
        let mut state = self.hashing.state();
        if !self.holds(&state) {
            return false;
        }
        self.at += count * 64;
        self.hasher.hashed(count, hash_value);
        state.at = self.at;
        state.hasher.sha256().into_iter().for_each(|hasher| hasher.hashed(count, hash_value));
        true
    }

    /// Hashes what is left.
    fn hash(&mut self) {
        let mut hasher = self.hasher.clone();
        hasher.update(self.blocks().as_flattened());
        self.hashed(self.blocks().len(), hasher.state());
    }

    fn holds(&self, state: &State) -> bool {
        state.is_claimed && state.claims == self.number
    }
}

impl Drop for Claim {
    /// Gives the piece back, or what is over whole blocks to the hasher.
    fn drop(&mut self) {
        let mut state = self.hashing.state();
        if self.holds(&state) {
            state.is_claimed = false;
            if self.blocks().is_empty() {
                self.piece = Arc::default();
                self.hashing.hash_one(&mut state);
            }
        }
    }
}

/// What is hashed beside the unpacking of something.
#[derive(Debug)]
pub(crate) struct Meanwhile<'h> {
    all: &'h Hashings,
    claim: Option<Claim>,
}

impl Beside for Meanwhile<'_> {
    fn blocks(&mut self) -> &[[u8; 64]] {
        while self.claim.as_ref().is_none_or(|claim| claim.blocks().is_empty()) {
            // What was taken on is given back before anything else is looked for.
            self.claim = None;
            self.claim = self.all.claim();
            if self.claim.is_none() {
                break;
            }
        }
        self.claim.as_ref().map(Claim::blocks).unwrap_or_default()
    }

    fn state(&self) -> [u32; 8] {
        self.claim.as_ref().map(|claim| claim.hasher.state()).unwrap_or_default()
    }

    fn hashed(&mut self, count: usize, state: [u32; 8]) -> bool {
        let counts = self.claim.as_mut().is_some_and(|claim| claim.hashed(count, state));
        if !counts {
            self.claim = None;
        }
        counts
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
