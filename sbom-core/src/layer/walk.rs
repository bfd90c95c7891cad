//! Streams a tar archive once and hands its entries to a sink.
//!
//! The headers (ustar, GNU, PAX; sparse files of all three) are parsed by `tar-core`, which does no input or
//! output of its own; here are the buffer, the bounds, and what the entries mean for a layer.

use std::io::{self, Read};

use tar_core::{
    EntryType, PaxExtensions,
    parse::{Limits as TarLimits, ParseError, ParseEvent, ParsedEntry, Parser},
};

use self::{
    content::{Content, Expanded, Sparse},
    window::Window,
};
use super::{Entry, EntryKind, EntrySink, whiteout};
use crate::{
    image_path::ImagePath,
    limits::{LimitExceeded, Limits},
};

mod content;
mod window;

#[cfg(test)]
mod tests;

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
            let mut expanded = Expanded::new(content, sparse, entry.size);
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
