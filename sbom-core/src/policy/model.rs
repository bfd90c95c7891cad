//! What a policy says, once it was read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    expression::Expression, facts::Subject, image::ImagePattern, license::LicenseEntry,
    package::PackagePattern,
};
use crate::{
    attest::{
        identity::{Claim, Pattern},
        predicate::{Family, PredicateType},
    },
    digest::Digest,
    score::Profile,
    timestamp::Timestamp,
};

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The digest of its text.
    pub digest: Digest,
    /// What becomes of images that no rule is for.
    pub default: Unmatched,
    /// The last moment at which it decides anything.
    pub expires: Option<Timestamp>,
    /// Who may say something, by name.
    pub signers: BTreeMap<String, Signer>,
    /// What images need.
    pub rules: Vec<Rule>,
}

/// What becomes of images that no rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmatched {
    /// They are denied.
    Deny,
    /// They are allowed, with a warning.
    Warn,
    /// They are allowed.
    Allow,
}

/// Somebody whose statements count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// By what the signer is known.
    pub identity: Identity,
    /// Statements made before this do not count.
    pub not_before: Option<Timestamp>,
    /// Statements made after this do not count.
    pub not_after: Option<Timestamp>,
    /// Statements that do not count.
    pub revoked: Revoked,
}

/// By what a signer is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A public key.
    Key {
        /// The key.
        key: Source,
        /// The logs and time-stamp authorities whose word counts; none without.
        trusted_root: Option<Source>,
    },
    /// A certificate of a Sigstore deployment.
    Certificate {
        /// The issuer of the token that it was given for.
        issuer: Pattern,
        /// Who it was given to.
        subject: Pattern,
        /// The roots of the deployment; the public one without.
        trusted_root: Option<Source>,
        /// What else the certificate must say.
        claims: BTreeMap<Claim, Pattern>,
    },
}

/// The keys of what else a certificate can be asked to say.
pub const CLAIMS: &[(&str, Claim)] = &[
    ("buildSigner", Claim::BuildSigner),
    ("workflowDigest", Claim::WorkflowDigest),
    ("runnerEnvironment", Claim::RunnerEnvironment),
    ("repository", Claim::Repository),
    ("sourceDigest", Claim::SourceDigest),
    ("ref", Claim::Ref),
    ("repositoryId", Claim::RepositoryId),
    ("owner", Claim::Owner),
    ("ownerId", Claim::OwnerId),
    ("buildConfig", Claim::BuildConfig),
    ("trigger", Claim::Trigger),
    ("visibility", Claim::Visibility),
    ("environment", Claim::Environment),
];

/// Where something lies that the policy names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// In the policy itself.
    Inline(String),
    /// In a file, relative to the policy's.
    File(String),
    /// In a variable of the environment.
    Environment(String),
}

/// Statements that do not count, though they are well signed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revoked {
    /// Their digests: of bundle or envelope as stored, or of the statement that was signed.
    pub attestations: BTreeSet<Digest>,
    /// Their places in the transparency log.
    pub log_indexes: BTreeSet<u64>,
    /// The fingerprints of their certificates.
    pub certificates: BTreeSet<Digest>,
}

/// What images need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The line where it begins.
    pub line: usize,
    /// What people call it.
    pub name: Option<String>,
    /// The images that it is for.
    pub images: Vec<ImagePattern>,
    /// What its outcome leads to.
    pub mode: Mode,
    /// What must be there.
    pub require: Vec<Requirement>,
    /// Packages that must not be there.
    pub packages: Option<Denied<PackagePattern>>,
    /// Licences that must not be there.
    pub licenses: Option<Denied<LicenseEntry>>,
    /// Vulnerabilities that must not be there.
    pub vulns: Option<VulnRule>,
    /// What it must be built on.
    pub base: Option<BaseRule>,
    /// What is let pass until a date.
    pub exceptions: Vec<Exception>,
}

/// What a rule's outcome leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// What fails is denied.
    Enforce,
    /// What fails is warned of.
    Warn,
    /// What fails is written down.
    Audit,
}

impl Mode {
    /// `enforce`, `warn` or `audit`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Warn => "warn",
            Self::Audit => "audit",
        }
    }
}

/// A list of what is forbidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied<T> {
    /// The line of the list.
    pub line: usize,
    /// Its entries.
    pub entries: Vec<T>,
}

/// A statement that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The line where it begins.
    pub line: usize,
    /// Whose statements count.
    pub by: Vec<String>,
    /// How many distinct signers must have made one that is as it should be.
    pub threshold: usize,
    /// Whether these must say the very same.
    pub agree: bool,
    /// Which of a signer's statements counts.
    pub select: Select,
    /// How old it may be, in seconds.
    pub max_age: Option<u64>,
    /// Whether the time that it claims counts.
    pub claimed_time: bool,
    /// What it must be about.
    pub coverage: Coverage,
    /// What it must say.
    pub content: Content,
}

/// Which of a signer's statements counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The one that was signed last.
    Latest,
    /// Any that is as it should be.
    Any,
    /// All of them.
    All,
}

/// What a statement must be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Each platform that can be run has one.
    Platforms,
    /// The index has one: about all of it, or one for each of its platforms.
    Index,
    /// The one or the other.
    Any,
}

/// What a statement must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A bill of materials.
    Sbom {
        /// In one of these formats: [`Family::Spdx`], [`Family::CycloneDx`].
        formats: Vec<Family>,
        /// With all that this list asks for.
        elements: Option<Profile>,
        /// How it is compared with the image.
        matches: Matches,
    },
    /// Something else.
    Attestation {
        /// Of this kind.
        kind: PredicateType,
        /// For which this holds.
        condition: Option<Expression>,
    },
}

/// How a bill of materials is compared with the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matches {
    /// Not at all.
    Off,
    /// It names the layers of the image.
    Layers,
    /// It lists the packages that a scan finds.
    Rescan,
}

/// Vulnerabilities that must not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VulnRule {
    /// The line where it begins.
    pub line: usize,
    /// The lowest severity that counts.
    pub min: Severity,
    /// Whether only those count that can be fixed.
    pub fixable_only: bool,
    /// How long after they became known they do not count, in seconds.
    pub grace: Option<u64>,
    /// Whose VEX statements count.
    pub vex: Vec<String>,
}

/// How bad a vulnerability is. Source: CVSS 3.1, section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Of no consequence.
    None,
    /// 0.1 to 3.9.
    Low,
    /// 4.0 to 6.9.
    Medium,
    /// 7.0 to 8.9.
    High,
    /// 9.0 and more.
    Critical,
}

impl Severity {
    /// By its name, in any case; scanners have more words than CVSS.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "none" | "negligible" => Some(Self::None),
            "low" => Some(Self::Low),
            "medium" | "moderate" => Some(Self::Medium),
            "high" | "important" => Some(Self::High),
            "critical" => Some(Self::Critical),
            _ => None,
        }
    }

    /// By a score from 0 to 10.
    pub fn scored(score: f64) -> Option<Self> {
        match score {
            score if !(0.0..=10.0).contains(&score) => None,
            score if score >= 9.0 => Some(Self::Critical),
            score if score >= 7.0 => Some(Self::High),
            score if score >= 4.0 => Some(Self::Medium),
            score if score > 0.0 => Some(Self::Low),
            _ => Some(Self::None),
        }
    }

    /// In lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What an image must be built on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseRule {
    /// The line where it begins.
    pub line: usize,
    /// One of these; any if there are none.
    pub allow: Vec<ImagePattern>,
    /// How old it may be, in seconds.
    pub max_age: Option<u64>,
}

/// What is let pass until a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// A vulnerability, a licence, or a package.
    pub id: String,
    /// The package that it is, if it is one.
    pub package: Option<PackagePattern>,
    /// The last moment of it.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// For which images; none for all of the rule's.
    pub image: Option<ImagePattern>,
}

impl Policy {
    /// The rules for an image, each with its place.
    pub fn rules_for<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = (usize, &'a Rule)> {
        self.rules.iter().enumerate().filter(|(_, rule)| rule.is_for(subject))
    }

    /// The signers whose statements about an image count, by name: those against whose keys and identities what is
    /// found has to be verified.
    pub fn signers_for(&self, subject: &Subject) -> BTreeMap<&str, &Signer> {
        let named = self.rules_for(subject).flat_map(|(_, rule)| {
            let vex = rule.vulns.iter().flat_map(|vulns| &vulns.vex);
            rule.require.iter().flat_map(|requirement| &requirement.by).chain(vex)
        });
        named
            .filter_map(|name| self.signers.get_key_value(name))
            .map(|(name, signer)| (name.as_str(), signer))
            .collect()
    }

    /// Whether a rule for the image asks for a scan of it.
    pub fn asks_for_rescan(&self, subject: &Subject) -> bool {
        let rescan = |requirement: &Requirement| {
            matches!(requirement.content, Content::Sbom { matches: Matches::Rescan, .. })
        };
        self.rules_for(subject).any(|(_, rule)| rule.require.iter().any(rescan))
    }
}

impl Rule {
    /// Whether it is for an image.
    pub fn is_for(&self, subject: &Subject) -> bool {
        self.images.iter().any(|pattern| subject.is(pattern))
    }
}

impl Subject {
    /// Whether it is among the images that `pattern` means.
    pub fn is(&self, pattern: &ImagePattern) -> bool {
        pattern.matches(self.repository.as_deref().unwrap_or_default(), self.tag.as_deref(), self.digests())
    }
}

impl Requirement {
    /// Whether statements of this type are asked for.
    pub fn is_type(&self, found: &PredicateType) -> bool {
        match &self.content {
            Content::Sbom { formats, .. } => found.family().is_some_and(|family| formats.contains(&family)),
            Content::Attestation { kind, .. } => kind.matches(found),
        }
    }

    /// What it is called in a policy: `sbom` or `attestation`.
    pub fn name(&self) -> &'static str {
        match self.content {
            Content::Sbom { .. } => "sbom",
            Content::Attestation { .. } => "attestation",
        }
    }
}

/// What formats of bills of materials are called.
pub fn format_name(family: Family) -> &'static str {
    match family {
        Family::Spdx => "spdx",
        Family::CycloneDx => "cyclonedx",
        _ => "other",
    }
}
