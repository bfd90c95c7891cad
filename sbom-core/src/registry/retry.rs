//! When a request is made again, and how long to wait before.
//!
//! The waits have no random part: the clients of one image are few, and the same failures give the same run.

use std::{fmt::Debug, time::Duration};

use ureq::http::{HeaderMap, header};

use super::{Deadline, Fault};
use crate::limits::Limit;

/// The wait before the second attempt; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait of our own choosing.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// The longest wait that a registry may ask for.
const LONGEST_ASKED_WAIT: Duration = Duration::from_secs(60);

/// How to wait; tests wait without taking time.
pub trait Sleep: Debug + Send + Sync {
    /// Waits for `duration`.
    fn sleep(&self, duration: Duration);
}

/// Waits in the calling thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThreadSleep;

impl Sleep for ThreadSleep {
    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// The attempts left at one thing that is wanted of a registry.
#[derive(Debug)]
pub(super) struct Attempts {
    limit: Limit,
    failed: u64,
}

impl Attempts {
    pub(super) fn new(limit: Limit) -> Self {
        Self { limit, failed: 0 }
    }

    /// Waits before another attempt, or gives `fault` back where another would be of no use, is one too many, or
    /// would come after the end of all patience.
    pub(super) fn wait_after(
        &mut self,
        fault: Fault,
        sleep: &dyn Sleep,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        self.failed = self.failed.saturating_add(1);
        if !fault.is_passing() {
            return Err(fault);
        }
        if self.failed >= self.limit.value {
            return Err(if self.failed > 1 {
                Fault::Exhausted { attempts: self.failed, last: Box::new(fault) }
            } else {
                fault
            });
        }
        let doublings = u32::try_from(self.failed.saturating_sub(1)).unwrap_or(u32::MAX);
        let own = FIRST_WAIT.saturating_mul(2u32.saturating_pow(doublings)).min(LONGEST_WAIT);
        let wait = fault.retry_after().map_or(own, |asked| asked.min(LONGEST_ASKED_WAIT));
        tracing::debug!(%fault, ?wait, "will try again");
        if deadline.allows(wait).is_err() {
            return Err(fault);
        }
        sleep.sleep(wait);
        Ok(())
    }
}

/// What `Retry-After` asks for: seconds, or a date, which is taken relative to the answer's own `Date`, so that
/// no clock of this machine is needed or believed.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(header::RETRY_AFTER)?;
    if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(asked.parse().unwrap_or(u64::MAX)));
    }
    let (then, now) = (http_date(asked)?, http_date(text(header::DATE)?)?);
    Some(Duration::from_secs(then.saturating_sub(now)))
}

/// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`. Source: RFC 9110 section 5.6.7.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let number = |text: &str, least: u64, most: u64| {
        let number = text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        (least..=most).contains(&number).then_some(number)
    };
    let day = number(words.next()?, 1, 31)?;
    let month = words.next()?;
    let month = u64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()?;
    let year = number(words.next()?, 1970, 9999)?;
    let mut time = words.next()?.split(':');
    let (hour, minute) = (number(time.next()?, 0, 23)?, number(time.next()?, 0, 59)?);
    let second = number(time.next()?, 0, 60)?;
    if words.next()? != "GMT" || words.next().is_some() || time.next().is_some() {
        return None;
    }
    // Years counted from March put the leap day last, so that months before it need no correction.
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let days_to_month = (153 * month + 2) / 5;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + days_to_month + day - 1;
    let since_1970 = days.checked_sub(719_468)?;
    Some(since_1970 * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::limits::Limits;

    #[derive(Debug, Default)]
    struct Recorded(Mutex<Vec<Duration>>);

    impl Sleep for Recorded {
        fn sleep(&self, duration: Duration) {
            self.0.lock().unwrap().push(duration);
        }
    }

    #[test]
    fn waits_double_up_to_eight_seconds() {
        let mut limits = Limits::default();
        limits.set("attempts", 9);
        let (mut attempts, recorded) = (Attempts::new(limits.attempts), Recorded::default());
        while attempts.wait_after(Fault::Timeout { stage: "connect" }, &recorded, Deadline::NONE).is_ok() {}
        let millis: Vec<_> = recorded.0.into_inner().unwrap().iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    }

    #[test]
    fn a_registry_asks_for_seconds_or_for_a_date() {
        #[track_caller]
        fn check(headers: &[(header::HeaderName, &str)], expect: Option<u64>) {
            let headers: HeaderMap =
                headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
            assert_eq!(retry_after(&headers), expect.map(Duration::from_secs), "{headers:?}");
        }
        let date = (header::DATE, "Wed, 28 Feb 2024 23:59:50 GMT");
        check(&[(header::RETRY_AFTER, "7")], Some(7));
        check(&[(header::RETRY_AFTER, "99999999999999999999999")], Some(u64::MAX));
        check(&[(header::RETRY_AFTER, "Thu, 29 Feb 2024 00:00:10 GMT"), date.clone()], Some(20));
        check(&[(header::RETRY_AFTER, "Wed, 28 Feb 2024 00:00:10 GMT"), date.clone()], Some(0));
        check(&[(header::RETRY_AFTER, "Thu, 29 Feb 2024 00:00:10 GMT")], None);
        for bad in ["", "-1", "1.5", "soon", "Thu, 32 Feb 2024 00:00:10 GMT", "Thu, 29 Feb 2024 00:00:10 CET"]
        {
            check(&[(header::RETRY_AFTER, bad), date.clone()], None);
        }
    }

    #[test]
    fn dates_are_counted_from_1970() {
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Tue, 29 Feb 2000 12:00:00 GMT"), Some(951_825_600));
    }
}
