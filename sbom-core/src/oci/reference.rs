//! Image references in Docker's normal form: `alpine:3.20` is `docker.io/library/alpine:3.20`.
//!
//! Grammar: `distribution/reference`, with lengths and ports checked as well. The parser goes once through the text.

use std::{fmt, str::FromStr};

use crate::digest::{Digest, DigestError};

/// The longest path of a repository, and the longest name of a host, in bytes.
const NAME_BYTES: usize = 255;
/// The longest tag, in bytes.
const TAG_BYTES: usize = 128;
/// The longest reference: a host with a port, a path, a tag and a SHA-512 digest, with their separators.
const REFERENCE_BYTES: usize = 1024;

const DOCKER_HUB: &str = "docker.io";
/// The port of TLS, which need not be named.
const TLS_PORT: u16 = 443;

/// An image in a registry: a repository with a tag, a digest, or both. Without either it means the tag `latest`.
///
/// ```
/// use sbom_core::oci::reference::Reference;
/// let reference: Reference = "alpine".parse()?;
/// assert_eq!(reference.to_string(), "docker.io/library/alpine:latest");
/// # Ok::<_, sbom_core::oci::reference::ReferenceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    repository: Repository,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Version {
    Tag(Tag),
    Digest(Option<Tag>, Digest),
}

impl Reference {
    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, if one was given or meant.
    pub fn tag(&self) -> Option<&Tag> {
        match &self.version {
            Version::Tag(tag) | Version::Digest(Some(tag), _) => Some(tag),
            Version::Digest(None, _) => None,
        }
    }

    /// The tag, if it decides what is meant: beside a digest nothing ties it to what the digest names.
    pub fn deciding_tag(&self) -> Option<&Tag> {
        self.tag().filter(|_| self.digest().is_none())
    }

    /// The digest, if one was given.
    pub fn digest(&self) -> Option<&Digest> {
        match &self.version {
            Version::Digest(_, digest) => Some(digest),
            Version::Tag(_) => None,
        }
    }

    /// What to ask the registry for: the digest where there is one, since a tag may have moved.
    pub fn target(&self) -> Target {
        match &self.version {
            Version::Tag(tag) => Target::Tag(tag.clone()),
            Version::Digest(_, digest) => Target::Digest(digest.clone()),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = self.tag() {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = self.digest() {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > REFERENCE_BYTES {
            return Err(ReferenceError::TooLong { bytes: text.len(), limit: REFERENCE_BYTES });
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>()?)),
            None => (text, None),
        };
        let (name, tag) = split_tag(rest);
        let tag = tag.map(str::parse::<Tag>).transpose()?;
        let repository = name.parse()?;
        let version = match (tag, digest) {
            (tag, Some(digest)) => Version::Digest(tag, digest),
            (Some(tag), None) => Version::Tag(tag),
            (None, None) => Version::Tag(Tag("latest".into())),
        };
        Ok(Self { repository, version })
    }
}

/// A repository: the host of a registry, with its port where it has one, and a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    host: Box<str>,
    path: Box<str>,
}

impl Repository {
    /// The registry as users know it: `docker.io`, `localhost:5000`, `[::1]:5000`. In lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path below the host: `library/alpine`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The host that answers for the registry: Docker Hub's is not the one in its images' names.
    pub fn api_host(&self) -> &str {
        if &*self.host == DOCKER_HUB { "registry-1.docker.io" } else { &self.host }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(name: &str) -> Result<Self, ReferenceError> {
        let (host, path) = match name.split_once('/') {
            Some((first, path)) if is_host(first) => (first, path),
            _ => (DOCKER_HUB, name),
        };
        check_host(host)?;
        let host = normal_host(host);
        check_path(path)?;
        // A bare image identifier is not the name of a repository, though it is spelt like one.
        if name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ReferenceError::Identifier);
        }
        let path = if host == DOCKER_HUB && !path.contains('/') {
            format!("library/{path}").into()
        } else {
            path.into()
        };
        Ok(Self { host: host.into(), path })
    }
}

/// The one spelling of a registry's host: in lower case, without the port that TLS has anyway, addresses in their shortest
/// form, and Docker Hub under the name that its images have. What is no host with a port stays as it is.
pub(crate) fn normal_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let (name, port) = match host.rsplit_once(':') {
        // The last colon of an address in brackets stands within these.
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host.as_str(), None),
    };
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = match address.and_then(|address| address.parse::<std::net::Ipv6Addr>().ok()) {
        Some(address) => format!("[{address}]"),
        None => name.to_owned(),
    };
    let port = port.map(|port| match port.parse::<u16>() {
        Ok(TLS_PORT) => String::new(),
        Ok(number) => format!(":{number}"),
        Err(_) => format!(":{port}"),
    });
    let port = port.unwrap_or_default();
    match name.as_str() {
        DOCKER_HUB | "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com"
            if port.is_empty() =>
        {
            DOCKER_HUB.to_owned()
        }
        _ => format!("{name}{port}"),
    }
}

/// A tag: up to 128 letters, digits, `_`, `.` and `-`, of which `.` and `-` do not come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Box<str>);

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let starts = text.bytes().next().is_some_and(word);
        if !starts || text.len() > TAG_BYTES || !text.bytes().all(|b| word(b) || matches!(b, b'.' | b'-')) {
            return Err(ReferenceError::Tag { tag: excerpt(text) });
        }
        Ok(Self(text.into()))
    }
}

/// What names a manifest within a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Whatever the tag points to now.
    Tag(Tag),
    /// Always the same bytes.
    Digest(Digest),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A text is not an image reference, and which part of it is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// It is longer than any valid reference.
    #[error("the image reference has {bytes} bytes, more than the {limit} that one can have")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The greatest length.
        limit: usize,
    },
    /// The host is not a name or address.
    #[error("the registry {host:?} is not a host name or address")]
    Host {
        /// The host as given, cut to a length fit for a message.
        host: String,
    },
    /// The port is not a number from 1 to 65535.
    #[error("the registry's port {port:?} is not a number from 1 to 65535")]
    Port {
        /// The port as given, cut to a length fit for a message.
        port: String,
    },
    /// There is no repository.
    #[error("the image reference names no repository")]
    NoRepository,
    /// The repository has upper-case letters.
    #[error("the repository {path:?} has upper-case letters; registries know lower-case names only")]
    UpperCase {
        /// The repository as given, cut to a length fit for a message.
        path: String,
    },
    /// The repository is not written as the grammar wants.
    #[error(
        "the repository {path:?} has a part {part:?} that is not lower-case letters and digits, \
         separated by one '.', one or two '_', or any number of '-'"
    )]
    Repository {
        /// The repository as given, cut to a length fit for a message.
        path: String,
        /// The part between slashes that is wrong.
        part: String,
    },
    /// The repository is too long.
    #[error("the repository has {bytes} bytes, more than the {limit} that a registry takes")]
    RepositoryTooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The greatest length.
        limit: usize,
    },
    /// It is an image identifier, which no registry knows.
    #[error(
        "64 hex digits are an image identifier, not a repository; a digest is written NAME@sha256:DIGITS"
    )]
    Identifier,
    /// The tag is not a tag.
    #[error(
        "the tag {tag:?} is not 1 to 128 letters, digits, '_', '.' and '-', beginning with none of the last two"
    )]
    Tag {
        /// The tag as given, cut to a length fit for a message.
        tag: String,
    },
    /// The part after `@` is not a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

/// Separates the tag, which follows the last colon that no slash follows.
fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (text, None),
    }
}

/// Whether the part before the first slash is a registry rather than part of a path on Docker Hub.
///
/// Docker also takes `MyTeam` for a host, since it cannot be part of a path. Who writes `MyTeam/app` means a path,
/// and is better served by the message about its letters than by one about a host that does not exist.
fn is_host(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':', '['])
}

fn check_host(host: &str) -> Result<(), ReferenceError> {
    let error = || ReferenceError::Host { host: excerpt(host) };
    let (name, port) = if let Some(rest) = host.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or_else(error)?;
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(error());
        }
        match rest.strip_prefix(':') {
            Some(port) => (None, Some(port)),
            None if rest.is_empty() => (None, None),
            None => return Err(error()),
        }
    } else {
        match host.split_once(':') {
            Some((name, port)) => (Some(name), Some(port)),
            None => (Some(host), None),
        }
    };
    if name.is_some_and(|name| name.len() > NAME_BYTES || !name.split('.').all(is_host_label)) {
        return Err(error());
    }
    match port {
        Some(port) if !is_port(port) => Err(ReferenceError::Port { port: excerpt(port) }),
        _ => Ok(()),
    }
}

fn is_host_label(label: &str) -> bool {
    let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    !label.is_empty() && inner && !label.starts_with('-') && !label.ends_with('-')
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn check_path(path: &str) -> Result<(), ReferenceError> {
    if path.is_empty() {
        return Err(ReferenceError::NoRepository);
    }
    if path.len() > NAME_BYTES {
        return Err(ReferenceError::RepositoryTooLong { bytes: path.len(), limit: NAME_BYTES });
    }
    for part in path.split('/') {
        if is_path_part(part.as_bytes()) {
            continue;
        }
        if is_path_part(part.to_ascii_lowercase().as_bytes()) {
            return Err(ReferenceError::UpperCase { path: excerpt(path) });
        }
        return Err(ReferenceError::Repository { path: excerpt(path), part: excerpt(part) });
    }
    Ok(())
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_part(part: &[u8]) -> bool {
    let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    part.first().is_some_and(word)
        && part.last().is_some_and(word)
        && part.chunk_by(|a, b| word(a) == word(b)).all(|run| {
            run.iter().all(word) || matches!(run, b"." | b"_" | b"__") || run.iter().all(|byte| *byte == b'-')
        })
}

fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests;
