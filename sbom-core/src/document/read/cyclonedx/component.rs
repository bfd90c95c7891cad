//! A component as CycloneDX has it → the model's.

use std::{collections::HashSet, sync::Arc};

use super::{
    evidence, license,
    record::Lost,
    records::{self, Contact, Entity},
};
use crate::{
    document::model::{
        Ancestor, Component, ComponentKind, Hash, HashAlgorithm, Party, PartyKind, Property, Reference,
        ReferenceKind, SourcePackage, Usage,
    },
    purl::Purl,
};

/// What `component` says. Its identifier is the one that others refer to it by, else one made of what it is.
pub(super) fn convert(component: records::Component, lost: &mut Lost<'_>) -> Component {
    let purl = component.purl.filter(|purl| !purl.is_empty());
    let parsed = purl.as_deref().and_then(|purl| purl.parse::<Purl>().ok());
    let mut made = Component {
        kind: kind(component.kind.as_deref(), lost),
        group: component.group.filter(|group| !group.is_empty()),
        version: component.version.filter(|version| !version.is_empty()),
        purl: parsed.map(|purl| purl.to_string()).or(purl),
        cpes: component.cpe.into_iter().filter(|cpe| !cpe.is_empty()).collect(),
        description: component.description.filter(|text| !text.is_empty()),
        copyright: component.copyright.filter(|text| !text.is_empty()),
        references: component.references.into_iter().filter_map(|link| reference(link, lost)).collect(),
        hashes: hashes(component.hashes, lost),
        usage: usage(component.scope.as_deref(), lost),
        properties: properties(component.properties, lost),
        ..Component::default()
    };
    lost.add("name: missing", u64::from(component.name.is_none()));
    made.name = component.name.unwrap_or_default();
    made.id = component.id.filter(|id| !id.is_empty()).unwrap_or_else(|| identifier(&made));
    made.supplier = component.supplier.and_then(|supplier| entity("supplier", supplier, lost)).map(Arc::new);
    let makers = Makers {
        manufacturer: component.manufacturer,
        authors: component.authors,
        author: component.author,
        publisher: component.publisher,
    };
    made.originator = originator(makers, lost).map(Arc::new);
    if component.modified.is_some_and(|modified| modified != "false") {
        lost.add("modified", 1);
    }
    if component.swid.is_some() && made.kind != ComponentKind::OperatingSystem {
        lost.add("swid", 1);
    }
    let found = component.evidence.unwrap_or_default();
    license::convert(component.licenses, found.licenses, &mut made, lost);
    made.evidence = evidence::convert(found.identity, found.occurrences, &made, lost);
    copyright(found.copyright, &mut made);
    ancestors(component.pedigree.unwrap_or_default(), &mut made, lost);
    made
}

/// A package URL, else name and version.
fn identifier(component: &Component) -> String {
    if let Some(purl) = &component.purl {
        return purl.clone();
    }
    let group = component.group.as_ref().map(|group| format!("{group}/")).unwrap_or_default();
    let version = component.version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
    format!("{group}{}{version}", component.name)
}

fn kind(name: Option<&str>, lost: &mut Lost<'_>) -> ComponentKind {
    let kind = name.and_then(ComponentKind::from_name);
    kind.unwrap_or_else(|| {
        lost.add(&name.map_or_else(|| "type: missing".to_owned(), |name| format!("type: {name}")), 1);
        ComponentKind::default()
    })
}

fn usage(scope: Option<&str>, lost: &mut Lost<'_>) -> Usage {
    match scope {
        Some("excluded") => Usage::BuildOnly,
        None | Some("required") => Usage::Required,
        Some(other) => {
            lost.add(&format!("scope: {other}"), 1);
            Usage::Required
        }
    }
}

/// Names and values as they stand.
pub(super) fn properties(properties: Vec<records::Property>, lost: &mut Lost<'_>) -> Vec<Property> {
    let named = properties.into_iter().filter_map(|property| {
        let Some(name) = property.name else {
            lost.add("properties[]: no name", 1);
            return None;
        };
        Some(Property { name, value: property.value.unwrap_or_default() })
    });
    named.collect()
}

fn hashes(hashes: Vec<records::Hash>, lost: &mut Lost<'_>) -> Vec<Hash> {
    let known = hashes.into_iter().filter_map(|hash| {
        let name = hash.algorithm.unwrap_or_default();
        let Some(algorithm) = HashAlgorithm::from_name(&name) else {
            lost.add(&format!("hashes[].alg: {name}"), 1);
            return None;
        };
        let hex = hash.content.unwrap_or_default().trim().to_ascii_lowercase();
        if hex.is_empty() || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            lost.add("hashes[].content: not hex", 1);
            return None;
        }
        Some(Hash { algorithm, hex })
    });
    known.collect()
}

fn reference(reference: records::Reference, lost: &mut Lost<'_>) -> Option<Reference> {
    let name = reference.kind.unwrap_or_default();
    let kind = ReferenceKind::from_name(&name).unwrap_or_else(|| {
        lost.add(&format!("externalReferences[].type: {name}"), 1);
        ReferenceKind::Other
    });
    let Some(url) = reference.url.filter(|url| !url.is_empty()) else {
        lost.add("externalReferences[]: no url", 1);
        return None;
    };
    let hashes = hashes(reference.hashes, lost);
    Some(Reference { kind, url, comment: reference.comment.filter(|text| !text.is_empty()), hashes })
}

/// An organisation; none if nothing is said of it.
pub(super) fn entity(place: &'static str, entity: Entity, lost: &mut Lost<'_>) -> Option<Party> {
    lost.enter(place, "");
    let mut addresses = entity.url.into_iter().filter(|url| !url.is_empty());
    let url = addresses.next();
    lost.add("url[]: more than one", addresses.count() as u64);
    let mut party = entity.name.and_then(|name| person_or(PartyKind::Organization, &name));
    let mut email = None;
    for contact in entity.contact {
        let Some(contact) = person(contact) else { continue };
        match &contact.email {
            Some(_) if email.is_none() => email = contact.email,
            Some(_) => lost.add("contact[].email: more than one", 1),
            None => {}
        }
        if contact.name.is_empty() {
            continue;
        }
        if party.is_none() {
            party = Some(Party { email: None, ..contact });
        } else {
            lost.add("contact[].name", 1);
        }
    }
    lost.leave();
    if party.is_none() && (email.is_some() || url.is_some()) {
        party = Some(Party { kind: PartyKind::Organization, name: String::new(), email: None, url: None });
    }
    party.map(|party| Party { email: email.or(party.email), url, ..party })
}

/// A person; none if nothing is said of it.
pub(super) fn person(contact: Contact) -> Option<Party> {
    let email = contact.email.filter(|email| !email.is_empty());
    match person_or(PartyKind::Person, &contact.name.unwrap_or_default()) {
        Some(party) => Some(Party { kind: PartyKind::Person, email: email.or(party.email), ..party }),
        None => email.map(|email| Party {
            kind: PartyKind::Person,
            name: String::new(),
            email: Some(email),
            url: None,
        }),
    }
}

/// `Name <mail>`, which only persons and teams are written as, or a name alone, which is that of a `kind`.
fn person_or(kind: PartyKind, text: &str) -> Option<Party> {
    let text = text.trim();
    if text.is_empty() || text == "NOASSERTION" {
        return None;
    }
    let mail = text.strip_suffix('>').and_then(|text| text.rsplit_once('<'));
    Some(match mail.filter(|(_, mail)| mail.contains('@')) {
        Some((name, mail)) => Party {
            kind: PartyKind::Person,
            name: name.trim().to_owned(),
            email: Some(mail.to_owned()),
            url: None,
        },
        None => Party { kind, name: text.to_owned(), email: None, url: None },
    })
}

/// The members that say who made a component.
struct Makers {
    manufacturer: Option<Entity>,
    authors: Vec<Contact>,
    author: Option<String>,
    publisher: Option<String>,
}

/// The one who is named most exactly. The others are lost, unless they are the same under another name.
fn originator(makers: Makers, lost: &mut Lost<'_>) -> Option<Party> {
    let manufacturer = makers.manufacturer.and_then(|entity_| entity("manufacturer", entity_, lost));
    let authors = makers.authors.into_iter().filter_map(person).map(|party| ("authors[]", party));
    let author =
        makers.author.and_then(|text| person_or(PartyKind::Person, &text)).map(|party| ("author", party));
    let publisher = makers.publisher.and_then(|text| person_or(PartyKind::Organization, &text));
    let publisher = publisher.map(|party| ("publisher", party));
    let manufacturer = manufacturer.map(|party| ("manufacturer", party));
    let mut all = manufacturer.into_iter().chain(authors).chain(author).chain(publisher);
    let (_, first) = all.next()?;
    for (place, other) in all {
        let same = other.name == first.name && (other.email.is_none() || other.email == first.email);
        lost.add(place, u64::from(!same));
    }
    Some(first)
}

/// Statements that were found, beside the one that is stated; lines that it has already add nothing.
fn copyright(found: Vec<records::Copyright>, component: &mut Component) {
    let found: Vec<String> = found.into_iter().filter_map(|statement| statement.text).collect();
    if found.is_empty() {
        return;
    }
    let stated = component.copyright.take();
    let mut seen = HashSet::new();
    let lines = stated.iter().chain(&found).flat_map(|text| text.lines());
    let new: Vec<&str> = lines.filter(|line| !line.trim().is_empty() && seen.insert(line.trim())).collect();
    component.copyright = Some(new.join("\n")).filter(|text| !text.is_empty());
}

fn ancestors(pedigree: records::Pedigree, component: &mut Component, lost: &mut Lost<'_>) {
    lost.enter("pedigree", "");
    for ancestor in pedigree.ancestors {
        let name = match (ancestor.group.filter(|group| !group.is_empty()), ancestor.name) {
            (Some(group), Some(name)) => format!("{group}/{name}"),
            (None, Some(name)) => name,
            (_, None) => {
                lost.add("ancestors[]: no name", 1);
                continue;
            }
        };
        let version = ancestor.version.filter(|version| !version.is_empty());
        let text = ancestor.purl.filter(|purl| !purl.is_empty());
        let purl = text.as_deref().and_then(|purl| purl.parse::<Purl>().ok());
        lost.add("ancestors[].purl: invalid", u64::from(text.is_some() && purl.is_none()));
        // Only Debian's source packages have a package URL of their own.
        let is_source = if let Some(purl) = &purl {
            purl.get_qualifier("arch") == Some("source")
        } else {
            let said = |name: &str| component.property(name);
            said("aquasecurity:trivy:SrcName") == Some(&name)
                && said("aquasecurity:trivy:SrcVersion") == version.as_deref()
        };
        if is_source && component.source.is_none() {
            let source = SourcePackage { name, version: version.unwrap_or_default() };
            component.source = Some(Box::new(source));
        } else {
            component.ancestors.push(Ancestor { name, version, purl });
        }
    }
    lost.leave();
}
