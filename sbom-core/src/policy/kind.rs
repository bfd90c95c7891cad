//! Which statements a policy means by a type: all spellings that tools give the same kind of predicate.

use std::{fmt, str::FromStr};

/// A kind of predicate, whatever version of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PredicateKind {
    /// An SPDX document.
    Spdx,
    /// A CycloneDX document.
    CycloneDx,
    /// SLSA provenance of any version.
    Provenance,
    /// SLSA provenance 0.2.
    Provenance02,
    /// SLSA provenance 1.
    Provenance1,
    /// A scan for vulnerabilities: cosign's form or in-toto's.
    Vulnerabilities,
    /// An OpenVEX document.
    OpenVex,
    /// An in-toto link.
    Link,
    /// A SLSA verification summary.
    Summary,
    /// Exactly this type.
    Uri(String),
}

/// A text names no kind of predicate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no type of a predicate: expected a URI, or one of spdx, cyclonedx, slsaprovenance, slsaprovenance02, \
     slsaprovenance1, vuln, openvex, link, vsa"
)]
pub struct KindError(String);

/// The names of kinds; the first of each is what messages use.
const NAMES: &[(&str, PredicateKind)] = &[
    ("spdx", PredicateKind::Spdx),
    ("spdxjson", PredicateKind::Spdx),
    ("cyclonedx", PredicateKind::CycloneDx),
    ("slsaprovenance", PredicateKind::Provenance),
    ("slsaprovenance02", PredicateKind::Provenance02),
    ("slsaprovenance1", PredicateKind::Provenance1),
    ("vuln", PredicateKind::Vulnerabilities),
    ("vulns", PredicateKind::Vulnerabilities),
    ("openvex", PredicateKind::OpenVex),
    ("link", PredicateKind::Link),
    ("vsa", PredicateKind::Summary),
];

impl FromStr for PredicateKind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        if let Some((_, kind)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Ok(kind.clone());
        }
        let is_uri =
            text.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
        if is_uri { Ok(Self::Uri(text.to_owned())) } else { Err(KindError(text.chars().take(80).collect())) }
    }
}

impl PredicateKind {
    /// Whether a statement with the predicate type `uri` is of this kind. Old tools leave out `https://`.
    pub fn is_type(&self, uri: &str) -> bool {
        let bare = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://")).unwrap_or(uri);
        let bare = bare.trim_end_matches('/');
        let versioned = |base: &str| {
            bare.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with("/v"))
        };
        let version =
            |base: &str| bare.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        match self {
            Self::Spdx => versioned("spdx.dev/Document"),
            Self::CycloneDx => versioned("cyclonedx.org/bom") || bare == "cyclonedx.org/schema",
            Self::Provenance => bare.starts_with("slsa.dev/provenance/v"),
            Self::Provenance02 => bare == "slsa.dev/provenance/v0.2",
            Self::Provenance1 => version("slsa.dev/provenance/v1"),
            Self::Vulnerabilities => {
                version("cosign.sigstore.dev/attestation/vuln/v1")
                    || bare.starts_with("in-toto.io/attestation/vulns/v")
            }
            Self::OpenVex => versioned("openvex.dev/ns"),
            Self::Link => {
                bare.starts_with("in-toto.io/Link/v") || bare.starts_with("in-toto.io/attestation/link/v")
            }
            Self::Summary => bare.starts_with("slsa.dev/verification_summary/v"),
            Self::Uri(wanted) => wanted == uri,
        }
    }
}

impl PredicateKind {
    /// Whether it is a report of vulnerabilities.
    pub fn is_report(&self) -> bool {
        *self == Self::Vulnerabilities
    }
}

impl fmt::Display for PredicateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(uri) => f.write_str(uri),
            kind => f.write_str(NAMES.iter().find(|(_, named)| named == kind).map_or("", |(name, _)| name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_all_its_spellings_and_no_other() {
        for (name, yes, no) in [
            (
                "spdx",
                &["https://spdx.dev/Document", "https://spdx.dev/Document/v2.3", "spdx.dev/Document"][..],
                "https://spdx.dev/Documents",
            ),
            (
                "cyclonedx",
                &[
                    "https://cyclonedx.org/bom",
                    "https://cyclonedx.org/bom/v1.6",
                    "https://cyclonedx.org/schema",
                ],
                "https://cyclonedx.org.evil/bom",
            ),
            (
                "slsaprovenance1",
                &["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v1.1"],
                "https://slsa.dev/provenance/v10",
            ),
            (
                "slsaprovenance",
                &["https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1"],
                "https://slsa.dev/x",
            ),
            (
                "vuln",
                &[
                    "https://cosign.sigstore.dev/attestation/vuln/v1",
                    "https://in-toto.io/attestation/vulns/v0.1",
                ],
                "https://cosign.sigstore.dev/attestation/v1",
            ),
            (
                "openvex",
                &["https://openvex.dev/ns", "https://openvex.dev/ns/v0.2.0"],
                "https://openvex.dev/nsx",
            ),
            ("https://acme.example/x", &["https://acme.example/x"], "https://acme.example/x/"),
        ] {
            let kind: PredicateKind = name.parse().unwrap();
            assert!(yes.iter().all(|uri| kind.is_type(uri)), "{name}");
            assert!(!kind.is_type(no), "{name} {no}");
        }
        assert!("sbom".parse::<PredicateKind>().is_err());
    }
}
