//! A component of the model as one of CycloneDX.

use super::{
    evidence, license, party,
    record::{Ancestor, Component, Hash, Pedigree, Property, Reference, Swid},
    version::CycloneDxVersion,
};
use crate::document::{
    edges,
    facts::{self, Fact, beyond},
    model::{self, ComponentKind, Document, Usage},
    syntax,
};
use crate::purl::Purl;

/// The component at `index` as `version` has it.
pub(super) fn of(document: &Document, index: usize, version: CycloneDxVersion) -> Option<Component<'_>> {
    let component = document.components.get(index)?;
    let makers = party::makers(component, version);
    let licenses = license::of(component, version);
    let references: Vec<&model::Reference> =
        component.references.iter().filter(|reference| syntax::is_address(&reference.url)).collect();
    let mut others: Vec<Fact<'_>> = makers.facts;
    others.extend(licenses.facts);
    without_field(component, &references, version, &mut others);
    others.extend(evidence::without_field(document, component, version));
    for (name, to) in edges::beyond_needs(document, index) {
        others.extend(document.components.get(to).map(|to| (name.into(), to.id.as_str().into())));
    }
    let mut facts = facts::of(document, index);
    facts::add(&mut facts, others);
    Some(Component {
        id: &component.id,
        kind: version.kind(component.kind).unwrap_or(ComponentKind::default().name()),
        supplier: component.supplier.as_deref().map(party::entity),
        manufacturer: makers.manufacturer,
        authors: makers.authors,
        author: makers.author,
        publisher: makers.publisher,
        group: component.group.as_deref(),
        name: &component.name,
        version: component.version.as_deref(),
        description: component.description.as_deref(),
        scope: (document.root != Some(index)).then(|| scope(component.usage)),
        hashes: hashes(&component.hashes, version),
        licenses: licenses.list,
        copyright: component.copyright.as_deref(),
        cpe: facts::cpe(component),
        purl: component.purl.as_deref(),
        swid: swid(document, index),
        pedigree: pedigree(component),
        external_references: external(&references, version),
        evidence: evidence::of(document, component, version, licenses.texts),
        properties: facts.into_iter().map(|(name, value)| Property { name, value }).collect(),
    })
}

fn scope(usage: Usage) -> &'static str {
    match usage {
        Usage::Required => "required",
        Usage::BuildOnly => "excluded",
    }
}

fn hashes(hashes: &[model::Hash], version: CycloneDxVersion) -> Vec<Hash<'_>> {
    let known = |hash| Some(Hash { alg: version.hash(hash)?, content: &hash.hex });
    hashes.iter().filter_map(known).collect()
}

fn swid(document: &Document, index: usize) -> Option<Swid<'_>> {
    let system = document.distribution.as_ref().filter(|system| system.component == index)?;
    Some(Swid { tag_id: &system.id, name: &system.id, version: system.version_id.as_deref() })
}

/// What the component was made of: its source package first.
fn pedigree(component: &model::Component) -> Option<Pedigree<'_>> {
    let source = component.source.iter().map(|source| Ancestor {
        kind: "library",
        name: &source.name,
        version: Some(source.version.as_str()).filter(|version| !version.is_empty()),
        purl: beyond::source_purl_text(component, source),
    });
    let others = component.ancestors.iter().map(|ancestor| Ancestor {
        kind: "library",
        name: &ancestor.name,
        version: ancestor.version.as_deref(),
        purl: ancestor.purl.as_ref().map(Purl::to_text),
    });
    let ancestors: Vec<Ancestor<'_>> = source.chain(others).collect();
    (!ancestors.is_empty()).then_some(Pedigree { ancestors })
}

fn external<'a>(references: &[&'a model::Reference], version: CycloneDxVersion) -> Vec<Reference<'a>> {
    let mut references: Vec<Reference<'a>> = references
        .iter()
        .map(|reference| Reference {
            kind: version.reference(reference.kind).unwrap_or("other"),
            url: &reference.url,
            comment: reference.comment.as_deref(),
            hashes: hashes(&reference.hashes, version),
        })
        .collect();
    references.sort_by_key(|reference| (reference.kind, reference.url));
    references
}

/// What `version` has no field or no word for, as properties. Of the references of `component`, `references` have a
/// field.
fn without_field<'a>(
    component: &'a model::Component,
    references: &[&'a model::Reference],
    version: CycloneDxVersion,
    facts: &mut Vec<Fact<'a>>,
) {
    if version.kind(component.kind).is_none() {
        facts.push(("sbomctl:kind".into(), component.kind.name().into()));
    }
    if let Some(code) = &component.verification_code {
        facts.push(("sbomctl:spdx:verificationCode".into(), code.into()));
    }
    // The source of a package of an operating system stands under Trivy's names.
    if let Some(source) = component.source.as_ref().filter(|_| !component.is_os_package()) {
        facts.push(beyond::source(source));
    }
    let unknown = |hash: &&model::Hash| version.hash(hash).is_none();
    facts.extend(component.hashes.iter().filter(unknown).map(beyond::hash));
    for reference in references {
        if reference.hashes.iter().any(|hash| unknown(&hash)) {
            facts.push(beyond::reference(reference));
        } else if version.reference(reference.kind).is_none() {
            facts.push((facts::reference_name(reference), (&reference.url).into()));
        }
    }
}
