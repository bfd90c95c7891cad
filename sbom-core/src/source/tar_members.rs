//! The members of an archive that images travel in, one after the other, from any reader.
//!
//! Only what such archives are made of counts: regular files, and the links that `docker save` writes in place
//! of a file it has written before. Content is handed on as it passes or skipped, never kept.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use super::SourceError;
use crate::{
    image_path::{ImagePath, escape_control},
    layer::decompress::{ambiguous, is_ambiguous},
    limits::{LimitExceeded, Limits},
    tar_headers::{BLOCK, Found, Header, Headers, Kind, TarError, climbs},
};

/// Bytes read ahead at a time; small members are skipped without a system call.
const AHEAD: usize = 16 << 10;
/// Longer names are none that an image could need: the longest, `blobs/sha512/…`, has 141 bytes.
const NAME_BYTES: usize = 512;

/// Something that can pass over bytes.
pub(super) trait Skip: Read {
    /// Passes over up to `count` bytes; fewer only at the end.
    fn skip(&mut self, count: u64) -> io::Result<u64>;
}

impl Skip for File {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let here = self.stream_position()?;
        let left = self.metadata()?.len().saturating_sub(here);
        let count = count.min(left);
        self.seek(SeekFrom::Start(here.saturating_add(count)))?;
        Ok(count)
    }
}

impl Skip for Box<dyn Read + Send + '_> {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        io::copy(&mut self.take(count), &mut io::sink())
    }
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Its name. None if it can name nothing of an image: too long, or above the root.
    pub name: Option<ImagePath>,
    /// What it is.
    pub kind: MemberKind,
    /// Where its content begins, in bytes from the start of the archive.
    pub offset: u64,
    /// Length of its content.
    pub size: u64,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MemberKind {
    /// A regular file.
    File,
    /// A symbolic link to another member.
    Link(ImagePath),
    /// Another name of a member that came before.
    HardLink(ImagePath),
    /// Anything else.
    Other,
}

/// Reads members in their order.
#[derive(Debug)]
pub(super) struct Members<R> {
    reader: R,
    place: String,
    headers: Headers,
    limits: Limits,
    /// Bytes read but not yet used: `buffer[used..]`.
    buffer: Vec<u8>,
    used: usize,
    /// Offset of the next unused byte in the archive.
    offset: u64,
    /// Content of the current member that was not yet handed on, and the padding after it.
    content: u64,
    padding: u64,
    count: u64,
    names: Names,
}

impl<R: Skip> Members<R> {
    /// Reads the archive `reader`, which messages call `place`.
    pub(super) fn new(reader: R, place: impl Into<String>, limits: &Limits) -> Self {
        let (place, headers) = (place.into(), Headers::new(limits));
        let (buffer, limits) = (Vec::new(), limits.clone());
        let (used, offset, content, padding, count) = (0, 0, 0, 0, 0);
        let names = Names::default();
        Self { reader, place, headers, limits, buffer, used, offset, content, padding, count, names }
    }

    /// The next member; what is left of the one before is skipped. None at the end.
    ///
    /// The end is two empty blocks, or the end of the reader where a header could begin.
    pub(super) fn next(&mut self) -> Result<Option<Member>, SourceError> {
        self.skip_rest()?;
        let mut wanted = 512;
        loop {
            let filled = self.fill(wanted)?;
            if filled == 0 {
                return Ok(None);
            }
            let is_first = self.offset == 0;
            if is_first && is_ambiguous(self.buffer.get(self.used..).unwrap_or_default()) {
                return Err(self.broken(ambiguous()));
            }
            match self.parse()? {
                Parsed::Member(member) => {
                    self.count = self.count.saturating_add(1);
                    self.limits.archive_members.check(self.count).map_err(|source| self.limit(source))?;
                    return Ok(Some(member));
                }
                Parsed::Skipped => {
                    self.skip_rest()?;
                    wanted = 512;
                }
                Parsed::End => return Ok(None),
                Parsed::More(bytes) => {
                    if self.fill(bytes)? < bytes {
                        let rest = self.buffer.get(self.used..).unwrap_or_default();
                        let is_end = rest.iter().all(|&byte| byte == 0);
                        return if is_end { Ok(None) } else { Err(self.truncated()) };
                    }
                    // Asking for twice as much each time keeps the work linear.
                    wanted = bytes.max(filled.saturating_mul(2));
                }
            }
        }
    }

    /// Reads what little may follow the end marker: the padding of a tape block, the checksum of a compressed
    /// stream. What wrote the archive into a pipe would otherwise see it break.
    pub(super) fn finish(&mut self) -> Result<(), SourceError> {
        const TAIL: u64 = 1 << 20;
        self.reader.skip(TAIL).map_err(|source| self.broken(source))?;
        Ok(())
    }

    /// The content of the current member, from where it was last left.
    pub(super) fn content(&mut self) -> Content<'_, R> {
        Content(self)
    }

    fn parse(&mut self) -> Result<Parsed, SourceError> {
        let input = self.buffer.get(self.used..).unwrap_or_default();
        let place = &self.place;
        let error = |offset, source| match source {
            TarError::Limit(source) => SourceError::Limit { what: format!("a header in {place}"), source },
            source => SourceError::Archive { place: place.clone(), offset, source },
        };
        let found = self.headers.read(input).map_err(|source| error(self.offset, source))?;
        let (consumed, parsed) = match found {
            Found::More(bytes) => return Ok(Parsed::More(bytes)),
            Found::End => return Ok(Parsed::End),
            Found::Passed(consumed) | Found::Global(consumed, _) => (consumed, Parsed::Skipped),
            Found::Entry(consumed, header) => {
                let offset = self.offset.saturating_add(consumed as u64);
                let size = header.stored;
                if size.checked_add(offset).is_none_or(|end| end > i64::MAX as u64) {
                    return Err(error(offset, TarError::Number { field: "size" }));
                }
                let (name, kind) = meaning(&header);
                if let Some(name) = &name {
                    check(name, &header, place)?;
                    if !self.names.add(name, &kind) || is_link(&header) && climbs(header.target) {
                        let member = shown(&header);
                        return Err(SourceError::LinkedMember { place: place.clone(), member });
                    }
                }
                (consumed, Parsed::Member(Member { name, kind, offset, size }))
            }
        };
        // The padding of a header may not be there yet.
        let taken = self.take_buffered(consumed as u64);
        self.padding = (consumed as u64).saturating_sub(taken);
        if let Parsed::Member(member) = &parsed {
            self.content = member.size;
            self.padding = member.size.wrapping_neg() % BLOCK as u64;
        }
        Ok(parsed)
    }

    /// Makes `wanted` unused bytes available, or as many as there are; returns their number.
    fn fill(&mut self, wanted: usize) -> Result<usize, SourceError> {
        let available = self.buffer.len().saturating_sub(self.used);
        if available >= wanted {
            return Ok(available);
        }
        self.buffer.drain(..self.used.min(self.buffer.len()));
        self.used = 0;
        while self.buffer.len() < wanted {
            let before = self.buffer.len();
            let missing = wanted.saturating_sub(before).max(AHEAD) as u64;
            #[expect(clippy::disallowed_methods, reason = "bounded by take")]
            let read = (&mut self.reader).take(missing).read_to_end(&mut self.buffer);
            if read.map_err(|source| self.broken(source))? == 0 {
                break;
            }
        }
        Ok(self.buffer.len())
    }

    fn skip_rest(&mut self) -> Result<(), SourceError> {
        let mut left = self.content.saturating_add(self.padding);
        let content = self.content;
        let buffered = self.take_buffered(left);
        left = left.saturating_sub(buffered);
        let skipped = if left == 0 { 0 } else { self.reader.skip(left).map_err(|e| self.broken(e))? };
        self.offset = self.offset.saturating_add(skipped);
        // Some writers leave out the padding after the last member.
        if buffered.saturating_add(skipped) < content {
            return Err(self.truncated());
        }
        (self.content, self.padding) = (0, 0);
        Ok(())
    }

    /// Passes over up to `count` bytes that are in memory.
    fn take_buffered(&mut self, count: u64) -> u64 {
        let available = self.buffer.len().saturating_sub(self.used);
        let taken = usize::try_from(count).unwrap_or(usize::MAX).min(available);
        self.used = self.used.saturating_add(taken);
        self.offset = self.offset.saturating_add(taken as u64);
        taken as u64
    }

    fn truncated(&self) -> SourceError {
        let unused = self.buffer.len().saturating_sub(self.used) as u64;
        SourceError::Truncated { place: self.place.clone(), offset: self.offset.saturating_add(unused) }
    }

    fn broken(&self, source: io::Error) -> SourceError {
        SourceError::Stream { from: self.place.clone(), source }
    }

    fn limit(&self, source: LimitExceeded) -> SourceError {
        SourceError::Limit { what: format!("the members of {}", self.place), source }
    }
}

enum Parsed {
    Member(Member),
    Skipped,
    End,
    More(usize),
}

/// What a header means for an archive that images travel in: a name, if it can be one of theirs, and a kind.
fn meaning(header: &Header<'_>) -> (Option<ImagePath>, MemberKind) {
    let name = member_name(header.name);
    let kind = match (header.kind, &name) {
        (Kind::File, _) => MemberKind::File,
        (Kind::Symlink, Some(name)) => {
            MemberKind::Link(name.parent().unwrap_or_default().join(header.target))
        }
        (Kind::HardLink, _) => MemberKind::HardLink(ImagePath::new(header.target)),
        _ => MemberKind::Other,
    };
    (name, kind)
}

/// The lists of images that archives have.
const LISTS: [&str; 3] = ["oci-layout", "index.json", "manifest.json"];

/// Refuses what is read here and not by engines, or the other way round: sparse files, and lists that are no regular files.
fn check(name: &ImagePath, header: &Header<'_>, place: &str) -> Result<(), SourceError> {
    if header.sparse.is_some() {
        return Err(SourceError::SparseMember { place: place.to_owned(), member: shown(header) });
    }
    let is_list = LISTS.iter().any(|list| list.as_bytes() == name.as_bytes());
    if is_list && (header.kind != Kind::File || header.name.starts_with(b"/")) {
        return Err(SourceError::ListMember { place: place.to_owned(), member: shown(header) });
    }
    Ok(())
}

fn shown(header: &Header<'_>) -> String {
    escape_control(&String::from_utf8_lossy(header.name)).into_owned()
}

fn is_link(header: &Header<'_>) -> bool {
    matches!(header.kind, Kind::Symlink | Kind::HardLink)
}

/// The names of the members so far.
#[derive(Debug, Default)]
struct Names {
    links: BTreeSet<ImagePath>,
    others: BTreeSet<ImagePath>,
}

impl Names {
    /// Adds one. False if engines differ in what is read under it or under another: if a symbolic link and something else have
    /// one name, or something lies below a link, for that is put where it leads by some, and nowhere by others.
    fn add(&mut self, name: &ImagePath, kind: &MemberKind) -> bool {
        let mut at = if *kind == MemberKind::Other { None } else { name.parent() };
        while let Some(directory) = at {
            if self.links.contains(&directory) {
                return false;
            }
            at = directory.parent();
        }
        match kind {
            MemberKind::Other => true,
            MemberKind::Link(_) => {
                let below = ImagePath::new(&[name.as_bytes(), b"/\0"].concat());
                let next = self.others.range(below..).next();
                let has_below = next.is_some_and(|next| next.strip_prefix(name).is_some());
                self.links.insert(name.clone());
                !has_below && !self.others.contains(name)
            }
            MemberKind::File | MemberKind::HardLink(_) => {
                self.others.insert(name.clone());
                !self.links.contains(name)
            }
        }
    }
}

/// `raw` as the name of something in an image: neither too long nor above the root.
fn member_name(raw: &[u8]) -> Option<ImagePath> {
    let mut depth = 0_usize;
    for component in raw.split(|&byte| byte == b'/') {
        depth = match component {
            b"" | b"." => depth,
            b".." => depth.checked_sub(1)?,
            _ => depth.saturating_add(1),
        };
    }
    Some(ImagePath::new(raw)).filter(|name| name.as_bytes().len() <= NAME_BYTES)
}

/// The content of a member. That the archive ends within it is an error.
pub(super) struct Content<'a, R>(&'a mut Members<R>);

impl<R: Skip> Read for Content<'_, R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let members = &mut *self.0;
        let wanted = usize::try_from(members.content).unwrap_or(usize::MAX).min(target.len());
        let target = target.get_mut(..wanted).unwrap_or_default();
        if target.is_empty() {
            return Ok(0);
        }
        let buffered = members.buffer.get(members.used..).unwrap_or_default();
        let count = if buffered.is_empty() {
            let count = members.reader.read(target)?;
            members.offset = members.offset.saturating_add(count as u64);
            count
        } else {
            let count = (&*buffered).read(target)?;
            members.used = members.used.saturating_add(count);
            members.offset = members.offset.saturating_add(count as u64);
            count
        };
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends within a member"));
        }
        members.content = members.content.saturating_sub(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
