//! `sbomctl policy explain`: which rules are for an image, what they ask for, and how cases end by them.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::anyhow;
use clap::Args;
use sbom_core::{
    digest::Digest,
    limits::Limits,
    oci::reference::Reference,
    policy::{
        Policy, Subject, evaluate,
        model::{Content, Matches, Mode, Requirement, Rule, Select, Unmatched, format_name},
    },
};

use super::{cases, exit_of, load, report};
use crate::{
    environment::Environment,
    exit_code::{Exit, Failure},
    output,
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl policy explain policy.yaml ghcr.io/acme/app:v1
  sbomctl policy explain policy.yaml --cases incident.yaml --format json";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExplainArgs {
    /// The policy
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// An image by its name; nothing is asked of any registry
    #[arg(value_name = "IMAGE", required_unless_present = "cases", conflicts_with = "cases")]
    image: Option<String>,
    /// A file of cases, as `policy test` has them: what the gate says of each, check by check
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Which form the verdicts have
    #[arg(long, value_name = "FORMAT", default_value = "text", requires = "cases")]
    format: report::ReportFormat,
}

/// Runs the subcommand.
pub(super) fn run(
    arguments: &ExplainArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let policy = load(&arguments.policy)?;
    if let Some(file) = &arguments.cases {
        let (fixture, _) = cases::open(file)?;
        let verdicts: Vec<_> = fixture
            .cases
            .iter()
            .map(|case| evaluate(&policy, &case.subject, &case.evidence, case.now, &Limits::default()))
            .collect();
        let name = arguments.policy.display().to_string();
        let style = terminal.stdout_style(environment);
        output::to_stdout(|out| report::write(&verdicts, &name, arguments.format, style, out))?;
        return Ok(exit_of(&verdicts));
    }
    let name = arguments.image.as_deref().unwrap_or_default();
    let reference: Reference = name.parse().map_err(|error| Failure::usage(anyhow!("{name}: {error}")))?;
    // Only a digest that is given can be matched: a tag is not resolved here.
    let digest = reference.digest().cloned().unwrap_or_else(|| Digest::of(b""));
    let subject = Subject::of_reference(name, &reference, digest);
    output::to_stdout(|out| explain(&policy, &subject, &reference, out))?;
    Ok(Exit::Done)
}

fn explain(policy: &Policy, subject: &Subject, reference: &Reference, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{reference}")?;
    let mut rules = policy.rules_for(subject).peekable();
    if rules.peek().is_none() {
        let default = match policy.default {
            Unmatched::Deny => "it is denied",
            Unmatched::Warn => "it is allowed, with a warning",
            Unmatched::Allow => "it is allowed",
        };
        return writeln!(out, "  no rule is for it, so by the policy's default {default}");
    }
    for (index, rule) in rules {
        one(index, rule, out)?;
    }
    let signers: Vec<&str> = policy.signers_for(subject).into_keys().collect();
    writeln!(out, "\n  statements of these signers are looked for: {}", signers.join(", "))
}

fn one(index: usize, rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    let name = rule.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
    let leads_to = match rule.mode {
        Mode::Enforce => "whoever does not meet it is denied",
        Mode::Warn => "whoever does not meet it is warned of",
        Mode::Audit => "whoever does not meet it is written down",
    };
    writeln!(out, "\n  rule {index}{name}, line {}: {leads_to}", rule.line)?;
    for requirement in &rule.require {
        writeln!(out, "    needs {}", needs(requirement))?;
    }
    let list = |entries: Vec<String>| entries.join(", ");
    if let Some(denied) = &rule.packages {
        writeln!(
            out,
            "    without the packages {}",
            list(denied.entries.iter().map(ToString::to_string).collect())
        )?;
    }
    if let Some(denied) = &rule.licenses {
        writeln!(
            out,
            "    without the licences {}",
            list(denied.entries.iter().map(ToString::to_string).collect())
        )?;
    }
    if let Some(vulns) = &rule.vulns {
        let fixable = if vulns.fixable_only { " that can be fixed" } else { "" };
        writeln!(out, "    without vulnerabilities from {} up{fixable}", vulns.min.name())?;
    }
    if let Some(base) = &rule.base {
        let allowed = list(base.allow.iter().map(ToString::to_string).collect());
        writeln!(
            out,
            "    built on {}",
            if allowed.is_empty() { "an image that is new enough" } else { &allowed }
        )?;
    }
    for exception in &rule.exceptions {
        writeln!(out, "    except {} until {}: {}", exception.id, exception.until, exception.reason)?;
    }
    Ok(())
}

fn needs(requirement: &Requirement) -> String {
    let what = match &requirement.content {
        Content::Sbom { formats, .. } => {
            format!(
                "an SBOM ({})",
                formats.iter().map(|format| format_name(*format)).collect::<Vec<_>>().join(" or ")
            )
        }
        Content::Attestation { kind, .. } => format!("an attestation ({kind})"),
    };
    let by = requirement.by.join(" or ");
    let mut text = match requirement.threshold {
        1 => format!("{what} by {by}"),
        number => format!("{what} by {number} of {}", requirement.by.join(", ")),
    };
    if requirement.agree {
        text.push_str(" that say the same");
    }
    text.push_str(match requirement.select {
        Select::Latest => ", of each the newest",
        Select::Any => ", any of them",
        Select::All => ", all of them",
    });
    if let Some(seconds) = requirement.max_age {
        text = format!("{text}, not older than {} hours", seconds / 3600);
    }
    match &requirement.content {
        Content::Sbom { matches: Matches::Layers, .. } => text.push_str(", with the layers of the image"),
        Content::Sbom { matches: Matches::Rescan, .. } => text.push_str(", that a scan confirms"),
        Content::Attestation { condition: Some(condition), .. } => {
            text = format!("{text}, where {condition}");
        }
        _ => {}
    }
    text
}
