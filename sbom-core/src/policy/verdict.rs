//! What the gate says of an image, and why.

use serde::Serialize;

use super::{model::Mode, reason::Reason};

/// What the gate says of an image. As JSON it has the form of `schemas/verdict.schema.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The image as it was asked for.
    pub image: String,
    /// What that was resolved to.
    pub digest: String,
    /// What the gate says.
    pub decision: Decision,
    /// Why, if no check says it.
    pub reason: Reason,
    /// The same in words.
    pub message: String,
    /// The SHA-256 digest of the policy.
    pub policy: String,
    /// The time for which this holds.
    pub time: String,
    /// The rules that match, in the order of the policy.
    pub rules: Vec<RuleVerdict>,
    /// The exceptions of these rules.
    pub exceptions: Vec<ExceptionUse>,
}

impl Verdict {
    /// The reasons of all checks that are neither passed nor skipped, and the verdict's own if it has no checks.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        let checks = self.rules.iter().flat_map(|rule| &rule.checks);
        let own = self.rules.is_empty().then_some(&self.reason);
        checks.filter(|check| check.outcome > Outcome::Pass).map(|check| &check.reason).chain(own)
    }
}

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The image may be used.
    Allow,
    /// It may be used, though a rule in `warn` is not met.
    Warn,
    /// Whether it may be used is not known, so it may not.
    Undecided,
    /// It must not be used.
    Deny,
}

impl Decision {
    /// `allow`, `warn`, `undecided` or `deny`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Undecided => "undecided",
            Self::Deny => "deny",
        }
    }

    /// How a program ends that says so: 0, 1 for denied, 4 for undecided.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Allow | Self::Warn => 0,
            Self::Deny => 1,
            Self::Undecided => 4,
        }
    }
}

/// What one rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleVerdict {
    /// Its place in the policy, from 0.
    pub rule: usize,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The line in the policy where it begins.
    pub line: usize,
    /// What its outcome leads to.
    pub mode: Mode,
    /// How its checks end together.
    pub outcome: Outcome,
    /// Its checks.
    pub checks: Vec<Check>,
}

/// How a check ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// There was nothing to check, and another check says why.
    Skip,
    /// As the rule asks.
    Pass,
    /// It cannot be told.
    Undecided,
    /// Not as the rule asks.
    Fail,
}

impl Outcome {
    /// `pass`, `fail`, `skip` or `undecided`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Pass => "pass",
            Self::Undecided => "undecided",
            Self::Fail => "fail",
        }
    }
}

/// One thing that a rule asks for, of one platform or of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Where the policy asks for it: `rules[0].require[1].sbom`.
    pub path: String,
    /// The line in the policy.
    pub line: usize,
    /// The platform; none for the image as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// How it ends.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// Why, in words.
    pub message: String,
    /// What exactly: statements, packages, licences, vulnerabilities.
    pub details: Vec<Detail>,
    /// Details beyond those listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_details: usize,
}

/// Something that a check found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// What it is about: the digest of a statement, a package URL, the identifier of a vulnerability.
    pub about: String,
    /// Why it counts as it does.
    pub reason: Reason,
    /// The same in words.
    pub message: String,
}

/// What became of an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionUse {
    /// The rule that has it, from 0.
    pub rule: usize,
    /// What it excepts.
    pub id: String,
    /// The last moment of it.
    pub until: String,
    /// Why it was made.
    pub reason: String,
    /// What became of it.
    pub state: ExceptionState,
    /// How many findings it excepts.
    pub findings: usize,
}

/// What became of an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExceptionState {
    /// It excepts something.
    Used,
    /// There is nothing for it to except.
    Unused,
    /// Its time is over: it excepts nothing.
    Expired,
}

/// Details that are listed of one check.
pub(super) const MAX_DETAILS: usize = 200;

impl Check {
    /// With `details`, sorted, each once, as many as are listed.
    pub(super) fn with_details(mut self, mut details: Vec<Detail>) -> Self {
        details.sort();
        details.dedup();
        self.more_details = details.len().saturating_sub(MAX_DETAILS);
        details.truncate(MAX_DETAILS);
        self.details = details;
        self
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
