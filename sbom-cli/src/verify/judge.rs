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
        verify::{Demand, Reason, Refusal, Verified, Work, verify_within},
    },
    digest::Digest,
    limits::Limits,
};

use super::Verdict;
use crate::{documents, exit_code::Failure};

/// What was found beside one digest, and what verification says of each.
pub(super) struct Hearing {
    demand: Demand,
    candidates: Vec<(Digest, Signed)>,
    judged: Vec<Result<Verified<Statement>, Refusal>>,
}

/// What signers have withdrawn, and by which of them, by their places among those who are demanded. A record binds whatever
/// the signer has said of the image, wherever the two lie: beside the index or beside one of its images.
#[derive(Debug, Default)]
pub(super) struct Withdrawn {
    by: BTreeMap<Digest, BTreeSet<usize>>,
    /// Records of somebody trusted of which nobody knows what they withdraw.
    unread: Vec<String>,
}

impl Withdrawn {
    fn add(&mut self, record: &Verified<Statement>) {
        let Some(digests) = revocation::read(record.value().predicate()) else {
            self.unread.push(format!("{}: what it withdraws cannot be read", record.digest()));
            return;
        };
        for digest in digests {
            self.by.entry(digest).or_default().extend(places(record));
        }
    }

    /// Tells `verdict` of the records that cannot be read.
    pub(super) fn tell(&self, verdict: &mut Verdict) {
        verdict.withdrawals_missed |= !self.unread.is_empty();
        verdict.incomplete.extend(self.unread.iter().cloned());
    }
}

impl Hearing {
    /// Verifies every candidate. One that does not count hides none that does.
    pub(super) fn new(
        candidates: Vec<(Digest, Signed)>,
        demand: Demand,
        limits: &Limits,
        work: &mut Work,
    ) -> Self {
        let verify = |(_, signed): &(Digest, Signed)| verify_within(signed, &demand, limits, work);
        let judged = candidates.iter().map(verify).collect();
        Self { demand, candidates, judged }
    }

    /// Adds what those whom the demand trusts have withdrawn. A record is of a type that need not be the demanded one.
    pub(super) fn add_withdrawn(&self, limits: &Limits, work: &mut Work, withdrawn: &mut Withdrawn) {
        let predicate = Some(PredicateType::new(revocation::PREDICATE_TYPE));
        let records = Demand { predicate, ..self.demand.clone() };
        for ((digest, signed), judged) in self.candidates.iter().zip(&self.judged) {
            match judged {
                Ok(verified) if is_record(verified) => withdrawn.add(verified),
                Err(refusal) if refusal.reason == Reason::WrongType => {
                    match verify_within(signed, &records, limits, work) {
                        Ok(record) => withdrawn.add(&record),
                        Err(refusal) if refusal.reason == Reason::Limit => {
                            withdrawn.unread.push(format!("{digest}: {refusal}"));
                        }
                        Err(_) => {}
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes down what became of each candidate. What any of the demanded signers has withdrawn does not count.
    pub(super) fn end(self, withdrawn: &Withdrawn, limits: &Limits, work: &mut Work, verdict: &mut Verdict) {
        let Self { mut demand, candidates, mut judged } = self;
        if !withdrawn.by.is_empty() {
            demand.revoked.attestations.extend(withdrawn.by.keys().cloned());
            for ((_, signed), judged) in
                candidates.iter().zip(&mut judged).filter(|(_, judged)| judged.is_ok())
            {
                *judged = verify_within(signed, &demand, limits, work);
            }
        }
        take(&candidates, judged, &demand, verdict);
    }

    /// The same for signers whose words are about different things: what one of them has said only that one can withdraw.
    pub(super) fn end_each_by_its_own(self, withdrawn: &Withdrawn, verdict: &mut Verdict) {
        take(&self.candidates, self.judged, &self.demand, verdict);
        let is_withdrawn = |verified: &mut Verified<Statement>| {
            let names = [verified.digest().clone(), verified.value().digest()];
            let by: BTreeSet<usize> =
                names.iter().filter_map(|name| withdrawn.by.get(name)).flatten().copied().collect();
            places(verified).any(|place| by.contains(&place))
        };
        for gone in verdict.verified.extract_if(.., is_withdrawn) {
            let message = "its own signer has withdrawn it".to_owned();
            let refusal = Refusal { reason: Reason::Revoked, message, checks: gone.checks().to_vec() };
            verdict.refused.push((gone.digest().clone(), refusal));
        }
    }
}

/// Judges what was found beside one digest, where nothing else is known of the image.
pub(super) fn judge(
    candidates: Vec<(Digest, Signed)>,
    demand: &Demand,
    limits: &Limits,
    verdict: &mut Verdict,
) {
    let (mut work, mut withdrawn) = (Work::new(limits), Withdrawn::default());
    let hearing = Hearing::new(candidates, demand.clone(), limits, &mut work);
    hearing.add_withdrawn(limits, &mut work, &mut withdrawn);
    withdrawn.tell(verdict);
    hearing.end(&withdrawn, limits, &mut work, verdict);
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
