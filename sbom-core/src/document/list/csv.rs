//! Comma-separated values (RFC 4180, but with LF): one row for each component, then one for each gap, of the kind
//! `gap`.
//!
//! A cell that a spreadsheet would take for a formula gets an apostrophe in front: its text comes from an image.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use crate::document::model::{Component, Document, Evidence, Gap};

const HEADS: [&str; 13] = [
    "name",
    "version",
    "kind",
    "purl",
    "license_declared",
    "license_concluded",
    "supplier",
    "originator",
    "source_name",
    "source_version",
    "layer",
    "locations",
    "id",
];

/// Writes one row for each component, the subject first, and one for each gap.
pub fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(HEADS)?;
    let rest = (0..document.components.len()).filter(|&index| document.root != Some(index));
    for index in document.root.into_iter().chain(rest) {
        if let Some(component) = document.components.get(index) {
            rows.write_record(cells(document, component).iter().map(|cell| guarded(cell).into_owned()))?;
        }
    }
    for gap in &document.gaps {
        rows.write_record(gap_cells(gap).iter().map(|cell| guarded(cell).into_owned()))?;
    }
    if document.gaps_not_listed > 0 {
        let text = format!("{} further gaps are not listed", document.gaps_not_listed);
        rows.write_record(with_kind("gap", text).iter().map(std::convert::AsRef::as_ref))?;
    }
    rows.flush()
}

fn cells<'a>(document: &'a Document, component: &'a Component) -> [Cow<'a, str>; 13] {
    let text = |text: &'a Option<String>| Cow::Borrowed(text.as_deref().unwrap_or_default());
    let party = |party: &'a Option<std::sync::Arc<crate::bom::Party>>| {
        Cow::Borrowed(party.as_deref().map(|party| party.name.as_str()).unwrap_or_default())
    };
    let source = component.source.as_deref();
    let locations: Vec<String> =
        component.evidence.iter().map(|evidence| location(document, evidence)).collect();
    [
        component.name.as_str().into(),
        text(&component.version),
        component.kind.name().into(),
        text(&component.purl),
        text(&component.declared.expression),
        text(&component.concluded.expression),
        party(&component.supplier),
        party(&component.originator),
        source.map(|source| source.name.as_str()).unwrap_or_default().into(),
        source.map(|source| source.version.as_str()).unwrap_or_default().into(),
        component.layers.map(|layers| layers.introduced.to_string()).unwrap_or_default().into(),
        locations.join("; ").into(),
        component.id.as_str().into(),
    ]
}

/// `/lib/apk/db/installed` or, of several layers, `/lib/apk/db/installed (layer 2)`.
fn location(document: &Document, evidence: &Evidence) -> String {
    match evidence.layer {
        Some(layer) if document.layers.len() > 1 => format!("{} (layer {layer})", evidence.location),
        _ => evidence.location.clone(),
    }
}

fn gap_cells(gap: &Gap) -> [Cow<'_, str>; 13] {
    let mut cells = with_kind("gap", format!("{}: {}", gap.kind, gap.message));
    let layer = gap.layer.map(|layer| layer.to_string()).unwrap_or_default();
    for (head, value) in [("layer", layer), ("locations", gap.path.clone().unwrap_or_default())] {
        if let Some(cell) = HEADS.iter().position(|name| *name == head).and_then(|at| cells.get_mut(at)) {
            *cell = value.into();
        }
    }
    cells
}

fn with_kind(kind: &'static str, name: String) -> [Cow<'static, str>; 13] {
    let mut cells: [Cow<'static, str>; 13] = std::array::from_fn(|_| Cow::Borrowed(""));
    let [first, _, third, ..] = &mut cells;
    *first = name.into();
    *third = kind.into();
    cells
}

fn guarded(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}").into() } else { cell.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_texts_and_quotes_are_doubled() {
        let name = |name: &str| Component { name: name.to_owned(), ..Component::default() };
        let document = Document {
            components: vec![name("=1+1"), name("a,\"b\"\nc")],
            gaps_not_listed: 2,
            ..Document::default()
        };
        let mut bytes = Vec::new();
        write(&document, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (_, rows) = text.split_once('\n').unwrap();
        assert_eq!(
            rows,
            "'=1+1,,library,,,,,,,,,,\n\"a,\"\"b\"\"\nc\",,library,,,,,,,,,,\n2 further gaps are not listed,,gap,,,,,,,,,,\n"
        );
    }
}
