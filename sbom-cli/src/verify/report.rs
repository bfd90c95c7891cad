//! What `sbomctl verify` tells: every check that was made, and every one that was not.

use std::io::{self, Write};

use sbom_core::{
    attest::{
        statement::Statement,
        verify::{Check, Outcome, Signer, SignerId, Time, Verified},
    },
    digest::Digest,
    image_path::escape_control,
};
use serde_json::{Value, json};

use super::{Format, Verdict};
use crate::{
    exit_code::{Exit, Failure},
    output,
};

/// Writes all verdicts.
pub(super) fn write(verdicts: &[Verdict], format: Format) -> Result<(), Failure> {
    // What does not hold is not handed on.
    let holds = verdicts.iter().find(|verdict| verdict.exit() == Exit::Done);
    let verified: Vec<&Verified<Statement>> = holds.iter().flat_map(|verdict| &verdict.verified).collect();
    let newest = Verdict::newest(&verified);
    let differ =
        newest.iter().any(|verified| newest.first().is_some_and(|first| first.value() != verified.value()));
    if matches!(format, Format::Predicate | Format::Statement) && differ {
        let message = format!(
            "{} statements count, and nothing proves which is the newest: choose with --type or --bundle, \
             or see all with -o json",
            newest.len()
        );
        return Err(Failure::usage(anyhow::anyhow!(message)));
    }
    let newest = newest.first().copied();
    output::to_stdout(|out| match (format, newest) {
        (Format::Text, _) => verdicts.iter().try_for_each(|verdict| text(verdict, out)),
        (Format::Json, _) => {
            let verdicts: Vec<Value> = verdicts.iter().map(as_json).collect();
            serde_json::to_writer_pretty(&mut *out, &json!({ "schemaVersion": 1, "subjects": verdicts }))?;
            writeln!(out)
        }
        (Format::Predicate, Some(verified)) => out.write_all(verified.value().predicate()),
        (Format::Statement, Some(verified)) => out.write_all(verified.value().payload()),
        // The forms of verdicts are written elsewhere.
        _ => Ok(()),
    })
    .and_then(|()| match (format, newest) {
        // Standard output is empty then; why, standard error has to say.
        (Format::Predicate | Format::Statement, None) => {
            Err(Failure { exit: exit(verdicts), source: anyhow::anyhow!("{}", summary(verdicts)) })
        }
        _ => Ok(()),
    })
}

fn exit(verdicts: &[Verdict]) -> Exit {
    super::worst(verdicts.iter().map(Verdict::exit))
}

fn summary(verdicts: &[Verdict]) -> String {
    verdicts.iter().map(conclusion).collect::<Vec<_>>().join("; ")
}

fn text(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let platform = verdict.platform.as_ref().map(|platform| format!(" ({platform})")).unwrap_or_default();
    let (given, platform) = (escape_control(&verdict.given), escape_control(&platform));
    writeln!(out, "{given}{platform} is {}", verdict.digest)?;
    for verified in &verdict.verified {
        writeln!(out, "  verified  {}", escape_control(verified.value().predicate_type().uri()))?;
        writeln!(out, "    attestation  {}", verified.digest())?;
        for signer in verified.signers() {
            writeln!(out, "    signer       {}", escape_control(&name(signer)))?;
        }
        writeln!(out, "    signed       {}", time(verified.time()))?;
        for place in verified.log_places() {
            writeln!(out, "    logged       {} in {}", place.index, place.log)?;
        }
        checks(verified.checks(), out)?;
    }
    for (digest, refusal) in &verdict.refused {
        writeln!(out, "  refused   {digest}")?;
        writeln!(out, "    {}", escape_control(&refusal.to_string()))?;
    }
    for unsigned in &verdict.unsigned {
        writeln!(out, "  unsigned  {}", escape_control(unsigned))?;
    }
    for note in &verdict.notes {
        writeln!(out, "  note      {}", escape_control(note))?;
    }
    for incomplete in &verdict.incomplete {
        writeln!(out, "  unknown   {}", escape_control(incomplete))?;
    }
    for difference in verdict.differences.iter().flatten() {
        writeln!(out, "  differs   {}", escape_control(difference))?;
    }
    writeln!(out, "  {}", conclusion(verdict))
}

fn checks(checks: &[Check], out: &mut dyn Write) -> io::Result<()> {
    let passed: Vec<&str> =
        checks.iter().filter(|check| check.outcome == Outcome::Passed).map(|check| check.name).collect();
    writeln!(out, "    checked      {}", passed.join(", "))?;
    for check in checks {
        if let Outcome::NotRun { why } = &check.outcome {
            writeln!(out, "    not checked  {}: {}", check.name, escape_control(why))?;
        }
    }
    Ok(())
}

/// One line that says how it ended.
fn conclusion(verdict: &Verdict) -> String {
    let found = verdict.verified.len() + verdict.refused.len();
    match verdict.exit() {
        Exit::Done => match &verdict.differences {
            Some(_) => "verified, and a new scan finds the same".to_owned(),
            None if verdict.incomplete.is_empty() => {
                format!("verified: {} of {found} attestations count", verdict.verified.len())
            }
            None => format!(
                "verified: {} of {found} attestations count; not all could be looked at, and one of these may withdraw it",
                verdict.verified.len()
            ),
        },
        Exit::No if verdict.is_uncovered && verdict.differences.iter().all(Vec::is_empty) => {
            "NOT verified: of some platforms of the index nothing counts".to_owned()
        }
        Exit::Environment if verdict.is_uncovered => {
            "undecided: of some platforms of the index nothing counts, but not all could be looked at"
                .to_owned()
        }
        Exit::Environment if verdict.is_unread => {
            "undecided: not all of the image could be read to compare it with its signed bill".to_owned()
        }
        Exit::Environment if !verdict.verified.is_empty() => {
            "undecided: whether what counts was withdrawn could not be looked at".to_owned()
        }
        Exit::Environment => "undecided: no attestation counts, but not all could be looked at".to_owned(),
        _ if verdict.differences.as_ref().is_some_and(|differences| !differences.is_empty()) => {
            "NOT verified: the image is not what its signed bill says".to_owned()
        }
        _ if found == 0 && verdict.unsigned.is_empty() => "NOT verified: there is no attestation".to_owned(),
        _ if found == 0 => "NOT verified: nothing that is said of it is signed".to_owned(),
        _ => format!("NOT verified: none of {found} attestations counts"),
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

fn as_json(verdict: &Verdict) -> Value {
    json!({
        "subject": verdict.given,
        "digest": verdict.digest.to_string(),
        "platform": verdict.platform.as_ref().map(ToString::to_string),
        "result": match verdict.exit() {
            Exit::Done => "verified",
            Exit::Environment => "undecided",
            _ => "not-verified",
        },
        "verified": verdict.verified.iter().map(verified_json).collect::<Vec<_>>(),
        "refused": verdict
            .refused
            .iter()
            .map(|(digest, refusal)| json!({
                "attestation": digest.to_string(),
                "reason": refusal.reason.code(),
                "message": refusal.message,
                "checks": checks_json(&refusal.checks),
            }))
            .collect::<Vec<_>>(),
        "unsigned": verdict.unsigned,
        "notes": verdict.notes,
        "incomplete": verdict.incomplete,
        "differences": verdict.differences,
    })
}

fn verified_json(verified: &Verified<Statement>) -> Value {
    let signers: Vec<Value> = verified
        .signers()
        .iter()
        .map(|signer| match &signer.id {
            SignerId::Key { fingerprint } => json!({ "key": fingerprint.to_string() }),
            SignerId::Identity { issuer, subject, claims, certificate } => json!({
                "issuer": issuer,
                "subject": subject.name,
                "subjectKind": subject.kind.name(),
                "claims": claims.iter().map(|(claim, value)| (claim.name(), value)).collect::<std::collections::BTreeMap<_, _>>(),
                "certificate": certificate.to_string(),
            }),
        })
        .collect();
    let subjects: Vec<Value> = verified
        .value()
        .subjects()
        .iter()
        .map(|subject| json!({ "name": subject.name, "digest": subject.digests }))
        .collect();
    json!({
        "attestation": verified.digest().to_string(),
        "statement": Digest::of(verified.value().payload()).to_string(),
        "predicateType": verified.value().predicate_type().uri(),
        "subjects": subjects,
        "signers": signers,
        "time": match verified.time() {
            Time::Verified { at, source, .. } => json!({ "at": at.to_string(), "by": source.to_string() }),
            Time::Unverified => Value::Null,
        },
        "log": verified
            .log_places()
            .iter()
            .map(|place| json!({ "log": place.log, "index": place.index }))
            .collect::<Vec<_>>(),
        "checks": checks_json(verified.checks()),
    })
}

fn checks_json(checks: &[Check]) -> Vec<Value> {
    checks
        .iter()
        .map(|check| match &check.outcome {
            Outcome::Passed => json!({ "name": check.name, "outcome": "passed" }),
            Outcome::NotRun { why } => json!({ "name": check.name, "outcome": "not-run", "why": why }),
        })
        .collect()
}
