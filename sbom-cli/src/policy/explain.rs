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
        model::{
            Content, Coverage, Matches, Mode, Requirement, Rule, Select, Unmatched, VulnRule, format_name,
        },
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
        writeln!(out, "    without vulnerabilities {}", vulnerabilities(vulns))?;
    }
    if let Some(base) = &rule.base {
        let allowed = list(base.allow.iter().map(ToString::to_string).collect());
        let any = if allowed.is_empty() { "any image".to_owned() } else { allowed };
        let age = base.max_age.map(|most| format!(", not older than {}", span(most))).unwrap_or_default();
        writeln!(out, "    built on {any}{age}, by its own word")?;
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
    text.push_str(match requirement.coverage {
        Coverage::Platforms => ", about each platform by its own digest",
        Coverage::Index => ", about each platform by the index, with the platform or with none",
        Coverage::Any => ", about each platform by its own digest or by that of the index alone",
    });
    if let Some(most) = requirement.max_age {
        text = format!("{text}, not older than {}", span(most));
    }
    if requirement.claimed_time {
        text.push_str(", by its own word where no time is proven");
    }
    match &requirement.content {
        Content::Sbom { elements, matches, .. } => {
            if let Some(profile) = elements {
                text = format!("{text}, with the {}", profile.title());
            }
            text.push_str(match matches {
                Matches::Off => "",
                Matches::Layers => ", with the layers of the image",
                Matches::Rescan => ", that a scan confirms",
            });
        }
        Content::Attestation { condition: Some(condition), .. } => {
            text = format!("{text}, where {condition}");
        }
        Content::Attestation { condition: None, .. } => {}
    }
    text
}

fn vulnerabilities(vulns: &VulnRule) -> String {
    let mut text = format!("from {} up", vulns.min.name());
    if vulns.fixable_only {
        text.push_str(" that can be fixed");
    }
    if let Some(grace) = vulns.grace {
        text = format!("{text}, known for more than {}", span(grace));
    }
    if !vulns.vex.is_empty() {
        text = format!("{text}, unless VEX by {} clears them", vulns.vex.join(" or "));
    }
    text
}

/// A span of time as exactly as the policy states it, in the largest unit that leaves no rest.
fn span(seconds: u64) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let whole = units.into_iter().find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length));
    let (length, unit) = whole.unwrap_or((1, "second"));
    let number = seconds / length;
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}
