//! Documents that other tools have written, and documents that nobody has.

use std::{fs::File, io};

use proptest::prelude::*;

use crate::{
    document::{
        Document,
        model::ComponentKind,
        read::{Read, read},
    },
    limits::Limits,
};

const SEEDS: [&str; 4] = [
    include_str!("tests/small.spdx.json"),
    include_str!("tests/small.spdx"),
    include_str!("tests/small.spdx3.json"),
    include_str!("../syft/tests/small.syft.json"),
];

fn shared(name: &str) -> Option<Read> {
    let path = sbomctl_testkit::shared(&format!("data/spdx/{name}"))?;
    let mut bytes = Vec::new();
    io::copy(&mut File::open(path).unwrap(), &mut bytes).unwrap();
    Some(read(&bytes, &Limits::default()).unwrap())
}

fn named<'a>(document: &'a Document, name: &str) -> &'a crate::document::model::Component {
    document.components.iter().find(|component| component.name == name).unwrap()
}

#[test]
fn a_package_of_wolfi_is_generated_from_its_source() {
    let Some(Read { document, losses, .. }) = shared("wolfi-unbound-1.23.0-r0.spdx.json") else { return };
    assert_eq!(document.header.tools[0].name, "melange");
    assert_eq!(document.header.tools[0].version, "v0.23.9+dirty");
    let root = document.root().unwrap();
    assert_eq!(root.id, "pkg:apk/wolfi/unbound@1.23.0-r0?arch=x86_64");
    assert_eq!(root.supplier.as_ref().unwrap().name, "Wolfi");
    let edges: Vec<_> = document
        .relationships
        .iter()
        .map(|edge| {
            (
                document.components[edge.from].id.as_str(),
                edge.kind.name(),
                document.components[edge.to].id.as_str(),
            )
        })
        .collect();
    let source = "pkg:github/nlnetlabs/unbound@release-1.23.0";
    let recipe = "pkg:github/wolfi-dev/os@23e8ff8479b39f3f2e97fdca28d814f0c434c39b#unbound.yaml";
    assert_eq!(edges, [(root.id.as_str(), "generatedFrom", source), (root.id.as_str(), "other", recipe)]);
    // That the recipe describes the package is more than the model has a word for.
    assert_eq!(losses.to_string(), "relationships[].relationshipType (1)");
}

#[test]
fn references_of_talos_that_lead_nowhere_are_counted() {
    let Some(Read { document, losses, .. }) = shared("talos.spdx.json") else { return };
    assert_eq!(document.components.len(), 2);
    assert_eq!(document.root, None);
    assert_eq!(named(&document, "apparmor-x86_64").cpes.len(), 2);
    assert_eq!(losses.to_string(), "relationships[] (1)");

    let Some(Read { document, losses, .. }) = shared("talos-extension-tailscale.spdx.json") else { return };
    assert_eq!(document.root().unwrap().name, "sidero-pkgs-tailscale");
    let file = document.components.iter().find(|component| component.hashes.len() == 2).unwrap();
    assert_eq!(file.kind, ComponentKind::File);
    assert!(file.name.starts_with("https://"), "{}", file.name);
    assert_eq!(losses.to_string(), "relationships[] (1)");
}

/// A change to a text: where, out of a thousand, how much of it goes, and what comes in its place.
fn any_change() -> impl Strategy<Value = (usize, usize, String)> {
    let words =
        ["", "\"", "{", "}", "[", "]", ":", ",", "null", "1", "\\", "\n", "</text>", "<text>", "é", "\u{0}"];
    (0..1000_usize, 0..12_usize, proptest::sample::select(words.to_vec()).prop_map(str::to_owned))
}

fn changed(seed: &str, changes: &[(usize, usize, String)]) -> Vec<u8> {
    let mut bytes = seed.as_bytes().to_vec();
    for (place, length, new) in changes {
        let start = bytes.len() * place / 1000;
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, new.bytes());
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_a_document_holds_reading_it_ends(
        seed in 0..SEEDS.len(),
        changes in prop::collection::vec(any_change(), 1..4),
    ) {
        let bytes = changed(SEEDS[seed], &changes);
        if let Ok(Read { document, .. }) = read(&bytes, &Limits::default()) {
            let count = document.components.len();
            prop_assert!(document.relationships.iter().all(|edge| edge.from < count && edge.to < count));
            prop_assert!(document.root.is_none_or(|root| root < count));
        }
    }

    #[test]
    fn a_document_that_ends_early_is_an_error(seed in 0..SEEDS.len(), length in 2..1000_usize) {
        // Lines of tags end anywhere; objects do not.
        let text = SEEDS[seed].trim_end();
        let cut = text.as_bytes().get(..text.len() * length / 1000).unwrap_or_default();
        if text.starts_with('{') {
            prop_assert!(read(cut, &Limits::default()).is_err());
        } else {
            drop(read(cut, &Limits::default()));
        }
    }
}
