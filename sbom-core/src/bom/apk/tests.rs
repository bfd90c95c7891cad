//! Packages of images of few files, as the bill shows them.

use std::fs::File;

use super::*;
use crate::{
    bom::{
        Bom, Edge, EdgeKind, Scope,
        assemble::{Options, assemble},
        test_image::TestImage,
    },
    limits::{Limits, read_capped},
    oci::{Subject, SubjectKind},
};

const ALPINE: (&str, &str) = ("etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n");
const DATABASE: &str = "lib/apk/db/installed";

fn bom(image: &TestImage, distro: Option<&str>) -> Bom {
    bom_within(image, distro, &Limits::default())
}

fn bom_within(image: &TestImage, distro: Option<&str>, limits: &Limits) -> Bom {
    let subject =
        Subject { kind: SubjectKind::Folder, name: "test".to_owned(), tag: None, layers: Vec::new() };
    let options =
        Options { scope: Scope::AllLayers, distro: distro.map(str::to_owned), ..Options::default() };
    assemble(subject, image.overlay(limits), &options, limits)
}

fn image(database: &str) -> TestImage {
    TestImage::default().layer(&[ALPINE, (DATABASE, database)])
}

fn purls(bom: &Bom) -> Vec<String> {
    bom.components.iter().filter_map(|component| component.purl.as_ref()).map(ToString::to_string).collect()
}

fn named<'b>(bom: &'b Bom, name: &str) -> &'b Component {
    bom.components.iter().find(|component| component.name == name).unwrap()
}

fn property<'c>(component: &'c Component, name: &str) -> Option<&'c str> {
    component.properties.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// `a -> b` for needs, `a ~> b` for alternatives.
fn edges(bom: &Bom) -> Vec<String> {
    let name = |index: usize| bom.components[index].name.as_str();
    let mut edges: Vec<String> = bom
        .edges
        .iter()
        .map(|Edge { from, to, kind }| {
            let arrow = if *kind == EdgeKind::DependsOnAlternative { "~>" } else { "->" };
            format!("{} {arrow} {}", name(*from), name(*to))
        })
        .collect();
    edges.sort();
    edges
}

fn requirement(components: &Bom, of: &str, expected: &[(&str, &str)]) {
    let component = named(components, of);
    for (name, value) in expected {
        assert_eq!(property(component, name), Some(*value), "{name}");
    }
}

#[test]
fn a_package_shows_what_its_record_says() {
    let bom = bom(
        &image(
            "C:Q1myMNfd7u5v5UTgNHeq1e31qTjZU=\nP:Busybox-Extras\nV:1.36.1-r29\nA:x86_64\nS:10\nI:20\nT:Extra tools\n\
             U:https://busybox.net/\nL:GPL-2.0-only\no:busybox\nm:Natanael Copa <ncopa@alpinelinux.org>\nt:1590679557\n\
             c:e1c51734fa96fa4bac92e9f14a474324c67916fc\nk:100\nr:busybox-old<2\nq:5\ni:a b\nf:fx\nF:etc\nR:conf\n\
             Z:Q1qK9aFbvrPYm9NDBOKnTOSvHkdHw=\nF:bin\nR:x\n",
        ),
        None,
    );
    assert_eq!(
        purls(&bom),
        ["pkg:apk/alpine/busybox-extras@1.36.1-r29?arch=x86_64&distro=alpine-3.20.3&upstream=busybox"]
    );
    let package = named(&bom, "Busybox-Extras");
    assert_eq!(package.kind, ComponentKind::OsPackage);
    assert_eq!(package.licenses.expression.as_deref(), Some("GPL-2.0-only"));
    assert_eq!(package.supplier.as_ref().unwrap().name, "Alpine Linux");
    let originator = package.originator.as_ref().unwrap();
    assert_eq!(
        (originator.name.as_str(), originator.email.as_deref()),
        ("Natanael Copa", Some("ncopa@alpinelinux.org"))
    );
    let source = package.source.as_ref().unwrap();
    assert_eq!((source.name.as_str(), source.version.as_str()), ("busybox", "1.36.1-r29"));
    let urls: Vec<&str> = package.references.iter().map(|reference| reference.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            "https://busybox.net/",
            "https://gitlab.alpinelinux.org/alpine/aports/-/commit/e1c51734fa96fa4bac92e9f14a474324c67916fc",
        ]
    );
    assert_eq!(package.hashes, []);
    let files: Vec<(String, bool, bool)> = package
        .files
        .iter()
        .map(|file| (file.path.to_text(), file.digest.is_some(), file.is_config))
        .collect();
    assert_eq!(files, [("/bin/x".to_owned(), false, false), ("/etc/conf".to_owned(), true, true)]);
    assert_eq!(package.evidence[0].path.to_text(), "/lib/apk/db/installed");
    assert_eq!((package.evidence[0].layer, package.evidence[0].confidence), (0, 100));
    requirement(
        &bom,
        "Busybox-Extras",
        &[
            ("sbomctl:apk:broken", "fx"),
            ("sbomctl:apk:build-time", "1590679557"),
            ("sbomctl:apk:checksum", "sha1:9b230d7ddeeee6fe544e03477aad5edf5a938d95"),
            ("sbomctl:apk:install-if", "a b"),
            ("sbomctl:apk:installed-size", "20"),
            ("sbomctl:apk:package-size", "10"),
            ("sbomctl:apk:provider-priority", "100"),
            ("sbomctl:apk:replaces", "busybox-old<2"),
            ("sbomctl:apk:replaces-priority", "5"),
        ],
    );
}

/// M1: such a database made a well-known tool crash.
#[test]
fn modes_of_the_root_directory_lose_nothing() {
    let bom = bom(&image("P:a\nV:1\nF:\nM:0:0:777\nZ:Q1x\na:0:0:644\nF:etc\nR:x\n\nP:b\nV:2\n"), None);
    assert_eq!(bom.components.len(), 2);
    assert_eq!(bom.gaps, []);
    assert_eq!(named(&bom, "a").files.iter().next().unwrap().path.to_text(), "/etc/x");
}

/// M10.
#[test]
fn licence_expressions_keep_their_structure() {
    let bom = bom(
        &image("P:a\nV:1\nL:MIT AND (BSD-3-Clause OR GPL-2.0-only)\n\nP:b\nV:1\nL:custom licence\n"),
        None,
    );
    let declared = &named(&bom, "a").licenses;
    assert_eq!(declared.expression.as_deref(), Some("MIT AND (BSD-3-Clause OR GPL-2.0-only)"));
    assert_eq!(named(&bom, "b").licenses.custom[0].name, "custom licence");
}

/// M11.
#[test]
fn versions_of_any_form_are_kept() {
    let bom = bom(&image("P:a\nV:odd version!\n\nP:.deps\nV:20240101.000000\n\nP:c\n"), None);
    assert_eq!(
        purls(&bom),
        [
            "pkg:apk/alpine/.deps@20240101.000000?distro=alpine-3.20.3",
            "pkg:apk/alpine/a@odd%20version%21?distro=alpine-3.20.3",
            "pkg:apk/alpine/c?distro=alpine-3.20.3",
        ]
    );
    requirement(&bom, ".deps", &[("sbomctl:apk:virtual", "true")]);
    assert_eq!(named(&bom, "c").version, None);
    assert_eq!(bom.gaps.len(), 1);
}

/// M25.
#[test]
fn a_package_has_a_purl_whatever_the_system_says_of_itself() {
    let database = "P:musl\nV:1.2.5-r0\nA:x86_64\n";
    let check = |files: &[(&str, &str)], distro: Option<&str>, expected: &str| {
        let bom = bom(&TestImage::default().layer(files).layer(&[(DATABASE, database)]), distro);
        assert_eq!(purls(&bom), [format!("pkg:apk/{expected}")]);
    };
    check(&[], None, "alpine/musl@1.2.5-r0?arch=x86_64");
    check(&[("etc/os-release", "NAME=x")], None, "alpine/musl@1.2.5-r0?arch=x86_64");
    check(
        &[("etc/os-release", "ID=wolfi\nVERSION_ID=1")],
        None,
        "wolfi/musl@1.2.5-r0?arch=x86_64&distro=wolfi-1",
    );
    check(&[("etc/os-release", "ID=own\nID_LIKE=alpine")], None, "own/musl@1.2.5-r0?arch=x86_64&distro=own");
    check(
        &[("etc/apk/repositories", "http://mirror/alpine/edge/main")],
        None,
        "alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-edge",
    );
    check(&[], Some("alpine-3.19"), "alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.19");
}

#[test]
fn a_database_alone_gives_the_bill_its_system() {
    let bom = bom(&TestImage::default().layer(&[(DATABASE, "P:musl\nV:1\n")]), None);
    let system = bom.operating_system.unwrap();
    assert_eq!((system.id.as_str(), system.version_id, system.evidence), ("alpine", None, Vec::new()));
}

#[test]
fn dependencies_lead_to_who_provides_them() {
    let bom = bom(
        &image(
            "P:app\nV:1\nD:so:libc.musl-x86_64.so.1 cmd:sh  pc:zlib>=1.2 python3~3.12 /bin/tool lib@edge !bad app self missing>1\n\
             p:self\n\nP:musl\nV:1\np:so:libc.musl-x86_64.so.1=1\n\nP:busybox\nV:1\np:cmd:sh=1\n\n\
             P:zlib-dev\nV:1.3\np:pc:zlib=1.3\n\nP:python3\nV:3.12.4-r0\n\nP:tool\nV:1\nF:usr/bin\nR:tool\n\n\
             P:lib\nV:1\n\nP:bad\nV:1\n",
        ),
        None,
    );
    assert_eq!(
        edges(&bom),
        ["app -> busybox", "app -> lib", "app -> musl", "app -> python3", "app -> tool", "app -> zlib-dev",]
    );
    requirement(&bom, "app", &[("sbomctl:apk:unresolved-dependency", "missing>1")]);
}

#[test]
fn several_providers_are_alternatives_unless_only_one_fits() {
    let providers = "P:one\nV:1\np:cmd:x=1.0 so:y=1\n\nP:two\nV:1\np:cmd:x=2.0 so:y=1\n";
    check_edges(&format!("P:a\nV:1\nD:so:y\n\n{providers}"), &["a ~> one", "a ~> two"]);
    check_edges(&format!("P:a\nV:1\nD:cmd:x>=2\n\n{providers}"), &["a -> two"]);
    check_edges(&format!("P:a\nV:1\nD:cmd:x>=9\n\n{providers}"), &["a ~> one", "a ~> two"]);
}

fn check_edges(database: &str, expected: &[&str]) {
    assert_eq!(edges(&bom(&image(database), None)), expected, "{database}");
}

#[test]
fn an_upgrade_removes_the_old_version_and_introduces_the_new() {
    let image = image("P:a\nV:1\nD:b\n\nP:b\nV:1\n")
        .layer(&[("x", "y")])
        .layer(&[(DATABASE, "P:a\nV:2\nD:b\n\nP:b\nV:1\nT:changed\n")])
        .layer(&[(DATABASE, "P:b\nV:1\nT:changed\n\nP:c\nV:1\n")]);
    let bom = bom(&image, None);
    let layers: Vec<(String, usize, usize, Option<usize>, usize)> = bom
        .components
        .iter()
        .map(|component| {
            let name = format!("{}-{}", component.name, component.version.as_deref().unwrap());
            let layers = component.layers;
            (name, layers.introduced, layers.changed, layers.removed, component.evidence[0].layer)
        })
        .collect();
    assert_eq!(
        layers,
        [
            ("a-1".to_owned(), 0, 0, Some(2), 0),
            ("a-2".to_owned(), 2, 2, Some(3), 2),
            ("b-1".to_owned(), 0, 2, None, 3),
            ("c-1".to_owned(), 3, 3, None, 3),
        ]
    );
    // What is gone is linked to what was there with it.
    assert_eq!(edges(&bom), ["a -> b", "a -> b"]);
}

#[test]
fn packages_of_a_removed_database_are_removed() {
    let bom = bom(&image("P:a\nV:1\n").whiteout("lib/apk").layer_without_files(), None);
    assert_eq!(named(&bom, "a").layers.removed, Some(1));
    assert_eq!(purls(&bom), ["pkg:apk/alpine/a@1?distro=alpine-3.20.3"]);
}

#[test]
fn a_database_behind_a_link_counts_once() {
    let image = TestImage::default()
        .symlink("lib", "usr/lib")
        .layer(&[ALPINE])
        .layer(&[("usr/lib/apk/db/installed", "P:a\nV:1\n")])
        .layer(&[(DATABASE, "P:a\nV:1\n\nP:b\nV:1\n")]);
    let bom = bom(&image, None);
    assert_eq!(bom.components.len(), 2);
    assert_eq!(named(&bom, "a").layers.introduced, 1);
    assert_eq!(named(&bom, "a").evidence[0].path.to_text(), "/usr/lib/apk/db/installed");
}

#[test]
fn a_database_that_moves_below_usr_is_the_same() {
    let image = image("P:a\nV:1\n")
        .whiteout(DATABASE)
        .layer(&[("usr/lib/apk/db/installed", "P:a\nV:1\n\nP:b\nV:1\n")]);
    let bom = bom(&image, None);
    assert_eq!(bom.components.len(), 2);
    let a = named(&bom, "a");
    assert_eq!((a.layers.introduced, a.layers.changed, a.layers.removed), (0, 0, None));
    assert_eq!(a.evidence[0].path.to_text(), "/usr/lib/apk/db/installed");
}

#[test]
fn two_databases_of_one_root_at_one_time_are_both_listed() {
    let bom = bom(&image("P:a\nV:1\n").layer(&[("usr/lib/apk/db/installed", "P:b\nV:1\n")]), None);
    let found: Vec<(&str, Option<usize>)> =
        bom.components.iter().map(|component| (component.name.as_str(), component.layers.removed)).collect();
    assert_eq!(found, [("a", None), ("b", None)]);
}

#[test]
fn a_name_that_everyone_provides_and_needs_hits_a_limit() {
    let records: Vec<String> = (0..300).map(|n| format!("P:p{n}\nV:1\nD:x q\np:q x=1\n")).collect();
    let mut limits = Limits::default();
    limits.set("packages", 1200);
    let bom = bom_within(&image(&records.join("\n")), None, &limits);
    assert_eq!(bom.components.len(), 300);
    assert_eq!(bom.gaps[0].message, "568 dependencies are not resolved: too many packages provide them");
}

#[test]
fn a_nested_root_has_packages_files_and_system_of_its_own() {
    let image = image("P:a\nV:1\n").layer(&[
        ("srv/jail/lib/apk/db/installed", "P:a\nV:1\nD:b\nF:bin\nR:x\n\nP:b\nV:1\n"),
        ("srv/jail/etc/apk/repositories", "https://dl-cdn.alpinelinux.org/alpine/v3.9/main\n"),
        ("srv/jail/etc/apk/world", "a\n"),
    ]);
    let bom = bom(&image, None);
    assert_eq!(
        purls(&bom),
        [
            "pkg:apk/alpine/a@1?distro=alpine-3.20.3",
            "pkg:apk/alpine/a@1?distro=alpine-3.9",
            "pkg:apk/alpine/b@1?distro=alpine-3.9",
        ]
    );
    assert_eq!(edges(&bom), ["a -> b"]);
    let jailed = bom.components.iter().find(|component| !component.files.is_empty()).unwrap();
    assert_eq!(jailed.files.iter().next().unwrap().path.to_text(), "/srv/jail/bin/x");
    assert_eq!(property(jailed, "sbomctl:apk:direct"), Some("true"));
    assert!(bom.components.iter().any(|component| component.kind == ComponentKind::OperatingSystem));
}

#[test]
fn what_was_asked_for_is_told_from_what_came_along() {
    let database = "P:a\nV:1\n\nP:b\nV:1\np:cmd:tool=1\ns:edge\n\nP:c\nV:1\n";
    let files = [
        ("etc/apk/world", "a=1 cmd:tool@edge !c\n"),
        ("etc/apk/repositories", "https://x/main\n@edge https://x/edge/main\n"),
    ];
    let bom = bom(&image(database).layer(&files), None);
    requirement(&bom, "a", &[("sbomctl:apk:direct", "true")]);
    assert_eq!(bom.components.iter().map(|c| c.requested).collect::<Vec<_>>(), [true, true, false]);
    requirement(&bom, "b", &[("sbomctl:apk:direct", "true"), ("sbomctl:apk:repository-tag", "edge")]);
    requirement(&bom, "b", &[("sbomctl:apk:repository", "https://x/edge/main")]);
    requirement(&bom, "c", &[("sbomctl:apk:direct", "false")]);
    assert_eq!(property(named(&self::bom(&image(database), None), "a"), "sbomctl:apk:direct"), None);
}

#[test]
fn repositories_of_apk_3_lie_in_directories_and_the_first_of_a_name_counts() {
    let files = [
        ("etc/apk/repositories.d/edge.list", "set mirror=https://x\n@edge v3 https://x/edge main\n"),
        ("lib/apk/repositories.d/edge.list", "@edge https://vendor/edge\n"),
        ("lib/apk/repositories.d/other.list", "@edge https://other/edge\n"),
    ];
    let bom = bom(&image("P:a\nV:1\ns:edge\n").layer(&files), None);
    let component = named(&bom, "a");
    let repositories = component.properties.iter().filter(|(name, _)| name == "sbomctl:apk:repository");
    let found: Vec<&str> = repositories.map(|(_, url)| url.as_str()).collect();
    assert_eq!(found, ["https://other/edge", "https://x/edge/main"]);
}

#[test]
fn the_digest_of_a_link_is_no_digest_of_a_file() {
    let database = "P:a\nV:1\nF:bin\nR:link\nZ:Q1pcfTfDNEbNKQc2s1tia7da05M8Q=\nR:file\nZ:Q1pcfTfDNEbNKQc2s1tia7da05M8Q=\n";
    let image =
        TestImage::default().symlink("bin/link", "file").layer(&[("bin/file", "x"), (DATABASE, database)]);
    let bom = bom(&image, None);
    let digests: Vec<bool> = named(&bom, "a").files.iter().map(|file| file.digest.is_some()).collect();
    assert_eq!(digests, [true, false]);
}

#[test]
fn the_builder_of_a_package_names_its_sources() {
    let sbom = r#"{"packages":[
        {"SPDXID":"a","name":"lib-x","versionInfo":"1-r0"},
        {"SPDXID":"b","name":"x","versionInfo":"v1","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:github/o/x@v1"}]}],
        "relationships":[{"spdxElementId":"a","relationshipType":"GENERATED_FROM","relatedSpdxElement":"b"}],
        "hasExtractedLicensingInfos":[{"licenseId":"LicenseRef-Own","extractedText":"the text"}]}"#;
    let image =
        image("P:lib-x\nV:1-r0\nL:LicenseRef-Own\n").layer(&[("var/lib/db/sbom/lib-x-1-r0.spdx.json", sbom)]);
    let bom = bom(&image, None);
    let package = named(&bom, "lib-x");
    assert_eq!(bom.components.len(), 1);
    assert_eq!(package.ancestors[0].purl.as_ref().unwrap().to_string(), "pkg:github/o/x@v1");
    assert_eq!(&*package.licenses.custom[0].text, "the text");
}

#[test]
fn maintainers_are_people_with_addresses() {
    for (text, expected) in [
        ("Jane Doe <jane@x.org>", Some(("Jane Doe", Some("jane@x.org")))),
        ("<jane@x.org>", Some(("jane@x.org", Some("jane@x.org")))),
        ("jane@x.org", Some(("jane@x.org", Some("jane@x.org")))),
        ("Jane Doe", Some(("Jane Doe", None))),
        ("Jane <>", Some(("Jane", None))),
        (" <>", None),
    ] {
        let found = party(text);
        let found = found.as_ref().map(|party| (party.name.as_str(), party.email.as_deref()));
        assert_eq!(found, expected, "{text}");
    }
    assert_eq!(party(""), None);
}

/// The root file systems that Alpine publishes: every package, edge and digest in them is known.
#[test]
fn real_root_file_systems_are_read_in_full() {
    for (name, edges, owned, unknown_licenses) in [
        ("alpine-minirootfs-3.20.3-x86_64.tar.gz", 19, 107, 0),
        ("alpine-minirootfs-3.20.3-aarch64.tar.gz", 19, 107, 0),
        ("alpine-minirootfs-3.12.12-x86_64.tar.gz", 21, 105, 1),
    ] {
        let Some(path) = sbomctl_testkit::shared(&format!("data/alpine/{name}")) else { return };
        let (image, files) = root_file_system(&path);
        let bom = bom(&image, None);
        let all = &bom.components;
        let direct = all.iter().filter(|c| property(c, "sbomctl:apk:direct") == Some("true")).count();
        let unknown = all.iter().filter(|c| !c.licenses.custom.is_empty()).count();
        assert_eq!((all.len(), direct, bom.edges.len(), unknown), (14, 5, edges, unknown_licenses), "{name}");
        assert_eq!(bom.gaps, [], "{name}");
        assert!(all.iter().all(|c| property(c, "sbomctl:apk:unresolved-dependency").is_none()), "{name}");
        assert!(all.iter().all(|c| c.source.is_some() && c.licenses.expression.is_some()));
        assert_eq!(all.iter().map(|c| c.files.len()).sum::<usize>(), owned, "{name}");
        for file in all.iter().flat_map(|c| c.files.iter()) {
            // Alpine locks the account of root once the packages are installed.
            let path = file.path.to_text();
            let content = files.get(&path).map(|bytes| FileDigest::Sha1(sha1(bytes)));
            if path != "/etc/shadow" {
                assert_eq!(file.digest, content, "{name}: {path}");
            }
        }
    }
}

fn sha1(bytes: &[u8]) -> [u8; 20] {
    use sha1::Digest as _;
    sha1::Sha1::digest(bytes).into()
}

/// The archive as an image of one layer, and the content of its regular files.
fn root_file_system(path: &std::path::Path) -> (TestImage, BTreeMap<String, Vec<u8>>) {
    let limits = Limits::default();
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(File::open(path).unwrap()));
    let mut image = TestImage::default();
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let path = ImagePath::new(&entry.path_bytes()).to_text();
        if let Some(target) = entry.link_name_bytes() {
            image = image.symlink(&path, std::str::from_utf8(&target).unwrap());
        } else if entry.header().entry_type().is_file() {
            files.insert(path, read_capped(entry, limits.file_bytes).unwrap());
        }
    }
    let entries: Vec<(&str, &[u8])> =
        files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    (image.layer(&entries), files)
}
