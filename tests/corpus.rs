//! Real images with the ground truth of native tools, where they have been built: `SBOMCTL_CORPUS` names their
//! folder, with an OCI layout `oci/NAME` and the truth `truth/NAME.json` for each.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::program::cyclonedx;

/// Ecosystem, name and version.
type Package = (&'static str, String, String);

#[test]
fn every_package_of_the_ground_truth_is_found_and_no_other() {
    #[expect(clippy::disallowed_methods, reason = "tests may be told where the images are")]
    let Some(corpus) = std::env::var_os("SBOMCTL_CORPUS") else {
        eprintln!(
            "skipped: every_package_of_the_ground_truth_is_found_and_no_other: SBOMCTL_CORPUS is not set"
        );
        return;
    };
    let corpus = Path::new(&corpus);
    let mut compared = 0;
    for entry in fs::read_dir(corpus.join("truth")).unwrap().flatten() {
        let truth: Value = serde_json::from_reader(fs::File::open(entry.path()).unwrap()).unwrap();
        let name = entry.path().file_stem().unwrap().to_string_lossy().into_owned();
        let layout = corpus.join("oci").join(&name);
        if layout.exists() {
            check(&name, &expected(&truth), &found(&layout), &unversioned(&truth));
            compared += 1;
        }
    }
    assert!(compared > 0, "no image to compare with");
}

fn check(
    image: &str,
    expected: &BTreeSet<Package>,
    found: &BTreeSet<Package>,
    unversioned: &BTreeSet<String>,
) {
    let missing: Vec<_> = expected.difference(found).collect();
    assert!(missing.is_empty(), "{image} lacks {missing:?}");
    // The truth has no version for a program whose build information has none; ours may know one.
    let is_known = |(kind, name, _): &&Package| *kind == "golang" && unversioned.contains(name);
    let extra: Vec<_> = found.difference(expected).filter(|package| !is_known(package)).collect();
    assert!(extra.is_empty(), "{image} has, beside the truth, {extra:?}");
}

fn expected(truth: &Value) -> BTreeSet<Package> {
    let mut packages = BTreeSet::new();
    for package in truth["packages"].as_array().unwrap() {
        let field = |name: &str| package[name].as_str().unwrap_or_default().to_owned();
        let removed = matches!(package["status"].as_str(), Some("config-files" | "not-installed"));
        let version = field("version");
        let (kind, version) = match package["type"].as_str().unwrap() {
            "apk" => ("apk", version),
            "deb" => ("deb", version),
            "cargo" => ("cargo", version),
            "golang" | "golang-main" if version != "(devel)" => ("golang", version),
            "golang-stdlib" => ("golang", version.trim_start_matches("go").to_owned()),
            _ => continue,
        };
        if !removed {
            packages.insert((kind, field("name"), version));
        }
    }
    packages
}

/// Main packages of Go programs that the build information gives no version.
fn unversioned(truth: &Value) -> BTreeSet<String> {
    let packages = truth["packages"].as_array().unwrap().iter();
    let without = packages.filter(|p| {
        p["type"] == "golang-main-nomod" || (p["type"] == "golang-main" && p["version"] == "(devel)")
    });
    without.filter_map(|p| p["name"].as_str()).map(str::to_owned).collect()
}

fn found(layout: &Path) -> BTreeSet<Package> {
    let document = cyclonedx(layout);
    let mut packages = BTreeSet::new();
    for component in document.0["components"].as_array().unwrap() {
        let field = |name: &str| component[name].as_str().unwrap_or_default().to_owned();
        let purl = field("purl");
        let is_rust =
            component["properties"].as_array().into_iter().flatten().any(|property| {
                property["name"].as_str().is_some_and(|name| name.starts_with("sbomctl:rust:"))
            });
        let kind = match purl.split(['/', ':']).nth(1) {
            Some("apk") => "apk",
            Some("deb") => "deb",
            Some("golang") => "golang",
            Some("cargo") => "cargo",
            // A crate of a path or repository is listed without a purl.
            None if is_rust => "cargo",
            _ => continue,
        };
        let confidence = component["evidence"]["identity"]["confidence"].as_f64().unwrap_or(1.0);
        if component["scope"] != "excluded" && confidence >= 0.9 {
            packages.insert((kind, field("name"), field("version")));
        }
    }
    packages
}
