//! Facts about queries.

use proptest::prelude::*;

use super::*;
use crate::document::model::{
    Attribution, CustomLicense, Evidence, LayerDescriptor, Licensing, Relationship, RelationshipKind,
};

fn component(id: &str) -> Component {
    Component { id: id.into(), name: id.into(), ..Component::default() }
}

fn document(components: Vec<Component>, edges: &[(usize, usize, RelationshipKind)]) -> Document {
    let edge = |&(from, to, kind): &(usize, usize, RelationshipKind)| Relationship { from, to, kind };
    let layer = |n: u8| LayerDescriptor {
        index: n.into(),
        diff_id: Some(crate::digest::Digest::of(&[n])),
        ..LayerDescriptor::default()
    };
    let mut document = Document {
        root: (!components.is_empty()).then_some(0),
        components,
        relationships: edges.iter().map(edge).collect(),
        layers: (0..2).map(layer).collect(),
        ..Document::default()
    };
    document.normalise();
    document
}

fn select(document: &Document, filter: &Filter) -> Vec<String> {
    filter.select(document).into_iter().map(|index| document.components[index].id.clone()).collect()
}

fn purls(pattern: &str, purl: &str) -> bool {
    pattern.parse::<PurlPattern>().unwrap().matches_purl(&purl.parse().unwrap())
}

fn licensed(pattern: &str, expression: &str) -> bool {
    let declared = Licensing {
        expression: Some(expression.to_owned()).filter(|expression| !expression.is_empty()),
        custom: vec![CustomLicense {
            id: "LicenseRef-x".into(), name: "Own Words".into(), text: "…".into()
        }],
    };
    let pattern: LicensePattern = pattern.parse().unwrap();
    pattern.matches(&Component { declared, ..Component::default() })
}

#[test]
fn a_package_url_matches_in_what_it_states() {
    let musl = "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.3";
    for (pattern, matches) in [
        (musl, true),
        ("pkg:apk/musl", true),
        ("pkg:apk/alpine/musl", true),
        ("pkg:apk/wolfi/musl", false),
        ("pkg:apk/alpine/musl@1.2.*", true),
        ("pkg:apk/alpine/musl@1.3*", false),
        ("pkg:*/musl", true),
        ("pkg:a*/*/m*", true),
        ("pkg:apk/*", true),
        ("pkg:apk/musl?arch=x86_64", true),
        ("pkg:apk/musl?distro=alpine-3.20*", true),
        ("pkg:apk/musl?arch=arm*", false),
        ("pkg:apk/musl?epoch=1", false),
        ("pkg:deb/musl", false),
    ] {
        assert_eq!(purls(pattern, musl), matches, "{pattern}");
    }
    let module = "pkg:golang/github.com/google/go-cmp@v1.0.0%2Bincompatible#cmp";
    for (pattern, matches) in [
        ("pkg:golang/github.com/google/*", true),
        ("pkg:golang/github.com/*/*", true),
        ("pkg:golang/github.com/*", false),
        ("pkg:golang/**/*", true),
        ("pkg:golang/go-cmp@v1.0.0%2Bincompatible", true),
        ("pkg:golang/go-cmp#cmp", true),
        ("pkg:golang/go-cmp#cmd", false),
    ] {
        assert_eq!(purls(pattern, module), matches, "{pattern}");
    }
    for pattern in ["musl", "pkg:musl", "pkg:/", "pkg:é/x"] {
        assert!(pattern.parse::<PurlPattern>().is_err(), "{pattern}");
    }
}

#[test]
fn a_licence_is_found_anywhere_in_an_expression() {
    let expression = "MIT AND (GPL-2.0-or-later WITH Classpath-exception-2.0 OR Apache-2.0)";
    for (pattern, matches) in [
        ("MIT", true),
        ("mit", true),
        ("GPL-*", true),
        ("GPL-2.0+", true),
        ("GPL-2.0", false),
        ("Classpath-*", true),
        ("GPL", false),
        ("ISC", false),
        ("(apache-2.0 or GPL-2.0+ with Classpath-exception-2.0) and mit", true),
        ("MIT AND Apache-2.0", false),
        ("NOASSERTION", false),
    ] {
        assert_eq!(licensed(pattern, expression), matches, "{pattern}");
    }
    assert!(licensed("GPL-2.0-only", "GPL-2.0"), "deprecated identifiers are what replaced them");
    assert!(licensed("GPL-2.0", "GPL-2.0-only"));
    assert!(licensed("LicenseRef-*", "LicenseRef-x"));
    assert!(licensed("own*", "LicenseRef-x"), "by the name of a licence of its own");
    assert!(licensed("NOASSERTION", ""));
    assert!("".parse::<LicensePattern>().is_err());
}

#[test]
fn a_layer_is_a_number_or_the_beginning_of_a_digest() {
    let document = document(vec![], &[]);
    let digest = document.layers[1].diff_id.clone().unwrap();
    let find = |text: &str| text.parse::<LayerPattern>().unwrap().find(&document);
    assert_eq!(find("1"), [1]);
    assert_eq!(find("7"), [0_usize; 0]);
    assert_eq!(find(&digest.to_string()), [1]);
    assert_eq!(find(digest.hex().get(..8).unwrap()), [1]);
    for text in ["", "abc", "x", "-1", "sha256:1"] {
        assert!(text.parse::<LayerPattern>().is_err(), "{text}");
    }
}

#[test]
fn filters_are_all_to_be_met() {
    let mut a = component("a");
    a.kind = ComponentKind::Application;
    a.layers = Some(Attribution { introduced: 1, changed: 1, removed: None });
    let mut b = component("b");
    b.group = Some("org".into());
    b.evidence = vec![Evidence {
        location: "/usr/bin/b".into(),
        layer: Some(1),
        technique: None,
        confidence: None,
        detail: None,
    }];
    let document = document(vec![a, b, component("c")], &[]);
    let all = Filter::default();
    assert!(all.is_empty());
    assert_eq!(select(&document, &all), ["a", "b", "c"]);
    let layer = Filter { layer: Some(LayerPattern::Index(1)), ..all.clone() };
    assert_eq!(select(&document, &layer), ["a", "b"]);
    let named = Filter { name: Some(Glob::text("org/*")), ..layer.clone() };
    assert_eq!(select(&document, &named), ["b"]);
    let path = Filter { path: Some(Glob::path("/usr/**")), ..layer.clone() };
    assert_eq!(select(&document, &path), ["b"]);
    let kind = Filter { kind: Some(ComponentKind::Application), ..path };
    assert_eq!(select(&document, &kind), [""; 0]);
}

fn chain() -> Document {
    use RelationshipKind::{Contains, DependsOn, Suggests};
    let mut system = component("1-os");
    system.kind = ComponentKind::OperatingSystem;
    let rest = ["2-app", "3-lib", "4-libc", "5-other"].map(component);
    let components = [vec![component("0-root"), system], rest.to_vec()].concat();
    document(
        components,
        &[
            (0, 1, Contains),
            (1, 2, Contains),
            (1, 4, Contains),
            (1, 5, Contains),
            (0, 2, Contains),
            (2, 3, DependsOn),
            (3, 4, DependsOn),
            (4, 5, Suggests),
        ],
    )
}

#[test]
fn needs_are_followed_to_their_end() {
    let document = chain();
    assert_eq!(dependencies(&document, &[2]), [3, 4]);
    assert_eq!(dependents(&document, &[4]), [2, 3]);
    assert_eq!(dependents(&document, &[5]), [0_usize; 0]);
}

#[test]
fn the_way_that_says_why_is_told() {
    let document = chain();
    assert_eq!(paths(&document, 4, 9).paths, [[0, 2, 3, 4]]);
    assert_eq!(paths(&document, 5, 9).paths, [[0, 1, 5]], "there is no other");
    assert_eq!(paths(&document, 0, 9).paths, [[0]]);
    let rootless = Document { root: None, ..document };
    assert_eq!(paths(&rootless, 4, 9).paths, [[0; 0]; 0]);
}

#[test]
fn exponentially_many_ways_are_cut() {
    let edges: Vec<_> = (0..60_usize)
        .flat_map(|level| {
            let (from, to) = (level * 2, level * 2 + 2);
            [(from, to), (from, to + 1), (from + 1, to), (from + 1, to + 1)]
        })
        .map(|(from, to)| (from, to, RelationshipKind::DependsOn))
        .collect();
    let document = document((0..122).map(|n| component(&format!("{n:03}"))).collect(), &edges);
    let found = paths(&document, 121, 10);
    assert_eq!(found.paths.len(), 10);
    assert!(found.more && found.paths.iter().all(|path| path.len() == 61));
}

proptest! {
    #[test]
    fn every_way_is_one(edges in proptest::collection::vec((0..8_usize, 0..8_usize), 0..24), target in 0..8_usize) {
        let edges: Vec<_> =
            edges.into_iter().map(|(from, to)| (from, to, RelationshipKind::DependsOn)).collect();
        let document = document((0..8).map(|n| component(&n.to_string())).collect(), &edges);
        let found = paths(&document, target, 1000);
        let reached = target == 0 || dependencies(&document, &[0]).contains(&target);
        prop_assert_eq!(!found.paths.is_empty(), reached);
        for path in &found.paths {
            prop_assert_eq!((path.first(), path.last()), (Some(&0), Some(&target)));
            let is_edge = |pair: &[usize]| edges.iter().any(|edge| (edge.0, edge.1) == (pair[0], pair[1]));
            prop_assert!(path.windows(2).all(is_edge));
            prop_assert_eq!(path.len(), found.paths[0].len());
        }
    }
}
