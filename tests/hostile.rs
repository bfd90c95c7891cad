//! Images that are damaged, or made to harm: each ends in an error that says where, or in a gap.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use sbomctl_testkit::ImageBuilder;

use crate::program::{Run, sbomctl};

fn alpine() -> ImageBuilder {
    ImageBuilder::new().layer(|l| {
        l.file("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.3\n")
            .file("lib/apk/db/installed", b"P:a\nV:1-r0\nA:x86_64\n\n")
    })
}

fn scan(folder: &Path, more: &[&str]) -> Run {
    let subject = format!("oci:{}", folder.display());
    sbomctl(&[&["scan", &subject, "-o", "cyclonedx-json"], more].concat())
}

/// Asserts that the scan fails with `code`, says all of `words`, and writes no document.
fn fails(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, code, "{}", run.stderr);
    assert_eq!(run.stdout, "", "no document is written");
    for word in words {
        assert!(run.stderr.contains(word), "{word:?} is not in {:?}", run.stderr);
    }
}

/// The blobs of a layout, largest last.
fn blobs(folder: &Path) -> Vec<PathBuf> {
    let mut blobs: Vec<PathBuf> =
        fs::read_dir(folder.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap().path()).collect();
    blobs.sort_by_key(|path| fs::metadata(path).unwrap().len());
    blobs
}

/// The stored layer of an image whose only layer is gzip-compressed.
fn layer_blob(folder: &Path) -> PathBuf {
    let is_gzip = |path: &PathBuf| {
        let mut magic = [0; 2];
        std::io::Read::read_exact(&mut fs::File::open(path).unwrap(), &mut magic).is_ok()
            && magic == [0x1f, 0x8b]
    };
    blobs(folder).into_iter().find(is_gzip).unwrap()
}

#[test]
fn a_layer_with_another_byte_is_refused_with_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    alpine().build().write_oci_layout(folder.path()).unwrap();
    let blob = layer_blob(folder.path());
    let mut bytes = Vec::new();
    std::io::copy(&mut fs::File::open(&blob).unwrap(), &mut bytes).unwrap();
    // The header's time stamp: the content unpacks as before.
    bytes[4] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let digest = blob.file_name().unwrap().to_string_lossy().into_owned();
    fails(&scan(folder.path(), &[]), 3, &[&digest, "layer 0"]);
}

#[test]
fn a_layer_that_is_longer_or_shorter_than_the_manifest_says_is_refused() {
    for change in [-3_i64, 5] {
        let folder = tempfile::tempdir().unwrap();
        alpine().build().write_oci_layout(folder.path()).unwrap();
        let blob = layer_blob(folder.path());
        let length = fs::metadata(&blob).unwrap().len();
        let file = fs::File::options().write(true).open(&blob).unwrap();
        file.set_len(length.checked_add_signed(change).unwrap()).unwrap();
        fails(&scan(folder.path(), &[]), 3, &["layer 0"]);
    }
}

#[test]
fn a_layer_that_is_missing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    alpine().build().write_oci_layout(folder.path()).unwrap();
    fs::remove_file(layer_blob(folder.path())).unwrap();
    fails(&scan(folder.path(), &[]), 3, &["sha256:"]);
}

#[test]
fn a_layer_that_ends_in_the_middle_of_a_file_is_an_error_that_names_the_file() {
    let mut header = tar_header("some/file", 8 << 40);
    header.extend_from_slice(b"only this");
    let folder = tempfile::tempdir().unwrap();
    ImageBuilder::new().layer(|l| l.raw(&header)).build().write_oci_layout(folder.path()).unwrap();
    fails(&scan(folder.path(), &[]), 3, &["/some/file", "layer 0"]);
}

#[test]
fn a_layer_that_is_no_archive_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    ImageBuilder::new().layer(|l| l.raw([b'x'; 4096])).build().write_oci_layout(folder.path()).unwrap();
    fails(&scan(folder.path(), &[]), 3, &["layer 0", "no tar archive"]);
}

#[test]
fn a_bomb_is_stopped_at_the_limit_which_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut image = ImageBuilder::new();
    image = image.layer(|l| l.file("zeros", vec![0; 64 << 20]));
    image.build().write_oci_layout(folder.path()).unwrap();
    let run = scan(folder.path(), &["--limit", "unpacked-bytes=1MiB"]);
    fails(&run, 3, &["layer 0", "--limit unpacked-bytes="]);
}

#[test]
fn links_in_a_circle_and_paths_that_climb_are_survived() {
    let folder = tempfile::tempdir().unwrap();
    alpine()
        .layer(|l| {
            l.symlink("a", "b")
                .symlink("b", "a")
                .file("a/lib/apk/db/installed", b"P:lost\nV:1\n\n")
                .file("../../../../lib/apk/db/world", b"a\n")
                .symlink("etc/up", "../../../../../..")
        })
        .build()
        .write_oci_layout(folder.path())
        .unwrap();
    let run = scan(folder.path(), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("unresolved"), "the file that could not be placed is a gap");
    assert_eq!(scan(folder.path(), &["--strict"]).code, 5);
}

#[test]
fn a_subject_in_which_nothing_is_recognised_says_so() {
    let folder = tempfile::tempdir().unwrap();
    ImageBuilder::new().layer(|l| l.file("hello", b"world")).build().write_oci_layout(folder.path()).unwrap();
    let run = scan(folder.path(), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("nothing-recognised"));
    let strict = scan(folder.path(), &["--strict"]);
    assert_eq!(strict.code, 5);
    assert!(strict.stdout.contains("nothing-recognised"), "the document is written all the same");
}

#[test]
fn an_inventory_that_is_not_read_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    ImageBuilder::new()
        .layer(|l| {
            l.file("etc/os-release", b"ID=fedora\nVERSION_ID=40\n")
                .file("usr/lib/sysimage/rpm/rpmdb.sqlite", b"SQLite format 3\0")
        })
        .build()
        .write_oci_layout(folder.path())
        .unwrap();
    let run = scan(folder.path(), &["--strict"]);
    assert_eq!(run.code, 5);
    assert!(run.stdout.contains("unsupported") && run.stdout.contains("rpmdb.sqlite"));
}

#[test]
fn a_database_over_the_limit_is_a_gap_and_not_an_empty_success() {
    let folder = tempfile::tempdir().unwrap();
    alpine().build().write_oci_layout(folder.path()).unwrap();
    let run = scan(folder.path(), &["--limit", "file-bytes=10", "--strict"]);
    assert_eq!(run.code, 5);
    assert!(run.stdout.contains("--limit file-bytes="));
}

#[test]
fn names_from_an_image_cannot_reach_the_terminal_unescaped() {
    let folder = tempfile::tempdir().unwrap();
    ImageBuilder::new()
        .layer(|l| {
            l.file("etc/os-release", b"ID=alpine\nVERSION_ID=3\nPRETTY_NAME=\"\x1b[2J\"\n")
                .file("lib/apk/db/installed", b"P:a\x1b[31m\nV:1\x07-r0\nA:x\nbad\x1b]0;line\n\n")
        })
        .build()
        .write_oci_layout(folder.path())
        .unwrap();
    let subject = format!("oci:{}", folder.path().display());
    let run = sbomctl(&["scan", &subject, "-vv"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stdout.contains('\x1b') && !run.stdout.contains('\x07'), "{:?}", run.stdout);
    assert!(!run.stderr.contains('\x1b'), "{:?}", run.stderr);
}

#[test]
fn a_configuration_over_the_limit_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    alpine().label("padding", &"x".repeat(100_000)).build().write_oci_layout(folder.path()).unwrap();
    fails(&scan(folder.path(), &["--limit", "config-bytes=50K"]), 3, &["--limit config-bytes="]);
}

#[test]
fn nothing_is_left_on_disk_by_a_scan_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    alpine().build().write_oci_layout(folder.path()).unwrap();
    fs::File::options().append(true).open(layer_blob(folder.path())).unwrap().write_all(b"x").unwrap();
    let out = tempfile::tempdir().unwrap();
    let file = format!("cyclonedx-json={}", out.path().join("sbom.json").display());
    let subject = format!("oci:{}", folder.path().display());
    assert_eq!(sbomctl(&["scan", &subject, "-o", &file]).code, 3);
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

fn tar_header(path: &str, size: u64) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    // Sizes beyond 8 GiB are written in base 256.
    header[124] = 0x80;
    header[128..136].copy_from_slice(&size.to_be_bytes());
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar  \0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.to_vec()
}
