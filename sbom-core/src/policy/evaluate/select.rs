//! Which statements count for a requirement, and which of a signer's is the one.

use std::collections::{BTreeMap, BTreeSet};

use super::Judge;
use crate::{
    digest::Digest,
    policy::{
        facts::Attestation,
        model::{Requirement, Select, Signer},
        reason::Reason,
        verdict::Detail,
    },
    timestamp::Timestamp,
};

/// A statement by one signer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) attestation: &'a Attestation,
    /// The name in the policy.
    pub(super) signer: &'a str,
    /// Who that was.
    pub(super) identity: &'a str,
    /// When it was signed, if that counts.
    pub(super) time: Option<Timestamp>,
    /// Whether somebody else than the statement says so.
    pub(super) is_proven: bool,
}

/// The statements that one signer's word consists of.
#[derive(Debug)]
pub(super) struct Word<'a> {
    pub(super) candidates: Vec<Candidate<'a>>,
    /// Whether it cannot be told which of them is the newest.
    pub(super) is_ambiguous: bool,
}

impl<'a> Judge<'a> {
    /// The statements of signers in `by` that `is_wanted`, and those that do not count, with the reason.
    pub(super) fn candidates(
        &self,
        by: &'a [String],
        claimed_time: bool,
        is_wanted: &dyn Fn(&Attestation) -> bool,
    ) -> (Vec<Candidate<'a>>, Vec<Detail>) {
        self.candidates_of(&self.attestations, by, claimed_time, is_wanted)
    }

    /// The same of these statements.
    pub(super) fn candidates_of(
        &self,
        attestations: &[&'a Attestation],
        by: &'a [String],
        claimed_time: bool,
        is_wanted: &dyn Fn(&Attestation) -> bool,
    ) -> (Vec<Candidate<'a>>, Vec<Detail>) {
        let (mut candidates, mut turned_away) = (Vec::new(), Vec::new());
        for attestation in attestations.iter().copied().filter(|attestation| is_wanted(attestation)) {
            let signers: BTreeSet<_> = attestation.signers.iter().collect();
            for signed in signers {
                let Some(signer) =
                    self.policy.signers.get(&signed.name).filter(|_| by.contains(&signed.name))
                else {
                    continue;
                };
                if let Err((reason, message)) = self.counts(signer, attestation) {
                    let message = format!("{}: {message}", signed.name);
                    turned_away.push(Detail { about: attestation.digest.to_string(), reason, message });
                    continue;
                }
                let proven = self.signed_at(attestation);
                candidates.push(Candidate {
                    attestation,
                    signer: &signed.name,
                    identity: &signed.identity,
                    time: proven.or_else(|| self.claimed(attestation).filter(|_| claimed_time)),
                    is_proven: proven.is_some(),
                });
            }
        }
        (candidates, turned_away)
    }

    /// Whether a statement counts by what the policy says of its signer.
    fn counts(&self, signer: &Signer, attestation: &Attestation) -> Result<(), (Reason, String)> {
        let revoked = &signer.revoked;
        let is_revoked = [&attestation.digest, &attestation.statement]
            .into_iter()
            .any(|digest| revoked.attestations.contains(digest))
            || !revoked.log_indexes.is_disjoint(&attestation.log_indexes)
            || !revoked.certificates.is_disjoint(&attestation.certificates);
        if is_revoked {
            return Err((Reason::REVOKED, "the policy revokes it".to_owned()));
        }
        // Whatever is there now was signed before now, but not who knows when.
        let signed_at = self.signed_at(attestation);
        let time = signed_at.unwrap_or(self.now);
        if let Some(until) = signer.not_after.filter(|until| time > *until) {
            return Err((Reason::SIGNER_EXPIRED, format!("signed at {time}, after notAfter {until}")));
        }
        match (signer.not_before, signed_at) {
            (Some(from), Some(time)) if time < from => {
                Err((Reason::SIGNER_EXPIRED, format!("signed at {time}, before notBefore {from}")))
            }
            (Some(from), None) => Err((
                Reason::TIME_UNVERIFIED,
                format!("nothing proves that it was signed after notBefore {from}"),
            )),
            _ => Ok(()),
        }
    }

    /// When a statement was signed, as far as that is proven.
    ///
    /// Anybody can copy a statement, take its time away, or have it stamped again. So it was signed at the earliest time of
    /// all copies of its signature.
    fn signed_at(&self, attestation: &Attestation) -> Option<Timestamp> {
        let of = |signature| self.signed_at.get(&(&attestation.statement, signature)).copied();
        attestation.signatures.iter().filter_map(of).chain(attestation.verified_time).min()
    }

    /// When a statement was made by its own word.
    fn claimed(&self, attestation: &'a Attestation) -> Option<Timestamp> {
        let of_document = || match &*self.sbom(attestation) {
            Ok(sbom) => sbom.read.document.header.timestamp.filter(|time| *time != Timestamp::UNKNOWN),
            Err(_) => None,
        };
        attestation.claimed_time.or_else(of_document)
    }
}

/// What each signer says, by name.
pub(super) fn words<'a>(
    candidates: &[Candidate<'a>],
    requirement: &Requirement,
) -> BTreeMap<&'a str, Word<'a>> {
    let mut by_signer: BTreeMap<&str, Vec<Candidate<'a>>> = BTreeMap::new();
    for candidate in candidates {
        by_signer.entry(candidate.signer).or_default().push(*candidate);
    }
    let word = |candidates: Vec<Candidate<'a>>| match requirement.select {
        Select::Latest => latest(&candidates),
        Select::Any | Select::All => Word { candidates, is_ambiguous: false },
    };
    by_signer.into_iter().map(|(signer, candidates)| (signer, word(candidates))).collect()
}

/// The newest, and those of which it is not known whether they are newer still. The same said again is not ambiguous.
fn latest<'a>(candidates: &[Candidate<'a>]) -> Word<'a> {
    let newest = candidates.iter().filter_map(|candidate| candidate.time).max();
    let may_be_newest = |candidate: &&Candidate<'a>| candidate.time.is_none() || candidate.time == newest;
    let candidates: Vec<Candidate<'a>> = candidates.iter().filter(may_be_newest).copied().collect();
    let contents: BTreeSet<&[u8]> =
        candidates.iter().map(|candidate| candidate.attestation.predicate.as_slice()).collect();
    Word { is_ambiguous: contents.len() > 1, candidates }
}

/// The earliest proven time of each signature, by the statement that it is over.
pub(super) fn signed_at(attestations: &[Attestation]) -> BTreeMap<(&Digest, &Digest), Timestamp> {
    let mut earliest: BTreeMap<_, Timestamp> = BTreeMap::new();
    for attestation in attestations {
        let Some(time) = attestation.verified_time else { continue };
        for signature in &attestation.signatures {
            let known = earliest.entry((&attestation.statement, signature)).or_insert(time);
            *known = time.min(*known);
        }
    }
    earliest
}

/// How many distinct signers there are: two names of one key are one, and so are two keys of one name.
///
/// The most pairs of a name and an identity in which none is there twice, found by augmenting paths.
pub(super) fn distinct(pairs: &BTreeSet<(&str, &str)>) -> usize {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, identity) in pairs {
        names.entry(name).or_default().push(identity);
    }
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    names.keys().filter(|name| augment(name, &names, &mut taken, &mut BTreeSet::new())).count()
}

fn augment<'a>(
    name: &'a str,
    names: &BTreeMap<&'a str, Vec<&'a str>>,
    taken: &mut BTreeMap<&'a str, &'a str>,
    seen: &mut BTreeSet<&'a str>,
) -> bool {
    for identity in names.get(name).into_iter().flatten() {
        if !seen.insert(identity) {
            continue;
        }
        let holder = taken.get(identity).copied();
        if holder.is_none_or(|holder| augment(holder, names, taken, seen)) {
            taken.insert(identity, name);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_identities_count_once() {
        for (pairs, expected) in [
            (&[("a", "x"), ("b", "x")][..], 1),
            (&[("a", "x"), ("a", "y")], 1),
            (&[("a", "x"), ("b", "y")], 2),
            (&[("a", "x"), ("a", "y"), ("b", "x")], 2),
            (&[("a", "x"), ("a", "y"), ("a", "z"), ("b", "x"), ("c", "x")], 2),
            (&[], 0),
        ] {
            assert_eq!(distinct(&pairs.iter().copied().collect()), expected, "{pairs:?}");
        }
    }
}
