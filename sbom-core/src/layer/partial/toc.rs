//! A table of contents → the entries of the layer, and where the chunks of those files lie that could be wanted.
//!
//! eStargz and zstd:chunked write the same JSON, that of CRFS: a list of entries in the order of the archive, in
//! which the further chunks of a file follow it as entries of their own. Both leave out what is zero or empty.
//! Sources: stargz-snapshotter, `docs/estargz.md`; containers/storage, `pkg/chunked`.

use std::{fmt, io, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::PartialError;
use crate::{
    digest::Digest,
    image_path::ImagePath,
    layer::{Entry, EntryKind, EntrySink, whiteout},
    limits::{Limit, Limits},
    tar_headers::climbs,
};

/// What a layer has, according to its table of contents.
#[derive(Debug)]
pub(super) struct Toc {
    /// All entries, whiteouts resolved, with the chunks of those that could be wanted.
    pub(super) entries: Vec<(Entry, Range<usize>)>,
    /// The chunks, those of a file one after the other.
    pub(super) chunks: Vec<Chunk>,
}

/// Consecutive bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Which entry of the table it stands in.
    pub(super) entry: u64,
    /// Where the stream lies that holds it, as stored.
    pub(super) stored: Range<u64>,
    /// How many bytes of the unpacked stream come before it.
    pub(super) inner: u64,
    /// Its length.
    pub(super) size: u64,
    /// What it hashes to; none where it is all zeros.
    pub(super) digest: Option<Digest>,
}

impl Toc {
    /// Reads the table `json` of a layer whose files end before `end`.
    pub(super) fn read(
        json: impl io::Read,
        end: u64,
        limits: &Limits,
        sink: &dyn EntrySink,
    ) -> Result<Self, PartialError> {
        let mut builder = Builder {
            toc: Self { entries: Vec::new(), chunks: Vec::new() },
            end,
            limits,
            sink,
            offsets: Vec::new(),
            read: 0,
            open: None,
            failed: None,
        };
        let json = ShortStrings { json, most: limits.path_bytes, open: None, escaped: false };
        let mut deserializer = serde_json::Deserializer::from_reader(io::BufReader::new(json));
        let read = Table(&mut builder).deserialize(&mut deserializer).and_then(|()| deserializer.end());
        if let Some(error) = builder.failed.take() {
            return Err(error);
        }
        read?;
        builder.finish()
    }
}

/// One entry as it is written.
#[derive(Default)]
struct Raw {
    kind: Box<str>,
    name: Box<str>,
    link_name: Box<str>,
    mode: u64,
    size: u64,
    offset: u64,
    inner_offset: u64,
    chunk_offset: u64,
    chunk_size: u64,
    chunk_type: Box<str>,
    chunk_digest: Box<str>,
    digest: Box<str>,
}

/// The file whose chunks are being read.
struct Open {
    /// Its entry in [`Toc::entries`]; none if nobody wants its content.
    at: Option<usize>,
    size: u64,
    /// How much of it the chunks so far hold.
    covered: u64,
    chunks: usize,
    /// What all of it hashes to, which proves a file of a single chunk.
    digest: Box<str>,
}

struct Builder<'a> {
    toc: Toc,
    end: u64,
    limits: &'a Limits,
    sink: &'a dyn EntrySink,
    /// Where all chunks begin, wanted or not: each ends where the next begins.
    offsets: Vec<u64>,
    read: u64,
    open: Option<Open>,
    failed: Option<PartialError>,
}

impl Builder<'_> {
    fn add(&mut self, raw: &Raw) -> Result<(), PartialError> {
        self.limits.entries.check(self.read.saturating_add(1))?;
        if &*raw.kind == "chunk" {
            self.chunk(raw)?;
        } else {
            self.close()?;
            self.entry(raw)?;
        }
        self.read = self.read.saturating_add(1);
        Ok(())
    }

    fn fault(&self, reason: &'static str) -> PartialError {
        PartialError::Entry { entry: self.read, reason }
    }

    fn entry(&mut self, raw: &Raw) -> Result<(), PartialError> {
        // What is not Unicode JSON cannot say; its writers put this in the place of the bytes.
        if [&raw.name, &raw.link_name].iter().any(|text| text.contains('\u{fffd}')) {
            return Err(self.fault("its name is not the one in the archive"));
        }
        for text in [&raw.name, &raw.link_name] {
            self.limits.path_bytes.check(text.len() as u64)?;
        }
        let kind = match &*raw.kind {
            "reg" => EntryKind::File,
            "dir" => EntryKind::Directory,
            "symlink" => EntryKind::Symlink(raw.link_name.as_bytes().into()),
            "hardlink" if climbs(raw.link_name.as_bytes()) => {
                return Err(self.fault("it is a hard link that leads through something and back"));
            }
            "hardlink" => EntryKind::HardLink(ImagePath::new(raw.link_name.as_bytes())),
            "char" | "block" | "fifo" => EntryKind::Special,
            _ => return Err(self.fault("its type is not known")),
        };
        let is_file = kind == EntryKind::File;
        let mode = u32::try_from(raw.mode & 0o7777).unwrap_or_default();
        let size = if is_file { raw.size } else { 0 };
        let entry = Entry { path: ImagePath::new(raw.name.as_bytes()), kind, mode, size };
        // What hides something has no content that matters.
        let entry = whiteout::resolve(entry);
        let wanted = entry.kind == EntryKind::File && entry.size > 0 && self.sink.may_want(&entry);
        let at = wanted.then_some(self.toc.entries.len());
        let first = self.toc.chunks.len();
        self.toc.entries.push((entry, first..first));
        if is_file && size > 0 {
            self.open = Some(Open { at, size, covered: 0, chunks: 0, digest: raw.digest.clone() });
            self.chunk(raw)?;
        }
        Ok(())
    }

    /// Takes the next chunk of the file that is open.
    fn chunk(&mut self, raw: &Raw) -> Result<(), PartialError> {
        let Some(open) = &mut self.open else { return Err(self.fault("a chunk belongs to no file")) };
        let left = open.size.saturating_sub(open.covered);
        let size = if raw.chunk_size == 0 { left } else { raw.chunk_size };
        let fault = |reason| Err(PartialError::Entry { entry: self.read, reason });
        if raw.chunk_offset != open.covered || size > left || size == 0 {
            return fault("the chunks of a file do not follow one another");
        }
        if raw.offset >= self.end {
            return fault("it lies behind the end of the files");
        }
        let zeros = match &*raw.chunk_type {
            "" => false,
            "zeros" => true,
            _ => return fault("the type of a chunk is not known"),
        };
        // A file of a single chunk has the digest of the file alone in zstd:chunked.
        let text =
            if raw.chunk_digest.is_empty() && size == open.size { &open.digest } else { &raw.chunk_digest };
        let digest = if zeros || open.at.is_none() { None } else { text.parse().ok() };
        if open.at.is_some() && !zeros && digest.is_none() {
            return fault("a chunk has no digest");
        }
        open.covered = open.covered.saturating_add(size);
        open.chunks = open.chunks.saturating_add(1);
        self.offsets.push(raw.offset);
        if let Some(at) = open.at {
            let stored = raw.offset..self.end;
            self.toc.chunks.push(Chunk { entry: self.read, stored, inner: raw.inner_offset, size, digest });
            if let Some((_, chunks)) = self.toc.entries.get_mut(at) {
                chunks.end = self.toc.chunks.len();
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), PartialError> {
        match self.open.take() {
            Some(open) if open.covered < open.size => Err(self.fault("a file has fewer chunks than bytes")),
            _ => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Toc, PartialError> {
        self.close()?;
        self.offsets.sort_unstable();
        for chunk in &mut self.toc.chunks {
            let start = chunk.stored.start;
            let next = self.offsets.partition_point(|&offset| offset <= start);
            let next = self.offsets.get(next).copied().unwrap_or(self.end);
            let unpacked = chunk.inner.saturating_add(chunk.size);
            // What is stored is never much longer than what it unpacks to.
            let longest = unpacked.saturating_add(unpacked / 64).saturating_add(4 << 10);
            chunk.stored.end = next.min(self.end).min(start.saturating_add(longest));
        }
        Ok(self.toc)
    }
}

/// The table as a whole, whose entries go to the builder one by one.
struct Table<'b, 'a>(&'b mut Builder<'a>);

impl<'de> DeserializeSeed<'de> for Table<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Table<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of contents")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut keys = Keys::of(&["version", "entries"]);
        while let Some(key) = keys.next(&mut map)? {
            match key {
                "version" => {
                    if map.next_value::<u64>()? != 1 {
                        return Err(M::Error::custom("its version is not 1"));
                    }
                }
                "entries" => map.next_value_seed(Entries(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        keys.require("entries")
    }
}

struct Entries<'b, 'a>(&'b mut Builder<'a>);

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("entries")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut entries: S) -> Result<(), S::Error> {
        while let Some(raw) = entries.next_element::<Raw>()? {
            if let Err(error) = self.0.add(&raw) {
                self.0.failed = Some(error);
                return Err(serde::de::Error::custom("unusable"));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Raw, M::Error> {
        let mut raw = Raw::default();
        let mut keys = Keys::of(&[
            "type",
            "name",
            "linkName",
            "mode",
            "size",
            "offset",
            "innerOffset",
            "chunkOffset",
            "chunkSize",
            "chunkType",
            "chunkDigest",
            "digest",
        ]);
        while let Some(key) = keys.next(&mut map)? {
            match key {
                "type" => raw.kind = map.next_value()?,
                "name" => raw.name = map.next_value()?,
                "linkName" => raw.link_name = map.next_value()?,
                "mode" => raw.mode = map.next_value()?,
                "size" => raw.size = map.next_value()?,
                "offset" => raw.offset = map.next_value()?,
                "innerOffset" => raw.inner_offset = map.next_value()?,
                "chunkOffset" => raw.chunk_offset = map.next_value()?,
                "chunkSize" => raw.chunk_size = map.next_value()?,
                "chunkType" => raw.chunk_type = map.next_value()?,
                "chunkDigest" => raw.chunk_digest = map.next_value()?,
                "digest" => raw.digest = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        keys.require("type")?;
        Ok(raw)
    }
}

/// The keys of one object. Those who run images by such tables compare keys without regard to case, and take the last of
/// several: whoever writes one in another way, or twice, could show them something else.
struct Keys {
    known: &'static [&'static str],
    /// Which of `known` came, by bit.
    seen: u32,
}

impl Keys {
    fn of(known: &'static [&'static str]) -> Self {
        Self { known, seen: 0 }
    }

    /// The next key; empty for any that is not known.
    fn next<'de, M: MapAccess<'de>>(&mut self, map: &mut M) -> Result<Option<&'static str>, M::Error> {
        let Some(key) = map.next_key::<Box<str>>()? else { return Ok(None) };
        let Some(at) = self.known.iter().position(|known| known.eq_ignore_ascii_case(&key)) else {
            // Beyond ASCII there are letters that some take for an ASCII one.
            return if key.is_ascii() { Ok(Some("")) } else { Err(M::Error::custom("a key is not ASCII")) };
        };
        let known = self.known.get(at).copied().unwrap_or_default();
        let bit = u32::try_from(at).ok().and_then(|at| 1_u32.checked_shl(at)).unwrap_or_default();
        if *known != *key {
            return Err(M::Error::custom(format_args!("a key is written otherwise than `{known}`")));
        }
        if self.seen & bit != 0 {
            return Err(M::Error::duplicate_field(known));
        }
        self.seen |= bit;
        Ok(Some(known))
    }

    /// That `key` came.
    fn require<E: serde::de::Error>(&self, key: &'static str) -> Result<(), E> {
        let at = self.known.iter().position(|known| *known == key).unwrap_or_default();
        if self.seen >> at & 1 == 1 { Ok(()) } else { Err(E::missing_field(key)) }
    }
}

/// Bytes that a table may come to that is stored in `stored`: real ones come to six to fifteen times of it.
pub(super) fn most_unpacked(stored: u64) -> u64 {
    stored.saturating_mul(64).saturating_add(1 << 20)
}

/// JSON in which no string is longer than any that could be used: a reader of JSON holds a string before anybody can ask
/// how long it is.
struct ShortStrings<R> {
    json: R,
    most: Limit,
    /// Bytes of the string that is open.
    open: Option<u64>,
    /// Whether the next byte stands for itself.
    escaped: bool,
}

impl<R: io::Read> io::Read for ShortStrings<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.json.read(buffer)?;
        for byte in buffer.get(..count).unwrap_or_default() {
            let Some(length) = &mut self.open else {
                self.open = (*byte == b'"').then_some(0);
                continue;
            };
            if *byte == b'"' && !self.escaped {
                self.open = None;
                continue;
            }
            self.escaped = *byte == b'\\' && !self.escaped;
            *length += 1;
            // The longest escape of one byte is `\u002f`.
            self.most.check(*length / 6).map_err(io::Error::other)?;
        }
        Ok(count)
    }
}
