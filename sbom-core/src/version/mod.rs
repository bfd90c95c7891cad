//! Which of two versions is the later, by the rules of their ecosystem, and which lie within a range.
//!
//! apk's order is in `bom`, dpkg's in `detect`, beside what reads their databases; each other ecosystem has a file here,
//! which names the source of its rules. What does not follow the rules of its ecosystem has no order, and whoever
//! compares is told so.

use std::cmp::Ordering;

use crate::{bom, detect};

mod maven;
mod number;
mod python;
pub mod range;
mod rpm;
mod ruby;
mod semantic;
#[cfg(test)]
mod tests;

use self::{maven::Maven, number::numbers, python::Python, rpm::Rpm, ruby::Ruby, semantic::Semantic};

/// The rules by which versions are ordered.
///
/// ```
/// use sbom_core::version::Scheme;
/// assert!(Scheme::of(Some("deb")).compare("1:1.0-1", "2.0-1").unwrap().is_gt());
/// assert!(Scheme::of(Some("cargo")).compare("1.0.0-rc.1", "1.0.0").unwrap().is_lt());
/// assert!(Scheme::of(Some("pypi")).compare("1.0.post1", "1.0").unwrap().is_gt());
/// assert!(Scheme::of(None).compare("banana", "apple").is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Semantic versions, and those of Go itself: `1.21rc2`.
    Go,
    /// Python's.
    Python,
    /// Maven's.
    Maven,
    /// `RubyGems`'.
    Ruby,
    /// `NuGet`'s: semantic versions with up to four numbers, in which upper and lower case are the same.
    Nuget,
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
            Some("cargo" | "npm" | "hex" | "pub" | "swift") => Self::Semantic,
            Some("golang") => Self::Go,
            Some("pypi") => Self::Python,
            Some("maven") => Self::Maven,
            Some("gem") => Self::Ruby,
            Some("nuget") => Self::Nuget,
            _ => Self::Numbers,
        }
    }

    /// Compares two versions; none where one does not follow the rules.
    pub fn compare(self, a: &str, b: &str) -> Option<Ordering> {
        match self {
            Self::Alpine => bom::apk::version::compare(a, b),
            Self::Debian => (is_debian(a) && is_debian(b)).then(|| detect::dpkg::version::compare(a, b)),
            Self::Rpm => Some(Rpm::parse(a)?.cmp(&Rpm::parse(b)?)),
            Self::Semantic => Some(Semantic::parse(a)?.cmp(&Semantic::parse(b)?)),
            Self::Go => Some(Semantic::parse_go(a)?.cmp(&Semantic::parse_go(b)?)),
            Self::Python => Some(Python::parse(a)?.cmp(&Python::parse(b)?)),
            Self::Maven => Some(Maven::parse(a)?.cmp(&Maven::parse(b)?)),
            Self::Ruby => Some(Ruby::parse(a)?.cmp(&Ruby::parse(b)?)),
            Self::Nuget => {
                let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
                Some(Semantic::parse_nuget(&a)?.cmp(&Semantic::parse_nuget(&b)?))
            }
            Self::Numbers => Some(numbers(a)?.cmp(&numbers(b)?)),
        }
    }

    /// Whether `version` follows the rules.
    pub fn is_valid(self, version: &str) -> bool {
        self.compare(version, version).is_some()
    }

    /// A total order: versions that follow the rules after those that do not, the same in the order of their text.
    pub fn order(self, a: &str, b: &str) -> Ordering {
        let by_rules = self.compare(a, b).unwrap_or_else(|| self.is_valid(a).cmp(&self.is_valid(b)));
        by_rules.then_with(|| a.cmp(b))
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

/// dpkg orders any text; only what is spelt as a version is meant to be ordered. Source: deb-version(7).
fn is_debian(version: &str) -> bool {
    let of_version =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'~' | b':');
    let epoch_is_number = version.split_once(':').is_none_or(|(epoch, _)| number::all_digits(epoch));
    !version.is_empty() && version.bytes().all(of_version) && epoch_is_number
}
