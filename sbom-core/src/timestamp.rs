//! Points in time to the second, as documents carry them.

use std::{fmt, str::FromStr};

/// A point in time: whole seconds since 1970-01-01T00:00:00Z, until the end of the year 9999.
///
/// Written in UTC (`2024-02-29T12:00:00Z`); read from RFC 3339 with any offset, fractions of a second cut off.
///
/// ```
/// use sbom_core::timestamp::Timestamp;
/// let time: Timestamp = "2024-03-01T01:30:00.123456789+02:00".parse()?;
/// assert_eq!(time.to_string(), "2024-02-29T23:30:00Z");
/// # Ok::<(), sbom_core::timestamp::TimestampError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// A text or number is not a point in time that documents can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// The text is not in the form of RFC 3339.
    #[error("{0:?} is not a time as in 2024-02-29T12:00:00Z")]
    Form(String),
    /// It lies before 1970 or after 9999.
    #[error("the time lies outside of the years 1970 to 9999")]
    Range,
}

/// The first second of the year 10000.
const END: u64 = 253_402_300_800;
const DAY: u64 = 86_400;

impl Timestamp {
    /// What stands for a time that is not known: 1970-01-01T00:00:00Z.
    pub const UNKNOWN: Self = Self(0);

    /// The point `seconds` after 1970-01-01T00:00:00Z.
    pub fn from_unix(seconds: u64) -> Result<Self, TimestampError> {
        if seconds < END { Ok(Self(seconds)) } else { Err(TimestampError::Range) }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0 / DAY);
        let (hour, minute, second) = (self.0 / 3600 % 24, self.0 / 60 % 60, self.0 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let seconds =
            parse(text.as_bytes()).ok_or_else(|| TimestampError::Form(text.chars().take(80).collect()))?;
        u64::try_from(seconds).map_or(Err(TimestampError::Range), Self::from_unix)
    }
}

/// Seconds since 1970, before it negative; none if the text is not a time.
fn parse(text: &[u8]) -> Option<i64> {
    let (year, text) = number(text, 4)?;
    let (month, text) = number(text.strip_prefix(b"-")?, 2)?;
    let (day, text) = number(text.strip_prefix(b"-")?, 2)?;
    let (separator, text) = text.split_first()?;
    let (hour, text) = number(text, 2)?;
    let (minute, text) = number(text.strip_prefix(b":")?, 2)?;
    let (second, text) = number(text.strip_prefix(b":")?, 2)?;
    let valid = matches!(separator, b'T' | b't' | b' ')
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        // A leap second counts as the last one before it.
        && (hour < 24 && minute < 60 && second <= 60);
    if !valid {
        return None;
    }
    let clock = hour * 3600 + minute * 60 + second.min(59);
    Some(days_before(year, month, day) * 86_400 + clock - offset(fraction(text)?)?)
}

/// What follows the fraction of a second, if there is one.
fn fraction(text: &[u8]) -> Option<&[u8]> {
    let Some(digits) = text.strip_prefix(b".") else { return Some(text) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 { None } else { digits.get(count..) }
}

/// Seconds that local time is ahead of UTC.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, text) = match text {
        b"Z" | b"z" => return Some(0),
        [b'+', text @ ..] => (1, text),
        [b'-', text @ ..] => (-1, text),
        _ => return None,
    };
    let (hours, text) = number(text, 2)?;
    let (minutes, text) = number(text.strip_prefix(b":")?, 2)?;
    (text.is_empty() && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (head, rest) = text.split_at_checked(digits)?;
    let value = head
        .iter()
        .try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))?;
    Some((value, rest))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date, before it negative.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let past = year - 1;
    let leaps = past / 4 - past / 100 + past / 400;
    let months: i64 = (1..month).map(|month| days_in(year, month)).sum();
    // 719162 days lie between 0001-01-01 and 1970-01-01. The year 0 has no past to count.
    let years = if year == 0 { -366 } else { past * 365 + leaps };
    years - 719_162 + months + day - 1
}

/// Year, month and day of the day that is `days` after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Years counted from March have their leap day at the end, so that months begin at fixed days of the year.
    // 719468 days lie between 0000-03-01 and 1970-01-01; 146097 in 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + carry, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), expected, "{text}");
    }

    #[test]
    fn offsets_and_fractions_come_down_to_whole_seconds_of_utc() {
        check("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z");
        check("2000-02-29t23:59:59.999999999z", "2000-02-29T23:59:59Z");
        check("2024-03-01 01:30:00+02:00", "2024-02-29T23:30:00Z");
        check("2023-12-31T20:00:00-05:30", "2024-01-01T01:30:00Z");
        check("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z");
        check("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "",
            "2024",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00+2:00",
            "2024-01-01T00:00:00ZZ",
            "+024-01-01T00:00:00Z",
            "2024-01-01T00:00:61Z",
            "２０２４-01-01T00:00:00Z",
        ] {
            assert!(matches!(text.parse::<Timestamp>(), Err(TimestampError::Form(_))), "{text}");
        }
    }

    #[test]
    fn times_outside_of_the_bounds_are_refused() {
        for text in [
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError::Range), "{text}");
        }
        assert_eq!(Timestamp::from_unix(END), Err(TimestampError::Range));
    }

    #[test]
    fn seconds_of_the_epoch_are_known_dates() {
        for (seconds, text) in [
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (END - 1, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp::from_unix(seconds).unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0..END) {
            let time = Timestamp::from_unix(seconds).unwrap();
            prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }
    }
}
