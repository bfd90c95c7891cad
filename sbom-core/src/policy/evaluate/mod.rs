//! A policy, facts and evidence → a verdict. The only inputs are the arguments; the same ones give the same verdict.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{
    facts::{Attestation, Evidence, Incomplete, Manifest, Subject},
    model::{Content, Exception, Mode, Policy, Rule, Unmatched},
    reason::Reason,
    summary::Summary,
    verdict::{Check, Decision, Detail, ExceptionState, ExceptionUse, Outcome, RuleVerdict, Verdict},
};
use crate::{
    attest::predicate::{Family, PredicateType},
    digest::Digest,
    limits::Limits,
    timestamp::Timestamp,
};

mod base;
mod coverage;
mod deny;
mod requirement;
mod sbom;
mod select;
#[cfg(test)]
mod tests;
mod vex;
mod vulns;

use sbom::Sbom;

/// Judges an image at the time `now`, which counts for everything that ages or expires.
pub fn evaluate(
    policy: &Policy,
    subject: &Subject,
    evidence: &Evidence,
    now: Timestamp,
    limits: &Limits,
) -> Verdict {
    let mut verdict = Verdict {
        image: subject.name.clone(),
        digest: subject.digest.to_string(),
        decision: Decision::Allow,
        reason: Reason::OK,
        message: String::new(),
        policy: policy.digest.to_string(),
        time: now.to_string(),
        rules: Vec::new(),
        exceptions: Vec::new(),
    };
    if let Some(expires) = policy.expires.filter(|expires| *expires < now) {
        // Nobody answers any more for what it says, be it yes or no.
        return Verdict {
            decision: Decision::Undecided,
            reason: Reason::POLICY_EXPIRED,
            message: format!("the policy has expired at {expires}"),
            ..verdict
        };
    }
    let judge = Judge::new(policy, subject, evidence, now, limits);
    for (index, rule) in policy.rules_for(subject) {
        let (rule, exceptions) = judge.rule(index, rule);
        verdict.rules.push(rule);
        verdict.exceptions.extend(exceptions);
    }
    (verdict.decision, verdict.reason, verdict.message) = decide(policy, &verdict.rules);
    verdict
}

/// All rules that match apply. What is denied stays so whatever the rest would be; what is undecided is not allowed.
fn decide(policy: &Policy, rules: &[RuleVerdict]) -> (Decision, Reason, String) {
    if rules.is_empty() {
        let decision = match policy.default {
            Unmatched::Deny => Decision::Deny,
            Unmatched::Warn => Decision::Warn,
            Unmatched::Allow => Decision::Allow,
        };
        return (
            decision,
            Reason::NO_RULE,
            "no rule is for this image, so the policy's default decides".to_owned(),
        );
    }
    let of_mode = |mode: Mode| rules.iter().filter(move |rule| rule.mode == mode);
    let count = |outcome: Outcome| of_mode(Mode::Enforce).filter(|rule| rule.outcome == outcome).count();
    let (failed, undecided) = (count(Outcome::Fail), count(Outcome::Undecided));
    let warned = of_mode(Mode::Warn).filter(|rule| rule.outcome > Outcome::Pass).count();
    let (decision, number, what) = match (failed, undecided, warned) {
        (1.., _, _) => (Decision::Deny, failed, "not met"),
        (0, 1.., _) => (Decision::Undecided, undecided, "neither met nor known to be violated"),
        (0, 0, 1..) => (Decision::Warn, warned, "not met, and would only be warned of"),
        (0, 0, 0) => (Decision::Allow, rules.len(), "met"),
    };
    let (decision, message) = match decision {
        Decision::Allow => {
            (decision, format!("every rule that denies is met ({} for this image)", rules.len()))
        }
        decision => (
            decision,
            format!(
                "{number} of {} rules for this image {} {what}",
                rules.len(),
                if number == 1 { "is" } else { "are" }
            ),
        ),
    };
    let worst = worst(rules, decision);
    (decision, worst.map_or(Reason::OK, |check| check.reason.clone()), message)
}

/// The first check that made the decision.
fn worst(rules: &[RuleVerdict], decision: Decision) -> Option<&Check> {
    let (mode, least) = match decision {
        Decision::Allow => return None,
        Decision::Warn => (Mode::Warn, Outcome::Undecided),
        Decision::Undecided => (Mode::Enforce, Outcome::Undecided),
        Decision::Deny => (Mode::Enforce, Outcome::Fail),
    };
    rules
        .iter()
        .filter(|rule| rule.mode == mode)
        .flat_map(|rule| &rule.checks)
        .find(|check| check.outcome >= least)
}

/// All that judging one image needs.
struct Judge<'a> {
    policy: &'a Policy,
    subject: &'a Subject,
    evidence: &'a Evidence,
    /// Each statement once, sorted by digest. Summaries that say no are among them, however little of them is proven.
    attestations: Vec<&'a Attestation>,
    /// What is no reason to let anything pass, in the same order.
    against: Vec<&'a Attestation>,
    /// Every digest that names the image or a part of it.
    digests: BTreeSet<&'a Digest>,
    /// Those of the manifests that can be run.
    platforms: BTreeSet<&'a Digest>,
    /// The statements, by digest, that name the index and none of its platforms.
    whole: BTreeSet<&'a Digest>,
    /// When each signature over a statement was there at the latest, by all its copies.
    signed_at: BTreeMap<(&'a Digest, &'a Digest), Timestamp>,
    now: Timestamp,
    limits: &'a Limits,
    /// Bills of materials that were read, each once.
    sboms: RefCell<BTreeMap<&'a Digest, Rc<Result<Sbom, String>>>>,
}

/// How something ends, before it is said where the policy asks for it.
#[derive(Debug, Clone)]
struct Finding<'a> {
    outcome: Outcome,
    reason: Reason,
    message: String,
    details: Vec<Detail>,
    /// The statements that were looked into.
    chosen: Vec<&'a Attestation>,
}

impl Finding<'_> {
    fn new(outcome: Outcome, reason: Reason, message: impl Into<String>) -> Self {
        Self { outcome, reason, message: message.into(), details: Vec::new(), chosen: Vec::new() }
    }

    fn into_check(self, path: &str, line: usize, platform: Option<String>) -> Check {
        let check = Check {
            path: path.to_owned(),
            line,
            platform,
            outcome: self.outcome,
            reason: self.reason,
            message: self.message,
            details: Vec::new(),
            more_details: 0,
        };
        check.with_details(self.details)
    }
}

/// A statement that a requirement chose, and the platform that it is about.
#[derive(Debug, Clone)]
struct Chosen<'a> {
    platform: String,
    manifest: &'a Manifest,
    attestation: &'a Attestation,
}

impl<'a> Judge<'a> {
    fn new(
        policy: &'a Policy,
        subject: &'a Subject,
        evidence: &'a Evidence,
        now: Timestamp,
        limits: &'a Limits,
    ) -> Self {
        let by_digest = |attestations: &'a [Attestation]| -> BTreeMap<&'a Digest, &'a Attestation> {
            attestations.iter().map(|attestation| (&attestation.digest, attestation)).collect()
        };
        let proven = by_digest(&evidence.attestations);
        let mut against = by_digest(&evidence.against);
        against.retain(|digest, _| !proven.contains_key(digest));
        let (failed, against): (Vec<_>, Vec<_>) = against.into_values().partition(|it| is_failed(it));
        let mut attestations: Vec<&Attestation> = proven.into_values().chain(failed).collect();
        attestations.sort_by_key(|attestation| &attestation.digest);
        let platforms: BTreeSet<&Digest> = subject.runnable().map(|manifest| &manifest.digest).collect();
        let is_whole = |attestation: &&&Attestation| {
            let subjects = &attestation.subjects;
            subjects.contains(&subject.digest) && !subjects.iter().any(|digest| platforms.contains(digest))
        };
        let whole = attestations
            .iter()
            .chain(&against)
            .filter(is_whole)
            .map(|attestation| &attestation.digest)
            .collect();
        Self {
            policy,
            subject,
            evidence,
            attestations,
            against,
            digests: subject.digests().collect(),
            platforms,
            whole,
            signed_at: select::signed_at(&evidence.attestations),
            now,
            limits,
            sboms: RefCell::default(),
        }
    }

    fn rule(&self, index: usize, rule: &'a Rule) -> (RuleVerdict, Vec<ExceptionUse>) {
        // Every part of a rule is about each platform, so none passes where the platforms are not known.
        let unknown = self.no_platform();
        let mut checks: Vec<Check> = unknown
            .map(|it| it.into_check(&format!("rules[{index}]"), rule.line, None))
            .into_iter()
            .collect();
        let (mut sboms, mut reports) = (Vec::new(), Vec::new());
        for (place, requirement) in rule.require.iter().enumerate() {
            let path = format!("rules[{index}].require[{place}].{}", requirement.name());
            let (found, chosen) = self.requirement(requirement, &path);
            checks.extend(found);
            match &requirement.content {
                Content::Sbom { .. } => sboms.extend(chosen),
                Content::Attestation { kind, .. } if kind.family() == Some(Family::Vulnerabilities) => {
                    reports.extend(chosen);
                }
                Content::Attestation { .. } => {}
            }
        }
        let exceptions = Exceptions::new(self, rule);
        let path = format!("rules[{index}].deny");
        if let Some(denied) = &rule.packages {
            checks.extend(self.packages(denied, &sboms, &exceptions, &format!("{path}.packages")));
        }
        if let Some(denied) = &rule.licenses {
            checks.extend(self.licenses(denied, &sboms, &exceptions, &format!("{path}.licenses")));
        }
        if let Some(vulns) = &rule.vulns {
            checks.extend(self.vulns(vulns, &reports, &exceptions, &format!("{path}.vulns")));
        }
        if let Some(base) = &rule.base {
            checks.extend(self.base(base, &format!("rules[{index}].base")));
        }
        let outcome = checks.iter().map(|check| check.outcome).max();
        // A rule whose checks were all skipped has shown nothing.
        let outcome = outcome.filter(|outcome| *outcome > Outcome::Skip).unwrap_or(Outcome::Undecided);
        let uses = exceptions.uses(index);
        let verdict = RuleVerdict {
            rule: index,
            name: rule.name.clone(),
            line: rule.line,
            mode: rule.mode,
            outcome,
            checks,
        };
        (verdict, uses)
    }

    /// Why there may be more statements of a type that `is_wanted` than are known. What lies beside one digest of the image
    /// may be about all of them.
    fn incomplete(&self, is_wanted: impl Fn(&PredicateType) -> bool) -> Option<(Reason, String)> {
        let concerns = |incomplete: &Incomplete| {
            let about = incomplete.subject.as_ref().is_none_or(|digest| self.digests.contains(digest));
            about && incomplete.predicate_type.as_ref().is_none_or(&is_wanted)
        };
        let reasons = self.evidence.incomplete.iter().filter(|incomplete| concerns(incomplete));
        // That something may have been withdrawn follows from the others.
        let first = reasons.min_by_key(|it| (it.reason == Reason::WITHDRAWAL_UNKNOWN, *it))?;
        Some((first.reason.clone(), first.message.clone()))
    }
}

/// Whether it sums up a verification that failed.
fn is_failed(attestation: &Attestation) -> bool {
    let summary = Summary::read(&attestation.predicate_type, &attestation.predicate);
    summary.is_some_and(|summary| !summary.passed)
}

/// The exceptions of a rule, and how often each was used.
struct Exceptions<'a> {
    now: Timestamp,
    all: &'a [Exception],
    /// Whether each is for this image.
    concerned: Vec<bool>,
    /// What each excepts.
    used: RefCell<BTreeMap<usize, BTreeSet<String>>>,
}

impl<'a> Exceptions<'a> {
    fn new(judge: &Judge<'a>, rule: &'a Rule) -> Self {
        let concerned = rule
            .exceptions
            .iter()
            .map(|exception| exception.image.as_ref().is_none_or(|pattern| judge.subject.is(pattern)));
        Self {
            now: judge.now,
            all: &rule.exceptions,
            concerned: concerned.collect(),
            used: RefCell::default(),
        }
    }

    /// Whether one that has not expired excepts what has one of `ids` or is `package`.
    fn except(&self, ids: &[&str], package: Option<&crate::purl::Purl>) -> bool {
        let mut excepted = false;
        for (index, exception) in self.all.iter().enumerate() {
            let of_package = exception.package.as_ref().zip(package);
            let named = ids.contains(&exception.id.as_str())
                || of_package.is_some_and(|(pattern, purl)| pattern.matches(purl) == Some(true));
            if named && self.concerned.get(index) == Some(&true) {
                let about = format!(
                    "{} {}",
                    ids.first().unwrap_or(&""),
                    package.map(ToString::to_string).unwrap_or_default()
                );
                self.used.borrow_mut().entry(index).or_default().insert(about);
                excepted |= exception.until >= self.now;
            }
        }
        excepted
    }

    fn uses(&self, rule: usize) -> Vec<ExceptionUse> {
        let used = self.used.borrow();
        let of = |(index, exception): (usize, &Exception)| {
            let findings = used.get(&index).map_or(0, BTreeSet::len);
            let state = match (exception.until < self.now, findings) {
                (true, _) => ExceptionState::Expired,
                (false, 0) => ExceptionState::Unused,
                (false, _) => ExceptionState::Used,
            };
            ExceptionUse {
                rule,
                id: exception.id.clone(),
                until: exception.until.to_string(),
                reason: exception.reason.clone(),
                state,
                findings,
            }
        };
        let concerned =
            self.all.iter().enumerate().filter(|(index, _)| self.concerned.get(*index) == Some(&true));
        concerned.map(of).collect()
    }
}
