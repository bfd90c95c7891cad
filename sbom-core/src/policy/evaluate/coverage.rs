//! What a requirement must be met for: each platform, the index, or either.

use std::collections::BTreeSet;

use super::{Chosen, Finding, Judge};
use crate::{
    digest::Digest,
    policy::{
        facts::{Attestation, Manifest},
        model::{Coverage, Requirement},
        reason::Reason,
        verdict::{Check, Outcome},
    },
};

/// What a statement is looked for about.
#[derive(Debug, Clone)]
pub(super) struct Target<'a> {
    /// How messages call it.
    pub(super) label: String,
    /// The manifest; none for an index of several.
    pub(super) manifest: Option<&'a Manifest>,
    /// The statement names all of these.
    pub(super) digests: BTreeSet<&'a Digest>,
    /// It names none of these.
    pub(super) without: BTreeSet<&'a Digest>,
}

impl Target<'_> {
    /// Whether a statement is about it.
    pub(super) fn is_subject_of(&self, attestation: &Attestation) -> bool {
        self.digests.iter().all(|digest| attestation.subjects.contains(*digest))
            && !self.without.iter().any(|digest| attestation.subjects.contains(*digest))
    }
}

type Found<'a> = (Vec<Check>, Vec<Chosen<'a>>);

impl<'a> Judge<'a> {
    /// The checks of one requirement, and the statements that it chose.
    pub(super) fn requirement(&self, requirement: &'a Requirement, path: &str) -> Found<'a> {
        if self.subject.runnable().next().is_none() {
            let finding =
                Finding::new(Outcome::Undecided, Reason::NO_PLATFORM, "there is no platform to check");
            return (vec![finding.into_check(path, requirement.line, None)], Vec::new());
        }
        // What names no platform may run on any, and cannot be left out as what is for none.
        let is_silent = |manifest: &&Manifest| {
            manifest.platform.os.is_empty() && manifest.platform.architecture.is_empty()
        };
        if let Some(manifest) = self.subject.manifests.iter().find(is_silent) {
            let message = format!("{} names no platform, so it may run on any", manifest.digest);
            let finding = Finding::new(Outcome::Undecided, Reason::NO_PLATFORM, message);
            return (vec![finding.into_check(path, requirement.line, None)], Vec::new());
        }
        match requirement.coverage {
            Coverage::Platforms => self.platforms(requirement, path, false),
            Coverage::Index => {
                self.index(requirement, path).unwrap_or_else(|| self.platforms(requirement, path, true))
            }
            Coverage::Any => {
                let whole = self.index(requirement, path);
                match whole {
                    Some(found) if outcome(&found) == Outcome::Pass => found,
                    Some(found) => {
                        let platforms = self.platforms(requirement, path, false);
                        // Nearer to a pass, and of equals the one that is about the whole.
                        if outcome(&platforms) < outcome(&found) { platforms } else { found }
                    }
                    None => self.platforms(requirement, path, false),
                }
            }
        }
    }

    /// One check for each platform. Where `with_index`, statements must name the index as well.
    fn platforms(&self, requirement: &'a Requirement, path: &str, with_index: bool) -> Found<'a> {
        let (mut checks, mut chosen) = (Vec::new(), Vec::new());
        for manifest in self.subject.runnable() {
            let mut digests = BTreeSet::from([&manifest.digest]);
            if with_index {
                digests.insert(&self.subject.digest);
            }
            let target = Target {
                label: manifest.platform.to_string(),
                manifest: Some(manifest),
                digests,
                without: BTreeSet::new(),
            };
            let finding = self.target(requirement, &target);
            let platform = Some(manifest.platform.to_string());
            chosen.extend(
                finding.chosen.iter().map(|&attestation| Chosen { platform: platform.clone(), attestation }),
            );
            checks.push(finding.into_check(path, requirement.line, platform));
        }
        (checks, chosen)
    }

    /// One check for the index as a whole; none if nothing is about all of it. What names some of its platforms is
    /// about these, though it names the index, too.
    fn index(&self, requirement: &'a Requirement, path: &str) -> Option<Found<'a>> {
        let platforms: BTreeSet<&Digest> = self.subject.runnable().map(|manifest| &manifest.digest).collect();
        let all: BTreeSet<&Digest> = platforms.iter().copied().chain([&self.subject.digest]).collect();
        let is_single = platforms.len() == 1;
        let manifest = self.subject.runnable().next().filter(|_| is_single);
        let label = if is_single { "the image" } else { "the index" }.to_owned();
        let without = if is_single { BTreeSet::new() } else { platforms };
        let digests = BTreeSet::from([&self.subject.digest]);
        let alone = Target { label: label.clone(), manifest, digests, without };
        let with_all = Target { label, manifest, digests: all, without: BTreeSet::new() };
        let wanted = |target: &Target<'_>| {
            self.attestations.iter().any(|attestation| {
                requirement.is_type(&attestation.predicate_type)
                    && target.is_subject_of(attestation)
                    && attestation.signers.iter().any(|signer| requirement.by.contains(&signer.name))
            })
        };
        let targets = [alone, with_all];
        let found =
            targets.iter().filter(|target| wanted(target)).map(|target| self.target(requirement, target));
        let finding = found.min_by_key(|finding| finding.outcome)?;
        let chosen =
            finding.chosen.iter().map(|&attestation| Chosen { platform: None, attestation }).collect();
        Some((vec![finding.into_check(path, requirement.line, None)], chosen))
    }
}

fn outcome(found: &Found<'_>) -> Outcome {
    found.0.iter().map(|check| check.outcome).max().unwrap_or(Outcome::Undecided)
}
