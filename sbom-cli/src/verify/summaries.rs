//! Summaries of verifications (SLSA VSA) by the same signer that contradict each other.

use std::collections::BTreeSet;

use sbom_core::{
    attest::{
        predicate::{Family, PredicateType},
        statement::Statement,
        verify::{Reason, Signer, Verified},
    },
    policy::summary::Summary,
};

use super::verdict::Verdict;

/// Refuses summaries that say no, and those that say yes of which the same signer may have said no since. Both times are the
/// signer's own word: what somebody else proves of a key's signature is when it was there at the latest, and whoever shows
/// an old one can have it stamped again. For the same reason a no need not be proven as a yes must be.
pub(super) fn settle(verdict: &mut Verdict) {
    let (failed, mut kept): (Vec<_>, Vec<_>) = std::mem::take(&mut verdict.verified)
        .into_iter()
        .partition(|verified| of(verified).is_some_and(|summary| !summary.passed));
    let unproven = verdict.against.iter().map(|it| (it.signers(), summary(it.value())));
    let said = failed.iter().map(|it| (it.signers(), of(it))).chain(unproven);
    let noes: Vec<(&[Signer], Summary)> = said
        .filter_map(|(signers, summary)| Some((signers, summary.filter(|summary| !summary.passed)?)))
        .collect();
    let contradicted = |passed: &mut Verified<Statement>| {
        let Some(own) = of(passed) else { return false };
        noes.iter().any(|(signers, no)| !no.is_before(&own) && is_same(signers, passed.signers()))
    };
    let gone: Vec<_> = kept.extract_if(.., contradicted).collect();
    // A summary that was not looked at may say no, and so withdraw what says yes.
    verdict.withdrawals_missed |= verdict.summaries_missed && kept.iter().any(|it| of(it).is_some());
    verdict.verified = kept;
    for verified in gone {
        let message = "its signer says otherwise in a summary that may be newer";
        verdict.refuse(&verified, Reason::FailedSummary, message);
    }
    for verified in failed {
        verdict.refuse(&verified, Reason::FailedSummary, "it sums up a verification that failed");
    }
}

/// Whether what is called so may be a summary: whoever calls one something else could as well have left it out.
pub(super) fn may_be_one(hint: Option<&str>) -> bool {
    hint.is_none_or(|hint| PredicateType::new(hint).family() == Some(Family::VerificationSummary))
}

/// Whether one of some signers is one of the others.
fn is_same(some: &[Signer], others: &[Signer]) -> bool {
    let places = |signers: &[Signer]| signers.iter().flat_map(|it| it.trusted_as.clone()).collect();
    let (some, others): (BTreeSet<usize>, BTreeSet<usize>) = (places(some), places(others));
    !some.is_disjoint(&others)
}

fn of(verified: &Verified<Statement>) -> Option<Summary> {
    summary(verified.value())
}

fn summary(statement: &Statement) -> Option<Summary> {
    Summary::read(statement.predicate_type(), statement.predicate())
}
