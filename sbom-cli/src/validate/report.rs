//! What was found out, for people and for programs.

use std::io::{self, Write};

use sbom_core::{
    image_path::escape_control,
    validate::{Broken, Severity},
};
use serde_json::{Value, json};

use super::{Outcome, Verdict};

/// A verdict, or the name of a file and why it cannot be read.
pub(super) type Result = std::result::Result<Verdict, (String, String)>;

/// Places that are listed of each rule.
const LISTED: usize = 5;

/// For people: what is wrong, by rule.
pub(super) fn text(results: &[Result], out: &mut dyn Write) -> io::Result<()> {
    for (index, result) in results.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        match result {
            Ok(verdict) => document(verdict, out)?,
            Err((name, _)) => writeln!(out, "{}: cannot be read", escape_control(name))?,
        }
    }
    Ok(())
}

fn document(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let (errors, warnings) = (verdict.count(Severity::Error), verdict.count(Severity::Warning));
    let state = match verdict.word() {
        "unchecked" => "NOT CHECKED against its schema; no rule says that it is invalid",
        word => word,
    };
    writeln!(
        out,
        "{}: {}: {state} ({}, {})",
        escape_control(&verdict.name),
        escape_control(&verdict.format),
        counted(errors, "error"),
        counted(warnings, "warning")
    )?;
    schema(&verdict.schema, out)?;
    verdict.broken.iter().try_for_each(|broken| rule(broken, out))
}

fn schema(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    match outcome {
        Outcome::Passed => writeln!(out, "  schema: the official schema accepts it"),
        Outcome::Failed { first_only: false } => {
            writeln!(out, "  schema: the official schema does not accept it")
        }
        Outcome::Failed { first_only: true } => writeln!(
            out,
            "  schema: the official schema does not accept it; of so large a document only the first violation is named"
        ),
        Outcome::Skipped { file, url, folder } => {
            let folder = folder.as_ref().map(|folder| folder.display().to_string());
            let place = match &folder {
                Some(folder) => format!("put it into {folder}"),
                None => "put it into a folder and name that by --schemas or SBOMCTL_SCHEMAS".to_owned(),
            };
            writeln!(
                out,
                "  schema: skipped, {file} is not there: get it from {url} and {}",
                escape_control(&place)
            )
        }
        Outcome::None(reason) => writeln!(out, "  schema: {reason}"),
        Outcome::Unasked => writeln!(out, "  schema: not asked"),
    }
}

fn rule(broken: &Broken, out: &mut dyn Write) -> io::Result<()> {
    let rule = broken.rule;
    writeln!(out, "  {} {} ({}): {}", rule.severity.name(), rule.id, broken.count, rule.says)?;
    for finding in broken.findings.iter().take(LISTED) {
        let message = escape_control(&finding.message);
        match finding.place.as_str() {
            "" => writeln!(out, "      {message}")?,
            place => writeln!(out, "      {}: {message}", escape_control(place))?,
        }
    }
    let shown = broken.findings.len().min(LISTED) as u64;
    if broken.count > shown {
        writeln!(out, "      and {} more", broken.count.saturating_sub(shown))?;
    }
    writeln!(out, "      to mend it: {}", rule.mend)
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// For programs, in the form of `schemas/validate.schema.json`.
pub(super) fn json(results: &[Result], out: &mut dyn Write) -> io::Result<()> {
    let documents: Vec<Value> = results.iter().map(record).collect();
    serde_json::to_writer_pretty(&mut *out, &json!({ "documents": documents }))?;
    writeln!(out)
}

fn record(result: &Result) -> Value {
    let verdict = match result {
        Ok(verdict) => verdict,
        Err((name, error)) => return json!({ "file": name, "verdict": "unreadable", "error": error }),
    };
    let rules: Vec<Value> = verdict.broken.iter().map(rule_record).collect();
    json!({
        "file": verdict.name,
        "format": verdict.format,
        "verdict": verdict.word(),
        "schema": schema_record(&verdict.schema),
        "errors": verdict.count(Severity::Error),
        "warnings": verdict.count(Severity::Warning),
        "rules": rules,
    })
}

fn schema_record(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Passed => json!({ "status": "passed" }),
        Outcome::Failed { first_only } => json!({ "status": "failed", "firstOnly": first_only }),
        Outcome::Skipped { file, url, folder } => {
            let folder = folder.as_ref().map(|folder| folder.display().to_string());
            json!({ "status": "skipped", "file": file, "url": url, "folder": folder })
        }
        Outcome::None(reason) => json!({ "status": "none", "reason": reason }),
        Outcome::Unasked => {
            json!({ "status": "none", "reason": "not JSON, or of no version that can be told" })
        }
    }
}

fn rule_record(broken: &Broken) -> Value {
    let findings: Vec<Value> = broken
        .findings
        .iter()
        .map(|finding| json!({ "place": finding.place, "message": finding.message }))
        .collect();
    json!({
        "rule": broken.rule.id,
        "severity": broken.rule.severity.name(),
        "says": broken.rule.says,
        "mend": broken.rule.mend,
        "count": broken.count,
        "findings": findings,
    })
}
