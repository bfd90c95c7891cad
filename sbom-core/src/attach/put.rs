//! A signed statement put beside what it is about, so that everybody who looks for it finds it.

use std::{collections::BTreeMap, io::Read};

use super::{
    document::{self, Made, NoList, empty, referrer},
    error::AttachError,
    find::{Found, is_missing},
    kind::{BUNDLE, EMPTY_BYTES, Kind},
    legacy,
    listed::list,
    spending::{Clock, Spending, Stopwatch},
    store::{Put, Referrers, Sink, fallback_tag, read_manifest},
    tag_update,
};
use crate::{
    digest::Digest,
    limits::Limits,
    oci::{
        Descriptor,
        manifest::{Document, ManifestError, OCI_INDEX, OCI_MANIFEST, parse_referrers},
        reference::{Tag, Target},
    },
    source::SourceError,
    timestamp::Timestamp,
};

/// How often a list is read until it names what was put there; some registries take a while.
const READS: u32 = 6;

/// Something signed, and what it is about.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// The Sigstore bundle: one line of JSON.
    pub bundle: &'a [u8],
    /// The type of the statement's predicate, for the annotations.
    pub predicate_type: &'a str,
    /// The manifests and indexes that it is put beside; the statement should name the digest of each.
    pub subjects: &'a [Descriptor],
    /// When it was made, for the annotations. Without it the same bundle gives the same manifest at any time.
    pub created: Option<Timestamp>,
}

/// How to attach.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// Lets time pass between attempts.
    pub clock: &'a dyn Clock,
    /// Makes the pauses of writers differ, so that they get out of step: anything that differs between them.
    pub seed: u64,
    /// Write it under cosign's `.att` tag as well, for readers that know nothing else.
    pub also_legacy: bool,
    /// The bounds.
    pub limits: &'a Limits,
}

/// Where something signed lies now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// What it is about.
    pub subject: Digest,
    /// The manifest that refers to the subject.
    pub manifest: Digest,
    /// The bundle.
    pub bundle: Digest,
    /// Whether it was put there, or was there before.
    pub new: bool,
    /// By which list it was found again.
    pub listing: Listing,
    /// The tag of the old form under which it lies too.
    pub legacy: Option<Tag>,
}

/// By which list a referrer is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// The store's own.
    Store,
    /// The index under this tag, since the store keeps no lists.
    Tag(Tag),
}

/// Puts `attachments` beside their subjects: first the bytes, then the manifests, then the lists, each of which is
/// written once for all of them. Returns only when a reader would find them all: each manifest was read again by its
/// digest, and stands in the list of its subject.
///
/// A bundle that lies beside a subject is not put there again.
pub fn attach(
    sink: &dyn Sink,
    attachments: &[Attachment<'_>],
    settings: &Settings<'_>,
) -> Result<Vec<Attached>, AttachError> {
    let mut placed = Vec::new();
    for attachment in attachments {
        place(sink, attachment, settings, &mut placed)?;
    }
    let mut by_subject: BTreeMap<Digest, Vec<&Placed>> = BTreeMap::new();
    for one in &placed {
        by_subject.entry(one.subject.clone()).or_default().push(one);
    }
    let mut listings = BTreeMap::new();
    for (subject, placed) in &by_subject {
        let entries: Vec<Descriptor> = placed.iter().map(|one| one.entry.clone()).collect();
        let expects_list = placed.iter().all(|one| one.put != Put::Done);
        listings.insert(subject.clone(), make_listed(sink, subject, &entries, expects_list, settings)?);
    }
    let legacy =
        if settings.also_legacy { legacy::add(sink, attachments, settings)? } else { BTreeMap::new() };
    let mut attached = Vec::new();
    for one in placed {
        read_manifest(sink, &one.entry).map_err(AttachError::store("reading back what was put there"))?;
        let listing = listings.get(&one.subject).cloned().unwrap_or(Listing::Store);
        attached.push(Attached {
            legacy: legacy.get(&one.subject).cloned(),
            subject: one.subject,
            manifest: one.entry.digest,
            bundle: one.bundle,
            new: one.new,
            listing,
        });
    }
    Ok(attached)
}

/// A manifest that is there, and not yet in every list.
struct Placed {
    subject: Digest,
    bundle: Digest,
    entry: Descriptor,
    new: bool,
    put: Put,
}

/// Puts the bytes and the manifests of one bundle there.
fn place(
    sink: &dyn Sink,
    attachment: &Attachment<'_>,
    settings: &Settings<'_>,
    placed: &mut Vec<Placed>,
) -> Result<(), AttachError> {
    let bytes = attachment.bundle;
    let bundle = Descriptor::new(BUNDLE, Digest::of(bytes), bytes.len() as u64);
    let was_there = sink.has_blob(&bundle.digest).map_err(AttachError::store("looking for the bundle"))?;
    put_bytes(sink, &empty(), EMPTY_BYTES)?;
    put_bytes(sink, &bundle, bytes)?;
    for subject in attachment.subjects {
        // Only if the bytes were there can a manifest have named them.
        let before = if was_there { existing(sink, &subject.digest, &bundle.digest, settings) } else { None };
        let is_new = before.is_none();
        let (entry, put) = if let Some(entry) = before {
            (entry, Put::Done)
        } else {
            let made = referrer(&bundle, attachment.predicate_type, attachment.created, subject);
            let put = put_made(sink, &made)?;
            (made.entry, put)
        };
        placed.push(Placed {
            subject: subject.digest.clone(),
            bundle: bundle.digest.clone(),
            entry,
            new: is_new,
            put,
        });
    }
    Ok(())
}

/// Puts a manifest there under its digest.
pub(super) fn put_made(sink: &dyn Sink, made: &Made) -> Result<Put, AttachError> {
    let target = Target::Digest(made.entry.digest.clone());
    sink.put_manifest(&target, OCI_MANIFEST, &made.bytes, None)
        .map_err(AttachError::store(format!("putting the manifest {}", made.entry.digest)))
}

/// Puts bytes from memory there.
pub(super) fn put_bytes(sink: &dyn Sink, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), AttachError> {
    let open = || -> Result<Box<dyn Read + Send>, SourceError> {
        Ok(Box::new(std::io::Cursor::new(bytes.to_vec())))
    };
    sink.put_blob(descriptor, None, &open)
        .map_err(AttachError::store(format!("putting the blob {}", descriptor.digest)))
}

/// The entry of a manifest that refers to `subject` and holds `bundle`. What cannot be read is none.
fn existing(
    sink: &dyn Sink,
    subject: &Digest,
    bundle: &Digest,
    settings: &Settings<'_>,
) -> Option<Descriptor> {
    let mut spending = Spending::new(settings.limits, Box::new(Stopwatch::default()));
    let candidates = list(sink, subject, &mut spending, &mut Found::default());
    let may_be = |kind| matches!(kind, Kind::Bundle | Kind::Unclear);
    let candidates = candidates.into_iter().filter(|one| may_be(Kind::of_descriptor(&one.descriptor)));
    for candidate in candidates.take(settings.limits.referrers.as_usize()) {
        spending.request().ok()?;
        let Ok(bytes) = read_manifest(sink, &candidate.descriptor) else { continue };
        let Ok(Document::Manifest(manifest)) = Document::parse(&bytes, &candidate.descriptor.media_type)
        else {
            continue;
        };
        let refers = manifest.subject.as_ref().is_some_and(|found| found.digest == *subject);
        if refers && matches!(manifest.layers.as_slice(), [only] if only.digest == *bundle) {
            return Some(document::entry_of(&candidate.descriptor, &manifest));
        }
    }
    None
}

/// Makes sure that the list of what refers to `subject` names `entries`: the store's own, or where it keeps none, the
/// one under the tag. `noted` says that the store said that it has put them into its own.
pub(super) fn make_listed(
    sink: &dyn Sink,
    subject: &Digest,
    entries: &[Descriptor],
    noted: bool,
    settings: &Settings<'_>,
) -> Result<Listing, AttachError> {
    let mut missing = None;
    for read in 0..READS {
        let listed = sink
            .referrers(subject)
            .map_err(AttachError::store(format!("listing what refers to {subject}")))?;
        missing = match listed {
            Referrers::Listed(listed, _) => {
                entries.iter().find(|entry| !listed.iter().any(|found| found.digest == entry.digest))
            }
            Referrers::Unsupported if noted => entries.first(),
            Referrers::Unsupported => return under_tag(sink, subject, entries, settings),
        };
        if missing.is_none() {
            return Ok(Listing::Store);
        }
        settings.clock.pause(tag_update::pause(settings.seed, read));
    }
    let digest = missing.map_or_else(|| subject.clone(), |entry| entry.digest.clone());
    Err(AttachError::NotVisible { digest, subject: subject.clone(), place: sink.place() })
}

/// Puts `entries` into the list under the tag that stands in for the store's own.
fn under_tag(
    sink: &dyn Sink,
    subject: &Digest,
    entries: &[Descriptor],
    settings: &Settings<'_>,
) -> Result<Listing, AttachError> {
    let tag = fallback_tag(subject).ok_or_else(|| AttachError::NoTag { digest: subject.clone() })?;
    let write = |dead: &[Digest]| {
        tag_update::update(sink, &tag, OCI_INDEX, settings, |now| {
            list_of(now.map(|now| now.bytes.as_slice()), dead, entries).map_err(|_no_list| no_list(&tag))
        })
    };
    match write(&[]) {
        Ok(_) => {}
        // Some registries take no list with an entry that they do not have. Such an entry leads nowhere.
        Err(AttachError::Store { what, source }) => match gone(sink, &tag, settings).as_slice() {
            [] => return Err(AttachError::Store { what, source }),
            dead => {
                tracing::warn!("the list under {tag} loses {} entries whose manifests are gone", dead.len());
                write(dead)?;
            }
        },
        Err(error) => return Err(error),
    }
    Ok(Listing::Tag(tag))
}

/// The list with `entries` and without `dead`; none if it is so.
fn list_of(
    current: Option<&[u8]>,
    dead: &[Digest],
    entries: &[Descriptor],
) -> Result<Option<Vec<u8>>, NoList> {
    let mut without = None;
    for digest in dead {
        let now = without.as_deref().or(current).unwrap_or_default();
        without = document::list_without(now, digest)?.or(without);
    }
    Ok(document::list_with(without.as_deref().or(current), entries)?.or(without))
}

/// Entries of the list under `tag` whose manifests the store says that it does not have.
fn gone(sink: &dyn Sink, tag: &Tag, settings: &Settings<'_>) -> Vec<Digest> {
    let Ok(Some(tagged)) = sink.tagged(tag) else { return Vec::new() };
    let Ok((entries, _)) = parse_referrers(&tagged.bytes) else { return Vec::new() };
    let is_gone = |entry: &Descriptor| read_manifest(sink, entry).is_err_and(|error| is_missing(&error));
    let entries = entries.into_iter().take(settings.limits.referrers.as_usize());
    entries.filter(is_gone).map(|entry| entry.digest).collect()
}

/// What lies under `tag` is no list.
pub(super) fn no_list(tag: &Tag) -> AttachError {
    let source = ManifestError::Disagreement { expected: OCI_INDEX.to_owned(), found: "something else" };
    AttachError::Tagged { tag: tag.clone(), source }
}
