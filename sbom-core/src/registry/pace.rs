//! The least speed of a transfer: who sends a byte now and then is never silent, and slow for ever.

use std::{
    io::{self, Read},
    time::{Duration, Instant},
};

use super::ClientConfig;

/// How much must come in which time of waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    window: Duration,
    least: u64,
}

impl Pace {
    /// `bytes_per_second` on the average of a time in which a registry may be silent.
    pub(super) fn of(config: &ClientConfig) -> Self {
        let milliseconds = u64::try_from(config.timeout.as_millis()).unwrap_or(u64::MAX);
        Self { window: config.timeout, least: config.bytes_per_second.saturating_mul(milliseconds) / 1000 }
    }
}

/// A transfer is slower than it may be.
#[derive(Debug, thiserror::Error)]
#[error("too few bytes come")]
pub(super) struct TooSlow;

/// A reader that fails with [`TooSlow`] where it has made us wait and given too little. What time passes between two reads
/// is not its fault, and does not count.
#[derive(Debug)]
pub(super) struct Paced<R> {
    reader: R,
    pace: Pace,
    waited: Duration,
    given: u64,
}

impl<R: Read> Paced<R> {
    pub(super) fn new(reader: R, pace: Pace) -> Self {
        Self { reader, pace, waited: Duration::ZERO, given: 0 }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let begun = Instant::now();
        let count = self.reader.read(buffer)?;
        self.waited = self.waited.saturating_add(begun.elapsed());
        self.given = self.given.saturating_add(count as u64);
        if self.waited >= self.pace.window {
            if self.given < self.pace.least && count > 0 {
                return Err(io::Error::new(io::ErrorKind::TimedOut, TooSlow));
            }
            (self.waited, self.given) = (Duration::ZERO, 0);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `piece` bytes at a time, each after a wait.
    struct Trickle(Duration, usize);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(self.0);
            let room = buffer.len().min(self.1);
            Ok(room)
        }
    }

    fn read(piece: usize, between: Duration) -> io::Result<usize> {
        let pace = Pace { window: Duration::from_millis(50), least: 100 };
        let mut reader = Paced::new(Trickle(Duration::from_millis(5), piece), pace);
        let mut count = 0;
        for _ in 0..30 {
            count += reader.read(&mut [0; 1000])?;
            std::thread::sleep(between);
        }
        Ok(count)
    }

    #[test]
    fn who_gives_too_little_is_too_slow_and_who_is_asked_late_is_not() {
        let error = read(1, Duration::ZERO).unwrap_err();
        assert!(error.kind() == io::ErrorKind::TimedOut && error.get_ref().unwrap().is::<TooSlow>());
        assert_eq!(read(1000, Duration::ZERO).unwrap(), 30_000);
        assert_eq!(read(1000, Duration::from_millis(20)).unwrap(), 30_000);
    }
}
