//! Facts about merging.

use std::sync::Arc;

use super::*;
use crate::{
    digest::Digest,
    document::model::{
        Attribution, CustomLicense, Evidence, Gap, Hash, HashAlgorithm, LayerDescriptor, Licensing, Party,
        PartyKind,
    },
};

mod laws;

fn component(id: &str, purl: Option<&str>) -> Component {
    Component { id: id.into(), name: "x".into(), purl: purl.map(str::to_owned), ..Component::default() }
}

fn document(components: Vec<Component>) -> Document {
    document_of(&[], components)
}

fn document_of(layers: &[&str], mut components: Vec<Component>) -> Document {
    let mut root = component("root", Some("pkg:oci/app@1"));
    root.name = "app".into();
    components.insert(0, root);
    let layers = table(layers);
    let mut document = Document { components, root: Some(0), layers, ..Document::default() };
    document.normalise();
    document
}

fn layer(content: &str) -> LayerDescriptor {
    LayerDescriptor { diff_id: Some(Digest::of(content.as_bytes())), ..LayerDescriptor::default() }
}

fn table(contents: &[&str]) -> Vec<LayerDescriptor> {
    let layer = |(index, content): (usize, &&str)| LayerDescriptor { index, ..layer(content) };
    contents.iter().enumerate().map(layer).collect()
}

fn sha256(hex: &str) -> Vec<Hash> {
    vec![Hash { algorithm: HashAlgorithm::Sha256, hex: hex.into() }]
}

fn merged(documents: &[Document]) -> Document {
    merge(documents.to_vec(), &Options::default()).document
}

fn ids(document: &Document) -> Vec<&str> {
    document.components.iter().map(|component| component.id.as_str()).collect()
}

#[test]
fn one_package_url_is_one_component_with_all_that_is_said_of_it() {
    let mut a = component("a", Some("pkg:apk/musl@1"));
    a.cpes = vec!["cpe:a".into()];
    a.hashes = sha256("aa");
    let mut b = component("pkg:apk/musl@1", Some("pkg:apk/musl@1"));
    b.properties = vec![Property { name: "p".into(), value: "v".into() }];
    let Merged { document, contradictions } =
        merge(vec![document(vec![a]), document(vec![b])], &Options::default());
    assert_eq!(ids(&document), ["pkg:apk/musl@1", "root"]);
    let musl = &document.components[0];
    assert_eq!((musl.cpes.len(), musl.hashes.len(), musl.properties.len()), (1, 1, 1));
    assert_eq!(contradictions, []);
}

#[test]
fn digests_that_contradict_each_other_keep_components_apart_and_are_told() {
    let with = |id: &str, hex| Component { hashes: sha256(hex), ..component(id, Some("pkg:cargo/x@1")) };
    let Merged { document, contradictions } =
        merge(vec![document(vec![with("i", "aa")]), document(vec![with("i", "bb")])], &Options::default());
    assert_eq!(document.components.len(), 3);
    let [a, b, _] = &document.components[..] else { panic!("{:?}", ids(&document)) };
    assert!(a.id.starts_with("i|merge-") && b.id.starts_with("i|merge-") && a.id != b.id);
    assert_eq!([&a.hashes, &b.hashes].map(Vec::len), [1, 1]);
    assert_eq!(contradictions.len(), 1);
    assert_eq!(contradictions[0].component, "pkg:cargo/x@1");
    assert_eq!(
        contradictions[0].claims,
        [("SHA-256:aa".to_owned(), vec![0]), ("SHA-256:bb".to_owned(), vec![1])]
    );
}

#[test]
fn a_document_that_knows_several_builds_contradicts_nobody() {
    let with = |id: &str, hex| Component { hashes: sha256(hex), ..component(id, Some("pkg:cargo/x@1")) };
    let both = document(vec![with("i", "aa"), with("j", "bb")]);
    let Merged { document, contradictions } =
        merge(vec![both, document(vec![with("k", "aa")])], &Options::default());
    assert_eq!(ids(&document), ["i", "j", "root"]);
    assert_eq!(contradictions, []);
}

#[test]
fn libraries_without_a_public_identity_are_the_same_only_in_the_same_file() {
    let at = |location: &str| Component {
        evidence: vec![Evidence {
            location: location.into(),
            layer: None,
            technique: None,
            confidence: None,
            detail: None,
        }],
        ..component("own", None)
    };
    let merged = merged(&[document(vec![at("/a")]), document(vec![at("/b")]), document(vec![at("/a")])]);
    assert_eq!(merged.components.len(), 3);
}

#[test]
fn what_is_contradicted_is_kept_and_told_with_where() {
    let with = |licence: &str, supplier: &str| Component {
        declared: Licensing { expression: Some(licence.into()), custom: Vec::new() },
        supplier: Some(Arc::new(Party {
            kind: PartyKind::Organization,
            name: supplier.into(),
            email: None,
            url: None,
        })),
        ..component("x", Some("pkg:apk/x@1"))
    };
    let Merged { document, contradictions } = merge(
        vec![
            document(vec![with("MIT", "B")]),
            document(vec![with("ISC", "A")]),
            document(vec![with("mit", "A")]),
        ],
        &Options::default(),
    );
    let x = document.components.iter().find(|component| component.id == "x").unwrap();
    assert_eq!(x.declared.expression.as_deref(), Some("ISC AND MIT"));
    assert_eq!(x.supplier.as_ref().unwrap().name, "A");
    let told: Vec<_> = contradictions.iter().map(|told| (told.fact, &told.claims[..])).collect();
    assert_eq!(
        told,
        [
            ("license", &[("ISC".to_owned(), vec![1]), ("MIT".to_owned(), vec![0, 2])][..]),
            ("supplier", &[("A".to_owned(), vec![1, 2]), ("B".to_owned(), vec![0])]),
        ]
    );
    let kept: Vec<&str> = x.properties.iter().map(|property| property.name.as_str()).collect();
    assert_eq!(kept.len(), 4, "{kept:?}");
}

#[test]
fn equal_layers_stay_and_others_are_told_apart() {
    let with = |layers: &[&str], id: &str, at: usize| {
        let layers_of = Some(Attribution { introduced: at, changed: at, removed: None });
        document_of(layers, vec![Component { layers: layers_of, ..component(id, Some(id)) }])
    };
    let a = with(&["base", "empty", "empty", "a"], "pkg:apk/a@1", 3);
    let b = with(&["base", "empty", "empty", "b"], "pkg:apk/b@1", 3);
    assert_eq!(merged(&[a.clone(), a.clone()]).layers, a.layers);
    let both = merged(&[a, b]);
    assert_eq!(both.layers.len(), 5);
    assert_eq!(both.layers[..3], table(&["base", "empty", "empty"])[..]);
    for (id, content) in [("pkg:apk/a@1", "a"), ("pkg:apk/b@1", "b")] {
        let component = both.components.iter().find(|component| component.id == id).unwrap();
        let at = component.layers.unwrap().introduced;
        assert_eq!(both.layers[at].diff_id, layer(content).diff_id);
        assert_eq!(both.layers[at].index, at);
    }
}

#[test]
fn a_component_of_different_layers_has_none_of_them() {
    let with = |layers: &[&str]| {
        let x = Component { layers: Some(Attribution::default()), ..component("x", Some("pkg:apk/x@1")) };
        document_of(layers, vec![x])
    };
    let merged = merged(&[with(&["a"]), with(&["b"])]);
    let x = merged.components.iter().find(|component| component.id == "x").unwrap();
    assert_eq!(x.layers, None);
    assert_eq!(x.properties.iter().filter(|property| property.name == "sbomctl:merge:layers").count(), 2);
}

#[test]
fn the_root_that_all_have_stays() {
    let merged = merged(&[document(vec![]), document(vec![component("x", None)])]);
    assert_eq!(merged.root().unwrap().id, "root");
    assert_eq!(merged.header.name, "app");
}

#[test]
fn different_roots_get_one_that_holds_them() {
    let other = |name: &str| {
        let mut root = component(name, Some(&format!("pkg:oci/{name}@1")));
        root.name = name.into();
        Document { components: vec![root], root: Some(0), ..Document::default() }
    };
    let two = merged(&[other("b"), other("a")]);
    assert_eq!(two.root().unwrap().name, "a and b");
    assert_eq!(two.outgoing(two.root.unwrap()).len(), 2);
    let four = merged(&[two.clone(), other("c"), other("d")]);
    assert_eq!(four.root().unwrap().name, "a, b, c and 1 more");
    assert_eq!(four.components.len(), 5);
    assert_eq!(four.outgoing(four.root.unwrap()).len(), 4);

    let options = Options { name: Some("shop".into()), version: Some("2".into()) };
    let named = merge(vec![two, other("c")], &options).document;
    assert_eq!(named.root().unwrap().id, "application:shop@2");
    assert_eq!(named.outgoing(named.root.unwrap()).len(), 3);
    let again = merged(&[named.clone(), other("d")]);
    assert_eq!(again.root().unwrap().name, "d and shop", "a root that was asked for stays a component");
    assert_eq!(merged(&[named.clone(), named.clone()]), named);
}

#[test]
fn one_distribution_is_that_of_the_document_and_the_others_are_platforms() {
    let with = |id: &str| {
        let system = Component {
            kind: ComponentKind::OperatingSystem,
            version: Some("1".into()),
            name: id.into(),
            ..component(&format!("os:{id}@1"), None)
        };
        let mut document = document(vec![system]);
        let component = document.components.iter().position(|component| component.name == id).unwrap();
        let distribution =
            Distribution { component, id: id.into(), codename: Some("c".into()), ..Distribution::default() };
        document.distribution = Some(distribution);
        document
    };
    let merged = merged(&[with("debian"), with("alpine"), with("debian")]);
    let distribution = merged.distribution.as_ref().unwrap();
    assert_eq!(distribution.id, "alpine");
    let of = |id: &str| merged.components.iter().find(|component| component.name == id).unwrap();
    assert_eq!(of("alpine").kind, ComponentKind::OperatingSystem);
    assert_eq!(of("debian").kind, ComponentKind::Platform);
    assert_eq!(of("debian").property("sbomctl:distribution:codename"), Some("c"));
    assert_eq!(merged.components[distribution.component].name, "alpine");
}

#[test]
fn one_licence_reference_with_two_texts_becomes_two() {
    let with = |id: &str, text: &str| Component {
        declared: Licensing {
            expression: Some("MIT AND LicenseRef-0".into()),
            custom: vec![CustomLicense { id: "LicenseRef-0".into(), name: "0".into(), text: text.into() }],
        },
        ..component(id, Some(id))
    };
    let (a, b) = (document(vec![with("pkg:a/a", "one")]), document(vec![with("pkg:b/b", "two")]));
    let both = merged(&[a.clone(), b]);
    let of = |index: usize| both.components[index].declared.clone();
    assert_ne!(of(0).custom[0].id, of(1).custom[0].id);
    assert_eq!(of(0).expression.unwrap(), format!("MIT AND {}", of(0).custom[0].id));
    assert_eq!(merged(&[a.clone(), a.clone()]).components[0].declared.custom[0].id, "LicenseRef-0");
}

#[test]
fn gaps_of_all_are_listed_once_with_their_layers() {
    let gap = |message: &str, layer| Gap {
        kind: "malformed".into(),
        message: message.into(),
        layer,
        diff_id: None,
        path: None,
        offset: None,
        detector: None,
    };
    let with = |layers: &[&str], gaps: Vec<Gap>| Document {
        gaps,
        gaps_not_listed: 1,
        ..document_of(layers, vec![])
    };
    let a = with(&["z", "a"], vec![gap("both", Some(0)), gap("one", Some(1))]);
    let b = with(&["z", "b"], vec![gap("both", Some(0)), gap("two", Some(1))]);
    let merged = merged(&[a, b]);
    assert_eq!(merged.gap_count(), 5);
    let two = merged.gaps.iter().find(|gap| gap.message == "two").unwrap();
    assert_eq!(merged.layers[two.layer.unwrap()].diff_id, layer("b").diff_id);
}

#[test]
fn many_digests_of_one_package_url_take_no_quadratic_time() {
    let with = |n: usize| Component {
        hashes: sha256(&format!("{n:064x}")),
        ..component(&n.to_string(), Some("pkg:generic/x"))
    };
    let many = document((0..20_000).map(with).collect());
    assert_eq!(merged(&[many.clone(), many]).components.len(), 20_001);
}
