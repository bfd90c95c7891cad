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
    layer::whiteout::Marker,
    limits::{LimitExceeded, Limits},
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

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;
const BLOCK: u64 = 512;

/// Hands every entry of the tar archive `reader` to `sink`, up to the archive's end marker or the end of the
/// bytes. Gives the number of entries.
pub fn walk(reader: impl Read, limits: &Limits, sink: &mut dyn EntrySink) -> Result<u64, LayerError> {
    let mut window = Window::new(reader);
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
            ParseEvent::NeedData { min_bytes } if min_bytes > found => {
                if wanted >= min_bytes || window.ended {
                    return window.end_of_bytes(entries);
                }
                wanted = min_bytes;
                continue;
            }
            ParseEvent::NeedData { .. } => return window.end_of_bytes(entries),
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
        hand_over(entry, expanded, &mut content, sink)?;
        let left = content.left;
        window.skip(left, &path)?;
        let padding = (BLOCK - stored % BLOCK) % BLOCK;
        // Some writers leave out the padding of the very last entry.
        window.skip_available(padding)?;
    }
}

fn hand_over<R: Read>(
    mut entry: Entry,
    sparse: Option<Vec<SparseEntry>>,
    content: &mut Content<'_, R>,
    sink: &mut dyn EntrySink,
) -> Result<(), LayerError> {
    match whiteout::marker(&entry.path) {
        Marker::Internal => return Ok(()),
        Marker::Hides(kind, path) => {
            entry.kind = kind;
            entry.path = path;
        }
        Marker::None => {}
    }
    match sparse {
        Some(map) => {
            let mut expanded = Expanded { content, map, next: 0, at: 0, size: entry.size };
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
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Of `start`, in the unpacked archive.
    offset: u64,
    ended: bool,
}

impl<R: Read> Window<R> {
    fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; CHUNK], start: 0, end: 0, offset: 0, ended: false }
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
            match self.reader.read(free) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(LayerError::Read { offset: self.offset + self.end as u64, source });
                }
            }
        }
        Ok(self.end)
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
        let found = self.window.fill(1).map_err(|error| match error {
            LayerError::Read { source, .. } => source,
            other => io::Error::other(other),
        })?;
        if found == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive ends in the middle of a file",
            ));
        }
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(found).min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), self.window.bytes().get(..count)) {
            to.copy_from_slice(from);
        }
        self.window.advance(count);
        self.left -= count as u64;
        Ok(count)
    }
}

/// A sparse file with its holes filled by zeros.
struct Expanded<'c, C> {
    content: &'c mut C,
    map: Vec<SparseEntry>,
    /// Index into `map` of the run at or after `at`.
    next: usize,
    at: u64,
    size: u64,
}

impl<C: Read> Read for Expanded<'_, C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.map.get(self.next).is_some_and(|run| run.offset.saturating_add(run.length) <= self.at) {
            self.next += 1;
        }
        let run = self.map.get(self.next).filter(|run| run.offset < self.size);
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
            buffer.fill(0);
            buffer.len()
        };
        self.at += count as u64;
        Ok(count)
    }
}
