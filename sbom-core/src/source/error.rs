//! Why the bytes of a subject cannot be had, and what to do about it.

use std::{
    fmt::{self, Display},
    io,
    path::PathBuf,
};

use crate::{
    digest::Digest,
    image_path::escape_control,
    limits::{LimitExceeded, ReadError},
    oci::{Platform, manifest::ManifestError},
};

/// The bytes of a subject cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A path leads nowhere.
    #[error("{}: no such file or folder", .path.display())]
    NoSuchPath {
        /// The path.
        path: PathBuf,
    },
    /// A file of this machine cannot be opened or read.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A stream broke off or cannot be unpacked.
    #[error("cannot read {from}: {source}")]
    Stream {
        /// What was read, such as `standard input`.
        from: String,
        /// What went wrong.
        source: io::Error,
    },
    /// Where a regular file or a folder must lie there is something else, such as a symbolic link or a FIFO.
    #[error("{}: is not {expected}; links and devices are not followed here", .path.display())]
    FileType {
        /// The path.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
    },
    /// A blob that a manifest names is not there.
    #[error("{digest} is not in {place}: the image is incomplete; copy or pull it again")]
    BlobMissing {
        /// The blob.
        digest: Digest,
        /// Where it was looked for.
        place: String,
    },
    /// A layer that lies elsewhere by design, as base layers of Windows do.
    #[error(
        "{digest} is not in {place}: it is a foreign layer, which whoever owns it gives out elsewhere; \
         copy the image with its foreign layers, or scan it where they are"
    )]
    ForeignLayer {
        /// The layer.
        digest: Digest,
        /// Where it was looked for.
        place: String,
    },
    /// Some bytes are not those that their digest names.
    #[error("the {what} {expected} is damaged or forged: its bytes hash to {found}")]
    DigestMismatch {
        /// What was read.
        what: Part,
        /// What it must hash to.
        expected: Digest,
        /// What it hashes to.
        found: Digest,
    },
    /// There are more or fewer bytes than announced.
    #[error("the {what} {digest} is damaged or forged: {expected} bytes are announced, {found} are there")]
    SizeMismatch {
        /// What was read.
        what: Part,
        /// Its digest.
        digest: Digest,
        /// Bytes announced.
        expected: u64,
        /// Bytes found; of more than announced, only one more is counted.
        found: u64,
    },
    /// A bound was hit.
    #[error("{what}: {source}")]
    Limit {
        /// What is too large or too many.
        what: String,
        /// The bound.
        source: LimitExceeded,
    },
    /// A manifest, index or configuration cannot be used.
    #[error("{what} {digest} {source}")]
    Document {
        /// What was read.
        what: Part,
        /// Its digest.
        digest: Digest,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// A list of an archive or layout cannot be read.
    #[error("{file} in {place} is not well-formed: {source}")]
    Json {
        /// The file, such as `manifest.json`.
        file: &'static str,
        /// The archive or layout.
        place: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The image is not made for the platform that was asked for.
    #[error("no image for {wanted} here; there is {}", Listed(.present))]
    PlatformMissing {
        /// What was asked for.
        wanted: Box<Platform>,
        /// What there is.
        present: Vec<Platform>,
    },
    /// The image is for several platforms, none was asked for, and this machine's is not among them.
    #[error("no image for this machine ({host}) here; choose with --platform: {}", Listed(.present))]
    PlatformUnclear {
        /// The platform of this machine.
        host: Box<Platform>,
        /// What there is.
        present: Vec<Platform>,
    },
    /// A layout or archive holds no image of that name.
    #[error("no image {wanted:?} in {place}; there is {}", Listed(.present))]
    NoSuchImage {
        /// What was asked for.
        wanted: String,
        /// The layout or archive.
        place: String,
        /// What there is.
        present: Vec<String>,
    },
    /// A layout or archive holds several images and none was chosen.
    #[error("{place} holds several images; choose one: {}", Listed(.present))]
    SeveralImages {
        /// The layout or archive.
        place: String,
        /// How each can be named.
        present: Vec<String>,
    },
    /// A layout, archive or index holds no image at all.
    #[error("{place} holds no image")]
    NoImage {
        /// The layout or archive, or the digest of the index.
        place: String,
    },
    /// A folder or archive is none of the forms in which images are kept.
    #[error("{place} is not an image: {missing} is missing")]
    NotAnImage {
        /// The folder or archive.
        place: String,
        /// What it would need to have.
        missing: &'static str,
    },
    /// An archive is damaged.
    #[error("{place} is not a whole tar archive: {source} (at byte {offset})")]
    Archive {
        /// The archive.
        place: String,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        source: crate::tar_headers::TarError,
    },
    /// An archive ends too early.
    #[error("{place} ends too early, at byte {offset}: it is incomplete; copy it again")]
    Truncated {
        /// The archive.
        place: String,
        /// Where it ends.
        offset: u64,
    },
    /// An archive that must be read in any order is compressed.
    #[error("{} is compressed with {format}: unpack it first ({tool} -d), or give it on standard input (sbomctl … - < {})", .path.display(), .path.display())]
    CompressedArchive {
        /// The archive.
        path: PathBuf,
        /// `gzip` or `zstd`.
        format: &'static str,
        /// What unpacks it.
        tool: &'static str,
    },
    /// An archive names a file that is not in it.
    #[error("{place} names {member:?}, which is not in it: it is incomplete; save it again")]
    MemberMissing {
        /// The archive.
        place: String,
        /// The file, escaped.
        member: String,
    },
    /// A layer of an archive is in a form that this version does not read.
    #[error(
        "{member} in {place} should be a layer, but is neither a tar archive nor one compressed with gzip or zstd"
    )]
    NotALayer {
        /// The archive.
        place: String,
        /// The member.
        member: String,
    },
    /// A member of an archive is stored with holes.
    #[error(
        "{member} in {place} is stored as a sparse file; unpack the archive and pack it again without that"
    )]
    SparseMember {
        /// The archive.
        place: String,
        /// The member.
        member: String,
    },
    /// What should be one of an archive's lists is something else, at least for some container engines.
    #[error(
        "{member} in {place} is no regular file, or its name is absolute: some container engines would read it, and \
         others would not"
    )]
    ListMember {
        /// The archive.
        place: String,
        /// The member.
        member: String,
    },
    /// Where a link in an archive leads, or what lies below it, is not the same for all container engines.
    #[error(
        "{member} in {place} has the name of a link or lies below one, or is a link that leads through others: some container \
         engines would read something else there than others"
    )]
    LinkedMember {
        /// The archive.
        place: String,
        /// The member.
        member: String,
    },
    /// An archive is an OCI layout and has a `manifest.json`, and they name different images, or different layers of one.
    #[error(
        "{place} is contradictory: manifest.json names the image {named}, and index.json another, or other layers; some \
         container engines read the one, and some the other. If that is for another platform, choose one with --platform"
    )]
    ListsDisagree {
        /// The archive.
        place: String,
        /// Digest of the configuration that `manifest.json` names.
        named: Digest,
    },
    /// An archive's configuration and list of layers do not belong together.
    #[error("{place} is inconsistent: manifest.json lists {layers} layers, the configuration {diff_ids}")]
    LayerCount {
        /// The archive.
        place: String,
        /// Layers listed.
        layers: usize,
        /// Layers of the configuration.
        diff_ids: usize,
    },
    /// A layer that is not part of the subject was asked for.
    #[error("layer {index} is not part of {subject}")]
    NoSuchLayer {
        /// Which.
        index: usize,
        /// The subject's name.
        subject: String,
    },
    /// A registry does not give what it was asked for.
    #[cfg(feature = "registry")]
    #[error(transparent)]
    Registry(Box<crate::registry::RegistryError>),
    /// No container engine answers.
    #[error("no {engine} is running: no socket answers ({}); start it, or name its socket", Listed(.tried))]
    NoDaemon {
        /// `Docker` or `Podman`.
        engine: &'static str,
        /// The sockets tried, each with what the system says.
        tried: Vec<String>,
    },
    /// A container engine does not have the image.
    #[error(
        "{engine} has no image {image:?}; pull it first, or read it from its registry with registry:{image}"
    )]
    NotInDaemon {
        /// `Docker` or `Podman`.
        engine: &'static str,
        /// The image, as asked for.
        image: String,
    },
    /// A container engine refuses.
    #[error("{engine} refuses to export {image:?}: HTTP status {status}")]
    Daemon {
        /// `Docker` or `Podman`.
        engine: &'static str,
        /// The image, as asked for.
        image: String,
        /// The status of its answer.
        status: u16,
    },
}

impl SourceError {
    /// A failed bounded read of something that has a name but no path.
    pub(crate) fn read_from(from: impl Into<String>, error: ReadError) -> Self {
        match error {
            ReadError::Io(source) => Self::Stream { from: from.into(), source },
            ReadError::Limit(source) => Self::Limit { what: from.into(), source },
        }
    }

    /// A failed system call on a path; that nothing is there has an error of its own.
    pub(crate) fn io(path: &std::path::Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NoSuchPath { path },
            _ => Self::Io { path, source },
        }
    }
}

/// Parts of an image, as messages name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A manifest or index.
    Manifest,
    /// A configuration.
    Config,
    /// Any other bytes.
    Blob,
}

impl Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest => "manifest",
            Self::Config => "configuration",
            Self::Blob => "blob",
        })
    }
}

/// A list for a message: at most twenty, the rest counted, each escaped.
struct Listed<'a, T>(&'a [T]);

impl<T: Display> Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (index, item) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{}", escape_control(&item.to_string()))?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
