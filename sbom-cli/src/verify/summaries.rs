//! Summaries of verifications (SLSA VSA) by the same signer that contradict each other.

use sbom_core::{
    attest::{
        predicate::{Family, PredicateType},
        statement::Statement,
        verify::{Reason, Verified},
    },
    policy::summary::Summary,
};

use super::verdict::Verdict;

/// Refuses summaries that say no, and those that say yes of which the same signer may have said no since. Both times are the
/// signer's own word: what somebody else proves of a key's signature is when it was there at the latest, and whoever shows
/// an old one can have it stamped again.
pub(super) fn settle(verdict: &mut Verdict) {
    let (failed, mut kept): (Vec<_>, Vec<_>) = std::mem::take(&mut verdict.verified)
        .into_iter()
        .partition(|verified| summary(verified).is_some_and(|summary| !summary.passed));
    let contradicted = |passed: &mut Verified<Statement>| {
        let by_same = |failed: &&Verified<Statement>| {
            let signers = || failed.signers().iter().flat_map(|signer| &signer.trusted_as);
            passed
                .signers()
                .iter()
                .flat_map(|signer| &signer.trusted_as)
                .any(|own| signers().any(|it| it == own))
        };
        let Some(own) = summary(passed) else { return false };
        failed.iter().filter(by_same).filter_map(summary).any(|failed| !failed.is_before(&own))
    };
    let gone: Vec<_> = kept.extract_if(.., contradicted).collect();
    // A summary that was not looked at may say no, and so withdraw what says yes.
    verdict.withdrawals_missed |= verdict.summaries_missed && kept.iter().any(|it| summary(it).is_some());
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

fn summary(verified: &Verified<Statement>) -> Option<Summary> {
    Summary::read(verified.value().predicate_type(), verified.value().predicate())
}
