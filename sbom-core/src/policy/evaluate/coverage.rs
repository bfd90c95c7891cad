//! What a requirement must be met for: every platform, by what is said of it, of the index, or of either.

use super::{Chosen, Finding, Judge};
use crate::policy::{
    facts::{Attestation, Manifest},
    model::{Coverage, Requirement},
    reason::Reason,
    verdict::{Check, Outcome},
};

/// What a statement is looked for about: a platform.
#[derive(Debug, Clone)]
pub(super) struct Target<'a> {
    /// How messages call it.
    pub(super) label: String,
    /// Its manifest.
    pub(super) manifest: &'a Manifest,
    /// By what it may be spoken of.
    coverage: Coverage,
}

type Found<'a> = (Vec<Check>, Vec<Chosen<'a>>);

impl<'a> Judge<'a> {
    /// The checks of one requirement, and the statements that it chose.
    pub(super) fn requirement(&self, requirement: &'a Requirement, path: &str) -> Found<'a> {
        let (mut checks, mut chosen) = (Vec::new(), Vec::new());
        for manifest in self.subject.runnable() {
            let label = manifest.platform.to_string();
            let target = Target { label, manifest, coverage: requirement.coverage };
            let finding = self.target(requirement, &target);
            let of_platform = |&attestation| Chosen { platform: target.label.clone(), manifest, attestation };
            chosen.extend(finding.chosen.iter().map(of_platform));
            checks.push(finding.into_check(path, requirement.line, Some(target.label)));
        }
        (checks, chosen)
    }

    /// Why checks of each platform do not say all, if they do not.
    pub(super) fn no_platform(&self) -> Option<Finding<'a>> {
        let undecided = |message: String| Finding::new(Outcome::Undecided, Reason::NO_PLATFORM, message);
        // What names no platform may run on any. Only what says that it is for none can be left out.
        let may_run = |manifest: &&Manifest| {
            let platform = &manifest.platform;
            platform.is_unknown() && (platform.os.is_empty() || platform.architecture.is_empty())
        };
        if let Some(manifest) = self.subject.manifests.iter().find(may_run) {
            return Some(undecided(format!("{} names no platform, so it may run on any", manifest.digest)));
        }
        self.platforms.is_empty().then(|| undecided("there is no platform to check".to_owned()))
    }

    /// Whether a statement is about a platform, in the way that is asked for.
    ///
    /// What names the index and none of its platforms is about all of it; what names the index and some of them is about
    /// these. Of both kinds together a signer has one newest word about a platform, so that none hides the other.
    pub(super) fn is_about(&self, attestation: &Attestation, target: &Target<'_>) -> bool {
        let names_platform = attestation.subjects.contains(&target.manifest.digest);
        let names_index = attestation.subjects.contains(&self.subject.digest);
        match target.coverage {
            Coverage::Platforms => names_platform,
            Coverage::Index => names_index && self.speaks_of(attestation, target.manifest),
            Coverage::Any => self.speaks_of(attestation, target.manifest),
        }
    }

    /// Whether a statement is about a platform, by its own digest or by the index.
    pub(super) fn speaks_of(&self, attestation: &Attestation, manifest: &Manifest) -> bool {
        attestation.subjects.contains(&manifest.digest) || self.whole.contains(&attestation.digest)
    }

    /// Whether a statement can be held against what is in a platform's image. What names only an index of several cannot: it
    /// is about more than the one image.
    pub(super) fn is_comparable(&self, attestation: &Attestation, target: &Target<'_>) -> bool {
        self.platforms.len() == 1 || attestation.subjects.contains(&target.manifest.digest)
    }
}
