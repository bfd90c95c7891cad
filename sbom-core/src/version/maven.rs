//! The order of Maven's versions. Source: Maven's POM reference, "Version Order Specification".
//!
//! A version is split at dots, hyphens and where digits and letters meet, which counts as a hyphen. What says nothing
//! (`0`, `ga`, `final`, `release`, and the empty word) is left out at the end and before each hyphen. The rest is
//! compared part by part; the shorter version goes on with parts that say nothing.

use std::cmp::Ordering;

use super::number::{ZERO, number};

/// A version that compares.
#[derive(Debug)]
pub(super) struct Maven(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    hyphen: bool,
    token: Token,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Number(String),
    Word(String),
}

/// Known qualifiers in their order; all others are after these, in the order of their letters.
const QUALIFIERS: &[&str] = &["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];

impl Maven {
    /// None if it is empty or has other characters than letters, digits and punctuation of ASCII.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        Some(Self(trimmed(split(&text.to_ascii_lowercase()))))
    }
}

impl PartialEq for Maven {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Maven {}

impl PartialOrd for Maven {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Maven {
    fn cmp(&self, other: &Self) -> Ordering {
        let longest = self.0.len().max(other.0.len());
        (0..longest)
            .map(|place| match (self.0.get(place), other.0.get(place)) {
                (Some(a), Some(b)) => a.compare(b),
                (Some(a), None) => a.compare(&a.nothing()),
                (None, Some(b)) => b.nothing().compare(b),
                (None, None) => Ordering::Equal,
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl Part {
    /// Words are before numbers after a hyphen, and those before numbers after a dot.
    fn compare(&self, other: &Self) -> Ordering {
        match (&self.token, &other.token) {
            (Token::Word(a), Token::Word(b)) => rank(a).cmp(&rank(b)),
            (Token::Word(_), Token::Number(_)) => Ordering::Less,
            (Token::Number(_), Token::Word(_)) => Ordering::Greater,
            (Token::Number(a), Token::Number(b)) => {
                other.hyphen.cmp(&self.hyphen).then_with(|| number(a).cmp(&number(b)))
            }
        }
    }

    /// What stands where a shorter version has nothing to compare with this.
    fn nothing(&self) -> Self {
        let token = match (&self.token, self.hyphen) {
            (Token::Number(_), false) => Token::Number(String::new()),
            _ => Token::Word(String::new()),
        };
        Self { hyphen: self.hyphen, token }
    }

    fn says_nothing(&self) -> bool {
        match &self.token {
            Token::Number(digits) => number(digits) == ZERO,
            Token::Word(word) => word.is_empty(),
        }
    }
}

fn rank(word: &str) -> (usize, &str) {
    match QUALIFIERS.iter().position(|known| *known == word) {
        Some(place) => (place, ""),
        None => (QUALIFIERS.len(), word),
    }
}

fn split(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut hyphen = false;
    let mut rest = text;
    loop {
        let digits = rest.starts_with(|c: char| c.is_ascii_digit());
        let end =
            rest.find(|c: char| matches!(c, '.' | '-') || c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (token, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let next_is_digit = after.starts_with(|c: char| c.is_ascii_digit());
        parts.push(Part { hyphen, token: meaning(token, digits, next_is_digit) });
        hyphen = !after.starts_with('.');
        match after.strip_prefix(['.', '-']) {
            Some(next) => rest = next,
            None if after.is_empty() => return parts,
            None => rest = after,
        }
    }
}

fn meaning(token: &str, digits: bool, next_is_digit: bool) -> Token {
    if digits || token.is_empty() {
        return Token::Number(token.to_owned());
    }
    Token::Word(
        match (token, next_is_digit) {
            ("a", true) => "alpha",
            ("b", true) => "beta",
            ("m", true) => "milestone",
            ("cr", _) => "rc",
            ("ga" | "final" | "release", _) => "",
            (word, _) => word,
        }
        .to_owned(),
    )
}

/// Without what says nothing, at the end and before each hyphen.
fn trimmed(parts: Vec<Part>) -> Vec<Part> {
    let mut kept: Vec<Part> = Vec::new();
    for part in parts {
        if part.hyphen {
            drop_nothings(&mut kept);
        }
        kept.push(part);
    }
    drop_nothings(&mut kept);
    kept
}

fn drop_nothings(parts: &mut Vec<Part>) {
    while parts.last().is_some_and(Part::says_nothing) {
        parts.pop();
    }
}
