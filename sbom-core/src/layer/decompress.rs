//! A layer as stored → the tar archive in it. The compression is read off the first bytes: media types are
//! wrong often enough, and `docker save` archives have none.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use sbom_inflate::{Beside, GzipReader};

use crate::tar_headers::{BLOCK, is_header};

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, of one or several members. Source: RFC 1952.
    Gzip,
    /// Zstandard, of one or several frames. Source: RFC 8878.
    Zstd,
}

impl Compression {
    /// The compression of data that begins with `head`.
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Whether what begins with `head`, a block, is compressed for one engine and an archive as it is for another: the name of the
/// first entry is taken for the mark of a compression. containerd goes by the media type, Docker and Podman by the mark; they
/// read bzip2 and xz as well. Sources: the bzip2 and xz formats' headers.
pub(crate) fn is_ambiguous(head: &[u8]) -> bool {
    const XZ: &[u8] = b"\xfd7zXZ\0";
    const BZIP2: &[u8] = b"BZh";
    let has_mark =
        Compression::of(head) != Compression::None || head.starts_with(XZ) || head.starts_with(BZIP2);
    has_mark && head.first_chunk::<BLOCK>().is_some_and(is_header)
}

/// What such an archive is refused with.
pub(crate) fn ambiguous() -> io::Error {
    let message = "it is compressed and an uncompressed archive at once, and container engines differ in which they read";
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Largest window of a Zstandard frame, as a power of two: 128 MiB, what `zstd --long` writes and reads unasked.
pub(super) const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// The memory that it takes, as long as something is decompressed. A frame says what it wants, and each may want another.
pub(crate) const ZSTD_WINDOW_BYTES: u64 = 1 << ZSTD_WINDOW_LOG_MAX;
const BUFFER: usize = 128 << 10;

type Input<R> = Chain<Cursor<Vec<u8>>, R>;

/// Reads what is stored, decompressed.
pub enum Decompressor<R: Read> {
    /// Nothing to do.
    None(BufReader<Input<R>>),
    /// gzip.
    Gzip(Box<GzipReader<BufReader<Input<R>>>>),
    /// Zstandard.
    Zstd(Box<zstd::Decoder<'static, BufReader<Input<R>>>>),
}

impl<R: Read> Decompressor<R> {
    /// Reads the first bytes of `stored` to find its compression, about which there must be no doubt.
    pub fn new(mut stored: R) -> io::Result<Self> {
        let mut head = Vec::with_capacity(BLOCK);
        #[expect(clippy::disallowed_methods, reason = "bounded by take")]
        (&mut stored).take(BLOCK as u64).read_to_end(&mut head)?;
        if is_ambiguous(&head) {
            return Err(ambiguous());
        }
        let compression = Compression::of(&head);
        let input = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(stored));
        Ok(match compression {
            Compression::None => Self::None(input),
            Compression::Gzip => Self::Gzip(Box::new(GzipReader::new(input))),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Self::Zstd(Box::new(decoder))
            }
        })
    }

    /// Reads, and meanwhile hashes of `beside` what it can, which is nothing where there is no gzip to be read.
    pub(crate) fn read_beside(&mut self, buffer: &mut [u8], beside: &mut dyn Beside) -> io::Result<usize> {
        match self {
            Self::Gzip(reader) => reader.read_beside(buffer, beside),
            Self::None(_) | Self::Zstd(_) => self.read(buffer),
        }
    }

    /// How the data is compressed.
    pub fn compression(&self) -> Compression {
        match self {
            Self::None(_) => Compression::None,
            Self::Gzip(_) => Compression::Gzip,
            Self::Zstd(_) => Compression::Zstd,
        }
    }

    /// Where the stored bytes come from.
    pub fn stored(&self) -> &R {
        let input = match self {
            Self::None(input) => input,
            Self::Gzip(decoder) => decoder.get_ref(),
            Self::Zstd(decoder) => decoder.get_ref(),
        };
        input.get_ref().get_ref().1
    }

    /// Reads what is left of the stored bytes, so that they can be counted and hashed, and gives them back.
    pub fn drain(self) -> io::Result<R> {
        let mut input = match self {
            Self::None(input) => input,
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.finish(),
        };
        loop {
            let length = input.fill_buf()?.len();
            if length == 0 {
                return Ok(input.into_inner().into_inner().1);
            }
            input.consume(length);
        }
    }
}

impl<R: Read> Read for Decompressor<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::None(reader) => reader.read(buffer),
            Self::Gzip(reader) => reader.read(buffer),
            Self::Zstd(reader) => reader.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::limits::{Limits, read_capped};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn check(stored: &[u8], compression: Compression, expected: &[u8]) {
        let mut decompressor = Decompressor::new(stored).unwrap();
        assert_eq!(decompressor.compression(), compression);
        assert_eq!(read_capped(&mut decompressor, Limits::default().file_bytes).unwrap(), expected);
        assert!(decompressor.drain().unwrap().is_empty());
    }

    #[test]
    fn the_first_bytes_tell_the_compression() {
        check(b"plain", Compression::None, b"plain");
        check(b"", Compression::None, b"");
        check(&gzip(b"abc"), Compression::Gzip, b"abc");
        check(&zstd::encode_all(&b"abc"[..], 1).unwrap(), Compression::Zstd, b"abc");
    }

    #[test]
    fn an_archive_that_begins_like_something_compressed_is_refused() {
        let named = |name: &[u8]| sbomctl_testkit::TarBuilder::new().file("a", "xyz").field(0, name).build();
        let marks =
            [&b"\x1f\x8b\x08\x04"[..], b"\x28\xb5\x2f\xfd", b"\x51\x2a\x4d\x18", b"\xfd7zXZ\0", b"BZh91AY"];
        for mark in marks {
            let mut archive = named(mark);
            let error = Decompressor::new(&*archive).map(drop).unwrap_err();
            assert!(error.to_string().contains("at once"), "{error}");
            // Without the checksum of a header it is one thing only.
            archive[300] ^= 1;
            assert!(Decompressor::new(&*archive).is_ok());
        }
        assert!(Decompressor::new(&*named(b"BZ")).is_ok());
    }

    #[test]
    fn all_members_and_frames_are_read() {
        check(&[gzip(b"abc"), gzip(b""), gzip(b"def")].concat(), Compression::Gzip, b"abcdef");
        let frame = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9].to_vec();
        check(&[frame(b"abc"), frame(b"def")].concat(), Compression::Zstd, b"abcdef");
        check(&[skippable, frame(b"abc")].concat(), Compression::Zstd, b"abc");
    }

    #[test]
    fn a_truncated_stream_is_an_error() {
        for stored in [gzip(&[7; 5000]), zstd::encode_all(&[7; 5000][..], 1).unwrap()] {
            let cut = &stored[..stored.len() - 5];
            let mut decompressor = Decompressor::new(cut).unwrap();
            assert!(read_capped(&mut decompressor, Limits::default().file_bytes).is_err());
        }
    }

    #[test]
    fn draining_reads_the_stored_bytes_to_their_end() {
        let stored = gzip(&vec![1; 1 << 20]);
        let mut decompressor = Decompressor::new(&stored[..]).unwrap();
        decompressor.read_exact(&mut [0; 10]).unwrap();
        assert!(decompressor.drain().unwrap().is_empty());
    }
}
