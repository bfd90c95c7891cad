//! Facts about differences.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    columns::Style,
    digest::Digest,
    document::model::{
        Attribution, ComponentKind, Distribution, Hash, HashAlgorithm, LayerDescriptor, Licensing, Party,
        PartyKind,
    },
};

fn package(purl: &str) -> Component {
    let parsed: crate::purl::Purl = purl.parse().unwrap();
    Component {
        id: purl.into(),
        name: parsed.name().into(),
        version: parsed.get_version().map(str::to_owned),
        purl: Some(purl.into()),
        ..Component::default()
    }
}

fn document(components: impl IntoIterator<Item = Component>) -> Document {
    let mut components: Vec<Component> = components.into_iter().collect();
    components.push(Component { id: "root".into(), name: "app".into(), ..Component::default() });
    let mut document = Document { root: Some(components.len() - 1), components, ..Document::default() };
    document.normalise();
    document
}

fn packages(purls: &[&str]) -> Document {
    document(purls.iter().map(|purl| package(purl)))
}

/// Each change as `kind name before after`.
fn lines(diff: &Diff) -> Vec<String> {
    let line = |change: &Change| {
        let [before, after] = text::versions(change);
        format!("{} {} {before} {after}", change.kind.name(), change.name)
    };
    diff.changes.iter().map(line).collect()
}

fn check(before: &[&str], after: &[&str], expected: &[&str]) {
    assert_eq!(lines(&Diff::of(&packages(before), &packages(after))), expected);
}

fn text_of(diff: &Diff) -> String {
    let mut out = Vec::new();
    text::write(diff, Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn equal_documents_have_no_difference() {
    let document = packages(&["pkg:apk/alpine/musl@1", "pkg:cargo/serde@1.0.0"]);
    let diff = Diff::of(&document, &document);
    assert!(diff.is_empty());
    assert_eq!(diff.unchanged, 2);
    assert!(text_of(&diff).contains("No difference."));
}

#[test]
fn packages_come_go_and_change_their_version() {
    check(
        &[
            "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19",
            "pkg:apk/alpine/gone@1-r0",
            "pkg:deb/debian/x@1%2Bdfsg-1",
        ],
        &[
            "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20",
            "pkg:apk/alpine/new@1-r0",
            "pkg:deb/debian/x@1~rc1-1",
        ],
        &[
            "added new - 1-r0",
            "removed gone 1-r0 -",
            "upgraded musl 1.2.4-r2 1.2.5-r0",
            "downgraded x 1+dfsg-1 1~rc1-1",
        ],
    );
}

#[test]
fn versions_without_an_order_are_changed() {
    check(&["pkg:generic/x@one"], &["pkg:generic/x@two"], &["changed x one two"]);
    check(&["pkg:generic/x@1.9"], &["pkg:generic/x@1.10"], &["upgraded x 1.9 1.10"]);
}

#[test]
fn of_several_versions_the_compatible_ones_belong_together() {
    check(
        &["pkg:cargo/x@1.0.0", "pkg:cargo/x@2.0.0", "pkg:cargo/y@0.1.0"],
        &["pkg:cargo/x@1.1.0", "pkg:cargo/x@2.0.0", "pkg:cargo/x@3.0.0", "pkg:cargo/y@0.1.0"],
        &["added x - 3.0.0", "upgraded x 1.0.0 1.1.0"],
    );
    check(
        &["pkg:cargo/x@1.0.0", "pkg:cargo/x@2.0.0"],
        &["pkg:cargo/x@2.1.0"],
        &["removed x 1.0.0 -", "upgraded x 2.0.0 2.1.0"],
    );
    check(
        &["pkg:cargo/x@1.0.0", "pkg:cargo/x@2.0.0"],
        &["pkg:cargo/x@3.0.0"],
        &["removed x 1.0.0 -", "upgraded x 2.0.0 3.0.0"],
    );
}

#[test]
fn namespaces_subpaths_and_repositories_tell_packages_apart() {
    check(&["pkg:deb/debian/x@1-1"], &["pkg:deb/ubuntu/x@1-1"], &["added x - 1-1", "removed x 1-1 -"]);
    check(
        &["pkg:golang/a.b/c@v1.0.0#cmd/x"],
        &["pkg:golang/a.b/c@v1.0.0#cmd/y"],
        &["added a.b/c#cmd/y - v1.0.0", "removed a.b/c#cmd/x v1.0.0 -"],
    );
    check(
        &["pkg:golang/a.b/c/d@v1.0.0"],
        &["pkg:golang/a.b/c@v1.0.1#d"],
        &["upgraded a.b/c#d v1.0.0 v1.0.1"],
    );
    check(&["pkg:golang/a.b/Crane@v1.0.0"], &["pkg:golang/a.b/crane@v1.0.0"], &[]);
}

#[test]
fn another_architecture_is_another_state_of_the_same_package() {
    let before = packages(&["pkg:apk/alpine/x@1-r0?arch=x86_64", "pkg:apk/alpine/x@1-r0?arch=x86"]);
    let after = packages(&["pkg:apk/alpine/x@1-r0?arch=x86_64", "pkg:apk/alpine/x@1-r0?arch=aarch64"]);
    let diff = Diff::of(&before, &after);
    assert_eq!(lines(&diff), ["changed x 1-r0 1-r0"]);
    assert_eq!(text::details(&diff.changes[0]), ["architecture x86 → aarch64"]);
}

#[test]
fn the_epoch_counts_wherever_it_stands() {
    let before = Component { version: Some("9.16-1".into()), ..package("pkg:rpm/redhat/x@9.16-1?epoch=32") };
    let after =
        Component { version: Some("32:9.16-1".into()), ..package("pkg:rpm/redhat/x@9.16-1?epoch=32") };
    assert!(Diff::of(&document([before]), &document([after])).is_empty());
}

#[test]
fn licence_supplier_and_digest_are_told_as_details() {
    let with = |licence: &str, supplier: &str, hex: &str| Component {
        declared: Licensing { expression: Some(licence.into()), custom: Vec::new() },
        supplier: Some(Arc::new(Party {
            kind: PartyKind::Organization,
            name: supplier.into(),
            email: None,
            url: None,
        })),
        hashes: vec![Hash { algorithm: HashAlgorithm::Sha256, hex: hex.into() }],
        ..package("pkg:generic/x@1")
    };
    let before = document([with("MIT AND ISC", "A", "aa")]);
    assert!(Diff::of(&before, &document([with("ISC AND MIT", "A", "aa")])).is_empty());
    let diff = Diff::of(&before, &document([with("ISC OR MIT", "B", "bb")]));
    assert_eq!(
        text::details(&diff.changes[0]),
        ["license MIT AND ISC → ISC OR MIT", "supplier A → B", "other content in the same version"]
    );
}

#[test]
fn a_digest_that_only_one_document_has_is_no_difference() {
    let mut hashed = package("pkg:generic/x@1");
    hashed.hashes = vec![Hash { algorithm: HashAlgorithm::Sha512, hex: "aa".into() }];
    assert!(Diff::of(&packages(&["pkg:generic/x@1"]), &document([hashed])).is_empty());
}

#[test]
fn copies_of_one_version_are_counted() {
    let copy = |id: &str| Component { id: id.into(), ..package("pkg:cargo/x@1.0.0") };
    let diff = Diff::of(&document([copy("a"), copy("b")]), &document([copy("a")]));
    assert_eq!(text::details(&diff.changes[0]), ["copies 2 → 1"]);
}

#[test]
fn what_has_no_package_url_is_matched_by_its_name() {
    let plain = |kind, name: &str, version: &str| Component {
        id: format!("{name}{version}"),
        kind,
        name: name.into(),
        version: Some(version.into()),
        ..Component::default()
    };
    let before = document([plain(ComponentKind::Library, "x", "1"), plain(ComponentKind::File, "/x", "")]);
    let after = document([plain(ComponentKind::Application, "x", "2"), plain(ComponentKind::File, "/y", "")]);
    let diff = Diff::of(&before, &after);
    assert_eq!(lines(&diff), ["added /y - present", "removed /x present -", "upgraded x 1 2"]);
    assert_eq!(diff.changes[0].ecosystem, "file");
}

fn image(purls: &[(&str, usize)]) -> Document {
    let layer = |index: usize| LayerDescriptor {
        index,
        diff_id: Some(Digest::of(&[u8::try_from(index).unwrap()])),
        ..LayerDescriptor::default()
    };
    let at = |introduced| Some(Attribution { introduced, changed: introduced, removed: None });
    let mut components: Vec<Component> =
        purls.iter().map(|(purl, layer)| Component { layers: at(*layer), ..package(purl) }).collect();
    components.insert(
        0,
        Component {
            id: "os:alpine".into(),
            kind: ComponentKind::OperatingSystem,
            name: "alpine".into(),
            layers: at(0),
            ..Component::default()
        },
    );
    let mut document = Document {
        components,
        distribution: Some(Distribution { id: "alpine".into(), ..Distribution::default() }),
        layers: (0..3).map(layer).collect(),
        ..Document::default()
    };
    document.normalise();
    document
}

#[test]
fn changes_are_grouped_by_the_part_of_the_image() {
    let before = image(&[("pkg:apk/alpine/musl@1.0-r0", 0), ("pkg:cargo/x@1.0.0", 2)]);
    let after = image(&[("pkg:apk/alpine/musl@1.1-r0", 0), ("pkg:cargo/x@1.0.1", 1)]);
    let diff = Diff::of(&before, &after);
    let origins: Vec<_> = diff.changes.iter().map(|change| (&*change.name, change.origin)).collect();
    assert_eq!(origins, [("x", Origin::Own), ("musl", Origin::Base)]);
    let text = text_of(&diff);
    assert!(text.contains("own layers\n") && text.contains("operating system\n"), "{text}");
}

#[test]
fn gaps_are_compared_without_their_layer() {
    let gap = |message: &str, layer| Gap {
        kind: "malformed".into(),
        message: message.into(),
        layer: Some(layer),
        diff_id: None,
        path: None,
        offset: None,
        detector: None,
    };
    let with = |gaps: Vec<Gap>| Document { gaps, ..packages(&[]) };
    let diff = Diff::of(&with(vec![gap("a", 0), gap("b", 0)]), &with(vec![gap("a", 1), gap("c", 0)]));
    assert_eq!(diff.gaps_added, [gap("c", 0)]);
    assert_eq!(diff.gaps_removed, [gap("b", 0)]);
    assert!(!diff.is_empty());
    assert!(text_of(&diff).contains("1 gap is new:"));
}

#[test]
fn the_text_is_aligned() {
    let diff = Diff::of(
        &packages(&["pkg:apk/alpine/musl@1.2.4-r2", "pkg:cargo/long-name@1.0.0"]),
        &packages(&["pkg:apk/alpine/musl@1.2.5-r0"]),
    );
    assert_eq!(
        text_of(&diff),
        "\
Before   app, 2 components
After    app, 1 component
Changes  1 removed, 1 upgraded

  CHANGE    NAME       TYPE   BEFORE    AFTER
  removed   long-name  cargo  1.0.0     -
  upgraded  musl       apk    1.2.4-r2  1.2.5-r0
"
    );
}

#[test]
fn markdown_is_bounded_and_counts_what_it_leaves_out() {
    let many = document((0..5000).map(|n| package(&format!("pkg:npm/name-{n}@1.0.0"))));
    let mut out = Vec::new();
    markdown::write(&Diff::of(&packages(&[]), &many), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.len() < 65_000);
    assert!(text.starts_with("### Changes: 5000 added\n") && text.contains("\n… and "));
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
}

#[test]
fn json_follows_its_schema() {
    let schema = include_str!("../../../schemas/diff.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut gappy = image(&[("pkg:apk/alpine/musl@1.0-r0?arch=x86_64", 0)]);
    gappy.gaps.push(Gap {
        kind: "malformed".into(),
        message: "m".into(),
        layer: Some(1),
        diff_id: Some("sha256:00".into()),
        path: Some("/p".into()),
        offset: Some(1),
        detector: Some("apk".into()),
    });
    for (before, after) in [(packages(&[]), packages(&[])), (packages(&["pkg:npm/x@1"]), gappy)] {
        let mut out = Vec::new();
        json::write(&Diff::of(&before, &after), &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{value:#}");
    }
}

#[test]
fn many_versions_of_one_package_take_no_quadratic_time() {
    let many = |from: u32| document((0..20_000).map(|n| package(&format!("pkg:cargo/x@{}.0.0", from + n))));
    let diff = Diff::of(&many(0), &many(10_000));
    assert_eq!(diff.unchanged, 10_000);
    assert_eq!(diff.count(ChangeKind::Upgraded), 10_000);
}

prop_compose! {
    fn any_document()(purls in proptest::collection::vec((0..3_usize, 0..4_u8, 0..2_usize, any::<bool>()), 0..12)) -> Document {
        document(purls.iter().enumerate().map(|(index, &(name, version, arch, licence))| {
            let purl = format!(
                "pkg:cargo/{}@{version}.0.0?arch={}", ["a", "b", "c"][name], ["x", "y"][arch]
            );
            let expression = licence.then(|| "MIT".to_owned());
            let declared = Licensing { expression, custom: Vec::new() };
            Component { id: format!("{purl}|{index}"), declared, ..package(&purl) }
        }))
    }
}

proptest! {
    #[test]
    fn a_document_is_not_different_from_itself(document in any_document()) {
        prop_assert!(Diff::of(&document, &document).is_empty());
    }

    #[test]
    fn back_and_forth_are_each_others_reverse(a in any_document(), b in any_document()) {
        let (forth, back) = (Diff::of(&a, &b), Diff::of(&b, &a));
        prop_assert_eq!(forth.unchanged, back.unchanged);
        for (kind, reverse) in [
            (ChangeKind::Added, ChangeKind::Removed),
            (ChangeKind::Upgraded, ChangeKind::Downgraded),
            (ChangeKind::Changed, ChangeKind::Changed),
        ] {
            prop_assert_eq!(forth.count(kind), back.count(reverse));
        }
    }
}
