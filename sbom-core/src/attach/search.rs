//! The search for attestations: every list and tag, in one order, within bounds.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    find::{
        self, Attestation, CREATED, Content, Found, PREDICATE_TYPE, Place, Reason, Wanted, created, hint,
    },
    kind::Kind,
    listed::{Candidate, list},
    revocation,
    spending::Spending,
    store::{Store, companion_tag, read_blob, read_manifest},
};
use crate::{
    attest::Signed,
    digest::Digest,
    limits::LimitExceeded,
    oci::{
        Descriptor,
        manifest::{Document, Manifest},
    },
    source::SourceError,
};

/// Annotations of `BuildKit` on an entry of an index: what it is, and which entry it is about.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

/// Predicate types by which what was left out is told apart.
const HINTS: usize = 16;

/// Finds all attestations about `wanted.subject` in `store`.
///
/// The store's list of referrers, the tag that stands in for it, the `.att` tag and the index around the subject are
/// united; none of them hides another. Every manifest and blob agrees with its digest and size, and every referrer
/// names the subject. What is broken becomes a note. What cannot be decided, since a list is refused or a bound of
/// `spending` is hit, is told in [`Found::incomplete`].
pub fn find(store: &dyn Store, wanted: Wanted<'_>, spending: &mut Spending) -> Found {
    let mut found = Found::default();
    let mut search =
        Search { store, wanted, spending, found: &mut found, records_only: false, oversized: Vec::new() };
    search.run();
    search.beside();
    found
}

/// Finds what may withdraw something, of all that is about `subject`: what is called a record, and what is called nothing.
pub fn find_records(store: &dyn Store, subject: &Digest, spending: &mut Spending) -> Found {
    let mut found = Found::default();
    let wanted = Wanted { subject, index: None, likely: &[] };
    let mut search =
        Search { store, wanted, spending, found: &mut found, records_only: true, oversized: Vec::new() };
    search.run();
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
    fn descriptor(&self) -> &Descriptor {
        match self {
            Self::Layer(descriptor, _) => descriptor,
            Self::Referrer(candidate) => &candidate.descriptor,
        }
    }

    /// Whether it claims to withdraw others.
    fn is_record(&self) -> bool {
        hint(self.descriptor()) == Some(revocation::PREDICATE_TYPE)
    }

    /// Whether it may withdraw others: some registries leave out of their lists what a record calls itself. The manifest around
    /// a layer has been read, and with it all that it is called.
    fn may_be_record(&self) -> bool {
        match self {
            Self::Layer(..) => self.is_record(),
            Self::Referrer(candidate) => self.is_record() || hint(&candidate.descriptor).is_none(),
        }
    }

    /// By which leads are followed: what withdraws others, which no limit should leave out, what is likely, by kind, the
    /// newest first; the digest makes it one order.
    fn order(&self, likely: &[String]) -> impl Ord + use<> {
        let descriptor = self.descriptor();
        let predicate_type = hint(descriptor);
        let is_record = self.is_record();
        let is_likely = predicate_type.is_some_and(|hint| likely.iter().any(|wanted| wanted == hint));
        let (kind, position) = match self {
            Self::Layer(_, Place::Legacy(_, index)) => (Kind::Envelope, *index),
            Self::Layer(..) => (Kind::Envelope, 0),
            Self::Referrer(candidate) => (Kind::of_descriptor(&candidate.descriptor), 0),
        };
        // Layers are added at the end, so that the last one is the newest.
        let rank = (Reverse(is_record), Reverse(is_likely), kind);
        (rank, Reverse(created(descriptor)), Reverse(position), descriptor.digest.clone())
    }
}

struct Search<'a> {
    store: &'a dyn Store,
    wanted: Wanted<'a>,
    spending: &'a mut Spending,
    found: &'a mut Found,
    /// Whether only records are looked for that withdraw something.
    records_only: bool,
    /// What is called larger than attestations may be.
    oversized: Vec<Oversized>,
}

/// An attestation that is called larger than one may be.
struct Oversized {
    layer: Descriptor,
    hint: Option<String>,
    source: LimitExceeded,
}

impl Search<'_> {
    fn run(&mut self) {
        // What lies under the old tag is looked at first: it is one manifest, and thus cannot be crowded out.
        let mut leads = self.legacy();
        leads.retain(|lead| self.is_looked_for(lead.descriptor()));
        leads.extend(self.referrers());
        leads.sort_by_key(|lead| lead.order(self.wanted.likely));
        let mut leads = leads.into_iter();
        while let Some(lead) = leads.next() {
            let (may_be_record, before) = (lead.may_be_record(), self.found.incomplete.len());
            let exhausted = self.fetch(lead).is_err();
            self.found.withdrawals_missed |= may_be_record && self.found.incomplete.len() > before;
            if exhausted {
                self.found.withdrawals_missed |= leads.any(|lead| lead.may_be_record());
                break;
            }
        }
        self.settle_oversized();
    }

    /// Tells of what is called too large whether it is. Once for each blob and length: what one calls it truly, another may
    /// call it falsely.
    fn settle_oversized(&mut self) {
        let mut known = BTreeMap::new();
        for Oversized { layer, hint, source } in std::mem::take(&mut self.oversized) {
            let key = (layer.digest.clone(), layer.size);
            let is_too_large = match known.get(&key) {
                Some(is_too_large) => *is_too_large,
                None => self.is_too_large(&layer),
            };
            known.insert(key, is_too_large);
            if is_too_large {
                self.found.limit_of(format!("the attestation {}", layer.digest), source, hint.as_deref());
                self.found.withdrawals_missed |= hint.as_deref() == Some(revocation::PREDICATE_TYPE);
            }
        }
    }

    /// Whether what is called so may be what is looked for.
    fn is_looked_for(&self, descriptor: &Descriptor) -> bool {
        !self.records_only || hint(descriptor).is_none_or(|hint| hint == revocation::PREDICATE_TYPE)
    }

    /// Whether a blob is too large, or may be: anybody can call anything large. That it is not is noted.
    fn is_too_large(&mut self, layer: &Descriptor) -> bool {
        let digest = &layer.digest;
        match self.measure(layer) {
            Ok(Ok(size)) if size <= self.spending.limits().attestation_bytes.value => {
                let why = format!("it is called {} bytes long, and has {size}", layer.size);
                self.found.note(digest, Reason::Damaged(why));
                false
            }
            Ok(Err(error)) if find::is_missing(&error) || find::is_damaged(&error) => {
                self.found.failed(digest, error);
                false
            }
            _ => true,
        }
    }

    fn measure(&mut self, layer: &Descriptor) -> Result<Result<u64, SourceError>, Exhausted> {
        if let Some(size) = self.spending.measured(&layer.digest) {
            return Ok(Ok(size));
        }
        let what = format!("the attestation {}", layer.digest);
        self.request(what.clone())?;
        let reader = match self.store.blob(&layer.digest, layer.size) {
            Ok(reader) => reader,
            Err(error) => return Ok(Err(error)),
        };
        let size = self.spending.measure(&layer.digest, reader);
        Ok(size.map_err(|error| SourceError::read_from(what, error.into())))
    }

    /// The layers of the manifest under the `.att` tag.
    fn legacy(&mut self) -> Vec<Lead> {
        let Some(tag) = companion_tag(self.wanted.subject, "att") else { return Vec::new() };
        if let Err(source) = self.spending.request() {
            self.found.unlisted(format!("the tag {tag}"), source);
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
            let kind = Kind::of(&layer.media_type);
            match kind {
                Kind::Envelope => leads.push(Lead::Layer(layer, Place::Legacy(digest.clone(), index))),
                Kind::Statement | Kind::Sbom => {
                    self.unsigned(layer, kind, Place::Legacy(digest.clone(), index));
                }
                _ => self.found.note(&layer.digest, Reason::NotAnAttestation(layer.media_type.clone())),
            }
        }
        leads
    }

    /// What the lists name, as far as it may be an attestation and there is room for it.
    fn referrers(&mut self) -> Vec<Lead> {
        let mut candidates = list(self.store, self.wanted.subject, self.spending, self.found);
        candidates.retain(|candidate| {
            Kind::of_descriptor(&candidate.descriptor) != Kind::Signature
                && self.is_looked_for(&candidate.descriptor)
        });
        let mut leads: Vec<Lead> = candidates.into_iter().map(Lead::Referrer).collect();
        leads.sort_by_key(|lead| lead.order(self.wanted.likely));
        let limit = self.spending.limits().referrers;
        if let Err(source) = limit.check(leads.len() as u64) {
            let left = leads.split_off(limit.as_usize().min(leads.len()));
            self.found.withdrawals_missed |= left.iter().any(Lead::may_be_record);
            let hints: BTreeSet<Option<&str>> = left.iter().map(|lead| hint(lead.descriptor())).collect();
            let what = format!("the referrers of {}", self.wanted.subject);
            if hints.len() > HINTS || hints.contains(&None) {
                self.found.limit(what, source);
            } else {
                for hint in hints {
                    self.found.limit_of(what.clone(), source, hint);
                }
            }
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
        let mut seen = BTreeSet::new();
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
                Kind::Statement | Kind::Sbom => self.unsigned(layer.clone(), kind, place()),
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
        let of_manifest = |name: &str| manifest.and_then(|manifest| manifest.annotations.get(name));
        let predicate_type = of_manifest(PREDICATE_TYPE).map(String::as_str).or_else(|| hint(layer));
        if let Err(source) = self.spending.limits().attestation_bytes.check(layer.size) {
            let hint = predicate_type.map(str::to_owned);
            self.oversized.push(Oversized { layer: layer.clone(), hint, source });
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

    fn unsigned(&mut self, layer: Descriptor, kind: Kind, place: Place) {
        self.found.attestations.push(Attestation {
            place,
            digest: layer.digest.clone(),
            kind,
            predicate_type: hint(&layer).map(str::to_owned),
            created: created(&layer),
            content: Content::Unsigned(layer),
        });
    }

    fn blob(&self, layer: &Descriptor) -> Result<Vec<u8>, SourceError> {
        let limit = self.spending.limits().attestation_bytes;
        let reader = self.spending.timed(self.store.blob(&layer.digest, layer.size)?);
        read_blob(reader, layer, limit)
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
                        let kind = Kind::of(&layer.media_type);
                        if matches!(kind, Kind::Statement | Kind::Sbom) {
                            self.unsigned(layer, kind, Place::Beside(entry.digest.clone()));
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
