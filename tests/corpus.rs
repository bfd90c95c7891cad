//! Real images with the ground truth of native tools, where they have been built: `SBOMCTL_CORPUS` names their
//! folder, with an OCI layout `oci/NAME` and the truth `truth/NAME.json` for each, and `roots/NAME`, where an
//! engine unpacked it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use sbom_core::{
    bom::{Bom, FileDigest, FileKind, FileScope},
    digest::ContentReader,
    scan,
    source::{Selection, locator::open_local},
};
use serde_json::Value;

use crate::program::cyclonedx;

/// Ecosystem, name and version.
type Package = (&'static str, String, String);

#[test]
fn every_package_of_the_ground_truth_is_found_and_no_other() {
    let Some(corpus) = corpus("every_package_of_the_ground_truth_is_found_and_no_other") else { return };
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

/// Where the images are, if `test` is told.
fn corpus(test: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests may be told where the images are")]
    let corpus = std::env::var_os("SBOMCTL_CORPUS");
    if corpus.is_none() {
        #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
        let () = eprintln!("skipped: {test}: SBOMCTL_CORPUS is not set");
    }
    corpus.map(PathBuf::from)
}

#[test]
fn what_apk_owns_has_the_digests_of_its_database() {
    let Some(corpus) = corpus("what_apk_owns_has_the_digests_of_its_database") else { return };
    let mut compared = 0;
    for name in ["alpine312", "alpine320", "alpine-app"] {
        let bom = bill(&corpus.join("oci").join(name), FileScope::Owned);
        for component in &bom.components {
            for file in &component.files {
                let Some(FileDigest::Sha1(recorded)) = &file.digest else { continue };
                let at = bom.files.binary_search_by(|known| known.path.cmp(&file.path)).unwrap();
                let FileKind::Regular { digests: Some(digests), .. } = &bom.files[at].kind else {
                    panic!("{name}: {} is no regular file", file.path);
                };
                // Alpine locks the account of root once the packages are installed; one image has its own `motd`.
                if !matches!(file.path.as_bytes(), b"etc/shadow" | b"etc/motd") {
                    assert_eq!(*recorded, digests.sha1, "{name}: {}", file.path);
                    compared += 1;
                }
            }
            assert!(
                component.files.is_empty() || bom.contents(component).is_some(),
                "{name}: {}",
                component.id
            );
            let changed = |(name, _): &&(String, String)| name.starts_with("sbomctl:files:");
            assert_eq!(component.properties.iter().find(changed), None, "{name}: {}", component.id);
        }
    }
    assert!(compared > 0, "no file to compare with");
}

#[test]
fn the_files_listed_are_those_that_an_engine_unpacks() {
    let Some(corpus) = corpus("the_files_listed_are_those_that_an_engine_unpacks") else { return };
    let mut compared = 0;
    for root in fs::read_dir(corpus.join("roots")).unwrap().flatten() {
        let name = root.file_name().to_string_lossy().into_owned();
        let layout = corpus.join("oci").join(&name);
        if !layout.exists() {
            continue;
        }
        let mut unpacked = BTreeMap::new();
        read_folder(&root.path(), &mut Vec::new(), &mut unpacked);
        let listed: BTreeMap<Vec<u8>, String> = bill(&layout, FileScope::All)
            .files
            .into_iter()
            .map(|file| (file.path.as_bytes().to_vec(), show(&file.kind)))
            .collect();
        let only = |a: &BTreeMap<Vec<u8>, String>, b: &BTreeMap<Vec<u8>, String>| -> Vec<(String, String)> {
            a.iter()
                .filter(|(path, file)| b.get(*path) != Some(file))
                .map(|(path, file)| (String::from_utf8_lossy(path).into_owned(), file.clone()))
                .take(5)
                .collect()
        };
        let (missing, extra) = (only(&unpacked, &listed), only(&listed, &unpacked));
        assert!(missing.is_empty() && extra.is_empty(), "{name} lacks {missing:?} and has {extra:?}");
        compared += 1;
    }
    assert!(compared > 0, "no image to compare with");
}

fn bill(layout: &Path, files: FileScope) -> Bom {
    let mut options = scan::Options::default();
    options.bill.files = files;
    let sources = open_local(&format!("oci:{}", layout.display()), &Selection::All, &options.limits).unwrap();
    scan::scan(&**sources.first().unwrap(), &options, &scan::Silent).unwrap()
}

fn show(kind: &FileKind) -> String {
    match kind {
        FileKind::Symlink { target } => format!("-> {}", String::from_utf8_lossy(target)),
        FileKind::Regular { size, mode, digests } => format!("{size} {mode:o} {digests:?}"),
    }
}

fn read_folder(folder: &Path, above: &mut Vec<u8>, files: &mut BTreeMap<Vec<u8>, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let data = entry.metadata().unwrap();
        let length = above.len();
        above.extend_from_slice(entry.file_name().as_bytes());
        if data.is_dir() {
            above.push(b'/');
            read_folder(&entry.path(), above, files);
        } else if data.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap().as_os_str().as_bytes().into();
            files.insert(above.clone(), show(&FileKind::Symlink { target }));
        } else if data.is_file() {
            let content = ContentReader::new(fs::File::open(entry.path()).unwrap());
            let digests = Some(content.finish(&mut vec![0; 1 << 16]).unwrap().0);
            let mode = data.permissions().mode() & 0o7777;
            files.insert(above.clone(), show(&FileKind::Regular { size: data.size(), mode, digests }));
        }
        above.truncate(length);
    }
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
