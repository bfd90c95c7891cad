//! A difference as Markdown, for a comment on a pull request: short at first sight, details on demand.
//!
//! Names come from images, so nothing in them may become a link, a mention, a row or a tag: every character that
//! means something in GitHub's Markdown or in HTML is written as a numeric character reference.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{Change, ChangeKind, Diff, Origin, Side, text};
use crate::image_path::escape_control;

/// GitHub refuses comments of more than 65 536 characters.
const MAX_BYTES: usize = 60_000;
/// A cell with more characters is cut.
const MAX_CELL: usize = 120;

/// Writes `diff` as Markdown of at most 60 000 bytes and one section's heading; rows beyond are counted.
pub fn write(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    let mut page = String::new();
    if diff.is_empty() {
        page.push_str("### No difference\n\n");
    } else {
        let _ = writeln!(page, "### Changes: {}\n", diff.summary());
    }
    sides(diff, &mut page);
    for origin in Origin::ALL {
        let changes: Vec<&Change> = diff.from(origin).collect();
        if !changes.is_empty() {
            section(text::heading(diff, origin).unwrap_or("Components"), &changes, &mut page);
        }
    }
    for (what, gaps) in [("New gaps", &diff.gaps_added), ("Gaps that are gone", &diff.gaps_removed)] {
        if gaps.is_empty() {
            continue;
        }
        let _ = writeln!(page, "<details><summary>{what}: {}</summary>\n", gaps.len());
        rows(gaps.iter().map(|gap| format!("- {}\n", code(&gap.to_string()))), &mut page);
        page.push_str("\n</details>\n\n");
    }
    out.write_all(page.trim_end().as_bytes())?;
    out.write_all(b"\n")
}

fn sides(diff: &Diff, page: &mut String) {
    page.push_str("| | Before | After |\n|---|---|---|\n");
    let shown = |value: Option<&str>| value.map(code).unwrap_or_default();
    let mut row = |name: &str, of: &dyn Fn(&Side) -> String| {
        let [before, after] = [&diff.before, &diff.after].map(of);
        if !before.is_empty() || !after.is_empty() {
            let _ = writeln!(page, "| {name} | {before} | {after} |");
        }
    };
    row("Subject", &|side| code(&side.name));
    row("Version", &|side| shown(side.version.as_deref()));
    row("System", &|side| shown(side.distribution.as_deref()));
    row("Components", &|side| side.components.to_string());
    row("Not read", &|side| {
        Some(side.gaps).filter(|gaps| *gaps > 0).map(|gaps| gaps.to_string()).unwrap_or_default()
    });
    page.push('\n');
}

fn section(heading: &str, changes: &[&Change], page: &mut String) {
    let counts = ChangeKind::ALL.map(|kind| (changes.iter().filter(|c| c.kind == kind).count(), kind));
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{count} {}", kind.name()))
        .collect();
    let _ = writeln!(page, "<details><summary>{heading}: {}</summary>\n", counts.join(", "));
    page.push_str("| Change | Package | Type | Before | After | Details |\n|---|---|---|---|---|---|\n");
    rows(changes.iter().map(|change| row(change)), page);
    page.push_str("\n</details>\n\n");
}

fn row(change: &Change) -> String {
    let [before, after] = text::versions(change);
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        change.kind.name(),
        code(&change.name),
        code(&change.ecosystem),
        if before == "-" { String::new() } else { code(before) },
        if after == "-" { String::new() } else { code(after) },
        text::details(change).iter().map(|detail| code(detail)).collect::<Vec<_>>().join(" ")
    )
}

/// As many rows as there is room for, and how many there are beyond.
fn rows(rows: impl ExactSizeIterator<Item = String>, page: &mut String) {
    let mut left = rows.len();
    for row in rows {
        if page.len() + row.len() > MAX_BYTES {
            break;
        }
        page.push_str(&row);
        left -= 1;
    }
    if left > 0 {
        let _ = writeln!(page, "\n… and {left} more");
    }
}

/// `text` as code in which nothing means anything.
fn code(text: &str) -> String {
    let text = escape_control(text);
    let mut safe = String::from("<code>");
    for (count, c) in text.chars().enumerate() {
        if count == MAX_CELL {
            safe.push('…');
            break;
        }
        match c {
            c if c.is_alphanumeric() || matches!(c, ' ' | '-' | '/' | ',' | ';' | '%' | '?' | '→' | '…') =>
            {
                safe.push(c);
            }
            // A dot alone is harmless; with `www` before it, it makes a link.
            '.' if !safe.to_ascii_lowercase().ends_with("www") => safe.push('.'),
            c => {
                let _ = write!(safe, "&#{};", u32::from(c));
            }
        }
    }
    safe.push_str("</code>");
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_means_anything() {
        for (name, expected) in [
            ("musl 1.2.5-r0", "musl 1.2.5-r0"),
            ("a|b", "a&#124;b"),
            ("`x`", "&#96;x&#96;"),
            ("</code><img src=x>", "&#60;/code&#62;&#60;img src&#61;x&#62;"),
            ("@org/name", "&#64;org/name"),
            ("[a](b)", "&#91;a&#93;&#40;b&#41;"),
            ("**#1**", "&#42;&#42;&#35;1&#42;&#42;"),
            ("https://www.x.y", "https&#58;//www&#46;x.y"),
            ("WWW.x", "WWW&#46;x"),
            ("a\nb", "a&#92;nb"),
            ("a\u{202e}b", "a&#92;u&#123;202e&#125;b"),
            ("&lt;", "&#38;lt;"),
        ] {
            assert_eq!(code(name), format!("<code>{expected}</code>"), "{name:?}");
        }
        assert!(code(&"x".repeat(1000)).chars().count() < 200);
    }
}
