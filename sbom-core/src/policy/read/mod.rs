//! The text of a policy → the policy, or all that is wrong with it, each with its line.

use std::{collections::BTreeMap, fmt};

use super::{
    model::Policy,
    yaml::{self, Place, YamlFault},
};
use crate::digest::Digest;

pub(super) mod fields;
mod requirement;
mod rule;
mod signer;
#[cfg(test)]
mod tests;
pub(super) mod values;

use fields::Reader;

/// Something that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What it is about: `rules[0].require[1].sbom.maxAge`; empty for the policy as a whole.
    pub path: String,
    /// What is wrong.
    #[source]
    pub fault: PolicyFault,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.fault.fmt(f)
    }
}

/// What is wrong at one place of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFault {
    /// It cannot be read as YAML.
    #[error(transparent)]
    Yaml(#[from] YamlFault),
    /// A key that nothing knows.
    #[error("there is no key {key:?} here{}; known are {known}", suggest(.suggestion.as_ref()))]
    UnknownKey {
        /// The key.
        key: String,
        /// What was probably meant.
        suggestion: Option<String>,
        /// What is known.
        known: String,
    },
    /// A key that must be there.
    #[error("the key {0:?} is missing")]
    Missing(&'static str),
    /// A value of another form.
    #[error("expected {expected}, found {found}")]
    Form {
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A word that is none of those that can stand here.
    #[error("{word:?} is none of {known}{}", suggest(.suggestion.as_ref()))]
    Word {
        /// The word.
        word: String,
        /// What can stand here.
        known: String,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// A value that says nothing valid.
    #[error("{text:?}: {problem}")]
    Value {
        /// The value.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A list that must name something.
    #[error("the list is empty, and would match nothing")]
    EmptyList,
    /// A signer that is not among those of the policy.
    #[error("there is no signer {name:?}{}", suggest(.suggestion.as_ref()))]
    NoSuchSigner {
        /// The name.
        name: String,
        /// Who was probably meant.
        suggestion: Option<String>,
    },
    /// Keys that contradict each other, or need each other.
    #[error("{0}")]
    Combination(&'static str),
}

fn suggest(suggestion: Option<&String>) -> String {
    suggestion.map(|word| format!(" (did you mean {word:?}?)")).unwrap_or_default()
}

/// All that is wrong with a policy, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PolicyErrors(pub Vec<PolicyError>);

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { "\n" } else { "" })?;
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// The keys of each mapping of a policy, by the name that `schemas/policy.schema.json` has for it.
pub const KEYS: &[(&str, &[&str])] = &[
    ("policy", POLICY),
    ("signer", signer::SIGNER),
    ("revoked", signer::REVOKED),
    ("matcher", values::MATCHER),
    ("rule", rule::RULE),
    ("requirement", requirement::REQUIREMENT),
    ("sbom", requirement::SBOM),
    ("attestation", requirement::ATTESTATION),
    ("deny", rule::DENY),
    ("vulns", rule::VULNS),
    ("vex", rule::VEX),
    ("base", rule::BASE),
    ("exception", rule::EXCEPTION),
];

const POLICY: &[&str] = &["version", "default", "expires", "signers", "rules"];

impl Policy {
    /// Reads a policy. Every key that is not known is an error, and every error is told, not the first alone.
    ///
    /// ```
    /// use sbom_core::policy::Policy;
    /// let errors = Policy::parse("version: 1\ndefalt: deny\nrules: []\n").unwrap_err();
    /// assert!(errors.to_string().contains("did you mean \"default\"?"));
    /// ```
    pub fn parse(text: &str) -> Result<Self, PolicyErrors> {
        let root =
            yaml::parse(text).map_err(|(place, fault)| PolicyErrors(vec![error(place, "", fault.into())]))?;
        let mut reader = Reader::default();
        let policy = policy(&mut reader, &root, Digest::of(text.as_bytes()));
        let mut errors = reader.errors;
        errors.sort_by_key(|error| (error.line, error.column));
        match policy {
            Some(policy) if errors.is_empty() => Ok(policy),
            _ => Err(PolicyErrors(errors)),
        }
    }
}

fn error(place: Place, path: &str, fault: PolicyFault) -> PolicyError {
    PolicyError { line: place.line, column: place.column, path: path.to_owned(), fault }
}

fn policy(reader: &mut Reader, root: &yaml::Node, digest: Digest) -> Option<Policy> {
    let fields = reader.map(root, "", POLICY)?;
    if let Some(version) = fields.required(reader, "version") {
        reader.word(version, &[("1", ())]);
    }
    let default = fields.required(reader, "default").and_then(|field| reader.word(field, values::UNMATCHED));
    let expires = fields.get("expires").and_then(|field| values::last_moment(reader, field));
    let mut signers = BTreeMap::new();
    if let Some(field) = fields.get("signers") {
        for (name, field) in reader.entries(&field) {
            if let Some(signer) = signer::signer(reader, &field) {
                signers.insert(name, signer);
            }
        }
    }
    let known: Vec<String> = fields.get("signers").map(|field| field.names()).unwrap_or_default();
    let mut rules = Vec::new();
    if let Some(field) = fields.required(reader, "rules") {
        for field in reader.list(field) {
            rules.extend(rule::rule(reader, &field, &known));
        }
    }
    Some(Policy { digest, default: default?, expires, signers, rules })
}
