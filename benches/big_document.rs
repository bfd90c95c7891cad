//! A document of any size, as rich as that of an image of Debian.

use std::sync::Arc;

use sbom_core::{
    digest::Digest,
    document::model::{
        Attribution, Completeness, Component, ComponentKind, Distribution, Document, Evidence, Header,
        LayerDescriptor, Licensing, Origin, Party, PartyKind, Property, Reference, ReferenceKind,
        Relationship, RelationshipKind, SourcePackage, Technique,
    },
};

/// What each package needs of others.
const NEEDS: usize = 5;

/// An image of Debian with `count` packages, each with a package URL, a licence, a source, a link, three properties,
/// evidence, the layer that it came in, and five packages that it needs.
pub(crate) fn big_document(count: usize) -> Document {
    let party = |kind, name: String| Party { kind, name, email: Some("a@example.org".into()), url: None };
    let supplier = Arc::new(party(PartyKind::Organization, "Debian".into()));
    let teams: Vec<Arc<Party>> =
        (0..500).map(|team| Arc::new(party(PartyKind::Person, format!("Team {team}")))).collect();
    let mut components: Vec<Component> = Vec::with_capacity(count + 2);
    components.extend((0..count).map(|number| Component {
        supplier: Some(supplier.clone()),
        originator: teams.get(number % teams.len()).cloned(),
        ..package(number)
    }));
    components.push(Component {
        id: "pkg:oci/app@sha256:0".into(),
        kind: ComponentKind::Container,
        name: "app".into(),
        ..Component::default()
    });
    components.push(Component {
        id: "os:debian@12".into(),
        kind: ComponentKind::OperatingSystem,
        name: "debian".into(),
        version: Some("12.8".into()),
        ..Component::default()
    });
    let (root, system) = (count, count + 1);
    let needs = |from: usize| {
        let to = move |need: usize| (from * 7 + need * 31 + 1) % count;
        (0..NEEDS).map(move |need| Relationship { from, to: to(need), kind: RelationshipKind::DependsOn })
    };
    let contains = |from, to| Relationship { from, to, kind: RelationshipKind::Contains };
    let mut relationships: Vec<Relationship> = Vec::with_capacity(count * (NEEDS + 1) + 1);
    relationships.extend((0..count).flat_map(needs));
    relationships.push(contains(root, system));
    relationships.extend((0..count).map(|package| contains(system, package)));
    let mut document = Document {
        header: Header { name: "app".into(), origin: Origin::Fixed("app".into()), ..Header::default() },
        components,
        root: Some(root),
        distribution: Some(Distribution {
            component: system,
            id: "debian".into(),
            version_id: Some("12".into()),
            ..Distribution::default()
        }),
        relationships,
        layers: (0..4).map(layer).collect(),
        ..Document::default()
    };
    document.normalise();
    document
}

fn package(number: usize) -> Component {
    let name = format!("package-{number}");
    let version = format!("1:2.{}.{}-1+b1", number % 50, number % 9);
    let source = format!("source-{}", number / 3);
    let purl = format!(
        "pkg:deb/debian/{name}@1:2.{}.{}-1%2Bb1?arch=amd64&distro=debian-12&upstream={source}",
        number % 50,
        number % 9,
    );
    let property = |name: &str, value: &str| Property { name: name.into(), value: value.into() };
    Component {
        id: purl.clone(),
        name,
        version: Some(version.clone()),
        purl: Some(purl),
        description: Some(format!("what package number {number} is for, in a line")),
        declared: Licensing { expression: Some("GPL-2.0-or-later AND MIT".into()), custom: Vec::new() },
        source: Some(Box::new(SourcePackage { name: source, version })),
        references: vec![Reference {
            kind: ReferenceKind::Website,
            url: format!("https://example.org/package-{number}"),
            comment: None,
            hashes: Vec::new(),
        }],
        completeness: Completeness::Complete,
        properties: vec![
            property("sbomctl:dpkg:architecture", "amd64"),
            property("sbomctl:dpkg:section", "libs"),
            property("sbomctl:dpkg:installedSize", &number.to_string()),
        ],
        evidence: vec![Evidence {
            location: "/var/lib/dpkg/status".into(),
            layer: Some(number % 4),
            technique: Some(Technique::ManifestAnalysis),
            confidence: Some(100),
            detail: None,
        }],
        layers: Some(Attribution { introduced: number % 4, changed: number % 4, removed: None }),
        ..Component::default()
    }
}

fn layer(index: usize) -> LayerDescriptor {
    LayerDescriptor {
        index,
        digest: Some(Digest::of(format!("stored {index}").as_bytes())),
        diff_id: Some(Digest::of(format!("content {index}").as_bytes())),
        created_by: Some(format!("RUN apt-get install --yes group-{index} # a line of a build file")),
        ..LayerDescriptor::default()
    }
}
