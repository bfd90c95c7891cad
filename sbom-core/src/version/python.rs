//! The order of Python's versions: `1!2.0rc1.post2.dev3+local.4`.
//!
//! Source: the Python packaging specification "Version specifiers", which was PEP 440: "Summary of permitted
//! suffixes and relative ordering", "Normalization", appendix B.

use super::number::{Number, ZERO, leading_digits, number};

/// A version that compares. An absent part is where the specification puts it: a pre-release is before none, a
/// development release before the same without, a post-release and a local part after.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Python {
    epoch: Digits,
    /// Without the zeros at the end: 1.0 is 1.
    release: Vec<Digits>,
    pre: Pre,
    post: Option<Digits>,
    dev: Dev,
    local: Vec<Local>,
}

/// As [`Number`], of a text that was put in lower case.
type Digits = (usize, String);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pre {
    /// `1.0.dev1` is before `1.0a1`.
    OnlyDev,
    Alpha(Digits),
    Beta(Digits),
    Candidate(Digits),
    None,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dev {
    Number(Digits),
    None,
}

/// Words are before numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Local {
    Word(String),
    Number(Digits),
}

impl Python {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let text = text.strip_prefix('v').unwrap_or(&text);
        let (text, local) = match text.split_once('+') {
            Some((text, local)) => (text, parse_local(local)?),
            None => (text, Vec::new()),
        };
        let (epoch, text) = text.split_once('!').unwrap_or(("0", text));
        let (release, rest) = parse_release(text)?;
        let mut rest = Rest(rest);
        let pre = rest.pre();
        let post = rest.post();
        let dev = rest.dev();
        if !rest.0.is_empty() || !super::number::all_digits(epoch) {
            return None;
        }
        let pre = match (pre, &post, &dev) {
            (Some(pre), _, _) => pre,
            (None, None, Some(_)) => Pre::OnlyDev,
            (None, _, _) => Pre::None,
        };
        let dev = dev.map_or(Dev::None, Dev::Number);
        Some(Self { epoch: own(number(epoch)), release, pre, post, dev, local })
    }
}

fn own((length, digits): Number<'_>) -> Digits {
    (length, digits.to_owned())
}

/// The numbers that the version begins with, and what follows them.
fn parse_release(text: &str) -> Option<(Vec<Digits>, &str)> {
    let mut release = Vec::new();
    let mut rest = text;
    loop {
        let (digits, after) = leading_digits(rest);
        if digits.is_empty() {
            return None;
        }
        release.push(own(number(digits)));
        rest = after;
        match after.strip_prefix('.') {
            Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => rest = next,
            _ => break,
        }
    }
    while release.last().is_some_and(|number| number.0 == 0) {
        release.pop();
    }
    Some((release, rest))
}

fn parse_local(text: &str) -> Option<Vec<Local>> {
    text.split(['.', '-', '_'])
        .map(|part| {
            let valid = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let (_, word) = leading_digits(part);
            valid.then(|| {
                if word.is_empty() { Local::Number(own(number(part))) } else { Local::Word(part.to_owned()) }
            })
        })
        .collect()
}

/// What of a version is still to be read.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// One of `names`, with or without a separator before it and before its number, which is 0 if it is missing.
    fn named(&mut self, names: &[&str]) -> Option<Digits> {
        let after_separator = self.0.strip_prefix(['.', '-', '_']).unwrap_or(self.0);
        let after_name = names.iter().find_map(|name| after_separator.strip_prefix(name))?;
        let numbered = after_name.strip_prefix(['.', '-', '_']).unwrap_or(after_name);
        let (digits, rest) = leading_digits(numbered);
        // A separator that no number follows belongs to what comes next.
        self.0 = if digits.is_empty() { after_name } else { rest };
        Some(if digits.is_empty() { own(ZERO) } else { own(number(digits)) })
    }

    fn pre(&mut self) -> Option<Pre> {
        if let Some(number) = self.named(&["alpha", "a"]) {
            return Some(Pre::Alpha(number));
        }
        if let Some(number) = self.named(&["beta", "b"]) {
            return Some(Pre::Beta(number));
        }
        self.named(&["rc", "c", "preview", "pre"]).map(Pre::Candidate)
    }

    fn post(&mut self) -> Option<Digits> {
        if let Some(implicit) = self.0.strip_prefix('-') {
            let (digits, rest) = leading_digits(implicit);
            if !digits.is_empty() {
                self.0 = rest;
                return Some(own(number(digits)));
            }
        }
        self.named(&["post", "rev", "r"])
    }

    fn dev(&mut self) -> Option<Digits> {
        self.named(&["dev"])
    }
}
