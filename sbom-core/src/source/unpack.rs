//! Compression around a whole archive, known by its first bytes.

use std::{
    fmt,
    io::{self, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{SourceError, files::open_regular};
use crate::{limits::Limits, tar_headers};

/// Bytes that [`Format::of`] looks at: the first block of a tar archive.
pub(super) const HEAD: usize = 512;
/// Bytes that tell the formats of compression apart.
const MAGIC: u64 = 4;

/// What some bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Gzip,
    Zstd,
    Tar,
    /// Begins as a JSON object or list does.
    Json,
    Other,
}

impl Format {
    /// Judges by the first bytes.
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame of data, or a skippable frame, with which zstd files may begin.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ if is_tar(head) => Self::Tar,
            _ => match head.trim_ascii_start() {
                [b'{' | b'[', ..] => Self::Json,
                _ => Self::Other,
            },
        }
    }
}

/// Whether `head` is the first block of a tar archive: its checksum is right, or all of it is empty.
fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.first_chunk::<HEAD>() else { return false };
    block.iter().all(|&byte| byte == 0) || tar_headers::is_header(block)
}

/// The first bytes of the file at `path`, and what they say.
pub(super) fn sniff(path: &Path) -> Result<Format, SourceError> {
    let file = open_regular(path)?;
    let mut head = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "bounded by take")]
    let read = file.take(HEAD as u64).read_to_end(&mut head);
    read.map_err(|source| SourceError::io(path, source))?;
    Ok(Format::of(&head))
}

/// Fails if the file at `path` is compressed, and says what to do.
pub(super) fn refuse_compressed(path: &Path) -> Result<(), SourceError> {
    let (format, tool) = match sniff(path)? {
        Format::Gzip => ("gzip", "gzip"),
        Format::Zstd => ("zstd", "zstd"),
        _ => return Ok(()),
    };
    Err(SourceError::CompressedArchive { path: path.to_owned(), format, tool })
}

/// `reader`, unpacked if it is compressed. What is unpacked is bounded in size and in ratio.
pub(super) fn unpack<'a>(
    reader: Box<dyn Read + Send + 'a>,
    limits: &Limits,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let stored = Arc::new(AtomicU64::new(0));
    let mut counted = Counted { inner: reader, count: Arc::clone(&stored) };
    // A pipe may give a single byte at first.
    let mut head = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "bounded by take")]
    counted.by_ref().take(MAGIC).read_to_end(&mut head)?;
    let format = Format::of(&head);
    let buffered = BufReader::with_capacity(64 << 10, io::Cursor::new(head).chain(counted));
    let unpacked: Box<dyn Read + Send + 'a> = match format {
        Format::Gzip => Box::new(sbom_inflate::GzipReader::new(buffered)),
        Format::Zstd => Box::new(zstd::Decoder::with_buffer(buffered)?),
        _ => return Ok(Box::new(buffered)),
    };
    Ok(Box::new(Bounded { inner: unpacked, stored, unpacked: 0, limits: limits.clone() }))
}

/// Counts what passes.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(target)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Fails once more comes out than the limits allow.
struct Bounded<R> {
    inner: R,
    stored: Arc<AtomicU64>,
    unpacked: u64,
    limits: Limits,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(target)?;
        self.unpacked = self.unpacked.saturating_add(count as u64);
        let stored = self.stored.load(Ordering::Relaxed);
        self.limits.check_unpacked(self.unpacked, stored).map_err(io::Error::other)?;
        Ok(count)
    }
}

impl<R> fmt::Debug for Bounded<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded").field("unpacked", &self.unpacked).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use sbomctl_testkit::{Compression, TarBuilder, compress};

    use super::*;

    fn unpacked(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        io::copy(&mut unpack(Box::new(io::Cursor::new(bytes)), &Limits::default())?, &mut out)?;
        Ok(out)
    }

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        let tar = TarBuilder::new().file("a", "x").build();
        assert_eq!(Format::of(&tar), Format::Tar);
        assert_eq!(Format::of(&[0; 1024]), Format::Tar);
        assert_eq!(Format::of(&tar[..511]), Format::Other);
        assert_eq!(Format::of(b" \n{}"), Format::Json);
        assert_eq!(Format::of(b""), Format::Other);
        assert_eq!(Format::of(&compress(&tar, Compression::Gzip)), Format::Gzip);
        assert_eq!(Format::of(&compress(&tar, Compression::Zstd)), Format::Zstd);
    }

    #[test]
    fn what_is_compressed_is_unpacked_to_its_very_end() {
        let tar = TarBuilder::new().file("a", vec![7; 300_000]).build();
        for form in [Compression::None, Compression::Gzip, Compression::GzipMultiMember, Compression::Zstd] {
            assert_eq!(unpacked(compress(&tar, form)).unwrap(), tar, "{form:?}");
        }
    }

    #[test]
    fn a_pipe_that_gives_little_at_a_time_is_read() {
        struct Slow(io::Cursor<Vec<u8>>);
        impl Read for Slow {
            fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
                let end = target.len().min(1);
                self.0.read(&mut target[..end])
            }
        }
        let tar = TarBuilder::new().file("a", "x").build();
        let slow = Slow(io::Cursor::new(compress(&tar, Compression::Zstd)));
        let mut out = Vec::new();
        io::copy(&mut unpack(Box::new(slow), &Limits::default()).unwrap(), &mut out).unwrap();
        assert_eq!(out, tar);
    }

    #[test]
    fn a_cut_stream_is_an_error() {
        let tar = TarBuilder::new().file("a", vec![7; 300_000]).build();
        for form in [Compression::Gzip, Compression::Zstd] {
            let whole = compress(&tar, form);
            assert!(unpacked(whole[..whole.len() / 2].to_vec()).is_err(), "{form:?}");
        }
    }

    #[test]
    fn what_comes_out_is_bounded() {
        let mut limits = Limits::default();
        limits.set("unpacked-bytes", 1000);
        let bomb = compress(&vec![0; 1 << 20], Compression::Gzip);
        let reader = unpack(Box::new(io::Cursor::new(bomb)), &limits).unwrap();
        let error = io::copy(&mut { reader }, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("--limit unpacked-bytes="), "{error}");
    }
}
