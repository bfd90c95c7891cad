//! How a policy names an issuer, a subject or another text of a certificate: exactly, by pattern, or by expression.

use std::fmt;

use regex::Regex;

use crate::query::Glob;

/// Bytes that a compiled expression may take.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// What a text must be. Always all of it: no pattern matches a part.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// This text.
    Exact(String),
    /// A pattern: `*` is anything but `/`, `**` anything.
    Glob(String, Glob),
    /// A regular expression, which the whole text must match.
    Regex(String, Regex),
}

/// A text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatcherError {
    /// Nothing is named.
    #[error("it is empty, and would match nothing")]
    Empty,
    /// `?` means one character in patterns and a query in addresses.
    #[error("`?` in a pattern could mean two things: write {{regex: …}}")]
    QuestionMark,
    /// Not a regular expression, or one too large.
    #[error("{0}")]
    Regex(String),
}

impl Matcher {
    /// Exactly `text`, or the pattern that it is if there is a `*` in it.
    pub fn of(text: &str) -> Result<Self, MatcherError> {
        if text.contains('*') { Self::glob(text) } else { Self::exact(text) }
    }

    /// Exactly `text`.
    pub fn exact(text: &str) -> Result<Self, MatcherError> {
        if text.is_empty() { Err(MatcherError::Empty) } else { Ok(Self::Exact(text.to_owned())) }
    }

    /// A pattern.
    pub fn glob(text: &str) -> Result<Self, MatcherError> {
        match text {
            "" => Err(MatcherError::Empty),
            text if text.contains('?') => Err(MatcherError::QuestionMark),
            text => Ok(Self::Glob(text.to_owned(), Glob::path(text))),
        }
    }

    /// An expression of the whole text.
    pub fn regex(text: &str) -> Result<Self, MatcherError> {
        if text.is_empty() {
            return Err(MatcherError::Empty);
        }
        // By itself first: what closes the group and opens another is no expression.
        let error = |error: regex::Error| MatcherError::Regex(error.to_string());
        Regex::new(text).map_err(error)?;
        let whole = format!(r"\A(?:{text})\z");
        let regex = regex::RegexBuilder::new(&whole).size_limit(MAX_REGEX_BYTES).build().map_err(error)?;
        Ok(Self::Regex(text.to_owned(), regex))
    }

    /// Whether all of `text` is what is meant.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Glob(_, glob) => glob.matches(text),
            Self::Regex(_, regex) => regex.is_match(text),
        }
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Glob(text, _) | Self::Regex(text, _) => text,
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.source() == other.source()
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) | Self::Glob(text, _) => f.write_str(text),
            Self::Regex(text, _) => write!(f, "/{text}/"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_all_of_a_text_or_nothing() {
        let glob =
            Matcher::of("https://github.com/acme/*/.github/workflows/release.yml@refs/tags/v*").unwrap();
        assert!(glob.matches("https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1"));
        for foreign in [
            "https://github.com/acme/a/b/.github/workflows/release.yml@refs/tags/v1",
            "https://github.com/evil/app/.github/workflows/release.yml@refs/tags/v1",
            "https://evil.com/?https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1",
            "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1/../x",
        ] {
            assert!(!glob.matches(foreign), "{foreign}");
        }
        let regex = Matcher::regex("acme/app|b").unwrap();
        assert!(regex.matches("acme/app") && regex.matches("b"));
        assert!(!regex.matches("evil.com/acme/app") && !regex.matches("acme/app\n") && !regex.matches("bb"));
        assert!(Matcher::of("a.c").unwrap().matches("a.c") && !Matcher::of("a.c").unwrap().matches("abc"));
    }

    #[test]
    fn what_would_match_more_than_it_seems_is_refused() {
        assert_eq!(Matcher::of(""), Err(MatcherError::Empty));
        assert_eq!(Matcher::of("https://a/?b=*"), Err(MatcherError::QuestionMark));
        assert!(Matcher::regex("a)|(b").is_err());
        assert!(Matcher::regex("(?:a{1000}){1000}").is_err());
    }
}
