//! Semantic versions, and what Go and `NuGet` make of them.
//!
//! Sources: <https://semver.org> 2.0.0, sections 9 to 11; Go's module reference, "Versions" and "Pseudo-versions";
//! `NuGet`'s "Package versioning", "Normalized version numbers".

use super::number::{Number, ZERO, all_digits, leading_digits, number};

/// A version; missing numbers are 0, and build metadata does not count.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Semantic<'a> {
    /// The fourth is `NuGet`'s; it is 0 elsewhere.
    numbers: [Number<'a>; 4],
    /// A release is after its pre-releases.
    is_release: bool,
    /// Numbers are before words.
    pre: Vec<Identifier<'a>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier<'a> {
    Number(Number<'a>),
    Word(&'a str),
}

impl<'a> Semantic<'a> {
    /// A semantic version, with or without `v`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        Self::with_numbers(text.strip_prefix('v').unwrap_or(text), 3)
    }

    /// A version of a Go module, or of Go itself: `1.21rc2`, with or without `go`.
    pub(super) fn parse_go(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix("go").unwrap_or(text);
        Self::parse(text).or_else(|| {
            let (core, pre) = text.split_at_checked(text.find(|c: char| c.is_ascii_lowercase())?)?;
            let digits = pre.strip_prefix("rc").or_else(|| pre.strip_prefix("beta"))?;
            let word = pre.strip_suffix(digits)?;
            let mut version = Self::parse(core)?;
            version.is_release = false;
            version.pre =
                vec![Identifier::Word(word), all_digits(digits).then(|| Identifier::Number(number(digits)))?];
            Some(version)
        })
    }

    /// A version of `NuGet`, in lower case: up to four numbers.
    pub(super) fn parse_nuget(text: &'a str) -> Option<Self> {
        Self::with_numbers(text, 4)
    }

    fn with_numbers(text: &'a str, most: usize) -> Option<Self> {
        let (text, _build) = text.split_once('+').unwrap_or((text, ""));
        let (core, pre) = match text.split_once('-') {
            Some((core, pre)) => (core, Some(pre)),
            None => (text, None),
        };
        let mut numbers = [ZERO; 4];
        let mut slots = numbers.iter_mut().take(most);
        for part in core.split('.') {
            *slots.next()? = all_digits(part).then(|| number(part))?;
        }
        let pre: Vec<Identifier<'a>> = match pre {
            Some(pre) => pre.split('.').map(Identifier::parse).collect::<Option<_>>()?,
            None => Vec::new(),
        };
        Some(Self { numbers, is_release: pre.is_empty(), pre })
    }
}

impl<'a> Identifier<'a> {
    fn parse(word: &'a str) -> Option<Self> {
        let is_word =
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let (_, rest) = leading_digits(word);
        is_word.then(|| if rest.is_empty() { Self::Number(number(word)) } else { Self::Word(word) })
    }
}
