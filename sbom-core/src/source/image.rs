//! From a manifest or index to the images in it: bytes checked, platform chosen, configuration read.
//!
//! Nothing is believed before its bytes hash to the digest that led to them. Indexes may hold indexes; how deep,
//! and how many manifests in all, is bounded.

use std::{collections::BTreeSet, io::Read, sync::Arc};

use super::{ContentStore, LayerBytes, Source, SourceError, error::Part};
use crate::{
    digest::{Algorithm, Digest, Hasher},
    layer::partial::{Form, RandomAccess},
    limits::{Limits, read_capped},
    oci::{
        Descriptor, Image, LayerDescriptor, Platform, Subject, SubjectKind,
        config::Config,
        manifest::{Document, Manifest, ManifestError, is_foreign_layer},
    },
};

/// Which images of an index are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The one for this platform, and no other.
    Platform(Platform),
    /// The one for the caller's own platform; where an index holds a single image, that one.
    Default(Platform),
    /// Each of them.
    All,
}

/// How an image is called where it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Naming {
    /// The subject's name, see [`Subject::name`].
    pub name: String,
    /// The tag by which it was asked for.
    pub tag: Option<String>,
    /// `HOST/PATH` in a registry.
    pub repository: Option<String>,
    /// Further names that an archive gives it.
    pub tags: Vec<String>,
}

/// An image whose layers lie in a [`ContentStore`].
#[derive(Debug, Clone)]
pub struct ImageSource {
    store: Arc<dyn ContentStore>,
    subject: Subject,
    /// By layer, how it can be read in part.
    forms: Vec<Option<Form>>,
}

impl Source for ImageSource {
    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn open(&self, layer: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
        let known =
            self.subject.layers.get(layer.index).and_then(|known| Some((known.digest.as_ref()?, known)));
        let Some((digest, known)) = known else {
            return Err(SourceError::NoSuchLayer { index: layer.index, subject: self.subject.name.clone() });
        };
        match self.store.blob(digest, known.size.unwrap_or_default()) {
            Ok(bytes) => Ok(LayerBytes::Archive(bytes)),
            Err(SourceError::BlobMissing { digest, place }) if is_foreign_layer(&known.media_type) => {
                Err(SourceError::ForeignLayer { digest, place })
            }
            Err(error) => Err(error),
        }
    }

    fn open_parts(&self, layer: &LayerDescriptor) -> Option<(Box<dyn RandomAccess>, Form)> {
        let form = self.forms.get(layer.index)?.clone()?;
        let known = self.subject.layers.get(layer.index)?;
        Some((self.store.parts(known.digest.as_ref()?, known.size?)?, form))
    }
}

/// Finds the images that `selection` wants, in the order in which `roots` lead to them; at least one.
///
/// `roots` are manifests and indexes that stand for one image, usually a single one: what a tag or digest leads
/// to. An attestation in an index is no image, nor is anything else there that is none; as the only root it is
/// an error that says what it is.
pub fn resolve(
    store: &Arc<dyn ContentStore>,
    roots: &[Descriptor],
    naming: &Naming,
    selection: &Selection,
    limits: &Limits,
) -> Result<Vec<ImageSource>, SourceError> {
    let mut digests = BTreeSet::new();
    let candidates = walk(store.as_ref(), roots, limits)?.into_iter().filter_map(|found| match found {
        // An index may list one image several times.
        Found::Candidate(candidate) => {
            digests.insert(candidate.descriptor.digest.clone()).then_some(*candidate)
        }
        Found::PassedOver(_) => None,
    });
    let candidates: Vec<Candidate> = candidates.collect();
    let place = || roots.first().map_or_else(|| naming.name.clone(), |root| root.digest.to_string());
    if candidates.is_empty() {
        return Err(SourceError::NoImage { place: place() });
    }
    let mut sources = Vec::new();
    for candidate in choose(candidates, store.as_ref(), selection, limits)? {
        let Some(read) = candidate.read(store.as_ref(), limits)? else { continue };
        let layers = &read.manifest.layers;
        let forms = layers.iter().map(|layer| Form::of(&layer.media_type, &layer.annotations)).collect();
        sources.push(ImageSource { store: Arc::clone(store), subject: read.subject(naming), forms });
    }
    if sources.is_empty() {
        return Err(SourceError::NoImage { place: place() });
    }
    Ok(sources)
}

/// Something that roots lead to.
pub(super) enum Found {
    /// A manifest that may be wanted.
    Candidate(Box<Candidate>),
    /// Something in an index that is called neither a manifest nor an index, or is none.
    PassedOver(Descriptor),
}

/// All that `roots` lead to, in their order, but for what is spelled out as being for no machine.
pub(super) fn walk(
    store: &dyn ContentStore,
    roots: &[Descriptor],
    limits: &Limits,
) -> Result<Vec<Found>, SourceError> {
    let mut walk = Walk { store, limits, seen: BTreeSet::new(), found: Vec::new() };
    for root in roots {
        walk.descend(root, &Place { depth: 0, index: None, within_index: roots.len() > 1 })?;
    }
    Ok(walk.found)
}

/// A manifest that may be wanted.
pub(super) struct Candidate {
    pub(super) descriptor: Descriptor,
    /// The outermost index that leads here.
    index: Option<Digest>,
    /// The manifest, where it had to be read to know that it is one.
    pub(super) manifest: Option<(Vec<u8>, Manifest)>,
    /// Whether it stands beside others, so that being no image is no error.
    within_index: bool,
}

struct Place {
    depth: u64,
    index: Option<Digest>,
    within_index: bool,
}

struct Walk<'a> {
    store: &'a dyn ContentStore,
    limits: &'a Limits,
    /// By what the index says of them, too: what is chosen for no machine in one entry is for some machine in another.
    seen: BTreeSet<(Digest, String, Option<Platform>)>,
    found: Vec<Found>,
}

impl Walk<'_> {
    fn descend(&mut self, descriptor: &Descriptor, place: &Place) -> Result<(), SourceError> {
        if place.within_index && descriptor.is_for_no_machine() {
            return Ok(());
        }
        // What leads back to where it came from, or to the same place twice, adds nothing.
        let Descriptor { digest, media_type, platform, .. } = descriptor.clone();
        if !self.seen.insert((digest, media_type, platform)) {
            return Ok(());
        }
        let limit = |what: &str| {
            let what = format!("{what} of {}", place.index.as_ref().unwrap_or(&descriptor.digest));
            move |source| SourceError::Limit { what, source }
        };
        self.limits.manifests.check(self.seen.len() as u64).map_err(limit("the manifests"))?;
        let candidate = |manifest| {
            Found::Candidate(Box::new(Candidate {
                descriptor: descriptor.clone(),
                index: place.index.clone(),
                manifest,
                within_index: place.within_index,
            }))
        };
        // In an index that names the platform, what is not wanted need not be read.
        if place.within_index
            && descriptor.platform.is_some()
            && Document::is_manifest(&descriptor.media_type)
        {
            self.found.push(candidate(None));
            return Ok(());
        }
        let bytes = read_manifest(self.store, descriptor, self.limits)?;
        let index = match Document::parse(&bytes, &descriptor.media_type) {
            Ok(Document::Manifest(manifest)) => {
                self.found.push(candidate(Some((bytes, manifest))));
                return Ok(());
            }
            Ok(Document::Index(index)) => index,
            Err(ManifestError::Artifact(_) | ManifestError::Unrecognised(_)) if place.within_index => {
                self.found.push(Found::PassedOver(descriptor.clone()));
                return Ok(());
            }
            Err(source) => return Err(unusable(&descriptor.digest, source)),
        };
        let depth = place.depth.saturating_add(1);
        self.limits.index_depth.check(depth).map_err(limit("the nested indexes"))?;
        let outermost = place.index.clone().unwrap_or_else(|| descriptor.digest.clone());
        let inside = Place { depth, index: Some(outermost), within_index: true };
        index.manifests.iter().try_for_each(|child| self.descend(child, &inside))
    }
}

/// A candidate whose manifest and configuration were read and checked.
struct ReadImage {
    candidate: Candidate,
    bytes: Vec<u8>,
    manifest: Manifest,
    config: Config,
}

impl Candidate {
    /// Reads manifest and configuration. None if it is no image and need not be one.
    fn read(mut self, store: &dyn ContentStore, limits: &Limits) -> Result<Option<ReadImage>, SourceError> {
        let digest = self.descriptor.digest.clone();
        let (bytes, manifest) = if let Some(read) = self.manifest.take() {
            read
        } else {
            let bytes = read_manifest(store, &self.descriptor, limits)?;
            match Document::parse(&bytes, &self.descriptor.media_type) {
                Ok(Document::Manifest(manifest)) => (bytes, manifest),
                Ok(Document::Index(_)) => {
                    let expected = self.descriptor.media_type;
                    let source = ManifestError::Disagreement { expected, found: "an index" };
                    return Err(unusable(&digest, source));
                }
                Err(source) => return Err(unusable(&digest, source)),
            }
        };
        match manifest.check_is_image() {
            Ok(()) => {}
            Err(ManifestError::Artifact(_)) if self.within_index => return Ok(None),
            Err(source) => return Err(unusable(&digest, source)),
        }
        let layers = manifest.layers.len();
        let what = || format!("the layers of {digest}");
        limits.layers.check(layers as u64).map_err(|source| SourceError::Limit { what: what(), source })?;
        let config = read_config(store, &manifest.config, limits)?;
        if config.diff_ids.len() != layers {
            let source = ManifestError::LayerCount { layers, diff_ids: config.diff_ids.len() };
            return Err(unusable(&digest, source));
        }
        Ok(Some(ReadImage { candidate: self, bytes, manifest, config }))
    }
}

impl ReadImage {
    /// The platform that the configuration names, and where it is silent, the index.
    fn platform(&self) -> Platform {
        let described = self.candidate.descriptor.platform.clone().unwrap_or_default();
        let own = self.config.platform.clone();
        // Machines choose by the index: a configuration for `unknown/unknown` does not keep them from it.
        if own.is_unknown() && !described.is_unknown() { described } else { own.or(&described) }
    }

    fn subject(&self, naming: &Naming) -> Subject {
        let mut sha512 = Hasher::new(Algorithm::Sha512);
        sha512.update(&self.bytes);
        let mut labels = self.config.labels.clone();
        labels.extend(self.manifest.annotations.clone());
        let image = Image {
            manifest_digest: Some(self.candidate.descriptor.digest.clone()),
            manifest_sha512: Some(sha512.finish()),
            index_digest: self.candidate.index.clone(),
            config_digest: Some(self.manifest.config.digest.clone()),
            platform: self.platform(),
            created: self.config.created.clone(),
            labels,
            repository: naming.repository.clone(),
            tags: naming.tags.clone(),
        };
        let layers = self.manifest.layers.iter().zip(&self.config.diff_ids).enumerate();
        let layers = layers.map(|(index, (layer, diff_id))| LayerDescriptor {
            index,
            digest: Some(layer.digest.clone()),
            size: Some(layer.size),
            diff_id: Some(diff_id.clone()),
            media_type: layer.media_type.clone(),
            created_by: self.config.created_by(index).map(str::to_owned),
            partial: None,
        });
        Subject {
            kind: SubjectKind::Image(Box::new(image)),
            name: naming.name.clone(),
            tag: naming.tag.clone(),
            layers: layers.collect(),
        }
    }
}

/// The candidates that are wanted, at least one.
fn choose(
    mut candidates: Vec<Candidate>,
    store: &dyn ContentStore,
    selection: &Selection,
    limits: &Limits,
) -> Result<Vec<Candidate>, SourceError> {
    let wanted = match selection {
        Selection::All => return Ok(candidates),
        Selection::Default(_) if candidates.len() == 1 => return Ok(candidates),
        Selection::Default(platform) | Selection::Platform(platform) => platform,
    };
    let mut platforms = Vec::new();
    for candidate in &candidates {
        platforms.push(platform_of(candidate, store, limits)?);
    }
    let matches = |platform: &Option<Platform>| platform.as_ref().is_some_and(|found| wanted.matches(found));
    // An image that does not say what it runs on, and has none beside it, cannot be the wrong one.
    let single = matches!(platforms.as_slice(), [Some(only)] if only.is_unknown());
    if let Some(position) = platforms.iter().position(matches).or(single.then_some(0)) {
        return Ok(vec![candidates.swap_remove(position)]);
    }
    let mut present: Vec<Platform> = platforms.into_iter().flatten().collect();
    if let (Selection::Default(_), [_]) = (selection, present.as_slice()) {
        // The others are no images.
        return Ok(candidates);
    }
    present.sort();
    present.dedup();
    let wanted = Box::new(wanted.clone());
    Err(match selection {
        Selection::Default(_) => SourceError::PlatformUnclear { host: wanted, present },
        _ => SourceError::PlatformMissing { wanted, present },
    })
}

/// What a candidate runs on, from its descriptor or its configuration; none if it is no image.
fn platform_of(
    candidate: &Candidate,
    store: &dyn ContentStore,
    limits: &Limits,
) -> Result<Option<Platform>, SourceError> {
    match (&candidate.manifest, &candidate.descriptor.platform) {
        // The configuration decides where the manifest is not one of several.
        (Some((_, manifest)), described) if described.is_none() || !candidate.within_index => {
            match manifest.check_is_image() {
                Ok(()) => {}
                Err(ManifestError::Artifact(_)) if candidate.within_index => return Ok(None),
                Err(source) => return Err(unusable(&candidate.descriptor.digest, source)),
            }
            let config = read_config(store, &manifest.config, limits)?;
            Ok(Some(config.platform.or(&described.clone().unwrap_or_default())))
        }
        (_, described) => Ok(Some(described.clone().unwrap_or_default())),
    }
}

fn unusable(digest: &Digest, source: ManifestError) -> SourceError {
    SourceError::Document { what: Part::Manifest, digest: digest.clone(), source }
}

/// The bytes of a manifest or index, which agree with `descriptor`.
pub(super) fn read_manifest(
    store: &dyn ContentStore,
    descriptor: &Descriptor,
    limits: &Limits,
) -> Result<Vec<u8>, SourceError> {
    let what = || format!("the manifest {}", descriptor.digest);
    let limit = |source| SourceError::Limit { what: what(), source };
    limits.manifest_bytes.check(descriptor.size).map_err(limit)?;
    let bytes = store.manifest(descriptor)?;
    check(Part::Manifest, descriptor, &bytes)?;
    Ok(bytes)
}

fn read_config(
    store: &dyn ContentStore,
    descriptor: &Descriptor,
    limits: &Limits,
) -> Result<Config, SourceError> {
    let bytes = read_config_bytes(store, descriptor, limits)?;
    Config::parse(&bytes).map_err(|source| SourceError::Document {
        what: Part::Config,
        digest: descriptor.digest.clone(),
        source,
    })
}

/// The bytes of a configuration, which agree with `descriptor`.
pub(super) fn read_config_bytes(
    store: &dyn ContentStore,
    descriptor: &Descriptor,
    limits: &Limits,
) -> Result<Vec<u8>, SourceError> {
    let what = || format!("the configuration {}", descriptor.digest);
    let limit = |source| SourceError::Limit { what: what(), source };
    limits.config_bytes.check(descriptor.size).map_err(limit)?;
    let reader = store.blob(&descriptor.digest, descriptor.size)?;
    // One byte more than announced is enough to know that there are too many.
    let reader = reader.take(descriptor.size.saturating_add(1));
    let bytes =
        read_capped(reader, limits.config_bytes).map_err(|error| SourceError::read_from(what(), error))?;
    check(Part::Config, descriptor, &bytes)?;
    Ok(bytes)
}

/// Fails unless `bytes` are those that `descriptor` points to.
pub(crate) fn check(what: Part, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), SourceError> {
    let mut hasher = Hasher::new(descriptor.digest.algorithm());
    hasher.update(bytes);
    check_found(what, descriptor, bytes.len() as u64, hasher.finish())
}

/// Fails unless bytes of this number and digest are those that `descriptor` points to.
pub(crate) fn check_found(
    what: Part,
    descriptor: &Descriptor,
    size: u64,
    found: Digest,
) -> Result<(), SourceError> {
    let (digest, expected) = (descriptor.digest.clone(), descriptor.size);
    if expected != size {
        return Err(SourceError::SizeMismatch { what, digest, expected, found: size });
    }
    if digest != found {
        return Err(SourceError::DigestMismatch { what, expected: digest, found });
    }
    Ok(())
}
