//! `WWW-Authenticate`: how a registry says which credentials it wants.
//!
//! Grammar: RFC 9110 section 11. One header may hold several challenges, separated by the same commas as their
//! parameters, and quoted strings hold commas of their own (`scope="repository:x:pull,push"`).

use std::collections::BTreeMap;

/// Challenges read from one answer; registries send one or two.
const CHALLENGES: usize = 8;
/// Parameters read of one challenge; registries send three or four.
const PARAMETERS: usize = 16;

/// One challenge: its scheme in lower case, and its parameters by their names in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Challenge {
    pub(super) scheme: String,
    pub(super) parameters: BTreeMap<String, String>,
}

impl Challenge {
    /// The parameter `name`, unless it is absent or empty.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether nothing is wrong but the token that was sent: it is over, or not valid yet. Source: RFC 6750 section 3.1.
    pub(super) fn is_about_token(&self) -> bool {
        self.scheme == "bearer" && self.parameter("error") == Some("invalid_token")
    }
}

/// The challenges of all `headers`. A header that breaks the grammar gives those before the break.
pub(super) fn parse<'a>(headers: impl Iterator<Item = &'a [u8]>) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    for header in headers {
        let mut scanner = Scanner { rest: header };
        while challenges.len() < CHALLENGES {
            let Some(challenge) = scanner.challenge() else { break };
            challenges.push(challenge);
        }
    }
    challenges
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    fn challenge(&mut self) -> Option<Challenge> {
        self.skip(|byte| is_space(byte) || byte == b',');
        let scheme = self.token()?.to_ascii_lowercase();
        let mut challenge = Challenge { scheme, ..Challenge::default() };
        self.skip(is_space);
        while let Some((name, value, after)) = self.parameter() {
            // A parameter given twice is a parameter two readers may read differently.
            let twice = challenge.parameters.insert(name, value).is_some();
            if twice || challenge.parameters.len() > PARAMETERS {
                return None;
            }
            self.rest = after;
            self.skip(|byte| is_space(byte) || byte == b',');
        }
        if self.at_parameter() {
            // A parameter that cannot be read: where the next challenge would begin is not known.
            self.rest = &[];
        }
        Some(challenge)
    }

    /// The next parameter and what follows it, or None where another challenge or nothing follows.
    fn parameter(&self) -> Option<(String, String, &'a [u8])> {
        let mut ahead = Scanner { rest: self.rest };
        let name = ahead.token()?.to_ascii_lowercase();
        ahead.skip(is_space);
        ahead.rest = ahead.rest.strip_prefix(b"=")?;
        ahead.skip(is_space);
        let value = if ahead.rest.first() == Some(&b'"') { ahead.quoted()? } else { ahead.bare() };
        Some((name, String::from_utf8(value).ok()?, ahead.rest))
    }

    /// Whether a name and `=` come next.
    fn at_parameter(&self) -> bool {
        let mut ahead = Scanner { rest: self.rest };
        let named = ahead.token().is_some();
        ahead.skip(is_space);
        named && ahead.rest.first() == Some(&b'=')
    }

    fn token(&mut self) -> Option<String> {
        let taken = self.take(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if taken.is_empty() { None } else { String::from_utf8(taken.to_vec()).ok() }
    }

    /// A value without quotes. Some registries send URLs so, which are not tokens.
    fn bare(&mut self) -> Vec<u8> {
        self.take(|byte| !is_space(byte) && byte != b',' && byte != b'"').to_vec()
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        let mut bytes = self.rest.iter().copied().enumerate().skip(1);
        loop {
            match bytes.next()? {
                (_, b'\\') => value.push(bytes.next()?.1),
                (at, b'"') => {
                    self.rest = self.rest.get(at.saturating_add(1)..)?;
                    return Some(value);
                }
                (_, byte) => value.push(byte),
            }
        }
    }

    fn skip(&mut self, skipped: impl Fn(u8) -> bool) {
        self.take(skipped);
    }

    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !wanted(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(headers: &[&str], expect: &[(&str, &[(&str, &str)])]) {
        let found = parse(headers.iter().map(|header| header.as_bytes()));
        let expect: Vec<_> = expect
            .iter()
            .map(|(scheme, parameters)| Challenge {
                scheme: (*scheme).to_owned(),
                parameters: parameters.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            })
            .collect();
        assert_eq!(found, expect, "{headers:?}");
    }

    #[test]
    fn commas_within_quotes_belong_to_the_value() {
        check(
            &[r#"Bearer realm="https://auth/token",service="registry",scope="repository:x:pull,push""#],
            &[(
                "bearer",
                &[
                    ("realm", "https://auth/token"),
                    ("service", "registry"),
                    ("scope", "repository:x:pull,push"),
                ],
            )],
        );
    }

    #[test]
    fn one_header_may_hold_several_challenges_and_several_headers_one_each() {
        let expect: &[(&str, &[(&str, &str)])] =
            &[("basic", &[("realm", "a")]), ("bearer", &[("realm", "b")])];
        check(&[r#"Basic realm="a", Bearer realm="b""#], expect);
        check(&[r#"Basic realm="a""#, r"BEARER  Realm = b"], expect);
        check(&["Negotiate, Basic realm=x"], &[("negotiate", &[]), ("basic", &[("realm", "x")])]);
    }

    #[test]
    fn a_backslash_takes_the_next_character_as_it_is() {
        check(&[r#"Bearer realm="a\"b\\c\d""#], &[("bearer", &[("realm", r#"a"b\cd"#)])]);
    }

    #[test]
    fn what_breaks_the_grammar_ends_its_header_only() {
        check(
            &[r#"Bearer realm="never closed"#, "Basic realm=a"],
            &[("bearer", &[]), ("basic", &[("realm", "a")])],
        );
        check(&["Bearer realm=a, realm=b", "Basic realm=a"], &[("basic", &[("realm", "a")])]);
        check(&["", ",,,", "=", "\"", "Bearer"], &[("bearer", &[])]);
    }

    #[test]
    fn a_flood_of_challenges_and_parameters_is_cut() {
        let flood = "Bearer realm=a, ".repeat(10_000);
        assert_eq!(parse([flood.as_bytes()].into_iter()).len(), CHALLENGES);
        let flood: String = (0..10_000).map(|n| format!("p{n}=v,")).collect();
        assert_eq!(parse([format!("Bearer {flood}").as_bytes()].into_iter()), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse([bytes.as_slice()].into_iter());
        }
    }
}
