//! The fields of the one block that every header has.

use super::{BLOCK, TarError};

/// A block of a header.
///
/// All formats share the first fields; what lies behind the magic at 257 depends on the format:
///
/// ```text
///   0 name   100 mode   108 owner   124 size   136 time   148 checksum   156 type   157 link
/// 257 magic  263 version
/// 345 prefix (ustar 155 bytes, star 131)            508 "tar" (star)
/// 345 times (GNU, 2 × 12)   386 map (4 × 24)   482 whether it goes on   483 real size
/// ```
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'b>(&'b [u8; BLOCK]);

/// The formats of a header, by its magic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    V7,
    Ustar,
    Star,
    Gnu,
}

impl<'b> Block<'b> {
    pub(super) fn new(bytes: &'b [u8; BLOCK]) -> Self {
        Self(bytes)
    }

    /// Fails unless the checksum is right: the sum of all bytes, which some writers took for signed, with its own field
    /// as if it were spaces.
    pub(super) fn check(self) -> Result<(), TarError> {
        let stated = octal(self.field(148, 8)).ok_or(TarError::Checksum)?;
        // Neither sum of 512 bytes comes near the bounds of its type.
        let unsigned = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
        let signed = |bytes: &[u8]| bytes.iter().map(|&byte| i32::from(byte.cast_signed())).sum::<i32>();
        let own = self.field(148, 8);
        let spaces = 8 * u32::from(b' ');
        let is_right = stated == i64::from(unsigned(self.0) - unsigned(own) + spaces)
            || stated == i64::from(signed(self.0) - signed(own)) + i64::from(spaces);
        if is_right { Ok(()) } else { Err(TarError::Checksum) }
    }

    pub(super) fn format(self) -> Format {
        match (self.field(257, 6), self.field(263, 2)) {
            (b"ustar\0", _) if self.field(508, 4) == b"tar\0" => Format::Star,
            (b"ustar\0", _) => Format::Ustar,
            (b"ustar ", b" \0") => Format::Gnu,
            _ => Format::V7,
        }
    }

    pub(super) fn flag(self) -> u8 {
        self.field(156, 1).first().copied().unwrap_or_default()
    }

    pub(super) fn size(self) -> Result<i64, TarError> {
        self.number(124, 12, "size")
    }

    pub(super) fn mode(self) -> Result<u32, TarError> {
        let mode = self.number(100, 8, "mode")?;
        Ok(u32::try_from(mode & 0o7777).unwrap_or_default())
    }

    pub(super) fn link_name(self) -> &'b [u8] {
        text(self.field(157, 100))
    }

    /// The name, with its prefix; `joined` holds the two if there is one.
    pub(super) fn full_name<'n>(self, joined: &'n mut Vec<u8>) -> &'n [u8]
    where
        'b: 'n,
    {
        let (prefix, name) = (self.prefix(), text(self.field(0, 100)));
        if prefix.is_empty() {
            return name;
        }
        joined.clear();
        for part in [prefix, b"/", name] {
            joined.extend_from_slice(part);
        }
        joined
    }

    fn prefix(self) -> &'b [u8] {
        match self.format() {
            Format::V7 => &[],
            Format::Ustar => text(self.field(345, 155)),
            Format::Star => text(self.field(345, 131)),
            Format::Gnu => self.prefix_in_place_of_times(),
        }
    }

    /// GNU's format has no prefix, but Go wrote one into it before 1.8, and still reads it.
    fn prefix_in_place_of_times(self) -> &'b [u8] {
        let is_time = |field: &[u8]| field.first() == Some(&0) || number(field).is_some();
        let prefix = text(self.field(345, 155));
        let are_times = is_time(self.field(345, 12)) && is_time(self.field(357, 12));
        if are_times || !prefix.is_ascii() { &[] } else { prefix }
    }

    /// GNU sparse: the length with holes.
    pub(super) fn real_size(self) -> Result<i64, TarError> {
        self.number(483, 12, "real size")
    }

    /// GNU sparse: the first four runs, and whether there are more.
    pub(super) fn map(self) -> &'b [u8] {
        self.field(386, 4 * 24 + 1)
    }

    fn number(self, at: usize, length: usize, field: &'static str) -> Result<i64, TarError> {
        number(self.field(at, length)).ok_or(TarError::Number { field })
    }

    fn field(self, at: usize, length: usize) -> &'b [u8] {
        self.0.get(at..at + length).unwrap_or_default()
    }
}

/// What stands before the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, field).unwrap_or(field.len());
    field.get(..end).unwrap_or_default()
}

/// A number, octal or, if its first bit is set, to base 256 in two's complement.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 == 0 {
        return octal(field);
    }
    let inverted = if first & 0x40 == 0 { 0 } else { 0xff };
    let mut value = u64::from((first ^ inverted) & 0x7f);
    for byte in rest {
        if value >> 56 > 0 {
            return None;
        }
        value = value << 8 | u64::from(byte ^ inverted);
    }
    let value = i64::try_from(value).ok()?;
    Some(if inverted == 0 { value } else { !value })
}

/// An octal number between NULs and spaces; zero if there is nothing else.
fn octal(field: &[u8]) -> Option<i64> {
    let is_padding = |byte: &u8| matches!(byte, 0 | b' ');
    let start = field.iter().position(|byte| !is_padding(byte)).unwrap_or(field.len());
    let end = field.iter().rposition(|byte| !is_padding(byte)).map_or(start, |last| last + 1);
    let mut value = 0_i64;
    for byte in text(field.get(start..end)?) {
        let digit = matches!(byte, b'0'..=b'7').then(|| i64::from(byte - b'0'))?;
        value = value.checked_mul(8)?.checked_add(digit)?;
    }
    Some(value)
}
