//! `sbomctl attest copy`: an image with everything about it, from one place to another.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use sbom_core::{
    attach::{LayoutFolder, Settings, Sink, Spending, Stopwatch, archive, copy},
    limits::Limits,
    oci::reference::{Reference, Tag},
    source::registry::RegistryStore,
};

use super::{new_layout::NewLayout, unverified};
use crate::{
    environment::{self, Environment},
    exit_code::{Exit, Failure},
    output,
    place::{Image, PlaceArgs},
    registry,
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl attest copy ghcr.io/org/app:1.2 registry.example/mirror/app:1.2
  sbomctl attest copy ghcr.io/org/app:1.2 oci:./layout:1.2
  sbomctl attest copy oci:./layout oci-archive:app.tar";

/// What to copy, and where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CopyArgs {
    /// The image: in a registry, or in an OCI layout
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Where to: `HOST/NAME[:TAG]`, `oci:FOLDER[:TAG]` or `oci-archive:FILE[:TAG]`
    #[arg(value_name = "DESTINATION")]
    destination: String,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Where an image is copied to.
enum Destination {
    Registry(Box<Reference>),
    Folder(PathBuf, Option<Tag>),
    Archive(PathBuf, Option<Tag>),
}

/// Runs the subcommand.
pub(super) fn run(
    arguments: &CopyArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let limits = arguments.place.limits();
    let destination = Destination::parse(&arguments.destination)?;
    let image = Image::open(&arguments.image, &arguments.place.registry, environment, &limits)?;
    let mut spending = Spending::new(&limits, Box::new(Stopwatch::default()));
    let plan = copy::plan(&*image.store, &image.root, &mut spending)?;
    let own_tag = || image.naming.tag.as_deref().and_then(|tag| tag.parse::<Tag>().ok());
    let new = match &destination {
        Destination::Folder(path, _) => NewLayout::begin(path)?,
        Destination::Registry(_) | Destination::Archive(..) => None,
    };
    let sink: Box<dyn Sink> = match &destination {
        Destination::Archive(file, tag) => {
            unverified::tell(&plan.notes, &[], terminal);
            let tag = tag.clone().or_else(own_tag);
            return to_archive(&image, plan, file, tag.as_ref());
        }
        Destination::Folder(path, _) => match &new {
            Some(new) => Box::new(new.sink(&limits)?),
            None => Box::new(LayoutFolder::open(path, &limits)?),
        },
        Destination::Registry(reference) => {
            let (registry, repository) = (&arguments.place.registry, reference.repository());
            let client = registry::client(registry, environment, &limits, repository)?;
            Box::new(RegistryStore::new(&client, repository.clone()))
        }
    };
    let tag = match &destination {
        Destination::Registry(reference) => reference.tag().cloned(),
        Destination::Folder(_, tag) | Destination::Archive(_, tag) => {
            // What no tag leads to would not be found in a layout.
            tag.clone().or_else(own_tag).or_else(|| "latest".parse().ok())
        }
    };
    let copied = copied(&image, plan, &*sink, tag.as_ref(), &limits)?;
    unverified::tell(&copied.notes, &[], terminal);
    if let Some(new) = new {
        new.finish()?;
    }
    let place = match &destination {
        Destination::Folder(path, _) => path.display().to_string(),
        Destination::Registry(_) | Destination::Archive(..) => sink.place(),
    };
    let name = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
    output::to_stdout(|out| {
        writeln!(out, "{} -> {}{name}@{}", image.pinned(), place, image.root.digest)?;
        writeln!(
            out,
            "  {} manifests, of which {} refer to another; {} blobs; {} tags of signatures and attestations",
            copied.manifests,
            copied.referrers,
            copied.blobs,
            copied.tags.len()
        )
    })?;
    Ok(Exit::Done)
}

fn copied(
    image: &Image,
    plan: copy::Plan,
    sink: &dyn Sink,
    tag: Option<&Tag>,
    limits: &Limits,
) -> Result<copy::Copied, Failure> {
    let clock = Stopwatch::default();
    let settings = Settings { clock: &clock, seed: environment::entropy(), also_legacy: false, limits };
    Ok(copy::copy(&*image.store, plan, sink, tag, &settings)?)
}

fn to_archive(
    image: &Image,
    plan: copy::Plan,
    file: &std::path::Path,
    tag: Option<&Tag>,
) -> Result<Exit, Failure> {
    write_archive(image, plan, tag, &[], file)?;
    output::to_stdout(|out| {
        writeln!(out, "{} -> oci-archive:{}@{}", image.pinned(), file.display(), image.root.digest)
    })?;
    Ok(Exit::Done)
}

/// Writes an archive so that it is there whole or not at all.
pub(crate) fn write_archive(
    image: &Image,
    plan: copy::Plan,
    tag: Option<&Tag>,
    carried: &[(archive::Carried, Vec<u8>)],
    file: &std::path::Path,
) -> Result<(), Failure> {
    let mut failed = None;
    let written = output::to_file(file, |out| {
        archive::write(&*image.store, plan, tag, carried, out).map_err(|error| {
            let message = std::io::Error::other(error.to_string());
            failed = Some(error);
            message
        })
    });
    // What went wrong with the image tells more than that the file was not written.
    match failed {
        Some(error) => Err(error.into()),
        None => written,
    }
}

impl Destination {
    fn parse(text: &str) -> Result<Self, Failure> {
        let local = |rest: &str| -> Result<(PathBuf, Option<Tag>), Failure> {
            let (path, tag) = match rest.rsplit_once(':') {
                Some((path, tag)) if !tag.contains(['/', '\\']) => (path, Some(tag)),
                _ => (rest, None),
            };
            if path.is_empty() {
                return Err(Failure::usage(anyhow!("{text:?} names no path")));
            }
            let tag = tag.map(str::parse).transpose().map_err(Failure::usage)?;
            Ok((PathBuf::from(path), tag))
        };
        if let Some(rest) = text.strip_prefix("oci:") {
            let (path, tag) = local(rest)?;
            return Ok(Self::Folder(path, tag));
        }
        if let Some(rest) = text.strip_prefix("oci-archive:") {
            let (path, tag) = local(rest)?;
            output::check(&path)?;
            return Ok(Self::Archive(path, tag));
        }
        let name = text.strip_prefix("registry:").unwrap_or(text);
        let reference: Reference = name.parse().map_err(|error| {
            let expected = "a repository HOST/NAME[:TAG], oci:FOLDER[:TAG] or oci-archive:FILE[:TAG]";
            Failure::usage(anyhow::Error::new(error).context(format!("{text:?} is not {expected}")))
        })?;
        Ok(Self::Registry(Box::new(reference)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_may_have_a_tag() {
        let folder = |text: &str| match Destination::parse(text) {
            Ok(Destination::Folder(path, tag)) => {
                (path.display().to_string(), tag.map(|tag| tag.to_string()))
            }
            _ => panic!("{text}"),
        };
        assert_eq!(folder("oci:a/b"), ("a/b".to_owned(), None));
        assert_eq!(folder("oci:a/b:1"), ("a/b".to_owned(), Some("1".to_owned())));
        assert_eq!(folder("oci:a:b/c"), ("a:b/c".to_owned(), None));
        assert!(Destination::parse("oci:").is_err());
        assert!(matches!(Destination::parse("localhost:5000/x:1"), Ok(Destination::Registry(_))));
    }
}
