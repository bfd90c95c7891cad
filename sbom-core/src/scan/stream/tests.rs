//! One archive, read as a file and as a stream: the two say the same.

use std::fs;

use sbomctl_testkit::TarBuilder;

use super::*;
use crate::{
    digest::Hasher,
    scan::{Silent, scan},
    source::{docker_archive, testing},
};

fn layer() -> Vec<u8> {
    testing::archive(&[
        ("etc/os-release", b"ID=alpine\nVERSION_ID=3.20\n"),
        ("lib/apk/db/installed", b"P:a\nV:1-r0\nA:x86_64\n\n"),
        ("large", &vec![7; 2 << 20]),
    ])
}

fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// What `docker save` writes of an image with these members as layers, each with what it should hash to unpacked.
fn saved(layers: &[(&str, &[u8], &Digest)]) -> Vec<u8> {
    let names: Vec<_> = layers.iter().map(|(name, _, diff_id)| (*name, *diff_id)).collect();
    layers.iter().fold(saved_lists(&names), |archive, (name, bytes, _)| archive.file(name, bytes)).build()
}

/// The same without its layers.
fn saved_lists(layers: &[(&str, &Digest)]) -> TarBuilder {
    let quoted = |texts: Vec<String>| format!("[\"{}\"]", texts.join("\",\""));
    let diff_ids = quoted(layers.iter().map(|(_, diff_id)| diff_id.to_string()).collect());
    let names = quoted(layers.iter().map(|(name, _)| (*name).to_owned()).collect());
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":{diff_ids}}}}}"#
    );
    let manifest = format!(r#"[{{"Config":"c.json","RepoTags":["app:1"],"Layers":{names}}}]"#);
    TarBuilder::new().file("manifest.json", manifest).file("c.json", config)
}

fn options(jobs: usize) -> Options {
    Options { jobs: NonZeroUsize::new(jobs).unwrap(), ..Options::default() }
}

fn selection() -> Selection {
    Selection::Default("linux/amd64".parse().unwrap())
}

fn of_stream(archive: &[u8], options: &Options) -> Result<Bom, ScanError> {
    let stream = StreamArchive::new(archive, "standard input", "app", &options.limits)?;
    scan_stream(stream, &Choice::Only, &selection(), options, &Silent).map(|mut boms| boms.remove(0))
}

fn of_file(archive: &[u8]) -> Result<Bom, ScanError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.tar");
    fs::write(&path, archive).unwrap();
    let options = options(2);
    let images = docker_archive::open(&path, &Choice::Only, &selection(), &options.limits)?;
    scan(&images[0], &options, &Silent)
}

/// The bill of `archive`, which is the same of the file and of the stream, for any number of jobs.
fn check_both(archive: &[u8]) -> Bom {
    let bom = of_file(archive).unwrap();
    for jobs in [1, 2, 4] {
        assert_eq!(of_stream(archive, &options(jobs)).unwrap(), bom, "--jobs {jobs}");
    }
    bom
}

/// That `archive` is refused, for the same reason as a file and as a stream.
fn check_refused(archive: &[u8], why: &str) {
    for error in [of_file(archive).unwrap_err(), of_stream(archive, &options(2)).unwrap_err()] {
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn a_diff_id_proves_a_layer_whose_name_is_no_digest() {
    let layer = layer();
    let bom = check_both(&saved(&[("l.tar", &layer, &digest(Algorithm::Sha256, &layer))]));
    assert_eq!((bom.components.len(), bom.gaps.len()), (1, 0));
    check_refused(&saved(&[("l.tar", &layer, &digest(Algorithm::Sha256, b"x"))]), "unpacked bytes hash to");
}

#[test]
fn what_the_digest_in_its_name_proves_needs_no_other() {
    let layer = layer();
    let name = format!("blobs/sha256/{}", Digest::of(&layer).hex());
    let wrong = digest(Algorithm::Sha256, b"x");
    assert_eq!(check_both(&saved(&[(&name, &layer, &wrong)])).gaps, []);
    let other = testing::archive(&[("a", b"x")]);
    assert!(of_file(&saved(&[(&name, &other, &wrong)])).is_err());
    assert!(of_stream(&saved(&[(&name, &other, &wrong)]), &options(2)).is_err());
}

#[test]
fn a_diff_id_of_sha512_is_checked_in_a_file_and_told_of_a_stream() {
    let layer = layer();
    let right = saved(&[("l.tar", &layer, &digest(Algorithm::Sha512, &layer))]);
    let bom = of_file(&right).unwrap();
    assert_eq!(bom.gaps, []);
    let streamed = of_stream(&right, &options(2)).unwrap();
    assert_eq!(streamed.components, bom.components);
    assert!(streamed.gaps[0].message.starts_with("nothing proves its bytes"), "{:?}", streamed.gaps);
    let wrong = of_file(&saved(&[("l.tar", &layer, &digest(Algorithm::Sha512, b"x"))]));
    assert!(matches!(wrong, Err(ScanError::Digest { of: "unpacked bytes", .. })), "{wrong:?}");
}

#[test]
fn what_all_members_hold_is_bounded_whoever_wants_them() {
    let layers: Vec<_> = (0..3).map(|n| testing::archive(&[(&"d".repeat(90 + n), b"x")])).collect();
    let ids: Vec<_> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let archive = saved(&[("0.tar", &layers[0], &ids[0]), ("2.tar", &layers[2], &ids[2])]);
    let mut options = options(1);
    options.limits.set("names-bytes", 200);
    assert!(of_stream(&archive, &options).is_ok());
    // The end of an archive is two blocks of nothing.
    let unwanted = TarBuilder::new().file("1.tar", &layers[1]).build();
    let joined = [&unwanted[..unwanted.len() / 512 * 512 - 1024], &archive].concat();
    let error = of_stream(&joined, &options).unwrap_err();
    assert!(error.to_string().contains("--limit names-bytes="), "{error}");
    options.limits.set("names-bytes", 300);
    assert!(of_stream(&joined, &options).is_ok());
}

#[test]
fn entries_and_gaps_of_all_members_are_bounded_whoever_wants_them() {
    let layer = layer();
    let names: Vec<_> = (0..6).map(|n| format!("{n}/lib/apk/db/installed")).collect();
    let unread: Vec<_> = names.iter().map(|name| (name.as_str(), &b"V:1-r0\n\n"[..])).collect();
    for member in [testing::archive(&[("a", &b"x"[..]); 30]), testing::archive(&unread)] {
        let refused = |members| {
            let archive = saved_lists(&[("l.tar", &Digest::of(&layer))]);
            let add = |archive: TarBuilder, n| archive.file(format!("{n}.tar"), &member);
            let archive = (0..members).fold(archive, add).file("l.tar", &layer).build();
            let mut options = options(1);
            options.limits.set("image-entries", 60);
            of_stream(&archive, &options).err().map(|error| error.to_string())
        };
        assert_eq!(refused(1), None);
        assert!(refused(4).is_some_and(|error| error.contains("--limit image-entries=")));
    }
}

#[test]
fn a_digest_that_only_a_link_states_proves_nothing() {
    let layer = layer();
    let digest = Digest::of(&layer);
    for (stated, is_right) in [(Digest::of(b"x"), false), (digest.clone(), true)] {
        let name = format!("blobs/sha256/{}", stated.hex());
        let archive = saved_lists(&[(&name, &digest)]).file("l.tar", &layer).hardlink(&name, "l.tar").build();
        assert_eq!(of_file(&archive).is_ok(), is_right);
        let streamed = of_stream(&archive, &options(2)).unwrap();
        assert!(streamed.gaps[0].message.starts_with("nothing proves its bytes"), "{:?}", streamed.gaps);
    }
}

#[test]
fn a_layer_that_is_a_link_to_a_blob_is_held_against_its_diff_id() {
    let layer = layer();
    let name = format!("blobs/sha256/{}", Digest::of(&layer).hex());
    let linked = |diff_id: &Digest| {
        saved_lists(&[("l.tar", diff_id)]).file(&name, &layer).hardlink("l.tar", &name).build()
    };
    let bom = check_both(&linked(&Digest::of(&layer)));
    assert_eq!((bom.components.len(), bom.gaps.len()), (1, 0));
    check_refused(&linked(&Digest::of(b"x")), "unpacked bytes hash to");
}
