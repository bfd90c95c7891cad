//! Archives as `docker save` writes them, and as they are damaged.

use sbomctl_testkit::{
    DockerArchive, Image as TestImage, ImageBuilder, Layout, Root, TarBuilder, blob_path, index,
};

use super::{super::oci_archive, *};

fn open_choice(archive: &[u8], choice: &Choice, platform: Option<&str>) -> Result<DockerImage, SourceError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.tar");
    std::fs::write(&path, archive).unwrap();
    let selection = match platform {
        Some(platform) => Selection::Platform(platform.parse().unwrap()),
        None => Selection::Default("linux/amd64".parse().unwrap()),
    };
    open(&path, choice, &selection, &Limits::default()).map(|mut images| images.remove(0))
}

fn open_one(archive: &[u8]) -> Result<DockerImage, SourceError> {
    open_choice(archive, &Choice::Only, None)
}

fn image(content: &str, tag: &str) -> TestImage {
    ImageBuilder::new()
        .layer(|l| l.file("base", "same"))
        .layer(|l| l.file("a", content))
        .layer(|l| l.file("base", "same"))
        .tag(tag)
        .build()
}

fn content(image: &DockerImage, index: usize) -> Vec<u8> {
    let LayerBytes::Archive(mut reader) = image.open(&image.subject().layers[index]).unwrap() else {
        panic!("no archive")
    };
    let mut content = Vec::new();
    std::io::copy(&mut reader, &mut content).unwrap();
    content
}

fn facts(image: &DockerImage) -> &Image {
    let SubjectKind::Image(image) = &image.subject().kind else { panic!("no image") };
    image
}

#[test]
fn the_old_form_gives_unpacked_layers_known_by_diff_id() {
    let built = image("1", "example.org/app:1");
    let saved = open_one(&built.docker_archive(DockerArchive::Old)).unwrap();
    let subject = saved.subject();
    assert_eq!((subject.name.as_str(), subject.tag.as_deref()), ("example.org/app", Some("1")));
    assert_eq!(facts(&saved).manifest_digest, None);
    assert_eq!(facts(&saved).config_digest.as_ref().unwrap().to_string(), built.config.digest);
    assert_eq!(facts(&saved).tags, ["example.org/app:1"]);
    for (index, layer) in built.layers.iter().enumerate() {
        assert_eq!(subject.layers[index].digest, None);
        assert_eq!(subject.layers[index].diff_id.as_ref().unwrap().to_string(), layer.diff_id);
        assert_eq!(subject.layers[index].size, Some(layer.tar.len() as u64));
        // The third is a link to the first.
        assert_eq!(content(&saved, index), layer.tar);
    }
}

#[test]
fn the_new_form_gives_the_digest_of_the_manifest() {
    let built = image("1", "example.org/app:1");
    let saved = open_one(&built.docker_archive(DockerArchive::New)).unwrap();
    assert_eq!(facts(&saved).manifest_digest.as_ref().unwrap().to_string(), built.manifest.digest);
    assert_eq!(saved.subject().name, "example.org/app");
    assert_eq!(content(&saved, 1), built.layers[1].blob.bytes);
}

#[test]
fn of_several_images_one_must_be_chosen() {
    let images = [image("1", "example.org/app:1"), image("2", "example.org/app:2"), image("3", "app:latest")];
    for form in [DockerArchive::Old, DockerArchive::New] {
        let archive = form.archive(&images);
        let error = open_one(&archive).unwrap_err();
        assert!(
            matches!(&error, SourceError::SeveralImages { present, .. } if present.len() == 3),
            "{error}"
        );
        let chosen = |choice| open_choice(&archive, &choice, None).map(|image| content(&image, 1));
        let expected = |index: usize| content(&open_one(&form.archive(&images[index..=index])).unwrap(), 1);
        let named = |name: &str| chosen(Choice::Named(name.to_owned()));
        assert_eq!(named("example.org/app:2").unwrap(), expected(1));
        assert_eq!(named("app").unwrap(), expected(2));
        assert_eq!(chosen(Choice::Position(0)).unwrap(), expected(0));
        assert!(matches!(chosen(Choice::Position(3)), Err(SourceError::NoSuchImage { .. })));
        assert!(matches!(named("app:9"), Err(SourceError::NoSuchImage { .. })));
    }
}

#[test]
fn a_config_that_is_not_what_its_name_says_is_refused() {
    let built = image("1", "app:1");
    let archive = built.docker_archive(DockerArchive::Old);
    let forged = String::from_utf8(built.config.bytes.clone()).unwrap().replace("amd64", "AMD64");
    let end = archive.len() - 1024;
    let forged = TarBuilder::new().file(format!("{}.json", built.config.hex()), forged).build();
    let error = open_one(&[&archive[..end], &forged].concat()).unwrap_err();
    assert!(matches!(error, SourceError::DigestMismatch { what: Part::Config, .. }), "{error}");
}

/// A layout with a `manifest.json` beside it that names the images of `listed`.
fn with_list(roots: Vec<Root>, listed: &[&TestImage]) -> Vec<u8> {
    let layers = |image: &TestImage| -> Vec<String> {
        image.layers.iter().map(|layer| blob_path(&layer.blob.digest)).collect()
    };
    let listed: Vec<_> = listed.iter().map(|image| (*image, layers(image))).collect();
    with_layers(roots, &listed)
}

/// The same, with the layers that the list names.
fn with_layers(roots: Vec<Root>, listed: &[(&TestImage, Vec<String>)]) -> Vec<u8> {
    let entry = |(image, layers): &(&TestImage, Vec<String>)| {
        let config = blob_path(&image.config.digest);
        serde_json::json!({ "Config": config, "RepoTags": image.tags, "Layers": layers })
    };
    let list: serde_json::Value = listed.iter().map(entry).collect();
    let mut layout = Layout::new(roots);
    for (image, _) in listed {
        layout.files.insert(blob_path(&image.config.digest), image.config.bytes.clone());
    }
    layout.files.insert("manifest.json".to_owned(), list.to_string().into_bytes());
    layout.archive()
}

#[test]
fn two_lists_that_name_different_images_are_an_error() {
    let (one, other) = (image("1", "example.org/app:1"), image("2", "example.org/app:1"));
    let third = image("3", "example.org/app:3");
    let named = Choice::Named("example.org/app:1".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.tar");
    let selection = Selection::Default("linux/amd64".parse().unwrap());
    let limits = Limits::default();
    let check = |roots: &[&TestImage], listed: &[&TestImage], choice: &Choice, is_read: bool| {
        let archive = with_list(roots.iter().map(|image| image.root()).collect(), listed);
        std::fs::write(&path, archive).unwrap();
        for opened in [
            open(&path, choice, &selection, &limits).map(drop),
            oci_archive::open(&path, choice, &selection, &limits).map(drop),
        ] {
            let disagree = matches!(opened, Err(SourceError::ListsDisagree { .. }));
            assert_eq!((opened.is_ok(), disagree), (is_read, !is_read), "{opened:?}");
        }
    };
    check(&[&one], &[&one], &Choice::Only, true);
    check(&[&one], &[], &Choice::Only, true);
    check(&[&one], &[&other], &Choice::Only, false);
    check(&[&one], &[&one, &other], &Choice::Only, false);
    check(&[&one, &third], &[&third, &one], &named, true);
    check(&[&one, &third], &[&third, &other], &named, false);
    check(&[&one, &third], &[&other, &one], &named, false);
    check(&[&one, &third], &[&third, &one], &Choice::Position(0), true);
    check(&[&one, &third], &[&third], &Choice::Position(0), false);
    let forged = Layout::new([one.root()]).replace(&one.config.digest, other.config.bytes.clone());
    assert!(open_one(&forged.archive()).is_err());
}

#[test]
fn two_lists_that_name_different_layers_are_an_error() {
    let (one, other) = (image("1", "app:1"), image("2", "app:1"));
    let path = |image: &TestImage, layer: usize| blob_path(&image.layers[layer].blob.digest);
    let own = || vec![path(&one, 0), path(&one, 1), path(&one, 2)];
    let check = |layers: Vec<String>, is_read: bool| {
        let archive = with_layers(vec![one.root(), other.root()], &[(&one, layers)]);
        let opened = open_choice(&archive, &Choice::Position(0), None);
        let disagree = matches!(opened, Err(SourceError::ListsDisagree { .. }));
        assert_eq!((opened.is_ok(), disagree), (is_read, !is_read), "{opened:?}");
    };
    check(own(), true);
    check(own().iter().map(|layer| format!("./{layer}")).collect(), true);
    check(vec![path(&one, 0), path(&other, 1), path(&one, 2)], false);
    check(own()[..2].to_vec(), false);
    check(own().into_iter().rev().chain([path(&one, 0)]).collect(), false);
    check(vec![], false);
}

#[test]
fn of_several_platforms_one_may_be_listed() {
    let platform = |name: &str| ImageBuilder::new().layer(|l| l.file("a", name)).platform(name).build();
    let (amd, arm) = (platform("linux/amd64"), platform("linux/arm64"));
    let root = || vec![index([amd.root(), arm.root()])];
    let open = |listed: &TestImage, wanted| open_choice(&with_list(root(), &[listed]), &Choice::Only, wanted);
    assert!(open(&amd, None).is_ok());
    assert!(open(&amd, Some("linux/arm64")).is_ok());
    let error = open(&arm, None).unwrap_err();
    assert!(matches!(error, SourceError::ListsDisagree { .. }), "{error}");
    let error = open(&image("1", "app:1"), Some("linux/arm64")).unwrap_err();
    assert!(matches!(error, SourceError::ListsDisagree { .. }), "{error}");
}

#[test]
fn another_platform_than_the_images_is_an_error() {
    let archive = image("1", "app:1").docker_archive(DockerArchive::Old);
    let error = open_choice(&archive, &Choice::Only, Some("linux/arm64")).unwrap_err();
    assert!(matches!(error, SourceError::PlatformMissing { .. }), "{error}");
    assert!(open_choice(&archive, &Choice::Only, Some("linux/x86_64")).is_ok());
}

#[test]
fn what_manifest_json_names_must_be_there_and_in_the_archive() {
    let check = |manifest: &str| {
        let config = r#"{"rootfs":{"diff_ids":[]}}"#;
        let archive = TarBuilder::new().file("c.json", config).file("manifest.json", manifest).build();
        open_one(&archive).unwrap_err()
    };
    assert!(matches!(check("[]"), SourceError::NoImage { .. }));
    assert!(matches!(check("{}"), SourceError::Json { .. }));
    assert!(matches!(check(r#"[{"Config":"none.json"}]"#), SourceError::MemberMissing { .. }));
    assert!(matches!(check(r#"[{"Config":"../../../etc/passwd"}]"#), SourceError::MemberMissing { .. }));
    let count = check(r#"[{"Config":"c.json","Layers":["../x/layer.tar"]}]"#);
    assert!(matches!(count, SourceError::LayerCount { layers: 1, diff_ids: 0, .. }), "{count}");
}

#[test]
fn an_archive_without_a_list_of_images_is_no_image() {
    let error = open_one(&TarBuilder::new().file("a", "x").build()).unwrap_err();
    assert!(matches!(error, SourceError::NotAnImage { missing: "manifest.json", .. }), "{error}");
}

#[test]
fn a_compressed_archive_is_refused_with_what_to_do() {
    use sbomctl_testkit::{Compression, compress};
    let archive = image("1", "app:1").docker_archive(DockerArchive::Old);
    for form in [Compression::Gzip, Compression::Zstd] {
        let error = open_one(&compress(&archive, form)).unwrap_err();
        assert!(matches!(error, SourceError::CompressedArchive { .. }), "{error}");
    }
}

#[test]
fn a_cut_archive_is_refused() {
    let archive = image("1", "app:1").docker_archive(DockerArchive::Old);
    let error = open_one(&archive[..archive.len() / 2 + 100]).unwrap_err();
    assert!(matches!(error, SourceError::Truncated { .. }), "{error}");
}
