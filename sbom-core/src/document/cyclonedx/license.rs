//! Licences in CycloneDX: a list of licences, or one expression.
//!
//! What is declared and what is concluded stand in one list where the version can tell them apart and neither is an
//! expression. Two expressions in one list are allowed by 1.7 alone, and readers of it fail on them, so that no
//! version gets more than one: what is concluded then is a property.

use std::{cmp::Ordering, sync::Arc};

use super::{
    record::{Expression, License, LicenseChoice, Property, Text},
    version::{CycloneDxVersion, Feature},
};
use crate::document::{
    facts::{Fact, beyond},
    model::{Component, CustomLicense, Licensing},
};

/// Licences of the SPDX list that the schemas of CycloneDX do not know yet, so that they may stand only in
/// expressions. Sorted. All versions refer to one list of identifiers.
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

/// What a document says of a component's licences, by where it says it.
#[derive(Default)]
pub(super) struct Licenses<'a> {
    /// In `licenses`.
    pub(super) list: Vec<LicenseChoice<'a>>,
    /// In `evidence.licenses`: the texts of licences that the list names but has no place for. Without properties,
    /// by which they are told apart, they stand in those of the component.
    pub(super) texts: Vec<LicenseChoice<'a>>,
    /// In `properties`.
    pub(super) facts: Vec<Fact<'a>>,
}

/// The licences of `component`.
pub(super) fn of(component: &Component, version: CycloneDxVersion) -> Licenses<'_> {
    let (declared, concluded) = (&component.declared, &component.concluded);
    let mut licenses = Licenses::default();
    let acknowledged = version.has(Feature::Acknowledgement);
    let choice = |licensing, word| choice(licensing, acknowledged.then_some(word), version);
    let mut beside = None;
    match (choice(declared, "declared"), choice(concluded, "concluded")) {
        (Some(one @ LicenseChoice::License { .. }), Some(other @ LicenseChoice::License { .. }))
            if acknowledged =>
        {
            licenses.list = vec![one, other];
        }
        (Some(declared), concluded) => {
            licenses.list = vec![declared];
            beside = concluded.and(component.concluded.expression.as_deref());
        }
        (None, Some(concluded)) => {
            licenses.list = vec![concluded];
            if !acknowledged {
                licenses.facts.push(("sbomctl:license:acknowledgement".into(), "concluded".into()));
            }
        }
        (None, None) => {}
    }
    if let Some(expression) = beside {
        licenses.facts.push(("sbomctl:license:concluded".into(), expression.into()));
    }
    let in_list = [alone(declared), alone(concluded).filter(|_| beside.is_none())];
    let mut texts: Vec<&CustomLicense> = declared.custom.iter().chain(&concluded.custom).collect();
    texts.sort_by(|a, b| in_order(a, b));
    texts.dedup_by(|a, b| in_order(a, b).is_eq());
    texts.retain(|text| !in_list.iter().flatten().any(|known| in_order(known, text).is_eq()));
    if version.has(Feature::LicenseProperties) {
        let text = |text| LicenseChoice::License { license: custom_license(text, None, version) };
        licenses.texts = texts.into_iter().map(text).collect();
    } else {
        let in_list = in_list.into_iter().flatten().map(|license| beyond::license(license, false));
        licenses.facts.extend(in_list.chain(texts.into_iter().map(|text| beyond::license(text, true))));
    }
    licenses
}

/// As `Ord` has it; texts are long, and those that are shared need not be read.
fn in_order(a: &CustomLicense, b: &CustomLicense) -> Ordering {
    let texts = || if Arc::ptr_eq(&a.text, &b.text) { Ordering::Equal } else { a.text.cmp(&b.text) };
    (&a.id, &a.name).cmp(&(&b.id, &b.name)).then_with(texts)
}

/// The licence of the documents themselves.
pub(super) fn of_documents() -> LicenseChoice<'static> {
    LicenseChoice::License { license: License { id: Some("CC0-1.0"), ..License::default() } }
}

fn choice<'a>(
    licensing: &'a Licensing,
    acknowledgement: Option<&'static str>,
    version: CycloneDxVersion,
) -> Option<LicenseChoice<'a>> {
    let expression = licensing.expression.as_deref()?;
    if let Some(custom) = alone(licensing) {
        return Some(LicenseChoice::License { license: custom_license(custom, acknowledgement, version) });
    }
    if spdx::license_id(expression).is_some_and(|id| id.name == expression)
        && NOT_IN_SCHEMA.binary_search(&expression).is_err()
    {
        let license = License { id: Some(expression), acknowledgement, ..License::default() };
        return Some(LicenseChoice::License { license });
    }
    Some(LicenseChoice::Expression(Expression { expression, acknowledgement }))
}

/// The licence, if it is not on the SPDX list and the only one that is named.
fn alone(licensing: &Licensing) -> Option<&CustomLicense> {
    match licensing.custom.as_slice() {
        [custom] if licensing.expression.as_ref() == Some(&custom.id) => Some(custom),
        _ => None,
    }
}

fn custom_license<'a>(
    custom: &'a CustomLicense,
    acknowledgement: Option<&'static str>,
    version: CycloneDxVersion,
) -> License<'a> {
    let id = version.has(Feature::LicenseProperties);
    let id = id.then(|| Property::new("sbomctl:license:id", custom.id.as_str()));
    License {
        name: Some(&custom.name),
        acknowledgement,
        text: Some(Text { content: &custom.text }),
        properties: id.into_iter().collect(),
        ..License::default()
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
