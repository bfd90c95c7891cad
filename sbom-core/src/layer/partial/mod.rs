//! A layer of which only the parts are read that somebody wants.
//!
//! Three forms allow that. eStargz and zstd:chunked have a table of contents, whose digest the manifest names and
//! which names the digests of all chunks of all files: what was read is proved by the manifest. In an uncompressed
//! archive the headers lead from one to the next, and nothing proves what was read, unless that is all there is.
//!
//! Whatever is not as it should be ends the reading with an error, after which the layer has to be read whole:
//! what the sink has taken by then must be thrown away.

use std::{collections::BTreeMap, fmt::Debug, io, ops::Range};

use super::{EntrySink, LayerError};
use crate::{
    digest::Digest,
    limits::{Budget, LimitExceeded, Limits},
};

mod chunks;
mod estargz;
mod plain;
mod ranges;
mod toc;
mod zstd_chunked;

#[cfg(test)]
mod tests;

pub use zstd_chunked::Position;

/// Bytes that can be read anywhere, at a price for each reading.
pub trait RandomAccess: Debug + Send + Sync {
    /// How many bytes there are.
    fn size(&self) -> u64;

    /// The bytes of `range`, all of them or an error.
    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>>;
}

/// How parts of a layer are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// eStargz, with the digest of its table of contents.
    Estargz(Digest),
    /// zstd:chunked, with the digest of its table of contents as stored, and where that lies.
    ZstdChunked(Digest, Position),
    /// A tar archive as it is.
    Plain,
}

/// Annotation of a layer with the digest of eStargz's table of contents.
const ESTARGZ_TOC: &str = "containerd.io/snapshot/stargz/toc.digest";
/// Annotation of a layer with the digest of zstd:chunked's table of contents, compressed.
const ZSTD_CHECKSUM: &str = "io.github.containers.zstd-chunked.manifest-checksum";
/// Annotation of a layer that says where that lies.
const ZSTD_POSITION: &str = "io.github.containers.zstd-chunked.manifest-position";

impl Form {
    /// The form that a layer of this media type and with these annotations, both of the manifest, can be read in part
    /// in; none if there is no such form.
    pub fn of(media_type: &str, annotations: &BTreeMap<String, String>) -> Option<Self> {
        let digest = |name| annotations.get(name).and_then(|text| text.parse::<Digest>().ok());
        let position = || annotations.get(ZSTD_POSITION).and_then(|text| text.parse().ok());
        // Some writers of the second put the annotation of the first beside its own.
        if let (Some(digest), Some(position)) = (digest(ZSTD_CHECKSUM), position()) {
            return Some(Self::ZstdChunked(digest, position));
        }
        if let Some(digest) = digest(ESTARGZ_TOC) {
            return Some(Self::Estargz(digest));
        }
        let plain =
            media_type.split(';').next().is_some_and(|name| name.trim_end().strip_suffix(".tar").is_some());
        plain.then_some(Self::Plain)
    }
}

/// How much of a layer was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Parts; what proves them depends on the form.
    Parts,
    /// All bytes, and they have the digest of the layer.
    Whole,
}

/// A layer cannot be read in part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartialError {
    /// A part was not given.
    #[error(transparent)]
    Access(#[from] io::Error),
    /// More was asked for than the whole has.
    #[error("its parts would be more than the whole")]
    MoreThanWhole,
    /// It does not begin as its media type says.
    #[error("it is compressed, though its media type says that it is not")]
    Compressed,
    /// It does not end as eStargz does.
    #[error("it has no table of contents where one is announced")]
    Footer,
    /// All of it was fetched, and is not what the manifest names.
    #[error("its bytes hash to {found}, not to {expected}")]
    Digest {
        /// The digest of the layer.
        expected: Digest,
        /// What the bytes hash to.
        found: Digest,
    },
    /// The table of contents is not the one that the manifest names.
    #[error("its table of contents hashes to {found}, not to {expected}")]
    TocDigest {
        /// The digest in the manifest.
        expected: Digest,
        /// What the bytes hash to.
        found: Digest,
    },
    /// The table of contents does not follow its format.
    #[error("its table of contents is malformed: {0}")]
    Toc(#[from] serde_json::Error),
    /// The table of contents contradicts itself or the layer.
    #[error("its table of contents cannot be used: {reason} (entry {entry})")]
    Entry {
        /// Which entry, from 0.
        entry: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A chunk is not the one that the table of contents names.
    #[error("the chunk at byte {offset} is not the one that its table of contents names")]
    Chunk {
        /// Where it begins, as stored.
        offset: u64,
    },
    /// A bound was hit.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// An entry cannot be read, or the sink wants no more.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

impl From<PartialError> for io::Error {
    fn from(error: PartialError) -> Self {
        match error {
            PartialError::Access(error) => error,
            // A bound that concerns one file alone would look the same.
            error => Self::other(Box::new(error)),
        }
    }
}

/// What a layer is read with, whatever its form.
pub struct Reading<'a> {
    /// The digest of the layer, if it is known: for where all bytes turn out to be fetched.
    pub digest: Option<&'a Digest>,
    /// The bounds to keep to.
    pub limits: &'a Limits,
    /// The memory for what is fetched and not yet proved. Whoever waits for some holds nothing of it, and whoever holds
    /// some may wait for other memory in the sink.
    pub memory: &'a Budget,
    /// Hears how many bytes were fetched so far.
    pub report: &'a dyn Fn(u64),
}

/// Hands every entry of the layer to `sink`, and fetches of their content what that reads.
pub fn walk(
    access: &dyn RandomAccess,
    form: &Form,
    reading: &Reading<'_>,
    sink: &mut dyn EntrySink,
) -> Result<Extent, PartialError> {
    reading.limits.layer_bytes.check(access.size())?;
    let ranges = ranges::Ranges::new(access, reading);
    match form {
        Form::Estargz(table) => {
            let toc = estargz::read_toc(&ranges, table, reading, sink)?;
            chunks::walk(&ranges, toc, chunks::Codec::Gzip, reading, sink).map(|()| Extent::Parts)
        }
        Form::ZstdChunked(table, position) => {
            let toc = zstd_chunked::read_toc(&ranges, table, *position, reading, sink)?;
            chunks::walk(&ranges, toc, chunks::Codec::Zstd, reading, sink).map(|()| Extent::Parts)
        }
        Form::Plain => plain::walk(&ranges, reading, sink),
    }
}
