//! A document that has everything: every word of the model's vocabularies, and texts in every field.

use std::sync::Arc;

use crate::{
    digest::Digest,
    document::{
        Document, Tool,
        model::{
            Ancestor, Attribution, Completeness, Component, ComponentKind, CustomLicense, Distribution,
            Evidence, Gap, Hash, HashAlgorithm, Header, LayerDescriptor, Licensing, LifecyclePhase, Party,
            PartyKind, Property, Reference, ReferenceKind, Relationship, RelationshipKind, SourcePackage,
            Technique, Usage,
        },
    },
    oci::Proof,
};

/// SHA-1 of nothing.
pub(super) const SHA1: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

pub(super) fn document() -> Document {
    let mut components = vec![root(), system(), package(), analyzed()];
    components.push(file("/usr/bin/listed", true));
    components.push(file("/usr/bin/stray", true));
    components.push(file("/usr/bin/unhashed", false));
    components.extend(ComponentKind::ALL.iter().copied().map(of_kind));
    let count = components.len();
    let mut document = Document {
        header: header(),
        components,
        root: Some(0),
        distribution: Some(Distribution {
            component: 1,
            id: "debian".into(),
            id_like: vec!["b".into(), "a".into()],
            version_id: Some("12".into()),
            codename: Some("bookworm".into()),
            pretty_name: Some("Debian GNU/Linux 12".into()),
        }),
        relationships: relationships(count),
        layers: (0..2).map(layer).collect(),
        gaps: vec![Gap {
            kind: "malformed".into(),
            message: "a record: \"x\"".into(),
            layer: Some(1),
            diff_id: layer(1).diff_id.map(|digest| digest.to_string()),
            path: Some("/a".into()),
            offset: Some(7),
            detector: Some("dpkg".into()),
        }],
        gaps_not_listed: 2,
    };
    document.normalise();
    document
}

fn header() -> Header {
    Header {
        name: "everything".into(),
        tools: vec![
            Tool { name: "other-tool".into(), version: "1.2".into() },
            Tool { name: "bare".into(), version: String::new() },
        ],
        authors: vec![party(PartyKind::Person, "Jane"), party(PartyKind::Organization, "Example")],
        manufacturer: Some(Party { url: None, ..party(PartyKind::Organization, "Maker") }),
        supplier: Some(Party { email: None, url: None, ..party(PartyKind::Organization, "Supplier") }),
        lifecycles: LifecyclePhase::ALL.to_vec(),
        comment: Some("a remark\nof two lines".into()),
        properties: vec![property("example:document", "x")],
        ..Header::default()
    }
}

fn root() -> Component {
    Component {
        id: "root".into(),
        kind: ComponentKind::Container,
        name: "docker.io/library/demo".into(),
        supplier: Some(Arc::new(party(PartyKind::Organization, "Vendor"))),
        completeness: Completeness::Incomplete,
        ..Component::default()
    }
}

fn system() -> Component {
    Component {
        id: "os:debian@12".into(),
        kind: ComponentKind::OperatingSystem,
        name: "debian".into(),
        version: Some("12.8".into()),
        cpes: vec!["cpe:2.3:o:debian:debian_linux:12:*:*:*:*:*:*:*".into()],
        completeness: Completeness::Complete,
        ..Component::default()
    }
}

/// A package with something in every field.
fn package() -> Component {
    let purl = "pkg:deb/debian/full@1%2B2?arch=amd64&distro=debian-12".to_owned();
    let mut references: Vec<Reference> = ReferenceKind::ALL.iter().copied().map(link).collect();
    references.push(Reference { comment: Some("a remark".into()), ..link(ReferenceKind::Bom) });
    references.push(Reference {
        comment: Some("with a digest".into()),
        hashes: vec![hash(HashAlgorithm::Sha256)],
        ..link(ReferenceKind::Distribution)
    });
    references.push(Reference { url: "git+https://".into(), ..link(ReferenceKind::Vcs) });
    Component {
        id: purl.clone(),
        kind: ComponentKind::Library,
        name: "full".into(),
        group: Some("org.example".into()),
        version: Some("1+2".into()),
        purl: Some(purl),
        cpes: vec![
            "cpe:2.3:a:x:full:1:*:*:*:*:*:*:*".into(),
            "cpe:/a:x:full:1".into(),
            "cpe of no form".into(),
        ],
        description: Some("what it is for".into()),
        copyright: Some("(c) A\n(c) B".into()),
        declared: Licensing {
            expression: Some("MIT AND LicenseRef-own".into()),
            custom: vec![custom("LicenseRef-own")],
        },
        concluded: Licensing {
            expression: Some("LicenseRef-read".into()),
            custom: vec![custom("LicenseRef-read")],
        },
        supplier: Some(Arc::new(party(PartyKind::Organization, "Debian"))),
        originator: Some(Arc::new(party(PartyKind::Person, "J\u{f6}rg"))),
        source: Some(Box::new(SourcePackage { name: "src".into(), version: "1:1+2".into() })),
        ancestors: vec![Ancestor {
            name: "old".into(),
            version: Some("0".into()),
            purl: Some("pkg:deb/debian/old@0".parse().unwrap()),
        }],
        references,
        hashes: HashAlgorithm::ALL.iter().copied().map(hash).collect(),
        usage: Usage::BuildOnly,
        completeness: Completeness::Complete,
        properties: vec![property("example:name", "a"), property("example:name", "b: c")],
        evidence: vec![Evidence {
            location: "/var/lib/dpkg/status".into(),
            layer: Some(0),
            technique: Some(Technique::ManifestAnalysis),
            confidence: Some(70),
            detail: Some("line 3".into()),
        }],
        layers: Some(Attribution { introduced: 0, changed: 1, removed: Some(1) }),
        ..Component::default()
    }
}

/// A package whose files are listed.
fn analyzed() -> Component {
    Component {
        id: "pkg:generic/analyzed@1".into(),
        name: "analyzed".into(),
        version: Some("1".into()),
        purl: Some("pkg:generic/analyzed@1".into()),
        verification_code: Some(SHA1.into()),
        completeness: Completeness::Complete,
        ..Component::default()
    }
}

fn file(path: &str, has_sha1: bool) -> Component {
    let algorithm = if has_sha1 { HashAlgorithm::Sha1 } else { HashAlgorithm::Sha256 };
    Component {
        id: format!("file:{path}"),
        kind: ComponentKind::File,
        name: path.into(),
        hashes: vec![hash(algorithm)],
        layers: Some(Attribution { introduced: 1, changed: 1, removed: None }),
        ..Component::default()
    }
}

fn of_kind(kind: ComponentKind) -> Component {
    Component {
        id: format!("kind:{}", kind.name()),
        name: kind.name().into(),
        version: Some("1".into()),
        kind: match kind {
            // There is one, which is the distribution.
            ComponentKind::OperatingSystem => ComponentKind::Platform,
            kind => kind,
        },
        ..Component::default()
    }
}

/// The system with its package, files with those that contain them, and one of each kind between the others.
fn relationships(count: usize) -> Vec<Relationship> {
    let edge = |from, to, kind| Relationship { from, to, kind };
    let contains = RelationshipKind::Contains;
    let mut relationships = vec![edge(0, 1, contains), edge(1, 2, contains), edge(3, 4, contains)];
    relationships.extend([edge(0, 5, contains), edge(0, 6, contains), edge(2, 3, contains)]);
    relationships.extend((7..count).map(|to| edge(0, to, RelationshipKind::DependsOn)));
    let kinds = RelationshipKind::ALL.iter();
    relationships
        .extend(kinds.clone().enumerate().map(|(index, &kind)| edge(7 + index % 8, 15 + index % 9, kind)));
    relationships.extend(kinds.map(|&kind| edge(2, 9, kind)));
    relationships
}

fn layer(index: usize) -> LayerDescriptor {
    LayerDescriptor {
        index,
        digest: Some(Digest::of(format!("z{index}").as_bytes())),
        size: Some(10),
        diff_id: Some(Digest::of(format!("d{index}").as_bytes())),
        media_type: "application/vnd.oci.image.layer.v1.tar".into(),
        created_by: Some(format!("RUN {index}")),
        partial: [Proof::Estargz, Proof::ZstdChunked, Proof::Nothing].get(index).copied(),
    }
}

fn party(kind: PartyKind, name: &str) -> Party {
    let (email, url) = (Some("a@example.org".into()), Some(format!("https://{}.example/", name.len())));
    Party { kind, name: name.into(), email, url }
}

fn link(kind: ReferenceKind) -> Reference {
    let url = format!("https://example.org/{}", kind.name());
    Reference { kind, url, comment: None, hashes: Vec::new() }
}

fn hash(algorithm: HashAlgorithm) -> Hash {
    let hex = if algorithm == HashAlgorithm::Sha1 { SHA1.to_owned() } else { digits(algorithm) };
    Hash { algorithm, hex }
}

fn digits(algorithm: HashAlgorithm) -> String {
    let digits = match algorithm {
        HashAlgorithm::Adler32 => 8,
        HashAlgorithm::Md2 | HashAlgorithm::Md4 | HashAlgorithm::Md5 => 32,
        HashAlgorithm::Sha224 => 56,
        HashAlgorithm::Sha384 | HashAlgorithm::Sha3_384 | HashAlgorithm::Blake2b384 => 96,
        HashAlgorithm::Sha512
        | HashAlgorithm::Sha3_512
        | HashAlgorithm::Blake2b512
        | HashAlgorithm::Streebog512 => 128,
        _ => 64,
    };
    "ab".repeat(digits / 2)
}

fn property(name: &str, value: &str) -> Property {
    Property { name: name.into(), value: value.into() }
}

fn custom(id: &str) -> CustomLicense {
    let name = format!("called {}", id.trim_start_matches("LicenseRef-"));
    CustomLicense { id: id.into(), name, text: format!("All of {id}.\nEvery line.").into() }
}
