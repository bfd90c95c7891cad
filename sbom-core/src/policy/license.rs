//! Licences that a policy forbids, and what that means for an expression.
//!
//! - `A AND B` is forbidden if one of them is; `A OR B` only if both are, for whoever uses it may choose.
//! - `X WITH exception` is forbidden if `X` is, or by its own entry. An entry with `!` permits exactly what it names, and
//!   goes before all others: `!GPL-3.0-or-later WITH GCC-exception-3.1`.
//! - `X-or-later` of the GNU licences is a choice among the versions that there are. So `AGPL-3.0-only` forbids
//!   `AGPL-3.0-or-later`, which leaves no other choice; `GPL-2.0-only` does not forbid `GPL-2.0-or-later`.
//! - `*` stands for any characters. `LicenseRef-*` forbids what the SPDX list does not know, and `NOASSERTION` what
//!   has no known licence. Without such an entry neither is forbidden.
//! - Declared and concluded licences both count.

use std::{fmt, str::FromStr};

use crate::{license, query::Glob};

/// Parentheses deeper than this make no expression.
const MAX_DEPTH: usize = 64;

/// An entry of the list of forbidden licences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseEntry {
    text: String,
    /// Whether it permits what it names.
    permits: bool,
    pattern: Glob,
}

/// A text is no licence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LicenseEntryError {
    /// Nothing is named.
    #[error("expected an SPDX identifier, with or without an exception; `*` stands for any characters")]
    Empty,
    /// An expression.
    #[error("an expression forbids nothing that its licences do not: name them one by one")]
    Expression,
    /// It is on no list, so no licence could ever be it.
    #[error("{0:?} is on no SPDX list; own licences begin with LicenseRef-")]
    Unknown(String),
}

impl FromStr for LicenseEntry {
    type Err = LicenseEntryError;

    fn from_str(text: &str) -> Result<Self, LicenseEntryError> {
        let (permits, name) = text.strip_prefix('!').map_or((false, text), |name| (true, name));
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            return Err(LicenseEntryError::Empty);
        }
        if name.split(' ').any(|word| matches!(word.to_ascii_uppercase().as_str(), "AND" | "OR")) {
            return Err(LicenseEntryError::Expression);
        }
        let special = name.contains('*') || name.starts_with("LicenseRef-") || is_unknown(&name);
        let name = if special { name } else { listed(&name)? };
        Ok(Self { text: text.to_owned(), permits, pattern: Glob::text(&name) })
    }
}

/// The identifier as the SPDX list has it.
fn listed(name: &str) -> Result<String, LicenseEntryError> {
    let declared = license::declare(name);
    match declared.expression {
        Some(expression)
            if declared.custom.is_empty()
                && !expression.contains(" AND ")
                && !expression.contains(" OR ") =>
        {
            Ok(expression)
        }
        _ => Err(LicenseEntryError::Unknown(name.to_owned())),
    }
}

fn is_unknown(name: &str) -> bool {
    matches!(name.to_ascii_uppercase().as_str(), "NOASSERTION" | "NONE")
}

impl fmt::Display for LicenseEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What the list says of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It may be used.
    Permitted,
    /// It is forbidden: the terms that forbid it, sorted, each once.
    Forbidden(Vec<String>),
    /// It cannot be read as an expression.
    Unreadable,
}

/// Judges an expression; none is what has no known licence.
pub fn judge(entries: &[LicenseEntry], expression: Option<&str>) -> Judgement {
    let Some(expression) = expression.filter(|expression| !is_unknown(expression.trim())) else {
        return if names(entries, "NOASSERTION") || names(entries, "NONE") {
            Judgement::Forbidden(vec!["NOASSERTION".to_owned()])
        } else {
            Judgement::Permitted
        };
    };
    let tokens = tokens(expression);
    let mut parser = Parser { entries, tokens: &tokens, next: 0, depth: 0 };
    match parser.any() {
        Some(terms) if parser.next == tokens.len() => {
            let mut terms = terms;
            terms.sort();
            terms.dedup();
            if terms.is_empty() { Judgement::Permitted } else { Judgement::Forbidden(terms) }
        }
        _ => Judgement::Unreadable,
    }
}

fn names(entries: &[LicenseEntry], term: &str) -> bool {
    let of = |permits: bool| {
        entries.iter().filter(move |entry| entry.permits == permits).any(|entry| entry.pattern.matches(term))
    };
    of(false) && !of(true)
}

/// Whether the licence `id`, with `exception` if it has one, is forbidden.
fn is_forbidden(entries: &[LicenseEntry], id: &str, exception: Option<&str>) -> bool {
    let whole = exception.map_or_else(|| id.to_owned(), |exception| format!("{id} WITH {exception}"));
    if entries.iter().any(|entry| entry.permits && entry.pattern.matches(&whole)) {
        return false;
    }
    if names(entries, &whole) || names(entries, id) {
        return true;
    }
    // Each version that may be chosen is a licence of its own.
    later_versions(id)
        .is_some_and(|mut versions| versions.all(|version| is_forbidden(entries, &version, exception)))
}

/// The versions of the GNU licences.
const FAMILIES: &[(&str, &[&str])] = &[
    ("GPL", &["1.0", "2.0", "3.0"]),
    ("LGPL", &["2.0", "2.1", "3.0"]),
    ("AGPL", &["1.0", "3.0"]),
    ("GFDL", &["1.1", "1.2", "1.3"]),
];

/// What `X-or-later` lets one choose from.
fn later_versions(id: &str) -> Option<impl Iterator<Item = String>> {
    let (family, version) = id.strip_suffix("-or-later")?.split_once('-')?;
    let (family, versions) = FAMILIES.iter().find(|(name, _)| *name == family)?;
    let first = versions.iter().position(|known| *known == version)?;
    Some(versions.iter().skip(first).map(move |version| format!("{family}-{version}-only")))
}

fn tokens(expression: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    for word in expression.split_whitespace() {
        let mut rest = word;
        while let Some(at) = rest.find(['(', ')']) {
            let (before, after) = rest.split_at_checked(at).unwrap_or_default();
            let (parenthesis, next) = after.split_at_checked(1).unwrap_or_default();
            tokens.extend([before, parenthesis].into_iter().filter(|token| !token.is_empty()));
            rest = next;
        }
        if !rest.is_empty() {
            tokens.push(rest);
        }
    }
    tokens
}

/// Reads an expression into the terms that forbid it; none of them if it is permitted.
struct Parser<'a> {
    entries: &'a [LicenseEntry],
    tokens: &'a [&'a str],
    next: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn eat(&mut self, token: &str) -> bool {
        let found = self.tokens.get(self.next).is_some_and(|next| *next == token);
        self.next += usize::from(found);
        found
    }

    fn any(&mut self) -> Option<Vec<String>> {
        let mut terms = self.all()?;
        while self.eat("OR") {
            let other = self.all()?;
            if terms.is_empty() || other.is_empty() {
                terms.clear();
            } else {
                terms.extend(other);
            }
        }
        Some(terms)
    }

    fn all(&mut self) -> Option<Vec<String>> {
        let mut terms = self.term()?;
        while self.eat("AND") {
            terms.extend(self.term()?);
        }
        Some(terms)
    }

    fn term(&mut self) -> Option<Vec<String>> {
        if self.eat("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return None;
            }
            let inner = self.any()?;
            self.depth -= 1;
            return self.eat(")").then_some(inner);
        }
        let id = self.word()?;
        let exception = if self.eat("WITH") { Some(self.word()?) } else { None };
        // `+` is how some licences say that later versions may be chosen; all of their versions are named alike.
        let forbidden = is_forbidden(self.entries, id.trim_end_matches('+'), exception);
        let whole = exception.map_or_else(|| id.to_owned(), |exception| format!("{id} WITH {exception}"));
        Some(if forbidden { vec![whole] } else { Vec::new() })
    }

    fn word(&mut self) -> Option<&'a str> {
        let word =
            self.tokens.get(self.next).filter(|word| !matches!(**word, "(" | ")" | "AND" | "OR" | "WITH"))?;
        self.next += 1;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(entries: &[&str], expression: &str, forbidden: &[&str]) {
        let entries: Vec<LicenseEntry> = entries.iter().map(|entry| entry.parse().unwrap()).collect();
        let expected = match forbidden {
            [] => Judgement::Permitted,
            terms => Judgement::Forbidden(terms.iter().map(|term| (*term).to_owned()).collect()),
        };
        assert_eq!(judge(&entries, Some(expression)), expected, "{entries:?} {expression}");
    }

    #[test]
    fn a_choice_is_forbidden_only_if_nothing_is_left_to_choose() {
        let entries = &["AGPL-3.0-only", "GPL-3.0-only"];
        check(entries, "AGPL-3.0-only", &["AGPL-3.0-only"]);
        check(entries, "MIT OR AGPL-3.0-only", &[]);
        check(entries, "MIT AND AGPL-3.0-only", &["AGPL-3.0-only"]);
        check(entries, "AGPL-3.0-only OR GPL-3.0-only", &["AGPL-3.0-only", "GPL-3.0-only"]);
        check(entries, "(MIT OR AGPL-3.0-only) AND (ISC OR GPL-3.0-only)", &[]);
        check(entries, "(MIT AND AGPL-3.0-only) OR GPL-3.0-only", &["AGPL-3.0-only", "GPL-3.0-only"]);
        check(entries, "MIT AND ISC OR AGPL-3.0-only", &[]);
        check(entries, "MIT OR ISC AND AGPL-3.0-only", &[]);
        check(entries, "MIT", &[]);
    }

    #[test]
    fn or_later_is_a_choice_among_the_versions_that_there_are() {
        check(&["AGPL-3.0-only"], "AGPL-3.0-or-later", &["AGPL-3.0-or-later"]);
        check(&["GPL-2.0-only"], "GPL-2.0-or-later", &[]);
        check(&["GPL-2.0-only", "GPL-3.0-only"], "GPL-2.0-or-later", &["GPL-2.0-or-later"]);
        check(&["GPL-2.0-or-later"], "GPL-2.0-only", &[]);
        check(&["GPL-*"], "GPL-2.0-or-later OR LGPL-2.1-only", &[]);
        check(&["*GPL-*"], "GPL-2.0-or-later OR LGPL-2.1-only", &["GPL-2.0-or-later", "LGPL-2.1-only"]);
    }

    #[test]
    fn an_exception_does_not_permit_by_itself() {
        let with = "GPL-3.0-or-later WITH GCC-exception-3.1";
        check(&["GPL-3.0-or-later"], with, &[with]);
        check(&["GPL-3.0-only"], with, &[with]);
        check(&["GPL-*", "!GPL-3.0-or-later WITH GCC-exception-3.1"], with, &[]);
        check(&["GPL-*", "!* WITH GCC-exception-3.1"], with, &[]);
        check(&[with], with, &[with]);
        check(&[with], "GPL-3.0-or-later", &[]);
    }

    #[test]
    fn what_is_not_known_is_forbidden_by_name() {
        check(&["LicenseRef-*"], "MIT AND LicenseRef-acme", &["LicenseRef-acme"]);
        check(&["AGPL-3.0-only"], "LicenseRef-acme", &[]);
        let entries = |text: &str| vec![text.parse::<LicenseEntry>().unwrap()];
        assert_eq!(
            judge(&entries("NOASSERTION"), None),
            Judgement::Forbidden(vec!["NOASSERTION".to_owned()])
        );
        assert_eq!(judge(&entries("MIT"), None), Judgement::Permitted);
        assert_eq!(judge(&entries("*"), None), Judgement::Forbidden(vec!["NOASSERTION".to_owned()]));
    }

    #[test]
    fn what_is_no_expression_is_not_judged() {
        let entries = ["MIT".parse::<LicenseEntry>().unwrap()];
        for text in ["MIT OR", "(MIT", "MIT ISC", "AND MIT", "MIT WITH", ")", &"(".repeat(1000)] {
            assert_eq!(judge(&entries, Some(text)), Judgement::Unreadable, "{text}");
        }
    }

    #[test]
    fn an_entry_that_could_forbid_nothing_is_refused() {
        for text in ["", "!", "MIT OR ISC", "GPL4", "AGPLv3-foo"] {
            assert!(text.parse::<LicenseEntry>().is_err(), "{text}");
        }
        assert_eq!("apache-2.0".parse::<LicenseEntry>().unwrap().pattern, Glob::text("Apache-2.0"));
    }
}
