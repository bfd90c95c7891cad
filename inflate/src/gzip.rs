//! The members of a gzip file. Source: RFC 1952.

use std::io::{self, BufRead, Read};

use crc32fast::Hasher;

use crate::{
    Fault, ends_early,
    inflate::{Inflate, Output},
};

/// Reads what all members of a gzip file hold, one after the other.
///
/// ```
/// use std::io::Read as _;
///
/// // A member whose one block stores four bytes.
/// let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x04\0\xfb\xffsbom\xad\xa5\xfb\xc2\x04\0\0\0";
/// let mut content = Vec::new();
/// sbom_inflate::GzipReader::new(&gzip[..]).read_to_end(&mut content)?;
/// assert_eq!(content, b"sbom");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct GzipReader<R> {
    input: R,
    members: Members,
}

impl<R: BufRead> GzipReader<R> {
    /// Reads `input`, which is to begin with a member. Of what is no gzip the first read tells.
    pub fn new(input: R) -> Self {
        Self { input, members: Members::new() }
    }
}

impl<R> GzipReader<R> {
    /// What it reads from.
    pub fn get_ref(&self) -> &R {
        &self.input
    }

    /// What it reads from, of which up to eight bytes were read that were not used.
    pub fn into_inner(self) -> R {
        self.input
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    /// Fills `buffer` as far as it can. What comes before a fault is handed on before that.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.members.read(&mut self.input, buffer)
    }
}

#[derive(Debug)]
struct Members {
    within: Within,
    inflate: Inflate,
    /// Of the content of this member so far.
    checksum: Hasher,
    length: u32,
    /// What is told once all before it was handed on.
    failure: Option<io::Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Header,
    Content,
    Trailer,
    End,
    Failed,
}

impl Members {
    fn new() -> Self {
        Self {
            within: Within::Header,
            inflate: Inflate::new(),
            checksum: Hasher::new(),
            length: 0,
            failure: None,
        }
    }

    fn read(&mut self, input: &mut dyn BufRead, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            let mut output = Output { bytes: room, filled: 0 };
            match self.step(input, &mut output) {
                Ok(true) => filled += output.filled,
                Ok(false) => break,
                Err(error) => {
                    filled += output.filled;
                    self.within = Within::Failed;
                    self.failure = Some(error);
                    break;
                }
            }
        }
        match self.failure.take_if(|_| filled == 0) {
            Some(failure) => Err(failure),
            None if filled == 0 && self.within == Within::Failed => Err(Fault::Before.into()),
            None => Ok(filled),
        }
    }

    /// Reads a header, content, or a trailer; false if there is nothing more.
    fn step(&mut self, input: &mut dyn BufRead, output: &mut Output<'_>) -> io::Result<bool> {
        match self.within {
            Within::Header => {
                self.header(input)?;
                self.inflate.begin();
                (self.checksum, self.length) = (Hasher::new(), 0);
                self.within = Within::Content;
            }
            Within::Content => {
                let inflated = self.inflate.inflate(input, output);
                let content = output.bytes.get(..output.filled).unwrap_or_default();
                self.inflate.keep(content);
                self.checksum.update(content);
                // Lengths are given modulo 2^32.
                let [a, b, c, d, ..] = content.len().to_le_bytes();
                self.length = self.length.wrapping_add(u32::from_le_bytes([a, b, c, d]));
                inflated?;
                if self.inflate.is_at_end() {
                    self.within = Within::Trailer;
                }
            }
            Within::Trailer => {
                self.inflate.bits.align();
                if self.number(input)? != std::mem::take(&mut self.checksum).finalize() {
                    return Err(Fault::Checksum.into());
                }
                if self.number(input)? != self.length {
                    return Err(Fault::Length.into());
                }
                self.within = if self.inflate.bits.is_at_end(input)? { Within::End } else { Within::Header };
            }
            Within::End | Within::Failed => return Ok(false),
        }
        Ok(true)
    }

    fn header(&mut self, input: &mut dyn BufRead) -> io::Result<()> {
        const HAS_CHECKSUM: u8 = 1 << 1;
        const HAS_EXTRA: u8 = 1 << 2;
        const HAS_NAME: u8 = 1 << 3;
        const HAS_COMMENT: u8 = 1 << 4;
        const RESERVED: u8 = 0b1110_0000;
        let mut checksum = Hasher::new();
        let mut next = || -> io::Result<u8> {
            let byte = self.inflate.bits.byte(input)?.ok_or_else(ends_early)?;
            checksum.update(&[byte]);
            Ok(byte)
        };
        for expected in [0x1f, 0x8b, 8] {
            if next()? != expected {
                return Err(Fault::Header.into());
            }
        }
        let flags = next()?;
        if flags & RESERVED != 0 {
            return Err(Fault::Header.into());
        }
        // The time, what the compressor tells of itself, and its system.
        for _ in 0..6 {
            next()?;
        }
        if flags & HAS_EXTRA != 0 {
            for _ in 0..u16::from_le_bytes([next()?, next()?]) {
                next()?;
            }
        }
        for has_text in [HAS_NAME, HAS_COMMENT] {
            while flags & has_text != 0 && next()? != 0 {}
        }
        if flags & HAS_CHECKSUM != 0 {
            let [low, high, ..] = checksum.finalize().to_le_bytes();
            let mut next = || self.inflate.bits.byte(input)?.ok_or_else(ends_early);
            if [next()?, next()?] != [low, high] {
                return Err(Fault::HeaderChecksum.into());
            }
        }
        Ok(())
    }

    fn number(&mut self, input: &mut dyn BufRead) -> io::Result<u32> {
        let mut bytes = [0; 4];
        for byte in &mut bytes {
            *byte = self.inflate.bits.byte(input)?.ok_or_else(ends_early)?;
        }
        Ok(u32::from_le_bytes(bytes))
    }
}
