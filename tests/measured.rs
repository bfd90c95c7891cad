//! What other tools were measured to get wrong, each with what is right. The numbers are of the list in
//! `docs/measured.md`.

use sbomctl_testkit::ImageBuilder;

use crate::program::{Document, cyclonedx, cyclonedx_with, sbomctl};

const ALPINE: &[u8] = b"ID=alpine\nVERSION_ID=3.20.3\n";
const DEBIAN: &[u8] = b"ID=debian\nVERSION_ID=\"12\"\n";

fn scan(image: ImageBuilder) -> Document {
    let folder = tempfile::tempdir().unwrap();
    image.build().write_oci_layout(folder.path()).unwrap();
    cyclonedx(folder.path())
}

fn alpine(database: &str) -> Document {
    scan(
        ImageBuilder::new()
            .layer(|l| l.file("etc/os-release", ALPINE).file("lib/apk/db/installed", database.as_bytes())),
    )
}

fn debian(status: &str) -> Document {
    scan(
        ImageBuilder::new()
            .layer(|l| l.file("etc/os-release", DEBIAN).file("var/lib/dpkg/status", status.as_bytes())),
    )
}

#[test]
fn m1_permissions_of_the_root_directory_in_an_apk_database_are_read() {
    let document =
        alpine("P:a\nV:1-r0\nA:x86_64\nF:\nM:0:0:1777\nF:etc\nR:motd\n\nP:b\nV:2-r0\nA:x86_64\n\n");
    assert_eq!(document.packages(), ["a 1-r0", "b 2-r0"]);
}

#[test]
fn m2_a_duplicate_field_loses_no_package_and_is_told() {
    let document = debian(
        "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n\
         Package: b\nStatus: install ok installed\nVersion: 2\nVersion: 2\nArchitecture: all\n\n\
         Package: c\nStatus: install ok installed\nVersion: 3\nArchitecture: all\n",
    );
    assert_eq!(document.packages(), ["a 1", "b 2", "c 3"]);
    assert!(document.0.to_string().contains("malformed"), "the gap is in the document");
}

#[test]
fn m3_the_last_line_of_a_database_may_lack_its_end() {
    let document = debian("Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1.2");
    assert_eq!(document.packages(), ["a 1.2"]);
}

#[test]
fn m4_whether_a_package_is_installed_is_the_third_word() {
    let document = debian(
        "Package: kept\nStatus: deinstall ok installed\nVersion: 1\nArchitecture: all\n\n\
         Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n\n\
         Package: purged\nStatus: purge ok not-installed\nVersion: 1\nArchitecture: all\n\n\
         Package: half\nStatus: install reinstreq half-installed\nVersion: 1\nArchitecture: all\n",
    );
    assert_eq!(document.packages(), ["half 1", "kept 1"]);
}

#[test]
fn m5_one_package_of_two_architectures_is_two() {
    let document = debian(
        "Package: libc6\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\nMulti-Arch: same\n\n\
         Package: libc6\nStatus: install ok installed\nVersion: 2\nArchitecture: i386\nMulti-Arch: same\n",
    );
    assert_eq!(document.packages(), ["libc6 2", "libc6 2"]);
}

#[test]
fn m6_pre_depends_provides_and_any_are_dependencies() {
    let document = debian(
        "Package: app\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\
         Pre-Depends: libc6 (>= 2)\nDepends: python3:any, libgcc1 (>= 1:4)\n\n\
         Package: libc6\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n\
         Package: python3\nStatus: install ok installed\nVersion: 3\nArchitecture: amd64\nMulti-Arch: allowed\n\n\
         Package: libgcc-s1\nStatus: install ok installed\nVersion: 12\nArchitecture: amd64\nProvides: libgcc1 (= 1:12)\n",
    );
    let edges = document.edges();
    for to in ["libc6", "python3", "libgcc-s1"] {
        assert!(edges.contains(&format!("app -> {to}")), "{edges:?}");
    }
}

#[test]
fn m10_a_licence_expression_keeps_its_structure() {
    let document = alpine("P:a\nV:1-r0\nA:x86_64\nL:MIT AND (BSD-3-Clause OR GPL-2.0-only)\n\n");
    assert_eq!(
        document.component("a")["licenses"][0]["expression"],
        "MIT AND (BSD-3-Clause OR GPL-2.0-only)"
    );
}

#[test]
fn m11_a_version_of_an_unusual_form_is_kept() {
    let document =
        alpine("P:a\nV:not-a-version!\nA:x86_64\n\nP:.build-deps\nV:20240101.000000\nA:noarch\n\n");
    assert_eq!(document.packages(), [".build-deps 20240101.000000", "a not-a-version!"]);
}

#[test]
fn m22_two_runs_give_the_same_bytes_for_any_number_of_jobs() {
    let mut image = ImageBuilder::new();
    for layer in 0..6 {
        image = image.layer(|l| {
            l.file("etc/os-release", ALPINE)
                .file("lib/apk/db/installed", format!("P:a{layer}\nV:1-r0\nA:x86_64\n\n").as_bytes())
        });
    }
    let folder = tempfile::tempdir().unwrap();
    image.build().write_oci_layout(folder.path()).unwrap();
    let subject = format!("oci:{}", folder.path().display());
    for format in ["cyclonedx-json", "spdx-json", "table"] {
        let first = sbomctl(&["scan", &subject, "-o", format, "--jobs", "1"]);
        assert_eq!(first.code, 0, "{}", first.stderr);
        for jobs in ["1", "2", "8"] {
            let again = sbomctl(&["scan", &subject, "-o", format, "--jobs", jobs]);
            assert_eq!(again.stdout, first.stdout, "{format}, {jobs} jobs");
        }
    }
}

#[test]
fn m23_every_component_is_in_the_graph_and_reached_from_its_root() {
    let document = alpine(
        "P:a\nV:1-r0\nA:x86_64\nD:b\n\nP:b\nV:1-r0\nA:x86_64\nD:c\n\nP:c\nV:1-r0\nA:x86_64\nD:b\n\nP:leaf\nV:1-r0\nA:x86_64\n\n",
    );
    let edges: std::collections::BTreeMap<&str, Vec<&str>> = document.0["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| {
            let to = d["dependsOn"].as_array().into_iter().flatten().filter_map(|to| to.as_str());
            (d["ref"].as_str().unwrap(), to.collect())
        })
        .collect();
    let root = document.0["metadata"]["component"]["bom-ref"].as_str().unwrap();
    let mut reached = std::collections::BTreeSet::new();
    let mut pending = vec![root];
    while let Some(at) = pending.pop() {
        if reached.insert(at) {
            pending.extend(&edges[at]);
        }
    }
    for component in document.0["components"].as_array().unwrap() {
        assert!(reached.contains(component["bom-ref"].as_str().unwrap()), "{}", component["name"]);
        let has_evidence = component["type"] == "operating-system" || !component["evidence"].is_null();
        assert!(has_evidence, "{}", component["name"]);
    }
}

#[test]
fn m24_a_package_that_owns_only_links_makes_a_valid_document_without_false_digests() {
    let folder = tempfile::tempdir().unwrap();
    ImageBuilder::new()
        .layer(|l| {
            l.file("etc/os-release", ALPINE)
                .file("lib/apk/db/installed", b"P:a\nV:1-r0\nA:x86_64\nF:bin\nR:sh\n\n")
                .symlink("bin/sh", "/bin/busybox")
        })
        .build()
        .write_oci_layout(folder.path())
        .unwrap();
    let subject = format!("oci:{}", folder.path().display());
    let document = sbomctl(&["scan", &subject, "-o", "spdx-json"]).json();
    assert!(!document.to_string().contains("0000000000000000000000000000000000000000"));
    for package in document["packages"].as_array().unwrap() {
        assert_eq!(package["filesAnalyzed"], false, "{}", package["name"]);
    }
}

#[test]
fn m25_every_package_has_a_purl_whatever_the_distribution_says_of_itself() {
    let status = "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n";
    for (os_release, expected) in [
        (Some("ID=debian\n"), "pkg:deb/debian/a@1?arch=amd64&distro=debian"),
        (
            Some("ID=pop\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=22.04\n"),
            "pkg:deb/pop/a@1?arch=amd64&distro=pop-22.04",
        ),
        (None, "pkg:deb/debian/a@1?arch=amd64"),
    ] {
        let document = scan(ImageBuilder::new().layer(|l| {
            let l = l.file("var/lib/dpkg/status", status.as_bytes());
            match os_release {
                Some(text) => l.file("etc/os-release", text.as_bytes()),
                None => l,
            }
        }));
        assert!(document.purls()[0].starts_with(expected), "{os_release:?}: {:?}", document.purls());
    }
}

#[test]
fn m25_a_distribution_can_be_named_by_the_user() {
    let folder = tempfile::tempdir().unwrap();
    ImageBuilder::new()
        .layer(|l| l.file("lib/apk/db/installed", b"P:a\nV:1-r0\nA:x86_64\n\n"))
        .build()
        .write_oci_layout(folder.path())
        .unwrap();
    let document = cyclonedx_with(folder.path(), &["--distro", "wolfi-20230201"]);
    assert_eq!(document.purls(), ["pkg:apk/wolfi/a@1-r0?arch=x86_64&distro=wolfi-20230201"]);
}

#[test]
fn m26_a_package_is_attributed_to_the_layer_that_brought_it() {
    let folder = tempfile::tempdir().unwrap();
    ImageBuilder::new()
        .layer(|l| {
            l.file("etc/os-release", ALPINE)
                .file("lib/apk/db/installed", b"P:a\nV:1-r0\nA:x\n\nP:old\nV:1-r0\nA:x\n\n")
        })
        .layer(|l| {
            l.file("lib/apk/db/installed", b"P:a\nV:1-r0\nA:x\n\nP:b\nV:1-r0\nA:x\n\nP:old\nV:1-r0\nA:x\n\n")
        })
        .layer(|l| l.file("lib/apk/db/installed", b"P:a\nV:1-r0\nA:x\nT:changed\n\nP:b\nV:1-r0\nA:x\n\n"))
        .history("ADD rootfs", true)
        .history("RUN apk add b", true)
        .history("RUN apk del old", true)
        .build()
        .write_oci_layout(folder.path())
        .unwrap();
    let document = cyclonedx_with(folder.path(), &["--scope", "all-layers"]);
    let check = |name: &str, expected: [Option<usize>; 3]| {
        for (what, expected) in ["introduced", "changed", "removed"].into_iter().zip(expected) {
            let found = document.properties(name, &format!("sbomctl:layer:{what}"));
            let number = expected.map(|layer| format!("index={layer}"));
            assert_eq!(found.len(), usize::from(number.is_some()), "{name} {what}: {found:?}");
            assert!(number.is_none_or(|number| found[0].contains(&number)), "{name} {what}: {found:?}");
        }
    };
    check("a", [Some(0), Some(2), None]);
    check("b", [Some(1), None, None]);
    check("old", [Some(0), None, Some(2)]);
    assert!(document.0.to_string().contains("RUN apk add b"));
    assert_eq!(cyclonedx(folder.path()).packages(), ["a 1-r0", "b 1-r0"]);
}
