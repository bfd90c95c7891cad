//! A component in CycloneDX, in the shape that 1.6 has.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

use super::license::{self, LicenseChoice};
use crate::{
    bom::{self, Ancestor, EdgeKind, PartyKind, SourcePackage, Usage},
    digest::{Algorithm, Digest},
    document::{
        facts, graph,
        outline::{Outline, Role},
        syntax,
    },
    purl::Purl,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component<'a> {
    #[serde(rename = "bom-ref")]
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<Entity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manufacturer: Option<Entity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authors: Option<[Contact<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<String>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenseChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpe: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    swid: Option<Swid<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pedigree: Option<Pedigree<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_references: Vec<Reference<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
pub(super) struct Property<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
}

impl<'a> Property<'a> {
    pub(super) fn new(name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

#[derive(Serialize)]
struct Entity<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<[Contact<'a>; 1]>,
}

#[derive(Serialize)]
struct Contact<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

#[derive(Serialize)]
struct Hash<'a> {
    alg: &'static str,
    content: &'a str,
}

/// Where Syft and Grype look for the distribution's own identifier.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Swid<'a> {
    tag_id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

#[derive(Serialize)]
struct Pedigree<'a> {
    ancestors: Vec<Origin<'a>>,
}

#[derive(Serialize)]
struct Origin<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
}

#[derive(Serialize)]
struct Reference<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url: &'a str,
}

#[derive(Serialize)]
struct Evidence<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    occurrences: Vec<Occurrence>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenseChoice<'a>>,
}

/// An object, not a list: 1.6 allows both, and some readers only this.
#[derive(Serialize)]
struct Identity {
    field: &'static str,
    confidence: f64,
    methods: Vec<Method>,
}

#[derive(Serialize)]
struct Method {
    technique: &'static str,
    confidence: f64,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Occurrence {
    location: String,
    additional_context: String,
}

/// `component` as a component of a document.
pub(super) fn of<'a>(outline: &'a Outline<'a>, role: Role, component: &'a bom::Component) -> Component<'a> {
    let originator = component.originator.as_ref();
    let made_by = |kind| originator.filter(|party| party.kind == kind);
    Component {
        id: &component.id,
        kind: kind(role),
        supplier: component.supplier.as_ref().map(entity),
        manufacturer: made_by(PartyKind::Organization).map(entity),
        authors: made_by(PartyKind::Person).map(|person| [contact(&person.name, person.email.as_deref())]),
        publisher: originator.and_then(syntax::name_and_mail),
        name: &component.name,
        version: component.version.as_deref(),
        description: component.description.as_deref(),
        scope: scope(role, component.usage),
        hashes: component.hashes.iter().map(hash).collect(),
        licenses: license::declared(&component.licenses),
        cpe: facts::cpe(component),
        purl: component.purl.as_ref().map(Purl::to_string),
        swid: (role == Role::System).then(|| swid(outline)).flatten(),
        pedigree: pedigree(component),
        external_references: references(component),
        evidence: evidence(outline, component),
        properties: properties(outline, role, component),
    }
}

/// The type of a component. There is one `operating-system` alone: with several, scanners take any for the subject's.
fn kind(role: Role) -> &'static str {
    match role {
        Role::Container => "container",
        Role::Folder | Role::Program => "application",
        Role::File => "file",
        Role::System => "operating-system",
        Role::NestedSystem => "platform",
        Role::Package | Role::Library => "library",
    }
}

fn scope(role: Role, usage: Usage) -> Option<&'static str> {
    match (role, usage) {
        (Role::Container | Role::Folder | Role::File, _) => None,
        (_, Usage::Required) => Some("required"),
        (_, Usage::BuildOnly) => Some("excluded"),
    }
}

fn entity(party: &bom::Party) -> Entity<'_> {
    Entity {
        name: &party.name,
        url: party.url.as_deref().filter(|url| syntax::is_address(url)).map(|url| [url]),
        contact: party.email.as_deref().map(|email| [contact("", Some(email))]),
    }
}

/// What is no mail address stands in the name's place if there is no name.
fn contact<'a>(name: &'a str, email: Option<&'a str>) -> Contact<'a> {
    let valid = email.filter(|email| syntax::is_mail(email));
    let name = if name.is_empty() && valid.is_none() { email } else { Some(name) };
    Contact { name: name.filter(|name| !name.is_empty()), email: valid }
}

fn hash(digest: &Digest) -> Hash<'_> {
    let alg = match digest.algorithm() {
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    };
    Hash { alg, content: digest.hex() }
}

fn swid<'a>(outline: &Outline<'a>) -> Option<Swid<'a>> {
    let system = outline.bom.operating_system.as_ref()?;
    Some(Swid { tag_id: &system.id, name: &system.id, version: system.version_id.as_deref() })
}

fn pedigree(component: &bom::Component) -> Option<Pedigree<'_>> {
    let source = component.source.iter().map(|source| source_origin(component, source));
    let ancestors: Vec<Origin<'_>> = source.chain(component.ancestors.iter().map(ancestor_origin)).collect();
    (!ancestors.is_empty()).then_some(Pedigree { ancestors })
}

/// The source package. Only Debian's has a package URL of its own.
fn source_origin<'a>(component: &'a bom::Component, source: &'a SourcePackage) -> Origin<'a> {
    let of_binary = component.purl.as_ref().filter(|purl| purl.kind() == "deb");
    let purl = of_binary.map(|binary| {
        Purl::new("deb", &source.name)
            .namespace(&binary.namespace_segments().join("/"))
            .version(&source.version)
            .qualifier("arch", "source")
            .qualifier("distro", binary.get_qualifier("distro").unwrap_or_default())
            .to_string()
    });
    Origin { kind: "library", name: &source.name, version: Some(&source.version), purl }
}

fn ancestor_origin(ancestor: &Ancestor) -> Origin<'_> {
    Origin {
        kind: "library",
        name: &ancestor.name,
        version: ancestor.version.as_deref(),
        purl: ancestor.purl.as_ref().map(Purl::to_string),
    }
}

fn references(component: &bom::Component) -> Vec<Reference<'_>> {
    let valid = component.references.iter().filter(|reference| syntax::is_address(&reference.url));
    let mut references: Vec<Reference<'_>> = valid
        .map(|reference| Reference { kind: facts::reference_name(reference.kind), url: &reference.url })
        .collect();
    references.sort_by_key(|reference| (reference.kind, reference.url));
    references
}

fn evidence<'a>(outline: &Outline<'_>, component: &'a bom::Component) -> Option<Evidence<'a>> {
    let licenses = license::texts(&component.licenses);
    if component.evidence.is_empty() && licenses.is_empty() {
        return None;
    }
    let occurrences = component.evidence.iter().map(|evidence| {
        let place = facts::layer_place(outline.bom, evidence.layer);
        Occurrence {
            location: evidence.path.to_text(),
            additional_context: match &evidence.detail {
                Some(detail) => format!("{place} detail={detail}"),
                None => place,
            },
        }
    });
    Some(Evidence { identity: identity(component), occurrences: occurrences.collect(), licenses })
}

/// One method for each file and technique, with the highest confidence it gave.
fn identity(component: &bom::Component) -> Option<Identity> {
    let mut seen: BTreeMap<_, u8> = BTreeMap::new();
    for evidence in &component.evidence {
        let confidence = seen.entry((evidence.technique, &evidence.path)).or_default();
        *confidence = evidence.confidence.max(*confidence);
    }
    let methods = seen.iter().map(|(&(technique, path), &confidence)| Method {
        technique: facts::technique(technique),
        confidence: facts::confidence(confidence),
        value: path.to_text(),
    });
    Some(Identity {
        field: if component.purl.is_some() { "purl" } else { "name" },
        confidence: facts::confidence(seen.values().copied().max()?),
        methods: methods.collect(),
    })
}

fn properties<'a>(outline: &'a Outline<'a>, role: Role, component: &'a bom::Component) -> Vec<Property<'a>> {
    let trivy = facts::trivy(outline, role, component);
    let trivy =
        trivy.into_iter().map(|(name, value)| Property::new(format!("aquasecurity:trivy:{name}"), value));
    let own = facts::own(outline, role, component);
    let own = own.into_iter().map(|(name, value)| Property { name, value });
    let mut properties: Vec<Property<'_>> = trivy.chain(own).collect();
    if let Ok(index) = outline.bom.components.binary_search_by(|other| other.id.cmp(&component.id)) {
        properties.extend(edges(outline, index));
    }
    properties.sort_by(|a, b| a.name.cmp(&b.name));
    properties
}

/// The edges that `dependencies` has no word for: those that are no needs, and needs of a special kind.
fn edges<'a>(outline: &'a Outline<'a>, from: usize) -> impl Iterator<Item = Property<'a>> {
    let edges = graph::outgoing(&outline.bom.edges, from);
    let ambiguous = |to: usize| {
        let to_same = edges.iter().skip(edges.partition_point(|edge| edge.to < to));
        let mut to_same = to_same.take_while(|edge| edge.to == to);
        to_same.any(|edge| edge.kind != EdgeKind::DependsOn && graph::is_need(edge.kind))
    };
    edges.iter().filter(move |edge| edge.kind != EdgeKind::DependsOn || ambiguous(edge.to)).filter_map(
        |edge| Some(Property::new(format!("sbomctl:edge:{}", graph::name(edge.kind)), outline.id(edge.to)?)),
    )
}
