//! The union of what several documents say of one component.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Contradiction, PREFIX, layers, property};
use crate::{
    document::model::{
        Completeness, Component, ComponentKind, CustomLicense, LayerDescriptor, Licensing, Party, Property,
    },
    license,
    purl::Purl,
};

/// Unites components of documents whose layers are in one table.
pub(super) struct Unite<'a> {
    /// That table.
    pub(super) layers: &'a [LayerDescriptor],
}

/// Components that are the same, with the documents that they are in.
type Members = [(usize, Component)];
/// Values of a fact, and which documents state each.
type Claims = BTreeMap<String, BTreeSet<usize>>;

impl Unite<'_> {
    /// One component out of all `members`; what they contradict each other in is told and kept as properties.
    pub(super) fn all(
        &self,
        mut members: Vec<(usize, Component)>,
        contradictions: &mut Vec<Contradiction>,
    ) -> Component {
        if members.len() < 2 {
            return members.pop().map(|(_, component)| component).unwrap_or_default();
        }
        let mut united = Component {
            purl: members.iter().find_map(|(_, component)| component.purl.clone()),
            ..Component::default()
        };
        (united.group, united.name) = members
            .iter()
            .map(|(_, component)| (component.group.clone(), component.name.clone()))
            .min()
            .unwrap_or_default();
        unite_plain(&mut united, &members);
        let mut tell = |fact: &'static str, of: &dyn Fn(&Component) -> Option<String>| {
            let claims = claims(&members, fact, of);
            let mut properties = Vec::new();
            if claims.len() > 1 {
                properties.extend(claims.keys().map(|value| property(&kebab(fact), value)));
                let claims = claims
                    .into_iter()
                    .map(|(value, documents)| (value, documents.into_iter().collect::<Vec<_>>()));
                contradictions.push(Contradiction {
                    component: name(&united).to_owned(),
                    fact,
                    claims: claims.collect(),
                });
            }
            properties
        };
        let mut told: Vec<Property> = Vec::new();
        told.extend(tell("version", &|component| component.version.clone()));
        told.extend(tell("license", &|component| spelling(&component.declared)));
        told.extend(tell("concluded license", &|component| spelling(&component.concluded)));
        told.extend(tell("supplier", &|component| Some(component.supplier.as_ref()?.name.clone())));
        told.extend(tell("originator", &|component| Some(component.originator.as_ref()?.name.clone())));
        told.extend(tell("source", &|component| {
            component.source.as_ref().map(|source| format!("{} {}", source.name, source.version))
        }));
        told.extend(tell("verification code", &|component| component.verification_code.clone()));

        united.version = version(&united, &members);
        united.declared = licensing(members.iter().map(|(_, component)| &component.declared));
        united.concluded = licensing(members.iter().map(|(_, component)| &component.concluded));
        united.supplier = party(members.iter().filter_map(|(_, component)| component.supplier.as_deref()));
        united.originator =
            party(members.iter().filter_map(|(_, component)| component.originator.as_deref()));
        united.source = members.iter().filter_map(|(_, component)| component.source.clone()).min();
        united.verification_code =
            members.iter().filter_map(|(_, component)| component.verification_code.clone()).min();
        self.unite_layers(&mut united, &members, &mut told);

        united.properties.append(&mut told);
        for (_, component) in members {
            united.properties.extend(component.properties);
            united.references.extend(component.references);
            united.hashes.extend(component.hashes);
            united.ancestors.extend(component.ancestors);
            united.evidence.extend(component.evidence);
        }
        united
    }

    /// A component may have come in different layers of different images: then none of them is its layer.
    fn unite_layers(&self, united: &mut Component, members: &Members, told: &mut Vec<Property>) {
        let claims = claims(members, "layers", &|component| {
            component.layers.map(|layers| layers::describe(self.layers, layers))
        });
        if claims.len() > 1 {
            told.extend(claims.keys().map(|value| property("layers", value)));
        } else {
            // Where layers have no digests, several are described alike.
            united.layers = members.iter().filter_map(|(_, component)| component.layers).min();
        }
    }
}

/// What a component is called in messages.
pub(super) fn name(component: &Component) -> &str {
    component.purl.as_deref().unwrap_or(&component.name)
}

/// Facts of which no two values contradict each other.
fn unite_plain(united: &mut Component, members: &Members) {
    let components = || members.iter().map(|(_, component)| component);
    let is_system = components().any(|component| component.kind == ComponentKind::OperatingSystem);
    united.kind = match components().map(|component| component.kind).min() {
        Some(ComponentKind::Platform) if is_system => ComponentKind::OperatingSystem,
        kind => kind.unwrap_or_default(),
    };
    // The longest, as the one that says most.
    united.description = components()
        .filter_map(|component| component.description.clone())
        .max_by_key(|text| (text.len(), text.clone()));
    united.copyright = lines(components().filter_map(|component| component.copyright.as_deref()));
    united.cpes = {
        let mut lists = components().map(|component| &component.cpes).filter(|list| !list.is_empty());
        let first = lists.next().cloned().unwrap_or_default();
        if lists.all(|list| *list == first) {
            first
        } else {
            let all: BTreeSet<&String> = components().flat_map(|component| &component.cpes).collect();
            all.into_iter().cloned().collect()
        }
    };
    united.usage = components().map(|component| component.usage).min().unwrap_or_default();
    let rank = |completeness: &Completeness| match completeness {
        Completeness::Unknown => 0,
        Completeness::Complete => 1,
        Completeness::Incomplete => 2,
    };
    united.completeness =
        components().map(|component| component.completeness).max_by_key(rank).unwrap_or_default();
}

/// All lines of texts that differ.
fn lines<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let texts: BTreeSet<&str> = texts.collect();
    if texts.len() < 2 {
        return texts.first().map(|text| (*text).to_owned());
    }
    let lines: BTreeSet<&str> = texts.into_iter().flat_map(str::lines).collect();
    Some(lines.into_iter().collect::<Vec<_>>().join("\n"))
}

/// The values of a fact. A component of an earlier merge states those that were kept then, not the one chosen.
fn claims(members: &Members, fact: &str, of: &dyn Fn(&Component) -> Option<String>) -> Claims {
    let kept = format!("{PREFIX}{}", kebab(fact));
    let mut claims = Claims::new();
    for (document, component) in members {
        let mut earlier = component.properties.iter().filter(|property| property.name == kept).peekable();
        if earlier.peek().is_none()
            && let Some(value) = of(component)
        {
            claims.entry(value).or_default().insert(*document);
        }
        for property in earlier {
            claims.entry(property.value.clone()).or_default().insert(*document);
        }
    }
    claims
}

fn kebab(fact: &str) -> String {
    fact.replace(' ', "-")
}

fn spelling(licensing: &Licensing) -> Option<String> {
    licensing.expression.as_deref().map(license::canonical)
}

/// The version that the package URL has, else the first.
fn version(united: &Component, members: &Members) -> Option<String> {
    let versions: BTreeSet<&String> =
        members.iter().filter_map(|(_, component)| component.version.as_ref()).collect();
    let in_purl = if versions.len() > 1 {
        let purl: Option<Purl> = united.purl.as_deref().and_then(|purl| purl.parse().ok());
        purl.and_then(|purl| purl.get_version().map(str::to_owned))
    } else {
        None
    };
    in_purl.filter(|version| versions.contains(version)).or_else(|| versions.first().copied().cloned())
}

/// The conjunction of what differs: what each document declares holds.
fn licensing<'a>(all: impl Iterator<Item = &'a Licensing> + Clone) -> Licensing {
    let mut by_meaning: BTreeMap<String, &str> = BTreeMap::new();
    let mut custom: BTreeMap<&str, &CustomLicense> = BTreeMap::new();
    for licensing in all {
        let Some(expression) = &licensing.expression else { continue };
        let known = by_meaning.entry(license::canonical(expression)).or_insert(expression);
        *known = (*known).min(expression);
        for license in &licensing.custom {
            let known = custom.entry(&license.id).or_insert(license);
            *known = (*known).min(license);
        }
    }
    let expression = if by_meaning.len() < 2 {
        by_meaning.into_values().next().map(str::to_owned)
    } else {
        let parts = by_meaning.into_keys();
        let all = parts.map(|part| Licensing { expression: Some(part), custom: Vec::new() });
        license::all_of(all).expression.as_deref().map(license::canonical)
    };
    Licensing { expression, custom: custom.into_values().cloned().collect() }
}

/// The first by name, with all that is said of that one.
fn party<'a>(parties: impl Iterator<Item = &'a Party>) -> Option<Arc<Party>> {
    let mut chosen: Option<Party> = None;
    for party in parties {
        match &mut chosen {
            Some(known) if known.name == party.name => {
                known.kind = known.kind.min(party.kind);
                known.email = known.email.take().max(party.email.clone());
                known.url = known.url.take().max(party.url.clone());
            }
            Some(known) if known.name < party.name => {}
            _ => chosen = Some(party.clone()),
        }
    }
    chosen.map(Arc::new)
}
