//! Documents as other programs read them. Runs where Trivy and Syft are: on the path, or in the folder that
//! `SBOMCTL_PEERS` names.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use sbomctl_testkit::ImageBuilder;
use serde_json::Value;

use crate::program::sbomctl;

const INSTALLED: &[u8] = b"P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\n\n\
P:libcrypto3\nV:3.3.2-r0\nA:x86_64\nL:Apache-2.0\no:openssl\nD:so:libc.musl-x86_64.so.1\n\n\
P:busybox\nV:1.36.1-r29\nA:x86_64\nL:GPL-2.0-only\no:busybox\nD:musl\n\n";

/// The program `name`, if it is there; a test that is skipped says so.
pub(crate) fn peer(test: &str, name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests may be told where other programs are")]
    let folders = std::env::var_os("SBOMCTL_PEERS").into_iter().chain(std::env::var_os("PATH"));
    let found = folders
        .flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>())
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
        let () = eprintln!("skipped: {test}: there is no {name}");
    }
    found
}

/// The document of a small image of Alpine, in `format`.
fn document(folder: &std::path::Path, format: &str, name: &str) -> String {
    let layout = folder.join("layout");
    if !layout.exists() {
        ImageBuilder::new()
            .layer(|l| {
                l.file("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.3\n")
                    .file("lib/apk/db/installed", INSTALLED)
            })
            .build()
            .write_oci_layout(&layout)
            .unwrap();
    }
    let file = folder.join(name).display().to_string();
    let subject = format!("oci:{}", layout.display());
    let run = sbomctl(&["scan", &subject, "-o", &format!("{format}={file}")]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    file
}

fn json(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const FORMATS: [(&str, &str); 5] = [
    ("cyclonedx-json@1.5", "a15.cdx.json"),
    ("cyclonedx-json@1.6", "a.cdx.json"),
    ("spdx-json@2.2", "a22.spdx.json"),
    ("spdx-json@2.3", "a.spdx.json"),
    ("spdx-tag-value@2.3", "a.spdx"),
];

#[test]
fn trivy_reads_the_system_its_packages_and_their_sources() {
    let Some(trivy) = peer("trivy_reads_the_system_its_packages_and_their_sources", "trivy") else { return };
    let folder = tempfile::tempdir().unwrap();
    for (format, name) in FORMATS {
        let file = document(folder.path(), format, name);
        let report = json(
            Command::new(&trivy)
                .args(["sbom", "--offline-scan", "--skip-db-update", "--skip-version-check", "--quiet"])
                .args(["--scanners", "license", "--format", "json", "--list-all-pkgs", &file])
                .env("TRIVY_CACHE_DIR", folder.path().join("cache")),
        );
        assert_eq!(report["Metadata"]["OS"]["Family"], "alpine", "{format}");
        assert_eq!(report["Metadata"]["OS"]["Name"], "3.20.3", "{format}");
        let results = report["Results"].as_array().into_iter().flatten();
        let packages = results.flat_map(|result| result["Packages"].as_array().into_iter().flatten());
        let found: BTreeSet<String> = packages
            .map(|package| format!("{} {} of {}", package["Name"], package["Version"], package["SrcName"]))
            .collect();
        let expected = [
            r#""busybox" "1.36.1-r29" of "busybox""#,
            r#""libcrypto3" "3.3.2-r0" of "openssl""#,
            r#""musl" "1.2.5-r0" of "musl""#,
        ];
        assert_eq!(found, expected.map(str::to_owned).into(), "{format}");
    }
}

#[test]
fn syft_reads_the_system_and_its_packages() {
    let Some(syft) = peer("syft_reads_the_system_and_its_packages", "syft") else { return };
    let folder = tempfile::tempdir().unwrap();
    for (format, name) in FORMATS {
        let file = document(folder.path(), format, name);
        let read = json(
            Command::new(&syft)
                .args(["convert", &file, "-o", "json"])
                .env("SYFT_CHECK_FOR_APP_UPDATE", "false"),
        );
        assert_eq!(read["distro"]["id"], "alpine", "{format}");
        assert_eq!(read["distro"]["versionID"], "3.20.3", "{format}");
        let artifacts = read["artifacts"].as_array().into_iter().flatten();
        let found: BTreeSet<String> = artifacts
            .filter(|artifact| artifact["type"] == "apk")
            .map(|artifact| format!("{} {}", artifact["name"], artifact["version"]))
            .collect();
        let expected = [r#""busybox" "1.36.1-r29""#, r#""libcrypto3" "3.3.2-r0""#, r#""musl" "1.2.5-r0""#];
        assert_eq!(found, expected.map(str::to_owned).into(), "{format}");
    }
}
