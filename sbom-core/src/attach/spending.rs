//! What looking for attestations may cost: requests, bytes and time, over everything that is asked about one image.

use std::{
    fmt::Debug,
    io::{self, Read},
    time::{Duration, Instant},
};

use crate::limits::{Limit, LimitExceeded, Limits};

/// Tells how much time has passed, and lets it pass.
pub trait Clock: Debug + Send + Sync {
    /// The time since it was started.
    fn elapsed(&self) -> Duration;

    /// Waits for `duration`.
    fn pause(&self, duration: Duration);
}

/// Time as it passes, counted from when the stopwatch was made. It tells no time of day.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Default for Stopwatch {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Stopwatch {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// What was spent, and what may be. One for everything that is asked about one image.
#[derive(Debug)]
pub struct Spending {
    limits: Limits,
    clock: Box<dyn Clock>,
    requests: u64,
    bytes: u64,
}

impl Spending {
    /// Nothing spent. `clock` begins to run now.
    pub fn new(limits: &Limits, clock: Box<dyn Clock>) -> Self {
        Self { limits: limits.clone(), clock, requests: 0, bytes: 0 }
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Requests made so far; each attempt at one counts once.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Counts a request, unless it is one too many or too late.
    pub(super) fn request(&mut self) -> Result<(), LimitExceeded> {
        self.limits.attestation_seconds.check(self.clock.elapsed().as_secs())?;
        self.requests = self.requests.saturating_add(1);
        self.limits.attestation_requests.check(self.requests)
    }

    /// Counts the bytes of an attestation, unless they are too many.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), LimitExceeded> {
        self.limits.attestation_bytes.check(bytes)?;
        self.bytes = self.bytes.saturating_add(bytes);
        self.limits.attestations_bytes.check(self.bytes)
    }

    /// Reads `reader`, which fails once the time is up: who sends a byte now and then is slow for ever.
    pub(super) fn timed<R: Read>(&self, reader: R) -> Timed<'_, R> {
        Timed { reader, clock: &*self.clock, limit: self.limits.attestation_seconds }
    }
}

/// A reader that ends with an error when the time is up.
pub(super) struct Timed<'a, R> {
    reader: R,
    clock: &'a dyn Clock,
    limit: Limit,
}

impl<R: Read> Read for Timed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.limit.check(self.clock.elapsed().as_secs()).map_err(io::Error::other)?;
        self.reader.read(buffer)
    }
}
