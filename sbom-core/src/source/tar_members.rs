//! The members of an archive that images travel in, one after the other, from any reader.
//!
//! Only what such archives are made of counts: regular files, and the links that `docker save` writes in place
//! of a file it has written before. Content is handed on as it passes or skipped, never kept.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use super::SourceError;
use crate::{
    image_path::{ImagePath, escape_control},
    limits::{LimitExceeded, Limits},
    tar_headers::{BLOCK, Found, Header, Headers, Kind, TarError},
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
    /// A symbolic or hard link to another member.
    Link(ImagePath),
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
}

impl<R: Skip> Members<R> {
    /// Reads the archive `reader`, which messages call `place`.
    pub(super) fn new(reader: R, place: impl Into<String>, limits: &Limits) -> Self {
        let (place, headers) = (place.into(), Headers::new(limits));
        let (buffer, limits) = (Vec::new(), limits.clone());
        Self { reader, place, headers, limits, buffer, used: 0, offset: 0, content: 0, padding: 0, count: 0 }
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
            match self.parse()? {
                Parsed::Member(member) => {
                    self.count = self.count.saturating_add(1);
                    self.limits.archive_members.check(self.count).map_err(|source| self.limit(source))?;
                    return Ok(Some(member));
                }
                Parsed::Skipped => wanted = 512,
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
                }
                (consumed, Parsed::Member(Member { name, kind, offset, size }))
            }
        };
        self.used = self.used.saturating_add(consumed);
        self.offset = self.offset.saturating_add(consumed as u64);
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
        (Kind::HardLink, _) => MemberKind::Link(ImagePath::new(header.target)),
        _ => MemberKind::Other,
    };
    (name, kind)
}

/// The lists of images that archives have.
const LISTS: [&str; 3] = ["oci-layout", "index.json", "manifest.json"];

/// Refuses what is read here and not by engines, or the other way round: sparse files, and lists that are no regular files.
fn check(name: &ImagePath, header: &Header<'_>, place: &str) -> Result<(), SourceError> {
    let member = || escape_control(&String::from_utf8_lossy(header.name)).into_owned();
    if header.sparse.is_some() {
        return Err(SourceError::SparseMember { place: place.to_owned(), member: member() });
    }
    let is_list = LISTS.iter().any(|list| list.as_bytes() == name.as_bytes());
    if is_list && (header.kind != Kind::File || header.name.starts_with(b"/")) {
        return Err(SourceError::ListMember { place: place.to_owned(), member: member() });
    }
    Ok(())
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
mod tests {
    use sbomctl_testkit::TarBuilder;

    use super::*;

    fn members(archive: Vec<u8>) -> Members<Box<dyn Read + Send>> {
        Members::new(Box::new(io::Cursor::new(archive)), "test.tar", &Limits::default())
    }

    fn list(archive: Vec<u8>) -> Result<Vec<(String, MemberKind, u64)>, SourceError> {
        let mut members = members(archive);
        let mut list = Vec::new();
        while let Some(member) = members.next()? {
            let name = member.name.map_or_else(|| "-".to_owned(), |name| name.to_string());
            list.push((name, member.kind, member.size));
        }
        Ok(list)
    }

    #[test]
    fn members_come_in_order_with_normal_names() {
        let archive = TarBuilder::new()
            .dir("./a")
            .file("./a/b", "content")
            .symlink("c/d", "../a/b")
            .hardlink("e", "a/b")
            .fifo("f")
            .pax_name("n".repeat(200), "x")
            .build();
        let link = || MemberKind::Link("a/b".into());
        assert_eq!(
            list(archive).unwrap(),
            [
                ("/a".to_owned(), MemberKind::Other, 0),
                ("/a/b".to_owned(), MemberKind::File, 7),
                ("/c/d".to_owned(), link(), 0),
                ("/e".to_owned(), link(), 0),
                ("/f".to_owned(), MemberKind::Other, 0),
                (format!("/{}", "n".repeat(200)), MemberKind::File, 1),
            ]
        );
    }

    #[test]
    fn a_name_above_the_root_names_nothing() {
        let archive = TarBuilder::new()
            .file("../manifest.json", "[]")
            .file("a/../../manifest.json", "[]")
            .file("a/../manifest.json", "{}")
            .file("./".repeat(1000) + "index.json", "")
            .build();
        let names: Vec<String> = list(archive).unwrap().into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["-", "-", "/manifest.json", "/index.json"]);
    }

    #[test]
    fn a_sparse_member_is_refused_by_name() {
        let map = [("GNU.sparse.map", b"0,3".as_slice()), ("GNU.sparse.numblocks", b"1")];
        let archive = TarBuilder::new().file("a", "x").pax(map).file("blobs/b", "xyz").build();
        let error = list(archive).unwrap_err();
        assert!(matches!(&error, SourceError::SparseMember { member, .. } if member == "blobs/b"), "{error}");
    }

    #[test]
    fn a_list_is_a_regular_file_with_a_relative_name() {
        let good = TarBuilder::new().file("./manifest.json", "[]").file("x/../index.json", "{}");
        let good = good.dir("blobs/oci-layout").symlink("repositories", "index.json");
        assert_eq!(list(good.clone().build()).unwrap().len(), 4);
        for bad in [
            good.clone().dir("oci-layout"),
            good.clone().dir("./oci-layout/"),
            good.clone().fifo("index.json"),
            good.clone().symlink("manifest.json", "a"),
            good.clone().hardlink("manifest.json", "a"),
            good.clone().file("/oci-layout", "{}"),
        ] {
            let error = list(bad.file("manifest.json", "[]").build()).unwrap_err();
            assert!(matches!(error, SourceError::ListMember { .. }), "{error}");
        }
    }

    #[test]
    fn content_is_read_or_skipped() {
        let big = vec![7; 100_000];
        let archive = TarBuilder::new().file("a", &big).file("b", "xyz").file("c", &big).build();
        let mut members = members(archive);
        members.next().unwrap();
        let mut part = [0; 10];
        members.content().read_exact(&mut part).unwrap();
        assert_eq!(part, [7; 10]);
        members.next().unwrap();
        assert_eq!(io::read_to_string(members.content()).unwrap(), "xyz");
        assert_eq!(members.next().unwrap().unwrap().name, Some("c".into()));
        assert_eq!(io::copy(&mut members.content(), &mut io::sink()).unwrap(), 100_000);
        assert!(members.next().unwrap().is_none());
        assert!(members.next().unwrap().is_none());
    }

    #[test]
    fn an_archive_that_ends_within_a_member_is_truncated() {
        let whole = TarBuilder::new().file("a", vec![1; 5000]).build();
        for length in [100, 512 + 1, 512 + 4999] {
            let error = list(whole[..length].to_vec()).unwrap_err();
            assert!(matches!(error, SourceError::Truncated { .. }), "{length}: {error}");
        }
        // Neither the padding nor the end marker is missed.
        for length in [512 + 5000, 512 + 5120, 512 + 5120 + 512] {
            assert_eq!(list(whole[..length].to_vec()).unwrap().len(), 1, "{length}");
        }
    }

    #[test]
    fn a_member_that_claims_to_be_endless_is_refused() {
        let mut archive = TarBuilder::new().file("a", "").build();
        // The size field, as a base-256 number of 64 bits; the checksum is made good again.
        archive[124..136].copy_from_slice(&[0x80, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
        archive[148..156].copy_from_slice(b"        ");
        let sum: u32 = archive[..512].iter().map(|&b| u32::from(b)).sum();
        archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert!(list(archive).is_err());
    }

    #[test]
    fn a_damaged_header_is_an_error_with_its_offset() {
        let archive = TarBuilder::new().file("a", "x").raw([b'z'; 512]).build();
        let error = list(archive).unwrap_err();
        assert!(matches!(error, SourceError::Archive { offset: 1024, .. }), "{error}");
    }

    #[test]
    fn a_million_members_hit_the_limit() {
        let block = TarBuilder::new().file("a", "").without_end().build();
        let mut limits = Limits::default();
        let reader = |count: u64| {
            let endless = io::Cursor::new(block.clone()).chain(Repeat { block: block.clone(), at: 0 });
            Box::new(endless.take(512 * count)) as Box<dyn Read + Send>
        };
        let mut members = Members::new(reader(1_000_000), "test.tar", &limits);
        let error = std::iter::from_fn(|| members.next().transpose()).find_map(Result::err).unwrap();
        assert!(error.to_string().contains("--limit archive-members="), "{error}");
        limits.set("archive-members", 7);
        let mut members = Members::new(reader(7), "test.tar", &limits);
        assert_eq!(std::iter::from_fn(|| members.next().unwrap()).count(), 7);
    }

    struct Repeat {
        block: Vec<u8>,
        at: usize,
    }

    impl Read for Repeat {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            for byte in target.iter_mut() {
                *byte = self.block[self.at % self.block.len()];
                self.at += 1;
            }
            Ok(target.len())
        }
    }

    #[test]
    fn an_endless_chain_of_sparse_maps_is_refused() {
        let mut header = TarBuilder::new().entry(tar_entry_sparse(), b"a", b"", b"").without_end().build();
        header[482] = 1; // isextended
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header[..512].iter().map(|&b| u32::from(b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut extension = vec![0_u8; 512];
        extension[504] = 1;
        let endless = io::Cursor::new(header).chain(Repeat { block: extension, at: 0 });
        let mut members =
            Members::new(Box::new(endless) as Box<dyn Read + Send>, "test.tar", &Limits::default());
        assert!(matches!(members.next(), Err(SourceError::Limit { .. })));
    }

    fn tar_entry_sparse() -> sbomctl_testkit::EntryType {
        sbomctl_testkit::EntryType::GNUSparse
    }
}
