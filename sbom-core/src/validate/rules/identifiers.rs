//! Rules about identifiers within a document: each stands for one thing, and leads somewhere.

use std::collections::HashMap;

use crate::{
    document::read::Syntax,
    validate::{
        Examined, Findings, Quoted, Rule,
        Severity::Error,
        raw::{Fact, Kind},
    },
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "id-form",
        severity: Error,
        says: "an identifier has the form of its format: `SPDXRef-` and letters, digits, `.` and `-` in SPDX 2, an \
               IRI in SPDX 3, not empty in CycloneDX",
        mend: "rename it, and whatever refers to it",
        check: id_form,
    },
    Rule {
        id: "document-id",
        severity: Error,
        says: "the document's own identifier is `SPDXRef-DOCUMENT` (SPDX 2)",
        mend: "rename it, and whatever refers to it",
        check: document_id,
    },
    Rule {
        id: "duplicate-id",
        severity: Error,
        says: "an identifier stands for one thing",
        mend: "give each thing an identifier of its own, and look at what refers to it",
        check: duplicate_id,
    },
    Rule {
        id: "dangling-reference",
        severity: Error,
        says: "what is referred to is there",
        mend: "add what is missing, or take the reference out",
        check: dangling_reference,
    },
];

fn id_form(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Id).filter(|fact| !is_id(&fact.text, examined.syntax)) {
        findings.add(|| examined.raw.place(fact), || format!("{} is no identifier", Quoted(&fact.text)));
    }
}

fn is_id(text: &str, syntax: Syntax) -> bool {
    match syntax {
        Syntax::SpdxJson | Syntax::SpdxTagValue => text.strip_prefix("SPDXRef-").is_some_and(|id| {
            !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        }),
        Syntax::SpdxJsonLd => {
            text.contains(':') && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        }
        _ => !text.is_empty(),
    }
}

fn document_id(examined: &Examined<'_>, findings: &mut Findings) {
    if !examined.is_spdx2() {
        return;
    }
    // The document comes first in tag-value, and is the only one without a place in JSON.
    let tag_value = examined.syntax == Syntax::SpdxTagValue;
    let own = examined.raw.of(Kind::Id).find(|fact| tag_value || fact.item == 0);
    match own {
        Some(fact) if fact.text != "SPDXRef-DOCUMENT" => {
            findings.add(|| examined.raw.place(fact), || format!("it is {}", Quoted(&fact.text)));
        }
        Some(_) => {}
        None => findings.add(|| "SPDXID".to_owned(), || "there is none".to_owned()),
    }
}

fn duplicate_id(examined: &Examined<'_>, findings: &mut Findings) {
    let mut first: HashMap<&str, &Fact<'_>> = HashMap::new();
    for fact in examined.raw.of(Kind::Id) {
        if let Some(before) = first.get(&*fact.text) {
            let message = || format!("{} is also {}", Quoted(&fact.text), examined.raw.place(before));
            findings.add(|| examined.raw.place(fact), message);
        } else {
            first.insert(&fact.text, fact);
        }
    }
}

fn dangling_reference(examined: &Examined<'_>, findings: &mut Findings) {
    let known: std::collections::HashSet<&str> = [Kind::Id, Kind::Foreign]
        .iter()
        .flat_map(|&kind| examined.raw.of(kind))
        .map(|fact| &*fact.text)
        .collect();
    for fact in examined.raw.of(Kind::Use) {
        if !known.contains(&*fact.text) && !is_elsewhere(&fact.text, examined.syntax, &known) {
            findings.add(|| examined.raw.place(fact), || format!("nothing is called {}", Quoted(&fact.text)));
        }
    }
}

/// Whether an identifier stands for something that need not be in the document.
fn is_elsewhere(id: &str, syntax: Syntax, known: &std::collections::HashSet<&str>) -> bool {
    match syntax {
        // BOM-Link: a document or a component of it.
        Syntax::CycloneDxJson | Syntax::CycloneDxXml => id.starts_with("urn:cdx:"),
        Syntax::SpdxJson | Syntax::SpdxTagValue => {
            let (document, _) = id.split_once(':').unwrap_or((id, ""));
            id == "SPDXRef-DOCUMENT" || document.starts_with("DocumentRef-") && known.contains(document)
        }
        // Individuals of the model, by their address or the name that the context gives them.
        Syntax::SpdxJsonLd => {
            id.starts_with("https://spdx.org/") || id.starts_with("spdx:") || !id.contains(':')
        }
        Syntax::SyftJson => true,
    }
}
