//! Documents kept between runs: what comes out is what comes out without them, and a document is never found that another question
//! led to.

use std::{collections::BTreeSet, fs, io, path::Path};

use sbom_core::document::Format;
use sbomctl_testkit::ImageBuilder;

use crate::{
    cache::{Place, images},
    program::{Run, command, finish},
};

/// An image of which something could not be read, and whose table would give orders to the runner of a workflow.
fn incomplete() -> ImageBuilder {
    images().remove(3).layer(|l| l.file("etc/os-release", b"ID=debian\nPRETTY_NAME=\"##[group]debian\"\n"))
}

/// Scans the layout of `place` as `arguments` say, and nothing else.
fn scan(place: &Place, arguments: &[&str]) -> Run {
    let subject = format!("oci:{}", place.path("layout").display());
    finish(command(&[&["scan", &subject], arguments].concat()), &[])
}

fn cached(place: &Place, arguments: &[&str]) -> Run {
    let cache = place.path("cache");
    scan(place, &[arguments, &["--cache-dir", cache.to_str().unwrap()]].concat())
}

/// Code, standard output, and standard error without what `-v` says of the cache.
fn told(run: &Run) -> (i32, &str, Vec<&str>) {
    let lines = run.stderr.lines().filter(|line| !line.contains("in the cache"));
    (run.code, &run.stdout, lines.collect())
}

fn bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    io::copy(&mut fs::File::open(path).unwrap(), &mut bytes).unwrap();
    bytes
}

#[test]
fn every_format_comes_out_the_same_cold_warm_and_without_cache() {
    let place = Place::of(incomplete());
    cached(&place, &["-o", "purls"]);
    for (number, format) in (2..).zip(Format::ALL.iter().filter(|format| **format != Format::Purls)) {
        let format = format.to_string();
        for options in [&[][..], &["-v"], &["--strict"]] {
            let arguments = [&["-o", &format][..], options].concat();
            let expected = scan(&place, &[&arguments[..], &["--no-cache"]].concat());
            assert!(format != "table" || !expected.stdout.contains("##[group]"));
            assert_eq!(expected.code, if options == ["--strict"] { 5 } else { 0 }, "{}", expected.stderr);
            for _ in 0..2 {
                assert_eq!(told(&cached(&place, &arguments)), told(&expected), "{format} {options:?}");
            }
        }
        let file = place.path("file");
        let output = format!("{format}={}", file.display());
        scan(&place, &["-o", &output, "--no-cache"]);
        let expected = bytes(&file);
        fs::remove_file(&file).unwrap();
        cached(&place, &["-o", &output]);
        assert!(bytes(&file) == expected, "{format}");
        assert_eq!(place.kept("document").len(), number);
    }
}

#[test]
fn a_file_that_holds_the_document_stays_and_any_other_is_replaced() {
    use std::{os::unix::fs::MetadataExt as _, time::SystemTime};
    let place = Place::of(images().remove(1));
    let file = place.path("file");
    let output = format!("cyclonedx-json={}", file.display());
    cached(&place, &["-o", &output]);
    let expected = bytes(&file);
    let inode = || fs::metadata(&file).unwrap().ino();
    let first = inode();
    fs::File::options().write(true).open(&file).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(cached(&place, &["-o", &output]).code, 0);
    assert!(inode() == first && bytes(&file) == expected);
    assert!(fs::metadata(&file).unwrap().modified().unwrap() > SystemTime::UNIX_EPOCH, "it is new");

    let mut damaged = expected.clone();
    if let Some(last) = damaged.last_mut() {
        *last ^= 1;
    }
    for content in [&damaged[..], &expected[1..], &[&expected[..], b"x"].concat(), b""] {
        fs::write(&file, content).unwrap();
        let held = fs::File::open(&file).unwrap();
        assert_eq!(cached(&place, &["-o", &output]).code, 0);
        assert!(inode() != held.metadata().unwrap().ino() && bytes(&file) == expected);
    }
}

#[test]
fn a_document_needs_neither_bill_nor_layers() {
    for image in images() {
        let place = Place::of(image);
        let first = place.scan_cached(&[]);
        for entry in ["bill", "layer"].into_iter().flat_map(|kind| place.kept(kind)) {
            fs::remove_file(entry).unwrap();
        }
        place.lose_layers();
        let second = place.scan_cached(&["-v"]);
        assert_eq!((second.code, &second.stdout), (0, &first.stdout));
        assert!(second.stderr.contains("results in the cache: 1 found, 0 not"), "{}", second.stderr);
    }
}

#[test]
fn whatever_decides_a_document_makes_another() {
    let place = Place::of(images().remove(1));
    let facts = place.path("facts.toml");
    fs::write(&facts, "[document]\nauthors = [{ name = \"F\", person = true }]\n").unwrap();
    let questions: [&[&str]; 20] = [
        &[],
        &["--timestamp", "2024-02-29T12:00:00Z"],
        &["--timestamp", "2024-02-29T12:00:01Z"],
        &["--source-name", "other"],
        &["--source-version", "7"],
        &["--source-license", "MIT"],
        &["--source-supplier", "S"],
        &["--source-manufacturer", "S"],
        &["--security-contact", "a@example.org"],
        &["--author", "A"],
        &["--author", "F"],
        &["--config", facts.to_str().unwrap()],
        &["--lifecycle", "build"],
        &["--scope", "all-layers"],
        &["--files", "owned"],
        &["--files", "all"],
        &["--distro", "debian-11"],
        &["--no-embedded-sboms"],
        &["--limit", "gaps=7"],
        &["--limit", "file-bytes=1MiB"],
    ];
    let mut all = BTreeSet::new();
    for _ in 0..2 {
        for question in questions {
            let expected = place.scan(&[question, &["--no-cache"]].concat());
            assert_eq!(expected.code, 0, "{}", expected.stderr);
            let run = place.scan_cached(question);
            assert_eq!((run.code, &run.stderr), (0, &expected.stderr));
            assert!(run.stdout == expected.stdout, "{question:?}");
            all.insert(run.stdout);
        }
        assert_eq!((all.len(), place.kept("document").len()), (questions.len(), questions.len()));
    }
}

#[test]
fn the_same_layers_in_other_images_have_documents_of_their_own() {
    let images: [fn(ImageBuilder) -> ImageBuilder; 8] = [
        |image| image,
        |image| image.label("org.opencontainers.image.vendor", "V"),
        |image| image.annotation("org.opencontainers.image.vendor", "W"),
        |image| image.created("2024-02-29T12:00:00Z"),
        |image| image.platform("linux/arm64"),
        |image| image.history("RUN it", true),
        |image| image.tag("v2"),
        |image| image.tag("v3"),
    ];
    let place = Place::of(crate::cache::images().remove(0));
    let mut all = BTreeSet::new();
    for _ in 0..2 {
        for (number, image) in (1..).zip(images) {
            drop(fs::remove_dir_all(place.path("layout")));
            let image = image(crate::cache::images().remove(0));
            image.build().write_oci_layout(&place.path("layout")).unwrap();
            let expected = place.scan(&["--no-cache"]);
            assert_eq!(expected.code, 0, "{number}: {}", expected.stderr);
            assert!(place.scan_cached(&[]).stdout == expected.stdout, "{number}");
            all.insert(expected.stdout);
        }
        assert_eq!((all.len(), place.kept("document").len()), (images.len(), images.len()));
        assert_eq!((place.kept("layer").len(), place.kept("bill").len()), (1, 1));
    }
    fs::rename(place.path("layout"), place.path("renamed")).unwrap();
    let subject = format!("oci:{}", place.path("renamed").display());
    let cache = place.path("cache");
    let arguments = ["scan", &subject, "-o", "cyclonedx-json", "--cache-dir", cache.to_str().unwrap()];
    let renamed = finish(command(&arguments), &[]);
    assert!(renamed.stdout.contains("renamed") && !all.contains(&renamed.stdout));
}

#[test]
fn a_damaged_document_is_written_again() {
    let place = Place::of(incomplete());
    let first = place.scan_cached(&[]);
    let entry = place.kept("document").remove(0);
    let whole = bytes(&entry);
    let end = whole.len();
    // Magic, format, key, gaps, text, length, digest.
    for at in [0, 8, 12, 44, 60, end / 2, end - 41, end - 40, end - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&entry, &damaged).unwrap();
        let run = place.scan_cached(&[]);
        assert_eq!((run.code, &run.stderr), (first.code, &first.stderr), "{at}");
        assert!(run.stdout == first.stdout, "{at}");
        assert!(bytes(&entry) == whole, "{at}");
    }
    let run = place.scan_cached(&["-v"]);
    assert!(run.stderr.contains("1 found, 0 not"), "{}", run.stderr);
}

#[test]
fn several_documents_are_found_together_or_not_at_all() {
    let place = Place::of(incomplete());
    let files = ["one", "two"].map(|name| place.path(name));
    let template = place.path("template");
    fs::write(&template, "{{ bom.components | length }}\n").unwrap();
    let outputs = [
        format!("spdx-json={}", files[0].display()),
        format!("cyclonedx-xml={}", files[1].display()),
        "table".to_owned(),
        format!("template={}", place.path("three").display()),
    ];
    let run = |count: usize, options: &[&str]| {
        let mut arguments: Vec<&str> = outputs.iter().take(count).flat_map(|output| ["-o", output]).collect();
        if count == outputs.len() {
            arguments.extend(["--template", template.to_str().unwrap()]);
        }
        let run = scan(&place, &[&arguments[..], options].concat());
        let written: Vec<Vec<u8>> = files.iter().take(count).map(|file| bytes(file)).collect();
        files.iter().take(count).for_each(|file| fs::remove_file(file).unwrap());
        (run.code, run.stdout, run.stderr, written)
    };
    let cache = place.path("cache");
    for (count, documents) in [(1, 1), (2, 2), (3, 3), (4, 3)] {
        let expected = run(count, &["--no-cache"]);
        assert_eq!(expected.2.matches("the bill is incomplete").count(), 1);
        for _ in 0..2 {
            assert_eq!(run(count, &["--cache-dir", cache.to_str().unwrap()]), expected);
            assert_eq!(place.kept("document").len(), documents);
        }
    }
}

#[test]
fn what_cannot_be_found_again_is_not_kept() {
    let place = Place::of(images().remove(0));
    for options in [&["--timestamp", "now"][..], &["--partial"]] {
        assert_eq!(place.scan_cached(options).code, 0);
        assert_eq!(place.kept("document").len(), 0, "{options:?}");
    }
    let expected = place.scan(&["--partial", "--no-cache"]);
    place.scan_cached(&[]);
    assert_eq!(place.kept("document").len(), 1);
    assert!(place.scan_cached(&["--partial"]).stdout == expected.stdout);
}

#[test]
fn the_run_of_a_workflow_decides_snapshots_alone_and_they_are_not_kept() {
    let place = Place::of(images().remove(0));
    for format in ["github", "cyclonedx-json"] {
        for run in ["1", "2"] {
            let scan = |options: &[&str]| {
                let subject = format!("oci:{}", place.path("layout").display());
                let mut command = command(&[&["scan", &subject, "-o", format], options].concat());
                command.env("GITHUB_RUN_ID", run);
                finish(command, &[])
            };
            let cache = place.path("cache");
            let expected = scan(&["--no-cache"]).stdout;
            for _ in 0..2 {
                assert_eq!(scan(&["--cache-dir", cache.to_str().unwrap()]).stdout, expected);
            }
        }
    }
    assert_eq!(place.kept("document").len(), 1);
}
