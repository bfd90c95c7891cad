//! As much DER as certificates and time stamps need: written in full, read one element at a time.

/// An element of a tag and its content.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len();
    if length < 128 {
        bytes.push(low_byte(length));
    } else {
        let length = length.to_be_bytes();
        let length: Vec<u8> = length.into_iter().skip_while(|&byte| byte == 0).collect();
        bytes.push(0x80 | low_byte(length.len()));
        bytes.extend(length);
    }
    bytes.extend_from_slice(content);
    bytes
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

/// A set, in the order that DER wants.
pub(super) fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    element(0x31, &sorted(parts))
}

/// What a set holds, in the order that DER wants.
pub(super) fn sorted(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = parts.to_vec();
    parts.sort();
    parts.concat()
}

/// `[number]` around whole elements.
pub(super) fn context(number: u8, content: &[u8]) -> Vec<u8> {
    element(0xa0 | number, content)
}

pub(super) fn octets(content: &[u8]) -> Vec<u8> {
    element(0x04, content)
}

pub(super) fn bits(content: &[u8]) -> Vec<u8> {
    element(0x03, &[&[0], content].concat())
}

pub(super) fn text(content: &str) -> Vec<u8> {
    element(0x0c, content.as_bytes())
}

pub(super) fn integer(value: u64) -> Vec<u8> {
    unsigned(&value.to_be_bytes())
}

/// A positive integer of any length, highest byte first.
pub(super) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let mut digits: Vec<u8> = bytes.iter().copied().skip_while(|&byte| byte == 0).collect();
    if digits.first().is_none_or(|&byte| byte >= 0x80) {
        digits.insert(0, 0);
    }
    element(0x02, &digits)
}

/// An object identifier, as in `1.2.840.10045.2.1`.
pub(super) fn oid(dotted: &str) -> Vec<u8> {
    let mut numbers = dotted.split('.').map(|number| number.parse::<u64>().unwrap_or(0));
    let first = numbers.next().unwrap_or(0) * 40 + numbers.next().unwrap_or(0);
    let mut content = Vec::new();
    for number in std::iter::once(first).chain(numbers) {
        let mut digits = vec![low_byte(number & 0x7f)];
        let mut rest = number >> 7;
        while rest > 0 {
            digits.push(low_byte(rest & 0x7f) | 0x80);
            rest >>= 7;
        }
        content.extend(digits.into_iter().rev());
    }
    element(0x06, &content)
}

/// A time of certificates: with two digits of the year until 2049.
pub(super) fn time(unix: u64) -> Vec<u8> {
    let text = digits(unix);
    match text.strip_prefix("20") {
        Some(short) if short < "50" => element(0x17, short.as_bytes()),
        _ => element(0x18, text.as_bytes()),
    }
}

/// A time with four digits of the year and whole seconds: some readers refuse fractions.
pub(super) fn generalized(unix: u64) -> Vec<u8> {
    element(0x18, digits(unix).as_bytes())
}

/// The first element: its tag, its content, and what follows it.
pub(super) fn read(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYYYMMDDHHMMSSZ`.
fn digits(unix: u64) -> String {
    let (year, month, day) = date(unix / 86_400);
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}Z", unix / 3600 % 24, unix / 60 % 60, unix % 60)
}

/// RFC 3339, in UTC.
pub(super) fn rfc3339(unix: u64) -> String {
    let (year, month, day) = date(unix / 86_400);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", unix / 3600 % 24, unix / 60 % 60, unix % 60)
}

/// Year, month and day of a day since 1970.
fn date(day: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut day) = (1970, day);
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    (year, month, day + 1)
}

fn low_byte(value: impl TryInto<u64>) -> u8 {
    let value = value.try_into().unwrap_or(0) & 0xff;
    u8::try_from(value).unwrap_or(0)
}
