//! What a summary of a verification (SLSA VSA) says of an image: that it passed, or that it did not.
//!
//! Source: SLSA 1.0, "Verification Summary Attestation".

use serde::Deserialize;

use crate::{
    attest::predicate::{Family, PredicateType},
    timestamp::Timestamp,
};

/// A summary of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Whether it says `PASSED`. One that cannot be read does not.
    pub passed: bool,
    /// When the verification was, by the word of whoever made the summary.
    pub time: Option<Timestamp>,
}

impl Summary {
    /// What a predicate of this type says; none if it is no summary.
    pub fn read(kind: &PredicateType, predicate: &[u8]) -> Option<Self> {
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct Predicate {
            // Before version 1 the names were others.
            #[serde(alias = "verification_result")]
            verification_result: String,
            #[serde(alias = "time_verified")]
            time_verified: String,
        }
        if kind.family() != Some(Family::VerificationSummary) {
            return None;
        }
        let predicate: Predicate = serde_json::from_slice(predicate).unwrap_or_default();
        let (passed, time) =
            (predicate.verification_result == "PASSED", predicate.time_verified.parse().ok());
        Some(Self { passed, time })
    }

    /// Whether it was made before `other`, by the word of the one who made both. What says no time may be the later.
    pub fn is_before(&self, other: &Self) -> bool {
        self.time.zip(other.time).is_some_and(|(own, other)| own < other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(predicate: &str) -> Summary {
        let kind = PredicateType::new(Family::VerificationSummary.uri());
        Summary::read(&kind, predicate.as_bytes()).unwrap()
    }

    #[test]
    fn only_what_says_passed_passed() {
        assert!(summary(r#"{"verificationResult":"PASSED"}"#).passed);
        for other in [
            r#"{"verificationResult":"FAILED"}"#,
            r#"{"verificationResult":"passed"}"#,
            r#"{"verificationResult":true}"#,
            "{}",
            "no JSON",
        ] {
            assert!(!summary(other).passed, "{other}");
        }
        assert_eq!(Summary::read(&PredicateType::new("https://spdx.dev/Document"), b"{}"), None);
    }

    #[test]
    fn what_says_no_time_is_before_nothing() {
        let at = |time: &str| summary(&format!(r#"{{"timeVerified":"{time}"}}"#));
        let (early, late) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
        assert!(early.is_before(&late) && !late.is_before(&early) && !early.is_before(&early));
        for other in [summary("{}"), at("yesterday")] {
            assert!(!other.is_before(&late) && !early.is_before(&other));
        }
    }
}
