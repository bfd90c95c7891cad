//! The moment by which a whole operation must be done, however many requests it takes.

use std::time::{Duration, Instant};

use super::Fault;

/// A bound on the time of a whole operation. It is counted from when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    /// No bound: each request has its own, but there may be any number of them.
    pub const NONE: Self = Self(None);

    /// `time` from now.
    pub fn after(time: Duration) -> Self {
        // A moment that the clock cannot tell never comes.
        Self(Instant::now().checked_add(time).map(|end| (end, time)))
    }

    /// The earlier of the two.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some((own, _)), Some((end, _))) if end < own => other,
            (Some(_), _) => self,
            (None, _) => other,
        }
    }

    /// `time`, or what is left where that is less; a fault where nothing is.
    pub(super) fn cut(self, time: Duration) -> Result<Duration, Fault> {
        let Some((end, whole)) = self.0 else { return Ok(time) };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Fault::Deadline { time: whole }) } else { Ok(time.min(left)) }
    }

    /// A fault unless more than `time` is left.
    pub(super) fn allows(self, time: Duration) -> Result<(), Fault> {
        let Some((end, whole)) = self.0 else { return Ok(()) };
        let left = end.saturating_duration_since(Instant::now());
        if left > time { Ok(()) } else { Err(Fault::Deadline { time: whole }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_cuts_what_is_longer_than_what_is_left() {
        let hour = Duration::from_secs(3600);
        assert_eq!(Deadline::NONE.cut(hour).unwrap(), hour);
        assert_eq!(Deadline::after(Duration::MAX).cut(hour).unwrap(), hour);
        let soon = Deadline::after(Duration::from_secs(10));
        assert!(soon.cut(hour).unwrap() <= Duration::from_secs(10));
        assert!(soon.allows(Duration::from_secs(1)).is_ok() && soon.allows(hour).is_err());
        assert!(matches!(Deadline::after(Duration::ZERO).cut(hour), Err(Fault::Deadline { .. })));
    }
}
