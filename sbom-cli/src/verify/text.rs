//! What `sbomctl verify` tells people: first how it ended and by whose word, then every check that was made, and every
//! one that was not.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use sbom_core::{
    attest::{
        statement::Statement,
        verify::{Check, Outcome, Refusal, Signer, SignerId, Time, Verified},
    },
    columns::{Color, Style},
    digest::Digest,
    image_path::escape_control,
};

use super::Verdict;
use crate::exit_code::Exit;

/// Refused attestations that are shown one by one, and signers that the first line names.
const SHOWN: usize = 20;
const NAMED: usize = 3;

/// Writes a block for each verdict.
pub(super) fn write(verdicts: &[Verdict], style: Style, out: &mut dyn Write) -> io::Result<()> {
    for (index, verdict) in verdicts.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        block(verdict, style, out)?;
    }
    Ok(())
}

/// One line that says how it ended.
pub(super) fn fault(verdict: &Verdict) -> String {
    let (word, why) = conclusion(verdict);
    format!("{word}: {}: {why}", image(verdict))
}

fn block(verdict: &Verdict, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let (word, why) = conclusion(verdict);
    let word = color(verdict).paint(word, style);
    writeln!(out, "{word}  {}{}", escape_control(&image(verdict)), by_whom(verdict))?;
    writeln!(out, "  {why}")?;
    for difference in verdict.differences.iter().flatten() {
        writeln!(out, "  {}  {}", Color::Red.paint("differs ", style), escape_control(difference))?;
    }
    for one in &verdict.verified {
        verified(one, style, out)?;
    }
    refused(&verdict.refused, style, out)?;
    let lines = [
        ("unsigned", Color::Yellow, &verdict.unsigned),
        ("unknown ", Color::Yellow, &verdict.incomplete),
        ("note    ", Color::Cyan, &verdict.notes),
    ];
    for (word, color, said) in lines {
        for line in said {
            writeln!(out, "  {}  {}", color.paint(word, style), escape_control(line))?;
        }
    }
    Ok(())
}

fn verified(verified: &Verified<Statement>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let kind = escape_control(verified.value().predicate_type().uri());
    writeln!(out, "  {}  {kind}", Color::Green.paint("counts  ", style))?;
    writeln!(out, "    attestation  {}", verified.digest())?;
    for signer in verified.signers() {
        writeln!(out, "    signed by    {}", escape_control(&name(signer)))?;
    }
    writeln!(out, "    signed       {}", time(verified.time()))?;
    for place in verified.log_places() {
        writeln!(out, "    logged       {} in {}", place.index, place.log)?;
    }
    checks(verified.checks(), out)
}

fn checks(checks: &[Check], out: &mut dyn Write) -> io::Result<()> {
    let passed: Vec<&str> =
        checks.iter().filter(|check| check.outcome == Outcome::Passed).map(|check| check.name).collect();
    writeln!(out, "    checked      {}", passed.join(", "))?;
    let not_run = || {
        checks.iter().filter_map(|check| match &check.outcome {
            Outcome::Passed => None,
            Outcome::NotRun { why } => Some((check.name, why)),
        })
    };
    let width = not_run().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (index, (name, why)) in not_run().enumerate() {
        let head = if index == 0 { "not checked" } else { "" };
        writeln!(out, "    {head:<11}  {name:<width$}  {}", escape_control(why))?;
    }
    Ok(())
}

/// The first ones by themselves, the others by the number of each reason.
fn refused(refused: &[(Digest, Refusal)], style: Style, out: &mut dyn Write) -> io::Result<()> {
    for (digest, refusal) in refused.iter().take(SHOWN) {
        writeln!(
            out,
            "  {}  {}",
            Color::Yellow.paint("refused ", style),
            escape_control(&refusal.to_string())
        )?;
        writeln!(out, "    attestation  {digest}")?;
    }
    let mut more: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, refusal) in refused.iter().skip(SHOWN) {
        *more.entry(refusal.reason.code()).or_default() += 1;
    }
    if more.is_empty() {
        return Ok(());
    }
    let more: Vec<String> = more.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let word = Color::Yellow.paint("refused ", style);
    writeln!(out, "  {word}  and {}; -o json lists them", more.join(", "))
}

/// How it ended, and why.
fn conclusion(verdict: &Verdict) -> (&'static str, Cow<'static, str>) {
    let found = verdict.verified.len() + verdict.refused.len();
    let count = verdict.verified.len();
    match verdict.exit() {
        Exit::Done => {
            let mut why = format!("{count} of {found} attestations count");
            if verdict.differences.is_some() {
                why.push_str(", and a new scan finds the same");
            }
            if !verdict.incomplete.is_empty() {
                why.push_str("; not all could be looked at, and one of these may withdraw it");
            }
            ("verified", why.into())
        }
        Exit::No if verdict.is_uncovered && verdict.differences.iter().all(Vec::is_empty) => {
            ("NOT verified", "of some platforms of the index nothing counts".into())
        }
        Exit::Environment if verdict.is_uncovered => {
            let why = "of some platforms of the index nothing counts, but not all could be looked at";
            ("undecided", why.into())
        }
        Exit::Environment if verdict.is_unread => {
            ("undecided", "not all of the image could be read to compare it with its signed bill".into())
        }
        Exit::Environment if count > 0 => {
            ("undecided", "whether what counts was withdrawn could not be looked at".into())
        }
        Exit::Environment => ("undecided", "no attestation counts, but not all could be looked at".into()),
        _ => ("NOT verified", not_verified(verdict, found)),
    }
}

fn not_verified(verdict: &Verdict, found: usize) -> Cow<'static, str> {
    if verdict.differences.as_ref().is_some_and(|differences| !differences.is_empty()) {
        return "the image is not what its signed bill says".into();
    }
    match found {
        0 if verdict.unsigned.is_empty() => "there is no attestation".into(),
        0 => "nothing that is said of it is signed".into(),
        _ => format!("none of {found} attestations counts").into(),
    }
}

fn color(verdict: &Verdict) -> Color {
    match verdict.exit() {
        Exit::Done => Color::Green,
        Exit::Environment => Color::Yellow,
        _ => Color::Red,
    }
}

/// What was asked for, with the digest that it was resolved to and the platform.
fn image(verdict: &Verdict) -> String {
    let (given, digest) = (&verdict.given, verdict.digest.to_string());
    let pinned = if given.ends_with(&digest) { given.clone() } else { format!("{given}@{digest}") };
    match &verdict.platform {
        Some(platform) => format!("{pinned} ({platform})"),
        None => pinned,
    }
}

/// The signers of what counts, each once and as short as it is told from others.
fn by_whom(verdict: &Verdict) -> String {
    if verdict.exit() != Exit::Done {
        return String::new();
    }
    let signers: BTreeSet<String> = verdict.verified.iter().flat_map(Verified::signers).map(short).collect();
    let named: Vec<&str> = signers.iter().take(NAMED).map(String::as_str).collect();
    let more = match signers.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("  by {}{more}", escape_control(&named.join(", ")))
}

fn short(signer: &Signer) -> String {
    match &signer.id {
        SignerId::Key { fingerprint } => {
            format!("key {}", fingerprint.to_string().chars().take("sha256:".len() + 12).collect::<String>())
        }
        SignerId::Identity { .. } => name(signer),
    }
}

fn name(signer: &Signer) -> String {
    match &signer.id {
        SignerId::Key { fingerprint } => format!("key {fingerprint}"),
        SignerId::Identity { issuer, subject, .. } => format!("{} of {issuer}", subject.name),
    }
}

fn time(time: Time) -> String {
    match time {
        Time::Verified { at, source, .. } => format!("{at}, as {source} says"),
        Time::Unverified => "at an unverified time".to_owned(),
    }
}
