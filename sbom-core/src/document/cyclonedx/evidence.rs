//! Where and how a component was found, in CycloneDX: methods by which it was told, and occurrences of it.

use std::collections::BTreeMap;

use super::{
    record::{Copyright, Evidence, Identity, LicenseChoice, Method, Occurrence},
    version::{CycloneDxVersion, Feature},
};
use crate::document::{
    facts::{self, Fact},
    model::{self, Component, Document},
};

/// The evidence of `component`, with the texts of its licences.
pub(super) fn of<'a>(
    document: &'a Document,
    component: &'a Component,
    version: CycloneDxVersion,
    licenses: Vec<LicenseChoice<'a>>,
) -> Option<Evidence<'a>> {
    let copyright = component.copyright.iter().map(|text| Copyright { text });
    let mut evidence = Evidence { licenses, copyright: copyright.collect(), ..Evidence::default() };
    if version.has(Feature::EvidenceOfIdentity) {
        evidence.identity = identity(component);
        let places = component.evidence.iter().filter(|evidence| !evidence.location.is_empty());
        evidence.occurrences = places.map(|evidence| occurrence(document, evidence, version)).collect();
    }
    Some(evidence).filter(|evidence| !evidence.is_empty())
}

/// Each piece of evidence as a record, unless the fields of `version` say all of them.
pub(super) fn without_field<'a>(
    document: &Document,
    component: &'a Component,
    version: CycloneDxVersion,
) -> impl Iterator<Item = Fact<'a>> {
    let all = if is_plain(component, version) { Default::default() } else { component.evidence.as_slice() };
    all.iter().map(|evidence| ("sbomctl:evidence".into(), facts::evidence_record(document, evidence).into()))
}

/// Whether methods and occurrences can be put together again: by the location, which has one method.
fn is_plain(component: &Component, version: CycloneDxVersion) -> bool {
    let has_context = version.has(Feature::OccurrenceContext);
    let says_all = |evidence: &model::Evidence| {
        !evidence.location.is_empty()
            && evidence.technique.is_some()
            && evidence.confidence.is_some()
            && (has_context || evidence.layer.is_none() && evidence.detail.is_none())
    };
    let method = |evidence: &model::Evidence| (evidence.technique, evidence.confidence);
    component.evidence.is_empty()
        || version.has(Feature::EvidenceOfIdentity)
            && component.evidence.iter().all(says_all)
            && component
                .evidence
                .chunk_by(|a, b| a.location == b.location)
                .all(|same| same.windows(2).all(|pair| matches!(pair, [a, b] if method(a) == method(b))))
}

fn occurrence<'a>(
    document: &Document,
    evidence: &'a model::Evidence,
    version: CycloneDxVersion,
) -> Occurrence<'a> {
    let place = evidence.layer.map(|layer| facts::layer_place(document, layer));
    let detail = evidence.detail.as_ref().map(|detail| format!("detail={detail}"));
    let context = match (place, detail) {
        (Some(place), Some(detail)) => Some(format!("{place} {detail}")),
        (place, detail) => place.or(detail),
    };
    Occurrence {
        location: &evidence.location,
        additional_context: context.filter(|_| version.has(Feature::OccurrenceContext)),
    }
}

/// One method for each file and technique, with the highest confidence it gave.
fn identity(component: &Component) -> Option<Identity<'_>> {
    let mut seen: BTreeMap<_, u8> = BTreeMap::new();
    for evidence in &component.evidence {
        let Some(technique) = evidence.technique else { continue };
        let confidence = seen.entry((technique, evidence.location.as_str())).or_default();
        *confidence = evidence.confidence.unwrap_or_default().max(*confidence);
    }
    let methods = seen.iter().map(|(&(technique, path), &confidence)| Method {
        technique: technique.name(),
        confidence: facts::confidence(confidence),
        value: Some(path).filter(|path| !path.is_empty()),
    });
    Some(Identity {
        field: if component.purl.is_some() { "purl" } else { "name" },
        confidence: facts::confidence(seen.values().copied().max()?),
        methods: methods.collect(),
    })
}
