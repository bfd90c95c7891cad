//! Why attestations cannot be put where they belong.

use crate::{
    digest::Digest,
    limits::LimitExceeded,
    oci::{manifest::ManifestError, reference::Tag},
    source::SourceError,
};

/// An attestation was not put where it belongs, or not so that it will be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The store does not give or take what is needed.
    #[error("{what}: {source}")]
    Store {
        /// What was being done.
        what: String,
        /// What went wrong.
        source: SourceError,
    },
    /// What lies under a tag is not what must lie there.
    #[error("what lies under the tag {tag} {source}; look at it before writing there")]
    Tagged {
        /// The tag.
        tag: Tag,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// A list would become larger than registries take.
    #[error("the list under the tag {tag}: {source}")]
    ListFull {
        /// The tag.
        tag: Tag,
        /// The bound.
        source: LimitExceeded,
    },
    /// Others write under the tag again and again.
    #[error(
        "the tag {tag} changed at each of {attempts} attempts to write it; try again when nobody else writes"
    )]
    Contended {
        /// The tag.
        tag: Tag,
        /// Attempts made.
        attempts: u32,
    },
    /// It was put there, but a reader would not find it.
    #[error("{digest} was put there, but {place} does not list it as referring to {subject}")]
    NotVisible {
        /// What was put.
        digest: Digest,
        /// What it is about.
        subject: Digest,
        /// Where.
        place: String,
    },
    /// It was taken away, but is still listed.
    #[error("{digest} was taken away, but {place} still lists it as referring to {subject}")]
    StillListed {
        /// What was taken away.
        digest: Digest,
        /// What it was about.
        subject: Digest,
        /// Where.
        place: String,
    },
    /// What is to be attached is not what it must be.
    #[error("what is to be attached is no Sigstore bundle with a DSSE envelope: {reason}")]
    Bundle {
        /// What is missing.
        reason: &'static str,
    },
    /// Something that is to be copied is not all there, or was not all looked at.
    #[error("{place} holds more than was found: {what}")]
    Incomplete {
        /// Where it lies.
        place: String,
        /// What was not looked at.
        what: String,
    },
    /// An archive cannot be written.
    #[error("the archive cannot be written: {0}")]
    Write(#[from] std::io::Error),
    /// A digest is of an algorithm from which no tag can be made.
    #[error("no tag can be made of {digest}")]
    NoTag {
        /// The digest.
        digest: Digest,
    },
}

impl AttachError {
    /// A failure of the store in doing `what`.
    pub(super) fn store(what: impl Into<String>) -> impl FnOnce(SourceError) -> Self {
        let what = what.into();
        move |source| Self::Store { what, source }
    }
}
