//! What `docker save` writes: a tar archive with `manifest.json`, configurations and layers.
//!
//! Since version 25 the same archive is also an OCI layout, and is read as one, because that gives the digest of
//! the manifest. The older form has none: its layers are known only by what they hash to unpacked.
//! Source: Docker image specification 1.2, "Combined Image JSON + Filesystem Changeset Format".

use std::{path::Path, sync::Arc};

use serde::Deserialize;

use super::{
    ImageSource, LayerBytes, Selection, Source, SourceError, both_lists,
    error::Part,
    files::{Files, base_name, read},
    image::check,
    oci_layout::{self, Choice, is_short_for, naming},
    tar_index::TarIndex,
    unpack::refuse_compressed,
};
use crate::{
    digest::Digest,
    image_path::escape_control,
    limits::Limits,
    oci::{Descriptor, Image, LayerDescriptor, Subject, SubjectKind, config::Config},
};

/// An image of a `docker save` archive.
#[derive(Debug)]
#[non_exhaustive]
pub enum DockerImage {
    /// The archive is also an OCI layout.
    Layout(ImageSource),
    /// It is not.
    Saved(SavedImage),
}

impl Source for DockerImage {
    fn subject(&self) -> &Subject {
        match self {
            Self::Layout(image) => image.subject(),
            Self::Saved(image) => image.subject(),
        }
    }

    fn open(&self, layer: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
        match self {
            Self::Layout(image) => image.open(layer),
            Self::Saved(image) => image.open(layer),
        }
    }
}

/// An image that only `manifest.json` describes.
#[derive(Debug, Clone)]
pub struct SavedImage {
    files: Arc<dyn Files>,
    members: Vec<String>,
    subject: Subject,
}

impl SavedImage {
    /// The members that are the layers, lowest first.
    pub(super) fn members(&self) -> &[String] {
        &self.members
    }
}

impl Source for SavedImage {
    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn open(&self, layer: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
        let Some(member) = self.members.get(layer.index) else {
            return Err(SourceError::NoSuchLayer { index: layer.index, subject: self.subject.name.clone() });
        };
        let bytes = self.files.open(member)?.ok_or_else(|| missing(self.files.as_ref(), member))?;
        Ok(LayerBytes::Archive(bytes))
    }
}

/// Opens the archive at `path`, which must not be compressed: its members are read in any order.
pub fn open(
    path: &Path,
    choice: &Choice,
    selection: &Selection,
    limits: &Limits,
) -> Result<Vec<DockerImage>, SourceError> {
    refuse_compressed(path)?;
    let index = TarIndex::open(path, limits)?;
    open_files(Arc::new(index), &base_name(path), choice, selection, limits)
}

/// Opens an archive wherever its members lie. `name` is the subject's, unless the archive knows a better one.
pub(super) fn open_files(
    files: Arc<dyn Files>,
    name: &str,
    choice: &Choice,
    selection: &Selection,
    limits: &Limits,
) -> Result<Vec<DockerImage>, SourceError> {
    if files.size("oci-layout")?.is_some() && files.size("index.json")?.is_some() {
        let images = oci_layout::open_files(Arc::clone(&files), name, choice, selection, limits)?;
        both_lists::compare(&files, &images, choice, selection, limits)?;
        return Ok(images.into_iter().map(DockerImage::Layout).collect());
    }
    let entries = read_manifest(files.as_ref(), limits)?;
    let entry = choose(&entries, files.as_ref(), choice)?;
    let image = saved_image(files, name, choice, entry, limits)?;
    if let (Selection::Platform(wanted), SubjectKind::Image(facts)) = (selection, &image.subject.kind)
        && !facts.platform.is_unknown()
        && !wanted.matches(&facts.platform)
    {
        let present = vec![facts.platform.clone()];
        return Err(SourceError::PlatformMissing { wanted: Box::new(wanted.clone()), present });
    }
    Ok(vec![DockerImage::Saved(image)])
}

/// One image in `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry {
    pub(super) config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

impl Entry {
    /// The members that are its layers, lowest first.
    pub(super) fn layers(&self) -> &[String] {
        self.layers.as_deref().unwrap_or_default()
    }

    pub(super) fn tags(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }
}

pub(super) fn read_manifest(files: &dyn Files, limits: &Limits) -> Result<Vec<Entry>, SourceError> {
    let place = || files.place().to_owned();
    let bytes = read(files, "manifest.json", limits.manifest_bytes)?
        .ok_or_else(|| SourceError::NotAnImage { place: place(), missing: "manifest.json" })?;
    serde_json::from_slice(&bytes).map_err(|source| SourceError::Json {
        file: "manifest.json",
        place: place(),
        source,
    })
}

fn choose<'a>(entries: &'a [Entry], files: &dyn Files, choice: &Choice) -> Result<&'a Entry, SourceError> {
    let place = files.place().to_owned();
    let name = |(index, entry): (usize, &Entry)| match entry.tags().first() {
        Some(tag) => tag.clone(),
        None => format!("@{index}"),
    };
    let present = || entries.iter().enumerate().map(name).collect();
    let (found, wanted) = match (choice, entries) {
        (_, []) => return Err(SourceError::NoImage { place }),
        (Choice::Only, [only]) => (Some(only), String::new()),
        (Choice::Only, _) => return Err(SourceError::SeveralImages { place, present: present() }),
        (Choice::Position(position), _) => (entries.get(*position), format!("@{position}")),
        (Choice::Digest(digest), _) => {
            let found = entries.iter().find(|entry| config_digest(&entry.config).as_ref() == Some(digest));
            (found, digest.to_string())
        }
        (Choice::Named(wanted), _) => {
            let exact = entries.iter().find(|entry| entry.tags().contains(wanted));
            let mut short =
                entries.iter().filter(|entry| entry.tags().iter().any(|tag| is_short_for(wanted, tag)));
            let found = match (exact, short.next(), short.next()) {
                (Some(exact), ..) => Some(exact),
                (None, Some(_), Some(_)) => {
                    return Err(SourceError::SeveralImages { place, present: present() });
                }
                (None, found, None | Some(_)) => found,
            };
            (found, wanted.clone())
        }
    };
    found.ok_or_else(|| SourceError::NoSuchImage { wanted, place, present: present() })
}

/// The digest in the name of a configuration: `HEX.json`, or `blobs/sha256/HEX`.
fn config_digest(name: &str) -> Option<Digest> {
    let last = name.rsplit('/').next()?;
    format!("sha256:{}", last.strip_suffix(".json").unwrap_or(last)).parse().ok()
}

fn saved_image(
    files: Arc<dyn Files>,
    name: &str,
    choice: &Choice,
    entry: &Entry,
    limits: &Limits,
) -> Result<SavedImage, SourceError> {
    let bytes = read(&*files, &entry.config, limits.config_bytes)?
        .ok_or_else(|| missing(files.as_ref(), &entry.config))?;
    let digest = Digest::of(&bytes);
    if let Some(named) = config_digest(&entry.config) {
        check(Part::Config, &Descriptor::new("", named, bytes.len() as u64), &bytes)?;
    }
    let config = Config::parse(&bytes).map_err(|source| SourceError::Document {
        what: Part::Config,
        digest: digest.clone(),
        source,
    })?;
    let members = entry.layers().to_vec();
    let what = || format!("the layers of {}", files.place());
    limits
        .layers
        .check(members.len() as u64)
        .map_err(|source| SourceError::Limit { what: what(), source })?;
    if members.len() != config.diff_ids.len() {
        return Err(SourceError::LayerCount {
            place: files.place().to_owned(),
            layers: members.len(),
            diff_ids: config.diff_ids.len(),
        });
    }
    let mut layers = Vec::new();
    for (index, (member, diff_id)) in members.iter().zip(&config.diff_ids).enumerate() {
        let size = files.size(member)?.ok_or_else(|| missing(files.as_ref(), member))?;
        layers.push(LayerDescriptor {
            index,
            digest: blob_digest(member),
            size: Some(size),
            diff_id: Some(diff_id.clone()),
            media_type: String::new(),
            created_by: config.created_by(index).map(str::to_owned),
            partial: None,
        });
    }
    let tags: Vec<&str> = entry.tags().iter().map(String::as_str).collect();
    let naming = naming(name, choice, &tags);
    let image = Image {
        config_digest: Some(digest),
        platform: config.platform,
        created: config.created,
        labels: config.labels,
        tags: naming.tags,
        ..Image::default()
    };
    let subject =
        Subject { kind: SubjectKind::Image(Box::new(image)), name: naming.name, tag: naming.tag, layers };
    Ok(SavedImage { files, members, subject })
}

/// The digest of a layer whose name is one: `blobs/sha256/HEX`.
pub(super) fn blob_digest(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

pub(super) fn missing(files: &dyn Files, member: &str) -> SourceError {
    let member = escape_control(&member.chars().take(200).collect::<String>()).into_owned();
    SourceError::MemberMissing { place: files.place().to_owned(), member }
}

#[cfg(test)]
mod tests;
