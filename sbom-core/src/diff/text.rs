//! A difference for a terminal.

use std::io::{self, BufWriter, Write};

use super::{Aspect, Change, ChangeKind, Diff, Origin, State};
use crate::{
    columns::{Color, Style, Table},
    document::model::Gap,
    image_path::escape_control,
};

/// Gaps listed of each sort; `--format json` has all.
const GAPS: usize = 5;
/// Shown where one state has no value.
const NONE: &str = "-";

/// Writes `diff` as text for people.
pub fn write(diff: &Diff, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    for (name, side) in [("Before", &diff.before), ("After", &diff.after)] {
        writeln!(out, "{name:<9}{}", escape_control(&side.line()))?;
    }
    writeln!(out, "{:<9}{}", "Changes", diff.summary())?;
    for origin in Origin::ALL {
        let changes: Vec<&Change> = diff.from(origin).collect();
        if changes.is_empty() {
            continue;
        }
        writeln!(out)?;
        if let Some(heading) = heading(diff, origin) {
            writeln!(out, "{heading}")?;
        }
        table(&changes, style, &mut out)?;
    }
    gaps("new", &diff.gaps_added, &mut out)?;
    gaps("gone", &diff.gaps_removed, &mut out)?;
    if diff.is_empty() {
        writeln!(out, "\nNo difference.")?;
    }
    out.flush()
}

/// The heading of a part of the image; none if the documents know of no parts.
pub(super) fn heading(diff: &Diff, origin: Origin) -> Option<&'static str> {
    match origin {
        Origin::Own => Some("In the image's own layers"),
        Origin::Base => Some("In the layers of the operating system"),
        Origin::Unknown => {
            diff.changes.iter().any(|change| change.origin != Origin::Unknown).then_some("In no known layer")
        }
    }
}

/// What a row says beyond name and versions.
pub(super) fn details(change: &Change) -> Vec<String> {
    let (Some(before), Some(after)) = (&change.before, &change.after) else {
        let state = change.after.as_ref().or(change.before.as_ref());
        return state.and_then(|state| state.license.clone()).into_iter().collect();
    };
    let detail = |aspect: &Aspect| {
        let of = |value: fn(&State) -> Option<&str>| {
            let shown = |state| value(state).unwrap_or("none").to_owned();
            (shown(before), shown(after))
        };
        let (from, to) = match aspect {
            Aspect::Version => return None,
            Aspect::Architecture => of(|state| state.architecture.as_deref()),
            Aspect::License => of(|state| state.license.as_deref()),
            Aspect::Supplier => of(|state| state.supplier.as_deref()),
            Aspect::Hash => return Some("other content in the same version".to_owned()),
            Aspect::Copies => (before.copies.to_string(), after.copies.to_string()),
        };
        Some(format!("{} {from} → {to}", aspect.name()))
    };
    change.aspects.iter().filter_map(detail).collect()
}

/// The versions before and after.
pub(super) fn versions(change: &Change) -> [&str; 2] {
    [&change.before, &change.after].map(|state| match state {
        Some(state) => state.version.as_deref().unwrap_or(match change.ecosystem.as_str() {
            "file" => "present",
            _ => "unknown",
        }),
        None => NONE,
    })
}

fn table(changes: &[&Change], style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&["CHANGE", "NAME", "TYPE", "BEFORE", "AFTER", "DETAILS"]);
    for change in changes {
        let color = match change.kind {
            ChangeKind::Added => Color::Green,
            ChangeKind::Removed => Color::Red,
            ChangeKind::Upgraded => Color::Cyan,
            ChangeKind::Downgraded | ChangeKind::Changed => Color::Yellow,
        };
        let [before, after] = versions(change);
        let details = details(change).join("; ");
        table.push(
            Some(color),
            [change.kind.name(), &change.name, &change.ecosystem, before, after, &details],
        );
    }
    table.write(style, 2, out)
}

fn gaps(what: &str, gaps: &[Gap], out: &mut dyn Write) -> io::Result<()> {
    let count = gaps.len();
    if count == 0 {
        return Ok(());
    }
    let (noun, verb) = if count == 1 { ("gap", "is") } else { ("gaps", "are") };
    writeln!(out, "\n{count} {noun} {verb} {what}:")?;
    for gap in gaps.iter().take(GAPS) {
        writeln!(out, "  {gap}")?;
    }
    if count > GAPS {
        writeln!(out, "  … and {} more; --format json lists them", count - GAPS)?;
    }
    Ok(())
}
