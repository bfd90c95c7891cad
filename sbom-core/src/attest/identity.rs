//! Who signed, by certificate: issuer and subject, matched exactly, by pattern, or by expression.
//!
//! Every way of matching is over the whole text: an expression that finds `acme/app` somewhere in
//! `https://evil.example/acme/app` does not match it.

use std::{fmt, str::FromStr};

use regex::{Regex, RegexBuilder};

/// Bytes of an issuer, a subject or a claim, and of what they are matched with.
const MAX_BYTES: usize = 4 << 10;

/// A compiled expression may take as much memory.
const REGEX_BYTES: usize = 1 << 20;

/// How a text is matched, always the whole of it.
#[derive(Debug, Clone)]
pub struct Pattern(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Exact(String),
    Glob(Glob),
    Regex { text: String, compiled: Regex },
}

/// A pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It is empty, or longer than any identity.
    #[error("a pattern of {0} bytes, of which there must be 1 to {MAX_BYTES}")]
    Length(usize),
    /// A wildcard stands where a stranger could choose what it matches.
    #[error("in {0:?} a wildcard stands in scheme, host or mail domain, which must be spelled out")]
    Host(String),
    /// `**` is not a whole segment.
    #[error("in {0:?} ** stands beside other characters of its segment")]
    Stars(String),
    /// It is not a regular expression, or one that takes too much memory.
    #[error("not a regular expression: {0}")]
    Regex(String),
}

impl Pattern {
    /// Matches `text` alone.
    pub fn exact(text: &str) -> Result<Self, PatternError> {
        within(text)?;
        Ok(Self(Kind::Exact(text.to_owned())))
    }

    /// Matches by segments, which `/` separates: `*` stands for any characters of one segment but `@`, `**` for any
    /// number of whole segments, at least one. Scheme, host and mail domain must be spelled out.
    ///
    /// ```
    /// use sbom_core::attest::identity::Pattern;
    /// let pattern = Pattern::glob("https://github.com/acme/*/.github/workflows/release.yml@refs/tags/v*")?;
    /// assert!(pattern.matches("https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1"));
    /// assert!(!pattern.matches("https://github.com/acme/a/b/.github/workflows/release.yml@refs/tags/v1"));
    /// assert!(!pattern.matches("https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1/x"));
    /// # Ok::<(), sbom_core::attest::identity::PatternError>(())
    /// ```
    pub fn glob(text: &str) -> Result<Self, PatternError> {
        within(text)?;
        Ok(Self(Kind::Glob(Glob::new(text)?)))
    }

    /// Matches what the whole of a regular expression matches, with or without `^` and `$`.
    pub fn regex(text: &str) -> Result<Self, PatternError> {
        within(text)?;
        let compile = |text: &str| {
            RegexBuilder::new(text)
                .size_limit(REGEX_BYTES)
                .build()
                .map_err(|error| PatternError::Regex(error.to_string()))
        };
        // By itself first: what is no expression must not become one by being wrapped.
        compile(text)?;
        let compiled = compile(&format!(r"\A(?:{text})\z"))?;
        Ok(Self(Kind::Regex { text: text.to_owned(), compiled }))
    }

    /// Whether it matches the whole of `text`.
    pub fn matches(&self, text: &str) -> bool {
        within(text).is_ok()
            && match &self.0 {
                Kind::Exact(exact) => exact == text,
                Kind::Glob(glob) => glob.matches(text),
                Kind::Regex { compiled, .. } => compiled.is_match(text),
            }
    }

    fn text(&self) -> &str {
        match &self.0 {
            Kind::Exact(text) | Kind::Regex { text, .. } => text,
            Kind::Glob(glob) => &glob.text,
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.0) == std::mem::discriminant(&other.0) && self.text() == other.text()
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Exact(text) => f.write_str(text),
            Kind::Glob(glob) => write!(f, "pattern {}", glob.text),
            Kind::Regex { text, .. } => write!(f, "expression {text}"),
        }
    }
}

fn within(text: &str) -> Result<(), PatternError> {
    if text.is_empty() || text.len() > MAX_BYTES { Err(PatternError::Length(text.len())) } else { Ok(()) }
}

#[derive(Debug, Clone)]
struct Glob {
    text: String,
}

impl Glob {
    fn new(text: &str) -> Result<Self, PatternError> {
        if fixed(text).contains('*') {
            return Err(PatternError::Host(text.to_owned()));
        }
        if text.split('/').any(|segment| segment != "**" && segment.contains("**")) {
            return Err(PatternError::Stars(text.to_owned()));
        }
        Ok(Self { text: text.to_owned() })
    }

    /// Which beginnings of the pattern match the segments so far, one segment of the text after the other.
    fn matches(&self, text: &str) -> bool {
        let pattern: Vec<_> = self.text.split('/').collect();
        // states[n]: the first n segments of the pattern match what was read.
        let mut states = vec![false; pattern.len() + 1];
        if let Some(first) = states.first_mut() {
            *first = true;
        }
        for segment in text.split('/') {
            let mut next = vec![false; states.len()];
            for ((n, part), before) in pattern.iter().enumerate().zip(&states) {
                let again = *part == "**" && states.get(n + 1) == Some(&true);
                let here = (*before || again)
                    && (if *part == "**" { plain(segment) } else { in_segment(part, segment) });
                if let Some(state) = next.get_mut(n + 1).filter(|_| here) {
                    *state = true;
                }
            }
            states = next;
        }
        states.last() == Some(&true)
    }
}

/// A segment that `**` stands for. One with `@` would let a branch take the name of what follows another `@`.
fn plain(segment: &str) -> bool {
    !segment.is_empty() && !segment.contains('@')
}

/// The part of a pattern that decides whose name it is: scheme and host of a URI, the domain of an address.
fn fixed(pattern: &str) -> &str {
    if let Some((scheme, rest)) = pattern.split_once("://") {
        let host = rest.find('/').unwrap_or(rest.len());
        return pattern.get(..scheme.len() + 3 + host).unwrap_or(pattern);
    }
    pattern.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// Whether `*` of one segment of a pattern, which stands for any characters but `@`, make it match.
fn in_segment(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        // The last part must end the segment; of the others the first place is as good as any.
        let at = if parts.peek().is_none() {
            rest.len().checked_sub(part.len()).filter(|_| rest.ends_with(part))
        } else {
            rest.find(part)
        };
        let Some((skipped, found)) = at.and_then(|at| rest.split_at_checked(at)) else { return false };
        if skipped.contains('@') {
            return false;
        }
        rest = found.strip_prefix(part).unwrap_or_default();
    }
    true
}

/// In which form a certificate names its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A URI, as of a workflow.
    Uri,
    /// A mail address.
    Email,
    /// A name of Fulcio's own, as of a user of some issuer.
    Username,
}

impl SubjectKind {
    /// `uri`, `email` or `username`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uri => "uri",
            Self::Email => "email",
            Self::Username => "username",
        }
    }

    /// The form that a name is in by its look.
    fn of(text: &str) -> Self {
        let scheme = text.split_once(':').map(|(scheme, _)| scheme);
        let is_scheme = |scheme: &str| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        };
        match scheme {
            Some(scheme) if is_scheme(scheme) => Self::Uri,
            _ if text.contains('@') => Self::Email,
            _ => Self::Username,
        }
    }
}

/// A subject as a certificate names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectName {
    /// In which form.
    pub kind: SubjectKind,
    /// The name.
    pub name: String,
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Which subjects are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectPattern {
    pattern: Pattern,
    kind: Option<SubjectKind>,
}

impl SubjectPattern {
    /// Subjects that `pattern` matches, in the form that the pattern has by its look: a mail address does not match a URI of
    /// the same letters. An expression matches names of any form, unless [`Self::of_kind`] says which.
    pub fn new(pattern: Pattern) -> Self {
        let kind = match &pattern.0 {
            Kind::Exact(text) => Some(SubjectKind::of(text)),
            Kind::Glob(glob) => Some(SubjectKind::of(&glob.text)),
            Kind::Regex { .. } => None,
        };
        Self { pattern, kind }
    }

    /// Subjects of this form alone.
    #[must_use]
    pub fn of_kind(mut self, kind: SubjectKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Whether `subject` is one of them.
    pub fn matches(&self, subject: &SubjectName) -> bool {
        self.kind.is_none_or(|kind| kind == subject.kind) && self.pattern.matches(&subject.name)
    }
}

impl fmt::Display for SubjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pattern.fmt(f)
    }
}

/// What else Fulcio writes into certificates of workflows. Each is a number below `1.3.6.1.4.1.57264.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Claim {
    /// The workflow that the certificate was given to, with its branch or tag (9).
    BuildSigner,
    /// The commit that the workflow itself is of (10).
    WorkflowDigest,
    /// Whose machine it ran on, as in `github-hosted` (11).
    RunnerEnvironment,
    /// The repository's URL (12).
    Repository,
    /// The commit of the source (13).
    SourceDigest,
    /// The branch or tag (14).
    Ref,
    /// The repository's number, which a repository of the same name does not inherit (15).
    RepositoryId,
    /// The URL of the repository's owner (16).
    Owner,
    /// The number of the repository's owner, which an account of the same name does not inherit (17).
    OwnerId,
    /// The workflow at the top, which may have called the other one (18).
    BuildConfig,
    /// What started the workflow, as in `push` (20).
    Trigger,
    /// Whether the repository is public (22).
    Visibility,
    /// The environment of the deployment (23).
    Environment,
}

const CLAIMS: [(Claim, &str, u8); 13] = [
    (Claim::BuildSigner, "build-signer", 9),
    (Claim::WorkflowDigest, "workflow-digest", 10),
    (Claim::RunnerEnvironment, "runner-environment", 11),
    (Claim::Repository, "repository", 12),
    (Claim::SourceDigest, "source-digest", 13),
    (Claim::Ref, "ref", 14),
    (Claim::RepositoryId, "repository-id", 15),
    (Claim::Owner, "owner", 16),
    (Claim::OwnerId, "owner-id", 17),
    (Claim::BuildConfig, "build-config", 18),
    (Claim::Trigger, "trigger", 20),
    (Claim::Visibility, "visibility", 22),
    (Claim::Environment, "environment", 23),
];

impl Claim {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        CLAIMS.iter().map(|(claim, ..)| *claim)
    }

    /// Its name, as in `owner-id`.
    pub fn name(self) -> &'static str {
        CLAIMS.iter().find(|(claim, ..)| *claim == self).map_or("", |(_, name, _)| name)
    }

    /// The claim with this number below Fulcio's arc.
    pub fn of_number(number: u8) -> Option<Self> {
        CLAIMS.iter().find(|(.., found)| *found == number).map(|(claim, ..)| *claim)
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no claim has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no claim of a certificate: expected one of {names}", names = CLAIMS.map(|(_, name, _)| name).join(", "))]
pub struct UnknownClaim(pub String);

impl FromStr for Claim {
    type Err = UnknownClaim;

    fn from_str(text: &str) -> Result<Self, UnknownClaim> {
        let found = CLAIMS.iter().find(|(_, name, _)| *name == text).map(|(claim, ..)| *claim);
        found.ok_or_else(|| UnknownClaim(text.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str, text: &str, expected: bool) {
        assert_eq!(Pattern::glob(pattern).unwrap().matches(text), expected, "{pattern} and {text}");
    }

    #[test]
    fn a_star_ends_at_a_slash_and_at_an_at_sign() {
        glob("https://github.com/acme/*", "https://github.com/acme/app", true);
        glob("https://github.com/acme/*", "https://github.com/acme/app/x", false);
        glob("https://github.com/acme/*", "https://github.com/acme/", true);
        glob("https://github.com/acme/*", "https://github.com/acmee/app", false);
        glob("https://github.com/acme/*-app", "https://github.com/acme/an-app", true);
        glob("https://github.com/acme/a*b*c", "https://github.com/acme/a1bb2c", true);
        glob("https://github.com/acme/a*b*c", "https://github.com/acme/acb", false);
        glob("https://github.com/acme/a*a", "https://github.com/acme/a", false);
        glob("*@example.com", "a@example.com", true);
        glob("*@example.com", "a@evil@example.com", false);
        glob("*@example.com", "a@example.com.evil", false);
    }

    #[test]
    fn a_branch_cannot_take_the_name_of_another_ref() {
        let pattern = "https://github.com/acme/app/.github/workflows/*@refs/heads/main";
        glob(pattern, "https://github.com/acme/app/.github/workflows/a.yml@refs/heads/main", true);
        glob(
            pattern,
            "https://github.com/acme/app/.github/workflows/a.yml@refs/heads/x@refs/heads/main",
            false,
        );
        let pattern = "https://github.com/acme/**/release.yml@refs/heads/main";
        glob(pattern, "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main", true);
        glob(pattern, "https://github.com/acme/a/evil.yml@refs/heads/release.yml@refs/heads/main", false);
    }

    #[test]
    fn two_stars_stand_for_whole_segments() {
        glob("https://a.example/x/**", "https://a.example/x/y/z", true);
        glob("https://a.example/x/**", "https://a.example/x", false);
        glob("https://a.example/x/**", "https://a.example/x/", false);
        glob("https://a.example/**/z", "https://a.example/x/y/z", true);
        glob("https://a.example/**/z", "https://a.example/z", false);
        glob("https://a.example/**/y/**/z", "https://a.example/y/y/y/z", true);
        let long = format!("https://a.example/{}b", "a/".repeat(1000));
        glob(&format!("https://a.example/{}", "**/".repeat(30)), &long, false);
    }

    #[test]
    fn scheme_host_and_domain_are_spelled_out() {
        for pattern in ["*", "**"] {
            // Not a name of anybody's: neither host nor domain is there to be matched.
            assert!(Pattern::glob(pattern).is_ok(), "{pattern}");
        }
        for pattern in
            ["https://*/acme/app", "https://*.com/acme", "*://github.com/acme", "alice@*", "**://x/y"]
        {
            assert!(matches!(Pattern::glob(pattern), Err(PatternError::Host(_))), "{pattern}");
        }
        assert!(matches!(Pattern::glob("https://a.example/a**"), Err(PatternError::Stars(_))));
        glob("*", "https://github.com/acme", false);
        glob("**", "https://github.com/acme", false);
    }

    #[test]
    fn an_expression_matches_the_whole_or_nothing() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(Pattern::regex(pattern).unwrap().matches(text), expected, "{pattern} and {text}");
        };
        check("acme/app", "https://evil.example/acme/app", false);
        check("https://github.com/acme/.*", "https://github.com/acme/app", true);
        check("https://github.com/acme/.*", "x https://github.com/acme/app", false);
        check("a|b", "ab", false);
        check("a|b", "b", true);
        check("^a$", "a", true);
        check("(?m)^a$", "a\nb", false);
        check("a", "a\n", false);
        for pattern in ["a)|(b", "(", "a{1000}{1000}", "", "(?x)a #"] {
            assert!(Pattern::regex(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn names_of_one_form_do_not_match_those_of_another() {
        let subject = |kind, name: &str| SubjectName { kind, name: name.to_owned() };
        let address = SubjectPattern::new(Pattern::exact("a@example.com").unwrap());
        assert!(address.matches(&subject(SubjectKind::Email, "a@example.com")));
        assert!(!address.matches(&subject(SubjectKind::Uri, "a@example.com")));
        assert!(!address.matches(&subject(SubjectKind::Email, "A@example.com")));
        let any = SubjectPattern::new(Pattern::regex(".*@example.com").unwrap());
        assert!(any.matches(&subject(SubjectKind::Username, "a@example.com")));
        assert!(
            !any.clone().of_kind(SubjectKind::Email).matches(&subject(SubjectKind::Uri, "a@example.com"))
        );
        let workflow = SubjectPattern::new(Pattern::glob("https://a.example/x@refs/heads/*").unwrap());
        assert!(workflow.matches(&subject(SubjectKind::Uri, "https://a.example/x@refs/heads/main")));
        assert!(!workflow.matches(&subject(SubjectKind::Email, "https://a.example/x@refs/heads/main")));
    }

    #[test]
    fn claims_are_known_by_name_and_number() {
        for (claim, name, number) in CLAIMS {
            assert_eq!(name.parse(), Ok(claim));
            assert_eq!(Claim::of_number(number), Some(claim));
        }
        assert_eq!(Claim::all().count(), CLAIMS.len());
        assert!("issuer".parse::<Claim>().is_err());
    }
}
