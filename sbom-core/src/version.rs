//! Which of two versions is the later, by the rules of their ecosystem.

use std::cmp::Ordering;

use crate::{bom, detect};

/// The rules by which versions are ordered.
///
/// ```
/// use sbom_core::version::Scheme;
/// assert!(Scheme::of(Some("deb")).compare("1:1.0-1", "2.0-1").unwrap().is_gt());
/// assert!(Scheme::of(Some("cargo")).compare("1.0.0-rc.1", "1.0.0").unwrap().is_lt());
/// assert!(Scheme::of(None).compare("banana", "apple").is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// apk's.
    Alpine,
    /// dpkg's.
    Debian,
    /// rpm's, with epoch and release.
    Rpm,
    /// Semantic versions, with or without a leading `v`.
    Semantic,
    /// Nothing but numbers with dots between them, which all ecosystems order alike.
    Numbers,
}

impl Scheme {
    /// The rules for packages whose package URL is of type `kind`.
    pub fn of(kind: Option<&str>) -> Self {
        match kind {
            Some("apk") => Self::Alpine,
            Some("deb") => Self::Debian,
            Some("rpm") => Self::Rpm,
            Some("cargo" | "golang" | "npm" | "hex" | "pub" | "swift") => Self::Semantic,
            _ => Self::Numbers,
        }
    }

    /// Compares two versions; none where one does not follow the rules.
    pub fn compare(self, a: &str, b: &str) -> Option<Ordering> {
        match self {
            Self::Alpine => bom::apk::version::compare(a, b),
            Self::Debian => Some(detect::dpkg::version::compare(a, b)),
            Self::Rpm => Some(rpm(a).cmp(&rpm(b))),
            Self::Semantic => Some(Semantic::parse(a)?.cmp(&Semantic::parse(b)?)),
            Self::Numbers => Some(numbers(a)?.cmp(&numbers(b)?)),
        }
    }

    /// A total order: versions that follow the rules after those that do not, the same in the order of their text.
    pub fn order(self, a: &str, b: &str) -> Ordering {
        let valid = |version| self.compare(version, version).is_some();
        self.compare(a, b).unwrap_or_else(|| valid(a).cmp(&valid(b))).then_with(|| a.cmp(b))
    }
}

/// What versions that get along with each other begin with: the first number that is not 0, and those before it.
pub(super) fn compatible(version: &str) -> &str {
    let mut end = 0;
    for part in version.split_inclusive(['.', '-', '+', '~', ':']) {
        end += part.len();
        if part.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
            break;
        }
    }
    version.get(..end).unwrap_or(version).trim_end_matches(['.', '-', '+', '~', ':'])
}

/// A number of any length in a form that compares.
type Number<'a> = (usize, &'a str);

fn number(digits: &str) -> Number<'_> {
    let significant = digits.trim_start_matches('0');
    (significant.len(), significant)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn numbers(version: &str) -> Option<Vec<Number<'_>>> {
    let mut numbers: Vec<Number<'_>> =
        version.split('.').map(|part| all_digits(part).then(|| number(part))).collect::<Option<_>>()?;
    // Whether 1 is before 1.0 depends on the ecosystem.
    while numbers.last() == Some(&(0, "")) {
        numbers.pop();
    }
    Some(numbers)
}

/// A version of <https://semver.org>; missing numbers are 0, and build metadata does not count.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Semantic<'a> {
    numbers: [Number<'a>; 3],
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
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, _build) = text.split_once('+').unwrap_or((text, ""));
        let (core, pre) = match text.split_once('-') {
            Some((core, pre)) => (core, Some(pre)),
            None => (text, None),
        };
        let mut numbers = [(0, ""); 3];
        let mut slots = numbers.iter_mut();
        for part in core.split('.') {
            *slots.next()? = all_digits(part).then(|| number(part))?;
        }
        let identifier = |word: &'a str| {
            if all_digits(word) { Identifier::Number(number(word)) } else { Identifier::Word(word) }
        };
        let pre: Vec<Identifier<'a>> =
            pre.map(|pre| pre.split('.').map(identifier).collect()).unwrap_or_default();
        Some(Self { numbers, is_release: pre.is_empty(), pre })
    }
}

/// A part of an rpm version. `~` is before the end, `^` after it and before everything else; letters are before
/// numbers. Source: rpm's `rpmvercmp`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'a> {
    Tilde,
    End,
    Caret,
    Letters(&'a str),
    Number(Number<'a>),
}

type Rpm<'a> = (Number<'a>, Vec<Segment<'a>>, Vec<Segment<'a>>);

/// Epoch, version, release.
fn rpm(text: &str) -> Rpm<'_> {
    let (epoch, rest) = text.split_once(':').filter(|(epoch, _)| all_digits(epoch)).unwrap_or(("", text));
    let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (number(epoch), segments(version), segments(release))
}

fn segments(mut text: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    while let Some(first) = text.chars().next() {
        let of_kind: fn(char) -> bool = match first {
            c if c.is_ascii_digit() => |c| c.is_ascii_digit(),
            c if c.is_ascii_alphabetic() => |c| c.is_ascii_alphabetic(),
            _ => |_| false,
        };
        let end = text.find(|c| !of_kind(c)).unwrap_or(text.len()).max(first.len_utf8());
        let (part, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        match first {
            '~' => segments.push(Segment::Tilde),
            '^' => segments.push(Segment::Caret),
            c if c.is_ascii_digit() => segments.push(Segment::Number(number(part))),
            c if c.is_ascii_alphabetic() => segments.push(Segment::Letters(part)),
            _ => {}
        }
        text = rest;
    }
    segments.push(Segment::End);
    segments
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ascending(kind: &str, versions: &[&str]) {
        let scheme = Scheme::of(Some(kind));
        for pair in versions.windows(2) {
            assert_eq!(scheme.compare(pair[0], pair[1]), Some(Ordering::Less), "{kind} {pair:?}");
            assert_eq!(scheme.compare(pair[1], pair[0]), Some(Ordering::Greater), "{kind} {pair:?}");
        }
    }

    #[test]
    fn each_ecosystem_has_its_order() {
        ascending("apk", &["1.0_rc1", "1.0", "1.0-r1", "1.0-r10", "1.0_p1", "1.0.1"]);
        ascending("deb", &["1.0~rc1-1", "1.0-1", "1.0-1+b1", "1.0-2", "1.0+dfsg-1", "1.10-1", "1:0.1-1"]);
        ascending(
            "cargo",
            &["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-rc.2", "1.0.0-rc.10"],
        );
        ascending("cargo", &["1.0.0-rc.10", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0+meta"]);
        ascending(
            "golang",
            &["v0.0.0-20200101000000-abc", "v0.0.0-20210101000000-aaa", "v0.1.0", "v2.0.0+incompatible"],
        );
        ascending("golang", &["1.21", "1.21.1", "1.22"]);
        ascending("rpm", &["1.0~rc1-1", "1.0-1", "1.0^git1-1", "1.0a-1", "1.0.1-1", "1.10-1", "1:0.9-1"]);
        ascending("rpm", &["9.16.23-14.el9", "9.16.23-14.el9_1", "9.16.23-14.el9_10.2"]);
        ascending("pypi", &["1.9", "1.10", "2"]);
    }

    #[test]
    fn what_follows_no_rule_has_no_order() {
        for (kind, a, b) in [
            ("pypi", "1.0rc1", "1.0"),
            ("cargo", "one", "1.0.0"),
            ("apk", "x", "1"),
            ("golang", "1.2.3.4", "1"),
        ] {
            assert_eq!(Scheme::of(Some(kind)).compare(a, b), None, "{kind}");
        }
        assert_eq!(Scheme::of(Some("cargo")).compare("1.0.0+a", "1.0.0+b"), Some(Ordering::Equal));
        assert_eq!(Scheme::of(Some("pypi")).compare("1.0", "1"), Some(Ordering::Equal));
        assert_eq!(Scheme::of(Some("rpm")).compare("1_0-1", "1.0-1"), Some(Ordering::Equal));
    }

    #[test]
    fn compatible_versions_share_their_beginning() {
        for (version, expected) in [
            ("1.2.3", "1"),
            ("0.9.1", "0.9"),
            ("0.0.3", "0.0.3"),
            ("v1.2.3", "v1"),
            ("1:2.5-1", "1"),
            ("0", "0"),
            ("", ""),
            ("abc", "abc"),
        ] {
            assert_eq!(compatible(version), expected, "{version}");
        }
    }

    fn any_version() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9]{1,2}(\\.[0-9]{1,2}){0,3}(-r?[0-9])?", "[0-9a-c.:~^_+v-]{0,8}", "\\PC{0,5}"]
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in any_version(), b in any_version(), c in any_version()) {
            for kind in ["apk", "deb", "rpm", "cargo", "other"] {
                let scheme = Scheme::of(Some(kind));
                prop_assert_eq!(scheme.order(&a, &b), scheme.order(&b, &a).reverse(), "{}", kind);
                if scheme.order(&a, &b).is_le() && scheme.order(&b, &c).is_le() {
                    prop_assert!(scheme.order(&a, &c).is_le(), "{} {:?} {:?} {:?}", kind, a, b, c);
                }
                prop_assert_eq!(scheme.order(&a, &b).is_eq(), a == b);
            }
        }
    }
}
