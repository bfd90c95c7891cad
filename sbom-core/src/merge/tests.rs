//! Facts and laws of merging.

use std::sync::Arc;

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::{
    digest::Digest,
    document::model::{
        Attribution, CustomLicense, Evidence, Gap, Hash, HashAlgorithm, LayerDescriptor, Licensing, Party,
        PartyKind, RelationshipKind, Usage,
    },
};

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

fn any_licensing() -> impl Strategy<Value = Licensing> {
    let custom = |text: &str| Licensing {
        expression: Some("MIT OR LicenseRef-0".into()),
        custom: vec![CustomLicense { id: "LicenseRef-0".into(), name: "0".into(), text: text.into() }],
    };
    let plain = |text: &str| Licensing { expression: Some(text.into()), custom: Vec::new() };
    select(vec![
        Licensing::default(),
        plain("MIT"),
        plain("MIT AND ISC"),
        plain("ISC AND MIT"),
        plain("ISC OR MIT"),
        plain("MIT OR (Zlib AND ISC)"),
        custom("one"),
        custom("two"),
    ])
}

fn any_party() -> impl Strategy<Value = Option<Arc<Party>>> {
    let party = (select(vec!["a", "b"]), option::of(select(vec!["m", "n"]))).prop_map(|(name, email)| {
        Arc::new(Party {
            kind: PartyKind::Person,
            name: name.to_owned(),
            email: email.map(str::to_owned),
            url: None,
        })
    });
    option::of(party)
}

fn text(choices: &[&'static str]) -> impl Strategy<Value = Option<String>> + use<> {
    option::of(select(choices.to_vec()).prop_map(str::to_owned))
}

fn any_component() -> impl Strategy<Value = Component> {
    let identity = (
        select(vec!["i", "j", "k", "pkg:apk/x@1"]),
        text(&["pkg:apk/x@1", "pkg:apk/y@1", "pkg:cargo/z@2"]),
        select(vec!["n", "m"]),
        text(&["1", "2"]),
        select(vec![ComponentKind::Library, ComponentKind::Application]),
        // Each states one digest of one algorithm: see the exception in the documentation of the module.
        select(vec!["aa", "bb"]),
    );
    let facts = (any_licensing(), any_licensing(), any_party(), any_party());
    let words = (
        text(&["long", "longer"]),
        text(&["b\na", "a\nb", "b", "c"]),
        vec(select(vec!["x", "y"]).prop_map(str::to_owned), 0..3),
        any::<bool>(),
    );
    let layers = (option::of((0..3_usize, 0..3_usize)), vec((select(vec!["/p", "/q"]), 0..3_usize), 0..3));
    (identity, facts, words, layers).prop_map(|(identity, facts, words, (layers, places))| {
        let (id, purl, name, version, kind, hex) = identity;
        let (declared, concluded, supplier, originator) = facts;
        let (description, copyright, cpes, build) = words;
        let evidence = |(location, layer): (&str, usize)| Evidence {
            location: location.to_owned(),
            layer: Some(layer),
            technique: None,
            confidence: None,
            detail: None,
        };
        Component {
            id: id.into(),
            name: name.into(),
            kind,
            hashes: sha256(hex),
            purl,
            version,
            declared,
            concluded,
            supplier,
            originator,
            description,
            copyright,
            cpes,
            usage: if build { Usage::BuildOnly } else { Usage::Required },
            layers: layers.map(|(introduced, changed)| Attribution { introduced, changed, removed: None }),
            evidence: places.into_iter().map(evidence).collect(),
            ..Component::default()
        }
    })
}

fn any_document() -> impl Strategy<Value = Document> {
    let gap = (select(vec!["g", "h"]), 0..3_usize).prop_map(|(message, layer)| Gap {
        kind: "malformed".into(),
        message: message.into(),
        layer: Some(layer),
        diff_id: None,
        path: None,
        offset: None,
        detector: None,
    });
    let edges = vec((0..5_usize, 0..5_usize, any::<bool>()), 0..6);
    let layers = vec(select(vec!["a", "b", "c"]), 0..4);
    let system = option::of(select(vec!["alpine", "debian"]));
    let whole = (vec(any_component(), 0..5), edges, option::of(0..5_usize), layers, vec(gap, 0..3), system);
    whole.prop_map(|(mut components, edges, root, layers, gaps, system)| {
        let distribution = system.map(|id: &str| {
            components.push(Component {
                id: format!("os:{id}"),
                kind: ComponentKind::OperatingSystem,
                name: id.to_owned(),
                ..Component::default()
            });
            let component = components.len() - 1;
            Distribution { component, id: id.to_owned(), ..Distribution::default() }
        });
        let edge = |(from, to, contains)| Relationship {
            from,
            to,
            kind: if contains { RelationshipKind::Contains } else { RelationshipKind::DependsOn },
        };
        let mut document = Document {
            root: root.filter(|&root| root < components.len()),
            components,
            relationships: edges.into_iter().map(edge).collect(),
            layers: table(&layers),
            gaps,
            distribution,
            ..Document::default()
        };
        for gap in &mut document.gaps {
            gap.layer = gap.layer.filter(|&layer| layer < document.layers.len());
        }
        document.normalise();
        document
    })
}

/// With the layers in the order of their digests: images that are merged say nothing about the order of each other's.
fn by_digest(mut document: Document) -> Document {
    let mut order: Vec<usize> = (0..document.layers.len()).collect();
    order.sort_by_key(|&index| (document.layers[index].diff_id.clone(), index));
    let at = |old: usize| order.iter().position(|&index| index == old);
    for component in &mut document.components {
        for evidence in &mut component.evidence {
            evidence.layer = evidence.layer.and_then(at);
        }
        component.layers = component.layers.map(|layers| Attribution {
            introduced: at(layers.introduced).unwrap(),
            changed: at(layers.changed).unwrap(),
            removed: layers.removed.and_then(at),
        });
    }
    for gap in &mut document.gaps {
        gap.layer = gap.layer.and_then(at);
    }
    let layers = order.iter().enumerate();
    document.layers =
        layers.map(|(index, &old)| LayerDescriptor { index, ..document.layers[old].clone() }).collect();
    document.normalise();
    document
}

proptest! {
    #[test]
    fn the_order_of_documents_does_not_matter(a in any_document(), b in any_document(), c in any_document()) {
        let forth = merged(&[a.clone(), b.clone(), c.clone()]);
        prop_assert_eq!(&forth, &merged(&[c.clone(), b.clone(), a.clone()]));
        prop_assert_eq!(&forth, &merged(&[b, a, c]));
    }

    #[test]
    fn bit_by_bit_is_the_same_as_at_once(a in any_document(), b in any_document(), c in any_document()) {
        let at_once = by_digest(merged(&[a.clone(), b.clone(), c.clone()]));
        let left = merged(&[merged(&[a.clone(), b.clone()]), c.clone()]);
        prop_assert_eq!(&by_digest(left), &at_once);
        let right = merged(&[a, merged(&[b, c])]);
        prop_assert_eq!(&by_digest(right), &at_once);
    }

    #[test]
    fn what_is_merged_already_is_not_changed(a in any_document(), b in any_document()) {
        let once = merged(&[a, b]);
        prop_assert_eq!(&merged(&[once.clone(), once.clone()]), &once);
    }

    #[test]
    fn every_result_is_in_order(documents in vec(any_document(), 0..4)) {
        let merged = merged(&documents);
        let mut again = merged.clone();
        again.normalise();
        prop_assert_eq!(&again, &merged);
        prop_assert!(merged.components.windows(2).all(|pair| pair[0].id < pair[1].id));
        let count = merged.components.len();
        prop_assert!(merged.relationships.iter().all(|edge| edge.from < count && edge.to < count));
    }
}
