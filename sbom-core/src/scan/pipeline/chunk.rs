//! Pieces of a layer as they are unpacked, and how they end.

use std::io;

use sbom_inflate::Beside;

use crate::{digest::hashing::Hashings, layer::walk::CHUNK, limits::LimitExceeded};

/// What unpacks a layer.
pub(in crate::scan) trait Unpack {
    /// Unpacks what comes next into `buffer`, as much as [`Read::read`](std::io::Read::read) would, and meanwhile hashes of
    /// `beside` what it can, which need not be anything.
    fn unpack(&mut self, buffer: &mut [u8], beside: &mut dyn Beside) -> io::Result<usize>;

    /// Stored bytes that are not unpacked yet, as far as that is known.
    fn left(&self) -> u64;
}

/// Unpacked bytes in a buffer that stays as long as it was made: what was initialised once need not be again.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// [`CHUNK`] bytes; none before it is first filled.
    pub(super) buffer: Vec<u8>,
    /// Bytes of `buffer` that were unpacked.
    pub(super) filled: usize,
}

impl Chunk {
    /// Unpacks until it is full, and hashes beside; gives why it got no further.
    pub(super) fn fill(&mut self, producer: &mut impl Unpack, hashings: &Hashings) -> Option<End> {
        if self.buffer.is_empty() {
            self.buffer = vec![0; CHUNK];
        }
        self.filled = 0;
        let mut beside = hashings.beside();
        while let Some(free) = self.buffer.get_mut(self.filled..).filter(|free| !free.is_empty()) {
            match producer.unpack(free, &mut beside) {
                Ok(0) => return Some(End::Reached),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Some(End::of(&error)),
            }
        }
        None
    }

    /// What was unpacked behind the first `taken` bytes.
    pub(super) fn rest(&self, taken: usize) -> &[u8] {
        self.buffer.get(taken..self.filled).unwrap_or_default()
    }
}

/// How the bytes of a layer end.
#[derive(Debug, Clone)]
pub(super) enum End {
    Reached,
    Exceeded(LimitExceeded),
    Failed(io::ErrorKind, String),
}

impl End {
    /// That of a layer whose producer is gone.
    pub(super) fn lost() -> Self {
        Self::Failed(io::ErrorKind::Other, "the thread that unpacked it panicked".to_owned())
    }

    fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<LimitExceeded>()) {
            Some(exceeded) => Self::Exceeded(*exceeded),
            None => Self::Failed(error.kind(), error.to_string()),
        }
    }

    pub(super) fn read(&self) -> io::Result<usize> {
        match self {
            Self::Reached => Ok(0),
            Self::Exceeded(exceeded) => Err(io::Error::other(*exceeded)),
            Self::Failed(kind, message) => Err(io::Error::new(*kind, message.clone())),
        }
    }
}
