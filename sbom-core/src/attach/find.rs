//! All attestations about a digest, whichever way they were put there.

use std::{cmp::Reverse, fmt};

use super::{
    kind::Kind,
    listed::{Candidate, list},
    spending::Spending,
    store::{Store, companion_tag, read_manifest},
};
use crate::{
    attest::Signed,
    digest::Digest,
    image_path::escape_control,
    limits::{LimitExceeded, ReadError, read_capped},
    oci::{
        Descriptor,
        manifest::{Document, Manifest},
    },
    source::{SourceError, error::Part, image},
    timestamp::Timestamp,
};

/// Annotation with the predicate type, on the manifest of a bundle.
pub(super) const PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
/// Annotation with the predicate type, on a layer of a `.att` manifest.
pub(super) const LEGACY_PREDICATE_TYPE: &str = "predicateType";
/// Annotation with the predicate type, on a layer of `BuildKit`'s.
const BUILDKIT_PREDICATE_TYPE: &str = "in-toto.io/predicate-type";
/// Annotation with the time at which something was made.
pub(super) const CREATED: &str = "org.opencontainers.image.created";
/// Annotations of `BuildKit` on an entry of an index: what it is, and which entry it is about.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

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
        self.incomplete.push(Incomplete::Limit { what: what.into(), source });
    }

    /// Takes down that a list was not given: what is in it, nobody knows.
    pub(super) fn not_listed(&mut self, what: String, error: SourceError) {
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
            Fault::Digest { .. } => Self::Damaged,
            Fault::Limit(source) => Self::Limit(*source),
            Fault::Exhausted { last, .. } => Self::of_registry(last),
            _ => Self::Unknown,
        }
    }
}

/// Finds all attestations about `wanted.subject` in `store`.
///
/// The store's list of referrers, the tag that stands in for it, the `.att` tag and the index around the subject are
/// united; none of them hides another. Every manifest and blob agrees with its digest and size, and every referrer
/// names the subject. What is broken becomes a note. What cannot be decided, since a list is refused or a bound of
/// `spending` is hit, is told in [`Found::incomplete`].
pub fn find(store: &dyn Store, wanted: Wanted<'_>, spending: &mut Spending) -> Found {
    let mut found = Found::default();
    let mut search = Search { store, wanted, spending, found: &mut found };
    // What lies under the old tag is looked at first: it is one manifest, and thus cannot be crowded out.
    let mut leads = search.legacy();
    leads.extend(search.referrers());
    leads.sort_by_key(|lead| lead.order(wanted.likely));
    for lead in leads {
        if search.fetch(lead).is_err() {
            break;
        }
    }
    search.beside();
    found
}

/// A bound was hit after which nothing more is asked for.
struct Exhausted;

/// Something signed, or a referrer that may hold such.
enum Lead {
    /// A layer whose bytes are an envelope, and where it lies.
    Layer(Descriptor, Place),
    /// A referrer.
    Referrer(Candidate),
}

impl Lead {
    fn annotations(&self) -> &crate::oci::Descriptor {
        match self {
            Self::Layer(descriptor, _) => descriptor,
            Self::Referrer(candidate) => &candidate.descriptor,
        }
    }

    /// By which leads are followed: what is likely, by kind, the newest first; the digest makes it one order.
    fn order(&self, likely: &[String]) -> impl Ord + use<> {
        let descriptor = self.annotations();
        let predicate_type = hint(descriptor);
        let is_likely = predicate_type.is_some_and(|hint| likely.iter().any(|wanted| wanted == hint));
        let (kind, position) = match self {
            Self::Layer(_, Place::Legacy(_, index)) => (Kind::Envelope, *index),
            Self::Layer(..) => (Kind::Envelope, 0),
            Self::Referrer(candidate) => (Kind::of_descriptor(&candidate.descriptor), 0),
        };
        // Layers are added at the end, so that the last one is the newest.
        (Reverse(is_likely), kind, Reverse(created(descriptor)), Reverse(position), descriptor.digest.clone())
    }
}

struct Search<'a> {
    store: &'a dyn Store,
    wanted: Wanted<'a>,
    spending: &'a mut Spending,
    found: &'a mut Found,
}

impl Search<'_> {
    /// The layers of the manifest under the `.att` tag.
    fn legacy(&mut self) -> Vec<Lead> {
        let Some(tag) = companion_tag(self.wanted.subject, "att") else { return Vec::new() };
        if let Err(source) = self.spending.request() {
            self.found.limit(format!("the tag {tag}"), source);
            return Vec::new();
        }
        let tagged = match self.store.tagged(&tag) {
            Ok(Some(tagged)) => tagged,
            Ok(None) => return Vec::new(),
            Err(error) => {
                self.found.not_listed(format!("the tag {tag}"), error);
                return Vec::new();
            }
        };
        let digest = tagged.descriptor.digest;
        let manifest = match Document::parse(&tagged.bytes, &tagged.descriptor.media_type) {
            Ok(Document::Manifest(manifest)) => manifest,
            Ok(Document::Index(_)) => {
                self.found.note(&tag, Reason::NotAnAttestation("index".to_owned()));
                return Vec::new();
            }
            Err(error) => {
                self.found.note(&tag, Reason::Damaged(error.to_string()));
                return Vec::new();
            }
        };
        let mut leads = Vec::new();
        for (index, layer) in manifest.layers.into_iter().enumerate() {
            match Kind::of(&layer.media_type) {
                Kind::Envelope => leads.push(Lead::Layer(layer, Place::Legacy(digest.clone(), index))),
                Kind::Statement | Kind::Sbom => {
                    self.unsigned(layer, Place::Legacy(digest.clone(), index));
                }
                _ => self.found.note(&layer.digest, Reason::NotAnAttestation(layer.media_type.clone())),
            }
        }
        leads
    }

    /// What the lists name, as far as it may be an attestation and there is room for it.
    fn referrers(&mut self) -> Vec<Lead> {
        let mut candidates = list(self.store, self.wanted.subject, self.spending, self.found);
        candidates.retain(|candidate| Kind::of_descriptor(&candidate.descriptor) != Kind::Signature);
        let mut leads: Vec<Lead> = candidates.into_iter().map(Lead::Referrer).collect();
        leads.sort_by_key(|lead| lead.order(self.wanted.likely));
        let limit = self.spending.limits().referrers;
        if let Err(source) = limit.check(leads.len() as u64) {
            self.found.limit(format!("the referrers of {}", self.wanted.subject), source);
            leads.truncate(limit.as_usize());
        }
        leads
    }

    fn fetch(&mut self, lead: Lead) -> Result<(), Exhausted> {
        match lead {
            Lead::Layer(layer, place) => self.signed(&layer, place, None),
            Lead::Referrer(candidate) => self.referrer(&candidate),
        }
    }

    /// Looks into one referrer.
    fn referrer(&mut self, candidate: &Candidate) -> Result<(), Exhausted> {
        let digest = &candidate.descriptor.digest;
        self.request(format!("the referrer {digest}"))?;
        let bytes = match read_manifest(self.store, &candidate.descriptor) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.found.failed(digest, error);
                return Ok(());
            }
        };
        let manifest = match Document::parse(&bytes, &candidate.descriptor.media_type) {
            Ok(Document::Manifest(manifest)) => manifest,
            Ok(Document::Index(_)) => {
                self.found.note(digest, Reason::NotAnAttestation("index".to_owned()));
                return Ok(());
            }
            Err(error) => {
                self.found.note(digest, Reason::Damaged(error.to_string()));
                return Ok(());
            }
        };
        let subject = manifest.subject.as_ref().map(|subject| &subject.digest);
        if subject != Some(self.wanted.subject) {
            self.found.note(digest, Reason::OtherSubject(subject.cloned()));
            return Ok(());
        }
        self.layers(digest, &manifest)
    }

    fn layers(&mut self, digest: &Digest, manifest: &Manifest) -> Result<(), Exhausted> {
        let place = || Place::Referrer(digest.clone());
        let mut any = false;
        // As many layers as a manifest holds may name one blob; each is an attestation once.
        let mut seen = std::collections::BTreeSet::new();
        for layer in manifest.layers.iter().filter(|layer| seen.insert(&layer.digest)) {
            let kind = match Kind::of(&layer.media_type) {
                // A raw bill is often a layer of no particular type, and the manifest says what it is.
                Kind::Unclear if manifest.layers.len() == 1 => match Kind::of_manifest(manifest) {
                    kind @ (Kind::Sbom | Kind::Statement) => kind,
                    _ => Kind::Unclear,
                },
                kind => kind,
            };
            match kind {
                Kind::Bundle | Kind::Envelope => self.signed(layer, place(), Some(manifest))?,
                Kind::Statement | Kind::Sbom => self.unsigned(layer.clone(), place()),
                Kind::Signature | Kind::Unclear => continue,
            }
            any = true;
        }
        if !any && Kind::of_manifest(manifest) != Kind::Signature {
            let kind = super::kind::artifact_type(manifest).to_owned();
            self.found.note(digest, Reason::NotAnAttestation(kind));
        }
        Ok(())
    }

    /// Fetches something signed.
    fn signed(
        &mut self,
        layer: &Descriptor,
        place: Place,
        manifest: Option<&Manifest>,
    ) -> Result<(), Exhausted> {
        let digest = &layer.digest;
        if let Err(source) = self.spending.limits().attestation_bytes.check(layer.size) {
            self.found.limit(format!("the attestation {digest}"), source);
            return Ok(());
        }
        if let Err(source) = self.spending.take(layer.size) {
            self.found.limit("all attestations", source);
            return Err(Exhausted);
        }
        self.request(format!("the attestation {digest}"))?;
        let bytes = match self.blob(layer) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.found.failed(digest, error);
                return Ok(());
            }
        };
        let kind = Kind::of(&layer.media_type);
        let content = match kind {
            Kind::Envelope => Signed::Envelope { bytes, annotations: layer.annotations.clone() },
            _ => Signed::Bundle(bytes),
        };
        let of_manifest = |name: &str| manifest.and_then(|manifest| manifest.annotations.get(name));
        let predicate_type = of_manifest(PREDICATE_TYPE).map(String::as_str).or_else(|| hint(layer));
        let created_at = of_manifest(CREATED).and_then(|text| text.parse().ok()).or_else(|| created(layer));
        self.found.attestations.push(Attestation {
            place,
            digest: digest.clone(),
            kind,
            predicate_type: predicate_type.map(str::to_owned),
            created: created_at,
            content: Content::Signed(content),
        });
        Ok(())
    }

    fn unsigned(&mut self, layer: Descriptor, place: Place) {
        self.found.attestations.push(Attestation {
            place,
            digest: layer.digest.clone(),
            kind: Kind::of(&layer.media_type),
            predicate_type: hint(&layer).map(str::to_owned),
            created: created(&layer),
            content: Content::Unsigned(layer),
        });
    }

    fn blob(&self, layer: &Descriptor) -> Result<Vec<u8>, SourceError> {
        let limit = self.spending.limits().attestation_bytes;
        let reader = self.spending.timed(self.store.blob(&layer.digest, layer.size)?);
        // One byte more than announced is enough to know that there are too many.
        let reader = std::io::Read::take(reader, layer.size.saturating_add(1));
        let bytes = read_capped(reader, limit).map_err(|error| match error {
            ReadError::Io(source) => SourceError::Stream { from: layer.digest.to_string(), source },
            ReadError::Limit(source) => SourceError::Limit { what: layer.digest.to_string(), source },
        })?;
        image::check(Part::Blob, layer, &bytes)?;
        Ok(bytes)
    }

    /// What stands in the index about the subject.
    fn beside(&mut self) {
        let Some(index) = self.wanted.index else { return };
        if self.request(format!("the index {index}")).is_err() {
            return;
        }
        let read = read_manifest(self.store, &Descriptor::new("", index.clone(), 0));
        let listed = match read.map(|bytes| Document::parse(&bytes, "")) {
            Ok(Ok(Document::Index(index))) => index.manifests,
            Ok(Ok(Document::Manifest(_))) => return,
            Ok(Err(error)) => return self.found.note(index, Reason::Damaged(error.to_string())),
            Err(error) => return self.found.failed(index, error),
        };
        let subject = self.wanted.subject.to_string();
        let is_about = |entry: &Descriptor| {
            entry.annotations.get(REFERENCE_TYPE).is_some_and(|kind| kind == "attestation-manifest")
                && entry.annotations.get(REFERENCE_DIGEST) == Some(&subject)
        };
        let mut about: Vec<Descriptor> = listed.into_iter().filter(is_about).collect();
        let limit = self.spending.limits().referrers;
        if let Err(source) = limit.check(about.len() as u64) {
            self.found.limit(format!("the statements about {subject} in {index}"), source);
            about.truncate(limit.as_usize());
        }
        for entry in about {
            if self.request(format!("the statements {}", entry.digest)).is_err() {
                return;
            }
            match read_manifest(self.store, &entry).map(|bytes| Document::parse(&bytes, &entry.media_type)) {
                Ok(Ok(Document::Manifest(manifest))) => {
                    for layer in manifest.layers {
                        if matches!(Kind::of(&layer.media_type), Kind::Statement | Kind::Sbom) {
                            self.unsigned(layer, Place::Beside(entry.digest.clone()));
                        }
                    }
                }
                Ok(Ok(Document::Index(_))) => {
                    self.found.note(&entry.digest, Reason::NotAnAttestation("index".to_owned()));
                }
                Ok(Err(error)) => self.found.note(&entry.digest, Reason::Damaged(error.to_string())),
                Err(error) => self.found.failed(&entry.digest, error),
            }
        }
    }

    fn request(&mut self, what: String) -> Result<(), Exhausted> {
        self.spending.request().map_err(|source| {
            self.found.limit(what, source);
            Exhausted
        })
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
