//! What holds for every kind of image: checks of digests and sizes, nesting, platforms. Read from layouts.

use std::{fs, io, path::Path};

use sbomctl_testkit::{
    Image as TestImage, ImageBuilder, Layout, Root, blob_path, digest, docker_list, index,
};
use serde_json::json;

use super::*;
use crate::{
    limits::Limits,
    oci::{Platform, SubjectKind, manifest::ManifestError},
};

fn image(platform: &str) -> TestImage {
    ImageBuilder::new().layer(|l| l.file("etc/arch", platform)).platform(platform).build()
}

fn any() -> Selection {
    Selection::Default(platform("linux/amd64"))
}

fn platform(text: &str) -> Platform {
    text.parse().unwrap()
}

fn wanted(text: &str) -> Selection {
    Selection::Platform(platform(text))
}

fn open_with(
    layout: &Layout,
    choice: &Choice,
    selection: &Selection,
) -> Result<Vec<ImageSource>, SourceError> {
    let folder = tempfile::tempdir().unwrap();
    layout.write(&folder.path().join("layout")).unwrap();
    oci_layout::open(&folder.path().join("layout"), choice, selection, &Limits::default())
}

fn open(layout: &Layout, selection: &Selection) -> Result<Vec<ImageSource>, SourceError> {
    open_with(layout, &Choice::Only, selection)
}

fn platforms(images: &[ImageSource]) -> Vec<String> {
    images.iter().map(|image| facts(image).platform.to_string()).collect()
}

fn facts(image: &ImageSource) -> &crate::oci::Image {
    match &image.subject().kind {
        SubjectKind::Image(image) => image,
        other => panic!("{other:?}"),
    }
}

fn content(bytes: LayerBytes) -> Vec<u8> {
    let LayerBytes::Archive(mut reader) = bytes else { panic!("{bytes:?}") };
    let mut content = Vec::new();
    io::copy(&mut reader, &mut content).unwrap();
    content
}

#[test]
fn a_layout_gives_the_image_and_its_layers() {
    let built = ImageBuilder::new()
        .layer(|l| l.file("a", "1"))
        .layer(|l| l.file("b", "2"))
        .history("ADD a", true)
        .history("ENV x=y", false)
        .history("ADD b", true)
        .created("2024-01-02T03:04:05Z")
        .label("org.example.a", "config")
        .label("org.example.b", "config")
        .annotation("org.example.b", "manifest")
        .tag("1.0")
        .build();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my-layout");
    built.write_oci_layout(&path).unwrap();
    let images = oci_layout::open(&path, &Choice::Only, &any(), &Limits::default()).unwrap();
    let [source] = images.as_slice() else { panic!("{images:?}") };
    let image = facts(source);
    assert_eq!(image.manifest_digest.as_ref().unwrap().to_string(), built.manifest.digest);
    assert!(image.manifest_sha512.as_ref().unwrap().to_string().starts_with("sha512:"));
    assert_eq!(image.config_digest.as_ref().unwrap().to_string(), built.config.digest);
    assert_eq!(image.index_digest, None);
    assert_eq!(image.created.as_deref(), Some("2024-01-02T03:04:05Z"));
    assert_eq!(image.labels.get("org.example.a").unwrap(), "config");
    assert_eq!(image.labels.get("org.example.b").unwrap(), "manifest");
    let subject = source.subject();
    assert_eq!((subject.name.as_str(), subject.tag.as_deref()), ("my-layout", Some("1.0")));
    for (index, (layer, built)) in subject.layers.iter().zip(&built.layers).enumerate() {
        assert_eq!(layer.index, index);
        assert_eq!(layer.digest.as_ref().unwrap().to_string(), built.blob.digest);
        assert_eq!(layer.diff_id.as_ref().unwrap().to_string(), built.diff_id);
        assert_eq!(layer.size, Some(built.blob.bytes.len() as u64));
        assert_eq!(content(source.open(layer).unwrap()), built.blob.bytes);
    }
    let steps: Vec<_> = subject.layers.iter().map(|layer| layer.created_by.as_deref().unwrap()).collect();
    assert_eq!(steps, ["ADD a", "ADD b"]);
}

#[test]
fn docker_media_types_are_read_alike() {
    let built = ImageBuilder::new().layer(|l| l.file("a", "1")).docker_media_types().build();
    let images = open(&Layout::new([docker_list([built.root()])]), &any()).unwrap();
    assert_eq!(images[0].subject().layers[0].media_type, "application/vnd.docker.image.rootfs.diff.tar.gzip");
}

#[test]
fn a_manifest_that_is_not_what_its_digest_says_is_refused() {
    let built = image("linux/amd64");
    // As long as the true one, but another.
    let forged =
        String::from_utf8(built.manifest.bytes.clone()).unwrap().replace("schemaVersion", "schemaVersioN");
    let layout = Layout::new([built.root()]).replace(&built.manifest.digest, forged);
    let error = open(&layout, &any()).unwrap_err();
    assert!(matches!(error, SourceError::DigestMismatch { what: error::Part::Manifest, .. }), "{error}");
}

#[test]
fn a_config_that_is_not_what_its_digest_says_is_refused() {
    let built = image("linux/amd64");
    let forged = String::from_utf8(built.config.bytes.clone()).unwrap().replace("amd64", "AMD64");
    let layout = Layout::new([built.root()]).replace(&built.config.digest, forged);
    let error = open(&layout, &any()).unwrap_err();
    assert!(matches!(error, SourceError::DigestMismatch { what: error::Part::Config, .. }), "{error}");
}

#[test]
fn sizes_must_be_those_announced() {
    let built = image("linux/amd64");
    for size in [built.manifest.bytes.len() - 1, built.manifest.bytes.len() + 1] {
        let error = open(&Layout::new([built.root().with("size", json!(size))]), &any()).unwrap_err();
        assert!(matches!(error, SourceError::SizeMismatch { what: error::Part::Manifest, .. }), "{error}");
    }
    for more in [-1_i64, 1] {
        let wrong = move |manifest: &mut serde_json::Value| {
            let size = manifest["config"]["size"].as_i64().unwrap();
            manifest["config"]["size"] = json!(size + more);
        };
        let error = open(&Layout::new([ImageBuilder::new().edit_manifest(wrong).build().root()]), &any());
        let error = error.unwrap_err();
        assert!(matches!(error, SourceError::SizeMismatch { what: error::Part::Config, .. }), "{error}");
    }
}

#[test]
fn a_config_that_claims_to_be_huge_is_not_read() {
    let huge = |manifest: &mut serde_json::Value| manifest["config"]["size"] = json!(200 << 20);
    let built = ImageBuilder::new().edit_manifest(huge).build();
    // It is not even there: the claim alone is enough.
    let layout = Layout::new([built.root()]).remove(&built.config.digest);
    let error = open(&layout, &any()).unwrap_err();
    assert!(error.to_string().contains("--limit config-bytes="), "{error}");
    let claimed = image("linux/amd64").root().with("size", json!(1_u64 << 40));
    let error = open(&Layout::new([claimed]), &any()).unwrap_err();
    assert!(error.to_string().contains("--limit manifest-bytes="), "{error}");
}

#[test]
fn a_config_of_another_image_is_refused() {
    let built = ImageBuilder::new()
        .layer(|l| l.file("a", "1"))
        .edit_config(|config| config["rootfs"]["diff_ids"] = json!([]))
        .build();
    let error = open(&Layout::new([built.root()]), &any()).unwrap_err();
    let mismatch = ManifestError::LayerCount { layers: 1, diff_ids: 0 }.to_string();
    assert!(error.to_string().contains(&mismatch), "{error}");
}

#[test]
fn a_missing_blob_is_named() {
    let built = image("linux/amd64");
    for missing in [&built.manifest.digest, &built.config.digest] {
        let error = open(&Layout::new([built.root()]).remove(missing), &any()).unwrap_err();
        assert!(matches!(error, SourceError::BlobMissing { .. }), "{error}");
        assert!(error.to_string().contains(missing.as_str()), "{error}");
    }
    let images = open(&Layout::new([built.root()]).remove(&built.layers[0].blob.digest), &any()).unwrap();
    let error = images[0].open(&images[0].subject().layers[0]).unwrap_err();
    assert!(matches!(error, SourceError::BlobMissing { .. }), "{error}");
}

#[test]
fn a_foreign_layer_that_is_missing_is_called_so() {
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let built = ImageBuilder::new().layer(|l| l.file("a", "1").media_type(foreign)).build();
    let images = open(&Layout::new([built.root()]).remove(&built.layers[0].blob.digest), &any()).unwrap();
    let error = images[0].open(&images[0].subject().layers[0]).unwrap_err();
    assert!(matches!(error, SourceError::ForeignLayer { .. }), "{error}");
}

#[test]
fn an_artifact_is_no_image_and_is_called_what_it_is() {
    let chart = |manifest: &mut serde_json::Value| {
        manifest["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
    };
    let built = ImageBuilder::new().edit_manifest(chart).build();
    let error = open(&Layout::new([built.root()]), &any()).unwrap_err().to_string();
    assert!(error.contains("not a container image but an artifact of type"), "{error}");
    assert!(error.contains("helm"), "{error}");
}

#[test]
fn the_wanted_platform_is_chosen() {
    let children = ["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8"].map(|p| image(p).root());
    let root = index(children);
    let layout = Layout::new([root.clone()]);
    for (selection, expected) in [
        (any(), "linux/amd64"),
        (wanted("arm64"), "linux/arm64/v8"),
        (wanted("linux/arm"), "linux/arm/v7"),
        (wanted("linux/arm/v6"), "linux/arm/v6"),
    ] {
        let images = open(&layout, &selection).unwrap();
        assert_eq!(platforms(&images), [expected]);
        assert_eq!(facts(&images[0]).index_digest.as_ref().unwrap().to_string(), root.manifest.digest);
    }
    assert_eq!(platforms(&open(&layout, &Selection::All).unwrap()).len(), 4);
}

#[test]
fn a_platform_that_is_missing_is_an_error_that_lists_the_others() {
    let layout = Layout::new([index([image("linux/amd64").root(), image("linux/arm64").root()])]);
    let error = open(&layout, &wanted("linux/s390x")).unwrap_err().to_string();
    assert!(error.contains("linux/s390x") && error.contains("linux/amd64, linux/arm64"), "{error}");
    let error = open(&layout, &Selection::Default(platform("riscv64"))).unwrap_err();
    assert!(matches!(&error, SourceError::PlatformUnclear { present, .. } if present.len() == 2), "{error}");
}

#[test]
fn the_only_image_is_taken_unless_another_platform_is_asked_for() {
    let attestation = image("unknown/unknown").root();
    let root = index([image("linux/arm64").root(), attestation]);
    for layout in [Layout::new([root]), Layout::new([image("linux/arm64").root()])] {
        assert_eq!(platforms(&open(&layout, &any()).unwrap()), ["linux/arm64"]);
        assert_eq!(platforms(&open(&layout, &Selection::All).unwrap()), ["linux/arm64"]);
        let error = open(&layout, &wanted("linux/amd64")).unwrap_err();
        assert!(
            matches!(&error, SourceError::PlatformMissing { present, .. } if present.len() == 1),
            "{error}"
        );
    }
}

#[test]
fn what_a_machine_would_run_is_an_image_whatever_is_written_beside_it() {
    const MARK: (&str, &str) = ("vnd.docker.reference.type", "attestation-manifest");
    let marked = image("linux/mips").root().with_annotation(MARK.0, MARK.1);
    let silent = image("linux/s390x").root().with_annotation(MARK.0, MARK.1).with("platform", json!(null));
    let unknown =
        image("unknown/unknown").root().with_platform(json!({"os": "linux", "architecture": "arm"}));
    let layout = Layout::new([index([image("linux/arm64").root(), marked, silent, unknown])]);
    let found = platforms(&open(&layout, &Selection::All).unwrap());
    assert_eq!(found, ["linux/arm64", "linux/mips", "linux/s390x", "linux/arm"]);
}

#[test]
fn the_config_names_the_platform_where_the_index_does_not() {
    let silent = |p| image(p).root().with("platform", json!(null)).with("mediaType", json!(null));
    let layout = Layout::new([index([silent("linux/amd64"), silent("linux/arm64")])]);
    assert_eq!(platforms(&open(&layout, &wanted("arm64")).unwrap()), ["linux/arm64"]);
    assert_eq!(platforms(&open(&layout, &Selection::All).unwrap()).len(), 2);
}

#[test]
fn only_the_wanted_manifest_of_an_index_is_read() {
    let other = image("linux/arm64");
    let layout = Layout::new([index([image("linux/amd64").root(), other.root()])]);
    let layout = layout.replace(&other.manifest.digest, "damaged");
    assert_eq!(platforms(&open(&layout, &any()).unwrap()), ["linux/amd64"]);
    assert!(open(&layout, &wanted("arm64")).is_err());
}

#[test]
fn nested_indexes_are_followed_to_a_depth() {
    let nest = |depth| (0..depth).fold(image("linux/amd64").root(), |root, _| index([root]));
    assert_eq!(open(&Layout::new([nest(8)]), &any()).unwrap().len(), 1);
    for depth in [9, 100] {
        let error = open(&Layout::new([nest(depth)]), &any()).unwrap_err();
        assert!(error.to_string().contains("--limit index-depth="), "{error}");
    }
}

#[test]
fn an_index_that_leads_back_to_itself_is_refused() {
    // No bytes can contain their own digest, so such an index is never what its digest says.
    let inner = index([image("linux/amd64").root()]);
    let own = inner.clone().with("size", json!(inner.manifest.bytes.len()));
    let looped = index([own]).manifest.bytes;
    let layout = Layout::new([inner.clone().with("size", json!(looped.len()))]);
    let error = open(&layout.replace(&inner.manifest.digest, looped), &any()).unwrap_err();
    assert!(matches!(error, SourceError::DigestMismatch { .. }), "{error}");
}

#[test]
fn an_image_that_is_listed_twice_is_one_image() {
    let twice = index([image("linux/amd64").root(), index([image("linux/amd64").root()])]);
    assert_eq!(open(&Layout::new([twice]), &Selection::All).unwrap().len(), 1);
}

#[test]
fn too_many_manifests_hit_the_limit() {
    let child = |n: usize| image("linux/amd64").root().with("digest", json!(digest(&n.to_le_bytes())));
    let error = open(&Layout::new([index((0..5000).map(child))]), &any()).unwrap_err();
    assert!(error.to_string().contains("--limit manifests="), "{error}");
}

#[test]
fn an_index_without_images_holds_no_image() {
    for root in [index([]), index([image("unknown/unknown").root()]), index([index([])])] {
        let error = open(&Layout::new([root]), &any()).unwrap_err();
        assert!(matches!(error, SourceError::NoImage { .. }), "{error}");
    }
    assert!(matches!(open(&Layout::new([]), &any()), Err(SourceError::NoImage { .. })));
}

fn tagged(tag: &str, content: &str) -> Root {
    ImageBuilder::new().layer(|l| l.file("a", content)).tag(tag).build().root()
}

#[test]
fn of_several_images_one_must_be_chosen() {
    let layout =
        Layout::new([tagged("1.0", "1"), tagged("example.org:5000/app:2.0", "2"), tagged("latest", "1")]);
    let error = open(&layout, &any()).unwrap_err();
    assert!(matches!(&error, SourceError::SeveralImages { present, .. } if present.len() == 3), "{error}");
    let chosen = |name: &str| open_with(&layout, &Choice::Named(name.to_owned()), &any());
    for name in ["1.0", "latest", "2.0", "app:2.0", "example.org:5000/app:2.0"] {
        assert_eq!(chosen(name).unwrap().len(), 1, "{name}");
    }
    let subject = chosen("2.0").unwrap().remove(0).subject().clone();
    assert_eq!((subject.name.as_str(), subject.tag.as_deref()), ("example.org:5000/app", Some("2.0")));
    let error = chosen("3.0").unwrap_err().to_string();
    assert!(error.contains("\"3.0\"") && error.contains("1.0, example.org:5000/app:2.0, latest"), "{error}");
}

#[test]
fn an_image_is_chosen_by_digest_wherever_it_stands_in_the_layout() {
    let inner = image("linux/arm64");
    let layout = Layout::new([index([inner.root()]).tag("a"), tagged("b", "1")]);
    let by = |digest: &str| open_with(&layout, &Choice::Digest(digest.parse().unwrap()), &any());
    let images = by(&inner.manifest.digest).unwrap();
    assert_eq!(facts(&images[0]).manifest_digest.as_ref().unwrap().to_string(), inner.manifest.digest);
    assert!(matches!(by(&digest(b"nothing")), Err(SourceError::NoSuchImage { .. })));
    assert!(matches!(
        by(&inner.layers[0].blob.digest),
        Err(SourceError::Document { .. } | SourceError::Limit { .. })
    ));
}

#[test]
fn several_names_of_one_image_are_no_choice() {
    let layout = Layout::new([tagged("1", "x"), tagged("2", "x")]);
    assert_eq!(open(&layout, &any()).unwrap().len(), 1);
}

#[test]
fn unnamed_images_of_several_platforms_are_one_image() {
    let layout = Layout::new([image("linux/amd64").root(), image("linux/arm64").root()]);
    assert_eq!(platforms(&open(&layout, &wanted("arm64")).unwrap()), ["linux/arm64"]);
}

#[test]
fn a_folder_that_is_no_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| oci_layout::open(path, &Choice::Only, &any(), &Limits::default());
    assert!(matches!(open(folder.path()), Err(SourceError::NotAnImage { missing: "oci-layout", .. })));
    assert!(matches!(open(&folder.path().join("none")), Err(SourceError::NoSuchPath { .. })));
    fs::write(folder.path().join("oci-layout"), "{}").unwrap();
    assert!(matches!(open(folder.path()), Err(SourceError::NotAnImage { missing: "index.json", .. })));
    assert!(matches!(open(&folder.path().join("oci-layout")), Err(SourceError::FileType { .. })));
}

#[test]
#[cfg(unix)]
fn blobs_that_are_no_regular_files_are_refused() {
    let built = image("linux/amd64");
    let check = |replace: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        built.write_oci_layout(folder.path()).unwrap();
        let blob = folder.path().join(blob_path(&built.manifest.digest));
        fs::remove_file(&blob).unwrap();
        replace(&blob);
        let error = oci_layout::open(folder.path(), &Choice::Only, &any(), &Limits::default()).unwrap_err();
        assert!(matches!(error, SourceError::FileType { .. }), "{error}");
    };
    check(&|blob| fs::create_dir(blob).unwrap());
    check(&|blob| std::os::unix::fs::symlink("/dev/zero", blob).unwrap());
    check(&|blob| {
        assert!(std::process::Command::new("mkfifo").arg(blob).status().unwrap().success());
    });
    check(&|blob| {
        // The folder of blobs leads elsewhere.
        let blobs = blob.parent().unwrap();
        let elsewhere = blobs.parent().unwrap().join("elsewhere");
        fs::rename(blobs, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, blobs).unwrap();
    });
}
