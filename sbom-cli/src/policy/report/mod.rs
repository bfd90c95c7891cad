//! Verdicts for people, programs, code scanning, test reports and annotations.

use std::io::{self, Write};

use clap::ValueEnum;
use sbom_core::{
    columns::Style,
    policy::{
        Decision, Verdict,
        model::Mode,
        verdict::{Check, Outcome, RuleVerdict},
    },
};
use serde::Serialize;

use crate::orders;

mod github;
mod junit;
mod sarif;
mod text;

/// Forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    Text,
    /// For programs: schemas/verdict.schema.json
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For test reports: JUnit's XML
    Junit,
    /// For logs of GitHub Actions: annotations
    Github,
}

/// Writes verdicts by the policy in the file called `policy`.
pub(crate) fn write(
    verdicts: &[Verdict],
    policy: &str,
    format: ReportFormat,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ReportFormat::Text => orders::write_without(out, |out| text::write(verdicts, policy, style, out)),
        ReportFormat::Json => json(verdicts, out),
        ReportFormat::Sarif => sarif::write(verdicts, policy, out),
        ReportFormat::Junit => junit::write(verdicts, out),
        ReportFormat::Github => github::write(verdicts, policy, out),
    }
}

/// A line for each verdict that lets nothing through.
pub(crate) fn faults_of(verdicts: &[Verdict]) -> Vec<String> {
    let faults = verdicts.iter().filter(|verdict| verdict.decision > Decision::Warn);
    faults.map(text::fault).collect()
}

#[derive(Serialize)]
struct Records<'a> {
    version: u32,
    verdicts: &'a [Verdict],
}

fn json(verdicts: &[Verdict], out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Records { version: 1, verdicts })?;
    writeln!(out)
}

/// How bad it is that a check does not pass: what the rule's mode makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
    Note,
}

/// The checks that neither pass nor are skipped, with how bad that is.
fn faults(verdict: &Verdict) -> impl Iterator<Item = (Level, &RuleVerdict, &Check)> {
    verdict.rules.iter().flat_map(|rule| {
        let level = match rule.mode {
            Mode::Enforce => Level::Error,
            Mode::Warn => Level::Warning,
            Mode::Audit => Level::Note,
        };
        rule.checks
            .iter()
            .filter(|check| check.outcome > Outcome::Pass)
            .map(move |check| (level, rule, check))
    })
}

/// Where a check looked: the image, and the platform if it is one of several.
fn place(verdict: &Verdict, check: &Check) -> String {
    match &check.platform {
        Some(platform) => format!("{} ({platform})", verdict.image),
        None => verdict.image.clone(),
    }
}

/// Details of a check that one line of a report has room for.
const DETAILS: usize = 10;

/// What a check found, in one paragraph.
fn paragraph(check: &Check) -> String {
    let mut text = check.message.clone();
    let telling: Vec<_> = check.details.iter().filter(|detail| detail.reason.code() != "OK").collect();
    for detail in telling.iter().take(DETAILS) {
        text = format!("{text}; {}: {}", detail.about, detail.message);
    }
    match telling.len().saturating_sub(DETAILS).saturating_add(check.more_details) {
        0 => {}
        more => text = format!("{text}; and {more} more"),
    }
    text
}
