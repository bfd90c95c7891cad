//! Which attestations count, and which of them their signers have withdrawn.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use sbom_core::{
    attach::revocation,
    attest::{
        Signed,
        predicate::{Family, PredicateType},
        statement::Statement,
        verify::{Demand, Reason, Refusal, Verified, verify},
    },
    digest::Digest,
    limits::Limits,
};

use super::Verdict;
use crate::{documents, exit_code::Failure};

/// Verifies every candidate. One that does not count hides none that does; one that a trusted signer has withdrawn does
/// not count.
pub(super) fn judge(
    candidates: &[(Digest, Signed)],
    demand: &Demand,
    limits: &Limits,
    verdict: &mut Verdict,
) {
    let mut judged: Vec<_> = candidates.iter().map(|(_, signed)| verify(signed, demand, limits)).collect();
    let withdrawn = withdrawn(candidates, &judged, demand, limits, verdict);
    if !withdrawn.is_empty() {
        let mut demand = demand.clone();
        demand.revoked.attestations.extend(withdrawn.into_keys());
        for ((_, signed), judged) in candidates.iter().zip(&mut judged).filter(|(_, judged)| judged.is_ok()) {
            *judged = verify(signed, &demand, limits);
        }
    }
    take(candidates, judged, demand, verdict);
}

/// The same for signers whose words are about different things: what one of them has said only that one can withdraw.
pub(super) fn judge_each_by_its_own(
    candidates: &[(Digest, Signed)],
    demand: &Demand,
    limits: &Limits,
    verdict: &mut Verdict,
) {
    let judged: Vec<_> = candidates.iter().map(|(_, signed)| verify(signed, demand, limits)).collect();
    let withdrawn = withdrawn(candidates, &judged, demand, limits, verdict);
    take(candidates, judged, demand, verdict);
    let is_withdrawn = |verified: &mut Verified<Statement>| {
        let names = [verified.digest().clone(), verified.value().digest()];
        let by: BTreeSet<usize> =
            names.iter().filter_map(|name| withdrawn.get(name)).flatten().copied().collect();
        places(verified).any(|place| by.contains(&place))
    };
    for gone in verdict.verified.extract_if(.., is_withdrawn) {
        let message = "its own signer has withdrawn it".to_owned();
        let refusal = Refusal { reason: Reason::Revoked, message, checks: gone.checks().to_vec() };
        verdict.refused.push((gone.digest().clone(), refusal));
    }
}

/// Which of the demanded signers a statement is by.
fn places(verified: &Verified<Statement>) -> impl Iterator<Item = usize> {
    verified.signers().iter().flat_map(|signer| &signer.trusted_as).copied()
}

/// Takes down what became of each candidate.
fn take(
    candidates: &[(Digest, Signed)],
    judged: Vec<Result<Verified<Statement>, Refusal>>,
    demand: &Demand,
    verdict: &mut Verdict,
) {
    for ((digest, _), judged) in candidates.iter().zip(judged) {
        match judged {
            // A record that withdraws something is no reason to let anything pass.
            Ok(verified) if is_record(&verified) && demand.predicate.is_none() => {
                verdict.notes.push(format!("{digest} withdraws others"));
            }
            Ok(verified) if is_failed_summary(&verified) => {
                let message = "it sums up a verification that failed".to_owned();
                let checks = verified.checks().to_vec();
                let refusal = Refusal { reason: Reason::FailedSummary, message, checks };
                verdict.refused.push((digest.clone(), refusal));
            }
            Ok(verified) => verdict.verified.push(verified),
            // What asks for too much was not judged.
            Err(refusal) if refusal.reason == Reason::Limit => {
                verdict.incomplete.push(format!("{digest}: {refusal}"));
            }
            Err(refusal) => verdict.refused.push((digest.clone(), refusal)),
        }
    }
    verdict.verified.sort_by(|a, b| {
        let key = |verified: &Verified<Statement>| verified.time().verified();
        key(b).cmp(&key(a)).then_with(|| a.digest().cmp(b.digest()))
    });
}

/// Whether it is a summary of a verification (SLSA VSA) that does not say `PASSED`.
fn is_failed_summary(verified: &Verified<Statement>) -> bool {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Summary {
        verification_result: String,
    }
    let passed = |predicate: &[u8]| {
        serde_json::from_slice::<Summary>(predicate)
            .is_ok_and(|summary| summary.verification_result == "PASSED")
    };
    verified.value().predicate_type().family() == Some(Family::VerificationSummary)
        && !passed(verified.value().predicate())
}

fn is_record(verified: &Verified<Statement>) -> bool {
    verified.value().predicate_type().uri() == revocation::PREDICATE_TYPE
}

/// What those whom `demand` trusts have withdrawn, and by which of them, by their places. A record is of a type that need
/// not be the demanded one.
fn withdrawn(
    candidates: &[(Digest, Signed)],
    judged: &[Result<Verified<Statement>, Refusal>],
    demand: &Demand,
    limits: &Limits,
    verdict: &mut Verdict,
) -> BTreeMap<Digest, BTreeSet<usize>> {
    let records =
        Demand { predicate: Some(PredicateType::new(revocation::PREDICATE_TYPE)), ..demand.clone() };
    let mut withdrawn: BTreeMap<Digest, BTreeSet<usize>> = BTreeMap::new();
    let mut add = |record: &Verified<Statement>| {
        let Some(digests) = revocation::read(record.value().predicate()) else {
            // Somebody trusted withdraws something, and nobody knows what.
            verdict.withdrawals_missed = true;
            verdict.incomplete.push(format!("{}: what it withdraws cannot be read", record.digest()));
            return;
        };
        for digest in digests {
            withdrawn.entry(digest).or_default().extend(places(record));
        }
    };
    for ((_, signed), judged) in candidates.iter().zip(judged) {
        match judged {
            Ok(verified) if is_record(verified) => add(verified),
            Err(refusal) if refusal.reason == Reason::WrongType => {
                verify(signed, &records, limits).iter().for_each(&mut add);
            }
            _ => {}
        }
    }
    withdrawn
}

/// The attestations in a file: one, or one a line.
pub(super) fn candidates(path: &Path, limits: &Limits) -> Result<Vec<(Digest, Signed)>, Failure> {
    let name = path.display().to_string();
    let (_, bytes) = documents::bytes(&name, limits)?;
    let whole = bytes.trim_ascii();
    let lines: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    // One attestation may be spread over lines; several are one a line, each a whole object.
    let is_object = |line: &&[u8]| line.starts_with(b"{") && line.ends_with(b"}");
    let several = lines.iter().filter(|line| !line.is_empty()).all(is_object);
    let parts = if several { lines } else { vec![whole] };
    let parts: Vec<&[u8]> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    limits.referrers_listed.check(parts.len() as u64).map_err(|error| {
        Failure::environment(anyhow::Error::new(error).context(format!("the attestations in {name}")))
    })?;
    let signed = parts.into_iter().map(|part| {
        let bytes = part.to_vec();
        (Digest::of(&bytes), Signed::of_file(bytes))
    });
    Ok(signed.collect())
}
