//! References, manifests and platforms of OCI and Docker images: pure parsing, no input or output.

use std::collections::BTreeMap;

use crate::digest::Digest;

pub mod config;
pub mod manifest;
pub mod platform;
pub mod reference;

pub use manifest::Descriptor;
pub use platform::Platform;

/// What is scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What kind of thing it is.
    pub kind: SubjectKind,
    /// For an image its repository (`docker.io/library/alpine`) or, where it has none, the name of its folder or
    /// archive; for a folder or file its base name. Never a path of the machine that scans.
    pub name: String,
    /// The tag by which the image was asked for.
    pub tag: Option<String>,
    /// The image's layers, lowest first; one pseudo-layer for a folder or file.
    pub layers: Vec<LayerDescriptor>,
}

/// Kinds of subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectKind {
    /// A container image.
    Image(Box<Image>),
    /// A root file system in a folder.
    Folder,
    /// A single file, and its digest.
    File(Digest),
}

/// What an image says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// Digest of the manifest. None in a `docker save` archive, which carries no manifest of the registry's form.
    pub manifest_digest: Option<Digest>,
    /// The manifest's SHA-512, computed over the same bytes.
    pub manifest_sha512: Option<Digest>,
    /// Digest of the index through which the manifest was chosen.
    pub index_digest: Option<Digest>,
    /// Digest of the configuration: Docker's image identifier.
    pub config_digest: Option<Digest>,
    /// The platform that the configuration names.
    pub platform: Platform,
    /// When it was built: RFC 3339 as in the configuration.
    pub created: Option<String>,
    /// Labels of the configuration, and annotations of the manifest, which win.
    pub labels: BTreeMap<String, String>,
    /// Where it comes from in a registry: `HOST/PATH` without tag or digest. None for layouts and archives.
    pub repository: Option<String>,
    /// Further names that an archive gives the image (`RepoTags`).
    pub tags: Vec<String>,
}

/// One layer, and all that is known of it before it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerDescriptor {
    /// 0 for the lowest.
    pub index: usize,
    /// Digest of the layer as stored. None in a `docker save` archive of the old form.
    pub digest: Option<Digest>,
    /// Length as stored, in bytes.
    pub size: Option<u64>,
    /// Digest of the uncompressed archive, from the configuration.
    pub diff_id: Option<Digest>,
    /// The media type that the manifest names; empty where there is none.
    pub media_type: String,
    /// The build instruction that made the layer, from the configuration's history.
    pub created_by: Option<String>,
    /// What proves that which was read of it, if that is not all; none for a layer that was read whole.
    pub partial: Option<Proof>,
}

/// What proves the content of a layer of which only parts were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// eStargz's table of contents, whose digest the manifest names.
    Estargz,
    /// zstd:chunked's, likewise.
    ZstdChunked,
    /// Nothing does.
    Nothing,
}

impl Proof {
    /// The word for it in documents; stable.
    pub fn code(self) -> &'static str {
        match self {
            Self::Estargz => "estargz-toc",
            Self::ZstdChunked => "zstd-chunked-toc",
            Self::Nothing => "unproved",
        }
    }

    /// The proof that `code` stands for.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Estargz, Self::ZstdChunked, Self::Nothing].into_iter().find(|proof| proof.code() == code)
    }
}

impl LayerDescriptor {
    /// How messages name the layer: its digest, else its diff id, else its number.
    pub fn label(&self) -> String {
        match self.digest.as_ref().or(self.diff_id.as_ref()) {
            Some(digest) => format!("layer {} ({digest})", self.index),
            None => format!("layer {}", self.index),
        }
    }
}
