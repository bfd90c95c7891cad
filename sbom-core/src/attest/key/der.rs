//! DER: a strict reader of the few shapes that keys and signatures have, and a writer of them.
//!
//! Source: X.690, section 10. Lengths are definite and as short as can be; nothing may follow what was read.

/// `INTEGER`.
pub(crate) const INTEGER: u8 = 0x02;
/// `BIT STRING`.
pub(crate) const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// `NULL`.
pub(crate) const NULL: u8 = 0x05;
/// `OBJECT IDENTIFIER`.
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
/// `SEQUENCE`.
pub(crate) const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;
/// `[1]`, constructed.
pub(crate) const CONTEXT_1: u8 = 0xa1;

/// Bytes are not the DER that is expected. Offsets count from the first byte of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DerError {
    /// The bytes end within a value.
    #[error("the DER is cut off at byte {offset}")]
    Truncated {
        /// Where more was expected.
        offset: usize,
    },
    /// A value of another type.
    #[error("at byte {offset} of the DER there is tag {found:#04x} in the place of {expected:#04x}")]
    Tag {
        /// Where it is.
        offset: usize,
        /// What is expected.
        expected: u8,
        /// What is there.
        found: u8,
    },
    /// A length that is indefinite, or not as short as it can be, or beyond any key.
    #[error("at byte {offset} of the DER there is a length that DER does not allow")]
    Length {
        /// Where it is.
        offset: usize,
    },
    /// An integer that is negative or not as short as it can be.
    #[error("at byte {offset} of the DER there is an integer that is negative or padded")]
    Integer {
        /// Where its content begins.
        offset: usize,
    },
    /// A bit string that does not end with a byte.
    #[error("at byte {offset} of the DER there is a bit string that ends within a byte")]
    Bits {
        /// Where its content begins.
        offset: usize,
    },
    /// Bytes follow where nothing may.
    #[error("{count} bytes follow the DER's end at byte {offset}")]
    Trailing {
        /// Where they begin.
        offset: usize,
        /// How many there are.
        count: usize,
    },
}

/// Reads values one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    /// The content of the next value, which must have this tag.
    pub(crate) fn value(&mut self, tag: u8) -> Result<Self, DerError> {
        match self.next_tag() {
            Some(found) if found == tag => {}
            Some(found) => return Err(DerError::Tag { offset: self.offset, expected: tag, found }),
            None => return Err(DerError::Truncated { offset: self.offset }),
        }
        self.take(1)?;
        let length = self.length()?;
        let offset = self.offset;
        Ok(Self { rest: self.take(length)?, offset })
    }

    /// The content of the next value if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Self>, DerError> {
        if self.next_tag() == Some(tag) { self.value(tag).map(Some) } else { Ok(None) }
    }

    /// The next value, which must be an integer that is not negative: its bytes without the sign's.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], DerError> {
        let Self { rest, offset } = self.value(INTEGER)?;
        match rest {
            [0] => Ok(&[]),
            [0, digits @ ..] if has_high_bit(digits) => Ok(digits),
            [1..=0x7f, ..] => Ok(rest),
            _ => Err(DerError::Integer { offset }),
        }
    }

    /// The next value, which must be a bit string of whole bytes.
    pub(crate) fn bits(&mut self) -> Result<&'a [u8], DerError> {
        let Self { rest, offset } = self.value(BIT_STRING)?;
        match rest.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(DerError::Bits { offset }),
        }
    }

    /// All bytes that are left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Fails unless everything was read.
    pub(crate) fn finish(self) -> Result<(), DerError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DerError::Trailing { offset: self.offset, count }),
        }
    }

    fn next_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DerError> {
        let end = self.offset.saturating_add(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DerError::Truncated { offset: end })?;
        (self.rest, self.offset) = (rest, self.offset.saturating_add(count));
        Ok(taken)
    }

    /// A length of up to two bytes, which is more than the largest key has.
    fn length(&mut self) -> Result<usize, DerError> {
        let offset = self.offset;
        let byte = |reader: &mut Self| reader.take(1)?.first().copied().ok_or(DerError::Length { offset });
        match byte(self)? {
            short @ 0..=0x7f => Ok(usize::from(short)),
            0x81 => match byte(self)? {
                long @ 0x80.. => Ok(usize::from(long)),
                _ => Err(DerError::Length { offset }),
            },
            0x82 => match u16::from_be_bytes([byte(self)?, byte(self)?]) {
                long @ 0x100.. => Ok(usize::from(long)),
                _ => Err(DerError::Length { offset }),
            },
            _ => Err(DerError::Length { offset }),
        }
    }
}

/// A value of `tag` whose content are `parts`. None where it is longer than any key is.
pub(crate) fn write(tag: u8, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).ok()?;
    let [high, low] = length.to_be_bytes();
    let mut out = match length {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    out.extend(content);
    Some(out)
}

/// An integer that is not negative, from its bytes with or without leading zeros.
pub(crate) fn write_unsigned(bytes: &[u8]) -> Option<Vec<u8>> {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    match bytes.get(zeros..).unwrap_or_default() {
        digits if digits.is_empty() || has_high_bit(digits) => write(INTEGER, &[&[0], digits]),
        digits => write(INTEGER, &[digits]),
    }
}

/// Whether it would be read as a negative number.
fn has_high_bit(digits: &[u8]) -> bool {
    digits.first().is_some_and(|&byte| byte >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xfff0] {
            let content = vec![7; length];
            let bytes = write(OCTET_STRING, &[&content]).unwrap();
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.value(OCTET_STRING).unwrap().rest(), content);
            reader.finish().unwrap();
        }
        assert_eq!(write(OCTET_STRING, &[&vec![0; 0x1_0000]]), None);
    }

    #[test]
    fn integers_have_one_form() {
        for (bytes, expected) in
            [(&b""[..], &b"\x02\x01\0"[..]), (b"\0\0\x7f", b"\x02\x01\x7f"), (b"\x80", b"\x02\x02\0\x80")]
        {
            assert_eq!(write_unsigned(bytes).unwrap(), expected);
            let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
            assert_eq!(Reader::new(expected).unsigned().unwrap(), &bytes[zeros..]);
        }
        for bad in [&b"\x02\0"[..], b"\x02\x01\x80", b"\x02\x02\0\x7f", b"\x02\x02\0\0"] {
            assert!(matches!(Reader::new(bad).unsigned(), Err(DerError::Integer { offset: 2 })), "{bad:?}");
        }
    }

    #[test]
    fn lengths_that_der_does_not_allow_are_refused() {
        for bad in
            [&b"\x30\x80\0\0"[..], b"\x30\x81\x01\0", b"\x30\x82\0\x80", b"\x30\x83\x01\0\0", b"\x30\xff"]
        {
            let error = Reader::new(bad).value(SEQUENCE).unwrap_err();
            assert_eq!(error, DerError::Length { offset: 1 }, "{bad:?}");
        }
    }

    #[test]
    fn an_end_too_early_or_too_late_is_told_with_its_place() {
        assert_eq!(Reader::new(b"\x30").value(SEQUENCE).unwrap_err(), DerError::Truncated { offset: 1 });
        assert_eq!(
            Reader::new(b"\x30\x02\0").value(SEQUENCE).unwrap_err(),
            DerError::Truncated { offset: 3 }
        );
        let mut reader = Reader::new(b"\x05\0\x05\0");
        reader.value(NULL).unwrap();
        assert_eq!(reader.finish().unwrap_err(), DerError::Trailing { offset: 2, count: 2 });
    }

    #[test]
    fn a_bit_string_that_ends_within_a_byte_is_refused() {
        for bad in [&b"\x03\0"[..], b"\x03\x02\x01\x80"] {
            assert!(matches!(Reader::new(bad).bits(), Err(DerError::Bits { offset: 2 })));
        }
    }
}
