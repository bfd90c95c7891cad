//! What looking for attestations may cost: requests, bytes and time, over everything that is asked about one image.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    io::{self, Read},
    time::{Duration, Instant},
};

use crate::{
    digest::Digest,
    limits::{Limit, LimitExceeded, Limits},
};

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
    /// How long blobs are that were read for nothing else, and what was read of all of them.
    measured: BTreeMap<Digest, u64>,
    measured_bytes: u64,
}

impl Spending {
    /// Nothing spent. `clock` begins to run now.
    pub fn new(limits: &Limits, clock: Box<dyn Clock>) -> Self {
        Self {
            limits: limits.clone(),
            clock,
            requests: 0,
            bytes: 0,
            measured: BTreeMap::new(),
            measured_bytes: 0,
        }
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

    /// What [`Self::measure`] has found.
    pub(super) fn measured(&self, blob: &Digest) -> Option<u64> {
        self.measured.get(blob).copied()
    }

    /// How long `reader` is, which gives `blob`: at most a byte more than an attestation may have. Nothing of it is kept. All
    /// that is measured has a bound of its own, the same as for what is kept: what is only called an attestation must not
    /// leave too little for those that are.
    pub(super) fn measure<R: Read>(&mut self, blob: &Digest, reader: R) -> io::Result<u64> {
        let all = self.limits.attestations_bytes;
        let left = all.value.saturating_sub(self.measured_bytes);
        let most = self.limits.attestation_bytes.value.min(left).saturating_add(1);
        let mut reader = self.timed(reader).take(most);
        let size = io::copy(&mut reader, &mut io::sink());
        let read = most.saturating_sub(reader.limit());
        self.measured_bytes = self.measured_bytes.saturating_add(read);
        all.check(self.measured_bytes).map_err(io::Error::other)?;
        self.measured.insert(blob.clone(), size?);
        Ok(read)
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
