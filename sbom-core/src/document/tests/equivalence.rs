//! Every format says the same: documents are read back to nodes, edges and gaps, and compared with the bill.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;

use super::{CYCLONEDX, SPDX, json, samples, schema};
use crate::{
    bom::{
        Bom, Component, ComponentKind, CustomLicense, EdgeKind, Evidence, Gap, GapKind, Party, PartyKind,
        Scope, Technique, draft::Draft,
    },
    document::graph,
    image_path::ImagePath,
    limits::Limits,
    purl::Purl,
};

/// What a document says, in terms that all formats share.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    /// Name, version and purl of each component beside root and operating system, by a number.
    nodes: Vec<(String, Option<String>, Option<String>)>,
    edges: BTreeSet<(usize, usize, String)>,
    gaps: Vec<String>,
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn said_by_bill(bom: &Bom) -> Said {
    let node = |component: &Component| {
        (component.name.clone(), component.version.clone(), component.purl.as_ref().map(ToString::to_string))
    };
    let hidden = bom.gaps_not_listed;
    let count = bom.gaps.len() as u64 + hidden;
    let mut gaps: Vec<String> = bom.gaps.iter().map(|gap| gap.message.clone()).collect();
    gaps.push(count.to_string());
    gaps.extend((hidden > 0).then(|| hidden.to_string()));
    Said {
        nodes: bom.components.iter().map(node).collect(),
        edges: bom.edges.iter().map(|edge| (edge.from, edge.to, graph::name(edge.kind).to_owned())).collect(),
        gaps,
    }
}

fn gap_text(value: &str) -> String {
    match serde_json::from_str::<Value>(value).unwrap() {
        Value::Number(count) => count.to_string(),
        record => record["message"].as_str().unwrap().to_owned(),
    }
}

fn said_by_cyclonedx(document: &Value) -> Said {
    let parts = document["components"].as_array().unwrap();
    let parts: Vec<&Value> = parts.iter().filter(|part| part["type"] != "operating-system").collect();
    let place: BTreeMap<&str, usize> =
        parts.iter().enumerate().map(|(index, part)| (part["bom-ref"].as_str().unwrap(), index)).collect();
    assert_eq!(place.len(), parts.len(), "references are unique");
    let mut edges = BTreeSet::new();
    for part in &parts {
        let from = place[part["bom-ref"].as_str().unwrap()];
        for property in part["properties"].as_array().into_iter().flatten() {
            if let Some(kind) = property["name"].as_str().unwrap().strip_prefix("sbomctl:edge:") {
                edges.insert((from, place[property["value"].as_str().unwrap()], kind.to_owned()));
            }
        }
    }
    let special: BTreeSet<(usize, usize)> = edges
        .iter()
        .filter(|(_, _, kind)| !matches!(kind.as_str(), "recommends" | "suggests" | "breaks"))
        .map(|&(from, to, _)| (from, to))
        .collect();
    for dependency in document["dependencies"].as_array().unwrap() {
        let Some(&from) = place.get(dependency["ref"].as_str().unwrap()) else { continue };
        for to in super::texts(&dependency["dependsOn"]) {
            if !special.contains(&(from, place[to])) {
                edges.insert((from, place[to], "dependsOn".to_owned()));
            }
        }
    }
    let gaps = document["metadata"]["properties"].as_array().unwrap();
    Said {
        nodes: parts
            .iter()
            .map(|part| {
                (
                    part["name"].as_str().unwrap().to_owned(),
                    optional(&part["version"]),
                    optional(&part["purl"]),
                )
            })
            .collect(),
        edges,
        gaps: gaps.iter().map(|gap| gap_text(gap["value"].as_str().unwrap())).collect(),
    }
}

fn said_by_spdx(document: &Value) -> Said {
    let packages: Vec<&Value> = document["packages"].as_array().unwrap()[1..]
        .iter()
        .filter(|package| !package["SPDXID"].as_str().unwrap().starts_with("SPDXRef-OperatingSystem-"))
        .collect();
    let place: BTreeMap<&str, usize> = packages
        .iter()
        .enumerate()
        .map(|(index, package)| (package["SPDXID"].as_str().unwrap(), index))
        .collect();
    assert_eq!(place.len(), packages.len(), "identifiers are unique");
    let mut edges = BTreeSet::new();
    for edge in document["relationships"].as_array().unwrap() {
        let end = |name: &str| place.get(edge[name].as_str().unwrap()).copied();
        let (Some(left), Some(right)) = (end("spdxElementId"), end("relatedSpdxElement")) else { continue };
        let kind = edge["comment"].as_str().unwrap_or("dependsOn").to_owned();
        let word = edge["relationshipType"].as_str().unwrap();
        let reversed = word.ends_with("_OF") || word == "CONTAINED_BY";
        edges.insert(if reversed { (right, left, kind) } else { (left, right, kind) });
    }
    let purl = |package: &Value| {
        let references = package["externalRefs"].as_array()?;
        optional(
            &references.iter().find(|reference| reference["referenceType"] == "purl")?["referenceLocator"],
        )
    };
    let gaps = document["annotations"].as_array().unwrap().iter().map(|annotation| {
        let (_, value) = annotation["comment"].as_str().unwrap().split_once(": ").unwrap();
        gap_text(value)
    });
    Said {
        nodes: packages
            .iter()
            .map(|package| {
                (
                    package["name"].as_str().unwrap().to_owned(),
                    optional(&package["versionInfo"]),
                    purl(package),
                )
            })
            .collect(),
        edges,
        gaps: gaps.collect(),
    }
}

fn check(bom: &Bom) {
    let expected = said_by_bill(bom);
    assert_eq!(said_by_cyclonedx(&json(bom, CYCLONEDX)), expected);
    assert_eq!(said_by_spdx(&json(bom, SPDX)), expected);
}

#[test]
fn documents_of_samples_say_what_the_bill_says() {
    for (_, bom) in samples::all() {
        check(&bom);
    }
}

/// Texts as an image may hold them.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("same".to_owned()),
        "[a-z]{1,8}",
        any::<String>(),
        Just("\"\\\u{0}\u{1b}[31m\u{202e}\u{1f980}\r\n: ".to_owned()),
    ]
}

fn any_party() -> impl Strategy<Value = Option<Party>> {
    proptest::option::of((any::<bool>(), any_text(), proptest::option::of(any_text()), any_text()).prop_map(
        |(person, name, email, url)| Party {
            kind: if person { PartyKind::Person } else { PartyKind::Organization },
            name,
            email,
            url: Some(url),
        },
    ))
}

prop_compose! {
    fn any_component()(
        kind in 0..4_usize,
        name in any_text(),
        version in proptest::option::of(any_text()),
        has_purl in any::<bool>(),
        texts in proptest::collection::vec(any_text(), 6),
        parties in (any_party(), any_party()),
        places in proptest::collection::vec((0..5_usize, any_text(), any::<u8>()), 0..3),
        layers in (0..5_usize, 0..5_usize),
        license in 0..4_usize,
    ) -> Component {
        use ComponentKind::{Application, Library, OperatingSystem, OsPackage};
        let [description, cpe, url, detail, value, text] = texts.try_into().unwrap();
        let mut component = Component::new([OsPackage, Application, Library, OperatingSystem][kind], name.clone());
        let purl = || Purl::new(["deb", "golang", "cargo", "generic"][kind], &name).qualifier("distro", &value);
        component.purl = has_purl.then(|| purl().version(version.as_deref().unwrap_or_default()));
        component.version = version;
        component.description = Some(description);
        component.cpes.push(cpe);
        (component.supplier, component.originator) = parties;
        let kind = crate::bom::ReferenceKind::Website;
        component.references.push(crate::bom::ExternalReference { kind, url: url.clone() });
        component.references.push(crate::bom::ExternalReference { kind, url: format!("https://{url}") });
        component.property("sbomctl:some:property", value);
        for (layer, path, confidence) in places {
            component.evidence.push(Evidence {
                layer,
                path: ImagePath::from(path.as_str()),
                technique: Technique::ManifestAnalysis,
                confidence,
                detail: Some(detail.clone()),
            });
        }
        (component.layers.introduced, component.layers.changed) = layers;
        let expression = [None, Some("MIT"), Some("LicenseRef-a"), Some("MIT OR LicenseRef-a")][license];
        component.licenses.expression = expression.map(str::to_owned);
        if license > 1 {
            component.licenses.custom = vec![CustomLicense { id: "LicenseRef-a".into(), name, text: text.into() }];
        }
        component
    }
}

prop_compose! {
    fn any_bom()(
        components in proptest::collection::vec(any_component(), 0..8),
        edges in proptest::collection::vec((0..8_usize, 0..8_usize, 0..7_usize), 0..20),
        gaps in proptest::collection::vec((any_text(), proptest::option::of(0..5_usize)), 0..6),
        sample in 0..7_usize,
        name in any_text(),
    ) -> Bom {
        use EdgeKind::{Breaks, BuildDependsOn, DependsOn, DependsOnAlternative, Owns, Recommends, Suggests};
        let kinds = [DependsOn, DependsOnAlternative, Recommends, Suggests, Breaks, BuildDependsOn, Owns];
        let mut draft = Draft::default();
        let handles: Vec<_> = components.into_iter().map(|component| draft.add(component)).collect();
        for (from, to, kind) in edges {
            if let (Some(&from), Some(&to)) = (handles.get(from), handles.get(to)) {
                draft.edge(from, to, kinds[kind]);
            }
        }
        for (message, layer) in gaps {
            let mut gap = Gap::new(GapKind::Malformed, message);
            gap.layer = layer;
            draft.gap(gap);
        }
        let (_, like) = samples::all().swap_remove(sample);
        let mut subject = like.subject;
        subject.name = name;
        let mut limits = Limits::default();
        limits.set("gaps", 3);
        draft.finish(subject, like.operating_system, Scope::Squashed, &limits)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn documents_of_any_bill_say_what_the_bill_says(bom in any_bom()) {
        check(&bom);
    }
}

#[test]
fn documents_of_any_bill_are_valid() {
    let Some(validators) = schema::validators() else { return };
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(32));
    let checked = runner.run(&any_bom(), |bom| {
        schema::check("any bill", &bom, &validators);
        Ok(())
    });
    checked.unwrap();
}
