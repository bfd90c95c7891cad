//! What `--files` adds to a document, whatever the image comes from.

use std::collections::BTreeSet;

use sbomctl_testkit::{DockerArchive, Image, ImageBuilder};

use crate::program::{Document, cyclonedx_with, sbomctl, sbomctl_with_input};

/// A package whose only program was changed, and whose only document was removed.
fn image() -> Image {
    let database =
        "P:tool\nV:1\nF:usr/bin\nR:tool\nZ:Q1pcfTfDNEbNKQc2s1tia7da05M8Q=\nF:usr/doc\nR:readme\n\n";
    ImageBuilder::new()
        .layer(|l| {
            l.file("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.3\n")
                .file("lib/apk/db/installed", database)
                .file("usr/bin/tool", b"as built")
                .file("usr/doc/readme", b"as built")
        })
        .layer(|l| l.file("usr/bin/tool", b"changed").whiteout("usr/doc/readme"))
        .build()
}

fn changes(document: &Document) -> [Vec<String>; 2] {
    ["modified", "missing"].map(|what| document.properties("tool", &format!("sbomctl:files:{what}")))
}

#[test]
fn changed_and_missing_files_are_told_from_a_layout_and_from_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    image().write_oci_layout(folder.path()).unwrap();
    let archive = image().docker_archive(DockerArchive::New);
    for files in ["owned", "all"] {
        let arguments = ["scan", "-", "--files", files, "-o", "cyclonedx-json"];
        let stream = Document(sbomctl_with_input(&arguments, &archive).json());
        let layout = cyclonedx_with(folder.path(), &["--files", files]);
        let expected = [vec!["/usr/bin/tool".to_owned()], vec!["/usr/doc/readme".to_owned()]];
        assert_eq!((changes(&layout), changes(&stream)), (expected.clone(), expected), "{files}");
    }
    assert_eq!(changes(&cyclonedx_with(folder.path(), &[])), [const { Vec::<String>::new() }; 2]);
}

#[test]
fn documents_of_different_files_have_identities_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    image().write_oci_layout(folder.path()).unwrap();
    let identity = |files| cyclonedx_with(folder.path(), &["--files", files]).0["serialNumber"].to_string();
    let identities: BTreeSet<String> = ["none", "owned", "all"].map(identity).into();
    assert_eq!(identities.len(), 3);
}

#[test]
fn files_beyond_the_limit_make_the_bill_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    image().write_oci_layout(folder.path()).unwrap();
    let subject = format!("oci:{}", folder.path().display());
    let run = sbomctl(&["scan", &subject, "--files", "all", "--limit", "files=1", "--strict"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.stderr.contains("2 files are not listed") && run.stderr.contains("--limit files="));
}
