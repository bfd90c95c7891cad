//! What was found about a digest: attestations, what is wrong with others, and what was not looked at.

use std::fmt;

use super::kind::Kind;
use crate::{
    attest::Signed, digest::Digest, image_path::escape_control, limits::LimitExceeded, oci::Descriptor,
    source::SourceError, timestamp::Timestamp,
};

/// Annotation with the predicate type, on the manifest of a bundle.
pub(super) const PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
/// Annotation with the predicate type, on a layer of a `.att` manifest.
pub(super) const LEGACY_PREDICATE_TYPE: &str = "predicateType";
/// Annotation with the predicate type, on a layer of `BuildKit`'s.
const BUILDKIT_PREDICATE_TYPE: &str = "in-toto.io/predicate-type";
/// Annotation with the time at which something was made.
pub(super) const CREATED: &str = "org.opencontainers.image.created";

/// What attestations are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What they are about: the digest of a manifest or index.
    pub subject: &'a Digest,
    /// The index through which the subject was chosen, which may hold statements about it.
    pub index: Option<&'a Digest>,
    /// Predicate types that are fetched first. All others are fetched as well: annotations prove nothing.
    pub likely: &'a [String],
}

/// What was found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Found {
    /// The attestations: those of likely predicate types first, then by kind, the newest first, as their annotations
    /// have it. None of it is verified.
    pub attestations: Vec<Attestation>,
    /// What is wrong with single referrers, or said otherwise than it is.
    pub notes: Vec<Note>,
    /// What was not looked at. Unless it is empty, nothing follows from what was not found.
    pub incomplete: Vec<Incomplete>,
    /// Whether records that withdraw attestations may be among what was not looked at. Then nothing follows from what was
    /// found, either.
    pub withdrawals_missed: bool,
}

/// Something that says something about the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// Where it lies.
    pub place: Place,
    /// What its bytes hash to.
    pub digest: Digest,
    /// What it is.
    pub kind: Kind,
    /// The predicate type that annotations give it.
    pub predicate_type: Option<String>,
    /// When it was made, as annotations have it.
    pub created: Option<Timestamp>,
    /// Its content.
    pub content: Content,
}

/// Where an attestation lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the manifest of this digest, which refers to the subject.
    Referrer(Digest),
    /// In this layer, counted from 0, of the manifest of this digest, under the tag `sha256-….att`.
    Legacy(Digest, usize),
    /// In the manifest of this digest, in the index beside the subject.
    Beside(Digest),
}

impl Place {
    /// The manifest that holds it.
    pub fn manifest(&self) -> &Digest {
        let (Self::Referrer(digest) | Self::Legacy(digest, _) | Self::Beside(digest)) = self;
        digest
    }
}

/// The content of an attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Signed by someone; by whom, and whether truly, is not looked at here.
    Signed(Signed),
    /// Signed by nobody: it proves nothing, and is not fetched.
    Unsigned(Descriptor),
}

/// Something that is not as it should be, and of no consequence for what else was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about: a digest or a tag.
    pub about: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It is listed but not there.
    Missing,
    /// Its bytes are not those that it should have, or make no sense.
    Damaged(String),
    /// It is listed, but says of itself that it is about something else, or about nothing.
    OtherSubject(Option<Digest>),
    /// It is no attestation, but this.
    NotAnAttestation(String),
    /// An entry of a list cannot be read.
    Unreadable(String),
    /// The registry keeps lists of referrers, but does not list this one, which is under the tag that stands in for
    /// lists.
    NotListed,
    /// There are more notes than are kept, by this number.
    More(u64),
}

impl Reason {
    /// A word that stays the same from version to version.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Damaged(_) => "damaged",
            Self::OtherSubject(_) => "other-subject",
            Self::NotAnAttestation(_) => "not-an-attestation",
            Self::Unreadable(_) => "unreadable",
            Self::NotListed => "not-listed",
            Self::More(_) => "more",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = &self.about;
        match &self.reason {
            Reason::Missing => write!(f, "{about} is listed but not there"),
            Reason::Damaged(why) => write!(f, "{about} cannot be used: {}", escape_control(why)),
            Reason::OtherSubject(Some(found)) => {
                write!(f, "{about} is listed here but says that it is about {found}")
            }
            Reason::OtherSubject(None) => write!(f, "{about} is listed here but refers to nothing"),
            Reason::NotAnAttestation(kind) => {
                write!(f, "{about} is no attestation but of type {:?}", escape_control(kind))
            }
            Reason::Unreadable(why) => {
                write!(f, "an entry of {about} cannot be read: {}", escape_control(why))
            }
            Reason::NotListed => {
                write!(f, "{about} stands under the referrers tag, but the registry's own list lacks it")
            }
            Reason::More(count) => write!(f, "{count} more about {about}"),
        }
    }
}

/// Something that was not looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Incomplete {
    /// A bound was hit.
    #[error("{what}: {source}")]
    Limit {
        /// What there is too much of.
        what: String,
        /// The bound.
        source: LimitExceeded,
        /// The predicate type that all of it is called by those who put it there; none if not all of it is called one.
        hint: Option<String>,
    },
    /// The store does not give it, for reasons that say nothing about what is there.
    #[error("{what}: {source}")]
    Failed {
        /// What was asked for.
        what: String,
        /// Why it is not given.
        source: Box<SourceError>,
    },
}

impl Incomplete {
    /// The predicate type of what was not looked at, as it is called. What somebody called wrongly, he could as well have left
    /// out: nothing that is honestly called another type is lost with it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Limit { hint, .. } => hint.as_deref(),
            Self::Failed { .. } => None,
        }
    }

    /// `LIMIT` or `UNREACHABLE`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Limit { .. } => "LIMIT",
            Self::Failed { .. } => "UNREACHABLE",
        }
    }
}

impl Found {
    /// Whether everything that the store has was looked at.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }

    /// The attestations that somebody signed.
    pub fn signed(&self) -> impl Iterator<Item = (&Attestation, &Signed)> {
        self.attestations.iter().filter_map(|attestation| match &attestation.content {
            Content::Signed(signed) => Some((attestation, signed)),
            Content::Unsigned(_) => None,
        })
    }

    pub(super) fn note(&mut self, about: impl fmt::Display, reason: Reason) {
        const KEPT: usize = 1000;
        let about = about.to_string();
        if self.notes.len() < KEPT {
            self.notes.push(Note { about, reason });
        } else if let Some(Note { reason: Reason::More(count), .. }) = self.notes.last_mut() {
            *count = count.saturating_add(1);
        } else {
            self.notes.push(Note { about: "this subject".to_owned(), reason: Reason::More(1) });
        }
    }

    pub(super) fn limit(&mut self, what: impl Into<String>, source: LimitExceeded) {
        self.limit_of(what, source, None);
    }

    /// Takes down that a bound was hit by what is called `hint`.
    pub(super) fn limit_of(&mut self, what: impl Into<String>, source: LimitExceeded, hint: Option<&str>) {
        let hint = hint.map(str::to_owned);
        self.incomplete.push(Incomplete::Limit { what: what.into(), source, hint });
    }

    /// Takes down that a list was not asked for, since a bound was hit: what is in it, nobody knows.
    pub(super) fn unlisted(&mut self, what: String, source: LimitExceeded) {
        self.withdrawals_missed = true;
        self.limit(what, source);
    }

    /// Takes down that a list was not given: what is in it, nobody knows.
    pub(super) fn not_listed(&mut self, what: String, error: SourceError) {
        self.withdrawals_missed = true;
        match Fate::of(&error) {
            Fate::Limit(source) => self.limit(what, source),
            _ => self.incomplete.push(Incomplete::Failed { what, source: Box::new(error) }),
        }
    }

    /// Takes a failure down: as a note if it lies in what was asked for, else as something that was not looked at.
    pub(super) fn failed(&mut self, about: impl fmt::Display, error: SourceError) {
        match Fate::of(&error) {
            Fate::Missing => self.note(about, Reason::Missing),
            Fate::Damaged => self.note(about, Reason::Damaged(error.to_string())),
            Fate::Limit(source) => self.limit(about.to_string(), source),
            Fate::Unknown => {
                self.incomplete.push(Incomplete::Failed { what: about.to_string(), source: Box::new(error) });
            }
        }
    }
}

/// Whether a failure says that what was asked for is not there.
pub(super) fn is_missing(error: &SourceError) -> bool {
    matches!(Fate::of(error), Fate::Missing)
}

/// Whether a failure says that what was asked for is there and not what it is called.
pub(super) fn is_damaged(error: &SourceError) -> bool {
    matches!(Fate::of(error), Fate::Damaged)
}

/// What a failure says about what was asked for.
enum Fate {
    Missing,
    Damaged,
    Limit(LimitExceeded),
    Unknown,
}

impl Fate {
    fn of(error: &SourceError) -> Self {
        match error {
            SourceError::BlobMissing { .. } => Self::Missing,
            SourceError::DigestMismatch { .. }
            | SourceError::SizeMismatch { .. }
            | SourceError::Document { .. } => Self::Damaged,
            SourceError::Limit { source, .. } => Self::Limit(*source),
            #[cfg(feature = "registry")]
            SourceError::Registry(error) => Self::of_registry(&error.fault),
            _ => Self::Unknown,
        }
    }

    #[cfg(feature = "registry")]
    fn of_registry(fault: &crate::registry::Fault) -> Self {
        use crate::registry::Fault;
        match fault {
            fault if fault.is_missing() => Self::Missing,
            Fault::Digest { .. } | Fault::Size { .. } => Self::Damaged,
            Fault::Limit(source) => Self::Limit(*source),
            Fault::Exhausted { last, .. } => Self::of_registry(last),
            _ => Self::Unknown,
        }
    }
}

/// The predicate type that a descriptor's annotations name.
pub(super) fn hint(descriptor: &Descriptor) -> Option<&str> {
    [PREDICATE_TYPE, LEGACY_PREDICATE_TYPE, BUILDKIT_PREDICATE_TYPE]
        .into_iter()
        .find_map(|name| descriptor.annotations.get(name))
        .map(String::as_str)
        .filter(|hint| !hint.is_empty())
}

/// When something was made, as a descriptor's annotations have it.
pub(super) fn created(descriptor: &Descriptor) -> Option<Timestamp> {
    descriptor.annotations.get(CREATED)?.parse().ok()
}
