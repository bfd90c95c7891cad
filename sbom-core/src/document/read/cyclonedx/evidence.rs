//! Where and how a component was found: occurrences, and the methods that told its identity.

use std::collections::HashMap;

use super::{
    record::Lost,
    records::{Identity, Method, Occurrence},
};
use crate::document::{
    facts,
    model::{Component, Evidence, Technique},
};

/// Occurrences, each with the method that names its location, and methods that name none.
pub(super) fn convert(
    identities: Vec<Identity>,
    occurrences: Vec<Occurrence>,
    component: &Component,
    lost: &mut Lost<'_>,
) -> Vec<Evidence> {
    lost.enter("evidence", "");
    let mut evidence: Vec<Evidence> =
        occurrences.into_iter().map(|occurrence| convert_occurrence(occurrence, lost)).collect();
    lost.enter("identity", "[]");
    let mut methods = Vec::new();
    for identity in identities {
        if identity.concluded.is_some_and(|value| !says(component, &value)) {
            lost.add("concludedValue", 1);
        }
        let field = identity.field.unwrap_or_default();
        let confidence = hundredths("confidence", identity.confidence.as_deref(), lost);
        if identity.methods.is_empty() && confidence.is_some() {
            methods.push((None, confidence, String::new()));
        }
        // Methods for other fields than those that identify say how the field was found, not the component.
        for method in identity.methods {
            let (technique, confidence, value) = convert_method(method, confidence, lost);
            if matches!(field.as_str(), "purl" | "name" | "cpe" | "hash" | "swid" | "") {
                methods.push((technique, confidence, value));
            } else {
                lost.add(&format!("field: {field}"), 1);
            }
        }
    }
    lost.leave();
    lost.leave();
    // One technique without a place counts for all places.
    if let [(technique, confidence, value)] = methods.as_slice()
        && value.is_empty()
        && !evidence.is_empty()
    {
        for found in &mut evidence {
            (found.technique, found.confidence) = (*technique, *confidence);
        }
        return evidence;
    }
    let mut places: HashMap<String, Place> = HashMap::new();
    for (index, found) in evidence.iter().enumerate() {
        places.entry(found.location.clone()).or_default().occurrences.push(index);
    }
    for (technique, confidence, value) in methods {
        match places.get_mut(&value).filter(|_| !value.is_empty()) {
            Some(place) if !place.named => {
                (place.named, place.technique) = (true, technique);
                for &index in &place.occurrences {
                    if let Some(found) = evidence.get_mut(index) {
                        (found.technique, found.confidence) = (technique, confidence);
                    }
                }
            }
            Some(place) if place.technique == technique => {}
            _ => evidence.push(without_occurrence(technique, confidence, value)),
        }
    }
    evidence
}

/// A location: the pieces of evidence that lie there, and by which technique they were found, once a method names it.
#[derive(Default)]
struct Place {
    occurrences: Vec<usize>,
    named: bool,
    technique: Option<Technique>,
}

/// A method that says nothing of a place that is listed; its value may be one.
fn without_occurrence(technique: Option<Technique>, confidence: Option<u8>, value: String) -> Evidence {
    let is_place = value.starts_with('/');
    let (location, detail) = if is_place { (value, None) } else { (String::new(), Some(value)) };
    let detail = detail.filter(|detail| !detail.is_empty());
    Evidence { location, layer: None, technique, confidence, detail }
}

/// Whether `value` is nothing new.
fn says(component: &Component, value: &str) -> bool {
    component.purl.as_deref() == Some(value)
        || component.name == value
        || component.version.as_deref() == Some(value)
        || component.cpes.iter().any(|cpe| cpe == value)
        || value.parse::<crate::purl::Purl>().is_ok_and(|purl| component.purl == Some(purl.to_string()))
}

fn convert_method(
    method: Method,
    of_identity: Option<u8>,
    lost: &mut Lost<'_>,
) -> (Option<Technique>, Option<u8>, String) {
    lost.enter("methods", "[]");
    let technique = method.technique.and_then(|name| {
        let technique = Technique::from_name(&name);
        if technique.is_none() {
            lost.add(&format!("technique: {name}"), 1);
        }
        technique
    });
    let confidence = hundredths("confidence", method.confidence.as_deref(), lost).or(of_identity);
    lost.leave();
    (technique, confidence, method.value.unwrap_or_default())
}

fn hundredths(place: &str, confidence: Option<&str>, lost: &mut Lost<'_>) -> Option<u8> {
    let text = confidence?;
    let confidence = text.trim().parse::<f64>().ok().and_then(facts::hundredths);
    lost.add(place, u64::from(confidence.is_none()));
    confidence
}

fn convert_occurrence(occurrence: Occurrence, lost: &mut Lost<'_>) -> Evidence {
    let context = occurrence.context.unwrap_or_default();
    let (layer, rest) = layer(&context);
    let said = |name: &str, value: Option<String>| value.map(|value| format!("{name} {value}"));
    let details = [
        Some(rest.to_owned()).filter(|rest| !rest.is_empty()),
        said("line", occurrence.line),
        said("offset", occurrence.offset),
        said("symbol", occurrence.symbol),
    ];
    let details: Vec<String> = details.into_iter().flatten().collect();
    let location = occurrence.location.unwrap_or_default();
    lost.add("occurrences[]: no location", u64::from(location.is_empty()));
    let detail = Some(details.join(", ")).filter(|detail| !detail.is_empty());
    Evidence { location, layer, technique: None, confidence: None, detail }
}

/// What our own writer says of the layer, as `layer=DIGEST index=N` or `index=N`, and what stands behind `detail=`;
/// of other forms the whole is what stands behind it.
fn layer(context: &str) -> (Option<usize>, &str) {
    if let Some(detail) = context.strip_prefix("detail=") {
        return (None, detail);
    }
    let digest = context.strip_prefix("layer=").and_then(|rest| rest.split_once(' '));
    let Some(rest) = digest.map_or(context, |(_, rest)| rest).strip_prefix("index=") else {
        return (None, context);
    };
    let (index, detail) = rest.split_once(" detail=").unwrap_or((rest, ""));
    match index.parse() {
        Ok(index) => (Some(index), detail),
        Err(_) => (None, context),
    }
}
