//! Which attestations count, and which of them their signers have withdrawn.

use std::{collections::BTreeSet, path::Path};

use sbom_core::{
    attach::revocation,
    attest::{
        Signed,
        predicate::PredicateType,
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
    let withdrawn = withdrawn(candidates, &judged, demand, limits);
    if !withdrawn.is_empty() {
        let mut demand = demand.clone();
        demand.revoked.attestations.extend(withdrawn);
        for ((_, signed), judged) in candidates.iter().zip(&mut judged).filter(|(_, judged)| judged.is_ok()) {
            *judged = verify(signed, &demand, limits);
        }
    }
    for ((digest, _), judged) in candidates.iter().zip(judged) {
        match judged {
            // A record that withdraws something is no reason to let anything pass.
            Ok(verified) if is_record(&verified) && demand.predicate.is_none() => {
                verdict.notes.push(format!("{digest} withdraws others"));
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

fn is_record(verified: &Verified<Statement>) -> bool {
    verified.value().predicate_type().uri() == revocation::PREDICATE_TYPE
}

/// What those who are trusted have withdrawn. A record is of a type that need not be the demanded one.
fn withdrawn(
    candidates: &[(Digest, Signed)],
    judged: &[Result<Verified<Statement>, Refusal>],
    demand: &Demand,
    limits: &Limits,
) -> BTreeSet<Digest> {
    let records =
        Demand { predicate: Some(PredicateType::new(revocation::PREDICATE_TYPE)), ..demand.clone() };
    let mut withdrawn = BTreeSet::new();
    for ((_, signed), judged) in candidates.iter().zip(judged) {
        let read =
            |record: &Verified<Statement>| revocation::read(record.value().predicate()).unwrap_or_default();
        match judged {
            Ok(verified) if is_record(verified) => withdrawn.extend(read(verified)),
            Err(refusal) if refusal.reason == Reason::WrongType => {
                withdrawn.extend(verify(signed, &records, limits).iter().flat_map(read));
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
