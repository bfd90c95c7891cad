//! Types of predicates, and the names that tools give them.

use std::{fmt, str::FromStr};

/// What kind of thing a statement says: a URI.
///
/// Many of these URIs are one kind in several versions and spellings. Types of the same [`Family`] match one another.
///
/// ```
/// use sbom_core::attest::predicate::PredicateType;
/// let wanted: PredicateType = "spdxjson".parse()?;
/// assert_eq!(wanted.uri(), "https://spdx.dev/Document");
/// assert!(wanted.matches(&PredicateType::new("https://spdx.dev/Document/v2.3")));
/// assert!(!wanted.matches(&PredicateType::new("https://spdx.dev/Documents")));
/// # Ok::<(), sbom_core::attest::predicate::UnknownPredicate>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PredicateType(Box<str>);

/// Types that mean the same kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// An SPDX document of any version.
    Spdx,
    /// A CycloneDX document of any version.
    CycloneDx,
    /// SLSA provenance before version 1.
    SlsaProvenance02,
    /// SLSA provenance since version 1, which is another format.
    SlsaProvenance1,
    /// A scan for vulnerabilities.
    Vulnerabilities,
    /// An `OpenVEX` document.
    OpenVex,
    /// An in-toto link.
    Link,
    /// What cosign calls custom: anything, wrapped.
    Custom,
    /// A summary of a verification.
    VerificationSummary,
}

/// A name that is neither that of a known type nor a URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no type of predicate: expected a URI, or one of {names}", names = NAMES.map(|(name, _)| name).join(", "))]
pub struct UnknownPredicate(pub String);

/// Names as cosign has them, and one of our own.
const NAMES: [(&str, Family); 12] = [
    ("spdxjson", Family::Spdx),
    ("spdx", Family::Spdx),
    ("cyclonedx", Family::CycloneDx),
    ("slsaprovenance", Family::SlsaProvenance02),
    ("slsaprovenance02", Family::SlsaProvenance02),
    ("slsaprovenance1", Family::SlsaProvenance1),
    ("vuln", Family::Vulnerabilities),
    ("openvex", Family::OpenVex),
    ("link", Family::Link),
    ("custom", Family::Custom),
    ("vsa", Family::VerificationSummary),
    ("verificationsummary", Family::VerificationSummary),
];

impl Family {
    /// The URI that is written. Those without a version are the ones that other tools look for.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Spdx => "https://spdx.dev/Document",
            Self::CycloneDx => "https://cyclonedx.org/bom",
            Self::SlsaProvenance02 => "https://slsa.dev/provenance/v0.2",
            Self::SlsaProvenance1 => "https://slsa.dev/provenance/v1",
            Self::Vulnerabilities => "https://cosign.sigstore.dev/attestation/vuln/v1",
            Self::OpenVex => "https://openvex.dev/ns",
            Self::Link => "https://in-toto.io/Link/v1",
            Self::Custom => "https://cosign.sigstore.dev/attestation/v1",
            Self::VerificationSummary => "https://slsa.dev/verification_summary/v1",
        }
    }
}

impl PredicateType {
    /// The type with this URI, whatever it is.
    pub fn new(uri: impl Into<Box<str>>) -> Self {
        Self(uri.into())
    }

    /// The URI, as it was given.
    pub fn uri(&self) -> &str {
        &self.0
    }

    /// The family that it belongs to, if it is known.
    pub fn family(&self) -> Option<Family> {
        family(plain(&self.0))
    }

    /// Whether `other` is the same kind of thing: of the same family, or else the same URI.
    pub fn matches(&self, other: &Self) -> bool {
        match (self.family(), other.family()) {
            (None, None) => plain(&self.0) == plain(&other.0),
            (ours, theirs) => ours == theirs,
        }
    }
}

impl From<Family> for PredicateType {
    fn from(family: Family) -> Self {
        Self(family.uri().into())
    }
}

impl fmt::Display for PredicateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PredicateType {
    type Err = UnknownPredicate;

    fn from_str(text: &str) -> Result<Self, UnknownPredicate> {
        if let Some((_, family)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Ok((*family).into());
        }
        let is_uri = text.contains("://") && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if is_uri { Ok(Self(text.into())) } else { Err(UnknownPredicate(text.chars().take(160).collect())) }
    }
}

/// Types of the first years were written without their scheme.
fn plain(uri: &str) -> &str {
    uri.strip_prefix("https://").unwrap_or(uri)
}

fn family(uri: &str) -> Option<Family> {
    Some(match uri {
        "slsa.dev/provenance/v0.2" => Family::SlsaProvenance02,
        "cosign.sigstore.dev/attestation/v1" => Family::Custom,
        "cosign.sigstore.dev/attestation/vuln/v1" => Family::Vulnerabilities,
        _ if versioned(uri, "spdx.dev/Document") => Family::Spdx,
        _ if versioned(uri, "cyclonedx.org/bom") || versioned(uri, "cyclonedx.org/schema") => {
            Family::CycloneDx
        }
        "slsa.dev/provenance/v1" => Family::SlsaProvenance1,
        _ if uri.starts_with("slsa.dev/provenance/v1.") && versioned(uri, "slsa.dev/provenance") => {
            Family::SlsaProvenance1
        }
        _ if versioned(uri, "in-toto.io/attestation/vulns") => Family::Vulnerabilities,
        _ if versioned(uri, "openvex.dev/ns") => Family::OpenVex,
        _ if versioned(uri, "in-toto.io/Link") => Family::Link,
        _ if versioned(uri, "slsa.dev/verification_summary") => Family::VerificationSummary,
        _ => return None,
    })
}

/// Whether `uri` is `base`, or `base` and a version, as in `/v2.3`.
fn versioned(uri: &str, base: &str) -> bool {
    let Some(rest) = uri.strip_prefix(base) else { return false };
    rest.is_empty()
        || rest.strip_prefix("/v").is_some_and(|version| {
            version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &'static str, expected: Option<Family>) {
        assert_eq!(PredicateType::new(uri).family(), expected, "{uri}");
    }

    #[test]
    fn versions_and_historic_spellings_are_of_one_family() {
        for uri in
            ["https://spdx.dev/Document", "https://spdx.dev/Document/v2.3", "https://spdx.dev/Document/v3"]
        {
            check(uri, Some(Family::Spdx));
        }
        for uri in ["https://cyclonedx.org/bom", "https://cyclonedx.org/bom/v1.6", "cyclonedx.org/schema"] {
            check(uri, Some(Family::CycloneDx));
        }
        check("cosign.sigstore.dev/attestation/v1", Some(Family::Custom));
        check("cosign.sigstore.dev/attestation/vuln/v1", Some(Family::Vulnerabilities));
        check("https://in-toto.io/attestation/vulns/v0.2", Some(Family::Vulnerabilities));
        check("https://openvex.dev/ns/v0.2.0", Some(Family::OpenVex));
        check("https://slsa.dev/provenance/v0.2", Some(Family::SlsaProvenance02));
        check("https://slsa.dev/provenance/v1", Some(Family::SlsaProvenance1));
        check("https://slsa.dev/provenance/v1.1", Some(Family::SlsaProvenance1));
    }

    #[test]
    fn what_only_looks_like_a_known_type_is_none() {
        for uri in [
            "https://spdx.dev/Documents",
            "https://spdx.dev/Document/",
            "https://spdx.dev/Document/v",
            "https://spdx.dev/Document/v2.3/evil",
            "http://spdx.dev/Document",
            "https://evil.example/https://spdx.dev/Document",
            "https://slsa.dev/provenance/v0.1",
            "https://slsa.dev/provenance/v10",
            "https://slsa.dev/provenance",
        ] {
            check(uri, None);
        }
    }

    #[test]
    fn every_family_is_known_by_what_is_written_for_it() {
        for (name, family) in NAMES {
            let named: PredicateType = name.parse().unwrap();
            assert_eq!(named.uri(), family.uri());
            assert_eq!(named.family(), Some(family), "{name}");
        }
    }

    #[test]
    fn the_two_formats_of_provenance_do_not_match() {
        let old: PredicateType = "slsaprovenance".parse().unwrap();
        assert!(!old.matches(&"slsaprovenance1".parse().unwrap()));
        assert!(old.matches(&"slsaprovenance02".parse().unwrap()));
    }

    #[test]
    fn other_types_match_by_their_uri_alone() {
        let own: PredicateType = "https://example.org/a/v1".parse().unwrap();
        assert!(own.matches(&PredicateType::new("example.org/a/v1")));
        assert!(!own.matches(&PredicateType::new("https://example.org/a/v1.1")));
        assert!(!own.matches(&PredicateType::new("https://spdx.dev/Document")));
        assert!("spdx-json".parse::<PredicateType>().is_err());
        assert!("https://a b".parse::<PredicateType>().is_err());
    }
}
