//! What `sbomctl verify` tells: every check that was made, and every one that was not.

use sbom_core::{
    attest::{
        statement::Statement,
        verify::{Check, Outcome, SignerId, Time, Verified},
    },
    columns::Style,
    digest::Digest,
};
use serde_json::{Value, json};

use super::{Format, Verdict, text};
use crate::{
    exit_code::{Exit, Failure},
    orders, output,
    terminal::Lines,
};

/// Writes all verdicts.
pub(super) fn write(verdicts: &[Verdict], format: Format, style: Style) -> Result<(), Failure> {
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
        (Format::Text, _) => orders::write_without(out, |out| text::write(verdicts, style, out)),
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
            let exit = super::verdict::worst(verdicts.iter().map(Verdict::exit));
            Err(Failure { exit, source: Lines(faults(verdicts)).into() })
        }
        _ => Ok(()),
    })
}

/// A line for each verdict that is not a yes.
pub(super) fn faults(verdicts: &[Verdict]) -> Vec<String> {
    let faults = verdicts.iter().filter(|verdict| verdict.exit() != Exit::Done);
    faults.map(text::fault).collect()
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
