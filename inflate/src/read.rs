//! What is around deflate streams: members of a gzip file, and zlib. Sources: RFC 1950, RFC 1952.

use std::io::{self, BufRead, Read};

use crc32fast::Hasher;

use crate::{
    Beside, Fault,
    beside::Meanwhile,
    checksum::{Adler32, Checksum},
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
    streams: Streams,
}

impl<R: BufRead> GzipReader<R> {
    /// Reads `input`, which is to begin with a member. Of what is no gzip the first read tells.
    pub fn new(input: R) -> Self {
        Self { input, streams: Streams::new(Format::Gzip) }
    }

    /// Reads the first member of `input`. What follows it is ignored.
    pub fn first_member(input: R) -> Self {
        Self { input, streams: Streams::new(Format::GzipMember) }
    }

    /// Reads, and meanwhile hashes of `beside` what it can.
    pub fn read_beside(&mut self, buffer: &mut [u8], beside: &mut dyn Beside) -> io::Result<usize> {
        self.streams.read(&mut self.input, buffer, &mut Some(beside))
    }
}

impl<R> GzipReader<R> {
    /// What it reads from.
    pub fn get_ref(&self) -> &R {
        &self.input
    }

    /// What it reads from. Of what follows what it has read, up to seven bytes are gone.
    pub fn into_inner(self) -> R {
        self.input
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    /// Fills `buffer` as far as it can. What comes before a fault is handed on before that.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.streams.read(&mut self.input, buffer, &mut None)
    }
}

/// Reads what a zlib stream holds. What follows it is ignored.
///
/// ```
/// use std::io::Read as _;
///
/// let zlib = b"\x78\x01\x01\x04\0\xfb\xffsbom\x04\x41\x01\xb2";
/// let mut content = Vec::new();
/// sbom_inflate::ZlibReader::new(&zlib[..]).read_to_end(&mut content)?;
/// assert_eq!(content, b"sbom");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ZlibReader<R> {
    input: R,
    streams: Streams,
}

impl<R: BufRead> ZlibReader<R> {
    /// Reads `input`, which is to begin with a stream that needs no dictionary. Of what is none the first read tells.
    pub fn new(input: R) -> Self {
        Self { input, streams: Streams::new(Format::Zlib) }
    }
}

impl<R: BufRead> Read for ZlibReader<R> {
    /// Fills `buffer` as far as it can. What comes before a fault is handed on before that.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.streams.read(&mut self.input, buffer, &mut None)
    }
}

/// What deflate streams lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Members of a gzip file.
    Gzip,
    /// The first of them.
    GzipMember,
    /// A zlib stream.
    Zlib,
}

/// Deflate streams with what is around them.
#[derive(Debug)]
struct Streams {
    format: Format,
    within: Within,
    inflate: Inflate,
    /// Of the content of this stream so far.
    checksum: Checksum,
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

impl Format {
    fn checksum(self) -> Checksum {
        match self {
            Self::Gzip | Self::GzipMember => Checksum::Crc32(Hasher::new()),
            Self::Zlib => Checksum::Adler32(Adler32::new()),
        }
    }
}

impl Streams {
    fn new(format: Format) -> Self {
        Self {
            format,
            within: Within::Header,
            inflate: Inflate::new(),
            checksum: format.checksum(),
            length: 0,
            failure: None,
        }
    }

    fn read(
        &mut self,
        input: &mut dyn BufRead,
        buffer: &mut [u8],
        meanwhile: &mut Meanwhile<'_>,
    ) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.inflate.forget_meanwhile();
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            let mut output = Output { bytes: room, filled: 0 };
            match self.step(input, &mut output, meanwhile) {
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
    fn step(
        &mut self,
        input: &mut dyn BufRead,
        output: &mut Output<'_>,
        meanwhile: &mut Meanwhile<'_>,
    ) -> io::Result<bool> {
        match self.within {
            Within::Header => {
                match self.format {
                    Format::Gzip | Format::GzipMember => self.gzip_header(input)?,
                    Format::Zlib => self.zlib_header(input)?,
                }
                self.inflate.begin();
                (self.checksum, self.length) = (self.format.checksum(), 0);
                self.within = Within::Content;
            }
            Within::Content => {
                let inflated = self.inflate.inflate(input, output, meanwhile);
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
                self.trailer(input)?;
                let is_last = self.format != Format::Gzip || self.inflate.bits.is_at_end(input)?;
                self.within = if is_last { Within::End } else { Within::Header };
            }
            Within::End | Within::Failed => return Ok(false),
        }
        Ok(true)
    }

    fn gzip_header(&mut self, input: &mut dyn BufRead) -> io::Result<()> {
        const HAS_CHECKSUM: u8 = 1 << 1;
        const HAS_EXTRA: u8 = 1 << 2;
        const HAS_NAME: u8 = 1 << 3;
        const HAS_COMMENT: u8 = 1 << 4;
        const RESERVED: u8 = 0b1110_0000;
        let mut checksum = Hasher::new();
        let mut next = || -> io::Result<u8> {
            let byte = self.inflate.bits.byte(input)?;
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
            let mut next = || self.inflate.bits.byte(input);
            if [next()?, next()?] != [low, high] {
                return Err(Fault::HeaderChecksum.into());
            }
        }
        Ok(())
    }

    fn zlib_header(&mut self, input: &mut dyn BufRead) -> io::Result<()> {
        const DEFLATE: u8 = 8;
        const LARGEST_WINDOW: u8 = 7;
        const HAS_DICTIONARY: u8 = 1 << 5;
        let mut next = || self.inflate.bits.byte(input);
        let (method, flags) = (next()?, next()?);
        let is_checked = u16::from_be_bytes([method, flags]) % 31 == 0;
        if method & 15 != DEFLATE
            || method >> 4 > LARGEST_WINDOW
            || !is_checked
            || flags & HAS_DICTIONARY != 0
        {
            return Err(Fault::Header.into());
        }
        Ok(())
    }

    fn trailer(&mut self, input: &mut dyn BufRead) -> io::Result<()> {
        let mut next = || -> io::Result<[u8; 4]> {
            let mut bytes = [0; 4];
            for byte in &mut bytes {
                *byte = self.inflate.bits.byte(input)?;
            }
            Ok(bytes)
        };
        let checksum = self.checksum.finish();
        let checksum =
            if self.format == Format::Zlib { checksum.to_be_bytes() } else { checksum.to_le_bytes() };
        if next()? != checksum {
            return Err(Fault::Checksum.into());
        }
        if self.format != Format::Zlib && next()? != self.length.to_le_bytes() {
            return Err(Fault::Length.into());
        }
        Ok(())
    }
}
