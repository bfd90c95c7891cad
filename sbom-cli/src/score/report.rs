//! How documents fare, for people, for pages and for programs.

use std::io::{self, Write};

use sbom_core::{
    document::model::Component,
    image_path::escape_control,
    score::{Outcome, Report, RuleResult},
};
use serde::{Serialize, Serializer};

use super::Scored;

/// Components that are named of each rule.
const NAMED: usize = 3;

/// For people.
pub(super) fn text(results: &[Scored], out: &mut dyn Write) -> io::Result<()> {
    for (index, scored) in results.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}: {}", escape_control(&scored.name), summary(scored))?;
        for report in &scored.reports {
            writeln!(out, "\n{}: {} of 10", report.profile.title(), report.score)?;
            report.results.iter().try_for_each(|result| rule(scored, result, out))?;
        }
    }
    Ok(())
}

fn summary(scored: &Scored) -> String {
    let count = scored.read.document.components.len();
    let format = scored.read.format.to_string();
    format!("{}, {count} component{}", escape_control(&format), if count == 1 { "" } else { "s" })
}

fn rule(scored: &Scored, result: &RuleResult, out: &mut dyn Write) -> io::Result<()> {
    let mark = match result.outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "FAIL",
        Outcome::NotApplicable => "  - ",
    };
    writeln!(out, "  {mark}  {:<44} {}", result.rule.element, tally(result))?;
    if result.outcome != Outcome::Fail {
        return Ok(());
    }
    if !result.failing.is_empty() {
        writeln!(out, "        not met by {}", escape_control(&named(scored, result)))?;
    }
    writeln!(out, "        why it matters: {}", result.rule.why)?;
    writeln!(out, "        to mend it: {}", result.rule.mend)
}

/// `16 of 18, 2 of them marked as unknown`.
fn tally(result: &RuleResult) -> String {
    if !result.of_components || result.outcome == Outcome::NotApplicable {
        return String::new();
    }
    let met = result.checked.saturating_sub(result.failing.len());
    let unknown = match result.unknown {
        0 => String::new(),
        count => format!(", {count} of them marked as unknown"),
    };
    format!("{met} of {}{unknown}", result.checked)
}

/// The first components that do not meet a rule, and how many more there are.
fn named(scored: &Scored, result: &RuleResult) -> String {
    let first =
        result.failing.iter().take(NAMED).filter_map(|&index| scored.read.document.components.get(index));
    let names: Vec<String> = first.map(called).collect();
    match result.failing.len().saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn called(component: &Component) -> String {
    match &component.version {
        Some(version) => format!("{} {version}", component.name),
        None => component.name.clone(),
    }
}

/// For pages and comments: a table for each profile.
pub(super) fn markdown(results: &[Scored], out: &mut dyn Write) -> io::Result<()> {
    for (index, scored) in results.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "# {}\n\n{}", cell(&scored.name), cell(&summary(scored)))?;
        for report in &scored.reports {
            writeln!(out, "\n## {}: {} of 10\n", report.profile.title(), report.score)?;
            writeln!(out, "| | element | met by | not met by | to mend it |\n|---|---|---|---|---|")?;
            for result in &report.results {
                let failed = result.outcome == Outcome::Fail;
                let mend = if failed { result.rule.mend } else { "" };
                let (outcome, element) = (result.outcome.name(), result.rule.element);
                let (tally, named) = (tally(result), cell(&named(scored, result)));
                writeln!(out, "| {outcome} | {element} | {tally} | {named} | {mend} |")?;
            }
        }
    }
    Ok(())
}

/// A text of a document, so that it means nothing in Markdown or HTML.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in escape_control(text).chars() {
        match c {
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '&' => cell.push_str("&amp;"),
            '@' => cell.push_str("&#64;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '!' | '#' | '~' => cell.extend(['\\', c]),
            c => cell.push(c),
        }
    }
    cell
}

/// For programs, in the form of `schemas/score.schema.json`.
pub(super) fn json(results: &[Scored], out: &mut dyn Write) -> io::Result<()> {
    let documents = results.iter().map(DocumentRecord::of).collect();
    serde_json::to_writer_pretty(&mut *out, &Records { documents })?;
    writeln!(out)
}

#[derive(Serialize)]
struct Records<'a> {
    documents: Vec<DocumentRecord<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DocumentRecord<'a> {
    file: &'a str,
    format: String,
    components: usize,
    profiles: Vec<ProfileRecord<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProfileRecord<'a> {
    profile: &'static str,
    title: &'static str,
    score: f64,
    rules: Vec<RuleRecord<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleRecord<'a> {
    rule: &'static str,
    element: &'static str,
    clause: &'static str,
    result: &'static str,
    weight: u32,
    checked: usize,
    unknown: usize,
    failed: usize,
    failing: Failing<'a>,
    why: &'static str,
    mend: &'static str,
}

/// All components that do not meet a rule; written one by one, for there may be very many, of very many rules.
struct Failing<'a> {
    components: &'a [Component],
    indices: &'a [usize],
}

#[derive(Serialize)]
struct ComponentRecord<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

impl Serialize for Failing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let components = self.indices.iter().filter_map(|&index| self.components.get(index));
        serializer.collect_seq(components.map(|component| ComponentRecord {
            id: &component.id,
            name: &component.name,
            version: component.version.as_deref(),
        }))
    }
}

impl<'a> DocumentRecord<'a> {
    fn of(scored: &'a Scored) -> Self {
        let components = &scored.read.document.components;
        Self {
            file: &scored.name,
            format: scored.read.format.to_string(),
            components: components.len(),
            profiles: scored.reports.iter().map(|report| ProfileRecord::of(report, components)).collect(),
        }
    }
}

impl<'a> ProfileRecord<'a> {
    fn of(report: &'a Report, components: &'a [Component]) -> Self {
        let rule = |result: &'a RuleResult| RuleRecord {
            rule: result.rule.id,
            element: result.rule.element,
            clause: result.rule.clause,
            result: result.outcome.name(),
            weight: result.rule.weight,
            checked: result.checked,
            unknown: result.unknown,
            failed: result.failing_count(),
            failing: Failing { components, indices: &result.failing },
            why: result.rule.why,
            mend: result.rule.mend,
        };
        Self {
            profile: report.profile.name(),
            title: report.profile.title(),
            score: report.score.value(),
            rules: report.results.iter().map(rule).collect(),
        }
    }
}
