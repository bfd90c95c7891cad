//! What an image claims of itself, in bills of materials that it carries, beside what was found in it.
//!
//! A claim about something that was found is noted there, and fills what is not known of it. What only a claim names
//! becomes a component that says so. A claim that an installed package has another version than its database says is
//! noted at the package: the database decides.

use std::collections::{BTreeSet, HashMap};

use super::gap;
use crate::{
    bom::{self, EmbeddedDocument, GapKind},
    document::{
        model::{
            Attribution, Completeness, Component, ComponentKind, Document, Evidence, Property, Relationship,
            RelationshipKind, Technique,
        },
        read::{ReadError, read},
    },
    limits::Limits,
    oci::Subject,
};

/// The property that names the document which claims a component.
const CLAIMED_BY: &str = "sbomctl:claimed-by";
/// How sure a claim is, in hundredths: nothing of the content bears it out.
const CONFIDENCE: u8 = 50;

/// A document, and the component that owns the file it lies in.
pub(super) struct Claim {
    pub(super) document: EmbeddedDocument,
    pub(super) owner: Option<usize>,
}

/// Adds what `claims` say to `document`, whose components are those of the bill, followed by the root.
pub(super) fn add(
    document: &mut Document,
    claims: Vec<Claim>,
    subject: &Subject,
    is_image: bool,
    limits: &Limits,
) {
    if claims.is_empty() {
        return;
    }
    let mut known = Known::of(document);
    for Claim { document: EmbeddedDocument { path, layer, bytes }, owner } in claims {
        match read(&bytes, limits) {
            Ok(read) => {
                let place = Place { path: path.to_text(), layer: is_image.then_some(layer), owner };
                take(document, read.document, &place, &mut known);
            }
            Err(error) => {
                let kind = match &error {
                    ReadError::Limit(_) => GapKind::Limit,
                    ReadError::Unrecognised { .. } | ReadError::Version { .. } => GapKind::Unsupported,
                    _ => GapKind::Malformed,
                };
                let mut found = bom::Gap::new(kind, format!("what the image claims of itself: {error}"));
                found.path = Some(path);
                found.layer = Some(layer);
                found.detector = Some("embedded-sbom");
                document.gaps.push(gap(&found, subject));
            }
        }
    }
}

/// Where a claim stands.
struct Place {
    path: String,
    layer: Option<usize>,
    owner: Option<usize>,
}

/// What there is, by package URL: with the version, and without.
#[derive(Default)]
struct Known {
    exactly: HashMap<String, usize>,
    by_name: HashMap<String, usize>,
}

impl Known {
    fn of(document: &Document) -> Self {
        let mut known = Self::default();
        for (index, component) in document.components.iter().enumerate() {
            known.add(component, index);
        }
        known
    }

    fn add(&mut self, component: &Component, index: usize) {
        let Some((name, version)) = name_and_version(component) else { return };
        self.exactly.entry(format!("{name}@{version}")).or_insert(index);
        self.by_name.entry(name.to_owned()).or_insert(index);
    }
}

/// A package URL without qualifiers and subpath, taken apart before the version.
fn name_and_version(component: &Component) -> Option<(&str, &str)> {
    let purl = component.purl.as_deref()?.split(['?', '#']).next()?;
    Some(purl.rsplit_once('@').unwrap_or((purl, "")))
}

fn take(document: &mut Document, mut claims: Document, place: &Place, known: &mut Known) {
    let first_new = document.components.len();
    let mut here: Vec<Option<usize>> = vec![None; claims.components.len()];
    for index in claimed(&claims) {
        let Some(component) = claims.components.get_mut(index) else { continue };
        let Some((name, version)) = name_and_version(component) else { continue };
        let same = known.exactly.get(&format!("{name}@{version}")).copied();
        let other = known.by_name.get(name).copied().filter(|_| component.is_os_package());
        let at = if let Some(same) = same {
            if let Some(found) = document.components.get_mut(same) {
                confirm(found, component, place);
            }
            Some(same)
        } else if let Some(other) = other {
            let version = component.version.as_deref().unwrap_or("unknown");
            let value = format!("{}: {version}", place.path);
            if let Some(found) = document.components.get_mut(other) {
                note(found, "sbomctl:claim-contradicts", value);
            }
            None
        } else {
            let new = document.components.len();
            let component = claim(std::mem::take(component), place);
            known.add(&component, new);
            document.components.push(component);
            Some(new)
        };
        if let Some(slot) = here.get_mut(index) {
            *slot = at;
        }
    }
    let place_of = |index: usize| here.get(index).copied().flatten();
    let mut held: BTreeSet<usize> = BTreeSet::new();
    for relationship in &claims.relationships {
        let (Some(from), Some(to)) = (place_of(relationship.from), place_of(relationship.to)) else {
            continue;
        };
        // Between things that were found, what was found decides.
        if from != to && (from >= first_new || to >= first_new) {
            document.relationships.push(Relationship { from, to, kind: relationship.kind });
            if relationship.kind.is_need() {
                held.insert(to);
            }
        }
    }
    if let Some(owner) = place.owner {
        let loose = (first_new..document.components.len()).filter(|index| !held.contains(index));
        let kind = RelationshipKind::Contains;
        document.relationships.extend(loose.map(|to| Relationship { from: owner, to, kind }));
    }
}

/// The components that the claims say are in the image: what they are about and what that needs or contains, but
/// not what it was made from.
fn claimed(claims: &Document) -> BTreeSet<usize> {
    let made_from = |relationship: &&Relationship| relationship.kind == RelationshipKind::GeneratedFrom;
    let sources: BTreeSet<usize> =
        claims.relationships.iter().filter(made_from).map(|relationship| relationship.to).collect();
    let mut reached: BTreeSet<usize> = BTreeSet::new();
    let mut next: Vec<usize> = match claims.root {
        Some(root) => vec![root],
        None => (0..claims.components.len()).filter(|index| !sources.contains(index)).collect(),
    };
    while let Some(index) = next.pop() {
        if reached.insert(index) {
            let needs = claims.outgoing(index).iter().filter(|relationship| relationship.kind.is_need());
            next.extend(needs.map(|relationship| relationship.to));
        }
    }
    let is_software = |index: &usize| {
        let kind = claims.components.get(*index).map(|component| component.kind);
        !matches!(
            kind,
            None | Some(
                ComponentKind::Container
                    | ComponentKind::File
                    | ComponentKind::OperatingSystem
                    | ComponentKind::Source
            )
        )
    };
    reached.into_iter().filter(is_software).collect()
}

fn confirm(found: &mut Component, claimed: &Component, place: &Place) {
    note(found, CLAIMED_BY, place.path.clone());
    if found.declared.expression.is_none() {
        found.declared.clone_from(&claimed.declared);
    }
    if found.description.is_none() {
        found.description.clone_from(&claimed.description);
    }
}

fn note(component: &mut Component, name: &str, value: String) {
    component.properties.push(Property { name: name.to_owned(), value });
}

/// A component that only a claim names.
fn claim(mut component: Component, place: &Place) -> Component {
    component.id = component.purl.clone().unwrap_or(component.id);
    note(&mut component, CLAIMED_BY, place.path.clone());
    note(&mut component, "sbomctl:claimed-only", "true".to_owned());
    component.completeness = Completeness::Unknown;
    component.evidence = vec![Evidence {
        location: place.path.clone(),
        layer: place.layer,
        technique: Some(Technique::ManifestAnalysis),
        confidence: Some(CONFIDENCE),
        detail: None,
    }];
    component.layers =
        place.layer.map(|layer| Attribution { introduced: layer, changed: layer, removed: None });
    component.verification_code = None;
    component
}
