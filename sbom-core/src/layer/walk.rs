//! Streams a tar archive once and hands its entries to a sink.
//!
//! The headers (ustar, GNU, PAX; sparse files of all three) are parsed by `tar-core`, which does no input or
//! output of its own; here are the buffer, the bounds, and what the entries mean for a layer.

use std::io::{self, Read};

use tar_core::{
    EntryType, PaxExtensions, SparseEntry,
    parse::{Limits as TarLimits, ParseError, ParseEvent, ParsedEntry, Parser},
};

use super::{Entry, EntryKind, EntrySink, whiteout};
use crate::{
    image_path::ImagePath,
    limits::{Limit, LimitExceeded, Limits},
};

/// A layer cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// Its bytes could not be read or decompressed.
    #[error("at byte {offset} of the unpacked archive: {source}")]
    Read {
        /// Where in the unpacked archive.
        offset: u64,
        /// What went wrong.
        source: io::Error,
    },
    /// It ends in the middle of an entry.
    #[error("the archive ends at byte {offset}, in the middle of {path}")]
    Truncated {
        /// Length of the unpacked archive.
        offset: u64,
        /// The entry that is cut, or what was to come next.
        path: String,
    },
    /// It does not begin as a tar archive does.
    #[error("this is no tar archive, gzip- or zstd-compressed or plain: {source}")]
    NotAnArchive {
        /// What the first header lacks.
        source: ParseError,
    },
    /// A header does not follow the format.
    #[error("at byte {offset} of the unpacked archive: {source}")]
    Header {
        /// Where the header begins.
        offset: u64,
        /// What is wrong with it.
        source: ParseError,
    },
    /// A bound was hit.
    #[error("at byte {offset} of the unpacked archive, {path}: {source}")]
    Limit {
        /// Where in the unpacked archive.
        offset: u64,
        /// At which entry.
        path: ImagePath,
        /// Which bound.
        source: LimitExceeded,
    },
    /// The sink wants no more.
    #[error("stopped")]
    Stopped,
}

impl LayerError {
    /// Where in the unpacked archive it was met.
    pub fn offset(&self) -> u64 {
        match self {
            Self::Read { offset, .. }
            | Self::Truncated { offset, .. }
            | Self::Header { offset, .. }
            | Self::Limit { offset, .. } => *offset,
            Self::NotAnArchive { .. } | Self::Stopped => 0,
        }
    }
}

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;
const BLOCK: u64 = 512;
/// What the headers of one entry take beside their extended data: the parser bounds that, but follows a chain
/// of empty sparse blocks for ever.
const HEADERS_BESIDE: usize = 64 << 10;

/// Hands every entry of the tar archive `reader` to `sink`, up to the archive's end marker or the end of the
/// bytes. Gives the number of entries.
pub fn walk(reader: impl Read, limits: &Limits, sink: &mut dyn EntrySink) -> Result<u64, LayerError> {
    walk_hopping(reader, |_, _| Ok(0), limits, sink)
}

/// The same, where what nobody reads may be passed over: `hop` leaves out up to so many of the bytes that the reader
/// would give next, and says how many.
pub(super) fn walk_hopping<R: Read>(
    reader: R,
    hop: fn(&mut R, u64) -> io::Result<u64>,
    limits: &Limits,
    sink: &mut dyn EntrySink,
) -> Result<u64, LayerError> {
    let mut window = Window::new(reader, hop);
    let mut parser = Parser::new(TarLimits {
        max_metadata_size: u32::try_from(limits.header_bytes.value).unwrap_or(u32::MAX),
        max_path_len: u32::try_from(limits.path_bytes.value).ok(),
        ..TarLimits::default()
    });
    // Owners and times that make no sense are none of our business; a size is, and is checked below.
    parser.set_ignore_pax_errors(true);
    // The root itself is written as `./` or as an empty name.
    parser.set_allow_empty_path(true);
    let mut entries = 0_u64;
    let mut holes = 0_u64;
    let mut wanted = 0;
    loop {
        let found = window.fill(wanted)?;
        if found == 0 {
            return Ok(entries);
        }
        let offset = window.offset;
        let event = parser.parse(window.bytes()).map_err(|source| match offset {
            0 => LayerError::NotAnArchive { source },
            _ => LayerError::Header { offset, source },
        })?;
        let (consumed, entry, stored, expanded) = match event {
            ParseEvent::NeedData { .. } if window.ended => return window.end_of_bytes(entries),
            ParseEvent::NeedData { min_bytes } => {
                let most = limits.header_bytes.as_usize().saturating_add(HEADERS_BESIDE);
                if found > most {
                    let source = LimitExceeded { limit: limits.header_bytes };
                    return Err(LayerError::Limit { offset, path: ImagePath::root(), source });
                }
                // The parser begins anew each time: asking for a little more each time would take the square.
                wanted = min_bytes.max(found.saturating_mul(2)).min(most.saturating_add(1)).max(min_bytes);
                continue;
            }
            ParseEvent::End { .. } => return Ok(entries),
            ParseEvent::GlobalExtensions { consumed, .. } => {
                window.advance(consumed);
                wanted = 0;
                continue;
            }
            ParseEvent::Entry { consumed, entry } => {
                check_size(&entry, offset)?;
                (consumed, read_entry(&entry), entry.size, None)
            }
            ParseEvent::SparseEntry { consumed, entry, sparse_map, real_size } => {
                check_size(&entry, offset)?;
                let mut read = read_entry(&entry);
                read.size = real_size;
                (consumed, read, entry.size, Some(sparse_map))
            }
        };
        window.advance(consumed);
        wanted = 0;
        entries += 1;
        let path = entry.path.clone();
        limits.entries.check(entries).map_err(|source| LayerError::Limit {
            offset,
            path: path.clone(),
            source,
        })?;
        let mut content = Content { window: &mut window, left: stored };
        let expanded = expanded.map(|map| Sparse { map, holes: &mut holes, most: limits.hole_bytes });
        hand_over(entry, expanded, &mut content, sink)?;
        let left = content.left;
        window.skip(left, &path)?;
        let padding = (BLOCK - stored % BLOCK) % BLOCK;
        // Some writers leave out the padding of the very last entry.
        window.skip_available(padding)?;
    }
}

fn hand_over<R: Read>(
    entry: Entry,
    sparse: Option<Sparse<'_>>,
    content: &mut Content<'_, R>,
    sink: &mut dyn EntrySink,
) -> Result<(), LayerError> {
    let Some(entry) = whiteout::resolve(entry) else { return Ok(()) };
    match sparse {
        Some(sparse) => {
            let mut expanded = Expanded { content, sparse, next: 0, at: 0, size: entry.size };
            sink.entry(entry, &mut expanded)
        }
        None => sink.entry(entry, content),
    }
}

/// What a parsed header means for a layer.
fn read_entry(entry: &ParsedEntry<'_>) -> Entry {
    let target = || entry.link_target.as_deref().unwrap_or_default();
    let kind = match entry.entry_type {
        EntryType::Directory => EntryKind::Directory,
        // Before ustar a directory was a file whose name ends in a slash.
        EntryType::Regular if entry.path.ends_with(b"/") => EntryKind::Directory,
        EntryType::Symlink => EntryKind::Symlink(target().into()),
        EntryType::Link => EntryKind::HardLink(ImagePath::new(target())),
        EntryType::Char | EntryType::Block | EntryType::Fifo => EntryKind::Special,
        _ => EntryKind::File,
    };
    let size = if kind == EntryKind::File { entry.size } else { 0 };
    Entry { path: ImagePath::new(&entry.path), kind, mode: entry.mode & 0o7777, size }
}

/// The parser overlooks a PAX size that is no number; what follows would be read at the wrong place.
fn check_size(entry: &ParsedEntry<'_>, offset: u64) -> Result<(), LayerError> {
    let Some(pax) = entry.pax else { return Ok(()) };
    for extension in PaxExtensions::new(pax) {
        let extension = extension.map_err(|error| LayerError::Header { offset, source: error.into() })?;
        let is_size = extension.key_bytes() == b"size";
        if is_size && extension.value().ok().and_then(|value| value.parse::<u64>().ok()).is_none() {
            let value = String::from_utf8_lossy(extension.value_bytes()).into_owned().into();
            return Err(LayerError::Header {
                offset,
                source: ParseError::InvalidPaxValue { key: "size", value },
            });
        }
    }
    Ok(())
}

/// The bytes read but not yet taken.
struct Window<R> {
    reader: R,
    hop: fn(&mut R, u64) -> io::Result<u64>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Of `start`, in the unpacked archive.
    offset: u64,
    ended: bool,
}

impl<R: Read> Window<R> {
    fn new(reader: R, hop: fn(&mut R, u64) -> io::Result<u64>) -> Self {
        Self { reader, hop, buffer: vec![0; CHUNK], start: 0, end: 0, offset: 0, ended: false }
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Sees to it that `wanted` bytes are there, at least one, unless the bytes end. Gives how many are there.
    fn fill(&mut self, wanted: usize) -> Result<usize, LayerError> {
        let wanted = wanted.max(1);
        if self.end - self.start >= wanted {
            return Ok(self.end - self.start);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted.next_multiple_of(CHUNK), 0);
        }
        while self.end < wanted && !self.ended {
            let free = self.buffer.get_mut(self.end..).unwrap_or_default();
            let count = read_some(&mut self.reader, free)
                .map_err(|source| LayerError::Read { offset: self.offset + self.end as u64, source })?;
            self.ended = count == 0;
            self.end += count;
        }
        Ok(self.end)
    }

    /// Reads into `buffer`, by way of the window only if something is there or little is asked for.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LayerError> {
        if self.start == self.end
            && !self.ended
            && let Some(chunk) = buffer.get_mut(..CHUNK)
        {
            let offset = self.offset;
            let count =
                read_some(&mut self.reader, chunk).map_err(|source| LayerError::Read { offset, source })?;
            self.ended = count == 0;
            self.offset += count as u64;
            return Ok(count);
        }
        let count = self.fill(1)?.min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), self.bytes().get(..count)) {
            to.copy_from_slice(from);
        }
        self.advance(count);
        Ok(count)
    }

    fn skip(&mut self, mut count: u64, path: &ImagePath) -> Result<(), LayerError> {
        count -= self.skip_available(count)?;
        if count == 0 {
            return Ok(());
        }
        Err(LayerError::Truncated { offset: self.offset, path: path.to_string() })
    }

    /// Skips up to `count` bytes; gives how many there were.
    fn skip_available(&mut self, count: u64) -> Result<u64, LayerError> {
        let mut left = count;
        while left > 0 {
            if self.start == self.end && !self.ended {
                let passed = (self.hop)(&mut self.reader, left)
                    .map_err(|source| LayerError::Read { offset: self.offset, source })?;
                self.offset = self.offset.saturating_add(passed);
                left = left.saturating_sub(passed);
                if passed > 0 {
                    continue;
                }
            }
            let found = self.fill(1)?;
            if found == 0 {
                break;
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(found);
            self.advance(step);
            left -= step as u64;
        }
        Ok(count - left)
    }

    /// No more bytes: fine after a whole entry, also without end marker, as Go's reader has it too.
    fn end_of_bytes(&mut self, entries: u64) -> Result<u64, LayerError> {
        if self.bytes().iter().all(|&byte| byte == 0) {
            return Ok(entries);
        }
        let offset = self.offset + self.bytes().len() as u64;
        Err(LayerError::Truncated { offset, path: "a header".to_owned() })
    }
}

/// Reads what is to be had at once; nothing only at the end.
fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// The stored bytes of one entry.
struct Content<'w, R> {
    window: &'w mut Window<R>,
    left: u64,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count =
            self.window.read(buffer.get_mut(..most).unwrap_or_default()).map_err(|error| match error {
                LayerError::Read { source, .. } => source,
                other => io::Error::other(other),
            })?;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive ends in the middle of a file",
            ));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Where a sparse file has data, and how much of holes may be handed on.
struct Sparse<'h> {
    map: Vec<SparseEntry>,
    /// Bytes of holes handed on in this layer.
    holes: &'h mut u64,
    most: Limit,
}

/// A sparse file with its holes filled by zeros.
struct Expanded<'c, C> {
    content: &'c mut C,
    sparse: Sparse<'c>,
    /// Index into the map of the run at or after `at`.
    next: usize,
    at: u64,
    size: u64,
}

impl<C: Read> Read for Expanded<'_, C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let map = &self.sparse.map;
        while map.get(self.next).is_some_and(|run| run.offset.saturating_add(run.length) <= self.at) {
            self.next += 1;
        }
        let run = map.get(self.next).filter(|run| run.offset < self.size);
        let (is_data, end) = match run {
            Some(run) if run.offset <= self.at => {
                (true, run.offset.saturating_add(run.length).min(self.size))
            }
            Some(run) => (false, run.offset),
            None => (false, self.size),
        };
        let length = end.saturating_sub(self.at).min(buffer.len() as u64);
        let Some(buffer) = usize::try_from(length).ok().and_then(|length| buffer.get_mut(..length)) else {
            return Ok(0);
        };
        let count = if is_data {
            self.content.read(buffer)?
        } else {
            *self.sparse.holes = self.sparse.holes.saturating_add(length);
            self.sparse.most.check(*self.sparse.holes).map_err(io::Error::other)?;
            buffer.fill(0);
            buffer.len()
        };
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::read_capped;

    /// Writes down what it is handed.
    #[derive(Default)]
    struct Seen(Vec<(Entry, Vec<u8>)>);

    impl EntrySink for Seen {
        fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
            let mut limits = Limits::default();
            limits.set("file-bytes", 1 << 20);
            let bytes = read_capped(content, limits.file_bytes)
                .map_err(|error| LayerError::Read { offset: 0, source: io::Error::other(error) })?;
            self.0.push((entry, bytes));
            Ok(())
        }

        fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
    }

    /// Reads entries and skips their content.
    struct Count(u64);

    impl EntrySink for Count {
        fn entry(&mut self, _: Entry, _: &mut dyn Read) -> Result<(), LayerError> {
            self.0 += 1;
            Ok(())
        }

        fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
    }

    fn header(path: &str, size: u64, kind: tar::EntryType) -> tar::Header {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(size);
        header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        header
    }

    fn one(path: &str, content: &[u8]) -> Vec<u8> {
        let mut out = header(path, content.len() as u64, tar::EntryType::Regular).as_bytes().to_vec();
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }

    fn seen(archive: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, LayerError> {
        let mut seen = Seen::default();
        walk(archive, &Limits::default(), &mut seen)?;
        Ok(seen.0)
    }

    /// Reads content by way of a buffer of so many bytes.
    struct By(usize, Vec<u8>);

    impl EntrySink for By {
        fn entry(&mut self, _: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
            let mut buffer = vec![0; self.0];
            loop {
                let read = content.read(&mut buffer);
                match read.map_err(|source| LayerError::Read { offset: 0, source })? {
                    0 => return Ok(()),
                    count => self.1.extend_from_slice(&buffer[..count]),
                }
            }
        }

        fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
    }

    #[test]
    fn however_much_is_read_at_a_time_the_bytes_are_the_same() {
        let large: Vec<u8> = (0..=250).cycle().take(3 * CHUNK + 77).collect();
        let archive = [one("a", b"first"), one("b", &large), one("c", b"last"), vec![0; 1024]].concat();
        let cut = &archive[..512 + 512 + 512 + 2 * CHUNK];
        for size in [1000, CHUNK - 1, CHUNK, 2 * CHUNK, 4 * CHUNK] {
            let mut by = By(size, Vec::new());
            walk(&archive[..], &Limits::default(), &mut by).unwrap();
            assert_eq!(by.1, [b"first", &large[..], b"last"].concat(), "{size}");
            let mut by = By(size, Vec::new());
            assert!(walk(cut, &Limits::default(), &mut by).is_err(), "{size}");
            assert_eq!(by.1, [b"first", &large[..2 * CHUNK]].concat(), "{size}");
        }
    }

    #[test]
    fn entries_come_in_order_with_their_content() {
        let archive = [one("./a", b"hello"), one("b", &vec![7; 700_000]), vec![0; 1024]].concat();
        let seen = seen(&archive).unwrap();
        assert_eq!(seen.len(), 2);
        assert_eq!((seen[0].0.path.to_string().as_str(), &seen[0].1[..]), ("/a", &b"hello"[..]));
        assert_eq!(seen[1].1, vec![7; 700_000]);
        assert_eq!(seen[1].0.mode, 0o755);
    }

    #[test]
    fn an_archive_may_lack_its_end_marker_and_last_padding() {
        assert_eq!(seen(&one("a", b"x")).unwrap().len(), 1);
        let mut archive = one("a", b"x");
        archive.truncate(513);
        assert_eq!(seen(&archive).unwrap().len(), 1);
        assert_eq!(seen(&[]).unwrap().len(), 0);
        assert_eq!(seen(&[0; 512]).unwrap().len(), 0);
    }

    #[test]
    fn a_file_cut_short_is_an_error_that_names_it() {
        let mut archive = one("some/file", &[1; 2000]);
        archive.truncate(1000);
        let mut count = Count(0);
        let error = walk(&archive[..], &Limits::default(), &mut count).unwrap_err();
        assert!(matches!(&error, LayerError::Truncated { path, .. } if path == "/some/file"), "{error}");
        assert!(matches!(seen(&archive), Err(LayerError::Read { .. })));
    }

    #[test]
    fn a_header_cut_short_is_an_error() {
        let mut archive = [one("a", b"x"), one("b", b"y")].concat();
        archive.truncate(1024 + 100);
        assert!(matches!(seen(&archive), Err(LayerError::Truncated { .. })));
    }

    #[test]
    fn a_file_that_claims_eight_terabytes_ends_with_its_bytes() {
        let mut archive = header("huge", 0, tar::EntryType::Regular);
        archive.set_size(8 << 40);
        archive.set_cksum();
        let mut count = Count(0);
        let error = walk(&archive.as_bytes()[..], &Limits::default(), &mut count).unwrap_err();
        assert!(matches!(error, LayerError::Truncated { .. }), "{error}");
    }

    #[test]
    fn what_is_no_archive_is_said_to_be_none() {
        let error = seen(&[b'x'; 2048]).unwrap_err();
        assert!(matches!(error, LayerError::NotAnArchive { .. }), "{error}");
    }

    #[test]
    fn names_of_gnu_and_pax_are_read() {
        let long = "d/".repeat(120) + "file";
        for format in ["gnu", "pax"] {
            let mut builder = tar::Builder::new(Vec::new());
            if format == "pax" {
                builder.append_pax_extensions([("path", long.as_bytes()), ("mtime", &b"-5.25"[..])]).unwrap();
                builder.append(&header("short", 2, tar::EntryType::Regular), &b"ok"[..]).unwrap();
            } else {
                let mut header = tar::Header::new_gnu();
                header.set_size(2);
                header.set_mode(0o644);
                builder.append_data(&mut header, &long, &b"ok"[..]).unwrap();
            }
            let seen = seen(&builder.into_inner().unwrap()).unwrap();
            assert_eq!(seen[0].0.path, ImagePath::from(long.as_str()), "{format}");
            assert_eq!(seen[0].1, b"ok");
        }
    }

    #[test]
    fn a_pax_size_that_is_no_number_is_an_error() {
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_pax_extensions([("size", &b"12x"[..])]).unwrap();
        builder.append(&header("a", 0, tar::EntryType::Regular), io::empty()).unwrap();
        assert!(matches!(
            seen(&builder.into_inner().unwrap()),
            Err(LayerError::Header { .. } | LayerError::NotAnArchive { .. })
        ));
    }

    #[test]
    fn holes_of_a_sparse_file_are_zeros() {
        // GNU sparse 1.0: the map precedes the data.
        let mut builder = tar::Builder::new(Vec::new());
        builder
            .append_pax_extensions([
                ("GNU.sparse.major", &b"1"[..]),
                ("GNU.sparse.minor", b"0"),
                ("GNU.sparse.name", b"sparse"),
                ("GNU.sparse.realsize", b"2000"),
            ])
            .unwrap();
        let mut data = b"2\n0\n3\n1000\n4\n".to_vec();
        data.resize(512, 0);
        data.extend_from_slice(b"abcWXYZ");
        builder.append(&header("x", data.len() as u64, tar::EntryType::Regular), &data[..]).unwrap();
        let seen = seen(&builder.into_inner().unwrap()).unwrap();
        let mut expected = vec![0; 2000];
        expected[..3].copy_from_slice(b"abc");
        expected[1000..1004].copy_from_slice(b"WXYZ");
        assert_eq!(seen[0].0.path, ImagePath::from("sparse"));
        assert_eq!(seen[0].0.size, 2000);
        assert_eq!(seen[0].1, expected);
    }

    #[test]
    fn holes_are_handed_on_up_to_the_limit_of_the_layer() {
        let mut sparse = tar::Header::new_gnu();
        sparse.set_entry_type(tar::EntryType::GNUSparse);
        sparse.set_size(0);
        let gnu = sparse.as_gnu_mut().unwrap();
        gnu.realsize.copy_from_slice(b"00000004000\0");
        sparse.set_cksum();
        let archive = [&sparse.as_bytes()[..], sparse.as_bytes()].concat();
        let mut limits = Limits::default();
        for (most, is_read) in [(4096, true), (4095, false)] {
            limits.set("hole-bytes", most);
            let walked = walk(&archive[..], &limits, &mut Seen::default());
            assert_eq!(walked.is_ok(), is_read, "{walked:?}");
        }
    }

    #[test]
    fn a_directory_of_old_archives_ends_in_a_slash() {
        assert_eq!(seen(&one("dir/", b"")).unwrap()[0].0.kind, EntryKind::Directory);
    }

    #[test]
    fn whiteouts_are_marked_by_their_names() {
        let archive =
            [one("etc/.wh.motd", b""), one("d/.wh..wh..opq", b""), one(".wh..wh.plnk/1", b"")].concat();
        let kinds: Vec<_> =
            seen(&archive).unwrap().into_iter().map(|(e, _)| (e.path.to_string(), e.kind)).collect();
        assert_eq!(
            kinds,
            [("/etc/motd".to_owned(), EntryKind::Whiteout), ("/d".to_owned(), EntryKind::OpaqueDirectory)]
        );
    }

    #[test]
    fn too_many_entries_hit_the_limit_which_is_named() {
        let mut limits = Limits::default();
        limits.set("entries", 1);
        let archive = [one("a", b""), one("b", b"")].concat();
        let error = walk(&archive[..], &limits, &mut Count(0)).unwrap_err();
        assert!(error.to_string().contains("--limit entries="), "{error}");
    }

    #[test]
    fn a_name_of_gigabytes_hits_the_limit_before_it_is_read() {
        let mut long = tar::Header::new_gnu();
        long.set_entry_type(tar::EntryType::GNULongName);
        long.set_size(3 << 30);
        long.set_cksum();
        let archive = [long.as_bytes().to_vec(), vec![b'a'; 4096]].concat();
        assert!(matches!(
            seen(&archive),
            Err(LayerError::NotAnArchive { source: ParseError::MetadataTooLarge { .. } })
        ));
    }

    #[test]
    fn an_endless_chain_of_sparse_headers_hits_the_limit() {
        let mut sparse = tar::Header::new_gnu();
        sparse.set_entry_type(tar::EntryType::GNUSparse);
        sparse.set_size(0);
        sparse.as_gnu_mut().unwrap().isextended[0] = 1;
        sparse.set_cksum();
        let mut block = [0; 512];
        // The byte that says that another block follows.
        block[504] = 1;
        let archive = [sparse.as_bytes().to_vec(), block.repeat(100_000)].concat();
        let error = seen(&archive).unwrap_err();
        assert!(matches!(error, LayerError::Limit { .. }), "{error}");
    }

    proptest! {
        #[test]
        fn damaged_archives_never_panic(at in 0_usize..3000, byte: u8, cut in 0_usize..3000) {
            let mut archive = [one("a", &[1; 600]), one("b", b"y"), one(".wh.c", b"")].concat();
            let length = archive.len();
            archive[at % length] = byte;
            archive.truncate(cut.max(1));
            let _ = seen(&archive);
        }

        #[test]
        fn what_the_tar_crate_writes_is_read_back(files in proptest::collection::btree_map("[a-z]{1,8}(/[a-z]{1,60}){0,4}", proptest::collection::vec(any::<u8>(), 0..2000), 0..8)) {
            let mut builder = tar::Builder::new(Vec::new());
            for (path, content) in &files {
                let mut header = tar::Header::new_gnu();
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, &content[..]).unwrap();
            }
            let seen = seen(&builder.into_inner().unwrap()).unwrap();
            let read: std::collections::BTreeMap<String, Vec<u8>> = seen.into_iter().map(|(e, c)| (String::from_utf8_lossy(e.path.as_bytes()).into_owned(), c)).collect();
            prop_assert_eq!(read, files);
        }
    }
}
