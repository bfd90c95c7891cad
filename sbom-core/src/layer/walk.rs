//! Streams a tar archive once and hands its entries to a sink.
//!
//! What the headers say is told by `tar_headers`; here are the buffer, the bounds, and what the entries mean for a layer.

use std::io::{self, Read};

use self::{
    content::{Content, Expanded, Sparse},
    window::Window,
};
use super::{Entry, EntryKind, EntrySink, whiteout};
use crate::{
    image_path::ImagePath,
    limits::{LimitExceeded, Limits},
    tar_headers::{BLOCK, Found, Header, Headers, Kind, TarError, climbs},
};

mod content;
mod window;

pub(crate) use window::CHUNK;

/// Bytes of a path that is too long that a message shows.
const SHOWN: usize = 200;

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
    /// The bytes of a file in it could not be read or decompressed.
    #[error("at byte {offset} of the unpacked archive, in {path}: {source}")]
    Content {
        /// Where in the unpacked archive.
        offset: u64,
        /// The file.
        path: ImagePath,
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
        source: TarError,
    },
    /// A header does not follow the format.
    #[error("at byte {offset} of the unpacked archive: {source}")]
    Header {
        /// Where the header begins.
        offset: u64,
        /// What is wrong with it.
        source: TarError,
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
            | Self::Content { offset, .. }
            | Self::Truncated { offset, .. }
            | Self::Header { offset, .. }
            | Self::Limit { offset, .. } => *offset,
            Self::NotAnArchive { .. } | Self::Stopped => 0,
        }
    }

    /// The error with the file in which it was met.
    fn within(self, path: &ImagePath) -> Self {
        match self {
            Self::Read { offset, source } => Self::Content { offset, path: path.clone(), source },
            other => other,
        }
    }
}

/// Hands every entry of the tar archive `reader` to `sink`, up to the archive's end marker or the end of the
/// bytes. Gives the number of entries.
pub fn walk(reader: impl Read, limits: &Limits, sink: &mut dyn EntrySink) -> Result<u64, LayerError> {
    walk_archive(Plain(reader), limits, sink)
}

/// The bytes of an archive, of which some need not be copied.
pub(crate) trait Archive: Read {
    /// Leaves out up to so many of the bytes that come next, which nobody reads. Says how many.
    fn hop(&mut self, _count: u64) -> io::Result<u64> {
        Ok(0)
    }

    /// Takes `buffer`, of [`CHUNK`] bytes, and gives in its place as long a one that begins with what comes next. Says how many
    /// bytes that are; where it is nothing, `buffer` stays as it is, and what comes next is to be read.
    fn exchange(&mut self, _buffer: &mut Vec<u8>) -> io::Result<usize> {
        Ok(0)
    }
}

impl<A: Archive> Archive for &mut A {
    fn hop(&mut self, count: u64) -> io::Result<u64> {
        (**self).hop(count)
    }

    fn exchange(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        (**self).exchange(buffer)
    }
}

/// An archive that is merely read.
struct Plain<R>(R);

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Archive for Plain<R> {}

/// As [`walk`].
pub(crate) fn walk_archive<A: Archive>(
    archive: A,
    limits: &Limits,
    sink: &mut dyn EntrySink,
) -> Result<u64, LayerError> {
    let mut window = Window::new(archive);
    let mut headers = Headers::new(limits);
    let mut entries = 0_u64;
    let mut holes = 0_u64;
    let mut wanted = 0;
    loop {
        let found = window.fill(wanted)?;
        if found == 0 {
            return Ok(entries);
        }
        let offset = window.offset;
        let (consumed, header) =
            match headers.read(window.bytes()).map_err(|source| unread(offset, source))? {
                Found::More(_) if window.ended => return window.end_of_bytes(entries),
                Found::More(least) => {
                    // What was read of a map is read anew each time: asking for a little more would take the square.
                    wanted = least.max(found.saturating_mul(2));
                    continue;
                }
                Found::End => return Ok(entries),
                Found::Passed(consumed) => {
                    window.skip_available(consumed as u64)?;
                    wanted = 0;
                    continue;
                }
                Found::Global(consumed, [name, own]) => {
                    let own = Some(own).filter(|own| *own != name);
                    for path in [Some(name), own].into_iter().flatten().map(ImagePath::new) {
                        bounded(&path, &[], offset, limits)?;
                        sink.global(path);
                    }
                    window.skip_available(consumed as u64)?;
                    wanted = 0;
                    continue;
                }
                Found::Entry(consumed, header) => (consumed, header),
            };
        let entry = read_entry(&header);
        let target = match &entry.kind {
            EntryKind::Symlink(target) => target,
            EntryKind::HardLink(target) => target.as_bytes(),
            _ => &[],
        };
        bounded(&entry.path, target, offset, limits)?;
        if header.kind == Kind::HardLink && climbs(header.target) {
            // Docker looks at the names alone, containerd at the links.
            let message =
                "what it is a hard link to is told by way of `..`, which engines follow in different ways";
            sink.unreadable(entry.path.clone(), &io::Error::other(message));
        }
        let Header { stored, sparse, .. } = header;
        window.advance(consumed);
        wanted = 0;
        entries += 1;
        let path = entry.path.clone();
        limits.entries.check(entries).map_err(|source| LayerError::Limit {
            offset,
            path: path.clone(),
            source,
        })?;
        let mut content = Content { window: &mut window, left: stored, path: &path };
        let sparse = sparse.map(|map| Sparse { map, holes: &mut holes, most: limits.hole_bytes });
        hand_over(entry, sparse, &mut content, sink)?;
        let left = content.left;
        window.skip(left, &path).map_err(|error| error.within(&path))?;
        let padding = stored.wrapping_neg() % BLOCK as u64;
        // Some writers leave out the padding of the very last entry.
        window.skip_available(padding)?;
    }
}

fn hand_over<R: Archive>(
    entry: Entry,
    sparse: Option<Sparse<'_>>,
    content: &mut Content<'_, R>,
    sink: &mut dyn EntrySink,
) -> Result<(), LayerError> {
    let entry = whiteout::resolve(entry);
    match sparse {
        Some(sparse) => {
            let mut expanded = Expanded::new(content, sparse, entry.size);
            sink.entry(entry, &mut expanded)
        }
        None => sink.entry(entry, content),
    }
}

/// What a header means for a layer.
fn read_entry(header: &Header<'_>) -> Entry {
    let kind = match header.kind {
        Kind::File | Kind::Unknown => EntryKind::File,
        Kind::Directory => EntryKind::Directory,
        Kind::Symlink => EntryKind::Symlink(header.target.into()),
        Kind::HardLink => EntryKind::HardLink(ImagePath::new(header.target)),
        Kind::Special => EntryKind::Special,
    };
    Entry { path: ImagePath::new(header.name), kind, mode: header.mode, size: header.size }
}

/// Fails if the path of an entry or what it links to is too long.
fn bounded(path: &ImagePath, target: &[u8], offset: u64, limits: &Limits) -> Result<(), LayerError> {
    let length = path.as_bytes().len().max(target.len()) as u64;
    limits.path_bytes.check(length).map_err(|source| {
        let shown = path.as_bytes().get(..SHOWN).unwrap_or(path.as_bytes());
        LayerError::Limit { offset, path: ImagePath::new(shown), source }
    })
}

fn unread(offset: u64, source: TarError) -> LayerError {
    match source {
        TarError::Limit(source) => LayerError::Limit { offset, path: ImagePath::root(), source },
        TarError::Checksum if offset == 0 => LayerError::NotAnArchive { source },
        source => LayerError::Header { offset, source },
    }
}
