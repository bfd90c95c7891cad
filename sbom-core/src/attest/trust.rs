//! What is trusted: keys, identities, the roots of a Sigstore deployment.

use std::{collections::BTreeMap, fmt, sync::Arc};

use sigstore_trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT, TrustedRoot};
use sigstore_types::TimeRange;
use sigstore_verify::Verifier;

use super::{
    identity::{Claim, Pattern, SubjectPattern},
    key::PublicKey,
};
use crate::timestamp::Timestamp;

/// A signer whose statements are believed.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Whoever holds a key.
    Key(KeyTrust),
    /// Whoever a certificate authority says it is.
    Identity(IdentityTrust),
}

/// A trusted key.
#[derive(Debug, Clone)]
pub struct KeyTrust {
    /// The key.
    pub key: PublicKey,
    /// When its signatures count.
    pub window: Window,
    /// Logs and time stamp authorities whose evidence counts. Without them evidence that is there is not looked at, and
    /// the record of checks says so.
    pub root: Option<Arc<Root>>,
}

/// A trusted identity: all of this must hold.
#[derive(Debug, Clone)]
pub struct IdentityTrust {
    /// Who vouched for the identity, as in `https://token.actions.githubusercontent.com`.
    pub issuer: Pattern,
    /// The identity.
    pub subject: SubjectPattern,
    /// What else the certificate must say.
    pub claims: BTreeMap<Claim, Pattern>,
    /// When its signatures count.
    pub window: Window,
    /// Authorities and logs that are believed.
    pub root: Arc<Root>,
}

/// A span of time, both ends included; open where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// The first second.
    pub not_before: Option<Timestamp>,
    /// The last second.
    pub not_after: Option<Timestamp>,
}

impl Trust {
    /// A key at all times, without logs and time stamp authorities.
    pub fn key(key: PublicKey) -> Self {
        Self::Key(KeyTrust { key, window: Window::default(), root: None })
    }

    /// An identity at all times.
    pub fn identity(issuer: Pattern, subject: SubjectPattern, root: Arc<Root>) -> Self {
        let (claims, window) = (BTreeMap::new(), Window::default());
        Self::Identity(IdentityTrust { issuer, subject, claims, window, root })
    }

    /// When its signatures count.
    pub fn window(&self) -> Window {
        match self {
            Self::Key(trust) => trust.window,
            Self::Identity(trust) => trust.window,
        }
    }
}

impl Window {
    /// Whether `time` lies in it.
    pub fn contains(self, time: Timestamp) -> bool {
        self.not_before.is_none_or(|start| start <= time) && self.not_after.is_none_or(|end| time <= end)
    }

    /// Whether it is all of time.
    pub fn is_open(self) -> bool {
        self == Self::default()
    }
}

/// The authorities and logs of one Sigstore deployment, as `trusted_root.json` lists them.
pub struct Root {
    listed: TrustedRoot,
    verifier: Verifier,
    obtained: Option<Timestamp>,
}

/// A trusted root cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// It is longer than any.
    #[error("a trusted root of {0} bytes, and at most {ROOT_BYTES} are read")]
    Length(usize),
    /// It is not JSON of the right shape.
    #[error("not a trusted root: {0}")]
    Shape(String),
    /// Something that it lists is broken.
    #[error("the trusted root is broken: {0}")]
    Broken(#[from] sigstore_verify::Error),
}

/// What a service of a deployment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// Issues certificates.
    CertificateAuthority,
    /// Logs certificates.
    CertificateLog,
    /// Logs signatures.
    TransparencyLog,
    /// Stamps the time.
    TimestampAuthority,
}

/// What somebody should know about a trusted root that is still used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootWarning {
    /// It was obtained so long ago that keys may have been changed since.
    Old {
        /// When it was obtained.
        obtained: Timestamp,
        /// How many days ago.
        days: u64,
    },
    /// Everything it lists in this role has ended, so nothing new verifies.
    Ended(Role),
}

/// Bytes of a trusted root; Sigstore's has 10 000.
const ROOT_BYTES: usize = 4 << 20;

/// When the root that comes with this library was taken over, 2026-10-23.
const EMBEDDED: u64 = 1_792_713_600;

/// After how many days a root counts as old. Sigstore changes keys about once in half a year.
const OLD_DAYS: u64 = 180;

impl Root {
    /// Reads a `trusted_root.json`. `obtained` is when it was fetched, where that is known.
    pub fn from_json(json: &[u8], obtained: Option<Timestamp>) -> Result<Self, RootError> {
        if json.len() > ROOT_BYTES {
            return Err(RootError::Length(json.len()));
        }
        let text = std::str::from_utf8(json).map_err(|error| RootError::Shape(error.to_string()))?;
        let listed = TrustedRoot::from_json(text).map_err(|error| RootError::Shape(error.to_string()))?;
        let verifier = Verifier::new(&listed)?;
        Ok(Self { listed, verifier, obtained })
    }

    /// The root of Sigstore's public deployment, as it was when this library was made.
    pub fn embedded() -> Result<Self, RootError> {
        let obtained = Timestamp::from_unix(EMBEDDED).ok();
        Self::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes(), obtained)
    }

    /// The root of Sigstore's deployment for tests, as it was when this library was made.
    pub fn embedded_staging() -> Result<Self, RootError> {
        let obtained = Timestamp::from_unix(EMBEDDED).ok();
        Self::from_json(SIGSTORE_STAGING_TRUSTED_ROOT.as_bytes(), obtained)
    }

    /// What somebody should know about it at the time `now`.
    pub fn warnings(&self, now: Timestamp) -> Vec<RootWarning> {
        let days = |obtained: Timestamp| now.unix().saturating_sub(obtained.unix()) / 86_400;
        let old =
            self.obtained.map(|obtained| (obtained, days(obtained))).filter(|(_, days)| *days > OLD_DAYS);
        let mut warnings: Vec<_> =
            old.map(|(obtained, days)| RootWarning::Old { obtained, days }).into_iter().collect();
        let roles = [
            (
                Role::CertificateAuthority,
                self.listed.certificate_authorities.iter().map(|it| it.valid_for).collect(),
            ),
            (Role::CertificateLog, self.listed.ctlogs.iter().map(|it| it.public_key.valid_for).collect()),
            (Role::TransparencyLog, self.listed.tlogs.iter().map(|it| it.public_key.valid_for).collect()),
            (
                Role::TimestampAuthority,
                self.listed.timestamp_authorities.iter().map(|it| it.valid_for).collect(),
            ),
        ];
        for (role, windows) in roles {
            let windows: Vec<Option<TimeRange>> = windows;
            let ended = |window: &Option<TimeRange>| window.is_some_and(|range| has_ended(&range, now));
            if !windows.is_empty() && windows.iter().all(ended) {
                warnings.push(RootWarning::Ended(role));
            }
        }
        warnings
    }

    pub(super) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    pub(super) fn listed(&self) -> &TrustedRoot {
        &self.listed
    }
}

fn has_ended(range: &TimeRange, now: Timestamp) -> bool {
    let now = i64::try_from(now.unix()).unwrap_or(i64::MAX);
    range.end.is_some_and(|end| end.as_second() < now)
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root")
            .field("listed", &self.listed)
            .field("obtained", &self.obtained)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CertificateAuthority => "certificate authority",
            Self::CertificateLog => "log of certificates",
            Self::TransparencyLog => "transparency log",
            Self::TimestampAuthority => "time stamp authority",
        })
    }
}

impl fmt::Display for RootWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Old { obtained, days } => write!(
                f,
                "the trusted root is of {obtained}, {days} days old: keys may have been changed or withdrawn since"
            ),
            Self::Ended(role) => {
                write!(f, "every {role} of the trusted root has ended: nothing new can be verified")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_includes_its_ends() {
        let (start, end) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
        let window = Window { not_before: Some(start), not_after: Some(end) };
        assert!(window.contains(start) && window.contains(end));
        assert!(!window.contains(at("2026-01-02T00:00:01Z")) && !window.contains(at("2025-12-31T23:59:59Z")));
        assert!(Window::default().contains(start));
    }

    #[test]
    fn an_old_root_is_warned_of() {
        let root = Root::embedded().unwrap();
        assert_eq!(root.warnings(Timestamp::from_unix(EMBEDDED).unwrap()), []);
        let later = root.warnings(Timestamp::from_unix(EMBEDDED + (OLD_DAYS + 1) * 86_400).unwrap());
        assert!(matches!(later.as_slice(), [RootWarning::Old { days: 181, .. }]), "{later:?}");
    }

    #[test]
    fn a_root_whose_authorities_have_ended_is_warned_of() {
        let ended = SIGSTORE_PRODUCTION_TRUSTED_ROOT.replace(
            r#""start": "2025-07-04T00:00:00Z""#,
            r#""start": "2025-07-04T00:00:00Z", "end": "2025-08-01T00:00:00Z""#,
        );
        assert_ne!(ended, SIGSTORE_PRODUCTION_TRUSTED_ROOT);
        let root = Root::from_json(ended.as_bytes(), None).unwrap();
        let warnings = root.warnings(at("2026-01-01T00:00:00Z"));
        assert_eq!(warnings, [RootWarning::Ended(Role::TimestampAuthority)]);
    }

    #[test]
    fn a_root_that_cannot_be_used_is_refused() {
        for json in ["", "{}", "[]", r#"{"mediaType":"a","tlogs":[{}]}"#] {
            assert!(matches!(Root::from_json(json.as_bytes(), None), Err(RootError::Shape(_))), "{json}");
        }
        assert!(matches!(Root::from_json(&vec![b' '; ROOT_BYTES + 1], None), Err(RootError::Length(_))));
    }
}
