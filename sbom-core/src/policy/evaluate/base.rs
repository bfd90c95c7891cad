//! The image that an image is built on, by its own word.

use super::{Finding, Judge, requirement::span};
use crate::{
    digest::Digest,
    oci::reference::Reference,
    policy::{
        facts::Manifest,
        model::BaseRule,
        reason::Reason,
        verdict::{Check, Outcome},
    },
};

impl Judge<'_> {
    /// One check for each platform.
    pub(super) fn base(&self, rule: &BaseRule, path: &str) -> Vec<Check> {
        let mut checks = Vec::new();
        for manifest in self.subject.runnable() {
            let mut finding = allowed(rule, manifest);
            if finding.outcome == Outcome::Pass {
                finding = self.age_of_base(rule, manifest).unwrap_or(finding);
            }
            checks.push(finding.into_check(path, rule.line, Some(manifest.platform.to_string())));
        }
        if checks.is_empty() {
            let finding =
                Finding::new(Outcome::Undecided, Reason::NO_PLATFORM, "there is no platform to check");
            checks.push(finding.into_check(path, rule.line, None));
        }
        checks
    }

    /// Why its age is not as it should be, if it is not.
    fn age_of_base(&self, rule: &BaseRule, manifest: &Manifest) -> Option<Finding<'static>> {
        let most = rule.max_age?;
        let Some(created) = manifest.base.created else {
            let message = "when the image was made that it is built on is not known";
            return Some(Finding::new(Outcome::Undecided, Reason::BASE_UNKNOWN, message));
        };
        let age = self.now.unix().saturating_sub(created.unix());
        (age > most).then(|| {
            let message = format!(
                "the image that it is built on was made at {created}, {} ago; {} is allowed",
                span(age),
                span(most)
            );
            Finding::new(Outcome::Fail, Reason::BASE_STALE, message)
        })
    }
}

fn allowed(rule: &BaseRule, manifest: &Manifest) -> Finding<'static> {
    let base = &manifest.base;
    if rule.allow.is_empty() {
        return Finding::new(Outcome::Pass, Reason::OK, "any image may be built on");
    }
    let Some(name) = &base.name else {
        let message = "it does not say what it is built on (org.opencontainers.image.base.name)";
        return Finding::new(Outcome::Undecided, Reason::BASE_UNKNOWN, message);
    };
    let digest = base.digest.as_deref().map(str::parse::<Digest>).transpose();
    let (Ok(reference), Ok(digest)) = (name.parse::<Reference>(), digest) else {
        let message = format!(
            "what it says it is built on is no image: {:?}",
            name.chars().take(200).collect::<String>()
        );
        return Finding::new(Outcome::Undecided, Reason::BASE_UNKNOWN, message);
    };
    let repository = reference.repository().to_string();
    let tag = reference.tag().map(ToString::to_string);
    // A digest in the name that is not the one beside it names two images.
    let digests: Vec<&Digest> = digest.iter().chain(reference.digest()).collect();
    if digests.windows(2).any(|pair| pair.first() != pair.last()) {
        let message = "it names two digests for the image that it is built on";
        return Finding::new(Outcome::Undecided, Reason::BASE_UNKNOWN, message);
    }
    if rule.allow.iter().any(|pattern| pattern.matches(&repository, tag.as_deref(), digests.iter().copied()))
    {
        return Finding::new(Outcome::Pass, Reason::OK, format!("built on {reference}, by its own word"));
    }
    Finding::new(
        Outcome::Fail,
        Reason::BASE_DENIED,
        format!("it is built on {reference}, which is not allowed"),
    )
}
