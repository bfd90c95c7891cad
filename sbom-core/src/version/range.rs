//! Ranges of versions: `<2.17.1`, `>=1.0, <2.0 || >=3, <3.1`, `vers:npm/>=1.0.0|<2.0.0`.
//!
//! A range is alternatives joined by `||`, each of them bounds that must all hold, joined by commas or blanks. A version
//! without an operator is `=`. `*` alone is every version. The order alone decides: `<2.0` takes in `2.0-rc1`, which
//! is before it, whatever a package manager would choose. Ranges of the VERS specification (`vers:TYPE/…`) are read
//! into the same: their sorted bounds become the intervals between them.

use std::{cmp::Ordering, fmt};

use super::Scheme;

/// Alternatives and bounds beyond this are no range that anyone wrote.
const MAX_BOUNDS: usize = 1000;

/// Versions of one ecosystem.
///
/// ```
/// use sbom_core::version::{Scheme, range::Range};
/// let range = Range::parse(">=1.0, <2.0 || =3.1", Scheme::of(Some("cargo")))?;
/// assert_eq!(range.contains("1.5.0"), Some(true));
/// assert_eq!(range.contains("2.0.0"), Some(false));
/// assert_eq!(range.contains("unreleased"), None);
/// # Ok::<(), sbom_core::version::range::RangeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    scheme: Scheme,
    /// Of these one must hold.
    alternatives: Vec<Vec<Bound>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    operator: Operator,
    version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Less,
    AtMost,
    Equal,
    Not,
    AtLeast,
    Greater,
}

/// A text is no range of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// A bound has no version.
    #[error("a bound of the range {range:?} has no version")]
    Empty {
        /// The range.
        range: String,
    },
    /// A version does not follow the rules of its ecosystem, so nothing could ever be compared with it.
    #[error("{version:?} is no version by the rules of {scheme:?}")]
    Version {
        /// The version.
        version: String,
        /// The rules.
        scheme: Scheme,
    },
    /// A `vers:` range is of another ecosystem than the package.
    #[error("the range {range:?} is not of the ecosystem of the package")]
    Ecosystem {
        /// The range.
        range: String,
    },
    /// There are more bounds than in any range that is meant.
    #[error("the range has more than {MAX_BOUNDS} bounds")]
    TooMany,
}

impl Range {
    /// Reads a range of versions that `scheme` orders.
    pub fn parse(text: &str, scheme: Scheme) -> Result<Self, RangeError> {
        if let Some(vers) = text.trim().strip_prefix("vers:") {
            return parse_vers(text, vers, scheme);
        }
        let mut alternatives = Vec::new();
        let mut count = 0_usize;
        for alternative in text.split("||") {
            let bounds = bounds(alternative, scheme)?;
            count = count.saturating_add(bounds.len().max(1));
            if count > MAX_BOUNDS {
                return Err(RangeError::TooMany);
            }
            alternatives.push(bounds);
        }
        Ok(Self { scheme, alternatives })
    }

    /// Whether `version` lies within; none if that cannot be told, because it does not follow the rules.
    pub fn contains(&self, version: &str) -> Option<bool> {
        let every = |bounds: &Vec<Bound>| -> Option<bool> {
            // Every version is one even if it has no order.
            bounds.iter().try_fold(true, |within, bound| {
                let order = self.scheme.compare(version, &bound.version);
                Some(within && bound.operator.holds(order.or_else(|| bound.same_text(version))?))
            })
        };
        let answers = self.alternatives.iter().map(every);
        // One that holds is enough, whatever cannot be told of the others.
        let answers: Vec<Option<bool>> = answers.collect();
        if answers.contains(&Some(true)) {
            return Some(true);
        }
        (!answers.contains(&None)).then_some(false)
    }
}

impl Bound {
    /// What has no order may still be the very same.
    fn same_text(&self, version: &str) -> Option<Ordering> {
        (self.version == version).then_some(Ordering::Equal)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, bounds) in self.alternatives.iter().enumerate() {
            f.write_str(if index > 0 { " || " } else { "" })?;
            if bounds.is_empty() {
                f.write_str("*")?;
            }
            for (index, bound) in bounds.iter().enumerate() {
                let comma = if index > 0 { ", " } else { "" };
                write!(f, "{comma}{}{}", bound.operator.sign(), bound.version)?;
            }
        }
        Ok(())
    }
}

impl Operator {
    /// The longer signs first, since shorter ones begin them.
    const ALL: [Self; 6] = [Self::AtMost, Self::AtLeast, Self::Not, Self::Less, Self::Greater, Self::Equal];

    fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::Not => "!=",
            Self::AtLeast => ">=",
            Self::Greater => ">",
        }
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::Not => order.is_ne(),
            Self::AtLeast => order.is_ge(),
            Self::Greater => order.is_gt(),
        }
    }

    /// The operator that `text` begins with, and what follows it.
    fn split(text: &str) -> (Self, &str) {
        let found =
            Self::ALL.iter().find_map(|operator| Some((*operator, text.strip_prefix(operator.sign())?)));
        let (operator, rest) = found.unwrap_or((Self::Equal, text));
        // `==` is how some write `=`.
        (operator, if operator == Self::Equal { rest.trim_start_matches('=') } else { rest })
    }
}

/// The bounds of one alternative; none for `*`.
fn bounds(text: &str, scheme: Scheme) -> Result<Vec<Bound>, RangeError> {
    let mut bounds = Vec::new();
    if text.trim() == "*" {
        return Ok(bounds);
    }
    for group in text.split(',') {
        let mut rest = group.trim();
        if rest.is_empty() {
            return Err(RangeError::Empty { range: text.trim().to_owned() });
        }
        // A blank may stand between operator and version, and between bounds.
        while !rest.is_empty() {
            let (operator, after) = Operator::split(rest);
            let after = after.trim_start();
            let end = after.find(char::is_whitespace).unwrap_or(after.len());
            let (version, next) = after.split_at_checked(end).unwrap_or((after, ""));
            bounds.push(bound(operator, version, scheme, text)?);
            rest = next.trim_start();
        }
    }
    Ok(bounds)
}

fn bound(operator: Operator, version: &str, scheme: Scheme, range: &str) -> Result<Bound, RangeError> {
    if version.is_empty() {
        return Err(RangeError::Empty { range: range.trim().to_owned() });
    }
    // Of an ecosystem without rules of its own any version can be named, but nothing is before or after it.
    let named = scheme == Scheme::Numbers && matches!(operator, Operator::Equal | Operator::Not);
    let operator_of_others =
        version.starts_with(['^', '~']) || version.contains(['<', '>', '=', '!', '|', '*']);
    if operator_of_others || !named && !scheme.is_valid(version) {
        return Err(RangeError::Version { version: version.to_owned(), scheme });
    }
    Ok(Bound { operator, version: version.to_owned() })
}

/// `TYPE/BOUND|BOUND`. Source: the VERS specification, "Checking if a version is contained within a range".
fn parse_vers(text: &str, vers: &str, scheme: Scheme) -> Result<Range, RangeError> {
    let foreign = || RangeError::Ecosystem { range: text.to_owned() };
    let (kind, list) = vers.split_once('/').ok_or_else(foreign)?;
    let same = |kind: &str| Scheme::of(Some(kind)) == scheme;
    if !(same(kind) || kind == "alpine" && same("apk") || kind == "semver" && same("cargo")) {
        return Err(foreign());
    }
    if list.trim() == "*" {
        return Ok(Range { scheme, alternatives: vec![Vec::new()] });
    }
    let mut bounds = Vec::new();
    for part in list.split('|') {
        let (operator, version) = Operator::split(part.trim());
        bounds.push(bound(operator, version.trim(), scheme, text)?);
    }
    if bounds.len() > MAX_BOUNDS {
        return Err(RangeError::TooMany);
    }
    bounds.sort_by(|a, b| scheme.order(&a.version, &b.version));
    Ok(Range { scheme, alternatives: intervals(&bounds) })
}

/// Sorted bounds → the versions named one by one, and the intervals between the others; what is excluded by name
/// is excluded from each interval.
fn intervals(bounds: &[Bound]) -> Vec<Vec<Bound>> {
    let of = |wanted: &[Operator]| -> Vec<Bound> {
        bounds.iter().filter(|bound| wanted.contains(&bound.operator)).cloned().collect()
    };
    let excluded = of(&[Operator::Not]);
    let mut alternatives: Vec<Vec<Bound>> =
        of(&[Operator::Equal]).into_iter().map(|bound| vec![bound]).collect();
    let mut from: Option<Bound> = None;
    let limits = of(&[Operator::Less, Operator::AtMost, Operator::AtLeast, Operator::Greater]);
    let only_excluded = limits.is_empty() && alternatives.is_empty();
    for bound in limits {
        if matches!(bound.operator, Operator::AtLeast | Operator::Greater) {
            // Of two lower bounds in turn the lower one decides.
            from.get_or_insert(bound);
        } else {
            let mut interval: Vec<Bound> = from.take().into_iter().collect();
            interval.push(bound);
            interval.extend(excluded.iter().cloned());
            alternatives.push(interval);
        }
    }
    if let Some(from) = from {
        alternatives.push(std::iter::once(from).chain(excluded.iter().cloned()).collect());
    } else if only_excluded {
        alternatives.push(excluded);
    }
    alternatives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, range: &str, cases: &[(&str, Option<bool>)]) {
        let range = Range::parse(range, Scheme::of(Some(kind))).unwrap();
        for (version, expected) in cases {
            assert_eq!(range.contains(version), *expected, "{version} in {range}");
        }
    }

    const IN: Option<bool> = Some(true);
    const OUT: Option<bool> = Some(false);

    #[test]
    fn bounds_of_one_alternative_all_hold() {
        check("maven", "<2.17.1", &[("2.17.0", IN), ("2.17.1", OUT), ("2.17.1-rc1", IN), ("2.17.1.1", OUT)]);
        check(
            "cargo",
            ">=1.0.0 <2.0.0",
            &[("1.0.0", IN), ("2.0.0", OUT), ("2.0.0-rc.1", IN), ("0.9.9", OUT)],
        );
        check("deb", ">= 1:1.0-1, != 1:1.2-1,<=1:2-1", &[("1:1.2-1", OUT), ("1:1.1-1", IN), ("1.1", OUT)]);
        check("gem", ">1.0", &[("1.0", OUT), ("1.0.0", OUT), ("1.0.1.pre", IN), ("1.0.a", OUT)]);
        check("npm", "1.2.3", &[("1.2.3", IN), ("v1.2.3", IN), ("1.2.4", OUT)]);
        check("npm", "*", &[("1.2.3", IN), ("whatever", IN)]);
    }

    #[test]
    fn of_alternatives_one_holds() {
        let range = "<1.0 || >=2.0, <2.5 || ==9";
        check("pypi", range, &[("0.9", IN), ("1.0", OUT), ("2.4.post1", IN), ("2.5", OUT), ("9.0", IN)]);
    }

    #[test]
    fn what_has_no_order_is_undecided_and_never_outside() {
        check("cargo", "<1.0.0", &[("git-1234", None), ("", None)]);
        check("generic", "<1.0.0 || =git-1234", &[("git-1234", IN)]);
        check("generic", "=banana", &[("banana", IN), ("apple", None)]);
        check("generic", "!=banana", &[("banana", OUT)]);
        check("generic", "<2", &[("1.9", IN), ("1.9b", None)]);
    }

    #[test]
    fn a_range_that_nothing_could_be_compared_with_is_an_error() {
        for (kind, range) in [
            ("cargo", "<one"),
            ("cargo", ""),
            ("cargo", "<"),
            ("cargo", "<1,"),
            ("cargo", "<1 ||"),
            ("cargo", "^1.0"),
            ("cargo", "~>1.0"),
            ("npm", "1.x - 2.x"),
            ("npm", "<1.*"),
            ("generic", "<1.0b"),
            ("npm", "vers:pypi/<1"),
            ("npm", "vers:npm"),
        ] {
            let parsed = Range::parse(range, Scheme::of(Some(kind)));
            assert!(parsed.is_err(), "{kind} {range}: {parsed:?}");
        }
        let many = vec!["<1"; 2000].join(" || ");
        assert_eq!(Range::parse(&many, Scheme::Semantic), Err(RangeError::TooMany));
    }

    #[test]
    fn vers_ranges_are_the_intervals_between_their_bounds() {
        let range = "vers:npm/1.2.3|>=2.0.0|<5.0.0|!=3.0.0|>7";
        check(
            "npm",
            range,
            &[("1.2.3", IN), ("1.2.4", OUT), ("2.0.0", IN), ("3.0.0", OUT), ("5.0.0", OUT), ("8.0.0", IN)],
        );
        check("apk", "vers:alpine/<1.2.3-r4", &[("1.2.3-r3", IN), ("1.2.3-r4", OUT)]);
        check("npm", "vers:npm/*", &[("1.0.0", IN)]);
        check("npm", "vers:npm/!=1.0.0", &[("1.0.0", OUT), ("1.0.1", IN)]);
    }
}
