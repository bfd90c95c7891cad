//! Why a check ended as it did: codes that do not change, and what to do about each.

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer};

/// A stable code in capitals.
///
/// Those of the gate are constants here. Codes of verification (`BAD_SIGNATURE`, `TLOG_…`) come with what was
/// refused, and are handed on as they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(Cow<'static, str>);

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident: $help:literal;)+) => {
        impl Reason {
            $($(#[doc = $doc])+ pub const $name: Self = Self(Cow::Borrowed(stringify!($name)));)+

            /// Every code of the gate, with what it says and what to do about it.
            pub const ALL: &[(Self, &'static str, &'static str)] = &[
                $((Self::$name, concat!($($doc),+), $help),)+
            ];
        }
    };
}

reasons! {
    /// Everything that was asked for is there.
    OK: "";
    /// No rule of the policy is for this image.
    NO_RULE: "add a rule for its repository, or deploy what the policy knows";
    /// The policy has expired.
    POLICY_EXPIRED: "have the policy reviewed and its date renewed";
    /// Nothing of the wanted type was signed by anyone.
    NO_ATTESTATION: "attest the image: sbomctl attest IMAGE";
    /// There are statements, of other types.
    WRONG_TYPE: "attest the image with the type that the rule asks for";
    /// There are statements of the wanted type, of others than the rule names.
    SIGNER_MISMATCH: "have one of the named signers attest the image";
    /// The signer was not to be trusted at that time, by its notBefore and notAfter.
    SIGNER_EXPIRED: "sign with a key or identity that the policy trusts today";
    /// The policy revokes the statement, its log entry, or its certificate.
    REVOKED: "attest the image again";
    /// Fewer distinct signers than the rule asks for.
    THRESHOLD: "have more of the named signers attest the image";
    /// The signers do not say the same.
    DISAGREE: "compare what the signers say: sbomctl diff";
    /// The bill of materials has a format that the rule does not accept.
    FORMAT: "attest a bill of materials in one of the formats that the rule names";
    /// What was signed cannot be read.
    UNREADABLE: "attest the image again, with a predicate of the type that it is called";
    /// It is older than the rule allows.
    STALE: "scan and attest the image again";
    /// Nothing proves when it was signed.
    TIME_UNVERIFIED: "sign with a time stamp or a transparency log, or set `time: claimed` in the rule";
    /// It is signed at a time to come.
    TIME_FUTURE: "check the clocks of the signer and of this machine";
    /// A platform of the image lacks what the rule asks for.
    PLATFORM_MISSING: "attest every platform: sbomctl attest does so for an index";
    /// The image has no platform that could be run, or a part of it names none.
    NO_PLATFORM: "check that the name is that of an image, and that each entry of an index names its platform";
    /// The bill of materials lacks minimum elements.
    ELEMENTS_MISSING: "see what is missing: sbomctl score";
    /// The bill of materials is not about what is in the image.
    DRIFT: "scan and attest exactly the image that is deployed";
    /// Whether the bill of materials is about what is in the image is not known.
    DRIFT_UNKNOWN: "let the image be scanned: sbomctl verify --matches rescan";
    /// The condition of the rule is not met.
    CONDITION_FALSE: "see the condition in the policy, and the predicate: sbomctl attest download";
    /// The condition of the rule cannot be computed.
    CONDITION_ERROR: "see the condition in the policy, and the predicate: sbomctl attest download";
    /// A package that the policy forbids.
    PACKAGE_DENIED: "upgrade or remove the package, or except it in the policy until a date";
    /// A package that may be forbidden, by a version that cannot be compared or a missing package URL.
    PACKAGE_UNKNOWN: "see the package and its version: sbomctl query";
    /// A licence that the policy forbids.
    LICENSE_DENIED: "replace the package, or except the licence in the policy until a date";
    /// A licence that cannot be read.
    LICENSE_UNKNOWN: "see the licence of the package: sbomctl query";
    /// A vulnerability that the policy does not accept.
    VULN: "upgrade the package, or have a VEX statement attested that says why it is not affected";
    /// The report of vulnerabilities lacks what the rule needs.
    VULN_UNKNOWN: "attest a report that states severity, fix and date, as trivy --format cosign-vuln writes";
    /// The image is built on another than the rule allows.
    BASE_DENIED: "build on an allowed image";
    /// The image does not say what it is built on.
    BASE_UNKNOWN: "set org.opencontainers.image.base.name and .digest in the build";
    /// The image that it is built on is older than the rule allows.
    BASE_STALE: "build on a newer image";
    /// A bound was met before everything was read.
    LIMIT: "raise the bound that the message names, if the registry is to be trusted";
    /// Whether the statement was withdrawn is not known.
    WITHDRAWAL_UNKNOWN: "raise the bound that the message names, or try again";
    /// The image could not be looked at: the registry did not answer.
    REGISTRY: "try again";
    /// Something that lies beside the image could not be had, so that there may be more than was found.
    UNREACHABLE: "try again";
    /// What is trusted cannot be established.
    TRUST_ROOT: "check the trusted root and the keys that the policy names";
}

impl Reason {
    /// A code of verification. Anything but capitals, digits and `_` is replaced, for it ends in file names and lines.
    pub fn of(code: &str) -> Self {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        Self(Cow::Owned(code.chars().take(64).map(letter).collect()))
    }

    /// The code.
    pub fn code(&self) -> &str {
        &self.0
    }

    /// What to do about it; empty for codes of verification and where nothing is to be done.
    pub fn help(&self) -> &'static str {
        Self::ALL.iter().find(|(reason, _, _)| reason == self).map_or("", |(_, _, help)| help)
    }

    /// What it says in general; of codes of verification nothing more than that it was refused.
    pub fn title(&self) -> &'static str {
        let known = Self::ALL.iter().find(|(reason, _, _)| reason == self);
        known.map_or("What was found was refused by verification.", |(_, title, _)| title.trim_ascii())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
