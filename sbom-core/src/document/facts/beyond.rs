//! Facts that the model has a field for and CycloneDX, or some version of it, has none: as properties, in both
//! directions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Fact;
use crate::{
    document::{
        json,
        model::{
            Component, CustomLicense, Evidence, Hash, HashAlgorithm, Header, LifecyclePhase, Party,
            PartyKind, Reference, ReferenceKind, SourcePackage,
        },
        syntax,
    },
    purl::{self, Purl},
};

/// A person or organisation, whole.
pub(in crate::document) fn party(name: &'static str, party: &Party) -> Fact<'static> {
    let kind = match party.kind {
        PartyKind::Person => "person",
        PartyKind::Organization => "organization",
    };
    let (email, url) = (party.email.clone(), party.url.clone());
    let record = PartyRecord { kind: kind.to_owned(), name: party.name.clone(), email, url };
    (name.into(), json::line(&record).into())
}

/// A digest, where there is no word for its algorithm.
pub(in crate::document) fn hash(hash: &Hash) -> Fact<'_> {
    (format!("sbomctl:hash:{}", hash.algorithm.name()).into(), (&hash.hex).into())
}

/// A link, whole.
pub(in crate::document) fn reference(reference: &Reference) -> Fact<'static> {
    let hashes = reference.hashes.iter();
    let record = ReferenceRecord {
        kind: reference.kind.name().to_owned(),
        url: reference.url.clone(),
        comment: reference.comment.clone(),
        hashes: hashes.map(|hash| (hash.algorithm.name().to_owned(), hash.hex.clone())).collect(),
    };
    ("sbomctl:reference".into(), json::line(&record).into())
}

/// The source package.
pub(in crate::document) fn source(source: &SourcePackage) -> Fact<'static> {
    let record = SourceRecord { name: source.name.clone(), version: source.version.clone() };
    ("sbomctl:source".into(), json::line(&record).into())
}

/// The package URL of the source package of `component`. Only Debian's has one of its own.
pub(in crate::document) fn source_purl_text(component: &Component, source: &SourcePackage) -> Option<String> {
    if component.purl_type() != Some("deb") {
        return None;
    }
    let binary = purl::Parts::of(component.purl.as_deref()?).ok()?;
    let mut text = String::with_capacity(96);
    text.push_str("pkg:deb");
    let segments = binary.namespace.iter().flat_map(|segment| segment.split('/'));
    for segment in segments.filter(|segment| !segment.is_empty()).chain([source.name.as_str()]) {
        text.push('/');
        purl::encode(segment, &mut text);
    }
    if !source.version.is_empty() {
        text.push('@');
        purl::encode(&source.version, &mut text);
    }
    text.push_str("?arch=source");
    if let Some(distro) = binary.qualifier("distro") {
        text.push_str("&distro=");
        purl::encode(distro, &mut text);
    }
    Some(text)
}

/// A licence that is not on the SPDX list, whole, or without its text where that stands in the list of licences.
pub(in crate::document) fn license(license: &CustomLicense, with_text: bool) -> Fact<'_> {
    let text = with_text.then(|| license.text.to_string());
    let record = LicenseRecord { id: license.id.clone(), name: license.name.clone(), text };
    ("sbomctl:license".into(), json::line(&record).into())
}

/// What properties say of licences.
#[derive(Default)]
pub(in crate::document) struct LicenseFacts {
    /// The licences that stand in expressions, by their identifiers.
    pub(in crate::document) known: BTreeMap<String, CustomLicense>,
    /// The expression that is concluded, beside a list of what is declared.
    pub(in crate::document) concluded: Option<String>,
    /// Identifier and name of the one licence in the list.
    pub(in crate::document) alone: Option<(String, String)>,
    /// The list says what is concluded.
    pub(in crate::document) nothing_declared: bool,
}

/// Takes what is said of licences out of the properties of `component`.
pub(in crate::document) fn take_licenses(component: &mut Component) -> LicenseFacts {
    let mut facts = LicenseFacts::default();
    component.properties.retain(|property| {
        let value = &property.value;
        match property.name.as_str() {
            "sbomctl:license" => match serde_json::from_str::<LicenseRecord>(value) {
                Ok(LicenseRecord { id, name, text: Some(text) }) => {
                    facts.known.insert(id.clone(), CustomLicense { id, name, text: text.into() });
                }
                Ok(LicenseRecord { id, name, text: None }) => facts.alone = Some((id, name)),
                Err(_) => return true,
            },
            "sbomctl:license:concluded" => facts.concluded = Some(value.clone()),
            "sbomctl:license:acknowledgement" if value == "concluded" => facts.nothing_declared = true,
            _ => return true,
        }
        false
    });
    facts
}

#[derive(Serialize, Deserialize)]
struct PartyRecord {
    kind: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ReferenceRecord {
    kind: String,
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct SourceRecord {
    name: String,
    version: String,
}

#[derive(Serialize, Deserialize)]
struct LicenseRecord {
    id: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// What the properties of one component say that makes sense only when all of them are known.
#[derive(Default)]
pub(super) struct Beyond {
    /// All evidence, in place of what the fields say.
    pub(super) evidence: Vec<Evidence>,
}

impl Beyond {
    /// Takes the property `sbomctl:NAME` of `component`, if it is one of these.
    pub(super) fn take(component: &mut Component, name: &str, value: &str) -> Option<()> {
        match name {
            "spdx:verificationCode" => component.verification_code = Some(value.to_owned()),
            "supplier" => component.supplier = Some(parse_party(value)?.into()),
            "originator" => component.originator = Some(parse_party(value)?.into()),
            "source" => {
                let SourceRecord { name, version } = serde_json::from_str(value).ok()?;
                component.source = Some(Box::new(SourcePackage { name, version }));
            }
            "reference" => {
                let reference = parse_reference(value)?;
                component.references.retain(|known| !stands_for(known, &reference));
                component.references.push(reference);
            }
            _ => {
                let algorithm = HashAlgorithm::from_name(name.strip_prefix("hash:")?)?;
                component.hashes.push(Hash { algorithm, hex: value.to_owned() });
            }
        }
        Some(())
    }

    /// Finishes `component`, all of whose properties were taken.
    pub(super) fn settle(self, component: &mut Component) {
        if !self.evidence.is_empty() {
            component.evidence = self.evidence;
        }
    }
}

/// The component's source package is written as the first thing that it was derived from.
pub(super) fn source_is_no_ancestor(component: &mut Component) {
    let Some(source) = component.source.as_deref() else { return };
    let purl = source_purl_text(component, source).and_then(|purl| purl.parse::<Purl>().ok());
    let version = Some(source.version.as_str()).filter(|version| !version.is_empty());
    let at = component.ancestors.iter().position(|ancestor| {
        ancestor.name == source.name && ancestor.version.as_deref() == version && ancestor.purl == purl
    });
    if let Some(at) = at {
        component.ancestors.remove(at);
    }
}

/// The link of this kind to `url`; one that had no word for its kind becomes it.
pub(super) fn refer(component: &mut Component, kind: ReferenceKind, url: &str) {
    let is_it = |known: &&mut Reference| known.kind == ReferenceKind::Other && known.url == url;
    if let Some(known) = component.references.iter_mut().find(is_it) {
        known.kind = kind;
    } else {
        let (comment, hashes) = (None, Vec::new());
        component.references.push(Reference { kind, url: url.to_owned(), comment, hashes });
    }
}

/// Takes the property `sbomctl:document:NAME`, if it is one of these.
pub(super) fn take_header(header: &mut Header, name: &str, value: &str) -> Option<()> {
    match name {
        "comment" => header.comment = Some(value.to_owned()),
        "name" => value.clone_into(&mut header.name),
        "lifecycle" => header.lifecycles.push(LifecyclePhase::from_name(value)?),
        "manufacturer" => header.manufacturer = Some(parse_party(value)?),
        "supplier" => header.supplier = Some(parse_party(value)?),
        "author" => {
            let author = parse_party(value)?;
            let at = header.authors.iter().position(|known| stands_for_author(known, &author));
            at.map(|at| header.authors.remove(at));
            header.authors.push(author);
        }
        _ => return None,
    }
    Some(())
}

fn parse_party(record: &str) -> Option<Party> {
    let PartyRecord { kind, name, email, url } = serde_json::from_str(record).ok()?;
    let kind = match kind.as_str() {
        "person" => PartyKind::Person,
        "organization" => PartyKind::Organization,
        _ => return None,
    };
    Some(Party { kind, name, email, url })
}

fn parse_reference(record: &str) -> Option<Reference> {
    let ReferenceRecord { kind, url, comment, hashes } = serde_json::from_str(record).ok()?;
    let hash = |(algorithm, hex): (String, String)| {
        Some(Hash { algorithm: HashAlgorithm::from_name(&algorithm)?, hex })
    };
    let hashes = hashes.into_iter().map(hash).collect::<Option<_>>()?;
    Some(Reference { kind: ReferenceKind::from_name(&kind)?, url, comment, hashes })
}

/// Whether `known` is what the fields could say of `reference`.
fn stands_for(known: &Reference, reference: &Reference) -> bool {
    known.url == reference.url
        && known.comment == reference.comment
        && (known.kind == reference.kind || known.kind == ReferenceKind::Other)
        && known.hashes.iter().all(|hash| reference.hashes.contains(hash))
}

/// Whether `known` is what the fields could say of `author`: no address that is none, which stands in the place of
/// a name that there is not.
fn stands_for_author(known: &Party, author: &Party) -> bool {
    let email = author.email.as_ref();
    let valid = email.filter(|email| syntax::is_mail(email));
    let no_name = author.name.is_empty() && valid.is_none();
    known.email.as_ref() == valid && (known.name == author.name || no_name && Some(&known.name) == email)
}
