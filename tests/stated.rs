//! Facts that users state: in options, and in a configuration file.

use std::fs;

use sbomctl_testkit::ImageBuilder;
use serde_json::Value;

use crate::program::{Run, command, finish};

/// Scans an image from within `folder`.
fn scan(folder: &std::path::Path, arguments: &[&str]) -> Run {
    let layout = folder.join("layout");
    if !layout.exists() {
        ImageBuilder::new()
            .layer(|l| l.file("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.3\n"))
            .build()
            .write_oci_layout(&layout)
            .unwrap();
    }
    let mut command = command(&[&["scan", "oci:layout", "-o", "cyclonedx-json"], arguments].concat());
    command.current_dir(folder);
    finish(command, &[])
}

fn root(run: &Run) -> Value {
    run.json()["metadata"]["component"].clone()
}

#[test]
fn facts_of_the_file_go_into_the_document_and_options_go_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let before = scan(folder.path(), &[]).json();
    let file = "[subject]\nname = \"shop\"\nversion = \"1\"\nsecurity-contact = \"sec@example.org\"\n\
                supplier = { name = \"Example Ltd\", url = \"https://example.org\" }\n\
                [document]\nlifecycle = \"build\"\nauthors = [\"Ann <ann@example.org>\"]\n";
    fs::write(folder.path().join("sbomctl.toml"), file).unwrap();
    let run = scan(folder.path(), &["--source-version", "2"]);
    let found = root(&run);
    assert_eq!((&found["name"], &found["version"]), (&"shop".into(), &"2".into()));
    assert_eq!(found["supplier"]["name"], "Example Ltd");
    assert_eq!(found["externalReferences"][0]["type"], "security-contact");
    assert_eq!(run.json()["metadata"]["lifecycles"][0]["phase"], "build");
    assert_ne!(before["serialNumber"], run.json()["serialNumber"]);
}

#[test]
fn what_cannot_go_into_a_document_is_an_error_that_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let check = |file: &str, arguments: &[&str], expected: &[&str]| {
        fs::write(folder.path().join("sbomctl.toml"), file).unwrap();
        let run = scan(folder.path(), arguments);
        assert_eq!(run.code, 2, "{}", run.stderr);
        for text in expected {
            assert!(run.stderr.contains(text), "{text}: {}", run.stderr);
        }
    };
    check("[subject]\nnmae = \"x\"\n", &[], &["sbomctl.toml", "line 2", "nmae"]);
    check("[subject]\nlicense = \"Foo\"\n", &[], &["sbomctl.toml", "subject.license", "Foo"]);
    check("", &["--lifecycle", "later"], &["document.lifecycle", "post-build"]);
    check("", &["--config", "missing.toml"], &["missing.toml", "No such file"]);
}
