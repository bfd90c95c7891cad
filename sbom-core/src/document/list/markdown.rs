//! A table in GitHub's Markdown: what was scanned, what is in it, and what could not be read.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, BufWriter, Write},
};

use crate::{
    document::model::{Component, Document},
    image_path::escape_control,
};

/// Writes a heading, the numbers of components by ecosystem, a table of all of them, and the gaps.
pub fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    writeln!(out, "# {}\n", escaped(&document.header.name))?;
    if let Some(root) = document.root()
        && let Some(version) = &root.version
    {
        writeln!(out, "Version: {}\n", code(version))?;
    }
    let system = document.distribution.as_ref().map(|distribution| distribution.component);
    if let Some(system) = system.and_then(|system| document.components.get(system)) {
        let version = system.version.as_deref().unwrap_or_default();
        writeln!(out, "System: {} {}\n", escaped(&system.name), escaped(version))?;
    }
    let parts = document.components.iter().enumerate();
    let parts = parts.filter(|&(index, _)| ![document.root, system].contains(&Some(index)));
    let mut parts: Vec<&Component> = parts.map(|(_, part)| part).collect();
    parts.sort_by_key(|component| (&component.name, &component.version));
    writeln!(out, "{}\n", counts(&parts))?;
    if !parts.is_empty() {
        writeln!(out, "| Name | Version | Type | License | Supplier |\n|---|---|---|---|---|")?;
    }
    for component in parts {
        let license = component.declared.expression.as_ref().or(component.concluded.expression.as_ref());
        let supplier = component.supplier.as_deref().map(|party| party.name.as_str());
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            escaped(&component.name),
            escaped(component.version.as_deref().unwrap_or("–")),
            escaped(kind(component)),
            escaped(license.map_or("–", String::as_str)),
            escaped(supplier.unwrap_or("–")),
        )?;
    }
    gaps(document, &mut out)?;
    out.flush()
}

fn counts(parts: &[&Component]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for component in parts {
        *counts.entry(kind(component)).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.iter().map(|(kind, count)| format!("{count} {}", escaped(kind))).collect();
    let total = parts.len();
    let components = if total == 1 { "component" } else { "components" };
    match counts.as_slice() {
        [] => "Nothing was found.".to_owned(),
        counts => format!("{total} {components}: {}.", counts.join(", ")),
    }
}

fn gaps(document: &Document, out: &mut impl Write) -> io::Result<()> {
    if !document.has_gaps() {
        return Ok(());
    }
    writeln!(out, "\n## What could not be read\n")?;
    for gap in &document.gaps {
        writeln!(out, "- {} ({})", escaped(&gap.to_string()), escaped(&gap.kind))?;
    }
    match document.gaps_not_listed {
        0 => Ok(()),
        count => writeln!(out, "- {count} more"),
    }
}

fn kind(component: &Component) -> &str {
    component.purl_type().unwrap_or_else(|| component.kind.name())
}

/// `text` so that it stays text in a cell: its characters come from an image.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in escape_control(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // A mention of someone, a number of an issue or an address would become a link.
            '@' | '#' => drop(write!(safe, "&#{};", u32::from(c))),
            ':' => safe.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '!' | '|' | '~' => {
                safe.push('\\');
                safe.push(c);
            }
            _ => safe.push(c),
        }
    }
    safe
}

/// `text` as code, if it can be.
fn code(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:+/~".contains(c);
    if text.chars().all(plain) { format!("`{text}`") } else { escaped(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_image_says_stays_text() {
        let component =
            Component { name: "a|b<img src=x>[x](http://x)\n@all".into(), ..Component::default() };
        let document = Document { components: vec![component], ..Document::default() };
        let mut bytes = Vec::new();
        write(&document, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let row = text.lines().find(|line| line.starts_with("| a")).unwrap();
        assert_eq!(
            row,
            "| a\\|b&lt;img src=x&gt;\\[x\\]\\(http&#58;//x\\)\\\\n&#64;all | – | library | – | – |"
        );
    }
}
