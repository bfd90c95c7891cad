//! An image with everything about it, from one place to another: platforms, referrers and what refers to those, and
//! what lies under cosign's tags.
//!
//! First all manifests are read and checked, which is little; then the blobs pass, one after the other, each checked on
//! its way and none of them held in memory.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    document::{entry_of, value_of},
    error::AttachError,
    find::{Found, Note, Reason},
    legacy,
    listed::list,
    put::{Settings, make_listed},
    spending::Spending,
    store::{Put, Sink, Store, Tagged, companion_tag, parse, read_manifest},
    tag_update,
};
use crate::{
    digest::Digest,
    oci::{
        Descriptor,
        manifest::{Document, Manifest, is_foreign_layer},
        reference::{Tag, Target},
    },
    source::SourceError,
};

/// Endings of the tags that cosign puts beside an image.
pub(super) const ENDINGS: [&str; 3] = ["att", "sig", "sbom"];

/// An image and all about it, with every manifest read and checked.
#[derive(Debug, Default)]
pub struct Plan {
    /// The image: manifest or index.
    pub(super) root: Option<Descriptor>,
    /// Manifests and indexes with their bytes, each after all that it leads to.
    pub(super) manifests: Vec<(Descriptor, Vec<u8>)>,
    /// Configurations and layers.
    pub(super) blobs: BTreeMap<Digest, Descriptor>,
    /// What refers to each manifest, as lists are to name it.
    pub(super) referrers: BTreeMap<Digest, Vec<Descriptor>>,
    /// What lies under cosign's tags.
    pub(super) tags: BTreeMap<Tag, Tagged>,
    /// What was left behind since it is broken.
    pub notes: Vec<Note>,
}

/// What was copied.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Copied {
    /// Manifests and indexes.
    pub manifests: usize,
    /// Configurations, layers, bundles.
    pub blobs: usize,
    /// Of the manifests, those that refer to another.
    pub referrers: usize,
    /// The tags of cosign's that were written.
    pub tags: Vec<Tag>,
    /// What was left behind since it is broken.
    pub notes: Vec<Note>,
}

/// Looks at `root` in `store` and all about it. Fails if anything of the image is missing or damaged, and if anything
/// about it could not be looked at; a broken referrer is left behind with a note.
pub fn plan(store: &dyn Store, root: &Descriptor, spending: &mut Spending) -> Result<Plan, AttachError> {
    let plan = Plan { root: Some(root.clone()), ..Plan::default() };
    let mut walk = Walk { store, spending, plan, seen: BTreeSet::new(), found: Found::default() };
    walk.document(root, None, 0).map_err(AttachError::store(format!("reading {}", root.digest)))?;
    let (mut plan, mut found) = (walk.plan, walk.found);
    if let Some(first) = found.incomplete.first() {
        return Err(AttachError::Incomplete { place: store.place(), what: first.to_string() });
    }
    plan.notes.append(&mut found.notes);
    Ok(plan)
}

struct Walk<'a> {
    store: &'a dyn Store,
    spending: &'a mut Spending,
    plan: Plan,
    seen: BTreeSet<Digest>,
    found: Found,
}

impl Walk<'_> {
    /// Takes a manifest or index, all that it leads to and all about it. With a `subject`, it must refer to that;
    /// gives what lists are to say of it.
    fn document(
        &mut self,
        descriptor: &Descriptor,
        subject: Option<&Digest>,
        depth: u64,
    ) -> Result<Option<Descriptor>, SourceError> {
        let what = |source| SourceError::Limit { what: descriptor.digest.to_string(), source };
        self.spending.limits().index_depth.check(depth).map_err(what)?;
        self.spending.request().map_err(what)?;
        let bytes = read_manifest(self.store, descriptor)?;
        let document = parse(&bytes, descriptor)?;
        let whole = Descriptor { size: bytes.len() as u64, ..descriptor.clone() };
        let (refers_to, entry) = match &document {
            Document::Manifest(manifest) => (&manifest.subject, entry_of(&whole, manifest)),
            Document::Index(index) => (&index.subject, whole.clone()),
        };
        let refers_to = refers_to.as_ref().map(|subject| &subject.digest);
        if subject.is_some() && refers_to != subject {
            self.found.note(&descriptor.digest, Reason::OtherSubject(refers_to.cloned()));
            return Ok(None);
        }
        if !self.seen.insert(descriptor.digest.clone()) {
            return Ok(Some(entry));
        }
        self.spending.limits().manifests.check(self.seen.len() as u64).map_err(what)?;
        self.spending.take(whole.size).map_err(what)?;
        match document {
            Document::Manifest(manifest) => self.blobs(&manifest),
            Document::Index(index) => {
                for child in &index.manifests {
                    self.document(child, None, depth.saturating_add(1))?;
                }
            }
        }
        self.plan.manifests.push((whole, bytes));
        self.about(&descriptor.digest, depth);
        Ok(Some(entry))
    }

    fn blobs(&mut self, manifest: &Manifest) {
        // What its owner gives out elsewhere is not expected to lie with the image.
        let own = manifest.layers.iter().filter(|layer| !is_foreign_layer(&layer.media_type));
        for blob in own.chain([&manifest.config]) {
            self.plan.blobs.entry(blob.digest.clone()).or_insert_with(|| blob.clone());
        }
    }

    /// What refers to a manifest, and what lies under the tags made of its digest.
    fn about(&mut self, subject: &Digest, depth: u64) {
        let mut entries = Vec::new();
        for candidate in list(self.store, subject, self.spending, &mut self.found) {
            let known = self.seen.contains(&candidate.descriptor.digest);
            match self.document(&candidate.descriptor, Some(subject), depth.saturating_add(1)) {
                Ok(entry) => entries.extend(entry.filter(|_| !known)),
                Err(error) => self.found.failed(&candidate.descriptor.digest, error),
            }
        }
        if !entries.is_empty() {
            self.plan.referrers.insert(subject.clone(), entries);
        }
        for tag in ENDINGS.iter().filter_map(|ending| companion_tag(subject, ending)) {
            if let Err(source) = self.spending.request() {
                self.found.limit(format!("the tag {tag}"), source);
                break;
            }
            match self.store.tagged(&tag) {
                Ok(None) => {}
                Ok(Some(tagged)) => match parse(&tagged.bytes, &tagged.descriptor) {
                    Ok(Document::Manifest(manifest)) => {
                        self.blobs(&manifest);
                        self.plan.tags.insert(tag, tagged);
                    }
                    Ok(Document::Index(_)) => {
                        self.found.note(&tag, Reason::NotAnAttestation("index".to_owned()));
                    }
                    Err(error) => self.found.note(&tag, Reason::Damaged(error.to_string())),
                },
                Err(error) => self.found.not_listed(format!("the tag {tag}"), error),
            }
        }
    }
}

/// Copies what `plan` found in `store` into `sink`, and puts the image there under `tag`. Lists of referrers are
/// written anew, so that they say what they should. What `sink` has under cosign's tags is added to.
pub fn copy(
    store: &dyn Store,
    plan: Plan,
    sink: &dyn Sink,
    tag: Option<&Tag>,
    settings: &Settings<'_>,
) -> Result<Copied, AttachError> {
    for blob in plan.blobs.values() {
        sink.put_blob(blob, store.as_repository(), &|| store.blob(&blob.digest, blob.size))
            .map_err(AttachError::store(format!("copying the blob {}", blob.digest)))?;
    }
    let mut noted = BTreeSet::new();
    for (descriptor, bytes) in &plan.manifests {
        let target = Target::Digest(descriptor.digest.clone());
        let put = sink
            .put_manifest(&target, &media_type(descriptor, bytes), bytes, None)
            .map_err(AttachError::store(format!("copying the manifest {}", descriptor.digest)))?;
        if put == Put::Listed {
            noted.insert(&descriptor.digest);
        }
    }
    for (subject, entries) in &plan.referrers {
        let noted = entries.iter().all(|entry| noted.contains(&entry.digest));
        make_listed(sink, subject, entries, noted, settings)?;
    }
    for (tag, tagged) in &plan.tags {
        put_tagged(sink, tag, tagged, settings)?;
    }
    let root = plan.root.as_ref().map(|root| &root.digest);
    let root = plan.manifests.iter().find(|(descriptor, _)| Some(&descriptor.digest) == root);
    if let (Some((descriptor, bytes)), Some(tag)) = (root, tag) {
        let target = Target::Tag(tag.clone());
        sink.put_manifest(&target, &media_type(descriptor, bytes), bytes, None)
            .map_err(AttachError::store(format!("writing the tag {tag}")))?;
    }
    Ok(Copied {
        manifests: plan.manifests.len(),
        blobs: plan.blobs.len(),
        referrers: plan.referrers.values().map(Vec::len).sum(),
        tags: plan.tags.into_keys().collect(),
        notes: plan.notes,
    })
}

/// What a document is put as: what is said of it, else what it says itself.
fn media_type(descriptor: &Descriptor, bytes: &[u8]) -> String {
    if !descriptor.media_type.is_empty() {
        return descriptor.media_type.clone();
    }
    let own = serde_json::from_slice::<Value>(bytes).ok();
    let own = own.as_ref().and_then(|document| document.get("mediaType")).and_then(Value::as_str);
    own.unwrap_or(crate::oci::manifest::OCI_MANIFEST).to_owned()
}

/// Puts a manifest under one of cosign's tags, or adds its layers to what is there.
fn put_tagged(
    sink: &dyn Sink,
    tag: &Tag,
    tagged: &Tagged,
    settings: &Settings<'_>,
) -> Result<(), AttachError> {
    let there = sink.tagged(tag).map_err(AttachError::store(format!("reading the tag {tag}")))?;
    if there.is_some() {
        let document = parse(&tagged.bytes, &tagged.descriptor);
        let Ok(Document::Manifest(manifest)) = document else { return Ok(()) };
        let layers: Vec<Value> = manifest.layers.iter().map(value_of).collect();
        legacy::add_layers(sink, tag, &layers, settings)?;
        return Ok(());
    }
    let media_type = media_type(&tagged.descriptor, &tagged.bytes);
    tag_update::update(sink, tag, &media_type, settings, |now| {
        Ok(now.is_none().then(|| tagged.bytes.clone()))
    })?;
    Ok(())
}
