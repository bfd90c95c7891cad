//! What lies beside an image as a consumer finds it who trusts its author: whether it is there, counts, and was withdrawn.

use anyhow::anyhow;
use sbom_core::{
    attach::{self, Found, Spending, Stopwatch, Wanted},
    attest::{
        Signed,
        predicate::PredicateType,
        trust::Trust,
        verify::{Demand, Need, Reason, Revoked, verify as verify_one},
    },
    digest::Digest,
    limits::Limits,
};

use super::Done;
use crate::{
    environment,
    exit_code::{Exit, Failure},
    place::Image,
    verify::{self, Withdrawn},
};

/// Looks for what was put there as a consumer would, and verifies it if it is known whom a consumer has to trust.
pub(super) fn read_back(
    image: &Image,
    trust: Option<&Trust>,
    done: &[Done],
    limits: &Limits,
) -> Result<(), Failure> {
    for done in done {
        for subject in &done.said.subjects {
            let found = find(image, &done.said.predicate_type, &subject.digest, limits);
            let Some(signed) = own(&found, done) else {
                let unseen: String = found
                    .incomplete
                    .iter()
                    .map(|one| format!("; not all could be looked at: {one}"))
                    .collect();
                return Err(Failure::environment(anyhow!(
                    "the attestation {} was put beside {}, but whoever looks for it there does not find it{unseen}",
                    Digest::of(&done.bundle),
                    subject.digest
                )));
            };
            if let Some(trust) = trust {
                check(signed, &subject.digest, &done.said.predicate_type, trust.clone(), limits)?;
            }
        }
    }
    let Some(trust) = trust else { return Ok(()) };
    let records = records(image, trust, limits)?;
    for done in done {
        check_standing(Some(&records), [&done.statement, &Digest::of(&done.bundle)])?;
    }
    if let Some(first) = records.unread().first() {
        return Err(Failure::environment(anyhow!(
            "what was signed is in its place, but whether it was withdrawn nobody can tell: {first}"
        )));
    }
    Ok(())
}

/// What the author has withdrawn of the image, as somebody knows it who trusts nobody else.
pub(super) fn records(image: &Image, trust: &Trust, limits: &Limits) -> Result<Withdrawn, Failure> {
    verify::withdrawn(image, &|subject| demand(subject, None, trust.clone()), limits)
}

/// Fails if one of `digests` was withdrawn: whoever says the same again says what does not count.
pub(super) fn check_standing<'a>(
    records: Option<&Withdrawn>,
    digests: impl IntoIterator<Item = &'a Digest>,
) -> Result<(), Failure> {
    let Some(records) = records else { return Ok(()) };
    let against = |digest: &'a Digest| records.record_of(digest).map(|record| (digest, record));
    match digests.into_iter().find_map(against) {
        None => Ok(()),
        Some((digest, record)) => {
            let message = format!(
                "{}: the record {record} withdraws {digest}, and the same words are withdrawn however often they are \
                 signed; give them another time (`--timestamp now`), or take the record away (`attest revoke --delete`)",
                Reason::Revoked
            );
            Err(Failure { exit: Exit::No, source: anyhow!(message) })
        }
    }
}

/// What lies beside `subject`, looked for as by somebody who wants what was said.
pub(super) fn find(image: &Image, wanted: &PredicateType, subject: &Digest, limits: &Limits) -> Found {
    let likely = [wanted.uri().to_owned()];
    let wanted = Wanted { subject, index: image.index(), likely: &likely };
    attach::find(&*image.store, wanted, &mut Spending::new(limits, Box::new(Stopwatch::default())))
}

fn own<'a>(found: &'a Found, done: &Done) -> Option<&'a Signed> {
    let bundle = Digest::of(&done.bundle);
    found.signed().find(|(attestation, _)| attestation.digest == bundle).map(|(_, signed)| signed)
}

/// The failure of a push, with what can be found all the same and what cannot.
pub(super) fn what_is_there(image: &Image, done: &[Done], failure: Failure, limits: &Limits) -> Failure {
    let mut there = Vec::new();
    let mut missing = Vec::new();
    for one in done {
        for subject in &one.said.subjects {
            let found = find(image, &one.said.predicate_type, &subject.digest, limits);
            let line = format!("{} of {}", one.said.predicate_type.uri(), subject.digest);
            match own(&found, one) {
                Some(_) => there.push(line),
                None if found.is_complete() => missing.push(line),
                None => missing.push(format!("{line} (as far as can be seen)")),
            }
        }
    }
    let there = if there.is_empty() { "nothing".to_owned() } else { there.join(", ") };
    let missing = if missing.is_empty() { "nothing".to_owned() } else { missing.join(", ") };
    let message = format!(
        "not all could be put beside the image; signed and found there: {there}; not found there: {missing}; \
         run the command again when the cause is gone"
    );
    Failure { exit: failure.exit, source: failure.source.context(message) }
}

/// What whoever trusts `trust` asks for.
pub(super) fn demand(subject: Digest, predicate: Option<&PredicateType>, trust: Trust) -> Demand {
    Demand {
        subject,
        predicate: predicate.cloned(),
        signers: vec![trust],
        log: Need::BySigner,
        time: Need::BySigner,
        revoked: Revoked::default(),
        now: environment::now(),
    }
}

/// Fails unless `signed` would be accepted by whoever trusts its author.
pub(super) fn check(
    signed: &Signed,
    subject: &Digest,
    predicate: &PredicateType,
    trust: Trust,
    limits: &Limits,
) -> Result<(), Failure> {
    let demand = demand(subject.clone(), Some(predicate), trust);
    verify_one(signed, &demand, limits).map(|_verified| ()).map_err(|refusal| {
        let error = anyhow::Error::new(refusal).context("what was signed does not verify");
        Failure { exit: Exit::Environment, source: error }
    })
}
