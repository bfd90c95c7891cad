//! What a user names on the command line → what is meant by it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{
    Choice, Selection, Source, SourceError, directory::FolderSource, docker_archive, file::FileSource,
    files::base_name, oci_archive, oci_layout, stream::StreamArchive, tar_index::TarIndex,
    tar_members::Members, unpack,
};
use crate::{digest::DigestError, limits::Limits};

/// Where a subject is.
///
/// ```no_run
/// use sbom_core::{limits::Limits, source::locator::Locator};
/// let limits = Limits::default();
/// // A prefix says what is meant; without one, the path's content does, and what is no path is an image's name.
/// let image = Locator::parse("docker-archive:app.tar:example.org/app:1", &limits)?;
/// let also_an_image = Locator::parse("alpine:3.20", &limits)?;
/// # Ok::<(), sbom_core::source::locator::LocatorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Locator {
    /// Something on this machine.
    Local(Local),
    /// An image in a registry, by the reference that was given.
    Registry(String),
    /// An image that a container engine holds.
    Daemon(Engine, String),
    /// An image archive on standard input.
    Stdin,
}

/// Something on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Local {
    /// An OCI layout in a folder.
    OciLayout(PathBuf, Choice),
    /// An OCI layout in a tar archive.
    OciArchive(PathBuf, Choice),
    /// What `docker save` writes.
    DockerArchive(PathBuf, Choice),
    /// Either of the two, compressed.
    CompressedArchive(PathBuf, Choice),
    /// A root file system in a folder.
    Folder(PathBuf),
    /// A file.
    File(PathBuf),
}

/// A container engine on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

impl Engine {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Podman => "Podman",
        }
    }
}

/// What a [`Local`] holds, ready to be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Opened {
    /// Images, a folder or a file; at least one.
    Sources(Vec<Box<dyn Source>>),
    /// An archive that can be read only once, and which of its images is meant.
    Stream(Box<StreamArchive<'static>>, Choice),
}

/// What was named cannot be meant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocatorError {
    /// A path leads nowhere, or what lies there cannot be looked at.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nothing was named.
    #[error("{0:?} names nothing: a path or the name of an image must follow")]
    Empty(String),
    /// What follows the path is no digest.
    #[error("{text:?} does not choose an image: {source}, or @ and a number")]
    Choice {
        /// What follows the path.
        text: String,
        /// What is wrong with it.
        source: DigestError,
    },
    /// An address of another tool.
    #[error("{given:?} is not how an image is named here; write {meant:?}")]
    Foreign {
        /// What was given.
        given: String,
        /// What is probably meant.
        meant: String,
    },
    /// It is not on this machine, or can be read only once.
    #[error("{given:?} names nothing on this machine that can be read in any order")]
    Elsewhere {
        /// What was given.
        given: String,
    },
}

impl Locator {
    /// Reads `PREFIX:…`, a path, `-`, or the name of an image in a registry.
    ///
    /// Prefixes are `oci`, `oci-archive`, `docker-archive` (each with a path and optionally `:NAME`, `:TAG`,
    /// `@DIGEST` or, counted from 0, `:@POSITION`), `dir`, `file`, `registry`, `docker`, `podman`. What begins
    /// with `/`, `./` or `../` is always a path; any other text is one if something lies there.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, LocatorError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let known = matches!(scheme, "docker" | "http" | "https" | "oci");
            if !known {
                return Ok(Self::Registry(text.to_owned()));
            }
            let meant = format!("registry:{rest}");
            return Err(LocatorError::Foreign { given: text.to_owned(), meant });
        }
        let (prefix, rest) = text.split_once(':').unwrap_or(("", text));
        let named = || match rest {
            "" => Err(LocatorError::Empty(text.to_owned())),
            rest => Ok(rest.to_owned()),
        };
        Ok(match prefix {
            "registry" => Self::Registry(named()?),
            "docker" => Self::Daemon(Engine::Docker, named()?),
            "podman" => Self::Daemon(Engine::Podman, named()?),
            "dir" => Self::Local(Local::Folder(PathBuf::from(named()?))),
            "file" => Self::Local(Local::File(PathBuf::from(named()?))),
            "oci" => {
                let (path, choice) = split(&named()?)?;
                Self::Local(Local::OciLayout(path, choice))
            }
            "oci-archive" | "docker-archive" => {
                let (path, choice) = split(&named()?)?;
                let archive = match unpack::sniff(&path)? {
                    unpack::Format::Gzip | unpack::Format::Zstd => Local::CompressedArchive(path, choice),
                    _ if prefix == "oci-archive" => Local::OciArchive(path, choice),
                    _ => Local::DockerArchive(path, choice),
                };
                Self::Local(archive)
            }
            _ => find_out(text, limits)?,
        })
    }
}

impl Local {
    /// Opens it. For an image, `selection` says which platform is wanted.
    pub fn open(&self, selection: &Selection, limits: &Limits) -> Result<Opened, SourceError> {
        let sources = match self {
            Self::OciLayout(path, choice) => boxed(oci_layout::open(path, choice, selection, limits)?),
            Self::OciArchive(path, choice) => boxed(oci_archive::open(path, choice, selection, limits)?),
            Self::DockerArchive(path, choice) => {
                boxed(docker_archive::open(path, choice, selection, limits)?)
            }
            Self::CompressedArchive(path, choice) => {
                let file = super::files::open_regular(path)?;
                let place = path.display().to_string();
                let stream = StreamArchive::new(file, &place, &base_name(path), limits)?;
                return Ok(Opened::Stream(Box::new(stream), choice.clone()));
            }
            Self::Folder(path) => boxed(vec![FolderSource::open(path)?]),
            Self::File(path) => boxed(vec![FileSource::open(path, limits)?]),
        };
        Ok(Opened::Sources(sources))
    }
}

/// Opens what `text` names on this machine: a layout, archive, folder or program, with or without its prefix.
/// For what is read only once or comes from elsewhere, see [`Locator`].
pub fn open_local(
    text: &str,
    selection: &Selection,
    limits: &Limits,
) -> Result<Vec<Box<dyn Source>>, LocatorError> {
    let elsewhere = || LocatorError::Elsewhere { given: text.to_owned() };
    let Locator::Local(local) = Locator::parse(text, limits)? else { return Err(elsewhere()) };
    match local.open(selection, limits)? {
        Opened::Sources(sources) => Ok(sources),
        Opened::Stream(..) => Err(elsewhere()),
    }
}

fn boxed<S: Source + 'static>(sources: Vec<S>) -> Vec<Box<dyn Source>> {
    sources.into_iter().map(|source| Box::new(source) as Box<dyn Source>).collect()
}

/// What a text without a prefix means.
fn find_out(text: &str, limits: &Limits) -> Result<Locator, LocatorError> {
    let path = Path::new(text);
    if text.is_empty() {
        return Err(LocatorError::Empty(text.to_owned()));
    }
    let Ok(metadata) = fs::metadata(path) else {
        // A name of an image begins with a letter or digit. So `./app` is a path, though nothing lies there.
        let is_path = text.starts_with(['/', '.', '~', '\\']) || path.is_absolute();
        return if is_path { by_choice(text, limits) } else { Ok(Locator::Registry(text.to_owned())) };
    };
    let path = path.to_owned();
    let local = if metadata.is_dir() {
        // Whatever has blobs and an index, or says that it is a layout, is one, even if it lacks the other.
        let is_layout = path.join("oci-layout").is_file()
            || path.join("index.json").is_file() && path.join("blobs").is_dir();
        if is_layout { Local::OciLayout(path, Choice::Only) } else { Local::Folder(path) }
    } else if metadata.is_file() && metadata.len() == 0 {
        return Err(SourceError::NotAnImage { place: text.to_owned(), missing: "all content" }.into());
    } else {
        archive_or_file(path, Choice::Only, limits)?
    };
    Ok(Locator::Local(local))
}

/// A path with the choice of an image after it, as in `./app.tar:app:1`.
fn by_choice(text: &str, limits: &Limits) -> Result<Locator, LocatorError> {
    let (path, choice) = split(text)?;
    let local = if path.is_dir() {
        Local::OciLayout(path, choice)
    } else {
        match archive_or_file(path, choice, limits)? {
            // Nothing can be chosen in a file: the text was a path and has a mistake in it.
            Local::File(_) => return Err(SourceError::NoSuchPath { path: PathBuf::from(text) }.into()),
            archive => archive,
        }
    };
    Ok(Locator::Local(local))
}

/// Looks into a file. One that is damaged is a file: whoever says that it is an archive is told what is wrong.
fn archive_or_file(path: PathBuf, choice: Choice, limits: &Limits) -> Result<Local, SourceError> {
    use super::files::Files as _;
    Ok(match unpack::sniff(&path)? {
        unpack::Format::Tar => {
            let has = |index: &TarIndex, name| matches!(index.size(name), Ok(Some(_)));
            match TarIndex::open(&path, limits) {
                Ok(index) if has(&index, "oci-layout") && has(&index, "index.json") => {
                    // Docker's archives are both; read as one of them they tell the same.
                    Local::OciArchive(path, choice)
                }
                Ok(index) if has(&index, "manifest.json") => Local::DockerArchive(path, choice),
                Err(
                    error @ (SourceError::Truncated { .. }
                    | SourceError::Limit { .. }
                    | SourceError::ListMember { .. }
                    | SourceError::SparseMember { .. }),
                ) => return Err(error),
                _ => Local::File(path),
            }
        }
        unpack::Format::Gzip | unpack::Format::Zstd if begins_as_image(&path, limits) => {
            Local::CompressedArchive(path, choice)
        }
        _ => Local::File(path),
    })
}

/// Whether a compressed file begins as image archives do: with blobs, lists or the folder of a layer.
fn begins_as_image(path: &Path, limits: &Limits) -> bool {
    let first = || {
        let reader = unpack::unpack(Box::new(File::open(path).ok()?), limits).ok()?;
        Members::new(reader, "", limits).next().ok()??.name
    };
    let Some(name) = first() else { return false };
    let name = String::from_utf8_lossy(name.as_bytes()).into_owned();
    let first = name.split('/').next().unwrap_or_default();
    let stem = first.split('.').next().unwrap_or_default();
    let is_hex = stem.len() == 64 && stem.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex || matches!(first, "blobs" | "index.json" | "oci-layout" | "manifest.json" | "repositories")
}

/// A path and the choice after it: `PATH`, `PATH:NAME`, `PATH:@POSITION` or `PATH@DIGEST`. The longest path at
/// which something lies counts, since paths may have a `:` in them.
fn split(text: &str) -> Result<(PathBuf, Choice), LocatorError> {
    if fs::exists(text).unwrap_or_default() {
        return Ok((PathBuf::from(text), Choice::Only));
    }
    for (position, separator) in text.char_indices().rev().filter(|(_, c)| matches!(c, ':' | '@')) {
        let (path, rest) = text.split_at(position);
        if !path.is_empty() && fs::exists(path).unwrap_or_default() {
            let rest = rest.strip_prefix(':').unwrap_or(rest);
            let choice =
                if separator == '@' || rest.starts_with('@') { by_number(rest)? } else { by_name(rest) };
            return Ok((PathBuf::from(path), choice));
        }
    }
    // Nothing lies there; most probably the path ends at the first separator.
    let path = text.split([':', '@']).next().unwrap_or(text);
    let path = if path.len() < 2 { text } else { path };
    Err(SourceError::NoSuchPath { path: PathBuf::from(path) }.into())
}

fn by_name(text: &str) -> Choice {
    if text.is_empty() { Choice::Only } else { Choice::Named(text.to_owned()) }
}

fn by_number(text: &str) -> Result<Choice, LocatorError> {
    let rest = text.strip_prefix('@').unwrap_or(text);
    if let Ok(position) = rest.parse() {
        return Ok(Choice::Position(position));
    }
    let digest = rest.parse().map_err(|source| LocatorError::Choice { text: text.to_owned(), source })?;
    Ok(Choice::Digest(digest))
}

#[cfg(test)]
mod tests {
    use sbomctl_testkit::{Compression, DockerArchive, ImageBuilder, TarBuilder, compress};

    use super::*;

    /// A folder with one of everything.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let image = ImageBuilder::new().layer(|l| l.file("a", "1")).tag("app:1").build();
        let docker = image.docker_archive(DockerArchive::Old);
        image.write_oci_layout(&path.join("layout")).unwrap();
        fs::create_dir(path.join("rootfs")).unwrap();
        fs::write(path.join("oci.tar"), image.oci_archive()).unwrap();
        fs::write(path.join("docker.tar"), &docker).unwrap();
        fs::write(path.join("docker.tar.gz"), compress(&docker, Compression::Gzip)).unwrap();
        let other = TarBuilder::new().file("usr/bin/app", "x").build();
        fs::write(path.join("other.tar.gz"), compress(&other, Compression::Gzip)).unwrap();
        fs::write(path.join("other.tar"), other).unwrap();
        fs::write(path.join("program"), "\x7fELF").unwrap();
        fs::write(path.join("odd:name@1"), "x").unwrap();
        folder
    }

    fn parse(text: &str) -> Result<Locator, LocatorError> {
        Locator::parse(text, &Limits::default())
    }

    #[test]
    fn a_path_is_what_lies_there() {
        let folder = folder();
        let check = |name: &str, expected: fn(PathBuf) -> Local| {
            let path = folder.path().join(name);
            assert_eq!(parse(path.to_str().unwrap()).unwrap(), Locator::Local(expected(path)), "{name}");
        };
        check("layout", |path| Local::OciLayout(path, Choice::Only));
        check("rootfs", Local::Folder);
        check("oci.tar", |path| Local::OciArchive(path, Choice::Only));
        check("docker.tar", |path| Local::DockerArchive(path, Choice::Only));
        check("docker.tar.gz", |path| Local::CompressedArchive(path, Choice::Only));
        check("other.tar", Local::File);
        check("other.tar.gz", Local::File);
        check("program", Local::File);
        check("odd:name@1", Local::File);
    }

    #[test]
    fn what_lies_there_can_be_opened() {
        let folder = folder();
        let selection = Selection::Default("linux/amd64".parse().unwrap());
        for name in ["layout", "oci.tar", "docker.tar", "rootfs", "program", "docker.tar.gz"] {
            let Locator::Local(local) = parse(folder.path().join(name).to_str().unwrap()).unwrap() else {
                panic!("{name}")
            };
            match local.open(&selection, &Limits::default()).unwrap() {
                Opened::Sources(sources) => assert_eq!(sources.len(), 1, "{name}"),
                Opened::Stream(..) => assert_eq!(name, "docker.tar.gz"),
            }
        }
    }

    #[test]
    fn a_choice_follows_the_path() {
        let folder = folder();
        let digest = format!("sha256:{}", "a".repeat(64));
        let check = |prefix: &str, name: &str, rest: &str, expected: Choice| {
            let path = folder.path().join(name);
            let found = parse(&format!("{prefix}{}{rest}", path.display())).unwrap();
            let Locator::Local(
                Local::OciLayout(at, choice)
                | Local::OciArchive(at, choice)
                | Local::DockerArchive(at, choice),
            ) = found
            else {
                panic!("{found:?}")
            };
            assert_eq!((at, choice), (path, expected), "{prefix}{name}{rest}");
        };
        check("oci:", "layout", "", Choice::Only);
        check("oci:", "layout", ":1.0", Choice::Named("1.0".to_owned()));
        check("oci:", "layout", &format!("@{digest}"), Choice::Digest(digest.parse().unwrap()));
        check(
            "oci-archive:",
            "oci.tar",
            ":example.org:5000/app:1",
            Choice::Named("example.org:5000/app:1".to_owned()),
        );
        check("docker-archive:", "docker.tar", ":@3", Choice::Position(3));
        check("", "docker.tar", ":app:1", Choice::Named("app:1".to_owned()));
        check("", "layout", ":1.0", Choice::Named("1.0".to_owned()));
        let bad = parse(&format!("oci:{}@sha256:abc", folder.path().join("layout").display()));
        assert!(matches!(bad, Err(LocatorError::Choice { .. })), "{bad:?}");
    }

    #[test]
    fn a_path_at_which_nothing_lies_is_no_name_of_an_image() {
        for text in
            ["./no-such", "/no-such/file", "../no-such:tag", "oci:no-such:1", "oci-archive:no-such.tar"]
        {
            let error = parse(text).unwrap_err();
            assert!(matches!(error, LocatorError::Source(SourceError::NoSuchPath { .. })), "{text}: {error}");
        }
        let folder = folder();
        let error = parse(&format!("{}:app", folder.path().join("program").display())).unwrap_err();
        assert!(matches!(error, LocatorError::Source(SourceError::NoSuchPath { .. })), "{error}");
    }

    #[test]
    fn any_other_text_is_the_name_of_an_image() {
        for text in ["alpine", "alpine:3.20", "example.org:5000/app@sha256:abc", "no-such-file.tar"] {
            assert_eq!(parse(text).unwrap(), Locator::Registry(text.to_owned()));
        }
        assert_eq!(parse("registry:alpine").unwrap(), Locator::Registry("alpine".to_owned()));
        assert_eq!(parse("docker:alpine:3").unwrap(), Locator::Daemon(Engine::Docker, "alpine:3".to_owned()));
        assert_eq!(parse("podman:alpine").unwrap(), Locator::Daemon(Engine::Podman, "alpine".to_owned()));
        assert_eq!(parse("dir:x").unwrap(), Locator::Local(Local::Folder("x".into())));
        assert_eq!(parse("-").unwrap(), Locator::Stdin);
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in ["", "oci:", "docker:", "registry:", "dir:"] {
            assert!(matches!(parse(text), Err(LocatorError::Empty(_))), "{text}");
        }
        let error = parse("docker://alpine:3").unwrap_err().to_string();
        assert!(error.contains("\"registry:alpine:3\""), "{error}");
    }

    #[test]
    fn a_cut_archive_is_an_error_and_not_a_file() {
        let folder = folder();
        let path = folder.path().join("oci.tar");
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        let error = parse(path.to_str().unwrap()).unwrap_err();
        assert!(matches!(error, LocatorError::Source(SourceError::Truncated { .. })), "{error}");
    }
}
