//! OCI layouts: a folder with `oci-layout`, `index.json` and `blobs/`, or the same in a tar archive.
//! Source: OCI image specification 1.1, `image-layout.md`.

use std::{io::Read, path::Path, sync::Arc};

use super::{
    ContentStore, ImageSource, Naming, Selection, SourceError,
    error::Part,
    files::{Files, Folder, base_name, read},
    image,
};
use crate::{
    digest::Digest,
    limits::Limits,
    oci::{
        Descriptor,
        manifest::{Document, Index, REF_NAME},
    },
};

/// Annotation of containerd and Docker with the full name of an image in a layout.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// Which image of a layout or archive is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice {
    /// The only one.
    #[default]
    Only,
    /// The one of this name or tag.
    Named(String),
    /// The one with this digest.
    Digest(Digest),
    /// The one at this place, counted from 0.
    Position(usize),
}

/// Opens the OCI layout in the folder `path`. The images are found as [`image::resolve`] says.
pub fn open(
    path: &Path,
    choice: &Choice,
    selection: &Selection,
    limits: &Limits,
) -> Result<Vec<ImageSource>, SourceError> {
    let metadata = std::fs::metadata(path).map_err(|source| SourceError::io(path, source))?;
    if !metadata.is_dir() {
        return Err(SourceError::FileType { path: path.to_owned(), expected: "a folder" });
    }
    open_files(Arc::new(Folder::new(path)), &base_name(path), choice, selection, limits)
}

/// Opens a layout wherever its files lie. `name` is the subject's, unless the layout knows a better one.
pub(super) fn open_files(
    files: Arc<dyn Files>,
    name: &str,
    choice: &Choice,
    selection: &Selection,
    limits: &Limits,
) -> Result<Vec<ImageSource>, SourceError> {
    let store = LayoutStore::new(files, limits)?;
    let (roots, naming) = choose(&store.index()?, store.files.as_ref(), name, choice)?;
    let store: Arc<dyn ContentStore> = Arc::new(store);
    image::resolve(&store, &roots, &naming, selection, limits)
}

/// The index and the blobs of a layout.
#[derive(Debug)]
pub struct LayoutStore {
    files: Arc<dyn Files>,
    limits: Limits,
}

impl LayoutStore {
    /// The layout in the folder `path`.
    pub fn folder(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        let metadata = std::fs::metadata(path).map_err(|source| SourceError::io(path, source))?;
        if !metadata.is_dir() {
            return Err(SourceError::FileType { path: path.to_owned(), expected: "a folder" });
        }
        Self::new(Arc::new(Folder::new(path)), limits)
    }

    /// The layout in the tar archive at `path`, which must not be compressed.
    pub fn archive(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        super::unpack::refuse_compressed(path)?;
        Self::new(Arc::new(super::tar_index::TarIndex::open(path, limits)?), limits)
    }

    pub(super) fn new(files: Arc<dyn Files>, limits: &Limits) -> Result<Self, SourceError> {
        if files.size("oci-layout")?.is_none() {
            let place = files.place().to_owned();
            return Err(SourceError::NotAnImage { place, missing: "oci-layout" });
        }
        Ok(Self { files, limits: limits.clone() })
    }

    /// How messages call it.
    pub fn place(&self) -> &str {
        self.files.place()
    }

    /// The bytes of its `index.json`, which may be other ones whenever it is asked.
    pub fn index_bytes(&self) -> Result<Vec<u8>, SourceError> {
        let place = self.files.place().to_owned();
        let missing = SourceError::NotAnImage { place, missing: "index.json" };
        read(&*self.files, "index.json", self.limits.manifest_bytes)?.ok_or(missing)
    }

    /// What its `index.json` lists.
    pub fn index(&self) -> Result<Index, SourceError> {
        let bytes = self.index_bytes()?;
        match Document::parse(&bytes, "") {
            Ok(Document::Index(index)) => Ok(index),
            Ok(Document::Manifest(_)) => Err(SourceError::NotAnImage {
                place: self.files.place().to_owned(),
                missing: "an index in index.json",
            }),
            Err(source) => {
                let digest = Digest::of(&bytes);
                Err(SourceError::Document { what: Part::Manifest, digest, source })
            }
        }
    }

    /// The one manifest or index that `choice` means.
    pub fn resolve(&self, choice: &Choice) -> Result<Descriptor, SourceError> {
        let (roots, naming) = choose(&self.index()?, self.files.as_ref(), self.files.place(), choice)?;
        match <[Descriptor; 1]>::try_from(roots) {
            Ok([root]) => Ok(root),
            Err(roots) => Err(SourceError::SeveralImages {
                place: naming.name,
                present: roots.iter().map(|root| format!("@{}", root.digest)).collect(),
            }),
        }
    }

    /// Length of a blob; none if it is not there.
    pub fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, SourceError> {
        self.files.size(&blob_name(digest))
    }

    fn missing(&self, digest: &Digest) -> SourceError {
        SourceError::BlobMissing { digest: digest.clone(), place: self.files.place().to_owned() }
    }
}

impl ContentStore for LayoutStore {
    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, SourceError> {
        let name = blob_name(&descriptor.digest);
        read(&*self.files, &name, self.limits.manifest_bytes)?.ok_or_else(|| self.missing(&descriptor.digest))
    }

    fn blob(&self, digest: &Digest, _: u64) -> Result<Box<dyn Read + Send>, SourceError> {
        self.files.open(&blob_name(digest))?.ok_or_else(|| self.missing(digest))
    }
}

/// `blobs/ALGORITHM/HEX`: a digest is nothing but these two words, so it cannot lead elsewhere.
pub(super) fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}", digest.to_string().replacen(':', "/", 1))
}

/// What may be an image. Signatures and attestations lie beside the images that they are about: as artifacts, and
/// under tags made of their images' digests. Where there is nothing else, they are what is there.
fn images(index: &Index) -> Vec<&Descriptor> {
    let listed = || index.manifests.iter().filter(|entry| !entry.is_attestation());
    let is_companion = |entry: &&Descriptor| {
        entry.artifact_type.is_some()
            || entry
                .annotations
                .get(REF_NAME)
                .is_some_and(|name| is_tag_of_digest(split_tag(name).1.unwrap_or(name)))
    };
    let images: Vec<_> = listed().filter(|entry| !is_companion(entry)).collect();
    if images.is_empty() { listed().collect() } else { images }
}

/// Whether `tag` is `sha256-HEX`, with or without an ending: what is about the image of that digest.
fn is_tag_of_digest(tag: &str) -> bool {
    let stem = tag.split('.').next().unwrap_or_default();
    stem.split_once('-')
        .is_some_and(|(algorithm, hex)| format!("{algorithm}:{hex}").parse::<Digest>().is_ok())
}

/// The manifests of `index.json` that are meant, and their name.
fn choose(
    index: &Index,
    files: &dyn Files,
    name: &str,
    choice: &Choice,
) -> Result<(Vec<Descriptor>, Naming), SourceError> {
    let place = || files.place().to_owned();
    let entries: Vec<&Descriptor> = images(index);
    if entries.is_empty() {
        return Err(SourceError::NoImage { place: place() });
    }
    let no_such =
        |wanted: String| SourceError::NoSuchImage { wanted, place: place(), present: choices(&entries) };
    let chosen: Vec<&Descriptor> = match choice {
        Choice::Only => entries.clone(),
        Choice::Position(position) => {
            vec![distinct(&entries).get(*position).copied().ok_or_else(|| no_such(format!("@{position}")))?]
        }
        Choice::Named(wanted) => {
            let exact: Vec<_> =
                entries.iter().copied().filter(|entry| names(entry).contains(&wanted.as_str())).collect();
            let of_tag = || entries.iter().copied().filter(|entry| is_named(entry, wanted)).collect();
            if exact.is_empty() { of_tag() } else { exact }
        }
        Choice::Digest(digest) => match entries.iter().find(|entry| entry.digest == *digest) {
            Some(entry) => vec![entry],
            // A manifest of an index of the layout; what it is, its bytes say.
            None => match files.size(&blob_name(digest))? {
                Some(size) => {
                    let descriptor = Descriptor::new("", digest.clone(), size);
                    return Ok((vec![descriptor], naming(name, choice, &[])));
                }
                None => return Err(no_such(digest.to_string())),
            },
        },
    };
    if let (Choice::Named(wanted), []) = (choice, chosen.as_slice()) {
        return Err(no_such(wanted.clone()));
    }
    let different = distinct(&chosen);
    // Images without any name that differ in their platform are one image.
    let one_image = || chosen.iter().all(|entry| names(entry).is_empty() && entry.platform.is_some());
    if different.len() > 1 && !one_image() {
        return Err(SourceError::SeveralImages { place: place(), present: choices(&chosen) });
    }
    let naming = match different.as_slice() {
        [only] => {
            let all_names: Vec<&str> = entries
                .iter()
                .filter(|entry| entry.digest == only.digest)
                .flat_map(|entry| names(entry))
                .collect();
            naming(name, choice, &all_names)
        }
        _ => naming(name, choice, &[]),
    };
    Ok((different.into_iter().cloned().collect(), naming))
}

/// `entries` without those that point to the same bytes as one before them.
fn distinct<'a>(entries: &[&'a Descriptor]) -> Vec<&'a Descriptor> {
    let mut seen = std::collections::BTreeSet::new();
    entries.iter().copied().filter(|entry| seen.insert(&entry.digest)).collect()
}

/// How an entry is called: in full, and by what may be no more than a tag.
fn names(entry: &Descriptor) -> Vec<&str> {
    let annotation =
        |key: &str| entry.annotations.get(key).map(String::as_str).filter(|name| !name.is_empty());
    [annotation(IMAGE_NAME), annotation(REF_NAME)].into_iter().flatten().collect()
}

fn is_named(entry: &Descriptor, wanted: &str) -> bool {
    names(entry).iter().any(|name| is_short_for(wanted, name))
}

/// Whether `wanted` is how people shorten the full name `name`: its tag, or what follows a `/` in it.
pub(super) fn is_short_for(wanted: &str, name: &str) -> bool {
    let tag_of_name = split_tag(name).1;
    let ends_with =
        |text: &str| name.strip_suffix(text).is_some_and(|head| head.is_empty() || head.ends_with('/'));
    tag_of_name == Some(wanted)
        || ends_with(wanted)
        || (split_tag(wanted).1.is_none() && ends_with(&format!("{wanted}:latest")))
}

/// A name without its tag, and the tag: `host:5000/app:1` is `host:5000/app` and `1`.
pub(super) fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    }
}

/// How each entry could be chosen.
fn choices(entries: &[&Descriptor]) -> Vec<String> {
    let name = |entry: &&Descriptor| match names(entry).first() {
        Some(name) => (*name).to_owned(),
        None => format!("@{}", entry.digest),
    };
    entries.iter().map(name).collect()
}

/// The names of an image: its repository if a full name is known, else `fallback`; and the tag asked for, or
/// the only one there is.
pub(super) fn naming(fallback: &str, choice: &Choice, names: &[&str]) -> Naming {
    let full = |name: &&str| name.contains(['/', ':']);
    let asked = match choice {
        Choice::Named(wanted) => names.iter().find(|name| **name == wanted || is_short_for(wanted, name)),
        _ => None,
    };
    let best = asked.filter(|name| full(name)).or_else(|| names.iter().find(|name| full(name)));
    let tag = best.or(asked).or(names.first()).map(|name| split_tag(name).1.unwrap_or(name));
    // A name without a tag, such as `host/app`, is no tag.
    let tag = tag.filter(|tag| !tag.contains('/'));
    let mut tags: Vec<String> =
        names.iter().filter(|name| full(name)).map(|name| (*name).to_owned()).collect();
    tags.sort();
    tags.dedup();
    Naming {
        name: best.map_or(fallback, |name| split_tag(name).0).to_owned(),
        tag: tag.map(str::to_owned),
        repository: None,
        tags,
    }
}
