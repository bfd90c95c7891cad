//! SPDX 3 as JSON-LD → what its text states.

use serde_json::{Map, Value};

use super::{Kind, Path, Raw, forget};

/// The properties whose values are elements, by identifier. Source: the JSON schema of SPDX 3.0.1.
const REFERENCES: [&str; 19] = [
    "createdBy",
    "createdUsing",
    "creationInfo",
    "dataLicense",
    "definingArtifact",
    "element",
    "expandedlicensing_member",
    "expandedlicensing_subjectAddition",
    "expandedlicensing_subjectExtendableLicense",
    "expandedlicensing_subjectLicense",
    "from",
    "originatedBy",
    "rootElement",
    "security_assessedElement",
    "software_snippetFromFile",
    "subject",
    "suppliedBy",
    "to",
    "verifiedUsing",
];

/// What the text of `document` states.
pub(in crate::validate) fn walk(document: &Value) -> Raw<'_> {
    let mut raw = Raw::new();
    value(document, "", 0, &mut Path::default(), &mut raw);
    raw
}

fn value<'a>(node: &'a Value, key: &str, owner: usize, path: &mut Path, raw: &mut Raw<'a>) {
    match node {
        Value::Object(map) => {
            let owner = object(map, key, owner, path, raw);
            for (key, node) in map {
                path.at(key, |path| value(node, key, owner, path, raw));
            }
        }
        Value::Array(list) => {
            for (index, node) in list.iter().enumerate() {
                path.index(index, |path| value(node, key, owner, path, raw));
            }
        }
        _ => {}
    }
}

/// Adds what one object states. The item that is responsible for what stands in it: `owner`, or itself.
fn object<'a>(
    map: &'a Map<String, Value>,
    under: &str,
    owner: usize,
    path: &Path,
    raw: &mut Raw<'a>,
) -> usize {
    let item = if path.0.is_empty() { 0 } else { raw.item(&path.0) };
    let before = raw.facts.len();
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    for (field, kind) in [
        ("spdxId", Kind::Id),
        ("@id", Kind::Id),
        ("externalSpdxId", Kind::Foreign),
        ("created", Kind::Timestamp),
        ("builtTime", Kind::Timestamp),
        ("releaseTime", Kind::Timestamp),
        ("validUntilTime", Kind::Timestamp),
        ("software_packageUrl", Kind::Purl),
        ("simplelicensing_licenseExpression", Kind::Expression),
    ] {
        if let Some(text) = text(field).filter(|text| kind != Kind::Expression || !super::is_nothing(text)) {
            raw.add(kind, item, field, text);
        }
    }
    for field in REFERENCES {
        match map.get(field) {
            Some(Value::String(id)) => raw.add(Kind::Use, item, field, id),
            Some(Value::Array(list)) => {
                for id in list.iter().filter_map(Value::as_str) {
                    raw.add(Kind::Use, item, field, id);
                }
            }
            _ => {}
        }
    }
    match under {
        "verifiedUsing" => {
            if let (Some(algorithm), Some(hex)) = (text("algorithm"), text("hashValue")) {
                raw.add_with(Kind::Hash, item, "hashValue", hex, algorithm);
            }
        }
        "simplelicensing_customIdToUri" => {
            if let Some(id) = text("key") {
                raw.add_with(Kind::License, item, "key", id, text("value").unwrap_or_default());
            }
        }
        "externalIdentifier" => identifier(&text, owner, raw),
        _ => {}
    }
    let kind = text("type").unwrap_or_default();
    match kind {
        "software_Sbom" => roots(map, item, raw),
        "simplelicensing_SimpleLicensingText" => {
            if let Some(id) = text("spdxId") {
                let content = text("simplelicensing_licenseText").unwrap_or_default();
                raw.add_with(Kind::License, item, "spdxId", id, content);
            }
        }
        _ => {}
    }
    if matches!(kind, "software_Package" | "software_File") {
        if let Some(item) = raw.items.get_mut(item) {
            item.name = text("name").map(Into::into);
            item.version = text("software_packageVersion").map(Into::into);
        }
        return item;
    }
    forget(raw, item, before);
    owner
}

fn roots<'a>(map: &'a Map<String, Value>, item: usize, raw: &mut Raw<'a>) {
    for id in map.get("rootElement").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    {
        raw.add(Kind::Describes, item, "rootElement", id);
    }
}

/// A package URL or CPE name belongs to the element that the identifier is one of.
fn identifier<'a>(text: &impl Fn(&str) -> Option<&'a str>, element: usize, raw: &mut Raw<'a>) {
    let (Some(kind), Some(value)) = (text("externalIdentifierType"), text("identifier")) else { return };
    match kind {
        "packageUrl" => raw.add(Kind::Purl, element, "externalIdentifier", value),
        "cpe23" => raw.add(Kind::Cpe, element, "externalIdentifier", value),
        "email" => raw.add(Kind::Mail, element, "externalIdentifier", value),
        _ => {}
    }
}
