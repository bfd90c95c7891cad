//! Manifests, indexes and configurations of OCI and Docker images.
//!
//! The structures are our own: real documents lack fields that the specification demands, carry `null` for an
//! empty list, and must be hashed as the bytes they came in, never written again.
//! Source: OCI image specification 1.1, `manifest.md`, `image-index.md`, `config.md`; Docker image manifest V2,
//! schema 2.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::Platform;
use crate::digest::{Digest, DigestError};

/// Media type of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of a Docker image manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of a Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Media type of an OCI image configuration.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a Docker image configuration.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// Annotation with the tag of a manifest in an OCI layout.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The media types under which registries hand out manifests and indexes.
pub const MANIFEST_TYPES: [&str; 4] = [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST];
/// Entries of one list: the 4 MiB that registries take have room for 45,000 of the shortest descriptors.
const ENTRIES: usize = 50_000;
/// Annotation of `BuildKit` that marks what is not an image but says something about one.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// Points at some bytes: what they are, what they hash to, how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// What the bytes are; empty if it does not say.
    pub media_type: String,
    /// What they hash to.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
    /// For a manifest in an index: what it runs on.
    pub platform: Option<Platform>,
    /// For an artifact in an index or a list of referrers: what it is.
    pub artifact_type: Option<String>,
    /// Free annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// A descriptor that says no more than it must.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        let media_type = media_type.into();
        Self { media_type, digest, size, platform: None, artifact_type: None, annotations: BTreeMap::new() }
    }

    /// Whether this stands in an index for something about an image rather than for an image: provenance and
    /// bills of `BuildKit`, which name the platform `unknown/unknown`.
    pub fn is_attestation(&self) -> bool {
        match &self.platform {
            // Whatever annotations say: who pulls for this platform runs it.
            Some(platform) => platform.is_unknown(),
            None => self.annotations.contains_key(REFERENCE_TYPE),
        }
    }

    /// Whether no machine chooses this out of an index, since its platform is spelled out as `unknown/unknown`. An entry
    /// without platform may be chosen for what its configuration says.
    pub fn is_for_no_machine(&self) -> bool {
        let is_named = |platform: &Platform| platform.os == "unknown" && platform.architecture == "unknown";
        self.platform.as_ref().is_some_and(is_named)
    }
}

/// An image manifest or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "no more than a few are held at a time")]
pub enum Document {
    /// One image.
    Manifest(Manifest),
    /// Several, usually one for each platform.
    Index(Index),
}

/// An image manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The image's configuration.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// Free annotations.
    pub annotations: BTreeMap<String, String>,
    /// What it is, if it is not an image.
    pub artifact_type: Option<String>,
    /// What it is about, if it refers to something.
    pub subject: Option<Box<Descriptor>>,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// What it holds: manifests and further indexes.
    pub manifests: Vec<Descriptor>,
    /// Free annotations.
    pub annotations: BTreeMap<String, String>,
    /// What it is about, if it refers to something.
    pub subject: Option<Box<Descriptor>>,
}

/// A manifest, index or configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The bytes are not JSON of the expected shape.
    #[error("is not well-formed: {0}")]
    Json(#[from] serde_json::Error),
    /// A digest in it is none.
    #[error("names a digest in {field} that cannot be used: {source}")]
    Digest {
        /// Where it stands.
        field: &'static str,
        /// What is wrong with it.
        source: DigestError,
    },
    /// It has the fields of a manifest and of an index, so that two readers could see two images in it.
    #[error("claims to be a manifest and an index at once; refusing to guess which is meant")]
    Ambiguous,
    /// It has the fields of neither.
    #[error("is neither an image manifest nor an index (media type {0:?})")]
    Unrecognised(String),
    /// What points to it says that it is something else.
    #[error("is {found}, but what points to it says {expected}")]
    Disagreement {
        /// The media type in the descriptor or the HTTP header.
        expected: String,
        /// What the document is.
        found: &'static str,
    },
    /// A manifest of schema 1, which has no configuration and no digests that could be checked.
    #[error(
        "is a Docker schema 1 manifest, a form that registries gave up; push the image again with a current tool"
    )]
    SchemaOne,
    /// It is no image.
    #[error("is not a container image but an artifact of type {0:?}")]
    Artifact(String),
    /// A layer is in a form that this version does not read.
    #[error("layer {index} is of type {media_type:?}, which this version cannot read")]
    LayerType {
        /// Which layer, 0 the lowest.
        index: usize,
        /// Its media type.
        media_type: String,
    },
    /// A list has more entries than there are descriptors in as many bytes.
    #[error("has more than {ENTRIES} entries, which are no descriptors")]
    Entries,
    /// An entry of a list is not a descriptor.
    #[error("an entry of the list has no digest and size")]
    Entry,
    /// The configuration belongs to another manifest.
    #[error(
        "lists {layers} layers, but its configuration lists {diff_ids}: the configuration does not belong to it"
    )]
    LayerCount {
        /// Layers of the manifest.
        layers: usize,
        /// Layers of the configuration.
        diff_ids: usize,
    },
}

impl Document {
    /// Reads a manifest or index. `expected` is the media type that the descriptor or the registry gives; empty
    /// if none does.
    ///
    /// What the document is, its own `mediaType` says, and where it has none, its fields do. A document with
    /// the fields of both is refused (CVE-2021-41190), and so is one that is not what was announced.
    pub fn parse(bytes: &[u8], expected: &str) -> Result<Self, ManifestError> {
        let raw: RawDocument = serde_json::from_slice(bytes)?;
        if raw.fs_layers.is_some() || raw.schema_version == Some(1) {
            return Err(ManifestError::SchemaOne);
        }
        if raw.manifests.is_some() && (raw.config.is_some() || raw.layers.is_some()) {
            return Err(ManifestError::Ambiguous);
        }
        let named = raw.media_type.clone().unwrap_or_default();
        let is_index = match (Kind::of(&named), &raw.manifests, &raw.config) {
            (Some(Kind::Manifest) | None, None, Some(_)) => false,
            (Some(Kind::Index) | None, Some(_), _) => true,
            (Some(Kind::Manifest), Some(_), _) | (Some(Kind::Index), None, Some(_)) => {
                return Err(ManifestError::Ambiguous);
            }
            (Some(Kind::Artifact), ..) => {
                return Err(ManifestError::Artifact(raw.artifact_type.unwrap_or(named)));
            }
            (_, None, None) => return Err(ManifestError::Unrecognised(named)),
        };
        let found = if is_index { "an index" } else { "an image manifest" };
        let agrees = matches!(
            (Kind::of(expected), is_index),
            (None, _) | (Some(Kind::Index), true) | (Some(Kind::Manifest), false)
        );
        if !agrees {
            return Err(ManifestError::Disagreement { expected: expected.to_owned(), found });
        }
        let annotations = raw.annotations;
        let subject = raw.subject.map(|subject| subject.check("subject")).transpose()?.map(Box::new);
        match (raw.config, raw.manifests) {
            (Some(config), _) => Ok(Self::Manifest(Manifest {
                config: config.check("config")?,
                layers: check_all(raw.layers.unwrap_or_default(), "layers")?,
                annotations,
                artifact_type: raw.artifact_type.filter(|kind| !kind.is_empty()),
                subject,
            })),
            (None, manifests) => {
                let manifests = check_all(manifests.unwrap_or_default(), "manifests")?;
                Ok(Self::Index(Index { manifests, annotations, subject }))
            }
        }
    }
}

impl Document {
    /// Whether `media_type` is that of an image manifest.
    pub fn is_manifest(media_type: &str) -> bool {
        Kind::of(media_type) == Some(Kind::Manifest)
    }
}

/// A list of manifests, and the entries of it that cannot be read, by their number, with what is wrong with them.
pub type Entries = (Vec<Descriptor>, Vec<(usize, ManifestError)>);

/// Reads an index that lists what refers to something. Unlike the index of an image, one bad entry is no reason to
/// lose the others: anyone who may write can add entries.
pub fn parse_referrers(bytes: &[u8]) -> Result<Entries, ManifestError> {
    let raw: RawReferrers = serde_json::from_slice(bytes)?;
    let named = raw.media_type.unwrap_or_default();
    if raw.config.is_some() || raw.layers.is_some() {
        return Err(ManifestError::Ambiguous);
    }
    let entries = match (Kind::of(&named), raw.manifests) {
        (Some(Kind::Index) | None, Some(entries)) => entries,
        (Some(Kind::Manifest | Kind::Artifact), Some(_)) => return Err(ManifestError::Ambiguous),
        (_, None) => return Err(ManifestError::Unrecognised(named)),
    };
    if entries.len() > ENTRIES {
        return Err(ManifestError::Entries);
    }
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (at, entry) in entries.into_iter().enumerate() {
        let read = match entry {
            Lenient::Good(entry) => entry.check("manifests"),
            Lenient::Bad(_) => Err(ManifestError::Entry),
        };
        match read {
            Ok(descriptor) => good.push(descriptor),
            Err(error) => bad.push((at, error)),
        }
    }
    Ok((good, bad))
}

impl Manifest {
    /// Fails unless this is a container image whose layers are file system archives.
    ///
    /// Signatures of cosign carry an image's configuration type and are known only by the type of their layers.
    pub fn check_is_image(&self) -> Result<(), ManifestError> {
        if !is_image_config(&self.config.media_type) {
            let kind = self.artifact_type.as_ref().unwrap_or(&self.config.media_type);
            return Err(ManifestError::Artifact(kind.clone()));
        }
        let other = self.layers.iter().enumerate().find(|(_, layer)| !is_layer(&layer.media_type));
        match other {
            None => Ok(()),
            Some((index, layer)) if self.layers.iter().any(|layer| is_layer(&layer.media_type)) => {
                Err(ManifestError::LayerType { index, media_type: layer.media_type.clone() })
            }
            Some((_, layer)) => {
                let kind = self.artifact_type.as_ref().unwrap_or(&layer.media_type);
                Err(ManifestError::Artifact(kind.clone()))
            }
        }
    }
}

/// Whether a layer of this media type lies elsewhere than with the image, as base layers of Windows do.
pub fn is_foreign_layer(media_type: &str) -> bool {
    media_type.contains(".nondistributable.") || media_type.contains(".foreign.")
}

/// What `media_type` says a document is, as far as the two kinds go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Manifest,
    Index,
    Artifact,
}

impl Kind {
    fn of(media_type: &str) -> Option<Self> {
        // Parameters, as in `application/json; charset=utf-8`, say nothing about the kind.
        match media_type.split(';').next().unwrap_or_default().trim() {
            OCI_MANIFEST | DOCKER_MANIFEST => Some(Self::Manifest),
            OCI_INDEX | DOCKER_LIST => Some(Self::Index),
            "application/vnd.oci.artifact.manifest.v1+json" => Some(Self::Artifact),
            _ => None,
        }
    }
}

/// The two registered types, and what Docker's early versions wrote in their place
/// (distribution issue 1621).
fn is_image_config(media_type: &str) -> bool {
    matches!(
        media_type,
        OCI_CONFIG | DOCKER_CONFIG | "" | "application/octet-stream" | "application/json" | "text/html"
    )
}

fn is_layer(media_type: &str) -> bool {
    const LAYERS: [&str; 4] = [
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ];
    let compression = LAYERS.iter().find_map(|layer| media_type.strip_prefix(layer));
    let compression = compression.or(match media_type {
        "application/octet-stream" => Some(""),
        other => other.strip_prefix("application/x-tar"),
    });
    media_type.is_empty() || matches!(compression, Some("" | "+gzip" | "+zstd" | ".gzip" | ".zstd" | "+gz"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDocument {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    subject: Option<RawDescriptor>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
    manifests: Option<Vec<RawDescriptor>>,
    fs_layers: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReferrers {
    media_type: Option<String>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    manifests: Option<Vec<Lenient>>,
}

/// An entry of a list, or something else in its place.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient {
    Good(Box<RawDescriptor>),
    Bad(IgnoredAny),
}

/// Go writes an empty list as `null`, which is more than a list that is not there.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    null_as_default(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    #[serde(default, deserialize_with = "null_as_default")]
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<RawPlatform>,
    artifact_type: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: BTreeMap<String, String>,
}

impl RawDescriptor {
    fn check(self, field: &'static str) -> Result<Descriptor, ManifestError> {
        let digest = self.digest.parse().map_err(|source| ManifestError::Digest { field, source })?;
        let platform = self.platform.map(Platform::from);
        Ok(Descriptor {
            media_type: self.media_type,
            digest,
            size: self.size,
            platform,
            artifact_type: self.artifact_type.filter(|kind| !kind.is_empty()),
            annotations: self.annotations,
        })
    }
}

fn check_all(raw: Vec<RawDescriptor>, field: &'static str) -> Result<Vec<Descriptor>, ManifestError> {
    raw.into_iter().map(|descriptor| descriptor.check(field)).collect()
}

/// The fields of a platform, which stand in an index's descriptors and at the top of a configuration.
#[derive(Deserialize)]
pub(super) struct RawPlatform {
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) os: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) architecture: String,
    pub(super) variant: Option<String>,
    #[serde(rename = "os.version")]
    pub(super) os_version: Option<String>,
}

impl From<RawPlatform> for Platform {
    fn from(raw: RawPlatform) -> Self {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            os: raw.os,
            architecture: raw.architecture,
            variant: filled(raw.variant),
            os_version: filled(raw.os_version),
        }
    }
}

/// Go writes an empty list or map as `null`.
pub(super) fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
