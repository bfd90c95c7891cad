//! The order of apk's versions: `1.2.3b_rc1_p2~abcdef-r4`.
//!
//! Source: apk-tools' `version.c`. A version is numbers separated by dots, a letter, suffixes each with a number,
//! a commit, and the revision of the package.

use std::cmp::Ordering;

/// Suffixes in their order; those before `""` make a version older than without.
const SUFFIXES: &[&str] = &["alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"];
/// Where `""` stands among them.
const NO_SUFFIX: usize = 4;

/// Compares two versions as apk does; none if one of them does not follow the form.
///
/// ```
/// use sbom_core::bom::apk::version::compare;
/// assert!(compare("1.2.5-r10", "1.2.5-r9").unwrap().is_gt());
/// assert!(compare("1.0_rc1", "1.0").unwrap().is_lt());
/// ```
pub fn compare(a: &str, b: &str) -> Option<Ordering> {
    Some(Version::parse(a)?.cmp(&Version::parse(b)?))
}

/// Whether version `found` satisfies `operator` (of `<`, `>`, `=`, `~`, combined) and `wanted`.
///
/// `~` accepts what begins with `wanted`. Versions that do not follow the form satisfy `=` if they are the same.
pub(super) fn satisfies(found: &str, operator: &str, wanted: &str) -> bool {
    if operator.contains('~') && begins_with(found, wanted) {
        return true;
    }
    if operator == "><" {
        return found == wanted;
    }
    let order = match (Version::parse(found), Version::parse(wanted)) {
        (Some(found), Some(wanted)) => found.cmp(&wanted),
        _ if found == wanted => Ordering::Equal,
        _ => return false,
    };
    match order {
        Ordering::Less => operator.contains('<'),
        Ordering::Equal => operator.contains('='),
        Ordering::Greater => operator.contains('>'),
    }
}

/// Whether `found` is `wanted` with something after it: 3.12.4-r0 begins with 3.12, 3.120 does not.
fn begins_with(found: &str, wanted: &str) -> bool {
    let goes_on = |rest: &str| {
        !rest.starts_with(|c: char| c.is_ascii_digit()) || !wanted.ends_with(|c: char| c.is_ascii_digit())
    };
    found.strip_prefix(wanted).is_some_and(goes_on)
}

/// A version in parts that compare in turn.
#[derive(Debug, PartialEq, Eq)]
struct Version<'a> {
    numbers: Vec<&'a str>,
    letter: Option<char>,
    /// Place in [`SUFFIXES`], and the number after it.
    suffixes: Vec<(usize, &'a str)>,
    revision: &'a str,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (text, revision) = text.rsplit_once("-r").unwrap_or((text, ""));
        let text = text.split_once('~').map_or(text, |(text, _)| text);
        let mut parts = text.split('_');
        let head = parts.next()?;
        let (head, letter) = match head.chars().last() {
            Some(c) if c.is_ascii_lowercase() => (head.strip_suffix(c)?, Some(c)),
            _ => (head, None),
        };
        let numbers: Vec<&str> = head.split('.').collect();
        let suffixes = parts
            .map(|part| {
                let end = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
                let (name, number) = part.split_at_checked(end)?;
                let place = SUFFIXES.iter().position(|known| *known == name && !name.is_empty())?;
                Some((place, number))
            })
            .collect::<Option<Vec<_>>>()?;
        let mut digits = suffixes.iter().map(|(_, number)| *number).chain([revision]);
        let valid =
            numbers.iter().all(|number| !number.is_empty() && is_number(number)) && digits.all(is_number);
        valid.then_some(Self { numbers, letter, suffixes, revision })
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_numbers(&self.numbers, &other.numbers)
            .then_with(|| self.letter.cmp(&other.letter))
            .then_with(|| compare_suffixes(&self.suffixes, &other.suffixes))
            .then_with(|| by_value(self.revision, other.revision))
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// After the first, numbers that begin with 0 are compared as text, as after a decimal point.
fn compare_numbers(a: &[&str], b: &[&str]) -> Ordering {
    for (place, (a, b)) in a.iter().zip(b).enumerate() {
        let fraction = place > 0 && (a.starts_with('0') || b.starts_with('0'));
        let order = if fraction { a.cmp(b) } else { by_value(a, b) };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

fn compare_suffixes(a: &[(usize, &str)], b: &[(usize, &str)]) -> Ordering {
    let none = (NO_SUFFIX, "");
    for place in 0..a.len().max(b.len()) {
        let a = a.get(place).unwrap_or(&none);
        let b = b.get(place).unwrap_or(&none);
        let order = a.0.cmp(&b.0).then_with(|| by_value(a.1, b.1));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Numbers of any length; none is 0.
fn by_value(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_order() {
        let ascending = [
            "1.0_alpha",
            "1.0_alpha1",
            "1.0_beta",
            "1.0_pre2",
            "1.0_rc1",
            "1.0_rc1_p1",
            "1.0",
            "1.0-r1",
            "1.0-r10",
            "1.0_git20230717",
            "1.0_p1",
            "1.0_p1-r3",
            "1.0a",
            "1.0b",
            "1.0.1",
            "1.1",
            "1.2",
            "1.10",
            "2",
            "10",
        ];
        for pair in ascending.windows(2) {
            assert!(Version::parse(pair[0]).unwrap() < Version::parse(pair[1]).unwrap(), "{pair:?}");
        }
        assert!(Version::parse("1.01").unwrap() < Version::parse("1.1").unwrap());
        for text in ["", "x", "1..2", "1_foo", "1.0-rx", "1.0_", "é", "1-2"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn conditions_are_met_or_not() {
        for (found, operator, wanted, met) in [
            ("1.2.3-r0", "=", "1.2.3-r0", true),
            ("1.2.3-r0", "=", "1.2.3-r1", false),
            ("1.2.3-r0", ">=", "1.2", true),
            ("1.2.3-r0", "<", "1.2", false),
            ("3.12.4-r0", "~", "3.12", true),
            ("3.120", "~", "3.12", false),
            ("3.12", "~", "3.12", true),
            ("3.11.9", "<~", "3.12", true),
            ("odd", "=", "odd", true),
            ("odd", ">", "1", false),
            ("1", "><", "1", true),
        ] {
            assert_eq!(satisfies(found, operator, wanted), met, "{found} {operator} {wanted}");
        }
    }
}
