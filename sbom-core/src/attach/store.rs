//! Where images and their attestations lie, to read and to write.

use std::{fmt::Debug, io::Read};

use crate::{
    digest::Digest,
    limits::{Limit, read_capped_sized},
    oci::{
        Descriptor,
        manifest::Document,
        reference::{Repository, Tag, Target},
    },
    source::{ContentStore, SourceError, error::Part, image},
};

/// A place where images and their attestations lie: a repository of a registry, or an OCI layout.
///
/// A store believes nothing and promises nothing but what its methods say; who asks checks digests.
pub trait Store: ContentStore {
    /// How messages call it: `HOST/PATH`, or the path of the layout.
    fn place(&self) -> String;

    /// What a tag leads to now. None if there is no such tag.
    fn tagged(&self, tag: &Tag) -> Result<Option<Tagged>, SourceError>;

    /// What refers to a manifest, as the store's own list has it.
    fn referrers(&self, subject: &Digest) -> Result<Referrers, SourceError>;

    /// Whether a blob is there.
    fn has_blob(&self, digest: &Digest) -> Result<bool, SourceError>;

    /// The repository of a registry that it is, if it is one.
    fn as_repository(&self) -> Option<&Repository>;
}

/// A manifest or index that a tag leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// What it is.
    pub descriptor: Descriptor,
    /// Its bytes, which agree with the descriptor.
    pub bytes: Vec<u8>,
    /// The store's name for this state of the tag, with which it can be replaced only if nothing else was put there
    /// meanwhile.
    pub state: Option<String>,
}

/// A store's own list of what refers to a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referrers {
    /// The list, and what in it cannot be read, one message each.
    Listed(Vec<Descriptor>, Vec<String>),
    /// The store keeps no lists: an index under a tag made of the digest takes their place.
    Unsupported,
}

/// Opens the bytes of a blob from the first one, as often as they must be sent.
pub type Open<'a> = dyn Fn() -> Result<Box<dyn Read + Send>, SourceError> + 'a;

/// A [`Store`] that can be written.
pub trait Sink: Store {
    /// Puts a blob there, unless it is. The bytes are checked on their way. `from` is a repository that has the blob; a
    /// registry that has both takes it over from there.
    fn put_blob(
        &self,
        descriptor: &Descriptor,
        from: Option<&Repository>,
        open: &Open<'_>,
    ) -> Result<(), SourceError>;

    /// Puts a manifest there under a digest, which is that of its bytes, or under a tag. With a `state`, only if the
    /// tag is still as it was read.
    fn put_manifest(
        &self,
        target: &Target,
        media_type: &str,
        bytes: &[u8],
        state: Option<&str>,
    ) -> Result<Put, SourceError>;

    /// Takes a manifest away. False if there is none.
    fn delete_manifest(&self, digest: &Digest) -> Result<bool, SourceError>;
}

/// What became of a manifest that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is there, and if it refers to another manifest, the store's list names it.
    Listed,
    /// It is there. Whether the store has a list, it does not say.
    Done,
    /// It is not: the tag no longer leads to where it did.
    Changed,
}

/// Tag that stands in for the list of what refers to `digest`, where a registry has none.
/// Source: OCI distribution specification 1.1, "Referrers Tag Schema".
pub fn fallback_tag(digest: &Digest) -> Option<Tag> {
    let tag = digest.to_string().replacen(':', "-", 1);
    // The whole of a SHA-512 digest is longer than a tag can be; the specification cuts it.
    tag.get(..tag.len().min(128))?.parse().ok()
}

/// The tags that cosign puts beside an image: `att`, `sig`, `sbom`.
pub fn companion_tag(digest: &Digest, ending: &str) -> Option<Tag> {
    format!("{}.{ending}", digest.to_string().replacen(':', "-", 1)).parse().ok()
}

/// The manifest or index that `descriptor` points to, whose bytes agree with it.
pub fn document(
    store: &(impl ContentStore + ?Sized),
    descriptor: &Descriptor,
) -> Result<Document, SourceError> {
    let bytes = read_manifest(store, descriptor)?;
    parse(&bytes, descriptor)
}

/// A manifest or index out of bytes that agree with `descriptor`.
pub(super) fn parse(bytes: &[u8], descriptor: &Descriptor) -> Result<Document, SourceError> {
    Document::parse(bytes, &descriptor.media_type).map_err(|source| SourceError::Document {
        what: Part::Manifest,
        digest: descriptor.digest.clone(),
        source,
    })
}

/// The bytes of a blob, at most `limit` of them, which agree with its descriptor.
pub fn read_blob(reader: impl Read, blob: &Descriptor, limit: Limit) -> Result<Vec<u8>, SourceError> {
    // One byte more than announced is enough to know that there are too many.
    let size = blob.size.saturating_add(1);
    let bytes = read_capped_sized(reader.take(size), size, limit)
        .map_err(|error| SourceError::read_from(blob.digest.to_string(), error))?;
    image::check(Part::Blob, blob, &bytes)?;
    Ok(bytes)
}

/// The bytes of a manifest, which agree with its descriptor. A descriptor of size 0 names a digest alone.
pub(super) fn read_manifest(
    store: &(impl ContentStore + ?Sized),
    descriptor: &Descriptor,
) -> Result<Vec<u8>, SourceError> {
    let bytes = store.manifest(descriptor)?;
    let size = if descriptor.size == 0 { bytes.len() as u64 } else { descriptor.size };
    let expected = Descriptor::new("", descriptor.digest.clone(), size);
    image::check(Part::Manifest, &expected, &bytes)?;
    Ok(bytes)
}
