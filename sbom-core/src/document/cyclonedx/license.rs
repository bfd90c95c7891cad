//! Licences in CycloneDX: a list of licences, or one expression.

use serde::Serialize;

use super::component::Property;
use crate::document::model::{CustomLicense, Licensing};

/// Licences of the SPDX list that the schemas of CycloneDX do not know yet, so that they may stand only in
/// expressions. Sorted.
const NOT_IN_SCHEMA: &[&str] = &[
    "BSD-2-Clause-pos-unchanged",
    "BSD-3-Clause-OpenWebUI",
    "BSD-Source-Code-no-disclaimer",
    "BSD-Source-alt-GPL",
    "BSD-ask-to-endorse",
    "Brian-Gladman-3-Clause-no-conversion",
    "Bugroff",
    "CC-BY-NC-3.0-IGO",
    "FDK-MPEG-H",
    "GFDL-1.1-invariants",
    "GFDL-1.1-no-invariants",
    "GFDL-1.2-invariants",
    "GFDL-1.2-no-invariants",
    "GFDL-1.3-invariants",
    "GFDL-1.3-no-invariants",
    "Hippocratic-3.0-core",
    "Informatica",
    "MVT-1.1",
    "NOASSERTION",
    "atc-game",
];

/// An entry of a list of licences. An expression must be the only entry.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum LicenseChoice<'a> {
    Expression { expression: &'a str, acknowledgement: &'static str },
    License { license: License<'a> },
}

#[derive(Serialize)]
pub(super) struct License<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledgement: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
struct Text<'a> {
    content: &'a str,
}

/// What a component declares.
pub(super) fn declared(declared: &Licensing) -> Vec<LicenseChoice<'_>> {
    let Some(expression) = declared.expression.as_deref() else { return Vec::new() };
    if let Some(custom) = alone(declared) {
        return vec![LicenseChoice::License { license: custom_license(custom, Some("declared")) }];
    }
    if spdx::license_id(expression).is_some() && NOT_IN_SCHEMA.binary_search(&expression).is_err() {
        return vec![LicenseChoice::License { license: listed(expression, Some("declared")) }];
    }
    vec![LicenseChoice::Expression { expression, acknowledgement: "declared" }]
}

/// The texts of the licences that an expression names but has no place for.
pub(super) fn texts(declared: &Licensing) -> Vec<LicenseChoice<'_>> {
    if alone(declared).is_some() {
        return Vec::new();
    }
    let license = |custom| LicenseChoice::License { license: custom_license(custom, None) };
    declared.custom.iter().map(license).collect()
}

/// The licence of the documents themselves.
pub(super) fn of_documents() -> LicenseChoice<'static> {
    LicenseChoice::License { license: listed("CC0-1.0", None) }
}

/// The licence, if it is not on the SPDX list and the only one that is declared.
fn alone(declared: &Licensing) -> Option<&CustomLicense> {
    match declared.custom.as_slice() {
        [custom] if declared.expression.as_ref() == Some(&custom.id) => Some(custom),
        _ => None,
    }
}

fn listed<'a>(id: &'a str, acknowledgement: Option<&'static str>) -> License<'a> {
    License { id: Some(id), name: None, acknowledgement, text: None, properties: Vec::new() }
}

fn custom_license<'a>(custom: &'a CustomLicense, acknowledgement: Option<&'static str>) -> License<'a> {
    License {
        id: None,
        name: Some(&custom.name),
        acknowledgement,
        text: Some(Text { content: &custom.text }),
        properties: vec![Property::new("sbomctl:license:id", custom.id.as_str())],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn licences_that_the_schema_lacks_are_known() {
        assert!(NOT_IN_SCHEMA.is_sorted());
        let Some(path) = sbomctl_testkit::shared("schemas/spdx.schema.json") else { return };
        let schema: serde_json::Value =
            serde_json::from_reader(std::io::BufReader::new(std::fs::File::open(path).unwrap())).unwrap();
        let known: BTreeSet<&str> =
            schema["enum"].as_array().unwrap().iter().filter_map(|id| id.as_str()).collect();
        let missing: Vec<&str> =
            spdx::identifiers::LICENSES.iter().map(|l| l.name).filter(|id| !known.contains(id)).collect();
        assert_eq!(missing, NOT_IN_SCHEMA);
    }
}
