//! SPDX 2 as JSON → what its text states.

use serde_json::{Map, Value};

use super::{Kind, Path, Raw, forget, is_nothing};

/// What the text of `document` states.
pub(in crate::validate) fn walk(document: &Value) -> Raw<'_> {
    let mut raw = Raw::new();
    value(document, "", 0, &mut Path::default(), &mut raw);
    raw
}

/// Walks `node`, which stands under `key`. The depth is that of the parser, which allows 128.
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
    for (field, kind) in [
        ("SPDXID", Kind::Id),
        ("externalDocumentId", Kind::Foreign),
        ("relatedSpdxElement", Kind::Use),
        ("spdxElementId", Kind::Use),
        ("documentNamespace", Kind::Namespace),
        ("dataLicense", Kind::DataLicense),
        ("created", Kind::Timestamp),
        ("annotationDate", Kind::Timestamp),
        ("releaseDate", Kind::Timestamp),
        ("builtDate", Kind::Timestamp),
        ("validUntilDate", Kind::Timestamp),
        ("licenseConcluded", Kind::Expression),
        ("licenseDeclared", Kind::Expression),
        ("supplier", Kind::Actor),
        ("originator", Kind::Actor),
    ] {
        let text = map.get(field).and_then(Value::as_str);
        raw.facts.extend(text.and_then(|text| fact(kind, item, field, text)));
    }
    for (field, kind) in [
        ("creators", Kind::Actor),
        ("documentDescribes", Kind::Use),
        ("hasFiles", Kind::Use),
        ("licenseInfoFromFiles", Kind::Expression),
        ("licenseInfoInFiles", Kind::Expression),
        ("licenseInfoInSnippets", Kind::Expression),
    ] {
        let list = map.get(field).and_then(Value::as_array).into_iter().flatten();
        raw.facts.extend(list.filter_map(|text| fact(kind, item, field, text.as_str()?)));
    }
    for text in map.get("documentDescribes").and_then(Value::as_array).into_iter().flatten() {
        raw.facts
            .extend(text.as_str().and_then(|text| fact(Kind::Describes, item, "documentDescribes", text)));
    }
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    match under {
        "relationships" => describes(&text, item, raw),
        "checksums" | "checksum" => {
            if let (Some(algorithm), Some(hex)) = (text("algorithm"), text("checksumValue")) {
                raw.add_with(Kind::Hash, item, "checksumValue", hex, algorithm);
            }
        }
        "hasExtractedLicensingInfos" => {
            if let Some(id) = text("licenseId") {
                let content = text("extractedText").unwrap_or_default();
                raw.add_with(Kind::License, item, "licenseId", id, content);
            }
        }
        "externalRefs" => reference(&text, owner, raw),
        "files" => file(map, item, raw),
        _ => {}
    }
    if matches!(under, "packages" | "files" | "snippets") {
        if let Some(item) = raw.items.get_mut(item) {
            item.id = text("SPDXID").map(Into::into);
            item.name = text("name").map(Into::into);
            item.version = text("versionInfo").map(Into::into);
        }
        return item;
    }
    forget(raw, item, before);
    owner
}

/// A package URL belongs to the package, not to the list of its links: it is held against the package's name.
fn reference<'a>(text: &impl Fn(&str) -> Option<&'a str>, package: usize, raw: &mut Raw<'a>) {
    let (Some(kind), Some(locator)) = (text("referenceType"), text("referenceLocator")) else { return };
    match kind {
        "purl" => raw.add(Kind::Purl, package, "externalRefs", locator),
        "cpe23Type" => raw.add(Kind::Cpe, package, "externalRefs", locator),
        _ => {}
    }
}

fn file<'a>(map: &'a Map<String, Value>, item: usize, raw: &mut Raw<'a>) {
    let Some(name) = map.get("fileName").and_then(Value::as_str) else { return };
    raw.add(Kind::FileName, item, "fileName", name);
    let mut checksums = map.get("checksums").and_then(Value::as_array).into_iter().flatten();
    if !checksums.any(|checksum| checksum.get("algorithm").and_then(Value::as_str) == Some("SHA1")) {
        raw.add(Kind::FileWithoutSha1, item, "checksums", name);
    }
}

fn describes<'a>(text: &impl Fn(&str) -> Option<&'a str>, item: usize, raw: &mut Raw<'a>) {
    match (text("spdxElementId"), text("relationshipType"), text("relatedSpdxElement")) {
        (Some("SPDXRef-DOCUMENT"), Some("DESCRIBES"), Some(id)) => {
            raw.add(Kind::Describes, item, "relatedSpdxElement", id);
        }
        (Some(id), Some("DESCRIBED_BY"), Some("SPDXRef-DOCUMENT")) => {
            raw.add(Kind::Describes, item, "spdxElementId", id);
        }
        _ => {}
    }
}

/// The fact, unless the text says that there is nothing to say.
fn fact<'a>(kind: Kind, item: usize, field: &'static str, text: &'a str) -> Option<super::Fact<'a>> {
    let says_nothing = is_nothing(text) && !matches!(kind, Kind::Id | Kind::Namespace | Kind::Timestamp);
    (!says_nothing).then(|| super::Fact { kind, item, field, text: text.into(), beside: None })
}
