//! A table of contents → the entries of the layer, and where the chunks of those files lie that could be wanted.
//!
//! eStargz and zstd:chunked write the same JSON, that of CRFS: a list of entries in the order of the archive, in
//! which the further chunks of a file follow it as entries of their own. Both leave out what is zero or empty.
//! Sources: stargz-snapshotter, `docs/estargz.md`; containers/storage, `pkg/chunked`.

use std::{fmt, io, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, SeqAccess, Visitor},
};

use super::PartialError;
use crate::{
    digest::Digest,
    image_path::ImagePath,
    layer::{Entry, EntryKind, EntrySink, whiteout},
    limits::Limits,
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
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    r#type: Box<str>,
    #[serde(default)]
    name: Box<str>,
    #[serde(default)]
    link_name: Box<str>,
    #[serde(default)]
    mode: u64,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    inner_offset: u64,
    #[serde(default)]
    chunk_offset: u64,
    #[serde(default)]
    chunk_size: u64,
    #[serde(default)]
    chunk_type: Box<str>,
    #[serde(default)]
    chunk_digest: Box<str>,
    #[serde(default)]
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
        if &*raw.r#type == "chunk" {
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
        let kind = match &*raw.r#type {
            "reg" if raw.name.ends_with('/') => EntryKind::Directory,
            "reg" => EntryKind::File,
            "dir" => EntryKind::Directory,
            "symlink" => EntryKind::Symlink(raw.link_name.as_bytes().into()),
            "hardlink" => EntryKind::HardLink(ImagePath::new(raw.link_name.as_bytes())),
            "char" | "block" | "fifo" => EntryKind::Special,
            _ => return Err(self.fault("its type is not known")),
        };
        let is_file = kind == EntryKind::File;
        let mode = u32::try_from(raw.mode & 0o7777).unwrap_or_default();
        let size = if is_file { raw.size } else { 0 };
        let entry = Entry { path: ImagePath::new(raw.name.as_bytes()), kind, mode, size };
        // What hides something, or is bookkeeping, has no content that matters.
        let entry = whiteout::resolve(entry);
        let wanted = entry.as_ref().is_some_and(|entry| {
            entry.kind == EntryKind::File && entry.size > 0 && self.sink.may_want(entry)
        });
        let at = wanted.then_some(self.toc.entries.len());
        let first = self.toc.chunks.len();
        self.toc.entries.extend(entry.map(|entry| (entry, first..first)));
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

    fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Field {
            Version,
            Entries,
            #[serde(other)]
            Other,
        }
        let mut seen = false;
        while let Some(field) = map.next_key()? {
            match field {
                Field::Version => {
                    if map.next_value::<u64>()? != 1 {
                        return Err(serde::de::Error::custom("its version is not 1"));
                    }
                }
                // Of two lists some readers take the first, others the last.
                Field::Entries if seen => return Err(serde::de::Error::duplicate_field("entries")),
                Field::Entries => {
                    seen = true;
                    map.next_value_seed(Entries(self.0))?;
                }
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if seen { Ok(()) } else { Err(serde::de::Error::missing_field("entries")) }
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
