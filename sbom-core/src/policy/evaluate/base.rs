//! The image that an image is built on, by its own word.

use super::{
    Finding, Judge,
    requirement::{is_future, span},
};
use crate::{
    digest::Digest,
    oci::reference::Reference,
    policy::{
        facts::{BaseImage, Manifest},
        model::BaseRule,
        reason::Reason,
        verdict::{Check, Outcome},
    },
};

impl Judge<'_> {
    /// One check for each platform.
    pub(super) fn base(&self, rule: &BaseRule, path: &str) -> Vec<Check> {
        let check = |manifest: &Manifest| {
            let mut finding = allowed(rule, manifest);
            if finding.outcome == Outcome::Pass {
                finding = self.age_of_base(rule, manifest).unwrap_or(finding);
            }
            finding.into_check(path, rule.line, Some(manifest.platform.to_string()))
        };
        self.subject.runnable().map(check).collect()
    }

    /// Why its age is not as it should be, if it is not.
    fn age_of_base(&self, rule: &BaseRule, manifest: &Manifest) -> Option<Finding<'static>> {
        let most = rule.max_age?;
        let Some(created) = manifest.base.created else {
            let message = if rule.allow.is_empty() {
                "when the image was made that it is built on is asked only of what `allow` names"
            } else {
                "when the image was made that it is built on is not known"
            };
            return Some(Finding::new(Outcome::Undecided, Reason::BASE_UNKNOWN, message));
        };
        if is_future(created, self.now) {
            let message = format!(
                "the image that it is built on says that it was made at {created}, and it is {} now",
                self.now
            );
            return Some(Finding::new(Outcome::Undecided, Reason::TIME_FUTURE, message));
        }
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
    let named = match named(base) {
        Ok(named) => named,
        Err(message) => return Finding::new(Outcome::Undecided, Reason::BASE_UNKNOWN, message),
    };
    let reference = &named.reference;
    if named.is_allowed(rule) {
        return Finding::new(Outcome::Pass, Reason::OK, format!("built on {reference}, by its own word"));
    }
    Finding::new(
        Outcome::Fail,
        Reason::BASE_DENIED,
        format!("it is built on {reference}, which is not allowed"),
    )
}

impl BaseRule {
    /// What the image that something is built on is asked for by, as `HOST/PATH@DIGEST`: only if it says which one exactly,
    /// and `allow` names that. Whoever made an image could send us anywhere otherwise.
    pub fn may_be_asked(&self, base: &BaseImage) -> Option<String> {
        let named = named(base).ok().filter(|named| named.is_allowed(self))?;
        let digest = named.digests.first()?;
        Some(format!("{}@{digest}", named.reference.repository()))
    }
}

/// What an image says that it is built on.
struct Named {
    reference: Reference,
    digests: Vec<Digest>,
}

impl Named {
    fn is_allowed(&self, rule: &BaseRule) -> bool {
        let repository = self.reference.repository().to_string();
        let tag = self.reference.deciding_tag().map(ToString::to_string);
        rule.allow.iter().any(|pattern| pattern.matches(&repository, tag.as_deref(), self.digests.iter()))
    }
}

fn named(base: &BaseImage) -> Result<Named, String> {
    let name = base.name.as_deref().ok_or_else(|| {
        "it does not say what it is built on (org.opencontainers.image.base.name)".to_owned()
    })?;
    let digest = base.digest.as_deref().map(str::parse::<Digest>).transpose();
    let (Ok(reference), Ok(digest)) = (name.parse::<Reference>(), digest) else {
        let name: String = name.chars().take(200).collect();
        return Err(format!("what it says it is built on is no image: {name:?}"));
    };
    // A digest in the name that is not the one beside it names two images.
    let digests: Vec<Digest> = digest.into_iter().chain(reference.digest().cloned()).collect();
    if digests.windows(2).any(|pair| pair.first() != pair.last()) {
        return Err("it names two digests for the image that it is built on".to_owned());
    }
    Ok(Named { reference, digests })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_allowed_is_asked_for() {
        let digest = Digest::of(b"base");
        let rule = |allow: &[&str]| BaseRule {
            allow: allow.iter().map(|pattern| pattern.parse().unwrap()).collect(),
            max_age: Some(1),
            line: 1,
        };
        let base = |name: &str, digest: Option<&Digest>| BaseImage {
            name: Some(name.to_owned()),
            digest: digest.map(ToString::to_string),
            created: None,
        };
        let ours = rule(&["ghcr.io/acme/*"]);
        let pinned = Some(format!("ghcr.io/acme/base@{digest}"));
        assert_eq!(ours.may_be_asked(&base("ghcr.io/acme/base:1", Some(&digest))), pinned);
        assert_eq!(ours.may_be_asked(&base("ghcr.io:443/acme/base:1", Some(&digest))), pinned);
        assert_eq!(ours.may_be_asked(&base(&format!("ghcr.io/acme/base@{digest}"), None)), pinned);
        assert_eq!(ours.may_be_asked(&base("ghcr.io/acme/base:1", None)), None);
        for elsewhere in
            ["169.254.169.254/latest/meta-data", "localhost:5000/acme/base", "ghcr.io/other/base"]
        {
            assert_eq!(ours.may_be_asked(&base(elsewhere, Some(&digest))), None, "{elsewhere}");
            assert_eq!(rule(&[]).may_be_asked(&base(elsewhere, Some(&digest))), None, "{elsewhere}");
        }
        let other = Digest::of(b"other");
        assert_eq!(ours.may_be_asked(&base(&format!("ghcr.io/acme/base@{digest}"), Some(&other))), None);
    }

    #[test]
    fn a_tag_beside_a_digest_in_the_name_of_a_base_meets_no_pattern() {
        let rule =
            BaseRule { allow: vec!["cgr.dev/chainguard/static:v*".parse().unwrap()], max_age: None, line: 1 };
        let digest = Digest::of(b"base");
        let outcome = |name: String, digest: Option<&Digest>| {
            let base = BaseImage { name: Some(name), digest: digest.map(ToString::to_string), created: None };
            let platform = crate::oci::Platform::default();
            allowed(&rule, &Manifest { digest: Digest::of(b"image"), platform, layers: Vec::new(), base })
                .outcome
        };
        let tagged = "cgr.dev/chainguard/static:v1".to_owned();
        assert_eq!(outcome(tagged.clone(), None), Outcome::Pass);
        // What the image says beside its name it says of that tag.
        assert_eq!(outcome(tagged.clone(), Some(&digest)), Outcome::Pass);
        assert_eq!(outcome(format!("{tagged}@{digest}"), None), Outcome::Fail);
    }
}
