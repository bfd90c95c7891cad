//! Where and how a component was found, in CycloneDX: methods by which it was told, and occurrences of it.

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
    let evidence_of = Some(evidence).filter(|_| version.has(Feature::OccurrenceContext));
    let place = evidence_of.and_then(|evidence| evidence.layer);
    let place = place.map(|layer| facts::layer_place(document, layer));
    let detail = evidence_of.and_then(|evidence| evidence.detail.as_deref());
    let context = match (place, detail) {
        (Some(place), Some(detail)) => Some([&place, " detail=", detail].concat()),
        (None, Some(detail)) => Some(["detail=", detail].concat()),
        (place, None) => place,
    };
    Occurrence { location: &evidence.location, additional_context: context }
}

/// What tells methods apart.
fn method(evidence: &model::Evidence) -> (Option<model::Technique>, &str) {
    (evidence.technique, &evidence.location)
}

/// One method for each file and technique, with the highest confidence it gave.
fn identity(component: &Component) -> Option<Identity<'_>> {
    let mut seen: Vec<&model::Evidence> =
        component.evidence.iter().filter(|evidence| evidence.technique.is_some()).collect();
    // The surest of those of one file and technique comes first.
    seen.sort_by(|a, b| method(a).cmp(&method(b)).then(b.confidence.cmp(&a.confidence)));
    seen.dedup_by(|a, b| method(a) == method(b));
    let surest = seen.iter().map(|evidence| evidence.confidence.unwrap_or_default()).max()?;
    let methods = seen.iter().filter_map(|evidence| {
        Some(Method {
            technique: evidence.technique?.name(),
            confidence: facts::confidence(evidence.confidence.unwrap_or_default()),
            value: Some(evidence.location.as_str()).filter(|path| !path.is_empty()),
        })
    });
    Some(Identity {
        field: if component.purl.is_some() { "purl" } else { "name" },
        confidence: facts::confidence(surest),
        methods: methods.collect(),
    })
}
