//! Verdicts for people: what the gate says, why, and what to do.

use std::io::{self, Write};

use sbom_core::{
    columns::{Color, Style},
    image_path::escape_control,
    policy::{
        Decision, Verdict,
        verdict::{Check, ExceptionState, Outcome},
    },
};

/// Details that are shown of a check.
const SHOWN: usize = 20;

/// Writes verdicts one after the other.
pub(super) fn write(verdicts: &[Verdict], policy: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for (index, verdict) in verdicts.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        one(verdict, policy, style, out)?;
    }
    Ok(())
}

/// One line that says how it ended.
pub(super) fn fault(verdict: &Verdict) -> String {
    format!("{}: {}: {}", decision(verdict).0, image(verdict), verdict.message)
}

fn decision(verdict: &Verdict) -> (&'static str, Color) {
    match verdict.decision {
        Decision::Allow => ("allowed", Color::Green),
        Decision::Warn => ("allowed, with warnings", Color::Yellow),
        Decision::Undecided => ("UNDECIDED, so not allowed", Color::Yellow),
        Decision::Deny => ("DENIED", Color::Red),
    }
}

/// What was asked for, with the digest that it was resolved to. What could not be looked at has none.
fn image(verdict: &Verdict) -> String {
    let (image, digest) = (&verdict.image, &verdict.digest);
    if digest.is_empty() || image.ends_with(digest) { image.clone() } else { format!("{image}@{digest}") }
}

fn one(verdict: &Verdict, policy: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let (word, color) = decision(verdict);
    let (image, by) = (image(verdict), format!("by {policy}"));
    writeln!(out, "{}  {}  {}", color.paint(word, style), escape_control(&image), escape_control(&by))?;
    writeln!(out, "  {}", escape_control(&verdict.message))?;
    if verdict.rules.is_empty() && !verdict.reason.help().is_empty() {
        writeln!(out, "  what to do: {}", verdict.reason.help())?;
    }
    for rule in &verdict.rules {
        let name = rule.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
        let place = format!("{policy}:{}", rule.line);
        writeln!(
            out,
            "\n  rule{} ({}, {}): {}",
            escape_control(&name),
            escape_control(&place),
            rule.mode.name(),
            rule.outcome.name()
        )?;
        rule.checks.iter().try_for_each(|one| check(one, style, out))?;
    }
    exceptions(verdict, out)
}

fn check(check: &Check, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mark = match check.outcome {
        Outcome::Pass => Color::Green.paint("pass", style),
        Outcome::Fail => Color::Red.paint("FAIL", style),
        Outcome::Undecided => Color::Yellow.paint("????", style),
        Outcome::Skip => "  - ".into(),
    };
    let what = check.path.split_once('.').map_or(check.path.as_str(), |(_, what)| what);
    let platform = check.platform.as_deref().map(|platform| format!(", {platform}")).unwrap_or_default();
    let reason = if check.outcome > Outcome::Pass { format!(" [{}]", check.reason) } else { String::new() };
    writeln!(
        out,
        "    {mark}  {}{}: {}{reason}",
        what,
        escape_control(&platform),
        escape_control(&check.message)
    )?;
    for detail in check.details.iter().take(SHOWN) {
        writeln!(out, "            {}: {}", escape_control(&detail.about), escape_control(&detail.message))?;
    }
    match check.details.len().saturating_sub(SHOWN).saturating_add(check.more_details) {
        0 => {}
        more => writeln!(out, "            and {more} more")?,
    }
    if check.outcome > Outcome::Pass && !check.reason.help().is_empty() {
        writeln!(out, "          what to do: {}", check.reason.help())?;
    }
    Ok(())
}

fn exceptions(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    if !verdict.exceptions.is_empty() {
        writeln!(out, "\n  exceptions")?;
    }
    for exception in &verdict.exceptions {
        let state = match exception.state {
            ExceptionState::Used => format!("for {} findings", exception.findings),
            ExceptionState::Unused => "for nothing that was found".to_owned(),
            ExceptionState::Expired => "EXPIRED: it excepts nothing any more".to_owned(),
        };
        let (id, reason) = (escape_control(&exception.id), escape_control(&exception.reason));
        writeln!(out, "    {id} until {}: {state} ({reason})", exception.until)?;
    }
    Ok(())
}
