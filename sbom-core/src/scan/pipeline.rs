//! Layers unpacked ahead of those who walk them, by threads that have no layer of their own.
//!
//! A [`Pipeline`] holds what unpacks each layer that is being read. Whoever walks a layer takes unpacked bytes from it
//! by way of [`Ahead`]; where none lie ready, it unpacks them itself, and where another thread is at it, it unpacks for
//! other layers, does what lies [`Aside`], or waits. So one thread alone reads a layer as if there were no pipeline, and
//! a thread too many costs nothing but its waiting.
//!
//! A layer is unpacked by one thread at a time. One that is larger than a thread's share of all that is left would be
//! the last to be done, with the other threads idle; so all unpack for it before they unpack for themselves.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    io::{self, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use super::aside::Aside;
use crate::{
    digest::hashing::{Hashing, Hashings},
    layer::walk::Archive,
    limits::LimitExceeded,
};

mod chunk;

pub(super) use chunk::Unpack;
use chunk::{Chunk, End};

/// Chunks that may lie ready in each layer.
const AHEAD: usize = 8;
/// Chunks that are left of so many when whoever walks a layer, having as much of it as may lie ready, helps others again. If it did
/// so after each chunk, who waits for the help would wait that often.
const LITTLE: usize = AHEAD / 4;

/// The layers that are being read, each unpacked by a `P`.
pub(super) struct Pipeline<P> {
    state: Mutex<State<P>>,
    threads: u64,
    /// What whoever unpacks hashes beside, and who has nothing to unpack does.
    aside: Aside,
    /// Told when there may be something to unpack, or texts are to be compared, or no more is to come.
    work: Condvar,
}

struct State<P> {
    /// By the order in which they were begun.
    streams: BTreeMap<u64, Stream<P>>,
    begun: u64,
    /// Layers that are not done with.
    unfinished: usize,
    /// Stored bytes of those that nobody has taken on.
    waiting: u64,
}

struct Stream<P> {
    /// None while a thread unpacks with it.
    producer: Option<P>,
    /// What [`Unpack::left`] said last.
    left: u64,
    ready: VecDeque<Chunk>,
    spare: Vec<Chunk>,
    /// What follows the chunks that lie ready.
    end: Option<End>,
    /// Told when a chunk was added or the producer is back.
    changed: Arc<Condvar>,
}

/// The next chunk of a layer, to be unpacked.
struct Work<P> {
    id: u64,
    producer: P,
    chunk: Chunk,
}

impl<P: Unpack> Pipeline<P> {
    /// A pipeline for layers of these lengths, as far as they are known, that so many `threads` read. Meanwhile they do of
    /// `aside` what they can.
    pub(super) fn new(layers: &[u64], threads: usize, aside: Aside) -> Self {
        let waiting = layers.iter().fold(0_u64, |sum, length| sum.saturating_add(*length));
        let state = State { streams: BTreeMap::new(), begun: 0, unfinished: layers.len(), waiting };
        Self { state: Mutex::new(state), threads: threads as u64, aside, work: Condvar::new() }
    }

    /// Begins a layer that `producer` unpacks. Whoever waits for what it unpacks helps with `hashing`.
    pub(super) fn begin(&self, producer: P, hashing: Option<Arc<Hashing>>) -> Ahead<'_, P> {
        let changed = Arc::new(Condvar::new());
        let mut state = self.lock();
        let id = state.begun;
        state.begun += 1;
        let stream = Stream {
            left: producer.left(),
            producer: Some(producer),
            ready: VecDeque::new(),
            spare: Vec::new(),
            end: None,
            changed: changed.clone(),
        };
        state.streams.insert(id, stream);
        drop(state);
        self.work.notify_one();
        Ahead {
            pipeline: self,
            id,
            changed,
            hashing,
            chunk: Chunk::default(),
            is_behind: false,
            taken: 0,
            end: None,
        }
    }

    /// What whoever unpacks hashes beside.
    pub(super) fn hashings(&self) -> &Hashings {
        &self.aside.hashings
    }

    /// Takes on one of the layers, of this length, whether or not it will have anything to unpack.
    pub(super) fn take_on(&self, length: u64) -> TakenOn<'_, P> {
        let mut state = self.lock();
        state.waiting = state.waiting.saturating_sub(length);
        TakenOn { pipeline: self, length }
    }

    /// Unpacks ahead for whoever needs it most, and compares texts meanwhile, until all layers are finished.
    pub(super) fn help(&self) {
        self.help_until(&|| false);
    }

    /// The same, or until `is_enough`: who changes what it says calls [`Self::wake`].
    pub(super) fn help_until(&self, is_enough: &dyn Fn() -> bool) {
        let mut state = self.lock();
        while state.unfinished > 0 && !is_enough() {
            state = match state.take_work(self.threads) {
                Some(work) => self.unpack(state, work),
                None if self.aside.texts.are_waiting() => {
                    drop(state);
                    self.aside.texts.help();
                    self.lock()
                }
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Unpacks a chunk for whoever walks its layer.
    fn unpack<'p>(&'p self, state: MutexGuard<'p, State<P>>, work: Work<P>) -> MutexGuard<'p, State<P>> {
        drop(state);
        let Work { id, mut producer, mut chunk } = work;
        let unless_it_panics = Unpacking { pipeline: self, id };
        let end = chunk.fill(&mut producer, &self.aside.hashings);
        std::mem::forget(unless_it_panics);
        let mut state = self.lock();
        if let Some(stream) = state.streams.get_mut(&id) {
            stream.add(chunk, end);
            stream.give_back(producer);
            stream.changed.notify_one();
        }
        state
    }
}

impl<P> Pipeline<P> {
    /// Lets those who help see whether it is enough, or texts are to be compared.
    pub(super) fn wake(&self) {
        // Whoever looked before waits by now.
        drop(self.lock());
        self.work.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A layer that another thread than the one that walks it unpacks; dropped only where that panics.
struct Unpacking<'p, P> {
    pipeline: &'p Pipeline<P>,
    id: u64,
}

impl<P> Drop for Unpacking<'_, P> {
    /// Lets whoever walks the layer go, for whom nothing will come any more.
    fn drop(&mut self) {
        if let Some(stream) = self.pipeline.lock().streams.remove(&self.id) {
            stream.changed.notify_all();
        }
    }
}

/// A layer that is taken on; it is done with once this is dropped.
pub(super) struct TakenOn<'p, P> {
    pipeline: &'p Pipeline<P>,
    length: u64,
}

impl<P> TakenOn<'_, P> {
    /// Gives the layer back: somebody else takes it on.
    pub(super) fn give_back(self) {
        let mut state = self.pipeline.lock();
        state.waiting = state.waiting.saturating_add(self.length);
        drop(state);
        std::mem::forget(self);
    }
}

impl<P> Drop for TakenOn<'_, P> {
    fn drop(&mut self) {
        let mut state = self.pipeline.lock();
        state.unfinished = state.unfinished.saturating_sub(1);
        let last = state.unfinished == 0;
        drop(state);
        if last {
            self.pipeline.work.notify_all();
        }
    }
}

impl<P> State<P> {
    /// Work on the layer that holds up all others, or else on the one that has the least lying ready.
    fn take_work(&mut self, threads: u64) -> Option<Work<P>> {
        let open = self.streams.iter().filter(|(_, stream)| stream.is_open());
        let least = open.min_by_key(|(_, stream)| stream.ready.len()).map(|(id, _)| *id);
        let id = self.held_up_by(threads).or(least)?;
        self.take(id)
    }

    /// Work on the layer that holds up all others, if that is another than `own`.
    fn take_urgent(&mut self, own: u64, threads: u64) -> Option<Work<P>> {
        let id = self.held_up_by(threads).filter(|id| *id != own)?;
        self.take(id)
    }

    fn take(&mut self, id: u64) -> Option<Work<P>> {
        let stream = self.streams.get_mut(&id)?;
        let producer = stream.producer.take()?;
        Some(Work { id, producer, chunk: stream.spare.pop().unwrap_or_default() })
    }

    /// The layer of which more is left than a thread's share of all that is left, if it can be unpacked ahead now.
    fn held_up_by(&self, threads: u64) -> Option<u64> {
        let left = self.streams.values().map(|stream| stream.left);
        let all = left.fold(self.waiting, u64::saturating_add);
        let (id, stream) = self.streams.iter().max_by_key(|(_, stream)| stream.left)?;
        let is_late = stream.left.saturating_mul(threads) > all;
        (is_late && stream.is_open()).then_some(*id)
    }
}

impl<P> Stream<P> {
    /// Whether it can be unpacked ahead, and nobody does.
    fn is_open(&self) -> bool {
        self.producer.is_some() && self.end.is_none() && self.ready.len() < AHEAD
    }

    fn add(&mut self, chunk: Chunk, end: Option<End>) {
        if chunk.filled == 0 {
            self.spare.push(chunk);
        } else {
            self.ready.push_back(chunk);
        }
        self.end = end;
    }
}

impl<P: Unpack> Stream<P> {
    fn give_back(&mut self, producer: P) {
        self.left = producer.left();
        self.producer = Some(producer);
    }
}

/// The unpacked bytes of one layer. Which thread unpacked them cannot be told from them, nor from how they end.
pub(super) struct Ahead<'p, P> {
    pipeline: &'p Pipeline<P>,
    id: u64,
    changed: Arc<Condvar>,
    hashing: Option<Arc<Hashing>>,
    chunk: Chunk,
    /// Whether so much lies ready that it is to be walked before anything else.
    is_behind: bool,
    /// Bytes of `chunk` that were read.
    taken: usize,
    /// How the bytes ended, once all before were read.
    end: Option<End>,
}

impl<P: Unpack> Ahead<'_, P> {
    /// Stops unpacking. Gives what unpacked, and the bound that was met within the bytes read so far.
    pub(super) fn stop(self) -> (Option<P>, Option<LimitExceeded>) {
        self.await_unpacked(false);
        let mut state = self.pipeline.lock();
        let producer = loop {
            let Some(stream) = state.streams.get_mut(&self.id) else { break None };
            if let Some(producer) = stream.producer.take() {
                state.streams.remove(&self.id);
                break Some(producer);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let exceeded = match self.end {
            Some(End::Exceeded(exceeded)) => Some(exceeded),
            _ => None,
        };
        (producer, exceeded)
    }

    /// Gets the next chunk, or unpacks it itself where none lies ready: in the same steps as who unpacks ahead, for what
    /// is lost where unpacking fails depends on how much was asked for. How the bytes end, if there is no more.
    fn next(&mut self) -> Option<End> {
        let mut may_help = true;
        let mut state = self.pipeline.lock();
        loop {
            let Some(stream) = state.streams.get(&self.id) else { return Some(End::lost()) };
            self.is_behind = match stream.ready.len() {
                AHEAD.. => true,
                ..=LITTLE => false,
                _ => self.is_behind,
            };
            let has_time = stream.end.is_none() && !self.is_behind;
            if has_time && let Some(work) = state.take_urgent(self.id, self.pipeline.threads) {
                self.await_unpacked(false);
                state = self.pipeline.unpack(state, work);
                continue;
            }
            let Some(stream) = state.streams.get_mut(&self.id) else { return Some(End::lost()) };
            if let Some(chunk) = stream.ready.pop_front() {
                if !stream.ready.is_empty() {
                    self.await_unpacked(false);
                }
                let used = std::mem::replace(&mut self.chunk, chunk);
                stream.spare.push(used);
                self.taken = 0;
                drop(state);
                self.pipeline.work.notify_one();
                return None;
            }
            if let Some(end) = &stream.end {
                return Some(end.clone());
            }
            if let Some(mut producer) = stream.producer.take() {
                drop(state);
                self.await_unpacked(false);
                let end = self.chunk.fill(&mut producer, &self.pipeline.aside.hashings);
                self.taken = 0;
                let mut state = self.pipeline.lock();
                if let Some(stream) = state.streams.get_mut(&self.id) {
                    stream.give_back(producer);
                    stream.end.clone_from(&end);
                }
                drop(state);
                self.pipeline.work.notify_one();
                return end.filter(|_| self.chunk.filled == 0);
            }
            if let Some(work) = state.take_work(self.pipeline.threads) {
                self.await_unpacked(false);
                state = self.pipeline.unpack(state, work);
                may_help = true;
                continue;
            }
            if may_help {
                drop(state);
                may_help = self.help();
                state = self.pipeline.lock();
                continue;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            may_help = true;
        }
    }

    /// Hashes what the thread that unpacks put aside, or this one, or does what else lies aside; false if there is nothing.
    fn help(&self) -> bool {
        self.await_unpacked(true);
        let Aside { hashings, texts } = &self.pipeline.aside;
        if self.hashing.as_ref().is_some_and(Hashing::help) || hashings.help() {
            return true;
        }
        if !texts.are_waiting() {
            return false;
        }
        // This takes longer than hashing a piece.
        self.await_unpacked(false);
        texts.help();
        true
    }

    fn await_unpacked(&self, is_awaited: bool) {
        if let Some(hashing) = &self.hashing {
            hashing.await_unpacked(is_awaited);
        }
    }
}

impl<P: Unpack> Read for Ahead<'_, P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if let Some(end) = &self.end {
            return end.read();
        }
        if self.taken == self.chunk.filled
            && let Some(end) = self.next()
        {
            return self.end.insert(end).read();
        }
        let rest = self.chunk.rest(self.taken);
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.taken += count;
        Ok(count)
    }
}

impl<P: Unpack> Archive for Ahead<'_, P> {
    fn exchange(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        if self.end.is_some() {
            return Ok(0);
        }
        if self.taken == self.chunk.filled {
            self.end = self.next();
        }
        if self.end.is_some() || self.taken > 0 {
            return Ok(0);
        }
        std::mem::swap(buffer, &mut self.chunk.buffer);
        self.taken = self.chunk.filled;
        Ok(self.taken)
    }
}

impl<P> fmt::Debug for Pipeline<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
