//! What was checked of an attestation, what was not and why, and why it was refused.

use std::fmt;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked, as in `log-inclusion`; stable.
    pub name: &'static str,
    /// How it went. A check that fails ends the verification, so there is no outcome for that.
    pub outcome: Outcome,
}

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It was not made.
    NotRun {
        /// Why.
        why: String,
    },
}

/// An attestation does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Refusal {
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people.
    pub message: String,
    /// What held before.
    pub checks: Vec<Check>,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal;)+) => {
        /// Why an attestation does not count. The codes are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code, as in `BAD_SIGNATURE`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
        }
    };
}

reasons! {
    /// There is nothing that could count.
    NoAttestation = "NO_ATTESTATION";
    /// It is not an envelope or bundle, or not one that everybody reads alike.
    Malformed = "MALFORMED";
    /// It asks for more than a bound allows.
    Limit = "LIMIT";
    /// It is well-formed, and of a kind that cannot be verified.
    Unsupported = "UNSUPPORTED";
    /// What was signed is not an in-toto statement.
    PayloadType = "PAYLOAD_TYPE";
    /// The signature is not one over these bytes.
    BadSignature = "BAD_SIGNATURE";
    /// Somebody signed it, but nobody who is trusted.
    SignerMismatch = "SIGNER_MISMATCH";
    /// What was signed is not a statement, or not one that everybody reads alike.
    BadStatement = "BAD_STATEMENT";
    /// It is about something else.
    SubjectMismatch = "SUBJECT_MISMATCH";
    /// It says something of another kind.
    WrongType = "WRONG_TYPE";
    /// The certificate is not one of a trusted authority, or not for signing.
    Certificate = "CERTIFICATE";
    /// No log of certificates vouches for the certificate.
    Sct = "SCT";
    /// No transparency log has it, and one must.
    TlogMissing = "TLOG_MISSING";
    /// The log is not a trusted one, or was not at that time.
    TlogUnknown = "TLOG_UNKNOWN";
    /// The log's proof or promise does not hold.
    TlogInvalid = "TLOG_INVALID";
    /// The log's entry is about another signature.
    TlogMismatch = "TLOG_MISMATCH";
    /// The same evidence is there twice.
    Duplicate = "DUPLICATE_EVIDENCE";
    /// Nobody trusted says when it was signed, and somebody must.
    TimeMissing = "TIME_MISSING";
    /// A time stamp does not hold.
    TimeInvalid = "TIME_INVALID";
    /// It was signed at a time at which the signer does not count.
    TimeOutside = "TIME_OUTSIDE";
    /// It was withdrawn.
    Revoked = "REVOKED";
    /// It is the summary of a verification that said no.
    FailedSummary = "FAILED_SUMMARY";
    /// The trusted root cannot be used.
    TrustRoot = "TRUST_ROOT";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a step failed, before the record of the steps before it is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(reason: Reason, message: impl fmt::Display) -> Self {
        Self { reason, message: message.to_string() }
    }
}

/// The checks so far, in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub(super) struct Record(Vec<Check>);

impl Record {
    pub(super) fn passed(&mut self, name: &'static str) {
        self.0.push(Check { name, outcome: Outcome::Passed });
    }

    pub(super) fn not_run(&mut self, name: &'static str, why: impl Into<String>) {
        self.0.push(Check { name, outcome: Outcome::NotRun { why: why.into() } });
    }

    pub(super) fn extend(&mut self, steps: Self) {
        self.0.extend(steps.0);
    }

    pub(super) fn refuse(self, failure: Failure) -> Refusal {
        Refusal { reason: failure.reason, message: failure.message, checks: self.0 }
    }

    pub(super) fn into_checks(self) -> Vec<Check> {
        self.0
    }
}
