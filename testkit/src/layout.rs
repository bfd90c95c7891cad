//! The forms in which images lie on a disk: OCI layouts as folders or archives, and `docker save` archives.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde_json::{Value, json};

use crate::{
    archive::TarBuilder,
    image::{Blob, Image},
};

/// A manifest or index with all that it leads to.
#[derive(Debug, Clone)]
pub struct Root {
    /// The manifest or index.
    pub manifest: Blob,
    /// What it leads to, and what that leads to.
    pub parts: Vec<Blob>,
    descriptor: Value,
    tags: Vec<String>,
}

impl Root {
    /// A manifest or index under some names, or none.
    pub fn new(manifest: Blob, parts: Vec<Blob>, tags: &[String]) -> Self {
        Self { descriptor: manifest.descriptor(), manifest, parts, tags: tags.to_vec() }
    }

    /// Names the platform in the descriptor.
    #[must_use]
    pub fn with_platform(self, platform: Value) -> Self {
        self.with("platform", platform)
    }

    /// Adds an annotation to the descriptor.
    #[must_use]
    pub fn with_annotation(mut self, key: &str, value: &str) -> Self {
        let mut annotations = self.descriptor.get("annotations").cloned().unwrap_or_else(|| json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(key.to_owned(), json!(value));
        }
        self = self.with("annotations", annotations);
        self
    }

    /// Sets a field of the descriptor, such as a wrong `size`, or removes it with `null`.
    #[must_use]
    pub fn with(mut self, field: &str, value: Value) -> Self {
        if let Some(descriptor) = self.descriptor.as_object_mut() {
            match value {
                Value::Null => descriptor.remove(field),
                value => descriptor.insert(field.to_owned(), value),
            };
        }
        self
    }

    /// Gives the root a further name.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    /// The manifest and all that it leads to.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.parts.iter().chain([&self.manifest])
    }
}

/// An OCI index over `children`, which may be indexes themselves.
pub fn index(children: impl IntoIterator<Item = Root>) -> Root {
    index_of("application/vnd.oci.image.index.v1+json", children)
}

/// A Docker manifest list over `children`.
pub fn docker_list(children: impl IntoIterator<Item = Root>) -> Root {
    index_of("application/vnd.docker.distribution.manifest.list.v2+json", children)
}

fn index_of(media_type: &str, children: impl IntoIterator<Item = Root>) -> Root {
    let children: Vec<Root> = children.into_iter().collect();
    let manifests: Vec<Value> = children.iter().map(|child| child.descriptor.clone()).collect();
    let json = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
    let parts = children.iter().flat_map(Root::blobs).cloned().collect();
    Root::new(Blob::new(media_type, json.to_string().into_bytes()), parts, &[])
}

/// An OCI layout, which may be damaged before it is written.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Files by path, as `blobs/sha256/HEX`, `index.json` and `oci-layout`.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    /// A layout that holds `roots`.
    pub fn new(roots: impl IntoIterator<Item = Root>) -> Self {
        let mut files = BTreeMap::new();
        let mut manifests = Vec::new();
        for root in roots {
            files.extend(root.blobs().map(|blob| (blob_path(&blob.digest), blob.bytes.clone())));
            if root.tags.is_empty() {
                manifests.push(root.descriptor.clone());
            }
            for tag in &root.tags {
                manifests
                    .push(root.clone().with_annotation("org.opencontainers.image.ref.name", tag).descriptor);
            }
        }
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        files.insert("index.json".to_owned(), index.to_string().into_bytes());
        files.insert("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
        Self { files }
    }

    /// Puts other bytes in the place of a blob; its name stays.
    #[must_use]
    pub fn replace(mut self, digest: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(blob_path(digest), bytes.into());
        self
    }

    /// Takes a blob away.
    #[must_use]
    pub fn remove(mut self, digest: &str) -> Self {
        self.files.remove(&blob_path(digest));
        self
    }

    /// Writes the layout into the folder `path`, which is made.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        for (name, bytes) in &self.files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap_or(path))?;
            fs::write(file, bytes)?;
        }
        Ok(())
    }

    /// The layout as a tar archive.
    pub fn archive(&self) -> Vec<u8> {
        let add = |tar: TarBuilder, (name, bytes): (&String, &Vec<u8>)| tar.file(name, bytes);
        self.files.iter().fold(TarBuilder::new().dir("blobs").dir("blobs/sha256"), add).build()
    }
}

/// Where a layout keeps the blob `digest`.
pub fn blob_path(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

/// The two forms of `docker save`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DockerArchive {
    /// Before version 25: `manifest.json`, the configuration as `HEX.json`, each layer as `ID/layer.tar`; of
    /// layers with the same content all but the first are symbolic links.
    Old,
    /// Since version 25: an OCI layout with a `manifest.json` beside it.
    New,
}

impl DockerArchive {
    /// An archive that holds `images`.
    pub fn archive(self, images: &[Image]) -> Vec<u8> {
        match self {
            Self::Old => old_archive(images),
            Self::New => new_archive(images),
        }
    }
}

fn new_archive(images: &[Image]) -> Vec<u8> {
    let mut layout = Layout::new(images.iter().map(Image::root));
    let entry = |image: &Image| {
        json!({
            "Config": blob_path(&image.config.digest),
            "RepoTags": image.tags,
            "Layers": image.layers.iter().map(|layer| blob_path(&layer.blob.digest)).collect::<Vec<_>>(),
        })
    };
    let manifest: Value = images.iter().map(entry).collect();
    layout.files.insert("manifest.json".to_owned(), manifest.to_string().into_bytes());
    layout.archive()
}

fn old_archive(images: &[Image]) -> Vec<u8> {
    let mut tar = TarBuilder::new();
    let mut manifest = Vec::new();
    // Where each diff id was written first.
    let mut written: BTreeMap<String, String> = BTreeMap::new();
    for image in images {
        let mut layers = Vec::new();
        for (index, layer) in image.layers.iter().enumerate() {
            let id = crate::image::digest(format!("{} {index}", image.config.digest).as_bytes());
            let id = id.trim_start_matches("sha256:");
            let name = format!("{id}/layer.tar");
            tar = tar.dir(id).file(format!("{id}/VERSION"), "1.0").file(format!("{id}/json"), "{}");
            tar = match written.get(&layer.diff_id) {
                Some(first) => tar.symlink(&name, format!("../{first}")),
                None => tar.file(&name, &layer.tar),
            };
            written.entry(layer.diff_id.clone()).or_insert_with(|| name.clone());
            layers.push(name);
        }
        let config = format!("{}.json", image.config.hex());
        tar = tar.file(&config, &image.config.bytes);
        let tags = if image.tags.is_empty() { Value::Null } else { json!(image.tags) };
        manifest.push(json!({ "Config": config, "RepoTags": tags, "Layers": layers }));
    }
    tar.file("manifest.json", Value::from(manifest).to_string()).file("repositories", "{}").build()
}

#[cfg(test)]
mod tests {
    use crate::{Compression, DockerArchive, ImageBuilder, index};

    fn image() -> crate::Image {
        ImageBuilder::new()
            .layer(|l| l.dir("etc").file("etc/a", "x").symlink("b", "etc/a").hardlink("c", "etc/a"))
            .layer(|l| l.whiteout("etc/a").opaque("var").pax_name("n".repeat(300), "y"))
            .layer(|l| l.file("m".repeat(150), "z").compression(Compression::GzipMultiMember))
            .tag("example.org/app:1")
            .build()
    }

    fn names(archive: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap();
        entries.map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
    }

    #[test]
    fn the_same_image_has_the_same_bytes() {
        assert_eq!(image().oci_archive(), image().oci_archive());
        assert_eq!(image().docker_archive(DockerArchive::Old), image().docker_archive(DockerArchive::Old));
    }

    #[test]
    fn another_reader_sees_the_entries() {
        let image = image();
        assert_eq!(names(&image.layers[0].tar), ["etc/", "etc/a", "b", "c"]);
        assert_eq!(names(&image.layers[1].tar), ["etc/.wh.a", "var/.wh..wh..opq", &"n".repeat(300)]);
        assert_eq!(names(&image.layers[2].tar), ["m".repeat(150)]);
        assert!(names(&image.oci_archive()).contains(&"index.json".to_owned()));
    }

    #[test]
    fn an_index_carries_all_that_it_leads_to() {
        let image = image();
        let nested = index([index([image.root()])]);
        assert_eq!(nested.parts.len(), image.layers.len() + 3);
    }
}
