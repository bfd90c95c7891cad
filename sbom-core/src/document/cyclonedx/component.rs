//! A component in CycloneDX, in the shape that 1.6 has.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

use super::license::{self, LicenseChoice};
use crate::{
    document::{
        edges, facts,
        model::{
            self, Ancestor, ComponentKind, Document, HashAlgorithm, Party, PartyKind, SourcePackage, Usage,
        },
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
    purl: Option<&'a str>,
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
    identity: Option<Identity<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    occurrences: Vec<Occurrence<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenseChoice<'a>>,
}

/// An object, not a list: 1.6 allows both, and some readers only this.
#[derive(Serialize)]
struct Identity<'a> {
    field: &'static str,
    confidence: f64,
    methods: Vec<Method<'a>>,
}

#[derive(Serialize)]
struct Method<'a> {
    technique: &'static str,
    confidence: f64,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Occurrence<'a> {
    location: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_context: Option<String>,
}

/// The component at `index` as a component of a document.
pub(super) fn of(document: &Document, index: usize) -> Option<Component<'_>> {
    let component = document.components.get(index)?;
    let originator = component.originator.as_deref();
    let made_by = |kind| originator.filter(|party| party.kind == kind);
    Some(Component {
        id: &component.id,
        kind: kind(component.kind),
        supplier: component.supplier.as_deref().map(entity),
        manufacturer: made_by(PartyKind::Organization).map(entity),
        authors: made_by(PartyKind::Person).map(|person| [contact(&person.name, person.email.as_deref())]),
        publisher: originator.and_then(syntax::name_and_mail),
        name: &component.name,
        version: component.version.as_deref(),
        description: component.description.as_deref(),
        scope: (document.root != Some(index)).then(|| scope(component.usage)),
        hashes: component.hashes.iter().filter_map(hash).collect(),
        licenses: license::declared(&component.declared),
        cpe: facts::cpe(component),
        purl: component.purl.as_deref(),
        swid: swid(document, index),
        pedigree: pedigree(component),
        external_references: references(component),
        evidence: evidence(document, component),
        properties: properties(document, index),
    })
}

/// The type of a component.
fn kind(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Source | ComponentKind::Archive | ComponentKind::Install | ComponentKind::Other => {
            ComponentKind::default().name()
        }
        kind => kind.name(),
    }
}

fn scope(usage: Usage) -> &'static str {
    match usage {
        Usage::Required => "required",
        Usage::BuildOnly => "excluded",
    }
}

fn entity(party: &Party) -> Entity<'_> {
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

fn hash(hash: &model::Hash) -> Option<Hash<'_>> {
    let unknown = [
        HashAlgorithm::Adler32,
        HashAlgorithm::Md2,
        HashAlgorithm::Md4,
        HashAlgorithm::Md6,
        HashAlgorithm::Sha224,
        HashAlgorithm::Streebog256,
        HashAlgorithm::Streebog512,
    ];
    (!unknown.contains(&hash.algorithm)).then(|| Hash { alg: hash.algorithm.name(), content: &hash.hex })
}

fn swid(document: &Document, index: usize) -> Option<Swid<'_>> {
    let system = document.distribution.as_ref().filter(|system| system.component == index)?;
    Some(Swid { tag_id: &system.id, name: &system.id, version: system.version_id.as_deref() })
}

fn pedigree(component: &model::Component) -> Option<Pedigree<'_>> {
    let source = component.source.iter().map(|source| source_origin(component, source));
    let ancestors: Vec<Origin<'_>> = source.chain(component.ancestors.iter().map(ancestor_origin)).collect();
    (!ancestors.is_empty()).then_some(Pedigree { ancestors })
}

/// The source package. Only Debian's has a package URL of its own.
fn source_origin<'a>(component: &model::Component, source: &'a SourcePackage) -> Origin<'a> {
    let of_binary = component.purl.as_deref().and_then(|purl| purl.parse::<Purl>().ok());
    let purl = of_binary.filter(|purl| purl.kind() == "deb").map(|binary| {
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

fn references(component: &model::Component) -> Vec<Reference<'_>> {
    let valid = component.references.iter().filter(|reference| syntax::is_address(&reference.url));
    let mut references: Vec<Reference<'_>> =
        valid.map(|reference| Reference { kind: reference.kind.name(), url: &reference.url }).collect();
    references.sort_by_key(|reference| (reference.kind, reference.url));
    references
}

fn evidence<'a>(document: &Document, component: &'a model::Component) -> Option<Evidence<'a>> {
    let licenses = license::texts(&component.declared);
    if component.evidence.is_empty() && licenses.is_empty() {
        return None;
    }
    let occurrences = component.evidence.iter().map(|evidence| {
        let place = evidence.layer.map(|layer| facts::layer_place(document, layer));
        let detail = evidence.detail.as_ref().map(|detail| format!("detail={detail}"));
        Occurrence {
            location: &evidence.location,
            additional_context: match (place, detail) {
                (Some(place), Some(detail)) => Some(format!("{place} {detail}")),
                (place, detail) => place.or(detail),
            },
        }
    });
    Some(Evidence { identity: identity(component), occurrences: occurrences.collect(), licenses })
}

/// One method for each file and technique, with the highest confidence it gave.
fn identity(component: &model::Component) -> Option<Identity<'_>> {
    let mut seen: BTreeMap<_, u8> = BTreeMap::new();
    for evidence in &component.evidence {
        let Some(technique) = evidence.technique else { continue };
        let confidence = seen.entry((technique, evidence.location.as_str())).or_default();
        *confidence = evidence.confidence.unwrap_or_default().max(*confidence);
    }
    let methods = seen.iter().map(|(&(technique, path), &confidence)| Method {
        technique: technique.name(),
        confidence: facts::confidence(confidence),
        value: path,
    });
    Some(Identity {
        field: if component.purl.is_some() { "purl" } else { "name" },
        confidence: facts::confidence(seen.values().copied().max()?),
        methods: methods.collect(),
    })
}

fn properties(document: &Document, index: usize) -> Vec<Property<'_>> {
    let facts = facts::of(document, index);
    let mut properties: Vec<Property<'_>> =
        facts.into_iter().map(|(name, value)| Property { name, value }).collect();
    for (name, to) in edges::beyond_needs(document, index) {
        properties.extend(document.components.get(to).map(|to| Property::new(name, to.id.as_str())));
    }
    properties.sort_by(|a, b| a.name.cmp(&b.name));
    properties
}
