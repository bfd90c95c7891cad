//! Packages that a policy forbids: a package URL in which `*` stands for anything, with a range of versions.

use std::{fmt, str::FromStr};

use crate::{
    document::model::Component,
    purl::{Purl, PurlError},
    query::Glob,
    version::{
        Scheme,
        range::{Range, RangeError},
    },
};

/// `pkg:TYPE/NAMESPACE/NAME@RANGE?QUALIFIER=VALUE`, of which range and qualifiers may be left out.
///
/// A namespace that is left out means none, except for packages of operating systems, where it names the
/// distribution and means any. Without a range every version is meant.
///
/// ```
/// use sbom_core::policy::package::PackagePattern;
/// let pattern: PackagePattern = "pkg:maven/org.apache.logging.log4j/log4j-core@<2.17.1".parse()?;
/// assert_eq!(pattern.matches(&"pkg:maven/org.apache.logging.log4j/log4j-core@2.14.0".parse().unwrap()), Some(true));
/// # Ok::<(), sbom_core::policy::package::PackagePatternError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagePattern {
    text: String,
    kind: String,
    /// None for any.
    namespace: Option<Glob>,
    name: Glob,
    /// None for every version, even one that is not known.
    range: Option<Range>,
    qualifiers: Vec<(String, Glob)>,
}

/// A text is no pattern of packages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackagePatternError {
    /// It is no package URL but for its range.
    #[error(transparent)]
    Purl(#[from] PurlError),
    /// Its range is none.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A type with a `*`, whose versions have no one order.
    #[error("the type of a package must be named: versions are ordered by the rules of their ecosystem")]
    Kind,
}

impl FromStr for PackagePattern {
    type Err = PackagePatternError;

    fn from_str(text: &str) -> Result<Self, PackagePatternError> {
        let rest = text.strip_prefix("pkg:").ok_or(PurlError::Scheme)?;
        let (rest, qualifiers) = rest.split_once('?').map_or((rest, None), |(rest, q)| (rest, Some(q)));
        let (path, range) = split_range(rest);
        let kind = path.split('/').next().unwrap_or_default();
        if kind.contains('*') {
            return Err(PackagePatternError::Kind);
        }
        // What is left is a package URL; `*` is none of its letters that mean anything.
        let query = qualifiers.map(|query| format!("?{query}")).unwrap_or_default();
        let purl: Purl = format!("pkg:{}{query}", path.replace('@', "%40")).parse()?;
        let range = match range.map(str::trim) {
            None | Some("*") => None,
            Some(range) => Some(Range::parse(range, Scheme::of(Some(purl.kind())))?),
        };
        let namespace = purl.namespace_segments().join("/");
        let of_system = matches!(purl.kind(), "deb" | "rpm" | "apk" | "alpm");
        Ok(Self {
            text: text.to_owned(),
            kind: purl.kind().to_owned(),
            namespace: (!namespace.is_empty() || !of_system).then(|| Glob::path(&namespace)),
            name: Glob::path(purl.name()),
            range,
            qualifiers: purl.qualifiers().map(|(key, value)| (key.to_owned(), Glob::path(value))).collect(),
        })
    }
}

/// The range behind the first `@` that does not begin a segment.
fn split_range(rest: &str) -> (&str, Option<&str>) {
    for (at, _) in rest.match_indices('@') {
        let (before, after) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
        if !before.ends_with('/') {
            return (before, Some(after));
        }
    }
    (rest, None)
}

impl PackagePattern {
    /// Whether it means the package `purl`; none if its version cannot be compared with the range.
    pub fn matches(&self, purl: &Purl) -> Option<bool> {
        let same = self.kind == purl.kind()
            && self.name.matches(purl.name())
            && self.namespace.as_ref().is_none_or(|glob| glob.matches(&purl.namespace_segments().join("/")))
            && self
                .qualifiers
                .iter()
                .all(|(key, glob)| purl.get_qualifier(key).is_some_and(|value| glob.matches(value)));
        match (&self.range, same) {
            (_, false) => Some(false),
            (None, true) => Some(true),
            (Some(range), true) => range.contains(purl.get_version()?),
        }
    }

    /// Whether it may mean a component that has no package URL: one of the same name.
    pub fn may_mean(&self, component: &Component) -> bool {
        let bare = component.name.rsplit(['/', ':']).next().unwrap_or_default();
        self.name.matches(&component.name) || self.name.matches(bare)
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for PackagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, purl: &str, expected: Option<bool>) {
        let pattern: PackagePattern = pattern.parse().unwrap();
        assert_eq!(pattern.matches(&purl.parse().unwrap()), expected, "{pattern} {purl}");
    }

    #[test]
    fn a_package_is_named_by_type_namespace_name_and_range() {
        check("pkg:npm/lodash@<4.17.21", "pkg:npm/lodash@4.17.20", Some(true));
        check("pkg:npm/lodash@<4.17.21", "pkg:npm/lodash@4.17.21", Some(false));
        check("pkg:npm/core@<9", "pkg:npm/%40babel/core@7.0.0", Some(false));
        check("pkg:npm/@babel/core@<9", "pkg:npm/%40babel/core@7.0.0", Some(true));
        check("pkg:npm/%40babel/*", "pkg:npm/%40babel/core@7.0.0", Some(true));
        check("pkg:deb/openssl@<3.0.11-1", "pkg:deb/debian/openssl@3.0.9-1?arch=amd64", Some(true));
        check("pkg:deb/ubuntu/openssl", "pkg:deb/debian/openssl@3.0.9-1", Some(false));
        check("pkg:deb/openssl?arch=arm64", "pkg:deb/debian/openssl@3.0.9-1?arch=amd64", Some(false));
        check("pkg:golang/github.com/a/*@>=v1.0.0, <v1.2.0", "pkg:golang/github.com/a/b@v1.1.0", Some(true));
        check("pkg:golang/github.com/**", "pkg:golang/github.com/a/b@v1.1.0", Some(false));
        check("pkg:golang/github.com/**/*", "pkg:golang/github.com/a/b@v1.1.0", Some(true));
        check("pkg:npm/foo@vers:npm/>=1.0.0|<2.0.0", "pkg:npm/foo@1.5.0", Some(true));
        check("pkg:npm/foo@*", "pkg:npm/foo", Some(true));
    }

    #[test]
    fn a_version_that_cannot_be_compared_is_undecided() {
        check("pkg:npm/foo@<2", "pkg:npm/foo", None);
        check("pkg:npm/foo@<2", "pkg:npm/foo@master", None);
        check("pkg:npm/foo@<2", "pkg:npm/bar@master", Some(false));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in
            ["lodash@<4", "pkg:npm", "pkg:npm/", "pkg:*/x@<1", "pkg:npm/x@<one", "pkg:npm/x@", "pkg:npm/x?a"]
        {
            assert!(text.parse::<PackagePattern>().is_err(), "{text}");
        }
    }
}
