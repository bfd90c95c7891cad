//! SPDX 2 as tag-value → what its text states.

use super::{Kind, Raw, is_nothing};

/// What the text of `document` states; items are its lines.
pub(in crate::validate) fn walk(document: &str) -> Raw<'_> {
    let mut raw = Raw::new();
    let mut inside_text = false;
    let mut package = 0;
    let mut license: Option<usize> = None;
    for (number, line) in document.lines().enumerate() {
        if inside_text {
            inside_text = !line.contains("</text>");
            continue;
        }
        let Some((tag, value)) = line.split_once(':').filter(|_| !line.trim_start().starts_with('#')) else {
            continue;
        };
        let (tag, value) = (tag.trim(), value.trim());
        inside_text = value.contains("<text>") && !value.contains("</text>");
        if tag == "ExtractedText" {
            let content = value.trim_start_matches("<text>").trim_end_matches("</text>").trim();
            if let Some(fact) = license.and_then(|at| raw.facts.get_mut(at)) {
                // Of a text of several lines the first may be empty; that there are more is enough to know.
                fact.beside = Some(if inside_text { "…".into() } else { content.into() });
            }
            continue;
        }
        let unnamed = raw.items.get_mut(package).filter(|item| tag == "SPDXID" && item.id.is_none());
        if let Some(item) = unnamed {
            item.id = Some(value.into());
        }
        let before = raw.facts.len();
        let item = raw.items.len();
        match tag {
            "PackageName" | "FileName" | "SnippetSPDXID" => {
                package = raw.item(&format!("line {}", number.saturating_add(1)));
                if tag == "FileName" {
                    raw.add(Kind::FileName, package, "FileName", value);
                }
                if let Some(item) = raw.items.get_mut(package).filter(|_| tag == "PackageName") {
                    item.name = Some(value.into());
                }
                continue;
            }
            "PackageVersion" => {
                if let Some(item) = raw.items.get_mut(package) {
                    item.version = Some(value.into());
                }
            }
            _ => fact(&mut raw, tag, value, item, package),
        }
        if raw.facts.iter().skip(before).any(|fact| fact.item == item) {
            raw.item(&format!("line {}", number.saturating_add(1)));
        }
        if tag == "LicenseID" {
            license = Some(before);
        }
    }
    raw
}

/// Adds what one line states, of the line's own `item` or of the `package` that it belongs to.
fn fact<'a>(raw: &mut Raw<'a>, tag: &'a str, value: &'a str, item: usize, package: usize) {
    match tag {
        "SPDXID" => raw.add(Kind::Id, item, "SPDXID", value),
        "DocumentNamespace" => raw.add(Kind::Namespace, item, "DocumentNamespace", value),
        "DataLicense" => raw.add(Kind::DataLicense, item, "DataLicense", value),
        "Created" => raw.add(Kind::Timestamp, item, "Created", value),
        "AnnotationDate" => raw.add(Kind::Timestamp, item, "AnnotationDate", value),
        "ReleaseDate" => raw.add(Kind::Timestamp, item, "ReleaseDate", value),
        "BuiltDate" => raw.add(Kind::Timestamp, item, "BuiltDate", value),
        "ValidUntilDate" => raw.add(Kind::Timestamp, item, "ValidUntilDate", value),
        "Creator" => raw.add(Kind::Actor, item, "Creator", value),
        "SPDXREF" => raw.add(Kind::Use, item, "SPDXREF", value),
        "ExternalDocumentRef" => {
            let id = value.split_whitespace().next().unwrap_or_default();
            raw.add(Kind::Foreign, item, "ExternalDocumentRef", id);
        }
        "LicenseID" => raw.add_with(Kind::License, item, "LicenseID", value, ""),
        "Relationship" => relationship(raw, value, item),
        "PackageChecksum" | "FileChecksum" => {
            if let Some((algorithm, hex)) = value.split_once(':') {
                raw.add_with(Kind::Hash, item, "checksum", hex.trim(), algorithm.trim());
            }
        }
        "ExternalRef" => {
            let mut words = value.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some(_), Some("purl"), Some(purl)) => raw.add(Kind::Purl, package, "ExternalRef", purl),
                (Some(_), Some("cpe23Type"), Some(cpe)) => raw.add(Kind::Cpe, item, "ExternalRef", cpe),
                _ => {}
            }
        }
        _ if is_nothing(value) => {}
        "PackageSupplier" => raw.add(Kind::Actor, item, "PackageSupplier", value),
        "PackageOriginator" => raw.add(Kind::Actor, item, "PackageOriginator", value),
        "PackageLicenseConcluded" | "PackageLicenseDeclared" | "LicenseConcluded" => {
            raw.add(Kind::Expression, item, "license", value);
        }
        "PackageLicenseInfoFromFiles" | "LicenseInfoInFile" => {
            raw.add(Kind::Expression, item, "licenseInfo", value);
        }
        _ => {}
    }
}

fn relationship<'a>(raw: &mut Raw<'a>, value: &'a str, item: usize) {
    let words: Vec<&str> = value.split_whitespace().take(4).collect();
    let [from, kind, to] = words.as_slice() else { return };
    for id in [from, to] {
        if !is_nothing(id) {
            raw.add(Kind::Use, item, "Relationship", *id);
        }
    }
    match (*from, *kind, *to) {
        ("SPDXRef-DOCUMENT", "DESCRIBES", id) | (id, "DESCRIBED_BY", "SPDXRef-DOCUMENT") => {
            raw.add(Kind::Describes, item, "Relationship", id);
        }
        _ => {}
    }
}
