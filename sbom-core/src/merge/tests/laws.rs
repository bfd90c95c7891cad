//! Laws of merging: order and grouping do not matter, and nothing is merged twice.

use std::sync::Arc;

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{merged, sha256, table};
use crate::document::model::{
    Attribution, Component, ComponentKind, CustomLicense, Distribution, Document, Evidence, Gap,
    LayerDescriptor, Licensing, Party, PartyKind, Relationship, RelationshipKind, Usage,
};

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
