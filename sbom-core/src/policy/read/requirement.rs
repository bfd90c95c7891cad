//! Statements that must be there.

use super::{
    fields::{Field, Fields, Reader},
    values,
};
use crate::{
    attest::predicate::Family,
    policy::{
        expression::Expression,
        model::{Content, Coverage, Matches, Requirement, Select},
    },
    score::Profile,
};

pub(super) const REQUIREMENT: &[&str] = &["sbom", "attestation"];
pub(super) const SBOM: &[&str] =
    &["by", "threshold", "agree", "select", "maxAge", "time", "coverage", "formats", "elements", "matches"];
pub(super) const ATTESTATION: &[&str] =
    &["by", "threshold", "agree", "select", "maxAge", "time", "coverage", "type", "where"];

const SELECT: &[(&str, Select)] = &[("latest", Select::Latest), ("any", Select::Any), ("all", Select::All)];
const COVERAGE: &[(&str, Coverage)] =
    &[("platforms", Coverage::Platforms), ("index", Coverage::Index), ("any", Coverage::Any)];
const TIME: &[(&str, bool)] = &[("verified", false), ("claimed", true)];
const FORMATS: &[(&str, Family)] = &[("spdx", Family::Spdx), ("cyclonedx", Family::CycloneDx)];
const MATCHES: &[(&str, Matches)] =
    &[("off", Matches::Off), ("layers", Matches::Layers), ("rescan", Matches::Rescan)];
const ELEMENTS: &[(&str, Profile)] = &[
    ("ntia", Profile::Ntia2021),
    ("cisa", Profile::Cisa2026),
    ("bsi", Profile::BsiTr03183),
    ("ntia-2021", Profile::Ntia2021),
    ("cisa-2026", Profile::Cisa2026),
    ("bsi-tr-03183-2", Profile::BsiTr03183),
];

/// `sbom: …` or `attestation: …`.
pub(super) fn requirement(reader: &mut Reader, field: &Field<'_>, known: &[String]) -> Option<Requirement> {
    let fields = reader.map(field.node, &field.path, REQUIREMENT)?;
    match (fields.get("sbom"), fields.get("attestation")) {
        (Some(field), None) => {
            let fields = reader.map(field.node, &field.path, SBOM)?;
            let content = sbom(reader, &fields);
            common(reader, &fields, known, content, Coverage::Platforms)
        }
        (None, Some(field)) => {
            let fields = reader.map(field.node, &field.path, ATTESTATION)?;
            let content = attestation(reader, &fields)?;
            common(reader, &fields, known, content, Coverage::Any)
        }
        _ => {
            fields.combination(reader, "a requirement is one of sbom and attestation");
            None
        }
    }
}

fn common(
    reader: &mut Reader,
    fields: &Fields<'_>,
    known: &[String],
    content: Content,
    coverage: Coverage,
) -> Option<Requirement> {
    let by = fields.required(reader, "by").map(|field| values::signers(reader, field, known))?;
    let threshold = fields.get("threshold").and_then(|field| values::count(reader, field)).unwrap_or(1);
    if threshold > by.len() && !by.is_empty() {
        fields.combination(reader, "the threshold is higher than there are signers");
    }
    let agree = fields.get("agree").and_then(|field| reader.truth(&field)).unwrap_or(false);
    if agree && threshold < 2 {
        fields.combination(reader, "agree needs a threshold of at least 2");
    }
    let select = fields.get("select").and_then(|field| reader.word(field, SELECT)).unwrap_or(Select::Latest);
    let max_age = fields.get("maxAge").and_then(|field| values::span(reader, field));
    let claimed_time = fields.get("time").and_then(|field| reader.word(field, TIME)).unwrap_or(false);
    let coverage = fields.get("coverage").and_then(|field| reader.word(field, COVERAGE)).unwrap_or(coverage);
    let line = fields.line();
    Some(Requirement { line, by, threshold, agree, select, max_age, claimed_time, coverage, content })
}

fn sbom(reader: &mut Reader, fields: &Fields<'_>) -> Content {
    let formats = match fields.get("formats") {
        Some(field) => {
            reader.some_of(field).into_iter().filter_map(|field| reader.word(field, FORMATS)).collect()
        }
        None => vec![Family::Spdx, Family::CycloneDx],
    };
    let elements = fields.get("elements").and_then(|field| reader.word(field, ELEMENTS));
    let matches = fields.get("matches").and_then(|field| reader.word(field, MATCHES)).unwrap_or(Matches::Off);
    Content::Sbom { formats, elements, matches }
}

fn attestation(reader: &mut Reader, fields: &Fields<'_>) -> Option<Content> {
    let kind = fields.required(reader, "type").and_then(|field| reader.parsed(&field, str::parse));
    let condition = fields.get("where").and_then(|field| reader.parsed(&field, Expression::parse));
    Some(Content::Attestation { kind: kind?, condition })
}
