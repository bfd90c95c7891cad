//! An image where it lies, with what lies beside it: a repository of a registry, or an OCI layout.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::anyhow;
use clap::Args;
use sbom_core::{
    attach::{LayoutFolder, Sink, Store, layout::Layout, store},
    digest::Digest,
    limits::Limits,
    oci::{
        Descriptor, Platform,
        manifest::{Document, Index, REF_NAME},
        reference::{Reference, Tag},
    },
    source::{
        self, ContentStore, ImageSource, Local, Member, Naming, Selection, SourceError, image,
        locator::Locator, registry::RegistryStore,
    },
};

use crate::{
    args::{LimitArg, RegistryArgs},
    environment::Environment,
    exit_code::Failure,
    open::locator_failure,
    registry,
};

/// Options of every subcommand that looks for attestations or puts them somewhere.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct PlaceArgs {
    /// Change a limit on what an image and what lies beside it may make sbomctl read or keep: `sbomctl limits` lists
    /// them
    #[arg(long, value_name = "NAME=VALUE", value_parser = LimitArg::parse)]
    limit: Vec<LimitArg>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

impl PlaceArgs {
    /// The limits as the arguments change them.
    pub(crate) fn limits(&self) -> Limits {
        LimitArg::apply(&self.limit)
    }
}

/// An image and the store that it lies in. What was named was resolved once; all else goes by digest.
#[derive(Debug)]
pub(crate) struct Image {
    /// The image as the user named it.
    pub(crate) given: String,
    /// What statements call it: `HOST/PATH`, or the name of the layout.
    pub(crate) naming: Naming,
    /// The reference, for an image in a registry.
    pub(crate) reference: Option<Reference>,
    /// Where it lies.
    pub(crate) store: Arc<dyn Store>,
    /// The same, where it can be written.
    pub(crate) sink: Option<Arc<dyn Sink>>,
    /// What the name leads to: a manifest or an index.
    pub(crate) root: Descriptor,
    /// The images and indexes that an index lists, each with its platform; empty if there is no index.
    pub(crate) platforms: Vec<(Platform, Descriptor)>,
    is_index: bool,
}

impl Image {
    /// Opens the place of `image` and resolves its name.
    pub(crate) fn open(
        image: &str,
        arguments: &RegistryArgs,
        environment: &Environment,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        match Locator::parse(image, limits).map_err(locator_failure)? {
            Locator::Registry(name) => {
                let reference = registry::reference(&name)?;
                let repository = reference.repository();
                let client = registry::client(arguments, environment, limits, repository)?;
                let (store, root) = RegistryStore::resolve(&client, &reference).map_err(SourceError::from)?;
                let repository = repository.to_string();
                let naming = Naming {
                    name: repository.clone(),
                    tag: reference.tag().map(ToString::to_string),
                    repository: Some(repository),
                    tags: Vec::new(),
                };
                let sink: Arc<dyn Sink> = Arc::new(store);
                Self::of(image, naming, Some(reference), Arc::clone(&sink) as _, Some(sink), root)
            }
            Locator::Local(Local::OciLayout(path, choice)) => {
                let layout = LayoutFolder::open(&path, limits)?;
                let root = layout.layout().resolve(&choice)?;
                let sink: Arc<dyn Sink> = Arc::new(layout);
                Self::of(image, naming_of(&path, &root), None, Arc::clone(&sink) as _, Some(sink), root)
            }
            Locator::Local(Local::OciArchive(path, choice)) => {
                let store = Layout::archive(&path, limits)?;
                let root = store.resolve(&choice)?;
                Self::of(image, naming_of(&path, &root), None, Arc::new(store), None, root)
            }
            _ => Err(Failure::usage(anyhow!(
                "{image:?} has no place for attestations; name an image in a registry or an OCI layout \
                 (oci:FOLDER, oci-archive:FILE)"
            ))),
        }
    }

    fn of(
        given: &str,
        naming: Naming,
        reference: Option<Reference>,
        store: Arc<dyn Store>,
        sink: Option<Arc<dyn Sink>>,
        root: Descriptor,
    ) -> Result<Self, Failure> {
        let listed = match store::document(&*store, &root)? {
            Document::Index(index) => Some(index),
            Document::Manifest(_) => None,
        };
        let is_index = listed.is_some();
        let platforms = listed.map(platforms).unwrap_or_default();
        Ok(Self { given: given.to_owned(), naming, reference, store, sink, root, platforms, is_index })
    }

    /// The images that can be scanned: of an index those for all platforms, or for `platform` alone.
    pub(crate) fn sources(
        &self,
        platform: Option<&Platform>,
        limits: &Limits,
    ) -> Result<Vec<ImageSource>, Failure> {
        let selection = platform.map_or(Selection::All, |platform| Selection::Platform(platform.clone()));
        let store: Arc<dyn ContentStore> = Arc::clone(&self.store) as _;
        Ok(image::resolve(&store, std::slice::from_ref(&self.root), &self.naming, &selection, limits)?)
    }

    /// Every digest that names it or a part of it.
    pub(crate) fn digests(&self, limits: &Limits) -> Result<BTreeSet<Digest>, Failure> {
        let members = if self.is_index { self.members(limits)? } else { Vec::new() };
        Ok(members.into_iter().map(|member| member.digest).chain([self.root.digest.clone()]).collect())
    }

    /// What of it a machine may choose, images and what only looks like none.
    pub(crate) fn members(&self, limits: &Limits) -> Result<Vec<Member>, Failure> {
        let store: Arc<dyn ContentStore> = Arc::clone(&self.store) as _;
        Ok(source::members(&*store, &self.root, limits)?)
    }

    /// What writes there; a failure where nothing can be written.
    pub(crate) fn sink(&self) -> Result<&dyn Sink, Failure> {
        self.sink.as_deref().ok_or_else(|| {
            Failure::usage(anyhow!(
                "nothing can be put into the archive {}: unpack it, or name a registry",
                self.store.place()
            ))
        })
    }

    /// The index through which images were chosen, if there is one: whatever it lists.
    pub(crate) fn index(&self) -> Option<&Digest> {
        self.is_index.then_some(&self.root.digest)
    }

    /// The name by which the same bytes are found again.
    pub(crate) fn pinned(&self) -> String {
        format!("{}@{}", self.naming.name, self.root.digest)
    }
}

/// What of an index runs somewhere: all of it but what says that it runs nowhere.
fn platforms(index: Index) -> Vec<(Platform, Descriptor)> {
    let images = index.manifests.into_iter().filter(|entry| !entry.is_for_no_machine());
    images.map(|entry| (entry.platform.clone().unwrap_or_default(), entry)).collect()
}

/// The name of a layout, and the tag that it gives the image.
fn naming_of(path: &std::path::Path, root: &Descriptor) -> Naming {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let tag = root.annotations.get(REF_NAME).filter(|tag| tag.parse::<Tag>().is_ok()).cloned();
    Naming { name, tag, repository: None, tags: Vec::new() }
}
