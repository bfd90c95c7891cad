//! Lists of referrers put right, and referrers taken away.

use std::collections::BTreeMap;

use super::{
    document::{entry_of, list_corrected, list_without},
    error::AttachError,
    find::{Found, Incomplete, Note},
    put::{Settings, no_list},
    spending::Spending,
    store::{Referrers, Sink, Store, fallback_tag, parse, read_manifest},
    tag_update,
};
use crate::{
    digest::Digest,
    oci::{
        Descriptor,
        manifest::{Document, OCI_INDEX, parse_referrers},
        reference::Tag,
    },
    source::SourceError,
};

/// What was put right in one list.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Repaired {
    /// The tag under which the list lies; none if there is no such list.
    pub tag: Option<Tag>,
    /// Entries in it.
    pub entries: usize,
    /// Entries that said something else than the manifest that they name, and now do not.
    pub corrected: Vec<Digest>,
    /// Entries that stay as they are, since what they name is not there or makes no sense.
    pub notes: Vec<Note>,
    /// Entries that stay as they are, since what they name could not be looked at.
    pub incomplete: Vec<Incomplete>,
}

/// Makes the list of what refers to `subject`, where it lies under a tag, say of each manifest what the manifest says of
/// itself: its artifact type and its annotations. Tools that choose by these find nothing otherwise. No entry is ever
/// dropped. With `dry_run` nothing is written.
pub fn repair(
    sink: &dyn Sink,
    subject: &Digest,
    dry_run: bool,
    settings: &Settings<'_>,
    spending: &mut Spending,
) -> Result<Repaired, AttachError> {
    let tag = fallback_tag(subject).ok_or_else(|| AttachError::NoTag { digest: subject.clone() })?;
    let reading = || AttachError::store(format!("reading the tag {tag}"));
    let Some(tagged) = sink.tagged(&tag).map_err(reading())? else { return Ok(Repaired::default()) };
    let (entries, _) = parse_referrers(&tagged.bytes).map_err(|_malformed| no_list(&tag))?;
    let mut found = Found::default();
    let mut known = BTreeMap::new();
    for entry in &entries {
        if let Err(source) = spending.request() {
            found.limit(entry.digest.to_string(), source);
            break;
        }
        match right_entry(sink, entry) {
            Ok(Some(right)) => drop(known.insert(entry.digest.clone(), right)),
            Ok(None) => {}
            Err(error) => found.failed(&entry.digest, error),
        }
    }
    let differs = |entry: &&Descriptor| {
        known.get(&entry.digest).is_some_and(|right| {
            right.artifact_type != entry.artifact_type
                || right.annotations.iter().any(|(name, value)| entry.annotations.get(name) != Some(value))
        })
    };
    let corrected: Vec<Digest> = entries.iter().filter(differs).map(|entry| entry.digest.clone()).collect();
    if !corrected.is_empty() && !dry_run {
        tag_update::update(sink, &tag, OCI_INDEX, settings, |now| match now {
            Some(now) => list_corrected(&now.bytes, &known).map_err(|_no_list| no_list(&tag)),
            None => Ok(None),
        })?;
    }
    Ok(Repaired {
        tag: Some(tag),
        entries: entries.len(),
        corrected,
        notes: found.notes,
        incomplete: found.incomplete,
    })
}

/// What a list should say of a manifest; none for what is no manifest.
fn right_entry(store: &dyn Store, entry: &Descriptor) -> Result<Option<Descriptor>, SourceError> {
    let bytes = read_manifest(store, entry)?;
    Ok(match parse(&bytes, entry)? {
        Document::Manifest(manifest) => Some(entry_of(entry, &manifest)),
        Document::Index(_) => None,
    })
}

/// What was taken away.
#[derive(Debug)]
#[non_exhaustive]
pub struct Removed {
    /// Whether the entry was taken out of the list under the tag.
    pub from_tag: bool,
    /// Whether the manifest was there and is gone.
    pub manifest: bool,
    /// Why the store does not take the manifest away, if it refuses: many do not delete.
    pub refused: Option<SourceError>,
}

/// Takes the referrer `manifest` away from beside `subject`: its entry in the list under the tag, and the manifest
/// itself. Fails if it is still listed afterwards.
pub fn remove(
    sink: &dyn Sink,
    subject: &Digest,
    manifest: &Digest,
    settings: &Settings<'_>,
) -> Result<Removed, AttachError> {
    let mut from_tag = false;
    if let Some(tag) = fallback_tag(subject) {
        // First out of the list: a list that names what is gone would be worse than the other way round.
        from_tag = tag_update::update(sink, &tag, OCI_INDEX, settings, |now| match now {
            Some(now) => list_without(&now.bytes, manifest).map_err(|_no_list| no_list(&tag)),
            None => Ok(None),
        })?;
    }
    let (manifest_gone, refused) = match sink.delete_manifest(manifest) {
        Ok(gone) => (gone, None),
        Err(error) => (false, Some(error)),
    };
    let listed = sink.referrers(subject).map_err(AttachError::store("listing what is left"))?;
    if let Referrers::Listed(listed, _) = listed
        && listed.iter().any(|entry| entry.digest == *manifest)
        && refused.is_none()
    {
        let place = sink.place();
        return Err(AttachError::StillListed { digest: manifest.clone(), subject: subject.clone(), place });
    }
    Ok(Removed { from_tag, manifest: manifest_gone, refused })
}
