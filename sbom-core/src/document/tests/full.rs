//! A document that uses every field of the model with every word of its vocabularies, as conversions meet them.

use std::sync::Arc;

use crate::{digest::Digest, document::model::*, license::custom};

/// The document, normalised.
pub(super) fn document() -> Document {
    let mut components = vec![subject(), system(), everything(), library("bare"), file()];
    components.extend(
        ComponentKind::ALL
            .iter()
            .filter(|kind| **kind != ComponentKind::OperatingSystem)
            .map(|&kind| Component { kind, id: format!("kind:{}", kind.name()), ..library(kind.name()) }),
    );
    components.extend(licensed());
    components.extend(found());
    let count = components.len();
    let edge = |(index, &kind): (usize, &RelationshipKind)| Relationship {
        from: 2 + index % (count - 2),
        to: 2 + (index * 7 + 3) % (count - 2),
        kind,
    };
    let mut relationships: Vec<Relationship> = RelationshipKind::ALL.iter().enumerate().map(edge).collect();
    relationships.extend((1..count).map(|to| Relationship { from: 0, to, kind: RelationshipKind::Contains }));
    let mut document = Document {
        header: header(),
        components,
        root: Some(0),
        distribution: Some(Distribution {
            component: 1,
            id: "debian".into(),
            id_like: vec!["unix".into(), "any".into()],
            version_id: Some("12".into()),
            codename: Some("bookworm".into()),
            pretty_name: Some("Debian 12".into()),
        }),
        relationships,
        layers: (0..2).map(layer).collect(),
        gaps: vec![Gap {
            kind: "malformed".into(),
            message: "a <message> & more".into(),
            layer: Some(1),
            diff_id: layer(1).diff_id.map(|digest| digest.to_string()),
            path: Some("/a".into()),
            offset: Some(7),
            detector: Some("apk".into()),
        }],
        gaps_not_listed: 2,
    };
    document.normalise();
    document
}

fn header() -> Header {
    Header {
        name: "another name than the subject's".into(),
        tools: vec![Tool { name: "first".into(), version: String::new() }],
        authors: vec![
            party(PartyKind::Person, "A Person"),
            party(PartyKind::Organization, "An Organization"),
            party(PartyKind::Organization, "Another Organization"),
            Party { url: Some("https://example.org/".into()), ..party(PartyKind::Person, "With a page") },
        ],
        manufacturer: Some(party(PartyKind::Organization, "Maker")),
        supplier: Some(party(PartyKind::Person, "Supplier")),
        lifecycles: vec![LifecyclePhase::Build, LifecyclePhase::PostBuild],
        comment: Some("of several\nlines".into()),
        properties: vec![property("of:the:document", "value")],
        ..Header::default()
    }
}

fn subject() -> Component {
    Component {
        id: "subject".into(),
        kind: ComponentKind::Container,
        completeness: Completeness::Incomplete,
        ..library("subject")
    }
}

fn system() -> Component {
    Component { id: "os:debian".into(), kind: ComponentKind::OperatingSystem, ..library("debian") }
}

/// A component with every field.
fn everything() -> Component {
    let reference = |&kind: &ReferenceKind| Reference {
        kind,
        url: format!("https://example.org/{}", kind.name()),
        comment: (kind != ReferenceKind::Website).then(|| "a remark".into()),
        hashes: if kind == ReferenceKind::Distribution { hashes() } else { Vec::new() },
    };
    let mut references: Vec<Reference> = ReferenceKind::ALL.iter().map(reference).collect();
    references.push(Reference { url: "no address".into(), ..reference(&ReferenceKind::Vcs) });
    Component {
        id: "pkg:deb/debian/everything@1?arch=amd64&distro=debian-12".into(),
        kind: ComponentKind::Firmware,
        name: "everything".into(),
        group: Some("group".into()),
        version: Some("1".into()),
        purl: Some("pkg:deb/debian/everything@1?arch=amd64&distro=debian-12".into()),
        cpes: vec!["cpe:2.3:a:b:c:1:*:*:*:*:*:*:*".into(), "no cpe".into()],
        description: Some("what it is for".into()),
        copyright: Some("Copyright A\nCopyright B".into()),
        declared: expression("MIT"),
        concluded: expression("Apache-2.0"),
        supplier: Some(Arc::new(Party { email: Some("no mail".into()), ..party(PartyKind::Person, "S") })),
        originator: Some(Arc::new(Party {
            url: Some("https://example.org/".into()),
            email: None,
            ..party(PartyKind::Person, "O")
        })),
        source: Some(Box::new(SourcePackage { name: "source".into(), version: "1-1".into() })),
        ancestors: vec![Ancestor { name: "ancestor".into(), version: Some("0".into()), purl: None }],
        references,
        hashes: hashes(),
        verification_code: Some("d6a770ba38583ed4bb4525bd96e50461655d2758".into()),
        usage: Usage::BuildOnly,
        completeness: Completeness::Complete,
        properties: vec![property("some:name", "some value"), property("some:name", "another")],
        evidence: vec![evidence("/a", Some(0), 100), evidence("/b", Some(1), 30)],
        layers: Some(Attribution { introduced: 0, changed: 1, removed: Some(1) }),
    }
}

/// A component of each way in which licences are told.
fn licensed() -> Vec<Component> {
    let text = |name: &str| custom(name, &format!("The text of {name}.\n"));
    let foreign = CustomLicense { id: "LicenseRef-other".into(), name: "odd  name".into(), text: "T".into() };
    let both = |expression: &str, texts: Vec<CustomLicense>| {
        let names =
            |license: &&CustomLicense| expression.split([' ', '(', ')']).any(|term| term == license.id);
        let mut custom: Vec<CustomLicense> = texts.iter().filter(names).cloned().collect();
        custom.sort();
        Licensing { expression: Some(expression.to_owned()), custom }
    };
    let (a, b) = (text("a"), text("b"));
    let alone: Licensing = a.clone().into();
    let joined = both(&format!("{} OR {}", a.id, b.id), vec![a.clone(), b.clone()]);
    let with = both(&format!("MIT AND {}", b.id), vec![b.clone()]);
    let none = Licensing::default;
    let pairs = [
        (expression("MIT"), none()),
        (none(), expression("MIT")),
        (expression("MIT"), expression("MIT")),
        (expression("MIT OR Apache-2.0"), expression("MIT")),
        (expression("MIT"), expression("Apache-2.0 OR MIT")),
        (alone.clone(), none()),
        (none(), alone.clone()),
        (alone.clone(), alone.clone()),
        (alone.clone(), b.clone().into()),
        (alone.clone(), joined.clone()),
        (joined.clone(), alone),
        (joined.clone(), with.clone()),
        (none(), joined),
        (expression("MIT"), with),
        (foreign.clone().into(), none()),
        (none(), foreign.into()),
        (expression("Bugroff"), none()),
    ];
    let component = |(index, (declared, concluded))| {
        let name = format!("licensed-{index:02}");
        Component { id: name.clone(), declared, concluded, ..library(&name) }
    };
    pairs.into_iter().enumerate().map(component).collect()
}

/// A component of each way in which evidence is told.
fn found() -> Vec<Component> {
    let plain = evidence("/a", None, 70);
    let other = Evidence { technique: Some(Technique::Filename), ..plain.clone() };
    let ways = [
        vec![plain.clone()],
        vec![plain.clone(), other.clone()],
        vec![Evidence { location: String::new(), ..plain.clone() }],
        vec![Evidence { technique: None, confidence: None, ..plain.clone() }],
        vec![Evidence { confidence: None, ..plain.clone() }, other],
        vec![Evidence { detail: Some("a detail, index=9".into()), ..plain.clone() }],
        vec![Evidence { layer: Some(1), detail: Some("detail=".into()), ..plain.clone() }, plain],
    ];
    let component = |(index, evidence)| {
        let name = format!("found-{index}");
        Component { id: name.clone(), evidence, ..library(&name) }
    };
    ways.into_iter().enumerate().map(component).collect()
}

fn file() -> Component {
    let mut file = library("/usr/bin/tool");
    file.id = "file:/usr/bin/tool".into();
    file.kind = ComponentKind::File;
    file.hashes = hashes();
    file.source = Some(Box::new(SourcePackage { name: "tool".into(), version: String::new() }));
    file.layers = Some(Attribution { introduced: 1, changed: 1, removed: None });
    file
}

fn library(name: &str) -> Component {
    Component { id: format!("library:{name}"), name: name.to_owned(), ..Component::default() }
}

fn hashes() -> Vec<Hash> {
    let digest = Digest::of(b"content");
    let mut hashes: Vec<Hash> =
        HashAlgorithm::ALL.iter().map(|&algorithm| Hash { algorithm, hex: digest.hex().into() }).collect();
    hashes.push(Hash { algorithm: HashAlgorithm::Md5, hex: "ab".into() });
    hashes.sort();
    hashes
}

fn layer(index: usize) -> LayerDescriptor {
    LayerDescriptor {
        index,
        diff_id: Some(Digest::of(&[u8::try_from(index).unwrap()])),
        created_by: Some("RUN <x>".into()),
        ..LayerDescriptor::default()
    }
}

fn evidence(location: &str, layer: Option<usize>, confidence: u8) -> Evidence {
    Evidence {
        location: location.into(),
        layer,
        technique: Some(Technique::ManifestAnalysis),
        confidence: Some(confidence),
        detail: None,
    }
}

fn expression(expression: &str) -> Licensing {
    Licensing { expression: Some(expression.into()), custom: Vec::new() }
}

fn party(kind: PartyKind, name: &str) -> Party {
    Party { kind, name: name.into(), email: Some("a@example.org".into()), url: None }
}

fn property(name: &str, value: &str) -> Property {
    Property { name: name.into(), value: value.into() }
}
