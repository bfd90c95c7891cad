//! Licences as CycloneDX lists them → expressions.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    record::Lost,
    records::{Attachment, License, LicenseChoice},
};
use crate::{
    document::{
        facts::beyond,
        model::{Component, CustomLicense, Licensing, Reference, ReferenceKind},
    },
    license,
};

/// The property that carries our own identifier of a licence that the SPDX list does not know.
const ID: &str = "sbomctl:license:id";

/// What is said that no licence is known; the former is SPDX's word, which people write here, too.
const UNKNOWN: [&str; 2] = ["NOASSERTION", "NONE"];

/// Puts what `stated` and `found` say into `component`. What evidence shows is no declaration, and no conclusion
/// either, unless it says so: texts of two licences do not tell whether one may choose.
pub(super) fn convert(
    stated: Vec<LicenseChoice>,
    found: Vec<LicenseChoice>,
    component: &mut Component,
    lost: &mut Lost<'_>,
) {
    if stated.is_empty() && found.is_empty() {
        return;
    }
    let facts = beyond::take_licenses(component);
    let mut known = facts.known;
    let mut parts: Parts = Parts::default();
    lost.enter("evidence.licenses", "[]");
    for choice in found {
        match defined(&choice) {
            // The text of a licence that an expression names.
            Some(definition) => drop(known.insert(definition.id.clone(), definition)),
            None if acknowledgement(&choice).is_some() => parts.add(choice, component, lost),
            None => lost.add(name(&choice), 1),
        }
    }
    lost.leave();
    let evident = std::mem::take(&mut parts);
    lost.enter("licenses", "[]");
    for choice in stated {
        parts.add(choice, component, lost);
    }
    lost.leave();
    let or =
        |stated: Vec<Licensing>, evident: Vec<Licensing>| if stated.is_empty() { evident } else { stated };
    component.declared = together(or(parts.declared, evident.declared), &known);
    component.concluded = together(or(parts.concluded, evident.concluded), &known);
    if let Some((id, name)) = facts.alone {
        let text = component.declared.custom.pop().map(|license| license.text).unwrap_or_default();
        component.declared = CustomLicense { id, name, text }.into();
    }
    if facts.nothing_declared {
        component.concluded = std::mem::take(&mut component.declared);
    }
    if let Some(expression) = facts.concluded {
        known.extend(component.declared.custom.iter().map(|license| (license.id.clone(), license.clone())));
        component.concluded = license::declare(&expression).with_definitions(&known);
    }
}

/// Licences by what is said about them.
#[derive(Default)]
struct Parts {
    declared: Vec<Licensing>,
    concluded: Vec<Licensing>,
}

impl Parts {
    fn add(&mut self, choice: LicenseChoice, component: &mut Component, lost: &mut Lost<'_>) {
        let concluded = acknowledgement(&choice) == Some("concluded");
        let licensing = licensing(choice, component, lost);
        if licensing.expression.is_some() {
            if concluded { &mut self.concluded } else { &mut self.declared }.push(licensing);
        }
    }
}

/// One stays as it is; several hold all together.
fn together(mut parts: Vec<Licensing>, known: &BTreeMap<String, CustomLicense>) -> Licensing {
    let all = match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => license::all_of(parts.into_iter().chain([last])),
        None => return Licensing::default(),
    };
    all.with_definitions(known)
}

fn acknowledgement(choice: &LicenseChoice) -> Option<&str> {
    let of_license = choice.license.as_ref().and_then(|license| license.acknowledgement.as_deref());
    let of_expression =
        choice.expression.as_ref().and_then(|expression| expression.acknowledgement.as_deref());
    of_license.or(of_expression).or(choice.acknowledgement.as_deref())
}

fn name(choice: &LicenseChoice) -> &'static str {
    if choice.expression.is_some() { "expression" } else { "license" }
}

/// A licence with an identifier of ours.
fn defined(choice: &LicenseChoice) -> Option<CustomLicense> {
    let license = choice.license.as_ref()?;
    let own = license.properties.iter().find(|property| property.name.as_deref() == Some(ID))?;
    let id = own.value.clone()?;
    let is_id = |tail: &str| {
        !tail.is_empty()
            && tail.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    };
    id.strip_prefix("LicenseRef-").filter(|tail| is_id(tail))?;
    let name = license.name.clone()?;
    let text = license.text.as_ref().and_then(content)?;
    Some(CustomLicense { id, name, text: text.into() })
}

fn licensing(choice: LicenseChoice, component: &mut Component, lost: &mut Lost<'_>) -> Licensing {
    if let Some(own) = defined(&choice) {
        return own.into();
    }
    let expression = choice.expression.and_then(|expression| expression.text);
    match (expression, choice.license) {
        (Some(expression), _) => declare(&expression, lost),
        (None, Some(license)) => single(license, component, lost),
        (None, None) => Licensing::default(),
    }
}

fn single(license: License, component: &mut Component, lost: &mut Lost<'_>) -> Licensing {
    lost.enter("license", "");
    lost.add("properties", license.properties.len() as u64);
    if let Some(url) = license.url.filter(|url| !url.is_empty()) {
        let link = Reference { kind: ReferenceKind::License, url, comment: None, hashes: Vec::new() };
        component.references.push(link);
    }
    let text = license.text.as_ref().and_then(content).filter(|text| !text.trim().is_empty());
    let licensing = match (license.id, license.name, text) {
        (Some(id), _, text) => {
            lost.add("text", u64::from(text.is_some()));
            declare(&id, lost)
        }
        (None, Some(name), Some(text)) => license::custom(&name, &text).into(),
        (None, Some(name), None) => declare(&name, lost),
        (None, None, Some(text)) => license::custom("", &text).into(),
        (None, None, None) => Licensing::default(),
    };
    lost.leave();
    licensing
}

fn declare(text: &str, lost: &mut Lost<'_>) -> Licensing {
    if UNKNOWN.contains(&text.trim()) {
        lost.add("NONE", u64::from(text.trim() == "NONE"));
        return Licensing::default();
    }
    license::declare(text)
}

/// The text; in base64 if it says so.
fn content(attachment: &Attachment) -> Option<String> {
    let text = attachment.content.as_deref()?;
    if attachment.encoding.as_deref() != Some("base64") {
        return Some(text.to_owned());
    }
    let encoded: String = text.split_ascii_whitespace().collect();
    let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Some(decoded.unwrap_or_else(|| text.to_owned()))
}
