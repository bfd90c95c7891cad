//! Images as code: layers, configuration and manifest, deterministic to the byte.

use std::{io, path::Path};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    archive::{Layer, LayerBuilder},
    layout::{DockerArchive, Layout, Root},
};

/// Bytes with their media type and digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// What the bytes are.
    pub media_type: String,
    /// `sha256:…` of the bytes.
    pub digest: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// Bytes under their own digest.
    pub fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        Self { media_type: media_type.to_owned(), digest: digest(&bytes), bytes }
    }

    /// The hex digits of the digest.
    pub fn hex(&self) -> &str {
        self.digest.trim_start_matches("sha256:")
    }

    /// Points at the blob: media type, digest, size.
    pub fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// `sha256:…` of `bytes`.
pub fn digest(bytes: &[u8]) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
        digest.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    digest
}

type Edit = Box<dyn FnOnce(&mut Value)>;

/// Builds an image.
///
/// ```
/// use sbomctl_testkit::{Compression, ImageBuilder};
/// let image = ImageBuilder::new()
///     .layer(|l| l.dir("etc").file("etc/os-release", "ID=alpine\n"))
///     .layer(|l| l.whiteout("etc/os-release").compression(Compression::Zstd))
///     .platform("linux/arm64/v8")
///     .tag("example.org/app:1")
///     .build();
/// assert_eq!(image.layers.len(), 2);
/// let archive: Vec<u8> = image.oci_archive();
/// # assert!(archive.len() % 512 == 0);
/// ```
#[derive(Default)]
pub struct ImageBuilder {
    layers: Vec<LayerBuilder>,
    platform: Option<String>,
    created: Option<String>,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
    history: Option<Vec<Value>>,
    tags: Vec<String>,
    docker: bool,
    edit_config: Option<Edit>,
    edit_manifest: Option<Edit>,
}

impl ImageBuilder {
    /// An image for `linux/amd64` without layers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer on top.
    #[must_use]
    pub fn layer(mut self, build: impl FnOnce(LayerBuilder) -> LayerBuilder) -> Self {
        self.layers.push(build(LayerBuilder::default()));
        self
    }

    /// What the image runs on, as `OS/ARCHITECTURE[/VARIANT]`.
    #[must_use]
    pub fn platform(mut self, platform: &str) -> Self {
        self.platform = Some(platform.to_owned());
        self
    }

    /// When the image was built, RFC 3339.
    #[must_use]
    pub fn created(mut self, created: &str) -> Self {
        self.created = Some(created.to_owned());
        self
    }

    /// A label of the configuration.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.push((key.to_owned(), value.to_owned()));
        self
    }

    /// An annotation of the manifest.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.push((key.to_owned(), value.to_owned()));
        self
    }

    /// A build step: the instruction, and whether it made a layer.
    #[must_use]
    pub fn history(mut self, created_by: &str, made_layer: bool) -> Self {
        let step = json!({ "created_by": created_by, "empty_layer": !made_layer });
        self.history.get_or_insert_default().push(step);
        self
    }

    /// A name of the image, such as `example.org/app:1`.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    /// Docker's media types in place of OCI's.
    #[must_use]
    pub fn docker_media_types(mut self) -> Self {
        self.docker = true;
        self
    }

    /// Changes the configuration before it is hashed.
    #[must_use]
    pub fn edit_config(mut self, edit: impl FnOnce(&mut Value) + 'static) -> Self {
        self.edit_config = Some(Box::new(edit));
        self
    }

    /// Changes the manifest before it is hashed: a wrong digest, a wrong size, another media type.
    #[must_use]
    pub fn edit_manifest(mut self, edit: impl FnOnce(&mut Value) + 'static) -> Self {
        self.edit_manifest = Some(Box::new(edit));
        self
    }

    /// Builds the image.
    pub fn build(self) -> Image {
        let layers: Vec<Layer> = self.layers.into_iter().map(|layer| layer.build(self.docker)).collect();
        let platform = platform_json(self.platform.as_deref().unwrap_or("linux/amd64"));
        let mut config = platform.clone();
        if let Some(config) = config.as_object_mut() {
            let labels: serde_json::Map<_, _> =
                self.labels.into_iter().map(|(key, value)| (key, json!(value))).collect();
            config.insert("config".to_owned(), json!({ "Labels": labels }));
            let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
            config.insert("rootfs".to_owned(), json!({ "type": "layers", "diff_ids": diff_ids }));
            if let Some(created) = self.created {
                config.insert("created".to_owned(), json!(created));
            }
            if let Some(history) = self.history {
                config.insert("history".to_owned(), json!(history));
            }
        }
        if let Some(edit) = self.edit_config {
            edit(&mut config);
        }
        let (manifest_type, config_type) = if self.docker {
            (DOCKER_MANIFEST, "application/vnd.docker.container.image.v1+json")
        } else {
            (OCI_MANIFEST, "application/vnd.oci.image.config.v1+json")
        };
        let config = Blob::new(config_type, config.to_string().into_bytes());
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": config.descriptor(),
            "layers": layers.iter().map(Layer::descriptor).collect::<Vec<_>>(),
        });
        if !self.annotations.is_empty() {
            let annotations: serde_json::Map<_, _> =
                self.annotations.into_iter().map(|(key, value)| (key, json!(value))).collect();
            manifest
                .as_object_mut()
                .map(|manifest| manifest.insert("annotations".to_owned(), json!(annotations)));
        }
        if let Some(edit) = self.edit_manifest {
            edit(&mut manifest);
        }
        let manifest = Blob::new(manifest_type, manifest.to_string().into_bytes());
        Image { manifest, config, layers, platform, tags: self.tags }
    }
}

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn platform_json(platform: &str) -> Value {
    let mut parts = platform.split('/');
    let mut part = || parts.next().unwrap_or_default();
    let (os, architecture, variant) = (part(), part(), part());
    let mut json = json!({ "os": os, "architecture": architecture });
    if let (false, Some(json)) = (variant.is_empty(), json.as_object_mut()) {
        json.insert("variant".to_owned(), json!(variant));
    }
    json
}

/// An image as built.
#[derive(Debug, Clone)]
pub struct Image {
    /// The manifest.
    pub manifest: Blob,
    /// The configuration.
    pub config: Blob,
    /// The layers, lowest first.
    pub layers: Vec<Layer>,
    /// The platform, as an index's descriptor carries it.
    pub platform: Value,
    /// Its names.
    pub tags: Vec<String>,
}

impl Image {
    /// The image as what a layout, an index or a registry holds.
    pub fn root(&self) -> Root {
        let parts = self.layers.iter().map(|layer| &layer.blob).chain([&self.config]);
        Root::new(self.manifest.clone(), parts.cloned().collect(), &self.tags)
            .with_platform(self.platform.clone())
    }

    /// Writes the image as an OCI layout into the folder `path`, which is made.
    pub fn write_oci_layout(&self, path: &Path) -> io::Result<()> {
        Layout::new([self.root()]).write(path)
    }

    /// The image as an OCI layout in a tar archive.
    pub fn oci_archive(&self) -> Vec<u8> {
        Layout::new([self.root()]).archive()
    }

    /// The image as `docker save` writes it.
    pub fn docker_archive(&self, form: DockerArchive) -> Vec<u8> {
        form.archive(std::slice::from_ref(self))
    }
}
