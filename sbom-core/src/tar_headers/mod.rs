//! Headers of tar archives, read as what unpacks images reads them.
//!
//! containerd, Docker and Podman unpack layers by way of Go's `archive/tar`. Where the formats leave open which of two names
//! counts, whether a directory has content, or what an empty value means, the choice here is theirs: another one would
//! show other files than those that run. What they refuse is an error here, or is read as far as it makes sense.
//! This does no input or output of its own.
//!
//! Sources: POSIX.1-2001, `pax`, "pax Interchange Format"; GNU tar manual, "Standard" and "Sparse Formats"; how Go 1.27
//! behaves.

use crate::limits::{LimitExceeded, Limits};

mod block;
mod records;
mod sparse;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use self::{block::Block, records::Records, sparse::Map};

/// A header that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// The block is no header, or damaged.
    #[error("the checksum of a header is wrong")]
    Checksum,
    /// A field of the block is neither an octal number nor one to base 256, or too large.
    #[error("the {field} in a header is no number")]
    Number {
        /// Which field.
        field: &'static str,
    },
    /// Content of less than no bytes.
    #[error("the size in a header is negative")]
    NegativeSize,
    /// A record of an extended header does not follow its form.
    #[error("an extended header is malformed {at} bytes into it")]
    Record {
        /// Where the record begins, in bytes from the beginning of the extended header.
        at: usize,
    },
    /// A record of an extended header that should be a number is none.
    #[error("{key} in an extended header is no number: {value:?}")]
    RecordNumber {
        /// Its keyword.
        key: &'static str,
        /// What it says, as far as that is Unicode.
        value: String,
    },
    /// The map of a sparse file cannot be.
    #[error("the map of a sparse file {reason}")]
    Sparse {
        /// Why.
        reason: &'static str,
    },
    /// A bound was hit.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}

/// How many times what one header of an entry may have all of them together may have.
const ALL_HEADERS: u64 = 4;

/// Length of a block, of which archives are made.
pub(crate) const BLOCK: usize = 512;

/// Reads header after header. What stands between them is the caller's.
#[derive(Debug)]
pub(crate) struct Headers {
    limits: Limits,
    extended: Extended,
    /// The name of an entry that is made of two fields.
    joined: Vec<u8>,
    /// An entry was handed out: what was said of it counts no longer.
    is_taken: bool,
}

/// What the headers before an entry say of it.
#[derive(Debug, Default)]
struct Extended {
    records: Records,
    /// GNU long name and link; empty if there is none.
    name: Vec<u8>,
    link: Vec<u8>,
    /// All of those headers, in bytes.
    length: u64,
}

/// What the next bytes are.
#[derive(Debug)]
pub(crate) enum Found<'h> {
    /// So many bytes are needed to tell; nothing was taken.
    More(usize),
    /// A header of so many bytes that is no entry. Its padding may lie beyond the bytes that were given, or be missing at the end
    /// of an archive.
    Passed(usize),
    /// A global header, of a length as above, and by which names engines may take it for an entry: that of its block, and that of
    /// its own records, which counts for Go unless another of them is wrong. They are the same if it has no such record.
    Global(usize, [&'h [u8]; 2]),
    /// The header of an entry, of so many bytes. Its content follows, padded to whole blocks.
    Entry(usize, Header<'h>),
    /// The end of the archive.
    End,
}

/// An entry of an archive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header<'h> {
    pub(crate) kind: Kind,
    /// As written.
    pub(crate) name: &'h [u8],
    /// Of a link.
    pub(crate) target: &'h [u8],
    /// Permission bits with setuid, setgid and sticky.
    pub(crate) mode: u32,
    /// Length of the content, with the holes of a sparse file.
    pub(crate) size: u64,
    /// Length of the content that follows the header, without padding.
    pub(crate) stored: u64,
    /// Where the stored bytes of a sparse file belong.
    pub(crate) sparse: Option<Vec<Run>>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Symlink,
    HardLink,
    /// A device or FIFO.
    Special,
    /// A type that engines refuse; with content, as POSIX wants it.
    Unknown,
}

/// Consecutive bytes of a sparse file that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// Whether `block` is a header, by its checksum.
pub(crate) fn is_header(block: &[u8; BLOCK]) -> bool {
    Block::new(block).check().is_ok()
}

/// Whether the target of a link leads through something and back out of it: where to depends on whether that is a link, too,
/// and on whether who unpacks looks.
pub(crate) fn climbs(target: &[u8]) -> bool {
    let names = target.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    names.skip_while(|name| *name == b"..").any(|name| name == b"..")
}

impl Headers {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (extended, joined) = (Extended::default(), Vec::new());
        Self { limits: limits.clone(), extended, joined, is_taken: false }
    }

    /// Reads the header at the beginning of `bytes`. If more are needed, the next call gets the same ones again.
    pub(crate) fn read<'h>(&'h mut self, bytes: &'h [u8]) -> Result<Found<'h>, TarError> {
        if std::mem::take(&mut self.is_taken) && self.extended.length > 0 {
            self.extended.clear();
        }
        let Some(block) = bytes.first_chunk::<BLOCK>() else { return Ok(Found::More(BLOCK)) };
        if is_empty(block) {
            // Engines refuse an archive that goes on after a single empty block; `tar` reads on.
            return Ok(match bytes.get(BLOCK..2 * BLOCK) {
                None => Found::More(2 * BLOCK),
                Some(second) if is_empty(second) => Found::End,
                Some(_) => Found::Passed(BLOCK),
            });
        }
        let block = Block::new(block);
        block.check()?;
        match block.flag() {
            flag @ (b'x' | b'g' | b'L' | b'K') => self.extend(flag, block, bytes),
            _ => self.entry(block, bytes),
        }
    }

    /// Takes a header that says something of the next entry. The format that the block claims does not matter.
    fn extend<'h>(&'h mut self, flag: u8, block: Block<'h>, bytes: &[u8]) -> Result<Found<'h>, TarError> {
        let size = u64::try_from(block.size()?).map_err(|_negative| TarError::NegativeSize)?;
        let most = self.limits.header_bytes;
        most.check(size)?;
        let length = self.extended.length.saturating_add(BLOCK as u64).saturating_add(size);
        most.check(length / ALL_HEADERS)?;
        let end = usize::try_from(size).ok().and_then(|size| size.checked_add(BLOCK));
        let whole = end.and_then(|end| end.checked_next_multiple_of(BLOCK));
        let (Some(end), Some(whole)) = (end, whole) else { return Err(TarError::Number { field: "size" }) };
        let Some(body) = bytes.get(BLOCK..end) else { return Ok(Found::More(end)) };
        self.extended.length = length;
        match flag {
            b'x' => self.extended.records.read(body)?,
            b'L' => self.extended.name = block::text(body).to_vec(),
            b'K' => self.extended.link = block::text(body).to_vec(),
            // What its records say of the entries that follow is left aside, and so is what was said of the next one before.
            _ => {
                self.is_taken = true;
                self.extended.records.read(body)?;
                let name = block.full_name(&mut self.joined);
                let path = self.extended.records.path();
                return Ok(Found::Global(whole, [name, if path.is_empty() { name } else { path }]));
            }
        }
        Ok(Found::Passed(whole))
    }

    fn entry<'h>(&'h mut self, block: Block<'h>, bytes: &'h [u8]) -> Result<Found<'h>, TarError> {
        let Self { limits, extended, joined, is_taken } = self;
        let Extended { records, name: long_name, link: long_link, .. } = extended;
        let size = block.size()?;
        // Refused before a record could say better, unless the type has no content.
        if size < 0 && has_content(block.flag()) {
            return Err(TarError::NegativeSize);
        }
        let size = records.size()?.unwrap_or(size);
        let mut name = match (long_name.as_slice(), records.path()) {
            ([], []) => block.full_name(joined),
            ([], path) => path,
            (long, _) => long,
        };
        let target = match (long_link.as_slice(), records.link_path()) {
            ([], []) => block.link_name(),
            ([], path) => path,
            (long, _) => long,
        };
        // Before ustar, a directory was a file whose name ends in a slash; since, it is a file none the less.
        let flag = match block.flag() {
            0 if name.ends_with(b"/") => b'5',
            flag => flag,
        };
        let stored = if has_content(flag) { size } else { 0 };
        let stored = u64::try_from(stored).map_err(|_negative| TarError::NegativeSize)?;
        let map = match flag {
            b'S' => sparse::of_block(block, bytes, stored, limits.header_bytes)?,
            _ => sparse::of_records(records, bytes, size, stored, limits.header_bytes)?,
        };
        let (taken, size, stored, sparse) = match map {
            Map::None => (0, stored, stored, None),
            Map::More(wanted) => return Ok(Found::More(wanted)),
            Map::Of(_) if !has_content(flag) => {
                return Err(TarError::Sparse { reason: "belongs to what has no content" });
            }
            Map::Of(map) => {
                if flag != b'S' && !records.sparse_name().is_empty() {
                    name = records.sparse_name();
                }
                (map.taken, map.size, map.stored, Some(map.runs))
            }
        };
        *is_taken = true;
        let header = Header { kind: kind(flag), name, target, mode: block.mode()?, size, stored, sparse };
        Ok(Found::Entry(BLOCK.saturating_add(taken), header))
    }
}

impl Extended {
    fn clear(&mut self) {
        self.records.clear();
        self.name.clear();
        self.link.clear();
        self.length = 0;
    }
}

/// Whether a type has content at all: links, devices, directories and FIFOs have none, whatever size they claim.
fn has_content(flag: u8) -> bool {
    !matches!(flag, b'1'..=b'6')
}

fn kind(flag: u8) -> Kind {
    match flag {
        0 | b'0' | b'7' | b'S' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' | b'4' | b'6' => Kind::Special,
        b'5' => Kind::Directory,
        _ => Kind::Unknown,
    }
}

fn is_empty(block: &[u8]) -> bool {
    block.iter().all(|&byte| byte == 0)
}
