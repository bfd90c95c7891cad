//! CycloneDX as JSON → what its text states.

use serde_json::{Map, Value};

use super::{Kind, Path, Raw, forget};

/// What the text of `document` states.
pub(in crate::validate) fn walk(document: &Value) -> Raw<'_> {
    let mut raw = Raw::new();
    if let Value::Object(top) = document {
        if let Some(serial) = text(top, "serialNumber") {
            raw.add(Kind::Serial, 0, "serialNumber", serial);
        }
        let subject = top.get("metadata").and_then(|metadata| metadata.get("component"));
        if let Some(Value::Object(subject)) = subject {
            let id = text(subject, "bom-ref").unwrap_or_default();
            raw.add(Kind::Describes, 0, "metadata.component", id);
        }
    }
    value(document, "", &mut Path::default(), &mut raw);
    raw
}

/// Walks `node`, which stands under `key`. The depth is that of the parser, which allows 128.
fn value<'a>(node: &'a Value, key: &str, path: &mut Path, raw: &mut Raw<'a>) {
    match node {
        Value::Object(map) => object(map, key, path, raw),
        Value::Array(list) => {
            for (index, node) in list.iter().enumerate() {
                path.index(index, |path| value(node, key, path, raw));
            }
        }
        _ => {}
    }
}

fn object<'a>(map: &'a Map<String, Value>, under: &str, path: &mut Path, raw: &mut Raw<'a>) {
    // Properties are pairs of any texts; they state nothing in the terms of the format.
    if under == "properties" {
        return;
    }
    let item = if path.0.is_empty() { 0 } else { raw.item(&path.0) };
    let before = raw.facts.len();
    for (field, kind) in [
        ("bom-ref", Kind::Id),
        ("purl", Kind::Purl),
        ("cpe", Kind::Cpe),
        ("email", Kind::Mail),
        ("timestamp", Kind::Timestamp),
    ] {
        if let Some(text) = text(map, field) {
            raw.add(kind, item, field, text);
        }
    }
    match under {
        "dependencies" if map.contains_key("ref") => {
            raw.facts.extend(text(map, "ref").map(|id| fact(Kind::Node, item, "ref", id)));
            raw.facts.extend(text(map, "ref").map(|id| fact(Kind::Use, item, "ref", id)));
            uses(map, &["dependsOn", "provides"], item, raw);
        }
        "compositions" => uses(map, &["assemblies", "dependencies", "vulnerabilities"], item, raw),
        "annotations" => uses(map, &["subjects"], item, raw),
        "affects" => raw.facts.extend(text(map, "ref").map(|id| fact(Kind::Use, item, "ref", id))),
        "hashes" => {
            if let (Some(algorithm), Some(hex)) = (text(map, "alg"), text(map, "content")) {
                raw.add_with(Kind::Hash, item, "content", hex, algorithm);
            }
        }
        "license" => license(map, item, raw),
        "identity" => uses(map, &["tools"], item, raw),
        _ => {}
    }
    if let Some(expression) = text(map, "expression").filter(|_| under == "licenses") {
        raw.add(Kind::Expression, item, "expression", expression);
    }
    let licenses = map.get("licenses").and_then(Value::as_array).filter(|list| list.len() > 1);
    if let Some(list) = licenses.filter(|list| list.iter().any(|entry| entry.get("expression").is_some())) {
        raw.add(Kind::MixedLicenses, item, "licenses", list.len().to_string());
    }
    if matches!(map.get("evidence").and_then(|evidence| evidence.get("identity")), Some(Value::Array(_))) {
        raw.add(Kind::IdentityArray, item, "evidence.identity", "");
    }
    let is_component = matches!(under, "component" | "components");
    // Parts of tools are no software of the subject, and nobody looks for vulnerabilities in them.
    let is_listed = is_component && !path.0.starts_with("metadata.");
    let parts = map.get("components").and_then(Value::as_array);
    if is_listed && parts.is_some_and(|parts| !parts.is_empty()) {
        raw.add(Kind::Nested, item, "components", "");
    }
    if let Some(item) = raw.items.get_mut(item).filter(|_| is_component || map.contains_key("purl")) {
        item.name = text(map, "name").map(Into::into);
        item.group = text(map, "group").map(Into::into);
        item.version = text(map, "version").map(Into::into);
    }
    forget(raw, item, before);
    for (key, node) in map {
        path.at(key, |path| value(node, key, path, raw));
    }
}

fn license<'a>(map: &'a Map<String, Value>, item: usize, raw: &mut Raw<'a>) {
    if let Some(id) = text(map, "id") {
        raw.add(Kind::LicenseId, item, "id", id);
    }
    if let Some(name) = text(map, "name").filter(|name| name.starts_with("LicenseRef-")) {
        let content = map.get("text").and_then(|text| text.get("content")).and_then(Value::as_str);
        raw.add_with(Kind::License, item, "name", name, content.unwrap_or_default());
    }
}

fn uses<'a>(map: &'a Map<String, Value>, fields: &[&'static str], item: usize, raw: &mut Raw<'a>) {
    for field in fields {
        let Some(Value::Array(list)) = map.get(*field) else { continue };
        for id in list.iter().filter_map(Value::as_str) {
            raw.add(Kind::Use, item, field, id);
        }
    }
}

fn fact<'a>(kind: Kind, item: usize, field: &'static str, text: &'a str) -> super::Fact<'a> {
    super::Fact { kind, item, field, text: text.into(), beside: None }
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    map.get(key)?.as_str()
}
