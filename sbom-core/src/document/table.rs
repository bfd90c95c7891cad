//! A table for people: what was scanned, what is in it, and what could not be read.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, BufWriter, Write},
};

use super::model::{Component, ComponentKind, Document, Gap};
use crate::{
    columns::{Style, Table},
    image_path::escape_control,
};

/// Gaps listed below the table; the documents list all.
const GAPS: usize = 5;

/// Writes `document` as a table. If `columns` is given, long cells are cut so that lines fit into it where they can.
pub fn write(document: &Document, columns: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let mut rows: Vec<&Component> = parts(document).collect();
    header(document, &rows, &mut out)?;
    // Stable: what is alike in this stays in the order of the document.
    rows.sort_by_key(|component| (&component.name, &component.version));
    if !rows.is_empty() {
        let mut table = Table::new(&["NAME", "VERSION", "TYPE", "LICENSE", "LAYER"]);
        for component in &rows {
            table.push(None, cells(component));
        }
        writeln!(out)?;
        table.write(Style { columns, colors: false }, 0, &mut out)?;
    }
    footer(document, &mut out)?;
    out.flush()
}

/// All but the subject and its operating system, which the header names.
fn parts(document: &Document) -> impl Iterator<Item = &Component> {
    let system = document.distribution.as_ref().map(|distribution| distribution.component);
    let parts = document.components.iter().enumerate();
    parts.filter(move |&(index, _)| ![document.root, system].contains(&Some(index))).map(|(_, part)| part)
}

fn header(document: &Document, parts: &[&Component], out: &mut impl Write) -> io::Result<()> {
    let mut line = |name: &str, value: &str| writeln!(out, "{name:<10}{}", escape_control(value));
    let root = document.root();
    let tag = root.and_then(|root| root.property("sbomctl:oci:tag"));
    line(
        "Subject",
        &format!("{}{}", document.header.name, tag.map(|tag| format!(":{tag}")).unwrap_or_default()),
    )?;
    if let Some(version) = root.and_then(|root| root.version.as_deref()) {
        line(if version.starts_with("sha") { "Digest" } else { "Version" }, version)?;
    }
    let system = document.distribution.as_ref().map(|system| {
        let component = document.components.get(system.component);
        let version = component.and_then(|component| component.version.as_deref()).unwrap_or_default();
        system.pretty_name.clone().unwrap_or_else(|| format!("{} {version}", system.id))
    });
    line("System", system.as_deref().unwrap_or("none recognised"))?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for component in parts {
        *counts.entry(kind(component)).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    line("Contents", if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }.as_str())
}

fn footer(document: &Document, out: &mut impl Write) -> io::Result<()> {
    if !document.has_gaps() {
        return Ok(());
    }
    let count = document.gap_count();
    writeln!(out, "\n{count} {} not be read:", if count == 1 { "thing could" } else { "things could" })?;
    for gap in document.gaps.iter().take(GAPS) {
        writeln!(out, "  {}", gap_line(gap))?;
    }
    let listed = document.gaps.len().min(GAPS) as u64;
    if count > listed {
        writeln!(out, "  … and {} more; -v, or -o with any other format, lists them", count - listed)?;
    }
    Ok(())
}

fn gap_line(gap: &Gap) -> String {
    let layer = gap.layer.map(|layer| format!("layer {layer}: ")).unwrap_or_default();
    let path = gap.path.as_ref().map(|path| format!("{}: ", escape_control(path))).unwrap_or_default();
    format!("{layer}{path}{} ({})", escape_control(&gap.message), escape_control(&gap.kind))
}

/// The type of the package URL, which is the name of the ecosystem; without one, the kind of component.
fn kind(component: &Component) -> &str {
    match component.kind {
        _ if component.purl_type().is_some() => component.purl_type().unwrap_or_default(),
        ComponentKind::Application => "program",
        ComponentKind::Platform => "system",
        kind => kind.name(),
    }
}

fn cells(component: &Component) -> impl Iterator<Item = Cow<'_, str>> {
    let layer = match component.layers {
        Some(layers) => match layers.removed {
            Some(removed) => format!("{}-{removed}", layers.introduced),
            None => layers.introduced.to_string(),
        },
        None => "-".to_owned(),
    };
    let license = component.declared.expression.as_deref().or(component.concluded.expression.as_deref());
    let version = component.version.as_deref().unwrap_or("-");
    [&component.name, version, kind(component), license.unwrap_or("-")]
        .map(Cow::Borrowed)
        .into_iter()
        .chain([layer.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], columns: Option<usize>, expected: &[&str]) {
        let part = |name: &&str| Component { name: (*name).to_owned(), ..Component::default() };
        let document = Document { components: names.iter().map(part).collect(), ..Document::default() };
        let mut bytes = Vec::new();
        write(&document, columns, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().skip(5).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        check(
            &["漢字", "abcdefgh"],
            None,
            &["abcdefgh  -        library  -        -", "漢字      -        library  -        -"],
        );
    }

    #[test]
    fn only_what_does_not_fit_is_cut() {
        let rest = "  -        library  -        -";
        check(&["abcdefghijklmnop"], Some(50), &[&format!("abcdefghijklmnop{rest}")]);
        check(&["abcdefghijklmnop"], Some(43), &[&format!("abcdefgh…{rest}")]);
        check(&["漢字漢字漢字"], Some(42), &[&format!("漢字漢… {rest}")]);
        check(&["abcdefghijklmnop"], Some(0), &[&format!("abcdefg…{rest}")]);
    }

    #[test]
    fn names_from_an_image_cannot_move_the_cursor() {
        check(&["\u{1b}[2J"], None, &["\\u{1b}[2J  -        library  -        -"]);
    }
}
