//! Layers unpacked ahead of those who walk them, by threads that have no layer of their own.
//!
//! A [`Pipeline`] holds what unpacks each layer that is being read. Whoever walks a layer takes unpacked bytes from it
//! by way of [`Ahead`]; where none lie ready, it unpacks them itself, and where another thread is at it, it waits. So one
//! thread alone reads a layer as if there were no pipeline, and a thread too many costs nothing but its waiting.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    io::{self, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use super::hashing::Hashing;
use crate::limits::LimitExceeded;

/// Bytes unpacked at a time: enough that handing over costs nothing, few enough to lie in a processor's cache.
const CHUNK: usize = 256 << 10;
/// Chunks that may lie ready in each layer.
const AHEAD: usize = 8;

/// The layers that are being read, each unpacked by a `P`.
pub(super) struct Pipeline<P> {
    state: Mutex<State<P>>,
    /// Told when there may be something to unpack, or no more to come.
    work: Condvar,
}

struct State<P> {
    /// By the order in which they were begun.
    streams: BTreeMap<u64, Stream<P>>,
    begun: u64,
    /// Layers that are not done with.
    unfinished: usize,
}

struct Stream<P> {
    /// None while a thread unpacks with it.
    producer: Option<P>,
    ready: VecDeque<Chunk>,
    spare: Vec<Chunk>,
    /// What follows the chunks that lie ready.
    end: Option<End>,
    /// Told when a chunk was added or the producer is back.
    changed: Arc<Condvar>,
}

/// Unpacked bytes in a buffer that stays as long as it was made: what was initialised once need not be again.
#[derive(Debug, Default)]
struct Chunk {
    /// [`CHUNK`] bytes; none before it is first filled.
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were unpacked.
    filled: usize,
}

impl Chunk {
    /// Reads until it is full; gives why it got no further.
    fn fill(&mut self, reader: &mut impl Read) -> Option<End> {
        if self.buffer.is_empty() {
            self.buffer = vec![0; CHUNK];
        }
        let (filled, end) = fill(reader, &mut self.buffer);
        self.filled = filled;
        end
    }

    /// What was unpacked behind the first `taken` bytes.
    fn rest(&self, taken: usize) -> &[u8] {
        self.buffer.get(taken..self.filled).unwrap_or_default()
    }
}

/// How the bytes of a layer end.
#[derive(Debug, Clone)]
enum End {
    Reached,
    Exceeded(LimitExceeded),
    Failed(io::ErrorKind, String),
}

impl End {
    fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<LimitExceeded>()) {
            Some(exceeded) => Self::Exceeded(*exceeded),
            None => Self::Failed(error.kind(), error.to_string()),
        }
    }

    fn read(&self) -> io::Result<usize> {
        match self {
            Self::Reached => Ok(0),
            Self::Exceeded(exceeded) => Err(io::Error::other(*exceeded)),
            Self::Failed(kind, message) => Err(io::Error::new(*kind, message.clone())),
        }
    }
}

impl<P: Read> Pipeline<P> {
    /// A pipeline for that many layers.
    pub(super) fn new(layers: usize) -> Self {
        let state = State { streams: BTreeMap::new(), begun: 0, unfinished: layers };
        Self { state: Mutex::new(state), work: Condvar::new() }
    }

    /// Begins a layer that `producer` unpacks. Whoever waits for what it unpacks helps with `hashing`.
    pub(super) fn begin(&self, producer: P, hashing: Option<Arc<Hashing>>) -> Ahead<'_, P> {
        let changed = Arc::new(Condvar::new());
        let mut state = self.lock();
        let id = state.begun;
        state.begun += 1;
        let stream = Stream {
            producer: Some(producer),
            ready: VecDeque::new(),
            spare: Vec::new(),
            end: None,
            changed: changed.clone(),
        };
        state.streams.insert(id, stream);
        drop(state);
        self.work.notify_one();
        Ahead { pipeline: self, id, changed, hashing, chunk: Chunk::default(), taken: 0, end: None }
    }

    /// Takes on one of the layers, whether or not it will have anything to unpack.
    pub(super) fn take_on(&self) -> TakenOn<'_, P> {
        TakenOn { pipeline: self }
    }

    /// Unpacks ahead for whoever needs it most, until all layers are finished.
    pub(super) fn help(&self) {
        self.help_until(&|| false);
    }

    /// The same, or until `is_enough`: who changes what it says calls [`Self::wake`].
    pub(super) fn help_until(&self, is_enough: &dyn Fn() -> bool) {
        let mut state = self.lock();
        while state.unfinished > 0 && !is_enough() {
            let Some((id, mut producer, mut chunk)) = state.take_work() else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            let end = chunk.fill(&mut producer);
            state = self.lock();
            if let Some(stream) = state.streams.get_mut(&id) {
                stream.producer = Some(producer);
                stream.add(chunk, end);
                stream.changed.notify_one();
            }
        }
    }
}

impl<P> Pipeline<P> {
    /// Lets those who help see whether it is enough.
    pub(super) fn wake(&self) {
        // Whoever looked before waits by now.
        drop(self.lock());
        self.work.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A layer that is taken on; it is done with once this is dropped.
pub(super) struct TakenOn<'p, P> {
    pipeline: &'p Pipeline<P>,
}

impl<P> TakenOn<'_, P> {
    /// Gives the layer back: somebody else takes it on.
    pub(super) fn give_back(self) {
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
    /// The layer that has the least lying ready of those that nobody unpacks, and a buffer for it.
    fn take_work(&mut self) -> Option<(u64, P, Chunk)> {
        let open = self.streams.iter_mut().filter(|(_, stream)| {
            stream.producer.is_some() && stream.end.is_none() && stream.ready.len() < AHEAD
        });
        let (id, stream) = open.min_by_key(|(_, stream)| stream.ready.len())?;
        let producer = stream.producer.take()?;
        Some((*id, producer, stream.spare.pop().unwrap_or_default()))
    }
}

impl<P> Stream<P> {
    fn add(&mut self, chunk: Chunk, end: Option<End>) {
        if chunk.filled == 0 {
            self.spare.push(chunk);
        } else {
            self.ready.push_back(chunk);
        }
        self.end = end;
    }
}

/// Reads until `buffer` is full; gives how far it got, and why it got no further.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<End>) {
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        match reader.read(free) {
            Ok(0) => return (filled, Some(End::Reached)),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(End::of(&error))),
        }
    }
    (filled, None)
}

/// The unpacked bytes of one layer. Which thread unpacked them cannot be told from them, nor from how they end.
pub(super) struct Ahead<'p, P> {
    pipeline: &'p Pipeline<P>,
    id: u64,
    changed: Arc<Condvar>,
    hashing: Option<Arc<Hashing>>,
    chunk: Chunk,
    /// Bytes of `chunk` that were read.
    taken: usize,
    /// How the bytes ended, once all before were read.
    end: Option<End>,
}

impl<P: Read> Ahead<'_, P> {
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
            let Some(stream) = state.streams.get_mut(&self.id) else { return Some(End::Reached) };
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
                let end = self.chunk.fill(&mut producer);
                self.taken = 0;
                let mut state = self.pipeline.lock();
                if let Some(stream) = state.streams.get_mut(&self.id) {
                    stream.producer = Some(producer);
                    stream.end.clone_from(&end);
                }
                drop(state);
                self.pipeline.work.notify_one();
                return end.filter(|_| self.chunk.filled == 0);
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

    /// Hashes what the thread that unpacks put aside; false if there is nothing.
    fn help(&self) -> bool {
        self.await_unpacked(true);
        self.hashing.as_ref().is_some_and(|hashing| hashing.help())
    }

    fn await_unpacked(&self, is_awaited: bool) {
        if let Some(hashing) = &self.hashing {
            hashing.await_unpacked(is_awaited);
        }
    }
}

impl<P: Read> Read for Ahead<'_, P> {
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

impl<P> fmt::Debug for Pipeline<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::limits::Limits;

    /// Counts up, a few bytes at a time, and ends as it is told.
    struct Count {
        at: u64,
        length: u64,
        end: End,
    }

    impl Read for Count {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let left = usize::try_from(self.length - self.at).unwrap().min(buffer.len()).min(7001);
            if left == 0 {
                return self.end.read();
            }
            for byte in &mut buffer[..left] {
                *byte = (self.at % 251) as u8;
                self.at += 1;
            }
            Ok(left)
        }
    }

    fn read_all(reader: &mut impl Read) -> (u64, io::Result<usize>) {
        let mut buffer = vec![0; 10_007];
        let mut at = 0_u64;
        loop {
            match reader.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    for byte in &buffer[..count] {
                        assert_eq!(u64::from(*byte), at % 251, "at {at}");
                        at += 1;
                    }
                }
                end => return (at, end),
            }
        }
    }

    /// Reads layers of these lengths, all at once, with `helpers`.
    fn check(helpers: usize, lengths: &[u64], end: &End) {
        let pipeline = Pipeline::new(lengths.len());
        std::thread::scope(|scope| {
            for length in lengths {
                let pipeline = &pipeline;
                scope.spawn(move || {
                    let _layer = pipeline.take_on();
                    let mut ahead = pipeline.begin(Count { at: 0, length: *length, end: end.clone() }, None);
                    let (read, how) = read_all(&mut ahead);
                    assert_eq!(read, *length);
                    match end {
                        End::Reached => assert_eq!(how.unwrap(), 0),
                        _ => assert_eq!(how.unwrap_err().to_string(), end.read().unwrap_err().to_string()),
                    }
                    assert!(matches!((ahead.read(&mut [0; 4]), end), (Ok(0), End::Reached) | (Err(_), _)));
                    let (producer, exceeded) = ahead.stop();
                    assert_eq!(producer.unwrap().at, *length);
                    assert_eq!(exceeded.is_some(), matches!(end, End::Exceeded(_)));
                });
            }
            for _ in 0..helpers {
                scope.spawn(|| pipeline.help());
            }
        });
    }

    #[test]
    fn whoever_unpacks_the_bytes_are_the_same() {
        let exceeded = LimitExceeded { limit: Limits::default().unpacked_bytes };
        let ends =
            [End::Reached, End::Exceeded(exceeded), End::Failed(io::ErrorKind::InvalidData, "bad".into())];
        for end in ends {
            for helpers in [0, 1, 3] {
                check(helpers, &[0, 1, CHUNK as u64, 5_000_000], &end);
            }
        }
    }

    #[test]
    fn a_bound_met_beyond_what_was_read_does_not_count() {
        let exceeded = LimitExceeded { limit: Limits::default().unpacked_bytes };
        let pipeline = Pipeline::new(1);
        let producer = Count { at: 0, length: 1000, end: End::Exceeded(exceeded) };
        let mut ahead = pipeline.begin(producer, None);
        assert_eq!(ahead.read(&mut [0; 100]).unwrap(), 100);
        assert!(ahead.stop().1.is_none());
    }

    #[test]
    fn who_helps_for_a_while_is_let_go() {
        let pipeline = Pipeline::<Count>::new(1);
        let is_enough = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| pipeline.help_until(&|| is_enough.load(Ordering::Relaxed)));
            is_enough.store(true, Ordering::Relaxed);
            pipeline.wake();
        });
    }

    #[test]
    fn a_layer_given_up_lets_helpers_go() {
        let pipeline = Pipeline::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| pipeline.help());
            let ahead = pipeline.begin(Count { at: 0, length: 1 << 30, end: End::Reached }, None);
            assert!(ahead.stop().0.is_some());
            drop((pipeline.take_on(), pipeline.take_on()));
        });
    }
}
